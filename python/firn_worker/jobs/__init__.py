# SPDX-License-Identifier: Apache-2.0
"""Jobs: what a worker does once. The kind of a job is a file here with run(job), which returns its value.

The model's folder holds job.json: {"kind", "id", "request", ...}, input/ with what came with the request, and data/
with the data sets that it names. What is made goes back as open files (frame FILE), result.json last."""
import importlib
import json
import mmap
import os
import tempfile

from firn_worker import frame
from firn_worker.fault import Fault

PARTS_MAX = 10000
VALUES_MAX, DEPTH_MAX = 1000, 8  # of one result


def run(files, channel):
    """Do the job of this folder; what it made was passed when this returns."""
    job = Job(files, channel)
    module = importlib.import_module("firn_worker.jobs." + job.said["kind"])
    value = job.encode(module.run(job), module.WHAT)
    job.finish(value)


class Channel:
    """What a job tells the server while it runs."""

    def __init__(self, connection):
        self.socket, self.owner = connection, os.getpid()

    def progress(self, share=None, text=""):
        self._send(frame.PROGRESS, {"share": share, "text": str(text)[:200]})

    def file(self, path, name):
        with open(path, "rb") as file:
            self._send(frame.FILE, {"path": name}, file.fileno())

    def _send(self, kind, said, fd=None):
        if os.getpid() != self.owner:  # a child that the job forked has no part in the protocol
            return
        packet = frame.encode(frame.Frame(kind, text=json.dumps(said).encode("utf-8")))
        if fd is None:
            self.socket.send(packet)
            return
        import array
        import socket
        self.socket.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])


def client():
    """The package firn, which lies beside firn_worker: how data becomes bytes is said there once."""
    try:
        import firn.data
        import firn.datasets
    except ImportError as why:
        raise Fault(frame.UNAVAILABLE, "jobs need the package firn beside firn_worker, on Python 3.8 or newer (%s)"
                    % why)
    return firn


class Job:
    def __init__(self, files, channel):
        self.files, self.channel = files, channel
        with open(os.path.join(files, "job.json"), encoding="utf-8") as file:
            self.said = json.load(file)
        self.request = self.said["request"]
        self.arguments = self.request.get("arguments") or {}
        self.versions = []
        self.values = 0

    # --- what came ---

    def decode(self, value):
        """{"json": ...}, {"file", "format"}, {"dataset": name}, or a plain value that is no object."""
        if not isinstance(value, dict):
            return value
        if "json" in value:
            return value["json"]
        if "dataset" in value:
            said = self.said["datasets"][value["dataset"]]
            found = self.unpack(said, said["file"], value.get("arguments"))
            if value.get("columns") and hasattr(found, "iloc"):
                found = found[[name.strip() for name in value["columns"].split(",")]]
            return found
        if "frame" in value:
            return from_columns(value["frame"])
        if "file" in value:
            return self.unpack(value, os.path.join("input", value["file"]))
        raise Fault(frame.INVALID_INPUT, "an argument is an object with one of json, file and dataset, not with %s"
                    % (", ".join(sorted(map(str, value))) or "nothing"))

    def unpack(self, said, path, arguments=None):
        """`arguments`: of the function of a virtual data set, which is called here."""
        firn = client()
        whole = mapped(os.path.join(self.files, path))
        sizes = said.get("parts") or [len(whole)]
        said = dict({"name": "argument", "revision": 1, "digest": "", "bytes": len(whole)}, **said)
        parts, at = [], 0
        for size in sizes[:PARTS_MAX]:
            parts.append(whole[at:at + size])
            at += size
        stored = firn.data.Stored(firn.datasets.Dataset(said), parts)
        return firn.data.unpack(stored, {"folder": lambda: tempfile.mkdtemp(prefix="data-"),
                                         "arguments": arguments or {}})

    # --- what is made ---

    def encode(self, value, what):
        """A value as JSON that names files."""
        value = array_of(value)
        if self.request.get("answer") == "json":
            return plain(value, what)
        if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and value - value == 0):
            return {"json": value}
        return self.parted(value, what, 0)

    def parted(self, value, what, depth):
        """A file; of a list, tuple or dict that is no data set as a whole, each of its values."""
        firn = client()
        try:
            return self.filed(firn.data.pack(value, {}))
        except firn.FirnError as why:
            each = type(value) in (list, tuple, dict) and 0 < len(value) <= VALUES_MAX and depth < DEPTH_MAX
            if not each or type(value) is dict and not all(type(key) is str for key in value):
                raise Fault(frame.FAILED, "%s returned what cannot be kept: %s" % (what, why))
        if type(value) is dict:
            return {"dict": {key: self.parted(array_of(one), what, depth + 1) for key, one in value.items()}}
        return {type(value).__name__: [self.parted(array_of(one), what, depth + 1) for one in value]}

    def filed(self, packed):
        if self.values == VALUES_MAX:
            raise Fault(frame.TOO_LARGE, "more than %d values" % VALUES_MAX)
        name = "value-%d" % self.values
        self.values += 1
        path = os.path.join(tempfile.mkdtemp(prefix="value-"), name)
        with open(path, "wb") as file:
            for piece in packed.pieces:
                file.write(piece)
        self.channel.file(path, name)
        os.unlink(path)
        facts = {key: value for key, value in packed.facts.items() if value is not None}
        return {"file": name, "format": packed.format, "metadata": facts}

    def version(self, path, name=None, alias=None, manifest=None):
        """The file or folder at `path` becomes a version when the job is done; its bytes are taken now."""
        folder = str(len(self.versions))
        entry = {"folder": folder}
        entry.update((key, said) for key, said in (("name", name), ("alias", alias), ("manifest", manifest)) if said)
        if os.path.isdir(path):
            self.pass_folder(path, folder)
        else:
            entry["file"] = os.path.basename(path)
            self.channel.file(path, folder + "/" + entry["file"])
        self.versions.append(entry)
        return entry

    def pass_folder(self, path, folder):
        count = 0
        for root, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                whole = os.path.join(root, name)
                if not name.startswith(".") and os.path.isfile(whole):
                    inside = os.path.relpath(whole, path).replace(os.sep, "/")
                    self.channel.file(whole, folder + "/" + inside)
                    count += 1
        if not count:
            raise Fault(frame.FAILED, "the folder %s is empty: it is no model" % path)

    def finish(self, value):
        path = os.path.join(tempfile.mkdtemp(prefix="result-"), "result.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"value": value, "versions": self.versions}, file, allow_nan=False)
        self.channel.file(path, "result.json")


def array_of(value):
    """Tensors of PyTorch and TensorFlow, sparse matrices and numbers of numpy as what can be kept."""
    if hasattr(value, "toarray"):
        return value.toarray()
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        return value.detach().cpu().numpy()
    if callable(getattr(value, "numpy", None)) and hasattr(value, "dtype"):
        return value.numpy()
    if type(value).__module__.partition(".")[0] == "numpy" and not getattr(value, "ndim", 1) and hasattr(value, "item"):
        return value.item()
    return value


def from_columns(said):
    """A frame as omega|ml's clients write it: {"columns", "data", "shape"}; with a shape an array of rows."""
    data, columns, shape = said.get("data"), said.get("columns"), said.get("shape")
    if isinstance(data, dict):
        columns = columns or list(data)
        rows = [list(row) for row in zip(*[data[name] for name in columns])]
    elif data and isinstance(data[0], dict):
        columns = columns or list(data[0])
        rows = [[row[name] for name in columns] for row in data]
    else:
        rows = data or []
    if shape:
        import numpy
        return numpy.array([numpy.array(row[0] if len(row) == 1 else row).reshape(shape) for row in rows])
    try:
        import pandas
    except ImportError:
        import numpy
        return numpy.array(rows)
    return pandas.DataFrame(rows, columns=columns)


def plain(value, what):
    """A value as JSON: arrays flat, with their shape beside them, frames as records."""
    shape = None
    if hasattr(value, "to_dict") and hasattr(value, "iloc"):
        value = value.to_dict("records") if hasattr(value, "columns") else value.to_numpy()
    if hasattr(value, "tolist") and hasattr(value, "shape"):
        shape = list(value.shape)
        value = value.reshape(-1).tolist() if shape else value.tolist()
    said = {"json": finite(value)}
    if shape:
        said["shape"] = shape
    try:
        json.dumps(said, allow_nan=False)
    except (TypeError, ValueError) as why:
        raise Fault(frame.FAILED, "%s returned what JSON cannot say: %s" % (what, why))
    return said


def finite(value):
    """NaN and infinities as null, and numbers of numpy as numbers."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    if hasattr(value, "tolist"):
        return finite(value.tolist())
    return value


def mapped(path):
    if not os.path.getsize(path):
        return memoryview(b"")
    with open(path, "rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
