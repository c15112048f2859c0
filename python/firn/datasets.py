# SPDX-License-Identifier: Apache-2.0
"""om.datasets: data under names, with revisions."""

import html
import json
import mmap
import os
import re
import tempfile
from itertools import chain
from typing import Any, Dict, Iterator, List, Optional, Tuple
from urllib.parse import quote

from .connection import Connection
from .errors import InvalidInput, NotFound
from .lazy import Access, Lazy
from .named import Revision, Revisions
from . import data as kinds
from . import pieces

SMALL = 1 << 20  # bytes that are sent at once
MEMORY_MAX = 8 << 20  # larger ones are received into a file


class Dataset(Revision):
    """One revision of a data set."""

    def __init__(self, said: Dict[str, Any]):
        super().__init__(said)
        self.format: str = said["format"]
        self.digest: str = said["digest"]
        self.bytes: int = said["bytes"]
        self.parts: int = said.get("parts", 1)
        self.tag: Optional[str] = self.facts.get("tag")
        self.attributes: Dict[str, Any] = self.facts.pop("attributes", None) or {}

    def __repr__(self) -> str:
        return "<Dataset %s %s %d bytes>" % (self.reference, self.format, self.bytes)

    def _repr_html_(self) -> str:
        rows = "".join("<tr><td>%s</td><td>%s</td></tr>" % (html.escape(key),
                                                            html.escape(str(value)))
                       for key, value in sorted({**self.facts, **self.attributes}.items()))
        return "<b>%s</b> %s, %d bytes<table>%s</table>" % (
            html.escape(self.reference), html.escape(self.format), self.bytes, rows)


class Datasets(Revisions[Dataset]):
    def __init__(self, connection: Connection):
        super().__init__(connection, Dataset, "datasets")
        self._folder: Optional[tempfile.TemporaryDirectory[str]] = None

    def _path(self, name: str) -> str:
        """A tag stands for the newest revision that has it."""
        base, _, tag = name.partition("@")
        if not tag or tag.isdigit():
            return super()._path(name)
        for revision in super().revisions(base):
            if revision.tag == tag:
                return super()._path(revision.reference)
        raise NotFound("no revision of %r has the tag %r" % (base, tag))

    def _drop_path(self, name: str) -> str:
        return self._path(name)

    # --- putting ---

    def put(self, /, obj: Any, name: str, append: bool = False,
            attributes: Optional[Dict[str, Any]] = None, expect: Optional[int] = None,
            tag: Optional[str] = None, progress: Optional[bool] = None, **options: Any) -> Dataset:
        """Keep an object, or the file or folder at a path, as the next revision.

        `append`: behind what the newest revision has, which must be of the same kind.
        `attributes`: what else is to be known of it. `expect`: only if that is the newest revision
        now (0: none). `tag`: a word by which this client finds it: "name@tag", the newest revision
        that has it. `format`: of several that would do ("json" keeps a text as a value)."""
        from .progress import Bar
        packed = kinds.pack(obj, options)
        known = {key: value for key, value in packed.facts.items() if value is not None}
        if attributes:
            known["attributes"] = attributes
        if tag is not None:
            known["tag"] = _checked_tag(tag)
        try:
            metadata = json.dumps(known, allow_nan=False).encode() if known else b""
        except (TypeError, ValueError) as error:
            raise InvalidInput("the attributes are not plain JSON", str(error)) from error
        query = "?format=" + quote(packed.format, safe="")
        if append:
            query += "&append"
        if expect is not None:
            query += "&expect=%d" % expect
        headers = {"Firn-Metadata-Bytes": str(len(metadata))} if metadata else {}
        with Bar(name, packed.size, progress) as bar:
            stream = chain([metadata], bar.watch(packed.pieces))
            body = b"".join(stream) if packed.size is not None and packed.size < SMALL else stream
            answer = self._connection.request("PUT", super()._path(name) + query, body, headers)
        return Dataset(answer.json())

    # --- getting ---

    def get(self, /, name: str, path: Optional[str] = None, **options: Any) -> Any:
        """The object again. With `path`: only its bytes, as a file (a folder where it was one);
        returns the path. `as_dataset=True` of records: a tf.data.Dataset, parsed where `features`
        says how.

        "name[a,b]", "name[a:b]", "name[^a]" are some columns of a frame, "name#rows:start=1,end=10"
        some rows, "name#iterchunks:chunksize=10" chunks; column__operator=value keep the rows for
        which they hold: see getl.

        Of a virtual data set: what its function returns; further arguments, and those of the name
        ("name{day=5}", as texts), go to it. The server runs it in a worker; `local=True`: this
        process does, which runs what others put there."""
        access = Access(name)
        if access.columns is not None or access.lazy is not None:
            return self._accessed(access, path, options)
        name, arguments = _arguments(name)
        dataset, sink, count = self._fetch(name)
        with sink:
            if path is not None:
                return _write(sink.view(), path, dataset.format == "folder")
            if dataset.format == "function":
                local = options.pop("local", False)
                options = {"arguments": dict(arguments, **options)}
                if not local:
                    return self._call(dataset.reference, options["arguments"])
            elif arguments:
                raise InvalidInput("%s is no virtual data set: it takes no arguments" % name)
            stored = kinds.Stored(dataset, list(self._parts(dataset, sink.view(), count)))
            if dataset.format == "frame" and options:
                return Lazy(dataset.reference, lambda: kinds.separate(stored, {})).query(**options).value
            options["folder"] = self._temporary
            options["facts"] = lambda: self.metadata(dataset.reference).facts
            return kinds.unpack(stored, options)

    def getl(self, /, name: str, **conditions: Any) -> "Lazy":
        """What get() gives, later: .query(age__gte=18)["age"].rows(0, 10).value, or chunk by chunk.
        The revision is that of now, whatever is put meanwhile."""
        access = Access(name)
        name, arguments = _arguments(access.name)
        dataset = self.metadata(name)
        fetched: "List[Tuple[Dataset, memoryview, int]]" = []

        def parts() -> Iterator[Any]:
            if dataset.format == "function":
                yield self._call(dataset.reference, arguments)
                return
            if not fetched:
                found, sink, count = self._fetch(dataset.reference)
                with sink:
                    fetched.append((found, sink.view(), count))
            found, view, count = fetched[0]
            stored = kinds.Stored(found, list(self._parts(found, view, count)))
            yield from kinds.separate(stored, {"folder": self._temporary,
                                               "facts": lambda: dataset.facts})

        made = Lazy(dataset.reference, parts, access.columns)
        made = made.query(**conditions) if conditions else made
        word, numbers = access.lazy or ("", {})
        return made.rows(numbers.get("start"), numbers.get("end")) if word == "rows" else made

    def _accessed(self, access: Access, path: Optional[str], options: Dict[str, Any]) -> Any:
        """"name[a,b]", "name#rows:start=1,end=10" as objects, "name#" and "name#iterchunks" as
        chunks."""
        if path is not None:
            raise InvalidInput("a file has all of a data set: get(%r, path)" % access.name)
        lazy = self.getl(access.name, **options)
        if access.columns is not None:
            lazy = lazy.columns(access.columns)
        word, numbers = access.lazy or ("rows", {})
        if word == "rows":
            return lazy.rows(numbers.get("start"), numbers.get("end")).value
        return lazy.iterchunks(**numbers)

    def _fetch(self, name: str) -> "Tuple[Dataset, _Sink, int]":
        """What the server has, and of how many parts it is."""
        sink = _Sink()
        answer = self._connection.request("GET", self._path(name), write=sink.write)
        headers = answer.headers
        if sink.size != int(headers.get("firn-bytes", sink.size)):
            raise InvalidInput("%s came with %d bytes of %s" % (name, sink.size,
                                                                headers["firn-bytes"]))
        dataset = Dataset({"name": name.split("@")[0].split("^")[0].split(":")[0],
                           "revision": int(headers["firn-revision"]), "bytes": sink.size,
                           "format": headers["firn-format"], "digest": headers["firn-digest"]})
        return dataset, sink, int(headers["firn-parts"])

    def _call(self, reference: str, arguments: Dict[str, Any]) -> Any:
        """What the function of a virtual data set returns, from a worker of the server."""
        from . import jobs
        return jobs.Jobs(self._connection).submit({"dataset": reference},
                                                  {"kwargs": jobs.named(arguments)}).get()

    def _parts(self, dataset: Dataset, whole: memoryview, count: int) -> Iterator[memoryview]:
        """What is appended is a part of its own."""
        sizes = [len(whole)]
        if count > 1:
            sizes = self._connection.request("GET", self._path(dataset.reference) + "?parts").json()
        at = 0
        for size in sizes:
            yield whole[at:at + size]
            at += size

    def _temporary(self) -> str:
        """A folder for files that objects read as long as this client is there."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="firn-data-")
        return self._folder.name

    def close(self) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    # --- changing ---

    def drop(self, name: str, force: bool = False, report: bool = False) -> Any:
        """Drop a data set ("name"), one revision ("name@3", "name@tag") or all whose name matches a
        glob ("tmp/*"). `force`: no error when there is none. `report`: {name: was it there}."""
        if "*" not in name:
            dropped = super().drop(name, force)
            return {name: dropped} if report else dropped
        found = self.list(name)
        if not found and not force:
            raise NotFound("there is no data set whose name matches %r" % name)
        told = {each.name: super(Datasets, self).drop(each.name, True) for each in found}
        return told if report else bool(told)


def _checked_tag(tag: str) -> str:
    if isinstance(tag, str) and len(tag) <= 128 and re.fullmatch("[A-Za-z][A-Za-z0-9._-]*", tag):
        return tag
    raise InvalidInput("%r is no tag: letters, digits and ._-, a letter first" % (tag,))


def _arguments(name: str) -> Tuple[str, Dict[str, Any]]:
    """"name{a=1,b=x}" as name and arguments, which are texts."""
    if not name.endswith("}") or "{" not in name:
        return name, {}
    name, _, inside = name[:-1].partition("{")
    pairs = [part.partition("=") for part in inside.split(",") if part]
    if any(not mark or not key.strip().isidentifier() for key, mark, _ in pairs):
        raise InvalidInput("%r are no arguments: {name=value,...}" % inside)
    return name, {key.strip(): value.strip() for key, _, value in pairs}


def _write(data: memoryview, path: str, folder: bool) -> str:
    if folder:
        pieces.tar_unpack(pieces.View(data), path)
        return path
    with open(path, "wb") as out:
        out.write(data)
    return os.fspath(path)


class _Sink:
    """Bytes as they come: in memory, or in a file that is mapped."""

    def __init__(self) -> None:
        self.size = 0
        self.memory = bytearray()
        self.file: Any = None
        self.map: Any = None

    def write(self, data: Any) -> None:
        self.size += len(data)
        if self.file is None and self.size > MEMORY_MAX:
            self.file = tempfile.TemporaryFile()
            self.file.write(self.memory)
            self.memory = bytearray()
        if self.file is None:
            self.memory += data
        else:
            self.file.write(data)

    def view(self) -> memoryview:
        if self.file is None:
            return memoryview(self.memory)
        self.file.flush()
        self.map = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)
        return memoryview(self.map)

    def __enter__(self) -> "_Sink":
        return self

    def __exit__(self, *unused: Any) -> None:
        if self.file is not None:
            self.file.close()  # what is mapped stays until nobody looks at it
