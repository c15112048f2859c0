# SPDX-License-Identifier: Apache-2.0
"""What data sets may be: one kind of data a file, found by what the object is, loaded only when it
is needed. docs/datasets.md says what the bytes are.

A kind has FORMATS (what the server calls its bytes), WHAT (for messages), takes(obj, options),
pack(obj, options) -> Packed, and unpack(Stored, options) -> the object."""

import importlib
from typing import Any, Dict, Iterable, Iterator, List

from ..errors import Unsupported

NAMES = ("frames", "arrays", "examples", "virtual", "files", "values")


class Packed:
    """Bytes to be put: their format, the pieces, how many bytes (None: unknown), and what is worth
    knowing of them."""
    __slots__ = ("format", "pieces", "size", "facts")

    def __init__(self, format: str, pieces: Iterable[Any], size: Any = None, **facts: Any):
        self.format, self.pieces, self.size, self.facts = format, pieces, size, facts


class Stored:
    """Bytes that were got: what the server says of them, and each part (appended ones have
    several)."""
    __slots__ = ("dataset", "parts")

    def __init__(self, dataset: Any, parts: List[memoryview]):
        self.dataset, self.parts = dataset, parts

    def whole(self) -> bytes:
        return b"".join(self.parts)


def _kind(name: str) -> Any:
    return importlib.import_module("." + name, __name__)


def pack(obj: Any, options: Dict[str, Any]) -> Packed:
    """The bytes of an object; Unsupported names what can be saved."""
    wanted = options.get("format")
    for name in NAMES:
        kind = _kind(name)
        if wanted in kind.FORMATS if wanted else kind.takes(obj, options):
            packed: Packed = kind.pack(obj, options)
            return packed
    raise Unsupported("cannot save a %s.%s%s" % (type(obj).__module__, type(obj).__qualname__,
                                                 " as " + wanted if wanted else ""),
                      fix=what_can_be_saved())


def what_can_be_saved() -> str:
    return "what can be saved: " + "; ".join(_kind(name).WHAT for name in NAMES)


def unpack(stored: Stored, options: Dict[str, Any]) -> Any:
    for name in NAMES:
        kind = _kind(name)
        if stored.dataset.format in kind.FORMATS:
            return kind.unpack(stored, options)
    raise Unsupported("%s is of format %s, which this client does not read"
                      % (stored.dataset.reference, stored.dataset.format),
                      fix="get(name, path) writes its bytes")


def separate(stored: Stored, options: Dict[str, Any]) -> Iterator[Any]:
    """Each part of a frame or array by itself, with the index that it has in the whole; what is
    neither, whole."""
    if stored.dataset.format not in ("frame", "npy"):
        yield unpack(stored, options)
        return
    frames = _kind("frames") if stored.dataset.format == "frame" and len(stored.parts) > 1 else None
    number = frames is not None and frames.are_numbered(stored.parts, stored.dataset.reference)
    at = 0
    for part in stored.parts:
        one = unpack(Stored(stored.dataset, [part]), options)
        if number:
            one.index = type(one.index)(at, at + len(one))
        at += len(one) if number else 0
        yield one


def join(pieces: List[Any]) -> Any:
    """What separate() gave, or some of each."""
    if len(pieces) == 1:
        return pieces[0]
    if hasattr(pieces[0], "iloc"):
        import pandas
        return pandas.concat(pieces)
    import numpy
    return numpy.concatenate(pieces)


def module_is(obj: Any, *names: str) -> bool:
    """Is the object's class, or one it comes from, of one of these top-level modules? Imports
    none of them."""
    return any(kind.__module__.partition(".")[0] in names for kind in type(obj).__mro__)
