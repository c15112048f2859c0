# SPDX-License-Identifier: Apache-2.0
"""om.scripts: functions that the server runs as jobs."""

import json
import os
from typing import Any, Dict, Optional, Sequence

from . import functions
from .connection import Connection
from .errors import InvalidInput
from .named import Revision, Revisions

ENTRY = '''# SPDX-License-Identifier: Apache-2.0
from %s import %s as run
'''


class Script(Revision):
    """One revision of a script."""

    def __repr__(self) -> str:
        return "<Script %s %s>" % (self.reference, self.facts.get("function", ""))


class Scripts(Revisions[Script]):
    def __init__(self, connection: Connection):
        super().__init__(connection, Script, "scripts")

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
        answer = self._connection.request("PUT", self._path(name) + "?format=function",
                                          metadata + packed.to_bytes(),
                                          {"Firn-Metadata-Bytes": str(len(metadata))})
        return Script(answer.json())

    def get(self, name: str) -> Any:
        """The function, loaded in this process, which runs its module: get what you trust."""
        return functions.read(self._connection.request("GET", self._path(name)).body).load()


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
