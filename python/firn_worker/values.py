# SPDX-License-Identifier: Apache-2.0
"""Tensors of the arena as values of Python, and back: numpy arrays, or lists where there is no numpy."""
import array
import struct

from firn_worker.frame import DTYPES, DTYPE_INDEX, RANK_MAX, STRING

try:
    import numpy
except ImportError:
    numpy = None

END = struct.Struct("<Q")
MISSING = 1 << 63  # in the end of a string that is not there
# memoryview's and struct's letters, by numpy's names
LETTERS = {"float16": "e", "float32": "f", "float64": "d", "int8": "b", "int16": "h", "int32": "i", "int64": "q",
           "uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q", "bool": "?"}


class ValueFault(Exception):
    """A value that the contract does not allow; the text names the field."""


class Map:
    """A field that holds others; `size` of a list of such, or None for one."""

    def __init__(self, row):
        self.name, shape = row["name"], row["shape"]
        self.size = None if not shape else -1 if shape[0] is None else int(shape[0])


class Field:
    """An input or output of a signature, as the contract has it."""

    def __init__(self, row):
        self.name = row["name"]
        self.dtype = DTYPE_INDEX.get(row.get("dtype") or "", 0)
        shape = row.get("shape")
        self.shape = None if shape is None else tuple(-1 if dim is None else int(dim) for dim in shape)
        self.maps = [Map(around) for around in row.get("maps") or ()]  # outermost first
        self.own = self.name[sum(len(around.name) + 1 for around in self.maps):]

    def says(self):
        name = DTYPES[self.dtype][0] or "of any type"
        return name if self.shape is None else "%s of shape %s" % (name, shape_text(self.shape))


class Signature:
    def __init__(self, row):
        self.name = row["name"]
        self.inputs = [Field(field) for field in row["inputs"]]
        self.outputs = [Field(field) for field in row["outputs"]]


def shape_text(shape):
    return "[%s]" % ",".join(str(dim) for dim in shape) if shape else "scalar"


def count_of(shape):
    count = 1
    for dim in shape:
        count *= dim
    return count


def check_fields(signature):
    """Types that neither Python nor numpy has are refused when the model is loaded."""
    for field in signature.inputs + signature.outputs:
        if not known(field.dtype):
            raise ValueFault("field \"%s\" of \"%s\" is %s, which cannot be given to Python"
                             % (field.name, signature.name, DTYPES[field.dtype][0] or "of an unknown type"))


def known(dtype):
    if dtype == STRING:
        return True
    name = DTYPES[dtype][2]
    return name is not None if numpy else name in LETTERS


def numpy_type(field):
    return object if field.dtype == STRING else DTYPES[field.dtype][2]


# --- from the arena ---


def read_strings(data, count):
    """Elements that are UTF-8 are str; when one is not, all are bytes. A missing one is None."""
    table = count * END.size
    ends = struct.unpack_from("<%dQ" % count, data)
    begin, items = table, []
    for word in ends:
        end = (word & ~MISSING) + table
        if end < begin or end > len(data):
            raise ValueError("a string that ends outside its tensor")
        items.append(None if word & MISSING else bytes(data[begin:end]))
        begin = end
    try:
        return [item if item is None else item.decode("utf-8") for item in items]
    except UnicodeDecodeError:
        return items


def nest(items, shape):
    """A flat list as lists in lists."""
    if not shape:
        return items[0]
    for dim in reversed(shape[1:]):
        items = [items[i:i + dim] for i in range(0, len(items), dim)] if dim else []
    return items


def read(tensor, arena):
    """The value of a descriptor: a view of the arena where that can be."""
    if not tensor.dtype:
        return None  # an optional input that was not given
    shape, count = tuple(tensor.shape), count_of(tensor.shape)
    if not arena.holds(tensor.offset, tensor.size):
        raise ValueError("a tensor outside the arena")
    data = arena.memory[tensor.offset:tensor.offset + tensor.size]
    if tensor.dtype == STRING:
        items = read_strings(data, count)
        if not shape:
            return items[0]
        if not numpy:
            return nest(items, shape)
        result = numpy.empty(count, dtype=object)
        result[:] = items
        return result.reshape(shape)
    name = DTYPES[tensor.dtype][2]
    if count * DTYPES[tensor.dtype][1] != tensor.size:
        raise ValueError("a tensor of %d bytes with %d elements" % (tensor.size, count))
    if not numpy:
        return nest(data.cast(LETTERS[name]).tolist(), shape)
    if not count:
        return numpy.empty(shape, dtype=name)
    view = numpy.ndarray(shape, dtype=name, buffer=arena.map, offset=tensor.offset)
    if not shape:
        return view[()]
    return view.copy() if arena.copies else view


# --- to the arena ---


class Result:
    """An output that is checked: `write` puts its `size` bytes into a memoryview."""

    __slots__ = ("dtype", "shape", "size", "write")

    def __init__(self, dtype, shape, size, write):
        self.dtype, self.shape, self.size, self.write = dtype, tuple(shape), size, write


def fault(field, what):
    return ValueFault("output \"%s\" is %s, the contract says %s" % (field.name, what, field.says()))


def check_shape(field, shape, what):
    fits = len(shape) <= RANK_MAX and (field.shape is None or (
        len(shape) == len(field.shape) and all(want < 0 or want == dim for want, dim in zip(field.shape, shape))))
    if not fits:
        raise fault(field, "%s of shape %s" % (what, shape_text(shape)))


def of_strings(items, shape, field):
    """`items`: flat, of str or bytes."""
    parts = []
    for item in items:
        if isinstance(item, str):
            item = item.encode("utf-8", "surrogateescape")
        elif item is not None and not isinstance(item, bytes):
            raise fault(field, "a list with %s in it" % type_name(item))
        parts.append(item)
    check_shape(field, shape, "string")
    ends, end = [], 0
    for i, part in enumerate(parts):
        end += len(part or b"")
        ends.append(end if part is not None else end | MISSING)
        parts[i] = part or b""

    def write(memory):
        table = struct.pack("<%dQ" % len(ends), *ends)
        memory[:len(table)] = table
        memory[len(table):] = b"".join(parts)

    return Result(STRING, shape, len(ends) * END.size + end, write)


def type_name(value):
    name = type(value).__name__
    return "None" if value is None else ("an " if name[0] in "aeiou" else "a ") + name


def encode(value, field):
    """A value that a model returned, checked against its field. Values of numpy have a type, which must be the
    field's; numbers of Python take the field's where it holds them."""
    if numpy is None:
        return encode_plain(value, field)
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        return encode_array(numpy.asarray(value), field)
    if isinstance(value, (bool, int, float, complex, str, bytes, list, tuple)):
        return encode_python(value, field)
    if hasattr(value, "__array__"):
        return encode_array(numpy.asarray(value), field)
    raise fault(field, type_name(value))


def encode_array(value, field):
    if field.dtype == STRING and value.dtype.kind in "USO":
        return of_strings(value.reshape(-1).tolist(), value.shape, field)
    if value.dtype.kind == "O":
        return encode_python(value.tolist(), field)
    name = DTYPES[field.dtype][2]
    if value.dtype.newbyteorder("=") != numpy.dtype(name):
        raise fault(field, "%s of shape %s" % (value.dtype.name, shape_text(value.shape)))
    check_shape(field, value.shape, DTYPES[field.dtype][0])
    return of_array(value, field)


def of_array(value, field):
    def write(memory):
        if memory.nbytes:
            numpy.copyto(numpy.ndarray(value.shape, dtype=value.dtype.newbyteorder("="), buffer=memory), value)

    return Result(field.dtype, value.shape, value.nbytes, write)


def leaves_of(value):
    if not isinstance(value, (list, tuple)):
        yield value
        return
    for item in value:
        for leaf in leaves_of(item):
            yield leaf


def kinds(value, field):
    """Are all the numbers of the kind that the field wants? A bool is no number here, and a float no integer."""
    name = DTYPES[field.dtype][2]
    if field.dtype == STRING:
        allowed = (str, bytes, type(None)) if isinstance(value, (list, tuple)) else (str, bytes)
    elif name == "bool":
        allowed = (bool,)
    elif name.startswith(("int", "uint")):
        allowed = (int,)
    elif name.startswith("float"):
        allowed = (int, float)
    else:
        allowed = (int, float, complex)
    if numpy is not None:
        allowed += {bool: (numpy.bool_,), int: (numpy.integer,)}.get(allowed[0], ()) if name != "bool" else (numpy.bool_,)
        allowed += (numpy.floating,) if float in allowed else ()
    for leaf in leaves_of(value):
        if not isinstance(leaf, allowed) or (isinstance(leaf, bool) and name != "bool"):
            inside = "a list with %s in it" % type_name(leaf)
            raise fault(field, inside if isinstance(value, (list, tuple)) else type_name(value))


def encode_python(value, field):
    kinds(value, field)
    shape = list_shape(value, field)
    if field.dtype == STRING:
        return of_strings(list(leaves_of(value)), shape, field)
    name = DTYPES[field.dtype][2]
    check_shape(field, shape, "a list" if shape else type_name(value))
    if name.startswith(("int", "uint")):
        bounds = numpy.iinfo(name)
        for leaf in leaves_of(value):
            if not bounds.min <= leaf <= bounds.max:
                raise fault(field, "%d, which has no room" % leaf)
    try:
        return of_array(numpy.array(value, dtype=name).reshape(shape), field)
    except (ValueError, TypeError, OverflowError) as why:
        raise fault(field, "no tensor (%s)" % why)


def list_shape(value, field):
    """Of lists in lists, which must be as long as each other."""
    shape, level = [], [value]
    while level and isinstance(level[0], (list, tuple)):
        size = len(level[0])
        if any(not isinstance(item, (list, tuple)) or len(item) != size for item in level):
            raise fault(field, "a list of lists that differ in length")
        shape.append(size)
        level = [item for items in level for item in items]
    if any(isinstance(item, (list, tuple)) for item in level):
        raise fault(field, "a list of lists that differ in depth")
    return tuple(shape)


def encode_plain(value, field):
    """Without numpy: numbers, lists, array.array, memoryview."""
    if isinstance(value, (array.array, memoryview)):
        value = value.tolist()
    if not isinstance(value, (bool, int, float, str, bytes, list, tuple)):
        raise fault(field, type_name(value))
    kinds(value, field)
    shape = list_shape(value, field)
    items = list(leaves_of(value))
    if field.dtype == STRING:
        return of_strings(items, shape, field)
    check_shape(field, shape, "a list" if shape else type_name(value))
    try:
        data = struct.pack("<%d%s" % (len(items), LETTERS[DTYPES[field.dtype][2]]), *items)
    except (struct.error, OverflowError) as why:
        raise fault(field, "no tensor (%s)" % why)

    def write(memory):
        memory[:] = data

    return Result(field.dtype, shape, len(data), write)
