"""Sparse tensors as messages, softmax of their rows, reductions that stay sparse."""

import numpy as np
import tensorflow as tf

from .operators import GraphCase, K, normal, one, sweep, text

I = np.array([[0, 0], [0, 2], [1, 0], [3, 1]], np.int64)
S = np.array([4, 4], np.int64)
DEEP = np.array([[0, 0, 1], [0, 0, 2], [0, 1, 0], [1, 1, 0], [1, 1, 2]], np.int64)
raw = tf.raw_ops


def messages():
    for dtype in (np.float32, np.float64, np.int32, np.int64, np.bool_, object):
        values = text("a", "", "ccc", "é") if dtype == object else (normal(4) * 9).astype(dtype)
        name = np.dtype(dtype).name
        given = {"sparse_indices": I, "sparse_values": values, "sparse_shape": S}
        for op in ("SerializeSparse", "SerializeManySparse"):
            yield GraphCase(f"{op}.{name}", lambda op=op, **t: tf.io.encode_base64(getattr(raw, op)(**t)), given, operator=op)

        def there(sparse_indices, sparse_values, sparse_shape, many=False, out=tf.string):
            make = raw.SerializeManySparse if many else raw.SerializeSparse
            message = make(sparse_indices=sparse_indices, sparse_values=sparse_values, sparse_shape=sparse_shape, out_type=out)
            return list(raw.DeserializeSparse(serialized_sparse=message, dtype=sparse_values.dtype))

        for out in (tf.string, tf.variant):
            for many in (False, True):
                yield GraphCase(f"DeserializeSparse.{name}.{out.name}.{many}", lambda many=many, out=out, **t: there(many=many, out=out, **t), given, operator="DeserializeSparse")
        yield GraphCase(f"DeserializeManySparse.{name}", lambda sparse_indices, sparse_values, sparse_shape: list(raw.DeserializeManySparse(serialized_sparse=raw.SerializeManySparse(sparse_indices=sparse_indices, sparse_values=sparse_values, sparse_shape=sparse_shape), dtype=sparse_values.dtype)), given, operator="DeserializeManySparse")
    a, b = (tf.io.serialize_sparse(tf.SparseTensor(i, v, s)).numpy() for i, v, s in ((I[:2], [1.0, 2.0], [4, 9]), (I[2:], [3.0, 4.0], [7, 2])))
    yield from one("DeserializeSparse", "several", serialized_sparse=np.array([[a, b], [b, a]]), dtype=tf.float32)
    yield from one("DeserializeManySparse", "several", serialized_sparse=np.array([a, b, a]), dtype=tf.float32)
    yield from one("DeserializeSparse", "one", serialized_sparse=a, dtype=tf.float32)
    yield from one("DeserializeSparse", "one.row", serialized_sparse=np.array([a]), dtype=tf.float32)
    words = tf.io.serialize_sparse(tf.SparseTensor(I[:2], ["long", ""], [4, 9])).numpy()
    yield from one("DeserializeSparse", "words", serialized_sparse=words, dtype=tf.string)
    for op in ("SerializeSparse", "SerializeManySparse"):
        yield GraphCase(f"{op}.none", lambda op=op, **t: tf.io.encode_base64(getattr(raw, op)(**t)), {"sparse_indices": I[:0], "sparse_values": normal(0), "sparse_shape": S}, operator=op)
        yield GraphCase(f"{op}.deep", lambda op=op, **t: tf.io.encode_base64(getattr(raw, op)(**t)), {"sparse_indices": DEEP, "sparse_values": normal(5), "sparse_shape": np.array([3, 2, 3], np.int64)}, operator=op)


def reductions():
    for axes in ([0], [1], [-1], [0, 1]):
        for keep in (False, True):
            for op in ("SparseReduceSumSparse", "SparseReduceMaxSparse"):
                yield from one(op, f"{axes}.{keep}", input_indices=I, input_values=normal(4), input_shape=S, reduction_axes=K(axes), keep_dims=keep)
                yield from one(op, f"{axes}.{keep}.deep", input_indices=DEEP, input_values=normal(5), input_shape=np.array([3, 2, 3], np.int64), reduction_axes=K(axes), keep_dims=keep)
    yield from one("SparseReduceSumSparse", "zero", input_indices=I, input_values=np.array([1, -1, 0, 2], np.float32), input_shape=S, reduction_axes=K([1]))


def softmax():
    yield from sweep("SparseSoftmax", sp_indices=I, sp_values=normal(4) * 3, sp_shape=S)
    yield from one("SparseSoftmax", "deep", sp_indices=DEEP, sp_values=normal(5) * 3, sp_shape=np.array([3, 2, 3], np.int64))
    yield from one("SparseSoftmax", "none", sp_indices=I[:0], sp_values=normal(0), sp_shape=S)


def cases():
    yield from messages()
    yield from reductions()
    yield from softmax()
