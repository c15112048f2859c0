# SPDX-License-Identifier: Apache-2.0
"""numpy arrays as .npy, dicts of them as .npz; never with objects in them."""

import io
import zipfile
from typing import Any, Dict, Iterable, Iterator

from . import Packed, Stored, module_is
from .. import pieces
from ..errors import InvalidInput, Unsupported

FORMATS = ("npy", "npz")
WHAT = "numpy arrays, and dicts of them"


def takes(obj: Any, options: Dict[str, Any]) -> bool:
    if module_is(obj, "numpy"):
        return hasattr(obj, "dtype") and hasattr(obj, "shape")
    return (isinstance(obj, dict) and bool(obj) and all(isinstance(k, str) for k in obj)
            and all(module_is(v, "numpy") and getattr(v, "ndim", 0) > 0 for v in obj.values()))


def head(array: Any) -> bytes:
    """What goes before an array's elements in an npy file; it must be contiguous."""
    from numpy.lib import format as npy
    out = io.BytesIO()
    npy.write_array_header_2_0(out, npy.header_data_from_array_1_0(array)) \
        if len(str(array.dtype.descr)) > 60000 else \
        npy.write_array_header_1_0(out, npy.header_data_from_array_1_0(array))
    return out.getvalue()


def elements(array: Any) -> Any:
    """The bytes of a contiguous array as they lie in memory."""
    import numpy
    flat = array.reshape(-1, order="A")
    return memoryview(flat.view(numpy.uint8)) if flat.size and flat.itemsize else b""


def prepared(obj: Any, what: str) -> Any:
    import numpy
    if isinstance(obj, numpy.ma.MaskedArray):
        raise Unsupported("%s is a masked array" % what, fix="put .filled() and the mask")
    array = numpy.asarray(obj)
    if array.dtype.hasobject:
        raise Unsupported("%s has elements of dtype object" % what,
                          fix="an array of numbers or texts, or put it as a list: .tolist()")
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        array = numpy.ascontiguousarray(array)
    return array


def pack(obj: Any, options: Dict[str, Any]) -> Packed:
    if isinstance(obj, dict):
        arrays = {name: prepared(value, "array %r" % name) for name, value in obj.items()}
        return Packed("npz", _zip(arrays), arrays=sorted(arrays))
    array = prepared(obj, "the array")
    begin, data = head(array), elements(array)
    return Packed("npy", _npy(begin, data), len(begin) + len(data), dtype=array.dtype.str,
                  shape=list(array.shape[1:]))


def _npy(begin: bytes, data: Any) -> Iterator[Any]:
    yield begin
    yield from pieces.slices(data)


class _Sink(io.RawIOBase):
    """What zipfile writes, to be taken in pieces."""

    def __init__(self) -> None:
        self.taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.taken += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self.taken)
        self.taken.clear()
        return data


def _zip(arrays: Dict[str, Any]) -> Iterable[bytes]:
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(name + ".npy")
            with archive.open(info, "w", force_zip64=array.nbytes > 1 << 30) as member:
                for piece in _npy(head(array), elements(array)):
                    member.write(piece)
                    yield sink.take()
            yield sink.take()
    yield sink.take()


def read(data: memoryview, what: str) -> Any:
    """The array of an npy file's bytes, a copy."""
    import numpy
    from numpy.lib import format as npy
    start = io.BytesIO(bytes(data[:70000]))
    try:
        version = npy.read_magic(start)
        reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = reader(start)
        if dtype.hasobject:
            raise ValueError("it has objects")
        array = numpy.ndarray(shape, dtype, data[start.tell():], order="F" if fortran else "C")
        return array.copy(order="K")
    except (ValueError, TypeError) as error:
        raise InvalidInput("%s is no npy file" % what, str(error)) from error


def unpack(stored: Stored, options: Dict[str, Any]) -> Any:
    what = stored.dataset.reference
    if stored.dataset.format == "npy":
        arrays = [read(part, what) for part in stored.parts]
        if len(arrays) == 1:
            return arrays[0]
        import numpy
        try:
            return numpy.concatenate(arrays)
        except ValueError as error:
            raise InvalidInput("the parts of %s do not fit together" % what, str(error)) from error
    if len(stored.parts) > 1:
        raise Unsupported("%s: several archives of arrays are no one" % what)
    with zipfile.ZipFile(io.BytesIO(stored.parts[0])) as archive:
        return {name[:-4]: read(memoryview(archive.read(name)), "%s: %s" % (what, name))
                for name in archive.namelist()}
