#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write tests/ops/tensorflow.txt: the private operators that TensorFlow's become, with the answers of
TensorFlow itself.

    python3 tests/ops/make_tensorflow.py      # needs TensorFlow; the version that made it is in the file
"""
import os
import pathlib

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

import numpy as np
import tensorflow as tf

NAMES = {"float32": "float", "float64": "double", "float16": "half"}
RAW = tf.raw_ops
i32, i64, f32, f64 = np.int32, np.int64, np.float32, np.float64
X = np.array([[-2.5, -1.0, -0.3, 0.4], [0.0, 1.0, 2.0, 30.5]], f64)
SPECIAL = np.array([0, 1, -1, 0.5, -0.5, 1e-10, 2, 3.7, -3.7, 12, 40, np.inf, np.nan], f64)
M = np.array([[[2, 1, 0.5], [-1, 3, 1], [0.25, -2, 4]], [[1, 2, 3], [4, 5, 6], [7, 8, 10]]], f64)
SPD = M @ M.swapaxes(1, 2) + np.eye(3)
TALL = np.array([[1, 2], [3, -4], [5, 6.5]], f64)
IDS = np.array([0, 0, 1, 3, 3], i32)
ROWS = np.array([[1, 2], [3, -4], [5, 6], [7, 8], [-9, 10]], f64)
SPARSE = np.array([[0, 1], [0, 3], [2, 0], [2, 2]], i64)
VALUES = np.array([1, -2, 3, 4.5], f64)
SHAPE = np.array([3, 4], i64)


def quoted(value):
    value = value.encode() if isinstance(value, str) else bytes(value)
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else "\\x%02x" % b for b in value) + '"'


def scalar(value, dtype=i32):
    return np.array(value, dtype)


def literal(array):
    array = np.asarray(array)
    if array.dtype.kind in "OS":
        items = [quoted(v) for v in array.ravel()]
        name = "string"
    else:
        name = NAMES.get(array.dtype.name, array.dtype.name)
        show = (lambda v: "%.17g" % v) if array.dtype == f64 else (lambda v: "%.9g" % v)
        items = [show(v) if array.dtype.kind == "f" else str(int(v)) for v in array.ravel()]
    return f"{name} [{','.join(map(str, array.shape))}] {' '.join(items)}".rstrip()


def attribute(name, value):
    if isinstance(value, str):
        return f"attribute {name} string {quoted(value)}"
    if isinstance(value, (list, tuple)):
        return f"attribute {name} ints {' '.join(map(str, value))}"
    return f"attribute {name} int {int(value)}"


def special():
    for function in ("Digamma", "Lgamma", "Erfc", "Erfinv", "Ndtri", "Expm1", "Log1p", "Spence", "Dawsn", "Expint", "FresnelCos", "FresnelSin",
                     "BesselI0", "BesselI0e", "BesselI1", "BesselI1e", "BesselJ0", "BesselJ1", "BesselY0", "BesselY1", "BesselK0", "BesselK0e", "BesselK1", "BesselK1e"):
        name = {"FresnelCos": "fresnel_cos", "FresnelSin": "fresnel_sin"}.get(function, function.lower().replace("bessel", "bessel_"))
        yield f"special_{name}", "Special", {"function": name}, [SPECIAL], getattr(RAW, function)(x=SPECIAL)
    for name, op, a, b in (("zeta", RAW.Zeta, "x", "q"), ("polygamma", RAW.Polygamma, "a", "x"), ("igamma", RAW.Igamma, "a", "x"), ("igammac", RAW.Igammac, "a", "x"),
                           ("atan2", RAW.Atan2, "y", "x"), ("x_log_y", RAW.Xlogy, "x", "y"), ("x_log1p_y", RAW.Xlog1py, "x", "y"),
                           ("x_div_y", RAW.Xdivy, "x", "y"), ("div_no_nan", RAW.DivNoNan, "x", "y"), ("mul_no_nan", RAW.MulNoNan, "x", "y")):
        x, y = np.array([[1.0], [2.0], [3.0], [0.0]]), np.array([0.5, 1.0, 0.0, 7.5, 20.0])
        yield f"special_{name}", "Special", {"function": name}, [x, y], op(**{a: x, b: y})
    yield "special_polygamma_single", "Special", {"function": "polygamma"}, [np.array([1, 3], f32), np.array([-18.3747, -10.1132], f32)], RAW.Polygamma(a=np.array([1, 3], f32), x=np.array([-18.3747, -10.1132], f32))
    a, b, x = np.array([0.5, 2, 7, 1, -1]), np.array([0.5, 3, 0.2, 1, 1]), np.array([0.3, 0.5, 0.99, 0, 0.5])
    yield "special_betainc", "Special", {"function": "betainc"}, [a, b, x], RAW.Betainc(a=a, b=b, x=x)


def divide():
    for name, op in (("FloorDiv", RAW.FloorDiv), ("FloorMod", RAW.FloorMod), ("TruncateDiv", RAW.TruncateDiv)):
        for dtype in (f32, np.int8, i64, np.uint8):
            x = np.array([7, -7, 7, -7, 6, 127], dtype=np.int64).astype(dtype)
            y = np.array([3, 3, -3, -3, 2, 5], dtype=np.int64).astype(dtype)
            yield f"{name.lower()}_{np.dtype(dtype).name}", name, {}, [x, y], op(x=x, y=y)


def bits():
    for dtype in (np.int8, np.uint16, i64):
        x, y = np.array([1, 77, 100, 3], dtype), np.array([2, 9, 100, 1], dtype)
        yield f"shift_left_{np.dtype(dtype).name}", "Shift", {"direction": "left"}, [x, y], RAW.LeftShift(x=x, y=y)
        yield f"shift_right_{np.dtype(dtype).name}", "Shift", {"direction": "right"}, [x, y], RAW.RightShift(x=x, y=y)
    x = np.array([-128, -7, -1], np.int8)
    yield "shift_right_negative", "Shift", {"direction": "right"}, [x, np.array([1, 2, 20], np.int8)], RAW.RightShift(x=x, y=np.array([1, 2, 20], np.int8))
    x = np.array([0, -1, 127, 5], np.int16)
    yield "population_count", "PopulationCount", {}, [x], RAW.PopulationCount(x=x)
    x = np.array([[1.5, -2]], f32)
    yield "bitcast_narrower", "Bitcast", {"to": "uint16"}, [x], tf.bitcast(x, tf.uint16)
    yield "bitcast_wider", "Bitcast", {"to": "double"}, [x], tf.bitcast(x, tf.float64)


def casts():
    """What no integer holds: one at a time; in steps, and what is left over behind them."""
    values = np.array([300, -1, 128.5, -129, 70000, 3e9, -3e9, 1e10, -1e19, 1e19, np.inf, np.nan, -0.5, 255, 40000, 2.0**31], f32)
    for dtype in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, i64, np.uint64):
        name = np.dtype(dtype).name
        code = {"uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "uint32": 12, "uint64": 13}[name]
        few = values[: 7 if name == "uint32" else None]
        yield f"float_to_{name}", "FloatToInteger", {"to": code}, [few], RAW.Cast(x=few, DstT=dtype)
        compiled = tf.function(lambda x, dtype=dtype: tf.cast(x, dtype), jit_compile=True)
        yield f"float_to_{name}_nearest", "FloatToInteger", {"to": code, "outside": "nearest"}, [values], compiled(tf.constant(values))
        if dtype not in (np.int32, i64, np.uint64):
            for x, step in ((np.tile(values, 3)[:41], 32), (np.tile(values, 2)[:23].astype(f64), 16), (values.astype(f64)[:9], 16)):
                step = 8 if name == "uint32" else step
                words = {"words": 1} if name == "uint8" and x.dtype == f64 else {}
                yield f"{x.dtype.name}_{len(x)}_to_{name}_packed", "FloatToIntegerPacked", {"to": code, "step": step, **words}, [x], RAW.Cast(x=x, DstT=dtype)


def glimpses():
    x, size = np.arange(1, 25, dtype=f32).reshape(2, 3, 4, 1), np.array([2, 3], i32)
    for at in ([[0.2, 0.1], [-0.9, 1.1]], [[1, 2], [-1, 30]]):
        for version, op in ((1, RAW.ExtractGlimpse), (2, RAW.ExtractGlimpseV2)):
            for centred, normalised in ((1, 1), (0, 1), (1, 0), (0, 0)):
                name = f"glimpse_{version}_{centred}{normalised}_{'near' if at[0][0] < 1 else 'far'}"
                yield name, "ExtractGlimpse", {"version": version, "centred": centred, "normalised": normalised}, [x, size, np.array(at, f32)], op(input=x, size=size, offsets=at, centered=bool(centred), normalized=bool(normalised), uniform_noise=False, noise="zero")


def counts():
    arr, weights = np.array([1, 5, 1, 0, 9], i32), np.array([0.5, 1, 2, 3, 4], f32)
    yield "bincount", "Bincount", {}, [arr, scalar(6), weights], RAW.Bincount(arr=arr, size=6, weights=weights)
    yield "bincount_ones", "Bincount", {}, [arr, scalar(6), np.zeros(0, i64)], RAW.Bincount(arr=arr, size=6, weights=np.zeros(0, i64))
    rows = np.array([[1, 2, 2], [0, 0, 7]], i32)
    yield "bincount_rows", "Bincount", {}, [rows, scalar(4), np.zeros((0,), i32)], RAW.DenseBincount(input=rows, size=4, weights=np.zeros(0, i32))
    yield "bincount_binary", "Bincount", {"binary": 1}, [rows, scalar(4), np.zeros((0,), i32)], RAW.DenseBincount(input=rows, size=4, weights=np.zeros(0, i32), binary_output=True)
    x, ends = np.array([-1, 0, 1.5, 2, 5, 15], f32), np.array([0, 5], f32)
    yield "histogram", "HistogramFixedWidth", {}, [x, ends, scalar(5)], RAW.HistogramFixedWidth(values=x, value_range=ends, nbins=5)
    s, v = np.array([[1, 2, 2, 3], [0, 0, 5, 9]], i64), np.array([[2, 0, 4], [5, 0, 10]], i64)
    yield "search_lower", "SearchSorted", {}, [s, v], RAW.LowerBound(sorted_inputs=s, values=v)
    yield "search_upper", "SearchSorted", {"upper": 1, "wide": 1}, [s, v], RAW.UpperBound(sorted_inputs=s, values=v, out_type=tf.int64)
    p, t = np.array([[0.1, 0.5, 0.4], [0.3, 0.3, 0.3], [np.nan, 1, 2], [1, 2, 3]], f32), np.array([2, 0, 1, 7], i32)
    yield "in_top_k", "InTopK", {}, [p, t, scalar(2)], RAW.InTopKV2(predictions=p, targets=t, k=2)


def segments():
    for reduction in ("sum", "mean", "prod", "min", "max"):
        op = getattr(RAW, "Segment" + reduction.capitalize())
        yield f"segment_{reduction}", "Segment", {"reduction": reduction, "sorted": 1}, [ROWS, IDS], op(data=ROWS, segment_ids=IDS)
    free = np.array([2, -1, 0, 2, 0], i32)
    for reduction in ("sum", "prod", "min", "max"):
        op = getattr(RAW, "UnsortedSegment" + reduction.capitalize())
        for data in (ROWS, ROWS.astype(np.int8)):
            yield f"segment_unsorted_{reduction}_{data.dtype.name}", "Segment", {"reduction": reduction, "sorted": 0, "limits": 1}, [data, free, scalar(4)], op(data=data, segment_ids=free, num_segments=4)
    all_rows = np.arange(5, dtype=i32)
    yield "segment_sqrt_n", "Segment", {"reduction": "sqrt_n", "sorted": 1}, [ROWS, IDS, scalar(5)], RAW.SparseSegmentSqrtNWithNumSegments(data=ROWS, indices=all_rows, segment_ids=IDS, num_segments=5)


def arrange():
    x = np.arange(12, dtype=i32).reshape(3, 4)
    yield "roll", "Roll", {}, [x, np.array([1, -2, 5], i32), np.array([0, 1, 1], i32)], RAW.Roll(input=x, shift=[1, -2, 5], axis=[0, 1, 1])
    a, b = np.array([0, 3], i32), np.array([[1], [3]], i32)
    da, db = np.array([[1, 2], [3, 4]], f32), np.array([[[5, 6]], [[7, 8]]], f32)
    yield "stitch", "Stitch", {}, [a, b, da, db], tf.tensor_scatter_nd_update(RAW.DynamicStitch(indices=[a, b], data=[da, db]), [[2]], [[0.0, 0.0]])
    s = np.array(["a", "b", "a", "c"], object)
    out = RAW.ListDiff(x=s, y=np.array(["a"], object))
    yield "list_diff", "ListDiff", {}, [s, np.array(["a"], object)], list(out)
    lengths = np.array([0, 2, 4], i64)
    yield "reverse_part", "ReversePart", {"batch_axis": 0, "time_axis": 1}, [x, lengths], RAW.ReverseSequence(input=x, seq_lengths=lengths, seq_dim=1, batch_dim=0)
    p, q = np.array([2, 1, 4], i32), np.array([3, 1], i32)
    yield "broadcast_shapes", "BroadcastShapes", {}, [p, q], RAW.BroadcastArgs(s0=p, s1=q)
    yield "broadcast_axes", "BroadcastAxes", {}, [p, np.array([3, 1], i32)], list(RAW.BroadcastGradientArgs(s0=p, s1=q))
    yield "lin_space", "LinSpace", {}, [scalar(1, f64), scalar(-3, f64), scalar(5)], RAW.LinSpace(start=scalar(1, f64), stop=scalar(-3, f64), num=5)
    yield "ensure_shape", "EnsureShape", {"rank": 2, "dims": [-1, 4]}, [x], x
    for function, op in (("prod", RAW.Cumprod), ("log_sum_exp", RAW.CumulativeLogsumexp), ("sum", RAW.Cumsum)):
        for exclusive, reverse in ((0, 0), (1, 0), (0, 1), (1, 1)):
            if not (function == "log_sum_exp" and exclusive):
                yield f"cumulative_{function}_{exclusive}{reverse}", "Cumulative", {"function": function, "exclusive": exclusive, "reverse": reverse}, [X, scalar(1)], op(x=X, axis=1, exclusive=bool(exclusive), reverse=bool(reverse))


def matrices():
    for name, op in (("MatrixDeterminant", RAW.MatrixDeterminant), ("MatrixInverse", RAW.MatrixInverse), ("LogMatrixDeterminant", RAW.LogMatrixDeterminant), ("Lu", RAW.Lu)):
        for dtype in (f32, f64):
            out = op(input=M.astype(dtype))
            yield f"{name.lower()}_{np.dtype(dtype).name}", name, {}, [M.astype(dtype)], list(out) if isinstance(out, tuple) else out
    yield "cholesky", "Cholesky", {}, [SPD], RAW.Cholesky(input=SPD)
    yield "logarithm", "MatrixLogarithm", {}, [SPD], tf.math.real(RAW.MatrixLogarithm(input=SPD.astype(np.complex128)))
    yield "square_root", "MatrixSquareRoot", {}, [SPD], RAW.MatrixSquareRoot(input=SPD)
    yield "exponential", "MatrixExponential", {}, [M / 3], tf.linalg.expm(M / 3)
    for adjoint in (0, 1):
        b = np.stack([TALL, TALL * 2])
        yield f"solve_{adjoint}", "MatrixSolve", {"adjoint": adjoint}, [M, b], RAW.MatrixSolve(matrix=M, rhs=b, adjoint=bool(adjoint))
        for lower in (0, 1):
            yield f"triangular_{lower}{adjoint}", "MatrixTriangularSolve", {"adjoint": adjoint, "lower": lower}, [M, TALL], RAW.MatrixTriangularSolve(matrix=M, rhs=TALL, lower=bool(lower), adjoint=bool(adjoint))
    l2 = scalar(0.5, f64)
    yield "least_squares", "MatrixSolveLs", {}, [TALL, TALL, l2], RAW.MatrixSolveLs(matrix=TALL, rhs=TALL, l2_regularizer=l2)
    for shape, a in (("tall", TALL), ("wide", TALL.T), ("square", M)):
        for full in (0, 1):
            yield f"qr_{shape}_{full}", "Qr", {"full": full}, [a], list(RAW.Qr(input=a, full_matrices=bool(full)))
            yield f"svd_{shape}_{full}", "Svd", {"full": full}, [a], list(RAW.Svd(input=a, full_matrices=bool(full)))
    yield "self_adjoint_eig", "SelfAdjointEig", {}, [SPD], list(RAW.SelfAdjointEigV2(input=SPD))


def diagonals():
    x = np.arange(1, 7, dtype=i32).reshape(2, 3)
    band = np.array([-1, 0], i32)
    pad = scalar(9)
    yield "matrix_diag", "MatrixDiag", {}, [x, scalar(1)], RAW.MatrixDiagV3(diagonal=x, k=1, num_rows=-1, num_cols=-1, padding_value=scalar(0))
    yield "matrix_diag_band", "MatrixDiag", {"high_right": 1}, [x, band, scalar(-1), scalar(-1), pad], RAW.MatrixDiagV3(diagonal=x, k=band, num_rows=-1, num_cols=-1, padding_value=pad)
    m = np.arange(12, dtype=i32).reshape(3, 4)
    for align, marks in (("LEFT_LEFT", {}), ("RIGHT_LEFT", {"high_right": 1}), ("LEFT_RIGHT", {"low_right": 1}), ("RIGHT_RIGHT", {"high_right": 1, "low_right": 1})):
        k = np.array([-1, 2], i32)
        yield f"matrix_diag_part_{align.lower()}", "MatrixDiagPart", marks, [m, k, pad], RAW.MatrixDiagPartV3(input=m, k=k, padding_value=pad, align=align)
        d = np.arange(100, 112, dtype=i32).reshape(4, 3)
        yield f"matrix_set_diag_{align.lower()}", "MatrixSetDiag", marks, [m, d, k], RAW.MatrixSetDiagV3(input=m, diagonal=d, k=k, align=align)


def sparse():
    yield "sparse_to_dense", "SparseToDense", {}, [SPARSE, SHAPE, VALUES, scalar(-1, f64)], RAW.SparseToDense(sparse_indices=SPARSE, output_shape=SHAPE, sparse_values=VALUES, default_value=scalar(-1, f64))
    dense = np.arange(8, dtype=f64).reshape(4, 2)
    yield "sparse_mat_mul", "SparseMatMul", {}, [SPARSE, VALUES, SHAPE, dense], RAW.SparseTensorDenseMatMul(a_indices=SPARSE, a_values=VALUES, a_shape=SHAPE, b=dense)
    turned = np.arange(6, dtype=f64).reshape(2, 3)
    yield "sparse_mat_mul_adjoint", "SparseMatMul", {"adjoint_a": 1, "adjoint_b": 1}, [SPARSE, VALUES, SHAPE, turned], RAW.SparseTensorDenseMatMul(a_indices=SPARSE, a_values=VALUES, a_shape=SHAPE, b=turned, adjoint_a=True, adjoint_b=True)
    for keep in (0, 1):
        for reduction, op in (("sum", RAW.SparseReduceSum), ("max", RAW.SparseReduceMax)):
            yield f"sparse_reduce_{reduction}_{keep}", "SparseReduce", {"reduction": reduction, "keep_dims": keep}, [SPARSE, VALUES, SHAPE, np.array([1], i32)], op(input_indices=SPARSE, input_values=VALUES, input_shape=SHAPE, reduction_axes=[1], keep_dims=bool(keep))
    mixed = SPARSE[[2, 0, 3, 1]]
    yield "sparse_reorder", "SparseReorder", {}, [mixed, VALUES, SHAPE], list(RAW.SparseReorder(input_indices=mixed, input_values=VALUES, input_shape=SHAPE))
    yield "sparse_reshape", "SparseReshape", {}, [SPARSE, SHAPE, np.array([2, -1], i64)], list(RAW.SparseReshape(input_indices=SPARSE, input_shape=SHAPE, new_shape=[2, -1]))
    yield "sparse_slice", "SparseSlice", {}, [SPARSE, VALUES, SHAPE, np.array([0, 1], i64), np.array([3, 2], i64)], list(RAW.SparseSlice(indices=SPARSE, values=VALUES, shape=SHAPE, start=[0, 1], size=[3, 2]))
    yield "sparse_fill_empty_rows", "SparseFillEmptyRows", {}, [SPARSE, VALUES, SHAPE, scalar(7, f64)], list(RAW.SparseFillEmptyRows(indices=SPARSE, values=VALUES, dense_shape=SHAPE, default_value=scalar(7, f64)))
    other, more = np.array([[0, 1], [1, 1]], i64), np.array([-1, 5], f64)
    out = RAW.SparseAdd(a_indices=SPARSE, a_values=VALUES, a_shape=SHAPE, b_indices=other, b_values=more, b_shape=SHAPE, thresh=scalar(0.5, f64))
    yield "sparse_add", "SparseMerge", {"function": "add"}, [SPARSE, VALUES, other, more, scalar(0.5, f64)], list(out)[:2]
    out = RAW.SparseSparseMaximum(a_indices=SPARSE, a_values=VALUES, a_shape=SHAPE, b_indices=other, b_values=more, b_shape=SHAPE)
    yield "sparse_maximum", "SparseMerge", {"function": "max"}, [SPARSE, VALUES, other, more], list(out)


def sparse_matrices():
    indices, more, shape = SPARSE[[1, 2, 0, 3]], np.array([[0, 1], [1, 0], [3, 2], [3, 1]], i64), np.array([4, 3], i64)
    a = RAW.SparseTensorToCSRSparseMatrix(indices=indices, values=VALUES, dense_shape=SHAPE)
    b = RAW.SparseTensorToCSRSparseMatrix(indices=more, values=VALUES, dense_shape=shape)
    first = RAW.CSRSparseMatrixToSparseTensor(sparse_matrix=a, type=f64).indices
    out = RAW.CSRSparseMatrixToSparseTensor(sparse_matrix=RAW.SparseMatrixSparseMatMul(a=a, b=b, type=f64), type=f64)
    yield "sparse_matrix_indices", "SparseMatrixIndices", {}, [indices, VALUES, SHAPE], [first]
    yield "sparse_matrix_product", "SparseMatrixProduct", {}, [first.numpy(), VALUES, SHAPE, more, VALUES, shape], list(out)[:2]


def ragged():
    starts, limits, deltas = np.array([0, 5, 8, 3], i32), np.array([3, 5, 2, 4], i32), np.array([1, 1, -2, 5], i32)
    yield "ragged_range", "RaggedRange", {}, [starts, limits, deltas], list(RAW.RaggedRange(starts=starts, limits=limits, deltas=deltas))
    outer, inner, values = np.array([0, 2, 2, 3], i64), np.array([0, 1, 3, 6], i64), np.arange(6, dtype=f32)
    for shape in ([-1, -1, -1], [2, 2, 2], [4, 1, 3]):
        asked = np.array(shape, i64)
        out = RAW.RaggedTensorToTensor(shape=asked, values=values, default_value=scalar(-1, f32), row_partition_tensors=[outer, inner], row_partition_types=["ROW_SPLITS", "ROW_SPLITS"])
        yield f"ragged_to_dense_{abs(shape[0])}", "RaggedToDense", {"kinds": "SS"}, [asked, values, scalar(-1, f32), outer, inner], out
    rows = np.array([0, 0, 2, 2, 2, 3], i64)
    out = RAW.RaggedTensorToTensor(shape=scalar(-1, i64), values=values, default_value=scalar(0, f32), row_partition_tensors=[scalar(5, i64), rows], row_partition_types=["FIRST_DIM_SIZE", "VALUE_ROWIDS"])
    yield "ragged_to_dense_rows", "RaggedToDense", {"kinds": "FI"}, [scalar(-1, i64), values, scalar(0, f32), scalar(5, i64), rows], out
    yield "ragged_to_sparse", "RaggedToSparse", {}, [outer, inner, values], list(RAW.RaggedTensorToSparse(rt_nested_splits=[outer, inner], rt_dense_values=values))
    out = RAW.RaggedGather(params_nested_splits=[outer, inner], params_dense_values=values, indices=np.array([2, 0, 1, 0], i32), OUTPUT_RAGGED_RANK=2)
    yield "ragged_gather", "RaggedGather", {}, [outer, inner, values, np.array([2, 0, 1, 0], i32)], [*out.output_nested_splits, out.output_dense_values]


def computed():
    x = np.arange(24, dtype=f32).reshape(2, 3, 4)
    yield "permute", "Permute", {}, [x, np.array([2, 0, 1], i32)], tf.transpose(x, [2, 0, 1])
    yield "reverse_axes", "ReverseAxes", {}, [x, np.array([-1, 0], i32)], tf.reverse(x, [-1, 0])
    yield "transpose_last", "TransposeLast", {}, [x], tf.linalg.matrix_transpose(x)
    yield "band_part", "BandPart", {}, [x, scalar(1), scalar(0)], RAW.MatrixBandPart(input=x, num_lower=1, num_upper=0)
    yield "unravel_index", "UnravelIndex", {}, [np.array([3, 11], i32), np.array([3, 4], i32)], RAW.UnravelIndex(indices=[3, 11], dims=[3, 4])
    for name, axis, batch, indices in (("one", 1, 1, [[2, 0], [1, 1]]), ("inner", 2, 1, [[3], [0]]), ("both", 2, 2, [[0, 1, 2], [3, 2, 1]])):
        index = np.array(indices, i32)
        yield f"gather_batch_{name}", "GatherBatch", {"axis": axis, "batch_dims": batch}, [x, index], tf.gather(x, index, axis=axis, batch_dims=batch)
    begin, end, strides = np.array([1, 0, 3], i32), np.array([0, 0, 0], i32), np.array([1, 1, -2], i32)
    for name, masks in (("ends", {"end": 5, "begin": 2, "shrink": 2}), ("new_axis", {"new_axis": 1, "ellipsis": 2, "end": 4}), ("index", {"shrink": 1, "end": 6})):
        kw = {{"end": "end_mask", "begin": "begin_mask", "shrink": "shrink_axis_mask", "new_axis": "new_axis_mask", "ellipsis": "ellipsis_mask"}[k]: v for k, v in masks.items()}
        out = RAW.StridedSlice(input=x, begin=begin, end=end, strides=strides, **kw)
        yield f"strided_slice_{name}", "StridedSlice", masks, [x, begin, end, strides], out
        written = -np.ones(out.shape, f32)
        yield f"strided_slice_update_{name}", "StridedSliceUpdate", masks, [x, begin, end, strides, written], RAW.TensorStridedSliceUpdate(input=x, begin=begin, end=end, strides=strides, value=written, **kw)
    for name, condition in (("rows", np.array([True, False])), ("one", np.array(False)), ("each", x > 7)):
        yield f"choose_{name}", "Choose", {}, [condition, x, -x], RAW.Select(condition=condition, x=x, y=-x)


FAILURES = """
case gather_batch_out_of_range
op firn:GatherBatch 1
attribute axis int 1
attribute batch_dims int 1
in float [1,2] 1 2
in int32 [1,1] -1
out none
fails INVALID_INPUT index 0 is -1, of 2

case strided_slice_of_no_step
op firn:StridedSlice 1
in float [2] 1 2
in int32 [1] 0
in int32 [1] 1
in int32 [1] 0
out none
fails INVALID_INPUT stride 0 is 0

case shift_of_floats
op firn:Shift 1
attribute direction string "left"
in float [1] 1
in float [1] 1
out none
fails UNSUPPORTED Shift does not take float

case floor_div_by_zero
op firn:FloorDiv 1
in int32 [2] 1 2
in int32 [2] 1 0
out none
fails INVALID_INPUT element 1 of the divisor is the integer 0

case bincount_negative
op firn:Bincount 1
in int32 [2] 1 -2
in int32 [] 3
in float [0]
out none
fails INVALID_INPUT value 1 is -2

case segment_out_of_order
op firn:Segment 1
attribute reduction string "sum"
attribute sorted int 1
in float [3] 1 2 3
in int32 [3] 1 0 1
out none
fails INVALID_INPUT id 1 is 0, after 1

case inverse_of_singular
op firn:MatrixInverse 1
in double [2,2] 1 2 2 4
out none
fails INVALID_INPUT matrix 0: the matrix is singular

case cholesky_of_indefinite
op firn:Cholesky 1
in double [2,2] 1 2 2 1
out none
fails INVALID_INPUT not positive definite

case svd_of_many_columns
op firn:Svd 1
in float [1,16] 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
out none
fails UNSUPPORTED the signs of singular vectors

case matrix_diag_that_does_not_fit
op firn:MatrixDiag 1
in float [3] 1 2 3
in int32 [] 0
in int32 [] 2
in int32 [] 3
out none
fails INVALID_INPUT a 2 x 3 matrix does not fit

case sparse_index_out_of_range
op firn:SparseToDense 1
in int64 [1,2] 0 4
in int64 [2] 3 4
in float [1] 1
in float [] 0
out none
fails INVALID_INPUT index 0 is 4 in dimension 1 of 4

case sparse_index_twice
op firn:SparseToDense 1
in int64 [2,1] 1 1
in int64 [1] 3
in float [2] 1 2
in float [] 0
out none
fails INVALID_INPUT index 1 is out of order or repeated

case sparse_reshape_that_does_not_fit
op firn:SparseReshape 1
in int64 [1,2] 0 1
in int64 [2] 3 4
in int64 [2] 5 -1
out none
fails INVALID_INPUT 12 elements do not fit

case ragged_splits_that_fall
op firn:RaggedToDense 1
attribute kinds string "S"
in int64 [] -1
in float [2] 1 2
in float [] 0
in int64 [3] 0 3 2
out none
fails INVALID_INPUT split 2 falls

case ragged_values_that_are_too_few
op firn:RaggedToDense 1
attribute kinds string "S"
in int64 [] -1
in float [2] 1 2
in float [] 0
in int64 [3] 0 1 5
out none
fails INVALID_INPUT splits beyond the values

case ensure_shape_of_another
op firn:EnsureShape 1
attribute rank int 1
attribute dims ints 3
in float [2] 1 2
out none
fails INVALID_INPUT dimension 0 is 2, not 3

case float_to_integer_refuses
op firn:FloatToInteger 1
attribute to int 2
attribute outside string "refuse"
in float [4] 0 255.9 -0.9 256
out none
fails UNSUPPORTED element 3 is 256, which uint8 does not hold

case float_to_integer_takes_the_ends
op firn:FloatToInteger 1
attribute to int 7
attribute outside string "refuse"
in double [3] -9223372036854775808 9223372036854774784 -0.5
out int64 [3] -9223372036854775808 9223372036854774784 0

case float_to_integer_refuses_nan
op firn:FloatToInteger 1
attribute to int 7
attribute outside string "refuse"
in half [2] 1 nan
out none
fails UNSUPPORTED element 1 is nan

case float_to_integer_moved
op firn:FloatToIntegerPacked 1
attribute to int 2
attribute step int 4
attribute moved int 1
in float [5] 1 2.5 255 0 -0.5
out uint8 [5] 1 2 255 0 0

case float_to_integer_moved_below_a_step
op firn:FloatToIntegerPacked 1
attribute to int 2
attribute step int 4
attribute moved int 1
in float [3] 1 2.5 300
out uint8 [3] 1 2 44

case float_to_integer_moved_out_of_range
op firn:FloatToIntegerPacked 1
attribute to int 2
attribute step int 4
attribute moved int 1
in float [5] 1 2.5 255 0 -1
out none
fails UNSUPPORTED element 4 is -1, which uint8 does not hold

case glimpse_of_noise
op firn:ExtractGlimpse 1
attribute noise int 1
in float [1,2,2,1] 1 2 3 4
in int32 [2] 2 2
in float [1,2] 2.5 0
out none
fails UNSUPPORTED window 0 reaches over the edge

case float_to_integer_without_a_step
op firn:FloatToIntegerPacked 1
attribute to int 2
in float [1] 1
out none
fails INVALID_INPUT a step of 0

case list_diff_of_different_types
op firn:ListDiff 1
in float [1] 1
in double [1] 1
out none
fails INVALID_INPUT they must be the same

case top_unsorted_is_as_the_heap_lies
op firn:TopUnsorted 1
in float [2,8] 5 1 4 2 3 9 7 4 0 0 0 0 0 0 0 0
in int32 [] 3
out float [2,3] 5 9 7 0 0 0
out int64 [2,3] 0 5 6 2 1 0

case top_unsorted_of_all_is_sorted
op firn:TopUnsorted 1
in int32 [5] 2 7 2 9 1
in int32 [] 5
out int32 [5] 9 7 2 2 1
out int64 [5] 3 1 0 2 4

case top_unsorted_of_none
op firn:TopUnsorted 1
in int32 [2,3] 2 7 2 9 1 3
in int32 [] 0
out int32 [2,0]
out int64 [2,0]
"""


def main():
    lines = [f"# Made by tests/ops/make_tensorflow.py with TensorFlow {tf.__version__}.", ""]
    for family in (special, divide, bits, casts, glimpses, counts, segments, arrange, matrices, diagonals, sparse, sparse_matrices, ragged, computed):
        for name, op, attributes, inputs, outputs in family():
            outputs = [np.asarray(o) for o in (outputs if isinstance(outputs, list) else [outputs])]
            lines += [f"case {name}", f"op firn:{op} 1"]
            lines += [attribute(k, v) for k, v in attributes.items()]
            lines += ["in " + literal(a) for a in inputs]
            lines += ["out " + literal(o) for o in outputs]
            if any(o.dtype.kind == "f" for o in outputs):
                lines.append("near 1e-11 1e-12" if all(o.dtype in (f64, i32, i64, np.bool_) for o in outputs) else "near 2e-5 1e-6")
            lines.append("")
    text = "\n".join(lines) + FAILURES
    (pathlib.Path(__file__).parent / "tensorflow.txt").write_text(text)


main()
