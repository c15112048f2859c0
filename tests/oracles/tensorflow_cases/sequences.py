"""Sequences decoded, compared and counted."""

import numpy as np
import tensorflow as tf

from .operators import GraphCase, K, free, normal, one, sweep, text, whole


def beams():
    for dtype in (np.float32, np.float64):
        for time, batch, classes in ((5, 2, 4), (12, 3, 6), (30, 2, 28)):
            for width, paths in ((1, 1), (4, 2), (10, 3), (100, 5)):
                for merge in (False, True):
                    lengths = np.array([time, time - 2, 1 if paths < 3 else time][:batch], np.int32)
                    yield from one("CTCBeamSearchDecoder", f"{time}.{classes}.{width}.{paths}.{merge}.{dtype.__name__}", inputs=normal(time, batch, classes, dtype=dtype) * 2, sequence_length=lengths, beam_width=width, top_paths=paths, merge_repeated=merge)
    yield from free("CTCBeamSearchDecoder", inputs=normal(6, 2, 5), sequence_length=np.array([6, 0], np.int32), beam_width=3, top_paths=1)
    yield GraphCase("ctc_beam_search_decoder", lambda x, n: [tf.sparse.to_dense(d, -1) for d in tf.nn.ctc_beam_search_decoder(x, n, 20, 2)[0]], {"x": normal(15, 3, 10) * 3, "n": np.array([15, 9, 12], np.int32)}, operator="CTCBeamSearchDecoder")
    yield GraphCase("ctc_beam_search_decoder_probabilities", lambda x, n: tf.nn.ctc_beam_search_decoder(x, n, 20, 2)[1], {"x": normal(15, 3, 10) * 3, "n": np.array([15, 9, 12], np.int32)}, operator="CTCBeamSearchDecoder")


def sparse_of(rows, dtype):
    """(indices, values, shape) of lists in lists."""
    indices = [(i, j, k) for i, row in enumerate(rows) for j, words in enumerate(row) for k, _ in enumerate(words)]
    values = [w for row in rows for words in row for w in words]
    shape = [len(rows), max(map(len, rows)), max([len(w) for row in rows for w in row] + [1])]
    return np.array(indices, np.int64).reshape(-1, 3), np.array(values, dtype), np.array(shape, np.int64)


def distances():
    found = [[[1, 2, 3], [4]], [[], [5, 5, 6, 7]], [[8], [9]]]
    truth = [[[1, 3], [4, 4]], [[2, 3], [5, 6, 8]], [[], [9]]]
    for dtype in (np.int64, np.int32, np.uint8, np.float32, np.float64, np.int8, object):
        rows = [[[[str(v) for v in w] if dtype is object else w for w in row] for row in side] for side in (found, truth)]
        f, t = sparse_of(rows[0], dtype), sparse_of(rows[1], dtype)
        for normalize in (True, False):
            yield from one("EditDistance", f"{dtype.__name__}.{normalize}", hypothesis_indices=f[0], hypothesis_values=f[1], hypothesis_shape=f[2], truth_indices=t[0], truth_values=t[1], truth_shape=t[2], normalize=normalize)
    f, t = sparse_of(found, np.int64), sparse_of([[[1]]], np.int64)
    yield from free("EditDistance", hypothesis_indices=f[0], hypothesis_values=f[1], hypothesis_shape=f[2], truth_indices=t[0], truth_values=t[1], truth_shape=t[2])
    none = np.zeros((0, 3), np.int64), np.zeros(0, np.int64), np.array([2, 2, 0])
    yield from one("EditDistance", "none", hypothesis_indices=none[0], hypothesis_values=none[1], hypothesis_shape=none[2], truth_indices=none[0], truth_values=none[1], truth_shape=none[2])

    def letters(a, b):
        return tf.edit_distance(tf.strings.unicode_split(a, "UTF-8").to_sparse(), tf.strings.unicode_split(b, "UTF-8").to_sparse(), normalize=False)

    yield GraphCase("edit_distance.words", letters, {"a": text("kitten", "saturday", "", "abc"), "b": text("sitting", "sunday", "x", "abc")}, operator="EditDistance")


def counts():
    splits = np.array([0, 2, 2, 6], np.int64)
    places = np.array([[0, 1], [0, 3], [1, 0], [1, 2], [2, 2], [2, 3]], np.int64)
    for dtype in (np.int32, np.int64):
        for weights in (np.int32, np.int64, np.float32, np.float64):
            for given in (False, True):
                for binary in (False, True):
                    for least, most in ((-1, -1), (12, -1), (2, 5)):
                        label = f"{dtype.__name__}.{weights.__name__}.{given}.{binary}.{least}.{most}"
                        options = {"binary_output": binary, "minlength": least, "maxlength": most}
                        flat = whole(6, low=0, high=8, dtype=dtype)
                        w = (whole(6, low=1, dtype=weights) if np.dtype(weights).kind == "i" else normal(6, dtype=weights)) if given else np.zeros(0, weights)
                        if weights in (np.int64, np.float32) or dtype == np.int64:
                            yield from one("DenseCountSparseOutput", label, values=flat, weights=w, **options)
                            yield from one("DenseCountSparseOutput", f"{label}.rows", values=flat.reshape(2, 3), weights=w.reshape(2, 3) if given else w, **options)
                            yield from one("RaggedCountSparseOutput", label, splits=splits, values=flat, weights=w, **options)
                            yield from one("SparseCountSparseOutput", label, indices=places, values=flat, dense_shape=np.array([4, 4]), weights=w, **options)
    yield from one("SparseCountSparseOutput", "line", indices=places[:, 1:], values=whole(6, low=0, high=3), dense_shape=np.array([4]), weights=np.zeros(0, np.float32), binary_output=False)
    yield from free("DenseCountSparseOutput", values=whole(3, 4, low=0, high=5), weights=np.zeros(0, np.float32), binary_output=False)
    yield GraphCase("sparse.bincount", lambda x: tf.sparse.to_dense(tf.sparse.bincount(x, axis=-1)), {"x": whole(3, 4, low=0, high=5, dtype=np.int64)}, operator="DenseCountSparseOutput")


def cases():
    yield from beams()
    yield from distances()
    yield from counts()
