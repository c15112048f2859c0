# SPDX-License-Identifier: Apache-2.0
"""What is the same for all that a server keeps under names: looking and dropping."""

from abc import ABC, abstractmethod
from typing import Any, Callable, Dict, Generic, List, TypeVar
from urllib.parse import quote

from .connection import Connection
from .errors import NotFound

Kept = TypeVar("Kept")


class Revision:
    """What the server says of one revision."""

    def __init__(self, said: Dict[str, Any]):
        self.raw = said
        self.name: str = said["name"]
        self.revision: int = said["revision"]
        self.created: str = said.get("created") or ""
        self.facts: Dict[str, Any] = dict(said.get("metadata") or {})
        self.unchanged: bool = bool(said.get("unchanged"))

    @property
    def reference(self) -> str:
        return "%s@%d" % (self.name, self.revision)


class Named(ABC, Generic[Kept]):
    """`kind` makes an object of what the server says of one."""

    def __init__(self, connection: Connection, kind: Callable[[Dict[str, Any]], Kept]):
        self._connection, self._kind = connection, kind

    def _one(self, path: str) -> Kept:
        return self._kind(self._connection.request("GET", path).json())

    def _all(self, path: str) -> "List[Kept]":
        return [self._kind(said) for said in self._connection.request("GET", path).json()]

    @abstractmethod
    def metadata(self, name: str) -> Kept:
        """The one that `name` means."""

    @abstractmethod
    def list(self, pattern: str = "*") -> "List[Kept]":
        """The newest of all whose name matches the glob."""

    @abstractmethod
    def revisions(self, name: str) -> "List[Kept]":
        """Newest first."""

    def exists(self, name: str) -> bool:
        try:
            self.metadata(name)
        except NotFound:
            return False
        return True

    @abstractmethod
    def _drop_path(self, name: str) -> str:
        """What drop(name) deletes."""

    def drop(self, name: str, force: bool = False) -> bool:
        """Drop "name" with all its revisions, or one revision. `force`: no error when there is none."""
        try:
            self._connection.request("DELETE", self._drop_path(name))
        except NotFound:
            if not force:
                raise
            return False
        return True


class Revisions(Named[Kept]):
    """Those below /api/`where`, whose revisions are "name@3" and "name^"."""

    def __init__(self, connection: Connection, kind: Callable[[Dict[str, Any]], Kept], where: str):
        super().__init__(connection, kind)
        self._where = "/api/" + where

    def _path(self, name: str) -> str:
        return "%s/%s" % (self._where, quote(name, safe="/@:"))

    _drop_path = _path

    def metadata(self, name: str) -> Kept:
        """The revision that `name` ("name", "name@3", "name^") means."""
        return self._one(self._path(name) + "?metadata")

    def list(self, pattern: str = "*") -> "List[Kept]":
        """The newest revision of all whose name matches the glob."""
        return self._all("%s?pattern=%s" % (self._where, quote(pattern, safe="")))

    def revisions(self, name: str) -> "List[Kept]":
        """All revisions, newest first."""
        return self._all(self._path(name) + "?revisions")
