"""Messages whose description lies in the model: fields into tensors (DecodeProtoV2) and back (EncodeProto)."""

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from .operators import GraphCase

raw = tf.raw_ops
KINDS = {"double": 1, "float": 2, "int64": 3, "uint64": 4, "int32": 5, "fixed64": 6, "fixed32": 7, "bool": 8, "string": 9, "bytes": 12, "uint32": 13, "sfixed32": 15, "sfixed64": 16, "sint32": 17, "sint64": 18}
TYPES = {"double": [tf.float64], "float": [tf.float32, tf.float64], "int64": [tf.int64], "uint64": [tf.uint64], "int32": [tf.int32, tf.int64], "fixed64": [tf.uint64], "fixed32": [tf.uint32, tf.uint64], "bool": [tf.bool], "string": [tf.string], "bytes": [tf.string], "uint32": [tf.uint32, tf.uint64], "sfixed32": [tf.int32, tf.int64], "sfixed64": [tf.int64], "sint32": [tf.int32, tf.int64], "sint64": [tf.int64]}
DEFAULTS = {"double": "-1.5e3", "float": "inf", "int64": "-9000000000", "uint64": "18446744073709551615", "int32": "-7", "fixed64": "70000", "fixed32": "300", "bool": "true", "string": "hé", "bytes": "a\\001\\000z\\377\\n\\\"", "uint32": "4000000000", "sfixed32": "-2", "sfixed64": "5", "sint32": "-300", "sint64": "1"}
VALUES = {"double": [0.1, -1e300, float("nan")], "float": [0.5, -2.25, float("-inf")], "int64": [-1, 2**63 - 1, 0], "uint64": [2**64 - 1, 1, 0], "int32": [-1, 2**31 - 1, 0], "fixed64": [2**63, 5, 0], "fixed32": [2**32 - 1, 1, 0], "bool": [True, False, True], "string": ["", "é", "abc"], "bytes": [b"\xff\x00", b"", b"x"], "uint32": [2**32 - 1, 300, 0], "sfixed32": [-(2**31), 5, 0], "sfixed64": [-(2**63), 3, 0], "sint32": [-1, 64, -(2**31)], "sint64": [1, -(2**63), 0]}


def described(syntax):
    file = descriptor_pb2.FileDescriptorProto(name="all.proto", package="firn.test", syntax=syntax)
    outer = file.message_type.add(name="Outer")
    message = outer.nested_type.add(name="All")
    enum = outer.enum_type.add(name="Size")
    for name, number in (("NONE", 0), ("SMALL", 7), ("LARGE", -3)) if syntax == "proto3" else (("SMALL", 7), ("LARGE", -3)):
        enum.value.add(name=name, number=number)
    number = 0
    for kind, code in KINDS.items():
        for name, label, packed in (("one", 1, None), ("plain", 1, None), ("many", 3, None), ("packed", 3, True), ("apart", 3, False)):
            if packed is not None and kind in ("string", "bytes"):
                continue
            number += 1
            field = message.field.add(name=f"{kind}_{name}", number=number, type=code, label=label)
            if name == "one" and syntax == "proto2":
                field.default_value = DEFAULTS[kind]
            if packed is not None:
                field.options.packed = packed
    for name, label in (("size", 1), ("sizes", 3), ("large", 1)):
        number += 1
        field = message.field.add(name=name, number=number, type=14, label=label, type_name=".firn.test.Outer.Size")
        if name == "large" and syntax == "proto2":
            field.default_value = "LARGE"
    for name, label in (("inner", 1), ("inners", 3)):
        message.field.add(name=name, number=3000 + label, type=11, label=label, type_name=".firn.test.Outer.All")
    other = descriptor_pb2.FileDescriptorProto(name="other.proto", package="firn", syntax="proto3")
    other.message_type.add(name="tes").field.add(name="x", number=1, type=5, label=1)
    return b"bytes://" + descriptor_pb2.FileDescriptorSet(file=[other, file]).SerializeToString(), file


def messages(file):
    """Empty, full, and with some."""
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("firn.test.Outer.All"))
    full, some = kind(), kind()
    for name, values in VALUES.items():
        setattr(full, f"{name}_one", values[0])
        setattr(full, f"{name}_plain", values[2])
        for label in ("many", "packed", "apart"):
            if hasattr(full, f"{name}_{label}"):
                getattr(full, f"{name}_{label}").extend(values)
                getattr(some, f"{name}_{label}").extend(values[1:2])
    full.size, full.large = 7, 7
    full.sizes.extend([-3, 7])
    full.inner.int32_one = 5
    full.inners.add().string_one = "x"
    full.inners.add()
    return kind().SerializeToString(), full.SerializeToString(), some.SerializeToString()


def shown(values):
    return [tf.io.encode_base64(v) if v.dtype == tf.string else v for v in values]


def decoding(syntax, source, file):
    common = dict(message_type="firn.test.Outer.All", descriptor_source=source)
    texts = np.array(messages(file), object)

    def read(x, names, types):
        found = raw.DecodeProtoV2(bytes=x, field_names=names, output_types=types, **common)
        return [found.sizes, *shown(found.values)]

    for kind, types in TYPES.items():
        names = [f"{kind}_{n}" for n in ("one", "plain", "many", "packed", "apart")][: 3 if kind in ("string", "bytes") else 5]
        for dtype in types:
            for label, x in (("batch", texts), ("grid", texts.reshape(3, 1)), ("scalar", texts[1]), ("empty", texts[:1])):
                yield GraphCase(f"Decode.{syntax}.{kind}.{dtype.name}.{label}", lambda x, names=names[::-1], dtype=dtype: read(x, names, [dtype] * len(names)), {"x": np.array(x, object)}, operator="DecodeProtoV2")
    names = ["sizes", "inner", "size", "large", "inners", "bool_many"]
    yield GraphCase(f"Decode.{syntax}.others", lambda x: read(x, names, [tf.int32, tf.string, tf.int32, tf.int32, tf.string, tf.bool]), {"x": texts}, "dims", operator="DecodeProtoV2")
    yield GraphCase(f"Decode.{syntax}.none", lambda x: read(x, [], []), {"x": texts}, operator="DecodeProtoV2")
    number = {f.name: f.number for f in file.message_type[0].nested_type[0].field}
    tag = lambda name, wire: varint(number[name] << 3 | wire)
    odd = [tag("int32_one", 2) + b"\x02\x01\x02", tag("int32_many", 0) + b"\x05" + tag("int32_many", 2) + b"\x03\x81\x01\x02", tag("int32_one", 0) + b"\x01" + tag("int32_one", 0) + b"\x81\x80\x80\x80\x10", tag("int32_one", 5) + b"abcd", b"\xf8\xff\x07\x01", tag("bool_one", 0) + b"\x80\x80\x80\x80\x10", tag("string_one", 2) + b"\x01\xff", tag("int32_many", 2) + b"\x00"]
    for i, text in enumerate(odd):
        yield GraphCase(f"Decode.{syntax}.odd.{i}", lambda x: read(x, ["int32_one", "int32_many", "bool_one", "string_one"], [tf.int32, tf.int64, tf.bool, tf.string]), {"x": np.array([text], object)}, operator="DecodeProtoV2")


def varint(value):
    found = b""
    while value > 127:
        found, value = found + bytes([value & 127 | 128]), value >> 7
    return found + bytes([value])


def encoding(syntax, source):
    def write(sizes, values, names):
        return tf.io.encode_base64(raw.EncodeProto(sizes=sizes, values=values, field_names=names, message_type="firn.test.Outer.All", descriptor_source=source))

    for kind, types in TYPES.items():
        labels = ("many", "one") if kind in ("string", "bytes") else ("packed", "many", "apart", "one")
        for dtype in types:
            numpy = object if dtype == tf.string else dtype.as_numpy_dtype
            values = np.array([VALUES[kind], VALUES[kind][::-1]], numpy)
            sizes = np.array([[3, 0, 2, 1], [1, 3, 0, 0]], np.int32)[:, : len(labels)] if len(labels) == 4 else np.array([[3, 1], [0, 0]], np.int32)
            yield GraphCase(f"Encode.{syntax}.{kind}.{dtype.name}", lambda sizes, values, labels=labels, kind=kind: write(sizes, [values] * len(labels), [f"{kind}_{n}" for n in labels]), {"sizes": sizes, "values": values}, operator="EncodeProto")
    mixed = {"sizes": np.array([[[2, 1, 1]]], np.int32), "a": np.array([[[7, -3]]], np.int32), "b": np.array([[["x\x00"]]], object), "c": np.array([[[True]]])}
    yield GraphCase(f"Encode.{syntax}.mixed", lambda sizes, a, b, c: write(sizes, [a, b, c], ["sizes", "inner", "bool_one"]), mixed, "dims", operator="EncodeProto")


def cases():
    for syntax in ("proto2", "proto3"):
        source, file = described(syntax)
        yield from decoding(syntax, source, file)
        yield from encoding(syntax, source)
