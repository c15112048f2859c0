# SPDX-License-Identifier: Apache-2.0
"""0Mind's archives: a model with what it takes and gives beside it, as one file.

    firn.save_model("sklearn", model, "scores",
                    {"inputs": [{"name": "main", "type": "float32", "shape": [None, 28]}]},
                    {"outputs": [{"name": "default", "type": "float32", "shape": [None, 1]}]})

writes `scores.sklearn`: a tar.gz of model.jbl, input_spec.json and output_spec.json. `firn upload`
and 0Mind's /model/load take it."""

import gzip
import io
import json
import os
import tarfile
import tempfile
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from .errors import InvalidInput, Unsupported

Fields = Union[None, Mapping[str, Any], Sequence[Mapping[str, Any]]]
Files = List[Tuple[str, bytes]]


def _sizes(shape: Any, where: str) -> List[Optional[int]]:
    if not isinstance(shape, (list, tuple)):
        raise InvalidInput("the shape of %s is no list" % where)
    sizes: List[Optional[int]] = []
    for size in shape:
        if size is not None and (isinstance(size, (bool, str)) or int(size) != size or size < 1):
            raise InvalidInput("the shape of %s has %r: a size is None (any) or positive"
                               % (where, size))
        sizes.append(None if size is None else int(size))
    return sizes


def _field(field: Any, where: str) -> Dict[str, Any]:
    if not isinstance(field, Mapping):
        raise InvalidInput("%s is no {'name', 'type', 'shape'}" % where)
    for key in ("name", "type", "shape"):
        if key not in field:
            raise InvalidInput("%s has no %r" % (where, key))
    kind = field["type"]
    if not isinstance(kind, str):  # numpy.float32, dtype("float32")
        kind = getattr(kind, "name", None) or getattr(kind, "__name__", str(kind))
    return {"name": str(field["name"]), "type": kind, "shape": _sizes(field["shape"], where)}


def _specification(fields: Fields, key: str) -> bytes:
    items = fields.get(key) if isinstance(fields, Mapping) else fields
    if not isinstance(items, (list, tuple)) or not items:
        raise InvalidInput("%s are missing: {%r: [{'name', 'type', 'shape'}, ...]}" % (key, key))
    made = [_field(field, "%s %d" % (key[:-1], i)) for i, field in enumerate(items)]
    if len({field["name"] for field in made}) < len(made):
        raise InvalidInput("two %s have one name" % key)
    return json.dumps({key: made}, indent=2).encode()


def _bytes_of(part: Any, what: str) -> bytes:
    """Of a message of protocol buffers, a path, or bytes."""
    if isinstance(part, (bytes, bytearray)):
        return bytes(part)
    if isinstance(part, (str, os.PathLike)):
        with open(part, "rb") as file:
            return file.read()
    part = part.Proto() if callable(getattr(part, "Proto", None)) else part
    if callable(getattr(part, "SerializeToString", None)):
        return bytes(part.SerializeToString())
    raise Unsupported("%s is a %s: bytes, a path or a NetDef are taken"
                      % (what, type(part).__name__))


def _sklearn(model: Any) -> Files:
    import joblib
    if not callable(getattr(model, "fit", None)):
        raise Unsupported("a %s is no estimator of scikit-learn" % type(model).__name__)
    packed = io.BytesIO()
    joblib.dump(model, packed)
    return [("model.jbl", packed.getvalue())]


def _caffe2(model: Any) -> Files:
    if hasattr(model, "net") and hasattr(model, "GetAllParams"):  # a ModelHelper
        from caffe2.python import workspace
        from caffe2.python.predictor import mobile_exporter
        model = mobile_exporter.Export(workspace, model.net, model.GetAllParams())
    if isinstance(model, Mapping):
        model = (model["init_net"], model["predict_net"])
    if not isinstance(model, (list, tuple)) or len(model) != 2:
        raise Unsupported("a model of Caffe2 is the pair (init_net, predict_net)")
    return [("init_net.pb", _bytes_of(model[0], "init_net")),
            ("predict_net.pb", _bytes_of(model[1], "predict_net"))]


def _keras(model: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.h5")
        model.save(path)
        return _bytes_of(path, "the model")


def _any(model: Any) -> Files:
    """What the client would have uploaded, or bytes."""
    from . import savers
    if isinstance(model, (bytes, bytearray)):
        return [("model", bytes(model))]
    with tempfile.TemporaryDirectory() as folder:
        path = os.fspath(model) if isinstance(model, (str, os.PathLike)) else savers.save(model, folder, {})
        if os.path.isfile(path):
            return [(os.path.basename(path), _bytes_of(path, "the model"))]
        return [(os.path.relpath(os.path.join(at, name), path),
                 _bytes_of(os.path.join(at, name), name))
                for at, _, names in sorted(os.walk(path)) for name in sorted(names)]


WRITERS: Dict[str, Callable[[Any], Files]] = {"sklearn": _sklearn, "caffe2": _caffe2}
TYPES = ("keras", "caffe2", "sklearn", "tensorrt", "onnx", "tensorflow", "pytorch", "xgboost",
         "lightgbm", "catboost")


def _pack(files: Files) -> bytes:
    """The same files give the same bytes."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as stream:
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for name, content in files:
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _replace(path: str, content: bytes) -> None:
    """The old file or the whole new one."""
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def save_model(type: str, model: Any, file: Union[str, "os.PathLike[str]"],
               inputs: Fields = None, outputs: Fields = None) -> str:
    """Write the model as an archive of 0Mind; its path, `file` with the type as extension.

    A Keras model is its HDF5 file, which says itself what it takes: without `inputs`, `outputs`."""
    if type not in TYPES:
        raise Unsupported("there is no model type %r" % (type,), fix="types: " + ", ".join(TYPES))
    path = os.fspath(file)
    if not path.endswith("." + type):
        path += "." + type
    if type == "keras":
        _replace(path, _keras(model))
        return path
    specifications = [("input_spec.json", _specification(inputs, "inputs")),
                      ("output_spec.json", _specification(outputs, "outputs"))]
    _replace(path, _pack(WRITERS.get(type, _any)(model) + specifications))
    return path
