# SPDX-License-Identifier: Apache-2.0
"""A data set that is read when it is needed: columns, rows and conditions first, frames or arrays then."""

import re
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from .errors import InvalidInput, NotFound, Unsupported

CHUNK = 1000  # rows of a piece
Parts = Callable[[], Iterator[Any]]

_OPERATORS: Dict[str, Callable[[Any, Any], Any]] = {
    "eq": lambda c, v: c == v, "ne": lambda c, v: c != v, "lt": lambda c, v: c < v,
    "lte": lambda c, v: c <= v, "gt": lambda c, v: c > v, "gte": lambda c, v: c >= v,
    "in": lambda c, v: c.isin(list(v)), "nin": lambda c, v: ~c.isin(list(v)),
    "between": lambda c, v: c.between(v[0], v[1]),
    "contains": lambda c, v: c.str.contains(v, regex=False, na=False),
    "startswith": lambda c, v: c.str.startswith(v, na=False),
    "endswith": lambda c, v: c.str.endswith(v, na=False),
    "regex": lambda c, v: c.str.contains(v, regex=True, na=False),
    "isnull": lambda c, v: c.isna() == bool(v)}


class Lazy:
    """What of a stored frame or array is wanted. Nothing is read before `.value`, `len()` or an
    iteration; then what was appended is read part by part, so that only what is kept of each
    stays in memory."""

    def __init__(self, reference: str, parts: Parts, columns: Any = None,
                 conditions: Optional[Dict[str, Any]] = None,
                 start: Optional[int] = None, end: Optional[int] = None):
        self.reference, self._parts, self._columns = reference, parts, columns
        self._conditions = conditions or {}
        self._start, self._end = start, end

    # --- what is wanted ---

    def _with(self, **changed: Any) -> "Lazy":
        said = {"columns": self._columns, "conditions": self._conditions, "start": self._start,
                "end": self._end}
        said.update(changed)
        return Lazy(self.reference, self._parts, **said)

    def query(self, **conditions: Any) -> "Lazy":
        """Only rows for which all hold: column=value, or column__operator=value (eq, ne, lt, lte,
        gt, gte, in, nin, between, contains, startswith, endswith, regex, isnull)."""
        for key in conditions:
            _operator(key)
        if self._start is not None or self._end is not None:
            raise Unsupported("conditions come before rows: query() first")
        return self._with(conditions={**self._conditions, **conditions})

    filter = query

    def __getitem__(self, columns: Any) -> "Lazy":
        """Of the columns: a name or a list of them."""
        if isinstance(columns, slice):
            raise Unsupported("rows are taken by rows(start, end)")
        return self._with(columns=list(columns) if isinstance(columns, (list, tuple)) else [columns])

    def columns(self, text: str) -> "Lazy":
        """As a name says them: "a,b", "a:c" (with both ends), "^a,b" (all but these)."""
        return self._with(columns=text)

    def rows(self, start: Optional[int] = None, end: Optional[int] = None) -> "Lazy":
        """From `start` up to, without, `end`, counted from 0, of the rows that are left."""
        for bound in (start, end):
            if bound is not None and bound < 0:
                raise InvalidInput("rows are counted from the first: %d" % bound)
        if self._start is not None or self._end is not None:
            raise Unsupported("rows were chosen already")
        return self._with(start=start, end=end)

    def head(self, count: int = 5) -> Any:
        return self.rows(0, count).value

    # --- reading it ---

    def _pieces(self) -> Iterator[Any]:
        """One a part: what is wanted of it."""
        at, end = 0, self._end
        for part in self._parts():
            kept = self._of(part)
            first = max((self._start or 0) - at, 0)
            last = len(kept) if end is None else max(end - at, 0)
            at += len(kept)
            yield kept[first:last] if not hasattr(kept, "iloc") else kept.iloc[first:last]
            if end is not None and at >= end:
                return

    def _of(self, part: Any) -> Any:
        if not self._conditions and self._columns is None:
            return part
        if getattr(part, "ndim", 0) != 2 or not hasattr(part, "columns"):
            raise Unsupported("%s is no frame: it has no columns" % self.reference)
        for key, value in self._conditions.items():
            name, operator = _operator(key)
            column = part[self._column(part, name)]
            try:
                part = part[operator(column, value)]
            except (TypeError, ValueError, AttributeError, IndexError, re.error) as error:
                raise InvalidInput("%s=%r does not fit column %r of %s"
                                   % (key, value, name, self.reference), str(error)) from error
        return part if self._columns is None else part[self._chosen(part)]

    def _column(self, frame: Any, name: Any) -> Any:
        if name not in frame.columns:
            raise NotFound("%s has no column %r" % (self.reference, name), None,
                           "it has " + ", ".join(map(str, list(frame.columns)[:20])))
        return name

    def _chosen(self, frame: Any) -> List[Any]:
        if not isinstance(self._columns, str):
            return [self._column(frame, name) for name in self._columns or []]
        text, every = self._columns.strip(), [str(name) for name in frame.columns]
        if text.startswith("^"):
            out = [self._column_text(every, name) for name in text[1:].split(",")]
            return [name for name, word in zip(frame.columns, every) if word not in out]
        if ":" in text:
            first, _, last = (word.strip() for word in text.partition(":"))
            begin = every.index(self._column_text(every, first)) if first else 0
            end = every.index(self._column_text(every, last)) if last else len(every) - 1
            return list(frame.columns[begin:end + 1])
        wanted = [self._column_text(every, name) for name in text.split(",")]
        return [frame.columns[every.index(name)] for name in wanted]

    def _column_text(self, every: List[str], name: str) -> str:
        if name.strip() not in every:
            raise NotFound("%s has no column %r" % (self.reference, name.strip()), None,
                           "it has " + ", ".join(every[:20]))
        return name.strip()

    @property
    def value(self) -> Any:
        """The frame or array, as get() gives it."""
        from .data import join
        return join(list(self._pieces()))

    def __len__(self) -> int:
        return sum(len(piece) for piece in self._pieces())

    def iterchunks(self, chunksize: int = CHUNK) -> Iterator[Any]:
        """Pieces of at most that many rows."""
        if chunksize < 1:
            raise InvalidInput("chunksize is %d" % chunksize)
        for piece in self._pieces():
            for at in range(0, len(piece), chunksize):
                chunk = slice(at, at + chunksize)
                yield piece.iloc[chunk] if hasattr(piece, "iloc") else piece[chunk]

    def __iter__(self) -> Iterator[Any]:
        return self.iterchunks()

    def __repr__(self) -> str:
        return "<Lazy %s>" % self.reference


def _operator(key: str) -> Tuple[str, Callable[[Any, Any], Any]]:
    name, mark, word = key.rpartition("__")
    if not mark:
        return key, _OPERATORS["eq"]
    if word not in _OPERATORS:
        raise InvalidInput("%r: there is no operator %r" % (key, word), None,
                           "one of " + ", ".join(_OPERATORS))
    return name, _OPERATORS[word]


class Access:
    """What a name says beside the data set: "name[a,b]#rows:start=1,end=10{x=1}"."""

    def __init__(self, name: str):
        self.columns: Optional[str] = None
        self.lazy: Optional[Tuple[str, Dict[str, int]]] = None
        if "#" in name:
            name, _, rest = name.partition("#")
            self.lazy = _call(rest)
        if name.endswith("]") and "[" in name:
            name, _, inside = name[:-1].partition("[")
            self.columns = inside
        self.name = name


def _call(text: str) -> Tuple[str, Dict[str, int]]:
    """"rows:start=1,end=10"."""
    word, _, rest = text.partition(":")
    known = {"": (), "iterchunks": ("chunksize",), "rows": ("start", "end")}
    if word not in known:
        raise InvalidInput("%r: after # stands iterchunks:chunksize=N or rows:start=N,end=N" % text)
    arguments = {}
    for part in filter(None, rest.split(",")):
        key, mark, number = (piece.strip() for piece in part.partition("="))
        if key not in known[word] or not number.isdigit():
            raise InvalidInput("%r: %s takes whole numbers %s" % (text, word or "#", ", ".join(known[word])))
        arguments[key] = int(number)
    return word, arguments
