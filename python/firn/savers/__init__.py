# SPDX-License-Identifier: Apache-2.0
"""How objects are saved and come back: one framework a file, found by the module of the object's
class, loaded only when it is needed.

A saver has ROOTS (top-level modules of the classes it saves; "*": any), FORMATS (what the server
calls such files), TAKES (what it saves, for people), takes(obj) -> bool, save(obj, folder, options)
-> path, and load(path) -> object. What saved.py described comes back by the saver it names."""

import importlib
import os
from typing import Any, Callable, Dict, List

from ..contract import Version
from ..errors import InvalidInput, Unsupported
from . import saved

# The first that takes an object saves it; those for any object come last.
NAMES = ("sklearn", "keras", "tensorflow", "onnx", "pytorch", "xgboost", "lightgbm", "catboost",
         "spark", "function", "estimator")


def _saver(name: str) -> Any:
    return importlib.import_module("." + name, __name__)


def _roots(obj: Any) -> List[str]:
    return [kind.__module__.partition(".")[0] for kind in type(obj).__mro__]


def what_can_be_saved() -> List[str]:
    """One line a saver."""
    return [_saver(name).TAKES for name in NAMES]


def save(obj: Any, folder: str, options: Dict[str, Any]) -> str:
    """Write the object below `folder`; the path of what was written."""
    for root in _roots(obj) + ["*"]:
        for saver in map(_saver, NAMES):
            if root in saver.ROOTS and saver.takes(obj):
                return _written(saver, obj, folder, options)
    raise Unsupported("cannot save a %s.%s" % (type(obj).__module__, type(obj).__name__),
                      "it is of no framework that is known, and has no predict",
                      "what can be saved: " + "; ".join(what_can_be_saved()))


def _written(saver: Any, obj: Any, folder: str, options: Dict[str, Any]) -> str:
    try:
        return saver.save(obj, folder, options)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        raise InvalidInput("an option of put() is not known for this object: %s" % error, None,
                           saver.TAKES) from None


def load(version: Version, download: Callable[[], str]) -> Any:
    """The object of a version, by the framework that saved it."""
    known = [name for name in NAMES if version.format in _saver(name).FORMATS]
    if not known and version.format not in saved.FORMATS:
        raise _unknown(version)
    path = download()
    said = saved.read(path) if os.path.isdir(path) else {}
    if said.get("saver") in NAMES:
        return _saver(said["saver"]).load(path)
    if known:
        return _saver(known[0]).load(path)
    raise _unknown(version)


def _unknown(version: Version) -> Unsupported:
    return Unsupported("%s is of format %s, which no loader here takes" % (version.reference, version.format),
                       fix="get(name, path) writes its files")
