"""Serialized tf.train.Example and SequenceExample into tensors."""

import numpy as np
import tensorflow as tf

from .operators import GraphCase, random

IO = tf.io
NO_FLOATS = np.zeros(0, np.float32)


def feature(value):
    """None: a feature without a list."""
    if value is None:
        return tf.train.Feature()
    values = list(value)
    if isinstance(value, np.ndarray) or values and isinstance(values[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    if values and isinstance(values[0], (str, bytes)):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[v.encode() if isinstance(v, str) else v for v in values]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def example(**features):
    return tf.train.Example(features=tf.train.Features(feature={k: feature(v) for k, v in features.items()})).SerializeToString()


def sequence(context, **lists):
    found = {k: tf.train.FeatureList(feature=[feature(v) for v in values]) for k, values in lists.items()}
    return tf.train.SequenceExample(context=tf.train.Features(feature={k: feature(v) for k, v in context.items()}), feature_lists=tf.train.FeatureLists(feature_list=found)).SerializeToString()


def batch(*messages):
    return np.array(messages, object)


FULL = batch(
    example(i=[7], f=[0.5], s=["one"], v=[1.5, 2.5, -3.0], w=[5, -6], b=["x", "", "zz"], m=[1, 2, 3, 4]),
    example(i=[-2**62], f=[-1e30], s=[""], v=NO_FLOATS, w=[1], b=["é", b"\xff\x00"], m=[5, 6, 7, 8], other=[3.0]),
    example(i=[0], f=[float("inf")], s=["long " * 30], m=[0, 0, 0, -1]))
GAPS = batch(example(i=[7]), example(), example(i=None, s=["a"]), example(f=[2.0]))
DENSE = {"i": IO.FixedLenFeature([], tf.int64), "f": IO.FixedLenFeature([], tf.float32), "s": IO.FixedLenFeature([], tf.string), "m": IO.FixedLenFeature([2, 2], tf.int64)}
DEFAULTS = {"i": IO.FixedLenFeature([1], tf.int64, default_value=[-1]), "f": IO.FixedLenFeature([], tf.float32, default_value=0.25), "s": IO.FixedLenFeature([], tf.string, default_value="none"),
            "m": IO.FixedLenFeature([2, 2], tf.int64, default_value=[[1, 2], [3, 4]]), "absent": IO.FixedLenFeature([3], tf.float32, default_value=[1.0, 2.0, 3.0])}
VARIABLE = {"v": IO.FixedLenSequenceFeature([], tf.float32, allow_missing=True, default_value=-1.0), "w": IO.FixedLenSequenceFeature([], tf.int64, allow_missing=True), "b": IO.FixedLenSequenceFeature([], tf.string, allow_missing=True, default_value="pad"), "m": IO.FixedLenSequenceFeature([2], tf.int64, allow_missing=True, default_value=9)}
SPARSE = {"v": IO.VarLenFeature(tf.float32), "w": IO.VarLenFeature(tf.int64), "b": IO.VarLenFeature(tf.string), "absent": IO.VarLenFeature(tf.string)}
RAGGED = {"v": IO.RaggedFeature(tf.float32), "w": IO.RaggedFeature(tf.int64, row_splits_dtype=tf.int64), "b": IO.RaggedFeature(tf.string), "p": IO.RaggedFeature(tf.int64, value_key="m", partitions=[IO.RaggedFeature.UniformRowLength(2)])}
BOTH = {"i": DENSE["i"], "s": DENSE["s"], "v": SPARSE["v"], "w": VARIABLE["w"], "b": RAGGED["b"], "m": SPARSE["w"]}
COORDINATES = {"x": IO.SparseFeature(["w"], "v", tf.float32, [10])}


def flat(found):
    """Every tensor of the answer, by name."""
    tensors = []
    for name in sorted(found):
        value = found[name]
        if isinstance(value, tf.SparseTensor):
            tensors += [value.indices, value.values, value.dense_shape]
        elif isinstance(value, tf.RaggedTensor):
            tensors += [value.flat_values, *value.nested_row_splits]
        else:
            tensors.append(value)
    return tensors


def parse(name, features, messages, dynamic=None):
    return GraphCase(name, lambda serialized: flat(IO.parse_example(serialized, features)), {"serialized": messages}, dynamic, operator="ParseExampleV2")


def old(name, keys, messages, dense):
    """ParseExample, of TensorFlow 1. keys: (key, dtype, shape, default)."""
    def build(serialized):
        if dense:
            return tf.raw_ops.ParseExample(serialized=serialized, names=[], sparse_keys=[], dense_keys=[k for k, _, _, _ in keys], dense_defaults=[tf.constant(d, t) for _, t, _, d in keys], sparse_types=[], dense_shapes=[s for _, _, s, _ in keys])
        return tf.raw_ops.ParseExample(serialized=serialized, names=[], sparse_keys=[k for k, _, _, _ in keys], dense_keys=[], dense_defaults=[], sparse_types=[t for _, t, _, _ in keys], dense_shapes=[])

    return GraphCase(name, build, {"serialized": messages}, operator="ParseExample")


def examples():
    for name, features, messages in (("dense", DENSE, FULL), ("defaults", DEFAULTS, FULL[:0]), ("gaps", DEFAULTS, GAPS), ("variable", VARIABLE, FULL), ("sparse", SPARSE, FULL), ("ragged", RAGGED, FULL), ("both", BOTH, FULL), ("coordinates", COORDINATES, batch(example(w=[3, 1], v=[1.0, 2.0]), example(), example(w=[9], v=[5.5])))):
        for dynamic in (None, "dims"):
            yield parse(f"{name}.{dynamic}", features, messages, dynamic)
        yield parse(f"{name}.none", features if name != "coordinates" else SPARSE, np.zeros(0, object))
        if name != "coordinates":
            yield parse(f"{name}.twice", features, np.concatenate([messages] * 40))
        if name not in ("coordinates", "defaults"):
            for i, message in enumerate(messages[:2]):
                yield GraphCase(f"single.{name}.{i}", lambda serialized, features=features: flat(IO.parse_single_example(serialized, features)), {"serialized": np.array(message, object)}, operator="ParseExampleV2")
    yield old("old.dense", [("i", tf.int64, [1], [3]), ("f", tf.float32, [], []), ("s", tf.string, [], "d")], FULL, True)
    yield old("old.variable", [("v", tf.float32, [None], -1.0), ("w", tf.int64, [None], 0)], FULL, True)
    yield old("old.sparse", [("v", tf.float32, 0, 0), ("b", tf.string, 0, 0), ("w", tf.int64, 0, 0)], FULL, False)
    many = {f"k{n}": IO.FixedLenFeature([], tf.int64, default_value=n) for n in range(90)}
    many.update({f"s{n}": IO.VarLenFeature(tf.int64) for n in range(45)})
    many.update({f"r{n}": IO.RaggedFeature(tf.float32) for n in range(40)})
    yield parse("many", many, batch(example(**{f"k{n}": [n * n] for n in range(0, 90, 3)}, **{f"s{n}": list(range(n % 5)) for n in range(45)}, **{f"r{n}": [0.5] * (n % 4) for n in range(40)}), example(s44=[4, 5])))
    unpacked = b"".join(b"\x08" + bytes([n]) for n in (1, 2, 3))
    entry = b"\x0a\x01w\x12" + bytes([len(unpacked) + 2]) + b"\x1a" + bytes([len(unpacked)]) + unpacked
    yield parse("unpacked", {"w": SPARSE["w"]}, batch(b"\x0a" + bytes([len(entry) + 2]) + b"\x0a" + bytes([len(entry)]) + entry))
    twice = b"\x0a\x0c" + b"\x0a\x0a\x0a\x01w\x12\x05\x1a\x03\x0a\x01\x05"
    yield parse("twice the key", {"w": SPARSE["w"]}, batch(twice + b"\x0a\x0c" + b"\x0a\x0a\x0a\x01w\x12\x05\x1a\x03\x0a\x01\x06"))
    for dense in (True, False):
        def single(serialized, dense=dense):
            return tf.raw_ops.ParseSingleExample(serialized=serialized, dense_defaults=[tf.constant([3], tf.int64), tf.constant([], tf.float32)] if dense else [], num_sparse=0 if dense else 2, sparse_keys=[] if dense else ["v", "b"], dense_keys=["i", "f"] if dense else [], sparse_types=[] if dense else [tf.float32, tf.string], dense_shapes=[[1], []] if dense else [])

        for i in range(2):
            yield GraphCase(f"ParseSingleExample.{dense}.{i}", single, {"serialized": np.array(FULL[i], object)}, operator="ParseSingleExample")


SEQUENCES = batch(
    sequence({"i": [3], "s": ["ctx"], "v": [0.5, 1.5]}, steps=[[1, 2], [3, 4], [5, 6]], words=[["a"], ["b", "c"], [""]], x=[[1.0], [2.0], [3.0]]),
    sequence({"i": [-9], "s": ["two"]}, steps=[[7, 8]], words=[["dd"]], x=[[4.0]]),
    sequence({"i": [0], "s": ["three"], "v": NO_FLOATS}, steps=[], words=[None, ["e"]], x=[]))
CONTEXT = {"i": IO.FixedLenFeature([], tf.int64), "s": IO.FixedLenFeature([], tf.string), "d": IO.FixedLenFeature([2], tf.float32, default_value=[1.0, 2.0]), "v": IO.VarLenFeature(tf.float32)}
LISTS = {"steps": IO.FixedLenSequenceFeature([2], tf.int64), "words": IO.VarLenFeature(tf.string), "x": IO.FixedLenSequenceFeature([], tf.float32, allow_missing=True), "none": IO.FixedLenSequenceFeature([], tf.float32, allow_missing=True), "z": IO.VarLenFeature(tf.int64)}
RAGGED_LISTS = {"words": IO.RaggedFeature(tf.string), "steps": IO.RaggedFeature(tf.int64, row_splits_dtype=tf.int64)}


def sequences():
    def read(context, lists, serialized):
        found = IO.parse_sequence_example(serialized, context, lists)
        return flat(found[0]) + flat(found[1]) + flat(found[2])

    for name, context, lists in (("both", CONTEXT, LISTS), ("context", CONTEXT, {}), ("lists", {}, LISTS), ("ragged", {"v": IO.RaggedFeature(tf.float32)}, RAGGED_LISTS)):
        for dynamic in (None, "dims"):
            yield GraphCase(f"sequence.{name}.{dynamic}", lambda serialized, c=context, f=lists: read(c, f, serialized), {"serialized": SEQUENCES}, dynamic, operator="ParseSequenceExampleV2")
        if name != "ragged":
            for i in range(3):
                yield GraphCase(f"single sequence.{name}.{i}", lambda serialized, c=context, f=lists: flat(IO.parse_single_sequence_example(serialized, c, f)[0]) + flat(IO.parse_single_sequence_example(serialized, c, f)[1]), {"serialized": np.array(SEQUENCES[i], object)}, operator="ParseSingleSequenceExample")
    def old(serialized):
        return tf.raw_ops.ParseSequenceExample(
            serialized=serialized, debug_name=[], context_dense_defaults=[tf.constant([], tf.int64), tf.constant("d")], feature_list_dense_missing_assumed_empty=["x"], context_sparse_keys=["v"], context_dense_keys=["i", "s"],
            feature_list_sparse_keys=["words"], feature_list_dense_keys=["steps", "x"], Ncontext_sparse=1, Ncontext_dense=2, Nfeature_list_sparse=1, Nfeature_list_dense=2, context_sparse_types=[tf.float32],
            feature_list_dense_types=[tf.int64, tf.float32], context_dense_shapes=[[], []], feature_list_sparse_types=[tf.string], feature_list_dense_shapes=[[2], []])

    def old_single(serialized):
        return tf.raw_ops.ParseSingleSequenceExample(
            serialized=serialized, feature_list_dense_missing_assumed_empty=["x"], context_sparse_keys=["v"], context_dense_keys=["i", "s"], feature_list_sparse_keys=["words"], feature_list_dense_keys=["steps", "x"],
            context_dense_defaults=[tf.constant([], tf.int64), tf.constant("d")], debug_name="", context_sparse_types=[tf.float32], feature_list_dense_types=[tf.int64, tf.float32], context_dense_shapes=[[], []], feature_list_sparse_types=[tf.string], feature_list_dense_shapes=[[2], []])

    yield GraphCase("ParseSequenceExample", old, {"serialized": SEQUENCES})
    for i in range(3):
        yield GraphCase(f"ParseSingleSequenceExample.{i}", old_single, {"serialized": np.array(SEQUENCES[i], object)}, operator="ParseSingleSequenceExample")


def json_examples():
    """As bytes: what is written, and in which order."""
    def wrapped(kind, *values):
        return [f'{{"features":{{"feature":{{"k":{{"{kind}":{{"value":{value}}}}}}}}}}}' for value in values]

    whole = ["[1,-1,300]", '["7","-9223372036854775808",9223372036854775807]', "[1.0,1e2,-0.0]", '["1e2","2.0"]', "[null]", "[]", "null", "5", '"5"', '["-0"]']
    real = ["[1.5,-0.0,0.1,1e-46,16777217,3.4028235e38]", '["NaN","Infinity","-Infinity","2.5e-1"]', "[null]", "1.5", "[1,2]", "[1.00000005960464477540]"]
    blobs = ['["aGVsbG8=","aGVsbG8"]', '["_-8=","+/8=","_-8"]', '["",null]', '"YQ=="', "[]"]
    others = [
        "{}", " { } ", '{"features":null}', '{"features":{}}', '{"features":{"feature":{}}}', '{"features":{"feature":null}}', '{"features":{"feature":{"a":null,"b":{},"":{"int64List":null}}}}',
        '{"features":{"feature":{"z":{"int64List":{"value":[1]}},"a":{"float_list":{"value":[2]}},"m":{"bytesList":{}}}}}',
        '{"features":{"feature":{"\\u00e9\\ud83d\\ude00\\n":{"bytes_list":{"value":["/w=="]}}}}}', '{"features":{"feature":{"long":{"int64List":{"value":[' + ",".join(map(str, range(300))) + "]}}}}}"]
    for label, texts in {"int64": wrapped("int64List", *whole), "float": wrapped("floatList", *real), "bytes": wrapped("bytesList", *blobs), "others": others}.items():
        yield GraphCase(f"DecodeJSONExample.{label}", lambda x: IO.encode_base64(IO.decode_json_example(x)), {"x": np.array([texts], object)}, operator="DecodeJSONExample")
        for i, text in enumerate(texts):
            yield GraphCase(f"DecodeJSONExample.{label}.{i}", lambda x: IO.encode_base64(IO.decode_json_example(x)), {"x": np.array(text, object)}, operator="DecodeJSONExample")


def cases():
    yield from json_examples()
    yield from examples()
    yield from sequences()
