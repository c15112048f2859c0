# SPDX-License-Identifier: Apache-2.0
"""What the server says of a version: its contract, shown well in a terminal and a notebook."""

import html
from typing import Any, Dict, Iterator, List, Optional, Tuple


class Field:
    """Name, dtype, shape (-1: any; None: unknown rank) and profile of an input or output."""

    def __init__(self, said: Dict[str, Any]):
        self.name: str = said["name"]
        self.dtype: str = said.get("dtype") or "unknown"
        self.shape: Optional[List[Any]] = said.get("shape")
        self.profile: str = said.get("profile") or "none"
        self.classes: Optional[List[Any]] = said.get("classes")
        self.evidence: Dict[str, str] = said.get("evidence") or {}

    @property
    def type(self) -> str:
        if self.shape is None:
            return self.dtype + "[?]"
        return "%s[%s]" % (self.dtype, ",".join(str(d) for d in self.shape))

    def __repr__(self) -> str:
        return "<Field %s %s %s>" % (self.name, self.type, self.profile)


class Signature:
    """One function of a model."""

    def __init__(self, said: Dict[str, Any]):
        self.name: str = said["name"]
        self.inputs = [Field(f) for f in said.get("inputs", [])]
        self.outputs = [Field(f) for f in said.get("outputs", [])]

    def __repr__(self) -> str:
        return "<Signature %s(%s) -> %s>" % (self.name, ", ".join(f.name for f in self.inputs),
                                             ", ".join(f.name for f in self.outputs))


class Version:
    """One immutable version of a model."""

    def __init__(self, said: Dict[str, Any]):
        self.raw = said
        self.name: str = said["name"]
        self.number: int = said["version"]
        self.digest: str = said["digest"]
        self.format: str = said.get("format") or ""
        self.framework: Optional[Dict[str, str]] = said.get("framework")
        self.native: bool = bool(said.get("native"))
        self.reason: Optional[str] = said.get("reason")
        self.created: str = said.get("created") or ""
        self.bytes: int = said.get("bytes") or 0
        self.aliases: List[str] = said.get("aliases") or []
        self.signatures = [Signature(s) for s in said.get("signatures") or []]
        self.unchanged: bool = bool(said.get("unchanged"))

    @property
    def reference(self) -> str:
        return "%s:%d" % (self.name, self.number)

    def signature(self, name: Optional[str] = None) -> Signature:
        """The signature of that name, or the first."""
        from .errors import NotFound
        for signature in self.signatures:
            if name is None or signature.name == name:
                return signature
        raise NotFound("%s has no signature %s" % (self.reference, name or ""),
                       fix="it has " + ", ".join(s.name for s in self.signatures))

    def _rows(self) -> Iterator[Tuple[str, str, str, str, str, str]]:
        for signature in self.signatures:
            for way, fields in (("in", signature.inputs), ("out", signature.outputs)):
                for field in fields:
                    yield (signature.name, way, field.name, field.type, field.profile,
                           field.evidence.get("dtype", ""))

    def __repr__(self) -> str:
        return "<Version %s %s%s>" % (self.reference, self.format,
                                      "" if self.native else ", not native: %s" % self.reason)

    def __str__(self) -> str:
        rows = [("signature", "", "field", "type", "profile", "evidence")] + list(self._rows())
        widths = [max(len(row[i]) for row in rows) for i in range(6)]
        lines = [repr(self)[1:-1]]
        lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
                  for row in rows]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join("<tr>%s</tr>" % "".join("<td>%s</td>" % html.escape(cell) for cell in row)
                       for row in self._rows())
        return ("<b>%s</b> %s<table><tr><th>signature</th><th></th><th>field</th><th>type</th>"
                "<th>profile</th><th>evidence</th></tr>%s</table>"
                % (html.escape(self.reference), html.escape(self.format), rows))
