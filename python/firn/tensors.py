# SPDX-License-Identifier: Apache-2.0
"""Values of Python to the tensors of Open Inference and back: binary with numpy, JSON without."""

import json
import struct
from typing import Any, Dict, List, Optional, Tuple

from .contract import Field, Signature
from .errors import InvalidInput, Unsupported

#  dtype of a contract: (Open Inference, numpy)
DTYPES = {
    "bool": ("BOOL", "?"), "uint8": ("UINT8", "u1"), "uint16": ("UINT16", "<u2"),
    "uint32": ("UINT32", "<u4"), "uint64": ("UINT64", "<u8"), "int8": ("INT8", "i1"),
    "int16": ("INT16", "<i2"), "int32": ("INT32", "<i4"), "int64": ("INT64", "<i8"),
    "half": ("FP16", "<f2"), "float": ("FP32", "<f4"), "double": ("FP64", "<f8"),
    "string": ("BYTES", "O"),
}
_NUMPY_OF = {code: kind for code, kind in DTYPES.values()}


def _numpy() -> Any:
    try:
        import numpy
    except ImportError:
        return None
    return numpy


# --- what the caller gave, to one value a field ---

def assign(signature: Signature, x: Any) -> List[Tuple[str, Any, Optional[Field]]]:
    """(name, value, field) for each input that is sent. A mapping or a frame is by name; anything
    else is the one input, or the matrix of a contract of columns."""
    columns = getattr(x, "columns", None)
    if columns is not None and hasattr(x, "to_numpy"):
        return _assign_frame(signature, x, [str(c) for c in columns])
    if isinstance(x, dict):
        fields = {field.name: field for field in signature.inputs}
        return [(str(name), value, fields.get(str(name))) for name, value in x.items()]
    if len(signature.inputs) == 1:
        return [(signature.inputs[0].name, x, signature.inputs[0])]
    return [("x", x, None)]


def _assign_frame(signature: Signature, frame: Any, columns: List[str]) -> List[Tuple[str, Any, Optional[Field]]]:
    fields = {field.name: field for field in signature.inputs}
    if len(signature.inputs) == 1 and signature.inputs[0].name not in columns:
        return [(signature.inputs[0].name, frame.to_numpy(), signature.inputs[0])]
    missing = [name for name in fields if name not in columns]
    if missing:
        raise InvalidInput("the frame has no column %s" % ", ".join(missing),
                           fix="it has " + ", ".join(columns))
    return [(name, frame.iloc[:, columns.index(name)].to_numpy(), field)
            for name, field in fields.items()]


# --- with numpy ---

def _as_array(numpy: Any, name: str, value: Any, field: Optional[Field]) -> Any:
    try:
        array = numpy.asarray(value)
    except ValueError as error:
        raise InvalidInput("input %r is ragged" % name, str(error)) from error
    if array.dtype == object and array.size and not isinstance(array.flat[0], (str, bytes)):
        array = numpy.asarray(array.tolist())
        if array.dtype == object:
            raise InvalidInput("input %r holds %s, not numbers or texts"
                               % (name, type(array.flat[0]).__name__))
    if field is not None and field.dtype in DTYPES and field.dtype != "string":
        wanted = numpy.dtype(DTYPES[field.dtype][1])
        if array.dtype != wanted and array.dtype.kind in "biuf" and (
                wanted.kind == "f" or numpy.can_cast(array.dtype, wanted)):
            array = array.astype(wanted)
    if field is not None and field.shape is not None and array.ndim == len(field.shape) - 1 \
            and field.shape and field.shape[0] == -1:
        array = array[None]  # one row
    return array


def _array_bytes(numpy: Any, name: str, array: Any) -> Tuple[str, bytes]:
    if array.dtype.kind in "OSU":
        parts = []
        for item in array.ravel().tolist():
            data = item if isinstance(item, bytes) else str(item).encode()
            parts.append(struct.pack("<I", len(data)) + data)
        return "BYTES", b"".join(parts)
    for code, kind in DTYPES.values():
        if kind != "O" and array.dtype.newbyteorder("<") == numpy.dtype(kind):
            return code, numpy.ascontiguousarray(array, dtype=kind).tobytes()
    raise Unsupported("input %r has dtype %s" % (name, array.dtype))


def _array_of(numpy: Any, output: Dict[str, Any], data: bytes) -> Any:
    shape, kind = output["shape"], _NUMPY_OF.get(output["datatype"])
    if kind is None:
        raise Unsupported("output %r has datatype %s" % (output["name"], output["datatype"]))
    if kind != "O":
        return numpy.frombuffer(data, dtype=kind).reshape(shape)
    items, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        items.append(data[at + 4:at + 4 + size].decode("utf-8", "surrogateescape"))
        at += 4 + size
    array = numpy.empty(len(items), dtype=object)
    array[:] = items
    return array.reshape(shape)


# --- without ---

def _flatten(value: Any, name: str) -> Tuple[List[int], List[Any]]:
    if not isinstance(value, (list, tuple)):
        return [], [value]
    if not value:
        return [0], []
    parts = [_flatten(item, name) for item in value]
    if any(part[0] != parts[0][0] for part in parts):
        raise InvalidInput("input %r is ragged" % name)
    return [len(value)] + parts[0][0], [leaf for part in parts for leaf in part[1]]


def _json_input(name: str, value: Any, field: Optional[Field]) -> Dict[str, Any]:
    shape, flat = _flatten(value, name)
    code = DTYPES[field.dtype][0] if field is not None and field.dtype in DTYPES else (
        "BYTES" if flat and isinstance(flat[0], str) else
        "BOOL" if flat and isinstance(flat[0], bool) else
        "INT64" if flat and all(isinstance(v, int) for v in flat) else "FP64")
    if field is not None and field.shape and len(shape) == len(field.shape) - 1 \
            and field.shape[0] == -1:
        shape = [1] + shape
    flat = [repr(v).replace("nan", "NaN").replace("inf", "Infinity")
            if isinstance(v, float) and (v != v or v in (float("inf"), float("-inf"))) else v
            for v in flat]
    return {"name": name, "datatype": code, "shape": shape, "data": flat}


def _nest(flat: List[Any], shape: List[int]) -> Any:
    if not shape:
        return flat[0]
    if len(shape) == 1:
        return list(flat)
    step = len(flat) // shape[0] if shape[0] else 0
    return [_nest(flat[i * step:(i + 1) * step], shape[1:]) for i in range(shape[0])]


# --- requests ---

def request(signature: Signature, x: Any) -> Tuple[bytes, Dict[str, str]]:
    """Body and headers of an Open Inference request."""
    numpy = _numpy()
    head: Dict[str, Any] = {"parameters": {"signature": signature.name}, "inputs": []}
    if numpy is None:
        head["inputs"] = [_json_input(*given) for given in assign(signature, x)]
        return json.dumps(head).encode(), {"Content-Type": "application/json"}
    tail = []
    head["parameters"]["binary_data_output"] = True
    for name, value, field in assign(signature, x):
        array = _as_array(numpy, name, value, field)
        code, data = _array_bytes(numpy, name, array)
        head["inputs"].append({"name": name, "datatype": code, "shape": list(array.shape),
                               "parameters": {"binary_data_size": len(data)}})
        tail.append(data)
    text = json.dumps(head).encode()
    return text + b"".join(tail), {"Content-Type": "application/octet-stream",
                                   "Inference-Header-Content-Length": str(len(text))}


def answer(headers: Dict[str, str], body: bytes) -> Dict[str, Any]:
    """Name to value for each output."""
    numpy = _numpy()
    size = int(headers.get("inference-header-content-length", len(body)))
    head, at, values = json.loads(body[:size]), size, {}
    for output in head["outputs"]:
        binary = (output.get("parameters") or {}).get("binary_data_size")
        if binary is not None:
            values[output["name"]] = _array_of(numpy, output, body[at:at + binary])
            at += binary
        else:
            values[output["name"]] = _json_output(numpy, output)
    return values


def _json_output(numpy: Any, output: Dict[str, Any]) -> Any:
    flat: List[Any] = output.get("data") or []
    if output["datatype"] not in _NUMPY_OF:
        return flat
    if output["datatype"].startswith("FP"):
        flat = [float(v) for v in flat]
    if numpy is None:
        return _nest(flat, output["shape"])
    kind = _NUMPY_OF[output["datatype"]]
    array = numpy.empty(len(flat), dtype=object if kind == "O" else kind)
    array[:] = flat
    return array.reshape(output["shape"])
