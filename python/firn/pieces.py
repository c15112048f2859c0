# SPDX-License-Identifier: Apache-2.0
"""Bytes in pieces: of files, of folders and archives as tar, and bytes read as a file."""

import io
import os
import tarfile
from typing import Any, Iterable, Iterator, Optional

from .errors import InvalidInput

PIECE = 256 << 10
TAR_END = b"\0" * 1024


def slices(data: Any) -> Iterator[memoryview]:
    """Of a bytes-like object, not copied."""
    view = memoryview(data)
    for at in range(0, len(view), PIECE):
        yield view[at:at + PIECE]


def of_file(file: Any) -> Iterator[bytes]:
    """The rest of an open file."""
    yield from iter(lambda: file.read(PIECE), b"")


def of_path(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        yield from of_file(file)


def copy(file: Any, path: str) -> None:
    """The rest of an open file, as the file at `path`."""
    with open(path, "wb") as out:
        for piece in of_file(file):
            out.write(piece)


def size_of(path: str) -> int:
    """Bytes of a file, or of the files in a folder."""
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(root, f)) for root, _, files in os.walk(path)
               for f in files)


# --- tar ---

def tar_member(name: str, size: int, pieces: Iterable[Any]) -> Iterator[Any]:
    """A file in an archive, which ends with TAR_END."""
    info = tarfile.TarInfo(name)
    info.size = size
    yield info.tobuf(tarfile.PAX_FORMAT)
    yield from pieces
    yield b"\0" * (-size % 512)


def tar_of_folder(folder: str) -> Iterator[bytes]:
    for root, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            path = os.path.join(root, file)
            size = os.path.getsize(path)
            yield from tar_member(os.path.relpath(path, folder), size, _exactly(path, size))
    yield b"\0" * tarfile.RECORDSIZE


def _exactly(path: str, size: int) -> Iterator[bytes]:
    """`size` bytes of a file that may be written to meanwhile."""
    with open(path, "rb") as file:
        while size:
            piece = file.read(min(PIECE, size))
            if not piece:
                raise OSError("%s became shorter while it was read" % path)
            size -= len(piece)
            yield piece


def tar_unpack(body: Any, target: str) -> None:
    """Regular files of a tar that our own server wrote; what leaves the folder is refused."""
    root = os.path.realpath(target)
    with tarfile.open(fileobj=body, mode="r:") as tar:
        for info in tar:
            path = os.path.realpath(os.path.join(root, info.name))
            if not info.isreg() or not path.startswith(root + os.sep):
                raise InvalidInput("the server sent a file named %r" % info.name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            copy(tar.extractfile(info), path)


class View(io.RawIOBase):
    """A bytes-like object as a file, for tarfile."""

    def __init__(self, data: memoryview):
        self.data, self.at = data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (0, self.at, len(self.data))[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def read(self, size: Optional[int] = -1) -> bytes:
        end = len(self.data) if size is None or size < 0 else self.at + size
        piece = bytes(self.data[self.at:end])
        self.at += len(piece)
        return piece
