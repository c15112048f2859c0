# SPDX-License-Identifier: Apache-2.0
"""Tensors as messages of hydro_serving_grpc: of the package itself when the model brought it, else its stand-in."""
import importlib
import struct
import sys

from firn_worker import maps, values
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
MAP = 27


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


def from_values(inputs, fields):
    """Messages of all inputs; one of DT_MAP for a field that holds others."""
    made = {field.name: from_value(inputs[field.name], field)
            for field in fields if field.name in inputs and not field.maps}
    for name, inside, kind in maps.children(fields, 0):
        if kind is not None:
            found = maps.nest({field.name: inputs[field.name] for field in inside if field.name in inputs}, inside)
            if name in found:
                made[name] = map_from(found[name], inside, kind, 1)
    return made


def map_from(value, fields, kind, depth):
    package = classes()
    shape = [package.TensorShapeProto.Dim(size=len(value))] if kind.size is not None else []
    message = package.TensorProto(dtype=MAP, tensor_shape=package.TensorShapeProto(dim=shape))
    for item in value if kind.size is not None else [value]:
        subtensors = message.map_val.add().subtensors
        for name, inside, deeper in maps.children(fields, depth):
            if name in item:
                subtensors[name].CopyFrom(from_value(item[name], inside[0]) if deeper is None else
                                          map_from(item[name], inside, deeper, depth + 1))
    return message


# --- and back ---


def unpacked(value):
    """A message of maps as a dict or a list of dicts."""
    if hasattr(value, "keys"):
        return {name: unpacked(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [unpacked(item) for item in value]
    if not is_message(value) or not (value.dtype == MAP or len(getattr(value, "map_val", ()))):
        return value
    found = [{name: unpacked(item.subtensors[name]) for name in item.subtensors} for item in value.map_val]
    shape = value.tensor_shape
    return found if len(shape.dim if hasattr(shape, "dim") else shape.dims) else found[0] if len(found) == 1 else found


def plain(message, field):
    """A message inside of maps as a value of numpy."""
    alone = values.Field({"name": field.name, "dtype": DTYPES[field.dtype][0]})
    result = to_result(message, alone)
    if field.dtype == STRING:
        return values.nest(list(message.string_val), result.shape)
    data = bytearray(result.size)
    result.write(memoryview(data))
    if values.numpy is None:
        return values.nest(memoryview(data).cast(values.LETTERS[DTYPES[field.dtype][2]]).tolist(), result.shape)
    return values.numpy.frombuffer(data, dtype=values.numpy_type(field)).reshape(result.shape)[()]


def to_results(outputs, fields):
    """What a function returned, a value or checked result for each leaf."""
    made = {name: value for name, value in outputs.items()}
    if maps.has_maps(fields):
        made = maps.flatten({name: unpacked(value) for name, value in made.items()}, fields, plain_of)
    named = {field.name: field for field in fields}
    return {name: to_result(value, named[name]) if name in named and is_message(value) else value
            for name, value in made.items()}


def plain_of(value, field):
    return plain(value, field) if is_message(value) else value



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
