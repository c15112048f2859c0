# SPDX-License-Identifier: Apache-2.0
"""A contract from values that a call took and gave."""

from typing import Any, Dict

from ..errors import InvalidInput


def field(name: str, value: Any) -> Dict[str, Any]:
    """The first dimension is the batch."""
    import numpy
    from firn_worker import adapter
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    array = numpy.asarray(value)
    if array.dtype.kind not in "biufOUS" or (array.dtype.kind == "O" and not all(
            isinstance(item, (str, bytes)) for item in array.reshape(-1))):
        raise InvalidInput("\"%s\" is a %s, which is no tensor" % (name, type(value).__name__),
                           fix="arrays, numbers, texts, and lists of them")
    return adapter.field(str(name), array.dtype, [-1, *array.shape[1:]] if array.ndim else [])


def signature(name: str, inputs: Dict[str, Any], outputs: Dict[str, Any]) -> Dict[str, Any]:
    return {"name": name, "inputs": [field(key, value) for key, value in inputs.items()],
            "outputs": [field(key, value) for key, value in outputs.items()]}
