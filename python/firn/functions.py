# SPDX-License-Identifier: Apache-2.0
"""A Python function with what it needs, as files or bytes, and back.

    packed = functions.pack(train, requirements=["scikit-learn==1.5.2"])
    packed.to_bytes()                     # the same function gives the same bytes
    functions.read(data_or_folder)        # looks, runs nothing
    functions.read(data_or_folder).load() # runs its code in this process

The files are those of a Python model of firn: `src/func_main.py` binds the function under
`packed.name`, `requirements.txt` is what pip installs for it, `function.json` says how it was kept:

    source    the text of the function and of what it uses from its own module
    import    it lies in a package that pip installs: an import of it
    pickle    a lambda, a closure or an object: src/function.pkl, by cloudpickle or dill

Modules of the user's own that it imports come along below src/."""

import io
import json
import os
import sys
import tarfile
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from . import _source, origins
from .errors import InvalidInput, Unsupported

MAIN, PICKLE, FACTS, NEEDS = "src/func_main.py", "src/function.pkl", "function.json", "requirements.txt"
BYTES_MAX = 64 << 20  # of all files together
FILES_MAX = 1000

_LOADER = '''\
# A function kept by %(pickler)s; Python %(python)s.
import os as _os
import %(pickler)s as _pickler


def _load(path):
    with open(path, "rb") as file:
        return _pickler.load(file)


%(name)s = _load(_os.path.join(_os.path.dirname(_os.path.abspath(__file__)), "function.pkl"))
'''


class Packed:
    """A function as files. `kind`: "source", "import" or "pickle"; `python`: the version that a
    pickle is tied to, else the one it was packed with; `files`: path -> bytes."""

    def __init__(self, name: str, kind: str, python: str, requirements: List[str],
                 files: Dict[str, bytes]):
        self.name, self.kind, self.python = name, kind, python
        self.requirements, self.files = requirements, files

    def __repr__(self) -> str:
        return "<function %s by %s, needs %s>" % (self.name, self.kind,
                                                  ", ".join(self.requirements) or "nothing")

    def write(self, folder: str) -> str:
        """Write the files below `folder`, which is made when it is not there."""
        for path, data in self.files.items():
            target = os.path.join(folder, *path.split("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as file:
                file.write(data)
        return folder

    def to_bytes(self) -> bytes:
        """A tar of the files: equal for equal files."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for path in sorted(self.files):
                info = tarfile.TarInfo(path)
                info.size = len(self.files[path])
                tar.addfile(info, io.BytesIO(self.files[path]))
        return out.getvalue()

    def load(self) -> Callable[..., Any]:
        """The function itself. This runs its module, or unpickles: do it with what you trust."""
        import atexit
        import importlib.util
        import shutil
        import tempfile
        folder = tempfile.mkdtemp(prefix="firn-function-")
        atexit.register(shutil.rmtree, folder, True)  # tracebacks and inspect read the text later
        self.write(folder)
        source = os.path.join(folder, "src")
        path = os.path.join(source, "func_main.py")
        spec = importlib.util.spec_from_file_location("firn_function_" + os.path.basename(folder)[-8:], path)
        if spec is None or spec.loader is None:
            raise InvalidInput("%s cannot be loaded" % MAIN)
        module = importlib.util.module_from_spec(spec)
        sys.modules[module.__name__] = module
        sys.path.insert(0, source)
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(source)
        found = getattr(module, self.name, None)
        if not callable(found):
            raise InvalidInput("%s binds no function %r" % (MAIN, self.name))
        return found


def pack(function: Any, requirements: Optional[Sequence[str]] = None,
         name: Optional[str] = None) -> Packed:
    """A function, or another callable, as files. `requirements`: lines as of a requirements.txt;
    None: the installed versions of the packages it imports. `name`: what it is called in the files;
    None: its own name, "function" for one that has none. Unsupported says what stands in the way."""
    if not callable(function):
        raise Unsupported("%s is no function" % _what(function), fix="pass a function, a lambda, or "
                          "an object that can be called")
    own = getattr(function, "__name__", "")
    name = name or (own if own.isidentifier() and own != "_" else "function")
    if not name.isidentifier() or name.startswith("__"):
        raise InvalidInput("%r cannot be the name of a function" % name)
    python = "%d.%d" % sys.version_info[:2]
    found = _source.by_import(function, name) or _source.by_text(function, name)
    if isinstance(found, _source.Text):
        kind, files, modules = found.kind, {MAIN: found.text.encode()}, found.modules
    else:
        kind = "pickle"
        files, modules = _by_pickle(function, name, python, found)
    files.update(("src/" + path, data) for path, data in _source.local_files(modules).items())
    lines = list(requirements) if requirements is not None else \
        origins.requirements(modules | _source.imported_by(files))
    for line in lines:
        if not isinstance(line, str) or "\n" in line:
            raise InvalidInput("a requirement is a line of text, not %r" % (line,))
    files[NEEDS] = "".join(line + "\n" for line in lines).encode()
    facts = {"format": 1, "name": name, "kind": kind, "python": python}
    files[FACTS] = (json.dumps(facts, sort_keys=True) + "\n").encode()
    if sum(map(len, files.values())) > BYTES_MAX:
        raise Unsupported("%s with what it uses has more than %d MiB" % (_what(function), BYTES_MAX >> 20),
                          fix="let it read large data from a dataset or a model instead of holding it")
    return Packed(name, kind, python, lines, files)


def read(saved: Union[bytes, bytearray, str, "os.PathLike[str]"]) -> Packed:
    """What pack() made, from to_bytes() or a folder. Nothing of it is run."""
    files = _from_tar(bytes(saved)) if isinstance(saved, (bytes, bytearray)) else \
        _from_folder(os.fspath(saved))
    try:
        facts = json.loads(files[FACTS])
        name, kind, python = facts["name"], facts["kind"], facts["python"]
        lines = files.get(NEEDS, b"").decode().split("\n")
        files[MAIN]
    except (KeyError, ValueError, TypeError) as why:
        raise InvalidInput("this is no packed function", "%s: %s" % (type(why).__name__, why)) from None
    if not isinstance(name, str) or not name.isidentifier():
        raise InvalidInput("this is no packed function", "its name is %r" % (name,))
    return Packed(name, str(kind), str(python), [line for line in lines if line], files)


def _from_tar(data: bytes) -> Dict[str, bytes]:
    files: Dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for info in tar:
                parts = info.name.split("/")
                if not info.isreg() or ".." in parts or "" in parts or len(files) >= FILES_MAX:
                    raise InvalidInput("a packed function has no member like %r" % info.name)
                body = tar.extractfile(info)
                assert body is not None
                files[info.name] = body.read()
    except tarfile.TarError as why:
        raise InvalidInput("this is no packed function", str(why)) from None
    return files


def _from_folder(folder: str) -> Dict[str, bytes]:
    files: Dict[str, bytes] = {}
    size = 0
    for root, _, names in os.walk(folder):
        for entry in names:
            path = os.path.join(root, entry)
            size += os.path.getsize(path)
            if len(files) >= FILES_MAX or size > BYTES_MAX:
                raise InvalidInput("%s is too large for a packed function" % folder)
            with open(path, "rb") as file:
                files[os.path.relpath(path, folder).replace(os.sep, "/")] = file.read()
    return files


# --- pickles ---

def _what(thing: Any) -> str:
    name = getattr(thing, "__qualname__", None)
    return "function %s" % name if name else "an object of %s.%s" % (type(thing).__module__,
                                                                    type(thing).__qualname__)


def pickler() -> Any:
    """cloudpickle, else dill, else None."""
    import importlib
    for name in ("cloudpickle", "dill"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def _by_pickle(function: Any, name: str, python: str, why: str) -> Any:
    """The files and the modules that they import."""
    tool = pickler()
    if tool is None:
        raise Unsupported("cannot save %s" % _what(function), why,
                          "write it as a function at the top of a module, or install cloudpickle")
    try:
        data = dump_by_value(tool, function)
    except Exception as error:  # whatever an object in it raises
        raise Unsupported("cannot save %s" % _what(function), "%s: %s" % (type(error).__name__, error),
                          "make what cannot be pickled (files, locks, connections) inside it") from None
    modules = _source.pickled_modules(data)
    lost = sorted(m for m in modules if origins.place(m) == origins.NONE and m != "__main__")
    if lost:
        raise Unsupported("cannot save %s" % _what(function), "it needs the module %s, which no file "
                          "holds" % lost[0], "move that into a file of its own")
    text = _LOADER % {"pickler": tool.__name__, "python": python, "name": name}
    return {MAIN: text.encode(), PICKLE: data}, modules | {tool.__name__}


def dump_by_value(tool: Any, thing: Any) -> bytes:
    """The pickle, with what lies in the user's own modules inside it."""
    if tool.__name__ == "dill":
        return tool.dumps(thing, protocol=4, recurse=True)
    owner = sys.modules.get(getattr(thing, "__module__", None) or type(thing).__module__)
    if owner is None or origins.place(owner.__name__) != origins.FILE:
        return tool.dumps(thing, protocol=4)
    tool.register_pickle_by_value(owner)
    try:
        return tool.dumps(thing, protocol=4)
    finally:
        tool.unregister_pickle_by_value(owner)
