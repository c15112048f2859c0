"""Sparse and ragged tensors as their components; sets."""

import numpy as np
import tensorflow as tf

from .operators import GraphCase, K, free, normal, one, sweep, text, whole

I = np.array([[0, 1], [0, 3], [2, 0], [2, 2]], np.int64)
V = normal(4)
S = np.array([3, 4], np.int64)
J = np.array([[0, 0], [0, 1], [1, 2], [2, 2]], np.int64)


def sparse():
    yield from sweep("SparseToDense", sparse_indices=I, output_shape=K([3, 4], np.int64), sparse_values=V * 3, default_value=K(-1.0))
    yield from one("SparseToDense", "vector", sparse_indices=np.array([1, 3], np.int32), output_shape=K([5]), sparse_values=normal(2), default_value=K(0.0))
    yield from one("SparseToDense", "one", sparse_indices=np.array([1, 3], np.int32), output_shape=K([5]), sparse_values=np.float32(2), default_value=K(0.0))
    yield from one("SparseToDense", "scalar", sparse_indices=np.int32(1), output_shape=K([5]), sparse_values=np.float32(2), default_value=K(0.0))
    yield from one("SparseToDense", "empty", sparse_indices=np.zeros((0, 2), np.int64), output_shape=K([2, 2], np.int64), sparse_values=np.zeros(0, np.float32), default_value=K(5.0))
    yield from one("SparseToDense", "text", sparse_indices=I, output_shape=S, sparse_values=text("a", "b", "c", "d"), default_value=K(np.array("", object), object))
    a = {"a_indices": I, "a_values": V, "a_shape": S}
    b = {"b_indices": J, "b_values": normal(4), "b_shape": S}
    yield from sweep("SparseAdd", thresh=K(0.0), **a, **b) if False else one("SparseAdd", thresh=K(0.0), **a, **b)
    yield from one("SparseAdd", "threshold", thresh=K(0.5), **a, **b)
    yield from one("SparseSparseMaximum", **a, **b)
    yield from one("SparseSparseMinimum", **a, **b)
    yield from sweep("SparseTensorDenseAdd", b=normal(3, 4), **a)
    for aa in (False, True):
        for ab in (False, True):
            yield from one("SparseTensorDenseMatMul", a_indices=I, a_values=V, a_shape=K(S, np.int64), b=normal(*((2, 3 if aa else 4) if ab else (3 if aa else 4, 2))), adjoint_a=aa, adjoint_b=ab)
    yield from sweep("SparseTensorDenseMatMul", b=normal(4, 2), **a)
    yield from sweep("SparseReorder", input_indices=I[::-1].copy(), input_values=V * 3, input_shape=S)
    for shape in ([4, 3], [-1, 2], [12]):
        yield from one("SparseReshape", input_indices=I, input_shape=S, new_shape=K(shape, np.int64))
    for op in ("SparseReduceSum", "SparseReduceMax"):
        for axes in ([0], [1], [-1], [0, 1]):
            for keep in (False, True):
                yield from one(op, input_indices=I, input_values=V, input_shape=S, reduction_axes=K(axes), keep_dims=keep)
        yield from one(f"{op}Sparse", input_indices=I, input_values=V, input_shape=S, reduction_axes=K([1]))
    yield from one("SparseSoftmax", sp_indices=I, sp_values=V, sp_shape=S)
    for op in ("SparseDenseCwiseMul", "SparseDenseCwiseDiv", "SparseDenseCwiseAdd"):
        yield from sweep(op, sp_indices=I, sp_values=V, sp_shape=S, dense=normal(3, 4) + 3)
        yield from one(op, "broadcast", sp_indices=I, sp_values=V, sp_shape=S, dense=normal(4) + 3)
    for axis in (0, 1, -1):
        yield from one("SparseConcat", indices=[I, J], values=[V, normal(4)], shapes=[S, S], concat_dim=axis)
        yield from one("SparseSplit", split_dim=K(axis % 2, np.int64), indices=I, values=V, shape=S, num_split=2)
    yield from one("SparseSlice", indices=I, values=V, shape=S, start=K([0, 1], np.int64), size=K([3, 2], np.int64))
    yield from sweep("SparseFillEmptyRows", indices=I, values=V * 3, dense_shape=S, default_value=np.float32(2))
    yield from one("SparseFillEmptyRows", "text", indices=I, values=text("a", "b", "c", "d"), dense_shape=S, default_value=np.array("none", object))
    yield from one("SparseFillEmptyRows", "all", indices=np.zeros((0, 2), np.int64), values=np.zeros(0, np.float32), dense_shape=S, default_value=np.float32(2))
    counted = {"indices": I, "values": np.array([1, 2, 2, 0], np.int64), "dense_shape": S}
    for weights in (np.zeros(0, np.float32), normal(4)):
        yield from one("SparseBincount", f"{weights.size}", size=K(4, np.int64), weights=weights, **counted)
        yield from one("SparseCountSparseOutput", f"{weights.size}", weights=weights, binary_output=False, minlength=2, maxlength=4, **counted)
    yield from one("SparseBincount", "binary", size=K(4, np.int64), weights=np.zeros(0, np.float32), binary_output=True, **counted)
    words = text("a", "b", "c", "d")
    for hashed, buckets in ((True, 0), (True, 100), (False, 0)):
        yield from one("SparseCross", f"{hashed}.{buckets}", indices=[I[:2], J[:3]], values=[words[:2], words[:3]], shapes=[S, S], dense_inputs=[], hashed_output=hashed, num_buckets=buckets, hash_key=956888297470, out_type=tf.int64 if hashed else tf.string, internal_type=tf.string)
    yield from one("SparseCross", "numbers", indices=[I[:2]], values=[np.array([5, 6])], shapes=[S], dense_inputs=[whole(3, 2, dtype=np.int64)], hashed_output=True, num_buckets=50, hash_key=956888297470, out_type=tf.int64, internal_type=tf.int64)
    yield from one("SparseCrossV2", indices=[I[:2], J[:3]], values=[words[:2], words[:3]], shapes=[S, S], dense_inputs=[], sep=K(np.array("_X_", object), object))
    yield from one("SparseCrossHashed", indices=[I[:2], J[:3]], values=[words[:2], words[:3]], shapes=[S, S], dense_inputs=[], num_buckets=K(100, np.int64), strong_hash=K(False), salt=K([1, 2], np.int64))
    for operation in ("a-b", "b-a", "intersection", "union"):
        yield from one("DenseToDenseSetOperation", operation, set1=whole(2, 4, low=0, high=6), set2=whole(2, 3, low=0, high=6), set_operation=operation)
        yield from one("SparseToSparseSetOperation", operation, set1_indices=I, set1_values=np.array([1, 2, 3, 4], np.int32), set1_shape=S, set2_indices=J, set2_values=np.array([1, 5, 6, 4], np.int32), set2_shape=S, set_operation=operation)
        yield from one("DenseToSparseSetOperation", operation, set1=whole(3, 4, low=0, high=6), set2_indices=J, set2_values=np.array([1, 5, 6, 4], np.int32), set2_shape=S, set_operation=operation)
        yield from one("DenseToDenseSetOperation", f"{operation}.text", set1=text(*"cabaa b".split(" "))[None], set2=text("a", "b", "abc")[None], set_operation=operation)
        yield from one("DenseToDenseSetOperation", f"{operation}.deep", set1=whole(2, 3, 2, low=0, high=3, dtype=np.int64), set2=whole(2, 3, 4, low=0, high=3, dtype=np.int64), set_operation=operation)
    yield from one("SetSize", "deep", set_indices=np.array([[0, 0, 0], [0, 0, 1], [1, 1, 0]], np.int64), set_values=text("a", "a", "b"), set_shape=np.array([2, 2, 3], np.int64))
    yield from one("SetSize", set_indices=I, set_values=np.array([1, 2, 3, 4], np.int32), set_shape=S)
    for kind in (np.int64, np.float32):
        for normalize in (True, False):
            yield from one("EditDistance", f"{kind.__name__}.{normalize}", hypothesis_indices=np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 1, 0], [1, 1, 2]], np.int64), hypothesis_values=np.array([1, 2, 3, 4, 5], kind), hypothesis_shape=np.array([2, 2, 3], np.int64), truth_indices=np.array([[0, 0, 0], [0, 0, 2], [1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 2]], np.int64), truth_values=np.array([2, 4, 3, 4, 9, 5], kind), truth_shape=np.array([2, 2, 3], np.int64), normalize=normalize)
    yield from one("EditDistance", hypothesis_indices=np.array([[0, 0], [0, 1], [1, 0]], np.int64), hypothesis_values=np.array([1, 2, 3]), hypothesis_shape=np.array([2, 2], np.int64), truth_indices=np.array([[0, 0], [1, 0], [1, 1]], np.int64), truth_values=np.array([1, 4, 3]), truth_shape=np.array([2, 2], np.int64))


def ragged():
    values, splits = normal(6), np.array([0, 2, 2, 5, 6], np.int64)
    for starts, limits, deltas in (([0, 3, 5], [3, 3, 9], [1, 1, 2]), ([5], [0], [-2])):
        yield from one("RaggedRange", f"{starts}", starts=np.array(starts, np.int32), limits=np.array(limits, np.int32), deltas=np.array(deltas, np.int32))
    yield from sweep("RaggedRange", starts=np.array([0, 3], np.int32), limits=np.array([3, 8], np.int32), deltas=np.int32(2))
    yield from one("RaggedTensorToSparse", rt_nested_splits=[splits], rt_dense_values=values)
    yield from one("RaggedTensorToSparse", "two", rt_nested_splits=[np.array([0, 1, 3], np.int64), np.array([0, 2, 2, 5], np.int64)], rt_dense_values=normal(5))
    yield from one("RaggedGather", params_nested_splits=[splits], params_dense_values=values, indices=np.array([3, 0, 2], np.int32), OUTPUT_RAGGED_RANK=1)
    for shape in ([-1, -1], [4, 5], [-1, 1], [6, 4]):
        yield from one("RaggedTensorToTensor", f"splits.{shape}", shape=K(shape, np.int64), values=values, default_value=K(-1.0), row_partition_tensors=[splits], row_partition_types=["ROW_SPLITS"])
        yield from one("RaggedTensorToTensor", f"rowids.{shape}", shape=K(shape, np.int64), values=values, default_value=K(-1.0), row_partition_tensors=[np.int64(4), np.array([0, 0, 2, 2, 2, 3])], row_partition_types=["FIRST_DIM_SIZE", "VALUE_ROWIDS"])
    yield from one("RaggedTensorToTensor", "two", shape=K([-1, -1, -1], np.int64), values=normal(5), default_value=K(0.0), row_partition_tensors=[np.array([0, 1, 3], np.int64), np.array([0, 2, 2, 5], np.int64)], row_partition_types=["ROW_SPLITS", "ROW_SPLITS"])
    yield from one("RaggedTensorToTensor", "inner", shape=K([-1, -1, 3], np.int64), values=normal(6, 3), default_value=K(0.0), row_partition_tensors=[splits], row_partition_types=["ROW_SPLITS"])
    yield from one("RaggedTensorToTensor", "text", shape=K([-1, -1], np.int64), values=text(*"abcdef"), default_value=K(np.array("", object), object), row_partition_tensors=[splits], row_partition_types=["ROW_SPLITS"])
    yield from one("RaggedBincount", splits=splits, values=whole(6, low=0, high=4), size=K(4), weights=np.zeros(0, np.float32))
    yield from one("RaggedBincount", "binary", splits=splits, values=whole(6, low=0, high=4), size=K(4), weights=np.zeros(0, np.float32), binary_output=True)
    yield from one("RaggedCountSparseOutput", splits=splits, values=whole(6, low=0, high=4), weights=np.zeros(0, np.float32), binary_output=False)
    yield from one("RaggedFillEmptyRows", value_rowids=np.array([0, 0, 2, 2]), values=normal(4), nrows=K(4, np.int64), default_value=np.float32(3))

    def as_ragged(values, splits):
        return tf.RaggedTensor.from_row_splits(values, splits, validate=False)

    def sums(values, splits):
        r = as_ragged(values, splits)
        return [tf.reduce_sum(r, 1), tf.reduce_max(r, 1), tf.reduce_mean(r, 1), (r * 2).to_tensor(), r.row_lengths(), tf.concat([r, r], 1).to_tensor(), tf.gather(r, [2, 0]).to_tensor(), tf.ragged.boolean_mask(values, values > 0), r.nrows(), r.bounding_shape()]

    for i, name in enumerate(("sum", "max", "mean", "multiply", "lengths", "concat", "gather", "mask", "rows", "shape")):
        yield GraphCase(f"ragged.{name}", lambda values, splits, i=i: sums(values, splits)[i], {"values": values, "splits": splits}, operator=f"ragged {name}")
    for combiner in ("sum", "mean", "sqrtn"):
        table = normal(7, 3)
        yield GraphCase(f"embedding_lookup_sparse.{combiner}", lambda ids, indices, combiner=combiner: tf.nn.embedding_lookup_sparse(K_(table), tf.SparseTensor(indices, ids, [4, 4]), None, combiner=combiner), {"ids": np.array([1, 3, 6, 0]), "indices": np.array([[0, 0], [0, 2], [1, 0], [3, 1]], np.int64)}, operator="embedding_lookup_sparse")
        yield GraphCase(f"safe_embedding_lookup_sparse.{combiner}", lambda ids, weights, indices, combiner=combiner: tf.nn.safe_embedding_lookup_sparse(K_(table), tf.SparseTensor(indices, ids, [4, 4]), tf.SparseTensor(indices, weights, [4, 4]), combiner=combiner), {"ids": np.array([1, -1, 6, 0]), "weights": np.array([1, 2, 0.5, 1], np.float32), "indices": np.array([[0, 0], [0, 2], [1, 0], [3, 1]], np.int64)}, operator="safe_embedding_lookup_sparse")


def K_(value):
    return tf.constant(value)


def cases():
    yield from sparse()
    yield from ragged()
