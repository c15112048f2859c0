# SPDX-License-Identifier: Apache-2.0
"""om.scripts: functions that the server runs as jobs."""

import json
import os
from typing import Any, Dict, List, Optional, Sequence
from urllib.parse import quote

from . import functions
from .connection import Connection
from .errors import InvalidInput, NotFound

ENTRY = '''# SPDX-License-Identifier: Apache-2.0
from %s import %s as run
'''


class Script:
    """One revision of a script."""

    def __init__(self, said: Dict[str, Any]):
        self.raw = said
        self.name: str = said["name"]
        self.revision: int = said["revision"]
        self.created: str = said.get("created") or ""
        self.facts: Dict[str, Any] = said.get("metadata") or {}
        self.unchanged: bool = bool(said.get("unchanged"))

    @property
    def reference(self) -> str:
        return "%s@%d" % (self.name, self.revision)

    def __repr__(self) -> str:
        return "<Script %s %s>" % (self.reference, self.facts.get("function", ""))


class Scripts:
    def __init__(self, connection: Connection):
        self._connection = connection

    def put(self, function: Any, name: str, requirements: Optional[Sequence[str]] = None,
            attributes: Optional[Dict[str, Any]] = None) -> Script:
        """Keep a function, or the folder of a package whose function `run` is meant, as the next
        revision. `requirements`: what pip installs for it; None: the installed versions of what
        it imports. See firn.functions for what can be kept."""
        packed = _package(os.fspath(function), requirements) \
            if isinstance(function, (str, os.PathLike)) else functions.pack(function, requirements)
        known: Dict[str, Any] = {"function": packed.name, "kind": packed.kind, "python": packed.python,
                 "requirements": packed.requirements}
        if attributes:
            known["attributes"] = attributes
        metadata = json.dumps(known).encode()
        answer = self._connection.request("PUT", _path(name) + "?format=function",
                                          metadata + packed.to_bytes(),
                                          {"Firn-Metadata-Bytes": str(len(metadata))})
        return Script(answer.json())

    def metadata(self, name: str) -> Script:
        """The revision that `name` ("name", "name@3", "name^") means."""
        return Script(self._connection.request("GET", _path(name) + "?metadata").json())

    def get(self, name: str) -> Any:
        """The function, loaded in this process, which runs its module: get what you trust."""
        return functions.read(self._connection.request("GET", _path(name)).body).load()

    def list(self, pattern: str = "*") -> "List[Script]":
        path = "/api/scripts?pattern=" + quote(pattern, safe="")
        return [Script(said) for said in self._connection.request("GET", path).json()]

    def revisions(self, name: str) -> "List[Script]":
        """Newest first."""
        answer = self._connection.request("GET", _path(name) + "?revisions")
        return [Script(said) for said in answer.json()]

    def exists(self, name: str) -> bool:
        try:
            self.metadata(name)
        except NotFound:
            return False
        return True

    def drop(self, name: str, force: bool = False) -> bool:
        try:
            self._connection.request("DELETE", _path(name))
        except NotFound:
            if not force:
                raise
            return False
        return True


def _path(name: str) -> str:
    return "/api/scripts/" + quote(name, safe="/@:")


def _package(folder: str, requirements: Optional[Sequence[str]]) -> functions.Packed:
    """A folder with __init__.py that has run(), as files of a function; "pkg://" before it is
    omega|ml's way to say so."""
    folder = os.path.abspath(folder[6:] if folder.startswith("pkg://") else folder)
    name = os.path.basename(folder)
    if not os.path.isfile(os.path.join(folder, "__init__.py")) or not name.isidentifier():
        raise InvalidInput("%s is no package: a folder with a name of Python and __init__.py" % folder)
    files: Dict[str, bytes] = {"src/func_main.py": (ENTRY % (name, "run")).encode()}
    for root, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith((".", "__pycache__"))]
        for each in names:
            path = os.path.join(root, each)
            inside = os.path.relpath(path, os.path.dirname(folder)).replace(os.sep, "/")
            if not each.startswith(".") and len(files) < functions.FILES_MAX:
                with open(path, "rb") as file:
                    files["src/" + inside] = file.read()
    lines = list(requirements or [])
    beside = os.path.join(folder, "requirements.txt")
    if requirements is None and os.path.isfile(beside):
        with open(beside, encoding="utf-8") as file:
            lines = [line.strip() for line in file if line.strip()]
    files[functions.NEEDS] = "".join(line + "\n" for line in lines).encode()
    facts = {"format": 1, "name": "run", "kind": "source", "python": ""}
    files[functions.FACTS] = (json.dumps(facts, sort_keys=True) + "\n").encode()
    return functions.Packed("run", "source", "", lines, files)
