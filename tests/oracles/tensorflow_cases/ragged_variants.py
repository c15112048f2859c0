"""Ragged tensors as variants: alone, and how tf.map_fn and the like take them apart and join them."""

import numpy as np
import tensorflow as tf

from .exports import OldControlFlow
from .operators import GraphCase, normal, text, whole
from .savedmodel import function_case

raw = tf.raw_ops
SPLITS = np.array([0, 2, 2, 5, 6], np.int64)


def ragged(values, *splits):
    return tf.RaggedTensor.from_nested_row_splits(values, splits, validate=False)


def flat(value):
    return [*value.nested_row_splits, value.flat_values] if isinstance(value, tf.RaggedTensor) else [value]


def there_and_back():
    for dtype in (np.float32, np.float64, np.int32, np.int64, np.bool_, np.uint8, object):
        values = text(*"abcdef") if dtype == object else (normal(6) * 9).astype(dtype)
        name = np.dtype(dtype).name

        def whole_of(values, splits):
            v = raw.RaggedTensorToVariant(rt_nested_splits=[splits], rt_dense_values=values, batched_input=False)
            return flat_of(v, 1, 1, values.dtype, splits.dtype)

        def rows_of(values, splits):
            v = raw.RaggedTensorToVariant(rt_nested_splits=[splits], rt_dense_values=values, batched_input=True)
            return flat_of(v, 0, 1, values.dtype, splits.dtype)

        for splits in (SPLITS, SPLITS.astype(np.int32), np.array([0, 0, 0, 6], np.int64)):
            given = {"values": values, "splits": splits}
            label = f"{name}.{splits.dtype}.{len(splits)}"
            yield GraphCase(f"whole.{label}", whole_of, given, operator="RaggedTensorFromVariant")
            yield GraphCase(f"rows.{label}", rows_of, given, operator="RaggedTensorToVariant")
    deep = {"values": normal(6, 2), "outer": np.array([0, 1, 1, 3, 4], np.int64), "inner": SPLITS}
    for batched in (False, True):
        def two(values, outer, inner, batched=batched):
            v = raw.RaggedTensorToVariant(rt_nested_splits=[outer, inner], rt_dense_values=values, batched_input=batched)
            return flat_of(v, 1 if batched else 2, 2, values.dtype, outer.dtype)

        yield GraphCase(f"deep.{batched}", two, deep, operator="RaggedTensorFromVariant")
    yield GraphCase("row", lambda values, splits: flat_of(raw.RaggedTensorToVariant(rt_nested_splits=[splits], rt_dense_values=values, batched_input=True)[2], 0, 0, values.dtype, splits.dtype), {"values": normal(6), "splits": SPLITS}, operator="RaggedTensorFromVariant")
    yield GraphCase("matrix", lambda values, splits: flat_of(tf.reshape(raw.RaggedTensorToVariant(rt_nested_splits=[splits], rt_dense_values=values, batched_input=True), [2, 2]), 0, 2, values.dtype, splits.dtype), {"values": normal(6), "splits": SPLITS}, operator="RaggedTensorFromVariant")


def flat_of(variant, inner, outer, dtype, splits):
    found = raw.RaggedTensorFromVariant(encoded_ragged=variant, input_ragged_rank=inner, output_ragged_rank=outer, Tvalues=dtype, Tsplits=splits)
    return [*found.output_nested_splits, found.output_dense_values]


def mapped():
    given = {"values": normal(6), "splits": SPLITS}
    f = tf.float32
    ways = {
        "sum": lambda v, s: tf.map_fn(tf.reduce_sum, ragged(v, s), fn_output_signature=f),
        "twice": lambda v, s: tf.map_fn(lambda x: x * 2, ragged(v, s), fn_output_signature=tf.RaggedTensorSpec([None], f, 0)),
        "sorted": lambda v, s: tf.map_fn(tf.sort, ragged(v, s), fn_output_signature=tf.RaggedTensorSpec([None], f, 0)),
        "longer": lambda v, s: tf.map_fn(lambda x: tf.concat([x, [1.0]], 0), ragged(v, s), fn_output_signature=tf.RaggedTensorSpec([None], f, 0)),
        "ranges": lambda v, s: tf.map_fn(lambda n: tf.range(n), tf.cast(ragged(v, s).row_lengths(), tf.int32), fn_output_signature=tf.RaggedTensorSpec([None], tf.int32, 0)),
        "nested": lambda v, s: tf.map_fn(lambda x: tf.RaggedTensor.from_row_lengths(tf.concat([x, x], 0), [tf.size(x), tf.size(x)]), ragged(v, s), fn_output_signature=tf.RaggedTensorSpec([None, None], f, 1)),
        "pair": lambda v, s: tf.map_fn(lambda t: t[0] + tf.cast(t[1], f), (ragged(v, s), ragged(v, s).row_lengths()), fn_output_signature=tf.RaggedTensorSpec([None], f, 0)),
        "dense": lambda v, s: tf.map_fn(lambda x: tf.stack([tf.reduce_min(x), tf.reduce_max(x)]), ragged(v, s), fn_output_signature=tf.TensorSpec([2], f)),
    }
    for name, way in ways.items():
        yield function_case(f"map_fn.{name}", lambda v, s, way=way: dict(zip("abcdefgh", flat(way(v, s)))), [tf.TensorSpec([None], f), tf.TensorSpec([None], tf.int64)], {"v": given["values"], "s": given["splits"]})
        yield OldControlFlow(f"map_fn.{name}.v1", lambda v, s, way=way: flat(way(v, s)), {"v": given["values"], "s": given["splits"]})
    yield function_case("map_fn.words", lambda v, s: dict(zip("abc", flat(tf.map_fn(lambda x: tf.strings.upper(x), ragged(v, s), fn_output_signature=tf.RaggedTensorSpec([None], tf.string, 0))))), [tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.int64)], {"v": text(*"abcdef"), "s": SPLITS})
    yield function_case("map_fn.deep", lambda v, o, s: dict(zip("abcd", flat(tf.map_fn(lambda x: tf.reduce_sum(x, 1), ragged(v, o, s), fn_output_signature=tf.RaggedTensorSpec([None], f, 0))))), [tf.TensorSpec([None], f), tf.TensorSpec([None], tf.int64), tf.TensorSpec([None], tf.int64)], {"v": normal(6), "o": np.array([0, 1, 1, 3, 4]), "s": SPLITS})


def crossed():
    rows, words, numbers = np.array([0, 2, 3], np.int64), text("a", "b", "c"), whole(4, dtype=np.int64)
    other = np.array([0, 1, 4], np.int64)
    indices, dense = np.array([[0, 0], [1, 0], [1, 1]], np.int64), text("x", "y")[:, None]
    given = {"words": words, "rows": rows, "numbers": numbers, "other": other, "indices": indices, "dense": dense}

    def both(words, rows, numbers, other, indices, dense, how):
        a, b = ragged(words, rows), ragged(numbers, other)
        return flat(how(a, b, tf.SparseTensor(indices, tf.strings.as_string(numbers[:3]), [2, 2]), dense))

    ways = {
        "two": lambda a, b, s, d: tf.ragged.cross([a, b]), "hashed": lambda a, b, s, d: tf.ragged.cross_hashed([a, b]), "buckets": lambda a, b, s, d: tf.ragged.cross_hashed([a, b], 100), "key": lambda a, b, s, d: tf.ragged.cross_hashed([b, a], 100, hash_key=11),
        "dense": lambda a, b, s, d: tf.ragged.cross([d, a]), "sparse": lambda a, b, s, d: tf.ragged.cross([a, s]), "all": lambda a, b, s, d: tf.ragged.cross([s, a, d, b]), "all.hashed": lambda a, b, s, d: tf.ragged.cross_hashed([s, b, d, a], 1000), "one": lambda a, b, s, d: tf.ragged.cross([a]),
    }
    for name, way in ways.items():
        yield GraphCase(f"cross.{name}", lambda way=way, **t: both(how=way, **t), given, operator="RaggedCross")


def cases():
    yield from there_and_back()
    yield from mapped()
    yield from crossed()
