"""What moves elements: shapes, slices, joins, gathers, scatters, paddings, diagonals, constants."""

import numpy as np
import tensorflow as tf

from .operators import K, free, normal, one, sweep, text, whole

X = normal(2, 3, 4)


def constants():
    yield from sweep("Fill", dims=K([2, 3]), value=np.float32(2))
    yield from one("Fill", "empty", dims=K([0, 3]), value=np.float32(2))
    yield from one("Fill", "scalar", dims=K([], np.int32), value=np.float32(2))
    yield from one("Fill", "text", dims=K([2]), value=np.array("ab", object))
    for op in ("ZerosLike", "OnesLike"):
        yield from sweep(op, x=X)
        yield from one(op, "empty", x=np.zeros((0, 2), np.float32))
        yield from one(op, "special", x=np.array([np.nan, np.inf], np.float32))
    for start, limit, delta in ((0, 5, 1), (3, 18, 3), (5, 0, -2), (0, 0, 1), (2, 7, 10)):
        yield from one("Range", f"{start}.{limit}.{delta}", start=np.int32(start), limit=np.int32(limit), delta=np.int32(delta))
        yield from one("Range", f"{start}.{limit}.{delta}.float", start=np.float32(start), limit=np.float32(limit), delta=np.float32(delta / 4))
    yield from sweep("Range", start=np.int32(1), limit=np.int32(9), delta=np.int32(2))
    for number in (1, 2, 7):
        yield from one("LinSpace", f"{number}", start=np.float32(-1), stop=np.float32(4.5), num=K(number))
        yield from one("LinSpace", f"{number}.double", start=np.float64(-1), stop=np.float64(4.5), num=K(number))
    for out in (tf.int32, tf.int64):
        for x in (X, np.float32(1), np.zeros((0, 2), np.float32)):
            yield from one("Shape", input=x, out_type=out)
            yield from one("Size", input=x, out_type=out)
        yield from one("ShapeN", input=[X, normal(3), normal(0, 2)], out_type=out)
    for op in ("Shape", "Size"):
        yield from sweep(op, input=X)
    yield from sweep("Rank", input=X)
    yield from one("Rank", "scalar", input=np.float32(1))
    for op, name in (("Identity", "input"), ("StopGradient", "input"), ("PreventGradient", "input"), ("GuaranteeConst", "input"), ("DeepCopy", "x"), ("Copy", "input")):
        yield from sweep(op, **{name: X})
        yield from one(op, "empty", **{name: np.zeros((0, 2), np.float32)})
    yield from one("IdentityN", input=[X, whole(2), np.array([True])])
    yield from sweep("EnsureShape", input=X, shape=[2, None, 4])
    yield from one("BroadcastArgs", s0=np.array([2, 1], np.int32), s1=np.array([4, 1, 3], np.int32))
    yield from one("BroadcastGradientArgs", s0=np.array([2, 1], np.int32), s1=np.array([4, 2, 3], np.int32))
    yield from one("UnravelIndex", indices=np.array([7, 0, 11], np.int32), dims=np.array([3, 4], np.int32))
    yield from one("InvertPermutation", x=np.array([2, 0, 1], np.int32))
    yield from one("InvertPermutation", "long", x=np.array([2, 0, 1], np.int64))


def reshapes():
    for shape in ([6, 4], [-1], [2, -1], [1, 24, 1], [2, 3, 4]):
        for dtype in (np.int32, np.int64):
            yield from one("Reshape", f"{shape}.{np.dtype(dtype).name}", tensor=X, shape=K(shape, dtype))
    yield from sweep("Reshape", tensor=X, shape=K([4, -1]))
    yield from one("Reshape", "scalar", tensor=normal(1, 1), shape=K([], np.int32))
    yield from one("Reshape", "empty", tensor=np.zeros((0, 4), np.float32), shape=K([2, 0]))
    yield from one("Reshape", "empty-free", tensor=np.zeros((0, 4), np.float32), shape=K([-1, 4]))
    for axis in (0, 1, -1, 3, -4):
        yield from one("ExpandDims", input=X, axis=K(axis))
    yield from sweep("ExpandDims", input=X, axis=K(1))
    for axis in ([], [0], [2], [-1], [0, 2]):
        yield from one("Squeeze", input=normal(1, 3, 1), axis=axis)
    yield from sweep("Squeeze", input=normal(1, 3, 1), axis=[0])
    for perm in ([2, 0, 1], [0, 1, 2], [1, 0, 2]):
        yield from one("Transpose", x=X, perm=K(perm))
    yield from sweep("Transpose", x=X, perm=K([2, 1, 0]))
    yield from one("Transpose", "scalar", x=np.float32(3), perm=K([], np.int32))
    yield from one("Transpose", "rank6", x=normal(1, 2, 3, 2, 1, 2), perm=K([5, 2, 0, 4, 1, 3]))
    yield from one("ConjugateTranspose", x=(X + 1j * X).astype(np.complex64), perm=K([2, 1, 0]))
    yield from one("ConjugateTranspose", "real", x=X, perm=K([2, 1, 0]))
    for shape in ([2, 3, 4], [5, 2, 3, 4], [1, 2, 3, 4]):
        yield from one("BroadcastTo", input=X, shape=K(shape))
    yield from sweep("BroadcastTo", input=normal(3, 1), shape=K([2, 3, 4]))
    yield from one("BroadcastTo", "scalar", input=np.float32(2), shape=K([2, 2]))
    yield from one("BroadcastTo", "empty", input=normal(1, 3), shape=K([0, 3]))
    for multiples in ([1, 2, 1], [2, 1, 3], [0, 1, 1]):
        yield from one("Tile", input=X, multiples=K(multiples))
    yield from sweep("Tile", input=normal(2, 3), multiples=K([2, 2]))
    for axis in ([0], [1, -1], [], [-2]):
        yield from one("ReverseV2", tensor=X, axis=K(axis, np.int32))
    yield from sweep("ReverseV2", tensor=X, axis=K([1]))
    yield from one("Reverse", tensor=X, dims=K(np.array([True, False, True])))
    for seq, batch in ((1, 0), (0, 1), (2, 0), (0, 2)):
        yield from one("ReverseSequence", input=normal(3, 3, 3), seq_lengths=np.array([1, 3, 2], np.int64), seq_dim=seq, batch_dim=batch)
    yield from sweep("ReverseSequence", input=normal(2, 4, 2), seq_lengths=np.array([0, 3], np.int32), seq_dim=1)
    for shift, axis in (([1], [0]), ([-2, 1], [0, 2]), ([7], [1]), ([1, 1], [0, 0])):
        yield from one("Roll", input=X, shift=K(shift), axis=K(axis))
    yield from sweep("Roll", input=X, shift=K(1), axis=K(-1))


def joins():
    for axis in (0, 1, -1):
        yield from one("ConcatV2", values=[X, X, X], axis=K(axis))
        yield from one("Concat", concat_dim=K(axis if axis >= 0 else 2), values=[X, X])
    yield from sweep("ConcatV2", values=[normal(2, 3), normal(1, 3)], axis=K(0))
    yield from one("ConcatV2", "empty", values=[normal(2, 3), normal(0, 3)], axis=K(0))
    yield from one("ConcatV2", "allempty", values=[normal(0, 3), normal(0, 3)], axis=K(0))
    yield from one("ConcatOffset", concat_dim=K(1), shape=[np.array([2, 3], np.int32), np.array([2, 5], np.int32)])
    for axis in (0, 1, -1, 3, -4):
        yield from one("Pack", values=[X, X], axis=axis)
    yield from sweep("Pack", values=[normal(2), normal(2)], axis=0)
    yield from one("Pack", "scalars", values=[np.int32(1), np.int32(2), np.int32(3)])
    yield from one("ParallelConcat", values=[normal(1, 3), normal(1, 3)], shape=[2, 3])
    for axis in (0, 1, -1):
        yield from one("Unpack", value=X, num=X.shape[axis], axis=axis)
    yield from sweep("Unpack", value=normal(2, 3), num=2)
    for axis, number in ((0, 2), (1, 3), (-1, 2), (2, 4), (0, 1)):
        yield from one("Split", axis=K(axis), value=X, num_split=number)
    yield from sweep("Split", axis=K(1), value=normal(2, 4), num_split=2)
    for sizes in ([1, 3], [4, 0], [1, -1], [2, 1, 1]):
        yield from one("SplitV", value=X, size_splits=K(sizes), axis=K(-1), num_split=len(sizes))
    for dtype in (np.float64, np.int32, np.int64, np.uint8):
        yield from one("SplitV", dtype.__name__, value=whole(2, 4, low=0, high=9, dtype=dtype), size_splits=K([1, 3]), axis=K(1), num_split=2)
    for sizes in ([1, -1], [-1, 3], [-1, 4], [1, -1, 2]):
        yield from one("SplitV", "rest", value=normal(2, 4), size_splits=K(sizes), axis=K(-1), num_split=len(sizes))
        yield from one("SplitV", "rest.fed", value=normal(2, 4), size_splits=np.array(sizes, np.int32), axis=K(1), num_split=len(sizes))


def slices():
    for begin, size in (([0, 0, 0], [1, 2, 3]), ([1, 1, 1], [-1, 1, -1]), ([0, 3, 0], [2, 0, 4])):
        for dtype in (np.int32, np.int64):
            yield from one("Slice", f"{begin}.{size}.{np.dtype(dtype).name}", input=X, begin=K(begin, dtype), size=K(size, dtype))
    yield from sweep("Slice", input=X, begin=K([0, 1, 1]), size=K([2, -1, 2]))
    five = np.arange(5 * 4 * 3, dtype=np.float32).reshape(5, 4, 3)
    strided = [
        ([0], [3], [1], {}), ([1], [-1], [2], {}), ([-1], [0], [-1], {"end_mask": 1}), ([4], [0], [-2], {}), ([0, 1], [5, 3], [2, 1], {}),
        ([0, 0, 0], [5, 4, 3], [1, -1, 1], {"begin_mask": 2, "end_mask": 2}), ([2], [3], [1], {"shrink_axis_mask": 1}), ([-2], [-1], [1], {"shrink_axis_mask": 1}),
        ([0, 1], [0, 2], [1, 1], {"ellipsis_mask": 1}), ([0, 0, 1], [0, 0, 2], [1, 1, 1], {"ellipsis_mask": 1, "new_axis_mask": 2}),
        ([0, 0], [0, 2], [1, 1], {"new_axis_mask": 1}), ([1, 0, 1], [2, 0, 2], [1, 1, 1], {"shrink_axis_mask": 5, "ellipsis_mask": 2}), ([7], [20], [1], {}), ([-20], [2], [1], {}),
        ([3], [1], [1], {}), ([0, -1], [2, -4], [1, -1], {}), ([0, 0], [0, 0], [1, 1], {"begin_mask": 3, "end_mask": 3}),
    ]
    for begin, end, strides, masks in strided:
        for dtype in (np.int32, np.int64):
            yield from one("StridedSlice", f"{begin}{end}{strides}{list(masks.items())}.{np.dtype(dtype).name}".replace(" ", ""), input=five, begin=K(begin, dtype), end=K(end, dtype), strides=K(strides, dtype), **masks)
        yield from free("StridedSlice", input=five, begin=K(begin), end=K(end), strides=K(strides), **masks)
    yield from sweep("StridedSlice", input=X, begin=K([0, 1]), end=K([2, 3]), strides=K([1, 1]))
    yield from one("StridedSliceGrad", shape=K([5, 4]), begin=K([1, 0]), end=K([4, 3]), strides=K([1, 2]), dy=normal(3, 2))
    yield from sweep("TensorStridedSliceUpdate", input=normal(5, 4), begin=K([1, 0]), end=K([4, 3]), strides=K([1, 2]), value=normal(3, 2))


def gathers():
    indices = np.array([[2, 0], [1, 1]], np.int32)
    table = normal(3, 4)
    for dtype in (np.int32, np.int64):
        yield from one("Gather", f"{np.dtype(dtype).name}", params=table, indices=indices.astype(dtype))
        for axis in (0, 1, -1):
            yield from one("GatherV2", f"{np.dtype(dtype).name}.{axis}", params=X if axis else table, indices=indices.astype(dtype), axis=K(axis))
    yield from sweep("Gather", params=table, indices=indices)
    yield from sweep("GatherV2", params=table, indices=indices, axis=K(0))
    for batch, axis in ((1, 1), (1, 2), (-1, -1), (2, 2)):
        yield from one("GatherV2", f"batch{batch}.{axis}", params=X, indices=np.zeros((2, 3, 2), np.int32) + whole(2, 3, 2, low=0, high=3), axis=K(axis), batch_dims=batch)
    yield from one("GatherV2", "scalar", params=table, indices=np.int32(2), axis=K(0))
    yield from one("GatherV2", "empty", params=table, indices=np.zeros(0, np.int32), axis=K(0))
    yield from one("GatherV2", "text", params=text("a", "b", "c"), indices=np.array([2, 0], np.int32), axis=K(0))
    for indices in ([[0, 1], [1, 2]], [[1], [0]], [[[0, 1, 2]], [[1, 0, 3]]], [[], []]):
        yield from one("GatherNd", f"{np.shape(indices)}", params=X, indices=np.array(indices, np.int32))
    yield from sweep("GatherNd", params=X, indices=np.array([[0, 1], [1, 2]], np.int32))
    yield from one("GatherNd", "ignored", params=X, indices=np.array([[0, 9], [1, 2]], np.int32), bad_indices_policy="IGNORE")
    for depth, axis in ((4, -1), (3, 0), (4, 1)):
        yield from one("OneHot", indices=whole(2, 3, low=-1, high=5), depth=K(depth), on_value=K(1.0), off_value=K(0.0), axis=axis)
    yield from sweep("OneHot", indices=whole(2, 3, low=0, high=4), depth=K(4), on_value=K(3.0), off_value=K(-1.0))
    yield from one("OneHot", "scalar", indices=np.int32(2), depth=K(4), on_value=K(3.0), off_value=K(-1.0))
    yield from one("OneHot", "empty", indices=np.zeros((0, 2), np.int64), depth=K(4), on_value=K(3.0), off_value=K(-1.0))
    yield from sweep("Where", condition=np.array([[1.0, 0.0, 3.0], [0.0, 0.0, -1.0]], np.float32))
    yield from one("Where", "bool", condition=np.array([[True, False], [True, True]]))
    yield from one("Where", "none", condition=np.zeros((2, 2), bool))
    yield from one("Where", "scalar", condition=np.array(True))
    yield from one("Where", "rank4", condition=whole(2, 2, 2, 2, low=0, high=2))
    yield from one("Where", "nan", condition=np.array([np.nan, 0, -0.0, 1], np.float32))
    for number in (2, 3):
        yield from sweep("DynamicPartition", data=normal(4, 2), partitions=np.array([1, 0, 1, 1], np.int32), num_partitions=number)
    yield from one("DynamicPartition", "matrix", data=normal(2, 2, 3), partitions=np.array([[1, 0], [1, 1]], np.int32), num_partitions=2)
    parts = [np.array([0, 2], np.int32), np.array([[3, 1], [4, 2]], np.int32)]
    for op in ("DynamicStitch", "ParallelDynamicStitch"):
        yield from sweep(op, indices=parts[:1] + [np.array([3, 1], np.int32)], data=[normal(2, 3), normal(2, 3)])
        yield from one(op, "matrix", indices=parts, data=[normal(2), normal(2, 2)])


def scatters():
    indices, updates = np.array([[2], [0], [2]], np.int32), normal(3, 4)
    yield from sweep("ScatterNd", indices=indices, updates=updates * 3, shape=K([5, 4]))
    yield from one("ScatterNd", "pairs", indices=np.array([[0, 1], [2, 3]], np.int32), updates=normal(2), shape=K([3, 4]))
    yield from one("ScatterNd", "matrix", indices=whole(2, 2, 1, low=0, high=3), updates=normal(2, 2, 3), shape=K([3, 3]))
    yield from one("ScatterNd", "empty", indices=np.zeros((0, 1), np.int32), updates=normal(0, 4), shape=K([5, 4]))
    yield from one("ScatterNd", "ignored", indices=np.array([[7], [0]], np.int32), updates=normal(2, 4), shape=K([5, 4]), bad_indices_policy="IGNORE")
    for kind in ("Add", "Sub", "Max", "Min", "Update"):
        yield from sweep(f"TensorScatter{kind}", tensor=normal(5, 4) * 3, indices=indices if kind != "Update" else indices[:2], updates=(updates if kind != "Update" else updates[:2]) * 3)
        yield from one(f"TensorScatter{kind}", "pairs", tensor=normal(3, 4), indices=np.array([[0, 1], [2, 3]], np.int64), updates=normal(2))
        yield from one(f"TensorScatter{kind}", "empty", tensor=normal(3, 4), indices=np.zeros((0, 1), np.int32), updates=normal(0, 4))
    yield from sweep("ScatterNdNonAliasingAdd", input=normal(5, 4), indices=indices, updates=updates)
    for kind in ("Add", "Sub", "Update"):
        yield from one(f"Inplace{kind}", x=normal(3, 4), i=np.array([2, 0], np.int32), v=normal(2, 4))


def padding():
    for paddings in ([[1, 0], [0, 2], [1, 1]], [[0, 0], [0, 0], [0, 0]]):
        yield from one("Pad", f"{paddings}", input=X, paddings=K(paddings))
        yield from one("PadV2", f"{paddings}", input=X, paddings=K(paddings), constant_values=K(2.5))
    yield from sweep("Pad", input=X, paddings=K([[1, 0], [0, 2], [1, 1]]))
    yield from sweep("PadV2", input=X, paddings=K([[1, 0], [0, 2], [1, 1]]), constant_values=K(2.0))
    yield from one("Pad", "empty", input=normal(0, 2), paddings=K([[1, 1], [0, 1]]))
    for mode in ("REFLECT", "SYMMETRIC"):
        yield from sweep("MirrorPad", input=X, paddings=K([[1, 0], [0, 2], [1, 1]]), mode=mode)
        yield from one("MirrorPadGrad", input=normal(4, 5), paddings=K([[1, 0], [1, 1]]), mode=mode)


def blocks():
    for size, layout in ((2, "NHWC"), (2, "NCHW"), (3, "NHWC")):
        yield from one("DepthToSpace", input=normal(2, 18, 2, 36)[:, :4] if layout == "NHWC" else normal(2, 8, 2, 3), block_size=size, data_format=layout)
        yield from one("SpaceToDepth", input=normal(2, 6, 6, 3) if layout == "NHWC" else normal(2, 3, 6, 6), block_size=size, data_format=layout)
    yield from sweep("DepthToSpace", input=normal(2, 2, 3, 4), block_size=2)
    yield from sweep("SpaceToDepth", input=normal(2, 2, 4, 3), block_size=2)
    for crops in ([[0, 0], [0, 0]], [[1, 0], [0, 2]]):
        yield from one("BatchToSpace", f"{crops}", input=normal(8, 2, 3, 2), crops=K(crops), block_size=2)
        yield from one("BatchToSpaceND", f"{crops}", input=normal(12, 2, 3, 2), block_shape=K([2, 3]), crops=K(crops))
    for paddings in ([[0, 0], [0, 0]], [[1, 1], [0, 2]]):
        yield from one("SpaceToBatch", f"{paddings}", input=normal(2, 4, 4, 2), paddings=K(paddings), block_size=2)
        yield from one("SpaceToBatchND", f"{paddings}", input=normal(2, 4, 6, 2), block_shape=K([2, 2]), paddings=K(paddings))
    yield from sweep("BatchToSpaceND", input=normal(4, 2, 2, 1), block_shape=K([2, 2]), crops=K([[0, 0], [1, 0]]))
    yield from sweep("SpaceToBatchND", input=normal(1, 4, 4, 1), block_shape=K([2, 2]), paddings=K([[0, 0], [2, 0]]))
    yield from one("SpaceToBatchND", "one", input=normal(2, 5, 3), block_shape=K([2]), paddings=K([[1, 0]]))
    yield from sweep("DataFormatDimMap", x=np.array([0, 1, -1, 3], np.int32))
    yield from sweep("DataFormatVecPermute", x=np.array([1, 2, 3, 4], np.int32))
    yield from one("DataFormatVecPermute", "pairs", x=whole(4, 2), src_format="NCHW", dst_format="NHWC")
    yield from one("DataFormatVecPermute", "two", x=np.array([5, 6], np.int32), src_format="NHWC", dst_format="NCHW")


def diagonals():
    yield from sweep("Diag", diagonal=normal(3))
    yield from one("Diag", "matrix", diagonal=normal(2, 3))
    yield from sweep("DiagPart", input=normal(3, 3))
    yield from one("DiagPart", "rank4", input=normal(2, 3, 2, 3))
    yield from sweep("MatrixDiag", diagonal=normal(2, 3))
    yield from sweep("MatrixDiagPart", input=normal(2, 3, 4))
    yield from sweep("MatrixSetDiag", input=normal(2, 3, 4), diagonal=normal(2, 3))
    yield from sweep("MatrixBandPart", input=normal(2, 3, 4), num_lower=K(1), num_upper=K(0))
    for lower, upper in ((-1, 0), (0, -1), (-1, -1), (1, 1), (0, 0), (2, 1)):
        yield from one("MatrixBandPart", f"{lower}.{upper}", input=normal(3, 4), num_lower=K(lower, np.int64), num_upper=K(upper, np.int64))
    for op in ("MatrixDiagPartV2", "MatrixDiagPartV3"):
        for k in ([0], [1], [-1], [-1, 1], [-2, -1], [0, 2]):
            aligns = ("RIGHT_LEFT", "LEFT_RIGHT", "LEFT_LEFT", "RIGHT_RIGHT") if op.endswith("3") and len(k) > 1 else (None,)
            for align in aligns:
                yield from one(op, f"{k}.{align}", input=normal(2, 3, 4), k=K(k), padding_value=K(7.0), **({"align": align} if align else {}))
    for op in ("MatrixDiagV2", "MatrixDiagV3"):
        for k, diagonal, rows, columns in (([0], normal(2, 3), -1, -1), ([1], normal(3), -1, -1), ([-1], normal(3), 5, 4), ([-1, 1], normal(2, 3, 3), -1, -1), ([0, 1], normal(2, 3), 3, 4)):
            aligns = ("RIGHT_LEFT", "LEFT_LEFT") if op.endswith("3") and len(k) > 1 else (None,)
            for align in aligns:
                yield from one(op, f"{k}.{align}", diagonal=diagonal, k=K(k), num_rows=K(rows), num_cols=K(columns), padding_value=K(9.0), **({"align": align} if align else {}))
    for op in ("MatrixSetDiagV2", "MatrixSetDiagV3"):
        for k, diagonal in (([0], normal(2, 3)), ([1], normal(2, 3)), ([-1, 0], normal(2, 2, 3)), ([-1, 1], normal(2, 3, 3))):
            yield from one(op, f"{k}", input=normal(2, 3, 4), diagonal=diagonal, k=K(k))
    yield from sweep("MatrixDiagV3", diagonal=normal(2, 3), k=K([0]), num_rows=K(-1), num_cols=K(-1), padding_value=K(0.0))
    yield from sweep("MatrixDiagPartV3", input=normal(2, 3, 4), k=K([0]), padding_value=K(0.0))
    yield from sweep("MatrixSetDiagV3", input=normal(2, 3, 4), diagonal=normal(2, 3), k=K([0]))


def cases():
    for family in (constants, reshapes, joins, slices, gathers, scatters, padding, blocks, diagonals):
        yield from family()
