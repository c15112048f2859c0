# SPDX-License-Identifier: Apache-2.0
"""Tensors as messages of hydro_serving_grpc: of the package itself when the model brought it, else its stand-in."""
import importlib
import struct
import sys

from firn_worker import values
from firn_worker.frame import DTYPES, STRING

# name of the contract: (number of the message's DataType, its field, how the field holds an element)
MESSAGE = {
    "half": (19, "half_val", "bits"), "float": (1, "float_val", ""), "double": (2, "double_val", ""),
    "int8": (6, "int_val", ""), "int16": (5, "int_val", ""), "int32": (3, "int_val", ""),
    "int64": (9, "int64_val", ""), "uint8": (4, "int_val", ""), "uint16": (17, "int_val", ""),
    "uint32": (22, "uint32_val", ""), "uint64": (23, "uint64_val", ""), "bool": (10, "bool_val", ""),
    "string": (7, "string_val", "bytes"), "complex64": (8, "scomplex_val", "pairs"),
    "complex128": (18, "dcomplex_val", "pairs"), "qint8": (11, "int_val", ""), "quint8": (12, "int_val", ""),
    "qint32": (13, "int_val", ""), "qint16": (15, "int_val", ""), "quint16": (16, "int_val", ""),
}
NAMES = {row[0]: name for name, row in MESSAGE.items()}


def imported_by(module):
    """Did the model's code import the package? Without it nobody can return its messages."""
    return module is not None and "hydro_serving_grpc" in sys.modules


def is_message(value):
    return hasattr(value, "tensor_shape") and hasattr(value, "dtype") and not hasattr(value, "__array__")


def classes():
    package = importlib.import_module("hydro_serving_grpc")
    if hasattr(package, "TensorProto"):
        return package
    from firn_worker.compat import hydro_serving_grpc as stand_in
    return stand_in


def flat_of(value, field, how):
    """The elements as the message's field holds them."""
    numpy = values.numpy
    if numpy is None or field.dtype == STRING:
        items = value if numpy is None else numpy.asarray(value, dtype=object).reshape(-1).tolist()
        items = list(values.leaves_of(items))
        if how == "bytes":
            return [item.encode("utf-8") if isinstance(item, str) else item for item in items]
        if how == "bits":
            return [struct.unpack("<H", struct.pack("<e", item))[0] for item in items]
        return items
    items = numpy.ascontiguousarray(value).reshape(-1)
    if how == "bits":
        return items.view(numpy.uint16)
    if how == "pairs":
        return items.view(numpy.float32 if items.dtype == numpy.complex64 else numpy.float64)
    return items


def shape_of(value, field):
    return values.list_shape(value, field) if values.numpy is None else values.numpy.shape(value)


def from_value(value, field):
    package = classes()
    number, name, how = MESSAGE[DTYPES[field.dtype][0]]
    dims = [package.TensorShapeProto.Dim(size=dim) for dim in shape_of(value, field)]
    return package.TensorProto(dtype=number, tensor_shape=package.TensorShapeProto(dim=dims),
                               **{name: flat_of(value, field, how)})


# --- and back ---


def dims_of(message, count, field):
    """A message may leave out its shape, or one of its dimensions: the elements, or the contract, say them."""
    shape = message.tensor_shape
    unset = hasattr(message, "HasField") and not message.HasField("tensor_shape")
    dims = [int(getattr(dim, "size", dim)) for dim in (shape.dim if hasattr(shape, "dim") else shape.dims)]
    if getattr(shape, "unknown_rank", False) or (not dims and (unset or count != 1)):
        dims = list(field.shape) if field.shape is not None else ([count] if count != 1 else [])
    free = [i for i, dim in enumerate(dims) if dim < 0]
    if len(free) == 1:
        rest = 1
        for dim in dims:
            rest *= dim if dim >= 0 else 1
        if rest and count % rest == 0:
            dims[free[0]] = count // rest
    if any(dim < 0 for dim in dims) or values.count_of(dims) != count:
        raise values.fault(field, "a message of shape %s with %d elements" % (values.shape_text(dims), count))
    return tuple(dims)


def to_result(message, field):
    name = NAMES.get(message.dtype)
    if name is None or name != DTYPES[field.dtype][0]:
        raise values.fault(field, "a message of %s" % (name or "the unknown type %r" % (message.dtype,)))
    _, place, how = MESSAGE[name]
    content = getattr(message, "tensor_content", b"")
    items = getattr(message, place)
    if content and not len(items):
        return of_content(content, message, field)
    count = len(items) // 2 if how == "pairs" else len(items)
    shape = dims_of(message, count, field)
    if field.dtype == STRING:
        return values.of_strings(list(items), shape, field)
    values.check_shape(field, shape, name)
    numpy = values.numpy
    if numpy is None:
        if how == "bits":
            items = [struct.unpack("<e", struct.pack("<H", item & 0xFFFF))[0] for item in items]
        return values.encode_plain(values.nest(list(items), shape) if values.count_of(shape) else [], field)
    kind = DTYPES[field.dtype][2]
    if how == "bits":
        array = numpy.asarray(items).astype(numpy.uint16).view(numpy.float16)
    elif how == "pairs":
        array = numpy.asarray(items, dtype="float32" if kind == "complex64" else "float64").view(kind)
    else:
        array = in_range(numpy.asarray(items), kind, field)
    return values.of_array(array.reshape(shape), field)


def in_range(array, kind, field):
    """Small integers travel in fields that hold larger ones."""
    result = array.astype(kind)
    if result.dtype.kind in "iu" and array.dtype.kind in "iu" and not (result == array).all():
        raise values.fault(field, "a message with a number that has no room")
    return result


def of_content(content, message, field):
    size = DTYPES[field.dtype][1]
    if field.dtype == STRING or values.numpy is None or len(content) % size:
        raise values.fault(field, "a message with tensor_content of %d bytes" % len(content))
    array = values.numpy.frombuffer(content, dtype=DTYPES[field.dtype][2])
    shape = dims_of(message, len(content) // size, field)
    values.check_shape(field, shape, DTYPES[field.dtype][0])
    return values.of_array(array.reshape(shape), field)
