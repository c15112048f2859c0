# SPDX-License-Identifier: Apache-2.0
"""Files, open files and folders, as they are."""

import io
import os
from typing import Any, Dict, Iterator

from . import Packed, Stored
from .. import pieces
from ..errors import InvalidInput, NotFound, Unsupported

FORMATS = ("file", "folder")
WHAT = "files and folders by their path, and open binary files"


def takes(obj: Any, options: Dict[str, Any]) -> bool:
    return isinstance(obj, (str, os.PathLike)) or hasattr(obj, "read")


def pack(obj: Any, options: Dict[str, Any]) -> Packed:
    if hasattr(obj, "read"):
        name = getattr(obj, "name", None)
        return Packed("file", _pieces(obj),
                      file=os.path.basename(name) if isinstance(name, str) else None)
    if not isinstance(obj, (str, os.PathLike)):
        raise Unsupported("a %s is no file" % type(obj).__name__)
    path = os.fspath(obj)
    name = os.path.basename(os.path.normpath(path))
    if os.path.isdir(path):
        return Packed("folder", pieces.tar_of_folder(path), pieces.size_of(path), file=name)
    if not os.path.exists(path):
        raise NotFound("there is no file or folder %r" % path,
                       fix="a text itself is put with format=\"json\"")
    return Packed("file", _pieces(open(path, "rb"), True), os.path.getsize(path), file=name)


def _pieces(file: Any, close: bool = False) -> Iterator[bytes]:
    try:
        while True:
            piece = file.read(pieces.PIECE)
            if not piece:
                return
            if isinstance(piece, str):
                raise InvalidInput("the file is open as text", fix='open(path, "rb")')
            yield piece
    finally:
        if close:
            file.close()


def unpack(stored: Stored, options: Dict[str, Any]) -> Any:
    if stored.dataset.format == "folder":
        raise InvalidInput("%s is a folder" % stored.dataset.reference,
                           fix="say where it goes: get(name, path)")
    return io.BytesIO(stored.whole())
