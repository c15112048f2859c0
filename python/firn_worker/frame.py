# SPDX-License-Identifier: Apache-2.0
"""Frames: one packet each, as src/workers/frame.h says."""
import struct

MAGIC, VERSION = 0x4E524946, 1
BYTES_MAX, RANK_MAX = 64 << 10, 8
SOCKET_FD, ARENA_FD = 3, 4

(HELLO, READY, ERROR, INFER, RESULT, GROW, ARENA, LOG, PING, PONG, SHUTDOWN, PROGRESS,
 FILE) = range(1, 14)

# enum status
(OK, INVALID_INPUT, NOT_FOUND, CONFLICT, TOO_LARGE, UNSUPPORTED, UNAVAILABLE, NO_MEMORY, DEADLINE,
 INTERNAL, FAILED) = range(11)

# enum dtype: (name in contracts, bytes of an element, numpy's name); None: numpy has none.
DTYPES = [
    ("", 0, None), ("half", 2, "float16"), ("float", 4, "float32"), ("double", 8, "float64"),
    ("bfloat16", 2, None), ("complex64", 8, "complex64"), ("complex128", 16, "complex128"),
    ("uint8", 1, "uint8"), ("uint16", 2, "uint16"), ("uint32", 4, "uint32"), ("uint64", 8, "uint64"),
    ("int8", 1, "int8"), ("int16", 2, "int16"), ("int32", 4, "int32"), ("int64", 8, "int64"),
    ("bool", 1, "bool"), ("string", 16, "object"), ("qint8", 1, "int8"), ("quint8", 1, "uint8"),
    ("qint16", 2, "int16"), ("quint16", 2, "uint16"), ("qint32", 4, "int32"), ("resource", 8, None),
    ("variant", 8, None), ("float8e4m3fn", 1, None), ("float8e4m3fnuz", 1, None),
    ("float8e5m2", 1, None), ("float8e5m2fnuz", 1, None), ("uint4", 1, "uint8"), ("int4", 1, "int8"),
    ("float4e2m1", 1, None), ("float8e8m0", 1, None), ("uint2", 1, "uint8"), ("int2", 1, "int8"),
    ("float6e2m3", 1, None), ("float6e3m2", 1, None), ("sequence", 24, None), ("optional", 24, None),
]
DTYPE_INDEX = {name: index for index, (name, _, _) in enumerate(DTYPES)}
STRING = DTYPE_INDEX["string"]

HEAD = struct.Struct("<IHHQIIIIQQ")
TENSOR = struct.Struct("<IIQQ8qQ")


class ProtocolError(Exception):
    """What came is no frame: there is no going on."""


class Tensor:
    """A descriptor: elements in the arena."""

    __slots__ = ("dtype", "shape", "offset", "size")

    def __init__(self, dtype, shape, offset, size):
        self.dtype, self.shape, self.offset, self.size = dtype, shape, offset, size


class Frame:
    __slots__ = ("type", "id", "signature", "status", "tensors", "text", "text_size", "offset", "space")

    def __init__(self, type, id=0, signature=0, status=0, tensors=(), text=b"", offset=0, space=0):
        self.type, self.id, self.signature, self.status = type, id, signature, status
        self.tensors, self.text, self.offset, self.space = tensors, text, offset, space


def decode(packet):
    """`packet`: bytes-like, whole."""
    if len(packet) < HEAD.size:
        raise ProtocolError("a frame of %d bytes" % len(packet))
    magic, version, kind, id, signature, status, count, text, offset, space = HEAD.unpack_from(packet)
    if magic != MAGIC or version != VERSION:
        raise ProtocolError("a frame of version %d, not %d" % (version, VERSION))
    if HEAD.size + count * TENSOR.size + text != len(packet):
        raise ProtocolError("a frame of %d bytes with %d tensors and %d bytes of text" % (len(packet), count, text))
    tensors = []
    at = HEAD.size
    for _ in range(count):
        fields = TENSOR.unpack_from(packet, at)
        at += TENSOR.size
        if fields[0] >= len(DTYPES) or fields[1] > RANK_MAX:
            raise ProtocolError("a tensor of dtype %d and rank %d" % fields[:2])
        tensors.append(Tensor(fields[0], fields[4:4 + fields[1]], fields[2], fields[3]))
    return Frame(kind, id, signature, status, tensors, bytes(packet[at:]), offset, space)


def encode(frame):
    parts = [HEAD.pack(MAGIC, VERSION, frame.type, frame.id, frame.signature, frame.status, len(frame.tensors),
                       len(frame.text), frame.offset, frame.space)]
    for tensor in frame.tensors:
        dims = tuple(tensor.shape) + (0,) * (RANK_MAX - len(tensor.shape))
        parts.append(TENSOR.pack(tensor.dtype, len(tensor.shape), tensor.offset, tensor.size, *(dims + (0,))))
    parts.append(frame.text)
    return b"".join(parts)


def text_cut(text, size=BYTES_MAX - HEAD.size):
    """UTF-8 of at most `size` bytes, cut between characters."""
    data = text.encode("utf-8", "backslashreplace")
    return data if len(data) <= size else data[:size].decode("utf-8", "ignore").encode("utf-8")
