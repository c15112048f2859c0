# SPDX-License-Identifier: Apache-2.0
"""Plain functions, served as Python models by workers: called with the inputs by name.

    om.models.put(f, "f", sample={"x": array})        # types and shapes from a call with these
    requirements=["scipy==1.11"]                      # None: what it imports, as it is installed

A function that returns a dict names its outputs by that; the result of another is "result". The
first dimension of an array in the sample is the batch, any number of rows."""

import inspect
import os
from typing import Any, Dict, List

from . import _sample, saved
from .. import functions
from ..errors import InvalidInput, Unsupported

ROOTS = {"builtins"}
FORMATS = {"python"}
TAKES = "a function, with sample={input: value}"
WRAPPED = """

def predict(**inputs):
    return {"result": %s(**inputs)}
"""


def takes(obj: Any) -> bool:
    return inspect.isroutine(obj)


def save(obj: Any, folder: str, options: Dict[str, Any]) -> str:
    return _save(obj, folder, **options)


def _save(obj: Any, folder: str, sample: Any = None, requirements: Any = None) -> str:
    packed = functions.pack(obj, requirements)
    if not isinstance(sample, dict):
        raise InvalidInput("what function %s takes and gives is not known" % packed.name, "sample= is no dict of inputs",
                           "put(function, name, sample={\"x\": array}): it is called once with these")
    result = obj(**sample)
    signature = packed.name
    if not isinstance(result, dict):
        if packed.name == "predict":
            raise Unsupported("a function called predict returns a dict of outputs", "it returned a %s"
                              % type(result).__name__, "return {\"result\": ...}, or call it something else")
        signature, result = "predict", {"result": result}
        packed.files[functions.MAIN] += (WRAPPED % packed.name).encode()
    path = packed.write(saved.folder(folder))
    contract: List[Dict[str, Any]] = [_sample.signature(signature, sample, result)]
    tied = packed.kind == "pickle"
    return saved.describe(path, "function", "function", "Python", "", contract, packed.requirements, (), tied)


def load(path: str) -> Any:
    """Runs the function's module."""
    return functions.read(path).load() if os.path.isdir(path) else None
