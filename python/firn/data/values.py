# SPDX-License-Identifier: Apache-2.0
"""Python values as JSON. What JSON has no word for is an object with one key: {"$tuple": [...]},
{"$set": [...]}, {"$bytes": base64}, {"$float": "nan"}, {"$complex": [re, im]}, {"$datetime": ISO
8601}, {"$date": ...}, {"$time": ...}, {"$duration": seconds}, {"$decimal": "1.5"}, {"$uuid": ...},
{"$dict": [[key, value], ...]}."""

import base64
import datetime
import decimal
import json
import math
import uuid
from typing import Any, Callable, Dict, List, Tuple

from . import Packed, Stored, module_is
from ..errors import InvalidInput, Unsupported

FORMATS = ("json",)
WHAT = ("Python values: None, bool, int, float, complex, str, bytes, dates, Decimal, UUID, and "
        "lists, tuples, sets and dicts of them")
DEPTH_MAX = 50

_WORDS: Dict[type, Tuple[str, Callable[[Any], Any]]] = {
    bytes: ("$bytes", lambda v: base64.b64encode(v).decode()),
    complex: ("$complex", lambda v: [_plain(v.real, "", 0), _plain(v.imag, "", 0)]),
    datetime.datetime: ("$datetime", lambda v: v.isoformat()),
    datetime.date: ("$date", lambda v: v.isoformat()),
    datetime.time: ("$time", lambda v: v.isoformat()),
    datetime.timedelta: ("$duration", lambda v: [v.days, v.seconds, v.microseconds]),
    decimal.Decimal: ("$decimal", str),
    uuid.UUID: ("$uuid", str),
}
_BACK: Dict[str, Callable[[Any], Any]] = {
    "$bytes": base64.b64decode,
    "$complex": lambda v: complex(*v),
    "$datetime": datetime.datetime.fromisoformat,
    "$date": datetime.date.fromisoformat,
    "$time": datetime.time.fromisoformat,
    "$duration": lambda v: datetime.timedelta(*v),
    "$decimal": decimal.Decimal,
    "$uuid": uuid.UUID,
    "$float": float,
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$dict": lambda v: {key: value for key, value in v},
}


def takes(obj: Any, options: Dict[str, Any]) -> bool:
    return (obj is None or type(obj) in _WORDS
            or type(obj) in (bool, int, float, str, list, tuple, dict, set, frozenset))


def text(value: Any, where: str) -> str:
    """A value as JSON."""
    written = json.dumps(_plain(value, where, 0), ensure_ascii=False, allow_nan=False,
                         separators=(",", ":"))
    check_unicode(written, where)
    return written


def check_unicode(written: str, where: str) -> None:
    try:
        written.encode()
    except UnicodeEncodeError as error:
        raise Unsupported("a text of %s is no valid Unicode" % where, str(error)) from error


def pack(obj: Any, options: Dict[str, Any]) -> Packed:
    data = text(obj, "the value").encode()
    return Packed("json", [data], len(data), type=type(obj).__name__)


def _plain(value: Any, where: str, depth: int) -> Any:
    """As JSON says it. Types are exact: what comes back is what was put, or it is refused."""
    kind = type(value)
    if depth > DEPTH_MAX:
        raise Unsupported("%s is nested more than %d deep, or holds itself" % (where, DEPTH_MAX))
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind is list:
        return [_plain(v, "%s[%d]" % (where, i), depth + 1) for i, v in enumerate(value)]
    if kind is tuple:
        return {"$tuple": [_plain(v, "%s[%d]" % (where, i), depth + 1)
                           for i, v in enumerate(value)]}
    if kind in (set, frozenset):
        return {"$" + kind.__name__: [_plain(v, where, depth + 1)
                                      for v in sorted(value, key=lambda v: (str(type(v)), str(v)))]}
    if kind is dict:
        return _plain_dict(value, where, depth)
    if kind in _WORDS:
        word, write = _WORDS[kind]
        return {word: write(value)}
    if module_is(value, "numpy") and getattr(value, "ndim", 1) == 0:
        return _plain(value.item(), where, depth + 1)
    from . import what_can_be_saved
    raise Unsupported("%s is a %s.%s" % (where, kind.__module__, kind.__qualname__),
                      fix=what_can_be_saved())


def _plain_dict(value: Dict[Any, Any], where: str, depth: int) -> Any:
    if all(type(k) is str for k in value) and not (len(value) == 1
                                                   and next(iter(value)).startswith("$")):
        return {k: _plain(v, "%s[%r]" % (where, k), depth + 1) for k, v in value.items()}
    return {"$dict": [[_plain(k, "a key of " + where, depth + 1),
                       _plain(v, "%s[%r]" % (where, k), depth + 1)] for k, v in value.items()]}


def _object(pairs: List[Tuple[str, Any]]) -> Any:
    if len(pairs) == 1 and pairs[0][0] in _BACK:
        return _BACK[pairs[0][0]](pairs[0][1])
    return dict(pairs)


def read(data: Any, what: str) -> Any:
    try:
        return json.loads(str(data, "utf-8"), object_pairs_hook=_object)
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise InvalidInput("%s is no value" % what, str(error)) from error


def unpack(stored: Stored, options: Dict[str, Any]) -> Any:
    values = [read(part, stored.dataset.reference) for part in stored.parts]
    if len(values) == 1:
        return values[0]
    # Appended: lists go on, anything else is a further item.
    whole: List[Any] = list(values[0]) if isinstance(values[0], list) else [values[0]]
    for value in values[1:]:
        whole.extend(value) if isinstance(value, list) else whole.append(value)
    return whole
