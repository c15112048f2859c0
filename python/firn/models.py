# SPDX-License-Identifier: Apache-2.0
"""om.models: trained objects under names."""

import fnmatch
import os
import re
import tempfile
from typing import Any, List, Optional, Tuple, Union
from urllib.parse import quote

from .connection import Connection
from .contract import Version
from .errors import InvalidInput, NotFound
from .named import Named
from . import pieces, savers

INSTALL_SECONDS = 1000.0  # a put may have to install what the model needs: the server's worker_install_ms, and more


def split(reference: str) -> Tuple[str, Union[str, int]]:
    """"name", "name:3", "name@3", "name@alias", "name^" to (name, which): which as a path says it,
    or the number of ^."""
    for mark in ":@^":
        if mark in reference:
            name, _, rest = reference.partition(mark)
            if mark == "^":
                if rest.strip("^"):
                    raise InvalidInput("%r goes on after its ^" % reference)
                return name, 1 + len(rest)
            if rest.isdigit():
                return name, rest
            if mark == ":" or not rest:
                raise InvalidInput("%r names no version" % reference,
                                   fix="name, name:3, name@alias or name^")
            return name, "@" + rest
    return reference, "newest"


_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def _check_name(name: str) -> None:
    """What the server would refuse, before anything is saved or sent."""
    if isinstance(name, str) and len(name.encode()) <= 128 and \
            all(_PART.fullmatch(part) for part in name.split("/")):
        return
    raise InvalidInput("nothing can be put under %r: it would not come back by that name" % (name,), None,
                       "parts of letters, digits and ._- between /, each beginning with a letter or digit; "
                       "@, : and ^ mean versions")


class Models(Named[Version]):
    def __init__(self, connection: Connection):
        super().__init__(connection, Version)

    # --- looking ---

    def _path(self, reference: str) -> str:
        name, which = split(reference)
        if isinstance(which, int):
            versions = self.revisions(name)
            if which >= len(versions):
                raise NotFound("model %r has %d versions, none %d before the newest"
                               % (name, len(versions), which))
            which = str(versions[which].number)
        return "/api/models/%s/versions/%s" % (quote(name, safe=""), quote(which, safe="@"))

    def metadata(self, name: str) -> Version:
        """The version that `name` ("name", "name:3", "name@alias", "name^") means."""
        return self._one(self._path(name))

    def list(self, pattern: str = "*") -> List[Version]:
        """The newest version of every model whose name matches the glob."""
        return [v for v in self._all("/api/models") if fnmatch.fnmatchcase(v.name, pattern)]

    def revisions(self, name: str) -> List[Version]:
        """All versions, newest first."""
        return self._all("/api/models/" + quote(name, safe=""))

    # --- putting ---

    def put(self, /, obj: Any, name: str, alias: Optional[str] = None,
            manifest: Optional[str] = None, progress: Optional[bool] = None,
            verify: Optional[bool] = None, **options: Any) -> Version:
        """Freeze a trained object, or the file or folder at a path, as the next version.

        Objects are saved the way their framework saves them; `options` go to that saver
        (as_savedmodel=True of Keras, signatures= of TensorFlow ...). `manifest`: text of a
        serving.yaml. `verify`: compare the server's own answers with the framework's in a worker;
        None: where that is installed there already. `progress`: a bar on standard error; None: where that is a terminal."""
        _check_name(name)
        if isinstance(obj, (str, os.PathLike)):
            return self._upload(os.fspath(obj), name, alias, manifest, progress, verify)
        with tempfile.TemporaryDirectory(prefix="firn-") as folder:
            path = savers.save(obj, folder, options)
            return self._upload(path, name, alias, manifest, progress, verify)

    def _upload(self, path: str, name: str, alias: Optional[str], manifest: Optional[str],
                progress: Optional[bool], verify: Optional[bool] = None) -> Version:
        from .progress import Bar
        if not os.path.exists(path):
            raise NotFound("there is no file or folder %r" % path)
        query = "?wait=1&file=" + quote(os.path.basename(os.path.normpath(path)), safe="")
        if alias:
            query += "&alias=" + quote(alias, safe="")
        if verify is not None:
            query += "&verify=%d" % verify
        headers = {"Firn-Manifest": quote(manifest, safe="")} if manifest else {}
        with Bar(name, pieces.size_of(path), progress) as bar:
            body = bar.watch(pieces.tar_of_folder(path) if os.path.isdir(path) else pieces.of_path(path))
            answer = self._connection.request("PUT", "/api/models/" + quote(name, safe="") + query,
                                              body, headers, patience=INSTALL_SECONDS)
        return Version(answer.json())

    # --- getting ---

    def get(self, name: str, path: Optional[str] = None) -> Any:
        """The object that was put, loaded by its framework in this process: for scikit-learn's
        pickles that runs what is in them, so get what you trust. With `path`: only the file or
        folder, written there; returns the path."""
        version = self.metadata(name)
        if path is not None:
            return self._download(version, path, False)
        with tempfile.TemporaryDirectory(prefix="firn-") as folder:
            return savers.load(version, lambda: self._download(version, folder, True))

    def _download(self, version: Version, target: str, inside: bool) -> str:
        """`inside`: into that folder, under the file's own name."""
        path = "%s/payload" % self._path(version.reference)
        with tempfile.TemporaryFile() as body:
            answer = self._connection.request("GET", path, write=body.write)
            body.seek(0)
            if answer.headers.get("content-type") == "application/x-tar":
                if inside:
                    target = os.path.join(target, "model")
                pieces.tar_unpack(body, target)
                return target
            if inside:
                said = answer.headers.get("content-disposition", "")
                suffix = os.path.splitext(said.rstrip('"'))[1]
                target = os.path.join(target, "model" + suffix)
            pieces.copy(body, target)
        return target

    # --- changing ---

    def alias(self, name: str, alias: str, expect: Optional[int] = None) -> None:
        """Let `alias` of the model stand on the version `name` means. `expect`: only if it stands
        on that number now (0: nowhere)."""
        version = self.metadata(name)
        path = "/api/models/%s/aliases/%s?version=%d" % (quote(version.name, safe=""),
                                                         quote(alias, safe=""), version.number)
        if expect is not None:
            path += "&expect=%d" % expect
        self._connection.request("PUT", path)

    def _drop_path(self, name: str) -> str:
        """Of a model ("name") or a version ("name:3")."""
        model, which = split(name)
        path = "/api/models/" + quote(model, safe="")
        return path if which == "newest" else "%s/versions/%d" % (path, self.metadata(name).number)
