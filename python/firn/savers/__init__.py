# SPDX-License-Identifier: Apache-2.0
"""How objects are saved and come back: one framework a file, found by the module of the object's
class, loaded only when it is needed.

A saver has ROOTS (top-level modules of the classes it saves), FORMATS (what the server calls such
files), save(obj, folder, options) -> path, and load(path) -> object."""

import importlib
from typing import Any, Callable, Dict, List

from ..contract import Version
from ..errors import Unsupported

NAMES = ("sklearn", "keras", "tensorflow", "onnx")


def _saver(name: str) -> Any:
    return importlib.import_module("." + name, __name__)


def _roots(obj: Any) -> List[str]:
    return [kind.__module__.partition(".")[0] for kind in type(obj).__mro__]


def save(obj: Any, folder: str, options: Dict[str, Any]) -> str:
    """Write the object below `folder`; the path of what was written."""
    roots = _roots(obj)
    for name in NAMES:
        saver = _saver(name)
        if any(root in saver.ROOTS for root in roots) and saver.takes(obj):
            return saver.save(obj, folder, options)
    raise Unsupported("cannot save a %s.%s" % (type(obj).__module__, type(obj).__name__),
                      fix="objects of %s, or the path of a saved model" % ", ".join(NAMES))


def load(version: Version, download: Callable[[], str]) -> Any:
    """The object of a version, by the framework that saved it."""
    for name in NAMES:
        saver = _saver(name)
        if version.format in saver.FORMATS:
            return saver.load(download())
    raise Unsupported("%s is of format %s, which no loader here takes" % (version.reference,
                                                                         version.format),
                      fix="get(name, path) writes its files")
