"""Stored values of ONNX's own test data, given to firn and compared with its answers."""

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from common import Refused, differs, predict, predict_files

UNSUPPORTED = 6
# Two units in the last place of an output's type, where that is more than a case's own tolerance: the
# stored answers of expanded functions depend on where the intermediate values were rounded.
UNITS = {"float16": 2.0**-9, "bfloat16": 2.0**-6}


def array(value):
    """Stored value -> numpy array of a plain dtype, None where it is no tensor."""
    if isinstance(value, onnx.TensorProto):
        value = numpy_helper.to_array(value)
    if value is None or isinstance(value, (list, dict)):
        return None
    value = np.asarray(value)
    if value.dtype.kind in "OUS" or (value.dtype.kind in "biufc" and value.dtype.isbuiltin == 1):
        return value
    return value.astype(np.int8 if "int" in value.dtype.name else np.float32)  # int4, bfloat16, float8 ...


def dtype_name(value):
    if isinstance(value, onnx.TensorProto):
        return onnx.TensorProto.DataType.Name(value.data_type).lower()
    return np.asarray(value).dtype.name


def compare_one(got, stored, rtol, atol):
    """A sentence, or None. Sequences are lists; an empty optional is None."""
    if isinstance(stored, list) or stored is None:
        if type(got) is not type(stored) or stored is not None and len(got) != len(stored):
            return f"{got} is not {stored}"
        faults = (compare_one(g, s, rtol, atol) for g, s in zip(got or (), stored or ()))
        return next((f"item {i}: {fault}" for i, fault in enumerate(faults) if fault), None)
    want = array(stored)
    if want.dtype.kind in "US":
        want = want.astype(object)
    if want.dtype.kind == "O":
        want = np.array([v.decode() if isinstance(v, bytes) else v for v in want.ravel()], dtype=object).reshape(want.shape)
    if not isinstance(got, np.ndarray):
        return f"{got} is no tensor"
    if got.shape != want.shape:
        return f"shape {list(got.shape)} is not {list(want.shape)}"
    return differs(got, want, max(rtol, UNITS.get(dtype_name(stored), 0)), atol)


def compare(got, names, wants, rtol, atol):
    """A sentence, or None. names: the outputs of the graph; got: firn's, by name."""
    if sorted(got) != sorted(names):
        return f"outputs {sorted(got)} are not {sorted(names)}"
    for name, stored in zip(names, wants):
        fault = compare_one(got[name], stored, rtol, atol)
        if fault:
            return f"{name}: {fault}"
    return None


def stored_as(info, value):
    """A value as the message that the model's input asks for."""
    kind = info.type.WhichOneof("value")
    if kind == "sequence_type":
        return numpy_helper.from_list(value, info.name)
    if kind == "optional_type":
        return numpy_helper.from_optional(value, info.name)
    return value


MESSAGES = (onnx.TensorProto, onnx.SequenceProto, onnx.OptionalProto)


def write_input(value, name, folder, number):
    proto = value if isinstance(value, MESSAGES) else numpy_helper.from_array(np.asarray(value), name)
    path = Path(folder) / f"input_{number}.pb"
    path.write_bytes(proto.SerializeToString())
    return f"{name}={path}"


def outcome_of(refusal):
    """(outcome, sentence) of a Refused."""
    code, error = refusal.args
    if code == UNSUPPORTED and error.startswith("error:") and len(error) > 20:
        return "refused", error.strip()
    return "wrong", f"exit {code}: {error.strip()[-300:]}"


def answer(model_path, inputs, folder, as_files=False):
    """(outputs, None), or (None, (outcome, sentence)). inputs: name -> value."""
    try:
        files = [write_input(v, n, folder, i) for i, (n, v) in enumerate(inputs.items())]
        return (predict_files if as_files else predict)(model_path, files), None
    except Refused as refusal:
        return None, outcome_of(refusal)


def why(refusal):
    """The cause, in one line."""
    lines = [line.strip() for line in refusal.splitlines()]
    return next((line for line in lines if line.startswith("cause:")), lines[0])[:200]
