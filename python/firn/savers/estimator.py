# SPDX-License-Identifier: Apache-2.0
"""Anything with predict or transform that cloudpickle or dill can write: pipelines with a lambda, classes of the
user's own. pickler="dill" chooses; requirements= as of a requirements.txt; sample= rows that tell
types which the object itself does not."""

import os
import sys
from typing import Any, Dict, Set

from . import saved
from .. import _source, functions, origins
from ..errors import InvalidInput, Unsupported

ROOTS = {"*"}
FORMATS: Set[str] = set()
TAKES = "an object with predict, when cloudpickle or dill is installed"
FILE = "model.pkl"


def takes(obj: Any) -> bool:
    return callable(getattr(obj, "predict", None)) or callable(getattr(obj, "transform", None))


def own_modules(path: str) -> Set[str]:
    """Modules that the pickle names and no package has."""
    try:
        with open(path, "rb") as file:
            names = _source.pickled_modules(file.read())
    except Exception:  # arrays between its parts, as joblib writes them: no whole pickle
        return set()
    return {name for name in names if origins.place(name) in (origins.FILE, origins.NONE)}


def _pickler(name: Any) -> Any:
    if name is None:
        return functions.pickler()
    if name not in ("dill", "cloudpickle"):
        raise InvalidInput("pickler=%r is neither \"dill\" nor \"cloudpickle\"" % (name,))
    import importlib
    return importlib.import_module(name)


def save(obj: Any, folder: str, options: Dict[str, Any]) -> str:
    return _save(obj, folder, **options)


def _save(obj: Any, folder: str, pickler: Any = None, requirements: Any = None, sample: Any = None) -> str:
    what = "%s.%s" % (type(obj).__module__, type(obj).__name__)
    tool = _pickler(pickler)
    if tool is None:
        raise Unsupported("cannot save a %s" % what, "it, or something in it, can only be pickled by value",
                          "install cloudpickle, or put what it uses into modules of a package")
    try:
        data = functions.dump_by_value(tool, obj)
    except Exception as error:  # whatever an object in it raises
        raise Unsupported("cannot save a %s" % what, "%s: %s" % (type(error).__name__, error)) from None
    modules = _source.pickled_modules(data) | {tool.__name__}
    lost = sorted(name for name in modules if origins.place(name) == origins.NONE)
    if lost:
        raise Unsupported("cannot save a %s: it would not come back" % what, "it needs the module %s, which no "
                          "file holds" % lost[0], "move that into a file of its own")
    path = saved.folder(folder)
    files = {FILE: data}
    files.update(("src/" + name, text) for name, text in _source.local_files(modules).items())
    functions.Packed("model", "pickle", "", [], files).write(path)
    return saved.describe(path, "estimator", "scikit-learn", "Python", tool.__name__, contract(obj, sample),
                          requirements, modules | _source.imported_by(files), True, pickler=tool.__name__)


def contract(obj: Any, sample: Any) -> Any:
    from firn_worker.adapter import find
    return find("scikit-learn").of(obj).contract(sample) if sample is not None else saved.contract("scikit-learn", obj)


def load(path: str) -> Any:
    """Runs what is in the pickle, with the modules that came along."""
    source = os.path.join(path, "src")
    if os.path.isdir(source):
        sys.path.insert(0, source)
    try:
        with open(os.path.join(path, FILE), "rb") as file:
            return _pickler(saved.read(path).get("pickler")).load(file)
    finally:
        if source in sys.path:
            sys.path.remove(source)
