# SPDX-License-Identifier: Apache-2.0
"""Adapters: how a framework's models are opened and asked, one file each. docs/adapters.md is for those who write one.

An adapter is a module with load(model), which returns a Loaded: of this package (adapters/NAME.py: the file name is the
registration), of the model itself (`adapter.py` in its folder; its name is "own"), or of a package of the model's
environment (an entry point NAME of the group "firn.adapters"). `model` is a Model. It may have of(object): the same
over an object that is there already, with which savers tell contracts."""
import importlib
import importlib.util
import os
import shutil
import sys

from firn_worker import frame, values
from firn_worker.fault import Fault

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "adapters")
GROUP = "firn.adapters"
OWN = "own"
# What lies beside a model and is none of it.
BESIDE = ("serving.yaml", "requirements.txt", "adapter.py", "function.json", "saved.json")


class Model:
    """What an adapter is told: `files`, a folder; `options`, settings of its own; `signatures` of the contract (none
    where nobody has told it yet)."""

    def __init__(self, files, signatures=(), options=None):
        self.files, self.options = files, options or {}
        self.signatures = list(signatures)

    def paths(self):
        """All files that may be the model, sorted."""
        found = []
        for root, folders, names in os.walk(self.files):
            folders.sort()
            found += [os.path.join(root, name) for name in sorted(names) if name not in BESIDE]
        return found

    def path(self, *suffixes):
        """The one file with one of these suffixes, or the only file."""
        paths = self.paths()
        named = [path for path in paths if path.endswith(suffixes)] if suffixes else []
        found = named or paths
        if len(found) != 1:
            raise values.ValueFault("%d files could be the model: %s" % (
                len(found), ", ".join(os.path.relpath(path, self.files) for path in found[:10])))
        return found[0]


class Loaded:
    """A model that is loaded. predict is what every adapter has; the rest where the framework can."""

    def what(self, signature):
        """How errors call this signature."""
        return "signature \"%s\"" % signature.name

    def contract(self):
        """What the model takes and gives, as far as it says so: a list of signature(...); [] when it does not."""
        return []

    def predict(self, signature, inputs):
        """`inputs`: {name: numpy array} of that signature. Returns {name: array} with all its outputs."""
        raise NotImplementedError

    # --- where the framework trains; x and y as the caller gave them: arrays, frames, lists ---

    def fit(self, x, y=None, **options):
        """Train from the beginning. Returns None, or what there is to tell as {name: numbers}."""
        raise self.cannot("fit")

    def partial_fit(self, x, y=None, **options):
        """Train on. Returns as fit."""
        raise self.cannot("partial_fit")

    def score(self, x, y=None, **options):
        """One number, or {name: number}."""
        raise self.cannot("score")

    def save(self, folder):
        """Write the model below `folder`, under the names that it was loaded from. Returns what was written."""
        raise self.cannot("save")

    def cannot(self, method):
        return Fault(frame.UNSUPPORTED, "%s has no %s" % (type(self).__name__, method))


# --- what adapters use ---

def field(name, dtype, shape, classes=None):
    """`dtype`: "float", "int64", "string" ... or of numpy; -1 in a shape: any size; `shape` None: any rank."""
    dtype = dtype_name(dtype)
    made = {"name": name, "dtype": dtype, "shape": None if shape is None else [int(n) for n in shape],
            "profile": "text" if dtype == "string" else "categorical" if dtype == "bool" else "numerical"}
    if classes is not None:
        made.update(classes=list(classes), profile="categorical")
    return made


def signature(name, inputs, outputs, columns=False):
    """`columns`: the inputs are the columns of one table."""
    made = {"name": name, "inputs": inputs, "outputs": outputs}
    if columns:
        made["columns"] = True
    return made


def dtype_name(dtype):
    """The contract's name of a dtype of numpy, or of the name itself."""
    if isinstance(dtype, str) and dtype in frame.DTYPE_INDEX:
        return dtype
    try:
        kind = values.numpy.dtype(getattr(dtype, "numpy_dtype", dtype))
    except TypeError:  # of pandas: texts, categories
        return "string"
    if kind.kind in "OUS":
        return "string"
    for name, _, known in frame.DTYPES:
        if known == kind.name and not name.startswith("q"):
            return name
    raise values.ValueFault("a contract has no type %s" % kind.name)


def need(module, what):
    """Import a framework, or say which one is missing."""
    try:
        return importlib.import_module(module)
    except ImportError as why:
        raise Fault(frame.UNAVAILABLE, "%s need the package %s, which the worker's Python does not have (%s)"
                    % (what, module.partition(".")[0], why))


# --- finding them ---

def names():
    return sorted(entry[:-3] for entry in os.listdir(FOLDER) if entry.endswith(".py"))


def find(name, files=None):
    """The module of the adapter `name` for the model in `files`."""
    path = os.path.join(FOLDER, name + ".py")
    if os.path.basename(path) == name + ".py" and os.path.isfile(path):
        return from_file("firn_worker.adapters." + name.replace("-", "_"), path)
    if name == OWN and files:
        sys.path.insert(0, files)
        return checked(from_file("adapter", os.path.join(files, "adapter.py")), "adapter.py")
    found = [point for point in entry_points() if point.name == name]
    if found:
        return checked(found[0].load(), "entry point \"%s\"" % name)
    raise Fault(frame.NOT_FOUND, "there is no adapter \"%s\" (there are %s)" % (
        name, ", ".join(names() + sorted({point.name for point in entry_points()}))))


def from_file(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)
    spec.loader.exec_module(module)
    return module


def checked(module, what):
    if not callable(getattr(module, "load", None)):
        raise Fault(frame.UNSUPPORTED, "the adapter of %s has no function load(model)" % what)
    return module


def entry_points():
    try:
        from importlib import metadata
    except ImportError:  # before Python 3.8
        try:
            import importlib_metadata as metadata
        except ImportError:
            return []
    points = metadata.entry_points()
    return list(points.select(group=GROUP)) if hasattr(points, "select") else list(points.get(GROUP, ()))


def load(name, model):
    """The model, opened by that adapter."""
    return find(name, model.files).load(model)


def save_version(loaded, model, folder):
    """All files of a model with what `loaded` is now: those of a next version."""
    for root, _, entries in os.walk(model.files):
        inside = os.path.join(folder, os.path.relpath(root, model.files))
        if not os.path.isdir(inside):
            os.makedirs(inside)
        for entry in entries:
            shutil.copyfile(os.path.join(root, entry), os.path.join(inside, entry))
    return loaded.save(folder)
