# SPDX-License-Identifier: Apache-2.0
"""The messages that handlers of Hydrosphere's first generations use, with the interface of protobuf's classes as far
as handlers go: fields, keywords, repeated fields, HasField, CopyFrom. Nothing is serialised."""

DATA_TYPES = {
    "DT_INVALID": 0, "DT_FLOAT": 1, "DT_DOUBLE": 2, "DT_INT32": 3, "DT_UINT8": 4, "DT_INT16": 5, "DT_INT8": 6,
    "DT_STRING": 7, "DT_COMPLEX64": 8, "DT_INT64": 9, "DT_BOOL": 10, "DT_QINT8": 11, "DT_QUINT8": 12, "DT_QINT32": 13,
    "DT_BFLOAT16": 14, "DT_QINT16": 15, "DT_QUINT16": 16, "DT_UINT16": 17, "DT_COMPLEX128": 18, "DT_HALF": 19,
    "DT_RESOURCE": 20, "DT_VARIANT": 21, "DT_UINT32": 22, "DT_UINT64": 23, "DT_MAP": 27,
}
globals().update(DATA_TYPES)


class DataType:
    """The enum: DataType.Name(2), DataType.Value("DT_DOUBLE"), DataType.DT_DOUBLE."""

    @staticmethod
    def Name(number):
        for name, value in DATA_TYPES.items():
            if value == number:
                return name
        raise ValueError("Enum DataType has no name defined for value %r" % (number,))

    @staticmethod
    def Value(name):
        if name not in DATA_TYPES:
            raise ValueError("Enum DataType has no value defined for name %r" % (name,))
        return DATA_TYPES[name]

    @staticmethod
    def keys():
        return list(DATA_TYPES)

    @staticmethod
    def values():
        return list(DATA_TYPES.values())

    @staticmethod
    def items():
        return list(DATA_TYPES.items())


for _name, _number in DATA_TYPES.items():
    setattr(DataType, _name, _number)


class Repeated:
    """A repeated field: a sequence, over the elements of a numpy array until it is changed."""

    def __init__(self, items=()):
        self._array = items if hasattr(items, "tolist") else None
        self._items = None if self._array is not None else list(items)

    def _list(self):
        if self._items is None:
            self._items = self._array.tolist()
        return self._items

    def _changed(self):
        items = self._list()
        self._array = None
        return items

    def __len__(self):
        return len(self._array if self._array is not None else self._items)

    def __getitem__(self, index):
        return self._list()[index]

    def __setitem__(self, index, value):
        self._changed()[index] = value

    def __delitem__(self, index):
        del self._changed()[index]

    def __iter__(self):
        return iter(self._list())

    def __contains__(self, value):
        return value in self._list()

    def __array__(self, dtype=None, copy=None):
        import numpy
        source = self._array if self._array is not None else self._items
        return numpy.array(source, dtype=dtype)

    def __eq__(self, other):
        return self._list() == list(other)

    __hash__ = None

    def __repr__(self):
        return repr(self._list())

    def append(self, value):
        self._changed().append(value)

    def extend(self, items):
        self._changed().extend(items.tolist() if hasattr(items, "tolist") else items)

    def insert(self, index, value):
        self._changed().insert(index, value)

    def pop(self, index=-1):
        return self._changed().pop(index)

    def remove(self, value):
        self._changed().remove(value)

    def sort(self, **how):
        self._changed().sort(**how)

    def MergeFrom(self, other):
        self.extend(other)


class RepeatedMessage(Repeated):
    def __init__(self, kind, items=()):
        Repeated.__init__(self, items)
        self._kind = kind

    def add(self, **fields):
        self._items.append(self._kind(**fields))
        return self._items[-1]


class Map(dict):
    """A map of messages: a missing key makes one."""

    def __init__(self, kind, items=None):
        dict.__init__(self, items or {})
        self._kind = kind

    def __missing__(self, key):
        self[key] = self._kind()
        return self[key]

    def get_or_create(self, key):
        return self[key]


class Message:
    """FIELDS: name -> what makes its default."""

    FIELDS = {}

    def __init__(self, **fields):
        self._set = set()
        for name in fields:
            if name not in self.FIELDS:
                raise ValueError("Protocol message %s has no \"%s\" field." % (type(self).__name__, name))
        for name, default in self.FIELDS.items():
            value, given = default(), fields.get(name)
            if given is not None:
                self._set.add(name)
                if isinstance(value, RepeatedMessage):
                    value = RepeatedMessage(value._kind, given)
                elif isinstance(value, Repeated):
                    value = Repeated(given)
                elif isinstance(value, Map):
                    value = Map(value._kind, given)
                elif isinstance(value, Message) and isinstance(given, dict):
                    value = type(value)(**given)
                else:
                    value = given
            object.__setattr__(self, name, value)

    def __setattr__(self, name, value):
        if name != "_set":
            if name not in self.FIELDS:
                raise AttributeError("Assignment not allowed (no field \"%s\" in protocol message object)." % name)
            if isinstance(getattr(self, name), (Repeated, Map, Message)):
                raise AttributeError("Assignment not allowed to field \"%s\" in protocol message object." % name)
            self._set.add(name)
        object.__setattr__(self, name, value)

    def HasField(self, name):
        if name not in self.FIELDS:
            raise ValueError("Protocol message %s has no \"%s\" field." % (type(self).__name__, name))
        value = getattr(self, name)
        if isinstance(value, Message):
            return name in self._set or bool(value.ListFields())
        return name in self._set

    def ListFields(self):
        return [(name, getattr(self, name)) for name in self.FIELDS if _given(getattr(self, name))]

    def CopyFrom(self, other):
        if hasattr(other, "DESCRIPTOR") and type(other).__name__ == type(self).__name__:
            _copy_protobuf(self, other)
            return
        if type(other) is not type(self):
            raise TypeError("Parameter to CopyFrom() must be instance of same class")
        for name in self.FIELDS:
            object.__setattr__(self, name, _copy(getattr(other, name)))
        object.__setattr__(self, "_set", set(other._set))

    def MergeFrom(self, other):
        for name, value in other.ListFields():
            mine = getattr(self, name)
            if isinstance(mine, Repeated):
                mine.extend(value)
            elif isinstance(mine, Map):
                mine.update(value)
            elif isinstance(mine, Message):
                mine.MergeFrom(value)
            else:
                object.__setattr__(self, name, value)
            self._set.add(name)

    def Clear(self):
        for name, default in self.FIELDS.items():
            object.__setattr__(self, name, default())
        self._set.clear()

    def __eq__(self, other):
        return type(self) is type(other) and all(getattr(self, name) == getattr(other, name) for name in self.FIELDS)

    __hash__ = None

    def __repr__(self):
        return "\n".join(_lines(self, ""))

    __str__ = __repr__


def _given(value):
    if isinstance(value, (Repeated, Map)):
        return len(value) > 0
    if isinstance(value, Message):
        return bool(value._set) or bool(value.ListFields())
    return bool(value)


def _copy(value):
    if isinstance(value, Message):
        made = type(value)()
        made.CopyFrom(value)
        return made
    if isinstance(value, RepeatedMessage):
        return RepeatedMessage(value._kind, [_copy(item) for item in value])
    if isinstance(value, Repeated):
        return Repeated(list(value))
    if isinstance(value, Map):
        return Map(value._kind, {key: _copy(item) for key, item in value.items()})
    return value


def _copy_protobuf(mine, other):
    """From protobuf's own class of the same name, as tf.make_tensor_proto gives it."""
    mine.Clear()
    for name in mine.FIELDS:
        value, target = getattr(other, name, None), getattr(mine, name)
        if value is None:
            continue
        if isinstance(target, Message):
            if other.HasField(name):
                target.CopyFrom(value)
                mine._set.add(name)
        elif isinstance(target, RepeatedMessage):
            for item in value:
                target.add().CopyFrom(item)
        elif isinstance(target, Repeated):
            target.extend(value)
        elif isinstance(target, Map):
            for key in value:
                target[key].CopyFrom(value[key])
        else:
            setattr(mine, name, value)


def _lines(message, margin):
    for name, value in message.ListFields():
        items = value if isinstance(value, Repeated) else [value]
        if isinstance(value, Map):
            for key in sorted(value):
                yield "%s%s {" % (margin, name)
                yield "%s  key: \"%s\"" % (margin, key)
                yield "%s  value {" % margin
                for line in _lines(value[key], margin + "    "):
                    yield line
                yield "%s  }" % margin
                yield "%s}" % margin
            continue
        for item in items:
            if isinstance(item, Message):
                yield "%s%s {" % (margin, name)
                for line in _lines(item, margin + "  "):
                    yield line
                yield "%s}" % margin
            elif isinstance(item, (str, bytes)):
                text = item.decode("utf-8", "backslashreplace") if isinstance(item, bytes) else item
                yield "%s%s: \"%s\"" % (margin, name, text)
            else:
                text = DataType.Name(item) if name == "dtype" and item in DATA_TYPES.values() else item
                yield "%s%s: %s" % (margin, name, "true" if text is True else "false" if text is False else text)


class Dim(Message):
    FIELDS = {"size": int, "name": str}


class TensorShapeProto(Message):
    Dim = Dim
    FIELDS = {"dim": lambda: RepeatedMessage(Dim), "unknown_rank": bool}


_VALUES = ("half_val", "float_val", "double_val", "int_val", "string_val", "scomplex_val", "int64_val", "bool_val",
           "dcomplex_val", "uint32_val", "uint64_val")


class MapTensorData(Message):
    """subtensors: maps of TensorProto."""

    FIELDS = {"subtensors": lambda: Map(TensorProto)}


class TensorProto(Message):
    FIELDS = dict([("dtype", int), ("tensor_shape", TensorShapeProto), ("version_number", int),
                   ("tensor_content", bytes)] + [(name, Repeated) for name in _VALUES] +
                  [("map_val", lambda: RepeatedMessage(MapTensorData))])


class TensorShape(Message):
    """Of the third generation."""

    FIELDS = {"dims": Repeated}


class MapTensor(Message):
    """MapTensorData of the third generation."""

    FIELDS = {"subtensors": lambda: Map(Tensor)}


class Tensor(Message):
    FIELDS = dict([("dtype", int), ("tensor_shape", TensorShape), ("binary_val", bytes)] +
                  [(name, Repeated) for name in _VALUES] +
                  [("map_val", lambda: RepeatedMessage(MapTensor))])


class Int64Value(Message):
    FIELDS = {"value": int}


class ModelSpec(Message):
    FIELDS = {"name": str, "version": Int64Value, "signature_name": str}


class PredictRequest(Message):
    FIELDS = {"model_spec": ModelSpec, "inputs": lambda: Map(TensorProto), "output_filter": Repeated}


class PredictResponse(Message):
    FIELDS = {"outputs": lambda: Map(TensorProto)}
