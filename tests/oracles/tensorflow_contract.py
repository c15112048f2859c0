"""The contract that firn reads of a SavedModel beside its SignatureDefs."""

import json
import subprocess

from google.protobuf import text_format
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

from common import FIRN

HIDDEN = ("__saved_model_init_op", "__saved_model_train_op")


def stored_signatures(path):
    """{signature: {"inputs": {name: (type, shape)}, "outputs": ...}} of the graph that is served."""
    model = saved_model_pb2.SavedModel()
    if (path / "saved_model.pb").exists():
        model.ParseFromString((path / "saved_model.pb").read_bytes())
    else:
        text_format.Parse((path / "saved_model.pbtxt").read_text(), model)
    graph = next(g for g in model.meta_graphs if list(g.meta_info_def.tags) == ["serve"])

    def tensors(infos):
        shapes = {name: None if i.tensor_shape.unknown_rank else [d.size for d in i.tensor_shape.dim] for name, i in infos.items()}
        return {name: (types_pb2.DataType.Name(i.dtype)[3:].removesuffix("_REF").lower(), shapes[name]) for name, i in infos.items()}

    return {name: {"inputs": tensors(s.inputs), "outputs": tensors(s.outputs)} for name, s in graph.signature_def.items() if name not in HIDDEN}


def contract_fault(path):
    """A sentence, or None; also where the path is no SavedModel."""
    if not list(path.glob("saved_model.pb*")):
        return None
    done = subprocess.run([str(FIRN), "inspect", "--json", str(path)], capture_output=True, text=True, timeout=120)
    if done.returncode:
        return f"inspect: exit {done.returncode}: {done.stderr.strip()[:200]}"
    found = {s["name"]: s for s in json.loads(done.stdout)["signatures"]}
    for name, want in stored_signatures(path).items():
        if name not in found:
            return f"contract: no signature {name}"
        for side, tensors in want.items():
            got = {f["name"]: (f["dtype"], f["shape"]) for f in found[name][side]}
            if got != tensors:
                return f"contract of {name}: {side} {got} are not {tensors}"
    return None
