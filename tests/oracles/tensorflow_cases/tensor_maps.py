"""Maps of tensors and composite tensors, as variants."""

import numpy as np
import tensorflow as tf
from tensorflow.python.ops import composite_tensor_ops

from .operators import GraphCase, normal, text
from .savedmodel import function_case

raw = tf.raw_ops
KEYS = {"int32": [np.int32(k) for k in (5, -2, 9)], "int64": [np.int64(k) for k in (5, -2, 9)], "float32": [np.float32(k) for k in (0.0, -0.0, np.nan)], "string": [np.array(k, object) for k in ("a", "", "abc")],
        "vector": [np.array(k, np.int32) for k in ([1, 2], [2, 1], [1, 2, 3])], "words": [np.array(k, object) for k in (["a", "b"], ["ab", ""], ["a"])], "bool": [np.bool_(k) for k in (True, False)], "mixed": [np.int32(1), np.int64(1), np.array([1], np.int32)]}


def mapped(keys, values):
    m = raw.EmptyTensorMap()
    for key, value in zip(keys, values):
        m = raw.TensorMapInsert(input_handle=m, key=key, value=value)
    return m


def case(operator, name, build, **arguments):
    return GraphCase(f"{operator}.{name}", build, arguments, operator=operator)


def answers(m, key, dtype=tf.float32):
    return [raw.TensorMapHasKey(input_handle=m, key=key), raw.TensorMapSize(input_handle=m)]


def maps():
    x, y, z = normal(2, 3), normal(2, 3), normal(2, 3)
    given = {"x": x, "y": y, "z": z}
    for name, keys in KEYS.items():
        some = list(keys)
        yield case("TensorMapSize", name, lambda x, y, z, some=some: raw.TensorMapSize(input_handle=mapped([*some, some[0]], [x, y, z, x])), **given) if len(keys) > 2 else case("TensorMapSize", name, lambda x, y, some=some: raw.TensorMapSize(input_handle=mapped(some, [x, y])), x=x, y=y)
        for i, key in enumerate(keys):
            yield case("TensorMapLookup", f"{name}.{i}", lambda x, y, z, key=key, some=some: raw.TensorMapLookup(input_handle=mapped(some, [x, y, z]), key=key, value_dtype=tf.float32), **given)
            yield case("TensorMapHasKey", f"{name}.{i}", lambda x, y, key=key, some=some: answers(mapped(some[:2], [x, y]), key), x=x, y=y)
            yield case("TensorMapErase", f"{name}.{i}", lambda x, y, z, key=key, some=some: answers(raw.TensorMapErase(input_handle=mapped(some, [x, y, z]), key=key, value_dtype=tf.float32), some[0]), **given)
            yield case("TensorMapStackKeys", f"{name}.{i}", lambda x, key=key: [raw.TensorMapStackKeys(input_handle=mapped([key], [x]), key_dtype=tf.convert_to_tensor(key).dtype)], x=x)
            # keys that are known when it runs
            for j, other in enumerate(keys):
                if other.dtype != key.dtype or other.shape != key.shape:
                    continue
                shown = {"k": key, "l": other, "x": x, "y": y}
                label = f"{name}.fed.{i}.{j}"
                yield case("TensorMapInsert", label, lambda k, l, x, y: [raw.TensorMapLookup(input_handle=mapped([k, l], [x, y]), key=l, value_dtype=tf.float32), raw.TensorMapLookup(input_handle=mapped([k, l], [x, y]), key=k, value_dtype=tf.float32), *answers(mapped([k, l], [x, y]), k)], **shown)
                yield case("TensorMapHasKey", label, lambda k, l, x: answers(mapped([k], [x]), l), k=key, l=other, x=x)
                yield case("TensorMapErase", label, lambda k, l, x, y: [*answers(raw.TensorMapErase(input_handle=mapped([k, l], [x, y]), key=k, value_dtype=tf.float32), l)], **shown)
                yield case("TensorMapLookup", label, lambda k, l, x, y, other=other: raw.TensorMapLookup(input_handle=mapped([k, other], [x, y]), key=l, value_dtype=tf.float32), **shown)
    yield case("TensorMapInsert", "again", lambda x, y: raw.TensorMapLookup(input_handle=mapped([1, 1], [x, y]), key=1, value_dtype=tf.float32), x=x, y=y)
    yield case("EmptyTensorMap", "", lambda x: [raw.TensorMapSize(input_handle=raw.EmptyTensorMap()), x], x=x)
    yield case("TensorMapLookup", "kinds", lambda x, w: [raw.TensorMapLookup(input_handle=mapped([1, "a"], [x, w]), key="a", value_dtype=tf.string), raw.TensorMapLookup(input_handle=mapped([1, "a"], [x, w]), key=1, value_dtype=tf.float32)], x=x, w=text("p", "q"))
    yield case("TensorMapStackKeys", "sorted", lambda x: tf.sort(raw.TensorMapStackKeys(input_handle=mapped([3, 1, 2], [x, x, x]), key_dtype=tf.int32)), x=x)
    yield case("TensorMapLookup", "branch", lambda x, p: tf.cond(p, lambda: raw.TensorMapLookup(input_handle=mapped([1], [x]), key=1, value_dtype=tf.float32), lambda: x * 2), x=x, p=np.bool_(True))


def composites():
    there, back = composite_tensor_ops.composite_tensor_to_variants, composite_tensor_ops.composite_tensor_from_variant
    i, v, s = np.array([[0, 1], [1, 2]], np.int64), normal(2), np.array([2, 3], np.int64)

    def sparse(i, v, s):
        x = tf.SparseTensor(i, v, s)
        y = back(there(x), x._type_spec)
        return [y.indices, y.values, y.dense_shape]

    def ragged(v, splits):
        x = tf.RaggedTensor.from_row_splits(v, splits, validate=False)
        y = back(there(x), x._type_spec)
        return [y.flat_values, *y.nested_row_splits]

    for operator in ("CompositeTensorVariantFromComponents", "CompositeTensorVariantToComponents"):
        yield case(operator, "sparse", sparse, i=i, v=v, s=s)
        yield case(operator, "ragged", ragged, v=text("a", "b", "c"), splits=np.array([0, 1, 1, 3], np.int64))
    yield function_case("composite.called", lambda i, v, s: dict(zip("abc", sparse(i, v, s))), [tf.TensorSpec([None, 2], tf.int64), tf.TensorSpec([None], tf.float32), tf.TensorSpec([2], tf.int64)], {"i": i, "v": v, "s": s})


def cases():
    yield from maps()
    yield from composites()
