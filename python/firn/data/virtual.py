# SPDX-License-Identifier: Apache-2.0
"""Virtual data sets: a function whose result is the data, kept as firn.functions keeps functions.
The server calls it in a worker, or its own process does (get(name, local=True))."""

import types
from typing import Any, Dict

from . import Packed, Stored

FORMATS = ("function",)
WHAT = "functions whose result is the data"


def takes(obj: Any, options: Dict[str, Any]) -> bool:
    return isinstance(obj, types.FunctionType)


def pack(obj: Any, options: Dict[str, Any]) -> Packed:
    from .. import functions
    packed = functions.pack(obj, options.get("requirements"))
    data = packed.to_bytes()
    return Packed("function", [data], len(data), function=packed.name, kind=packed.kind,
                  python=packed.python, requirements=packed.requirements)


def unpack(stored: Stored, options: Dict[str, Any]) -> Any:
    """Run here: what it returns may be anything, a tf.data.Dataset too."""
    from .. import functions
    return functions.read(stored.whole()).load()(**options["arguments"])
