# SPDX-License-Identifier: Apache-2.0
"""tf.train.Example records, kept as TFRecord. TensorFlow is asked for only by who reads them as
Examples or as a tf.data.Dataset."""

import itertools
import os
import struct
import sys
import tempfile
from typing import Any, Dict, Iterable, Iterator, List

from . import Packed, Stored, module_is
from .. import pieces
from ..errors import InvalidInput, Unsupported

FORMATS = ("tfrecord",)
WHAT = "tf.train.Example records, a list of them, or a tf.data.Dataset of serialised ones"
MESSAGES = ("Example", "SequenceExample")


def _is_message(obj: Any) -> bool:
    return type(obj).__name__ in MESSAGES and hasattr(obj, "SerializeToString")


def takes(obj: Any, options: Dict[str, Any]) -> bool:
    if isinstance(obj, (list, tuple)):
        return bool(obj) and _is_message(obj[0])
    return _is_message(obj) or (module_is(obj, "tensorflow") and hasattr(obj, "element_spec"))


def _kind(item: Any) -> str:
    return type(item).__name__ if _is_message(item) else "bytes"


def _messages(first: List[Any], rest: Iterator[Any], kind: str) -> Iterator[bytes]:
    for index, item in enumerate(itertools.chain(first, rest)):
        if _kind(item) != kind or kind == "bytes" and not isinstance(item, bytes):
            raise Unsupported("record %d is a %s, not a serialised Example"
                              % (index, type(item).__name__),
                              fix="map the data set to tf.train.Example(...).SerializeToString()")
        yield item if kind == "bytes" else item.SerializeToString()


def _table() -> List[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()


def _masked(data: bytes) -> bytes:
    """The masked CRC-32C of TFRecord."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _records(messages: Iterable[bytes]) -> Iterator[bytes]:
    batch = bytearray()
    for message in messages:
        size = struct.pack("<Q", len(message))
        batch += size + _masked(size) + message + _masked(message)
        if len(batch) > 1 << 20:
            yield bytes(batch)
            batch.clear()
    yield bytes(batch)


def _records_by_tensorflow(messages: Iterable[bytes]) -> Iterator[bytes]:
    """The same, a hundred times as fast."""
    import tensorflow as tf
    with tempfile.TemporaryDirectory(prefix="firn-") as folder:
        path = os.path.join(folder, "records")
        with tf.io.TFRecordWriter(path) as writer:
            for message in messages:
                writer.write(message)
        yield from pieces.of_path(path)


def pack(obj: Any, options: Dict[str, Any]) -> Packed:
    write = _records_by_tensorflow if "tensorflow" in sys.modules else _records
    is_dataset = hasattr(obj, "as_numpy_iterator")
    items = iter([obj] if _is_message(obj) else obj.as_numpy_iterator() if is_dataset else obj)
    first = list(itertools.islice(items, 1))
    kind = _kind(first[0]) if first else "bytes"
    record = "Example" if is_dataset and first and _is_example(first[0]) else kind
    return Packed("tfrecord", write(_messages(first, items, kind)), record=record)


def _is_example(data: Any) -> bool:
    import tensorflow as tf
    from google.protobuf.message import DecodeError
    try:
        return bool(tf.train.Example.FromString(data).features.feature)
    except (DecodeError, TypeError):
        return False


def read(data: memoryview, what: str) -> Iterator[bytes]:
    """The records. Checksums of lengths are checked; those of records were, by the server."""
    at = 0
    while at < len(data):
        head = bytes(data[at:at + 12])
        size = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else 0
        if len(head) < 12 or head[8:] != _masked(head[:8]) or at + 16 + size > len(data):
            raise InvalidInput("%s is damaged at byte %d" % (what, at))
        yield bytes(data[at + 12:at + 12 + size])
        at += 16 + size


def unpack(stored: Stored, options: Dict[str, Any]) -> Any:
    """A list of what was put: Examples (bytes without TensorFlow) or bytes; with as_dataset: a
    tf.data.Dataset of the serialised ones, or of what `features` (as tf.io.parse_single_example takes them) makes of
    each."""
    if options.get("as_dataset"):
        return _dataset(stored, options)
    messages = [m for part in stored.parts for m in read(part, stored.dataset.reference)]
    facts = options["facts"]() if "facts" in options else stored.dataset.facts
    record = facts.get("record")
    try:
        import tensorflow as tf
    except ImportError:
        return messages
    if record not in MESSAGES:
        return messages
    return [getattr(tf.train, record).FromString(m) for m in messages]


def _dataset(stored: Stored, options: Dict[str, Any]) -> Any:
    try:
        import tensorflow as tf
    except ImportError as error:
        raise Unsupported("a tf.data.Dataset needs TensorFlow", str(error),
                          "pip install tensorflow, or get(name) for the records") from error
    path = os.path.join(options["folder"](), stored.dataset.digest[7:] + ".tfrecord")
    if not os.path.exists(path):
        with open(path + ".part", "wb") as out:
            for part in stored.parts:
                out.write(part)
        os.replace(path + ".part", path)
    dataset = tf.data.TFRecordDataset(path)
    features = options.get("features")
    if features:
        dataset = dataset.map(lambda record: tf.io.parse_single_example(record, features))
    return dataset
