"""Reductions, running sums, segments, counting, sorting."""

import numpy as np
import tensorflow as tf

from .operators import K, normal, one, sweep, text, whole

X = normal(2, 3, 4)
SPECIAL = np.array([[1, np.nan, 3], [np.inf, -np.inf, 2], [np.inf, np.inf, 0], [-1, -2, -np.inf]], np.float32)
AXES = ([0], [2], [-1], [0, 2], [-2, 0], [0, 1, 2], [], 1, -3)


def reductions():
    for op in ("Sum", "Prod", "Mean", "Max", "Min", "EuclideanNorm"):
        yield from sweep(op, input=X * 3, axis=K([1]))
        for axis in AXES:
            for keep in (False, True):
                yield from one(op, input=X, axis=K(axis, np.int32), keep_dims=keep)
        yield from one(op, input=X, axis=K([-1], np.int64))
        yield from one(op, "scalar", input=np.float32(3), axis=K([], np.int32))
        for shape, axis in (((0, 3), 0), ((0, 3), 1), ((2, 0), 1), ((0,), 0), ((2, 0, 3), 2)):
            yield from one(op, f"empty{shape}{axis}", input=np.zeros(shape, np.float32), axis=K([axis]))
            yield from one(op, f"empty{shape}{axis}.int32", input=np.zeros(shape, np.int32), axis=K([axis]))
        for axis in (0, 1):
            yield from one(op, f"special{axis}", input=SPECIAL, axis=K(axis))
        yield from one(op, "long", input=normal(3, 5000), axis=K([1]))
        yield from one(op, "wrap.int8", input=np.full((2, 5), 100, np.int8), axis=K([1]))
        yield from one(op, "negative.int32", input=np.array([[-7, -2], [5, -1]], np.int32), axis=K([1]))
        yield from one(op, "rank7", input=normal(1, 2, 1, 3, 2, 1, 2), axis=K([1, 4]))
    flags = np.array([[True, False, True], [True, True, True]])
    for op in ("All", "Any"):
        yield from sweep(op, input=flags, axis=K([1]))
        for axis in ([0], [-1], [0, 1], []):
            for keep in (False, True):
                yield from one(op, input=flags, axis=K(axis, np.int32), keep_dims=keep)
        yield from one(op, "empty", input=np.zeros((0, 3), bool), axis=K([0]))
        yield from one(op, "empty1", input=np.zeros((2, 0), bool), axis=K([1]))
    for op in ("ArgMax", "ArgMin"):
        for dimension in (0, 1, 2, -1, -3):
            yield from one(op, input=X, dimension=K(dimension))
        yield from sweep(op, input=X * 4, dimension=K(1))
        yield from one(op, "ties", input=np.array([[1, 3, 3], [0, 0, 0], [2, 1, 2]], np.float32), dimension=K(1))
        for axis in (0, 1):
            yield from one(op, f"special{axis}", input=SPECIAL, dimension=K(axis))
        yield from one(op, "bool", input=flags, dimension=K(1))
        yield from one(op, "vector", input=normal(5), dimension=K(0))


def running():
    for op in ("Cumsum", "Cumprod", "CumulativeLogsumexp"):
        yield from sweep(op, x=X * 2, axis=K(1))
        for axis in (0, -1, 2):
            for exclusive in (False, True):
                for reverse in (False, True):
                    yield from one(op, x=X, axis=K(axis), exclusive=exclusive, reverse=reverse)
        yield from one(op, "empty", x=np.zeros((0, 3), np.float32), axis=K(0))
        yield from one(op, "special", x=SPECIAL, axis=K(1))
        yield from one(op, "long", x=normal(1000), axis=K(0))


def segments():
    ids = np.array([0, 0, 2, 2, 4], np.int32)
    data = normal(5, 3)
    for kind in ("Sum", "Prod", "Mean", "Max", "Min"):
        yield from sweep(f"Segment{kind}", data=data * 3, segment_ids=ids)
        yield from one(f"Segment{kind}", data=normal(5), segment_ids=ids)
        yield from one(f"Segment{kind}", data=normal(5, 2, 2), segment_ids=np.arange(5, dtype=np.int64))
        yield from one(f"Segment{kind}", "empty", data=np.zeros((0, 3), np.float32), segment_ids=np.zeros(0, np.int32))
        if kind == "Mean":
            continue
        unsorted = np.array([3, 0, 3, -1, 1], np.int32)
        yield from sweep(f"UnsortedSegment{kind}", data=data * 3, segment_ids=unsorted, num_segments=K(5))
        yield from one(f"UnsortedSegment{kind}", "matrix", data=normal(2, 2, 3), segment_ids=np.array([[0, 2], [2, 2]], np.int32), num_segments=K(3))
        yield from one(f"UnsortedSegment{kind}", "empty", data=np.zeros((0, 3), np.float32), segment_ids=np.zeros(0, np.int32), num_segments=K(2))
        for dtype in (np.int32, np.uint8, np.float64, np.float16):
            yield from one(f"UnsortedSegment{kind}", f"missing.{np.dtype(dtype).name}", data=np.ones((2, 2), dtype), segment_ids=np.array([0, 2], np.int32), num_segments=K(4))
    indices, rows = np.array([0, 3, 3, 1], np.int32), np.array([0, 0, 2, 3], np.int32)
    for kind in ("Sum", "Mean", "SqrtN"):
        yield from sweep(f"SparseSegment{kind}", data=data, indices=indices, segment_ids=rows)
        yield from sweep(f"SparseSegment{kind}WithNumSegments", data=data, indices=indices, segment_ids=rows, num_segments=K(6))
        yield from one(f"SparseSegment{kind}", "vector", data=normal(5), indices=indices, segment_ids=rows)
        yield from one(f"SparseSegment{kind}", "empty", data=data, indices=indices[:0], segment_ids=rows[:0])
        yield from one(f"SparseSegment{kind}WithNumSegments", "empty", data=data, indices=indices[:0], segment_ids=rows[:0], num_segments=K(2))
    yield from one("UnsortedSegmentJoin", inputs=text("a", "b", "c", "d"), segment_ids=np.array([1, 0, 1, 3], np.int32), num_segments=K(4), separator="-")


def counting():
    values = np.array([1, 1, 3, 0, 7], np.int32)
    for weights in (np.zeros(0, np.float32), normal(5), np.zeros(0, np.int32), np.arange(5, dtype=np.int64), normal(5).astype(np.float64)):
        yield from one("Bincount", f"{weights.dtype.name}.{weights.size}", arr=values, size=K(5), weights=weights)
        for binary in (False, True):
            yield from one("DenseBincount", f"{weights.dtype.name}.{weights.size}.{binary}", input=values, size=K(5), weights=weights, binary_output=binary)
    yield from one("DenseBincount", "matrix", input=whole(2, 4, low=0, high=5), size=K(5), weights=np.zeros(0, np.float32), binary_output=False)
    yield from one("DenseBincount", "matrix.binary", input=whole(2, 4, low=0, high=5), size=K(6), weights=np.zeros(0, np.float32), binary_output=True)
    yield from one("DenseBincount", "matrix.weights", input=whole(2, 4, low=0, high=5), size=K(6), weights=normal(2, 4), binary_output=False)
    yield from one("DenseBincount", "int64", input=whole(6, low=0, high=5, dtype=np.int64), size=K(5, np.int64), weights=np.zeros(0, np.float32))
    yield from one("Bincount", "fed", arr=values, size=np.int32(4), weights=np.zeros(0, np.float32))
    for binary in (False, True):
        yield from one("DenseCountSparseOutput", values=whole(2, 4, low=0, high=5), weights=np.zeros(0, np.float32), binary_output=binary, minlength=4, maxlength=6)
    for dtype in (tf.int32, tf.int64):
        yield from one("HistogramFixedWidth", values=normal(20) * 3, value_range=K([-2.0, 2.0]), nbins=K(5), dtype=dtype)
    yield from sweep("HistogramFixedWidth", values=whole(20), value_range=K([-5, 5]), nbins=K(5), dtype=tf.int32)
    for boundaries in ([0.0, 1.0, 2.5], [], [1.0]):
        yield from one("Bucketize", f"{boundaries}", input=np.array([-1, 0, 0.5, 1, 2.5, 3, np.inf, -np.inf], np.float32), boundaries=boundaries)
    yield from sweep("Bucketize", input=whole(2, 3), boundaries=[-2.0, 0.0, 3.0])
    sorted_inputs = np.sort(whole(2, 6), axis=1)
    for op in ("LowerBound", "UpperBound"):
        yield from sweep(op, sorted_inputs=sorted_inputs, values=whole(2, 4))
        yield from one(op, "float", sorted_inputs=np.array([[1, 2, 2, 3]], np.float32), values=np.array([[2, 0, 9, 2.5]], np.float32))


def sorting():
    ties = np.array([[3, 1, 3, 2], [0, 0, 0, 0], [-1, -2, 5, 5]], np.float32)
    for k in (0, 1, 3, 4):
        for ordered in (True, False):
            yield from one("TopKV2", input=ties, k=K(k), sorted=ordered)
    for k in (2, 5, 16, 17, 39):
        yield from one("TopKV2", f"heap{k}", input=normal(3, 40), k=K(k), sorted=False)
        yield from one("TopKV2", f"heap-ties{k}", input=whole(2, 40, low=0, high=6), k=K(k), sorted=False)
    yield from sweep("TopKV2", input=whole(2, 2, 5), k=K(2))
    yield from one("TopKV2", "vector", input=normal(7), k=K(7))
    yield from one("TopKV2", "infinite", input=np.array([np.inf, 1, -np.inf, np.inf], np.float32), k=K(4))
    for op in ("InTopK", "InTopKV2"):
        k = {"k": 2} if op == "InTopK" else {"k": K(2)}
        yield from one(op, predictions=ties, targets=np.array([0, 3, 2], np.int32), **k)
        yield from one(op, "special", predictions=np.array([[np.nan, 1], [np.inf, 1], [1, 1], [0, 2]], np.float32), targets=np.array([0, 0, 5, 0], np.int32), **k)
        yield from one(op, "one", predictions=ties, targets=np.array([0, 3, 2], np.int64), **({"k": 1} if op == "InTopK" else {"k": K(1, np.int64)}))
    for reverse in (False, True):
        yield from one("NthElement", input=normal(2, 6), n=K(2), reverse=reverse)
    yield from sweep("NthElement", input=whole(2, 6), n=K(1))
    x = np.array([4, 1, 4, 2, 1, 9], np.int32)
    for index in (tf.int32, tf.int64):
        yield from one("Unique", x=x, out_idx=index)
        yield from one("UniqueWithCounts", x=x, out_idx=index)
    yield from sweep("Unique", x=x)
    yield from sweep("UniqueWithCounts", x=x)
    yield from one("Unique", "text", x=text("b", "a", "b", ""))
    yield from one("Unique", "zeros", x=np.array([2.5, 0.0, -0.0, 2.5, 1], np.float32))
    rows = np.array([[1, 2], [0, 1], [1, 2]], np.int32)
    for op in ("UniqueV2", "UniqueWithCountsV2"):
        yield from one(op, "none", x=x, axis=K([], np.int64))
        yield from one(op, "rows", x=rows, axis=K([0], np.int64))
        yield from one(op, "columns", x=rows, axis=K([1], np.int64))
        yield from sweep(op, x=x, axis=K([0]))
    yield from sweep("ListDiff", x=x, y=np.array([1, 9], np.int32))
    yield from one("ListDiff", "text", x=text("b", "a", "b", ""), y=text("a"))
    yield from one("ApproxTopK", input=normal(2, 8), k=3)
    yield from one("ApproxTopK", "min", input=normal(2, 8), k=3, is_max_k=False)
    yield from one("IsotonicRegression", input=normal(2, 6))


def cases():
    yield from reductions()
    yield from running()
    yield from segments()
    yield from counting()
    yield from sorting()
