# SPDX-License-Identifier: Apache-2.0
"""The text of a function and of everything it uses from its own module, as one module.

Every piece of text is compiled and compared with the code that is really there, so that a file
that changed since it was imported, or a decorator that made something else, is noticed."""

import ast
import builtins
import dis
import inspect
import os
import sys
import textwrap
import types
from typing import Any, Dict, List, Optional, Set, Tuple, Union

from . import origins

PIECES_MAX = 500
LOCAL_BYTES_MAX = 16 << 20


class Text:
    def __init__(self, kind: str, text: str, modules: Set[str]):
        self.kind, self.text, self.modules = kind, text, modules


class _No(Exception):
    """Why it cannot be done by text."""


def by_import(function: Any, name: str) -> Optional[Text]:
    """A function of a package that is installed: an import of it."""
    module, path = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if not isinstance(module, str) or not path or "<" in path or \
            origins.place(module) not in (origins.PYTHON, origins.PACKAGE):
        return None
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    if found is not function or inspect.ismethod(function):
        return None
    text = "import %s\n\n%s = %s.%s\n" % (module, name, module, path)
    return Text("import", text, {module})


def by_text(function: Any, name: str) -> Union[Text, str]:
    """The text, or why there is none."""
    pieces = _Pieces()
    try:
        if isinstance(function, type):
            pieces.done[function.__name__] = function
            pieces.add_class(function, function.__name__)
        elif isinstance(inspect.unwrap(function), types.FunctionType):
            pieces.add_function(function, function.__name__)
        else:
            raise _No("it is no function of Python, but %s" % type(function).__name__)
    except _No as why:
        return str(why)
    text = pieces.text()
    if name != function.__name__:
        if name in pieces.done:
            return "%s has another meaning in its module" % name
        text += "\n\n%s = %s\n" % (name, function.__name__)
    return Text("source", text, pieces.modules)


class _Pieces:
    """Imports, values and definitions, each after what it needs to be defined."""

    def __init__(self) -> None:
        self.future: Set[str] = set()
        self.imports: List[str] = []
        self.values: List[str] = []
        self.definitions: List[str] = []
        self.done: Dict[str, Any] = {}
        self.modules: Set[str] = set()

    def text(self) -> str:
        head = ["from __future__ import " + name for name in sorted(self.future)]
        parts = ["\n".join(head + sorted(self.imports)), "\n".join(self.values)]
        return "\n\n\n".join([p for p in parts if p] + self.definitions) + "\n"

    # --- names ---

    def add_name(self, name: str, scope: Dict[str, Any]) -> None:
        """What `name` is in a module's globals."""
        if name not in scope:
            if hasattr(builtins, name) or name in ("__name__", "__file__", "__annotations__"):
                return
            raise _No("%s is defined nowhere" % name)
        value = scope[name]
        if name in self.done:
            if self.done[name] is not value:
                raise _No("%s means two things" % name)
            return
        if len(self.done) >= PIECES_MAX:
            raise _No("it uses more than %d names" % PIECES_MAX)
        self.done[name] = value
        if isinstance(value, types.ModuleType):
            self.add_module(name, value)
        elif self.is_elsewhere(name, value):
            self.modules.add(value.__module__)
            self.imports.append("from %s import %s%s" % (
                value.__module__, value.__qualname__,
                "" if value.__qualname__ == name else " as " + name))
        elif isinstance(inspect.unwrap(value) if callable(value) else value, types.FunctionType):
            self.add_function(value, name)
        elif isinstance(value, type):
            self.add_class(value, name)
        else:
            self.values.append("%s = %s" % (name, _literal(name, value)))

    def add_module(self, name: str, module: types.ModuleType) -> None:
        path = module.__name__
        if origins.place(path) == origins.NONE:
            raise _No("%s is the module %s, which no file holds" % (name, path))
        self.modules.add(path)
        self.imports.append("import " + path if path == name else "import %s as %s" % (path, name))

    @staticmethod
    def is_elsewhere(name: str, value: Any) -> bool:
        """Does an import of an installed module give it?"""
        module, path = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if not isinstance(module, str) or not isinstance(path, str) or not path.isidentifier():
            return False
        return origins.place(module) in (origins.PYTHON, origins.PACKAGE) and \
            getattr(sys.modules.get(module), path, None) is value

    # --- definitions ---

    def add_function(self, value: Any, name: str) -> None:
        inner = inspect.unwrap(value)
        self.done[name] = value
        if inner.__closure__ and "__class__" not in inner.__code__.co_freevars:
            raise _No("%s is a closure over %s" % (name, ", ".join(inner.__code__.co_freevars)))
        if inner.__name__ == "<lambda>":
            raise _No("it is a lambda")
        if "<locals>" in inner.__qualname__ or inner.__qualname__ != inner.__name__:
            raise _No("%s is defined inside %s" % (name, inner.__qualname__.rpartition(".")[0]))
        tree, text = self.source(inner, name)
        if not _is_text_of(tree, inner.__code__):
            raise _No("the text of %s in %s is no longer what runs" % (name, inner.__code__.co_filename))
        self.needs(tree, inner)
        if inner.__name__ != name:
            text += "\n\n%s = %s" % (name, inner.__name__)
        self.definitions.append(text)

    def add_class(self, value: type, name: str) -> None:
        if value.__qualname__ != value.__name__ or value.__name__ != name:
            raise _No("%s is a class defined inside %s" % (name, value.__qualname__))
        tree, text = self.source(value, name)
        for key, member in vars(value).items():
            code = getattr(member, "__code__", None)
            if code is not None and member.__qualname__ == "%s.%s" % (name, key) and \
                    not _is_text_of(tree, code):
                raise _No("the text of %s.%s is no longer what runs" % (name, key))
        self.needs(tree, value)
        self.definitions.append(text)

    def source(self, thing: Any, name: str) -> Tuple[ast.Module, str]:
        try:
            text = textwrap.dedent(inspect.getsource(thing)).rstrip("\n")
            tree = ast.parse(text)
        except (OSError, TypeError, SyntaxError) as why:
            raise _No("there is no text of %s: %s" % (name, why)) from None
        if len(tree.body) != 1 or not isinstance(tree.body[0], (ast.FunctionDef, ast.AsyncFunctionDef,
                                                                ast.ClassDef)):
            raise _No("the text of %s is not one definition" % name)
        return tree, text

    def needs(self, tree: ast.Module, thing: Any) -> None:
        """Everything that running the text looks up in its module."""
        scope = vars(sys.modules[thing.__module__]) if isinstance(thing, type) else thing.__globals__
        flags = 0
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                raise _No("it imports from its own package (from %s...)" % ("." * node.level))
        for feature, name in _FUTURE.items():
            code = getattr(thing, "__code__", None)
            if code is not None and code.co_flags & feature:
                self.future.add(name)
                flags |= feature
        whole = compile(tree, "<text>", "exec", flags, True)
        for name in sorted(_globals_of(whole) - {tree.body[0].name}):  # type: ignore[attr-defined]
            self.add_name(name, scope)
        for name in sorted(imports_of(tree)):
            self.modules.add(name)


def _future() -> Dict[int, str]:
    import __future__
    return {getattr(__future__, name).compiler_flag: name for name in ("annotations",)}


_FUTURE = _future()


def _globals_of(code: types.CodeType) -> Set[str]:
    """Names that this code, or code in it, looks up in the module."""
    found: Set[str] = set()
    own = {i.argval for i in dis.get_instructions(code) if i.opname == "STORE_NAME"}
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL" or \
                (step.opname in ("LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS") and step.argval not in own):
            found.add(step.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _globals_of(constant)
    return found


def _is_text_of(tree: ast.Module, code: types.CodeType) -> bool:
    """Does this text, alone or in its file, compile to that code? A compiler looks at the imports
    around a function, so its file counts; a cell of a notebook is compiled by statements."""
    import linecache
    flags = sum(feature for feature in _FUTURE if code.co_flags & feature)
    whole = "".join(linecache.getlines(code.co_filename))
    for text, line in ((whole, code.co_firstlineno), (tree, None)):
        try:
            queue = [compile(text, "<text>", "exec", flags, True)]
        except (SyntaxError, ValueError):
            continue
        while queue:
            found = queue.pop()
            if found.co_name == code.co_name and line in (None, found.co_firstlineno) and \
                    _same_code(found, code):
                return True
            queue += [c for c in found.co_consts if isinstance(c, types.CodeType)]
    return False


def _same_code(a: types.CodeType, b: types.CodeType) -> bool:
    def plain(code: types.CodeType) -> Tuple[Any, ...]:
        return (code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_argcount,
                code.co_kwonlyargcount, code.co_posonlyargcount, code.co_flags)

    if plain(a) != plain(b) or len(a.co_consts) != len(b.co_consts):
        return False
    return all(_same_code(x, y) if isinstance(x, types.CodeType) and isinstance(y, types.CodeType)
               else repr(x) == repr(y) and type(x) is type(y) for x, y in zip(a.co_consts, b.co_consts))


def _literal(name: str, value: Any) -> str:
    """A value that its text gives again, exactly."""
    text = repr(value)
    try:
        again = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise _No("%s is a value of %s.%s" % (name, type(value).__module__, type(value).__name__)) from None
    if type(again) is not type(value) or repr(again) != text or len(text) > 1 << 20:
        raise _No("%s is a value that its text does not give again" % name)
    return text


# --- modules ---

def imports_of(tree: ast.AST) -> Set[str]:
    """Modules that import statements anywhere in it name, without those of its own package."""
    found: Set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def imported_by(files: Dict[str, bytes]) -> Set[str]:
    """The same of all texts among the files."""
    found: Set[str] = set()
    for path, data in files.items():
        if path.endswith(".py"):
            found |= imports_of(ast.parse(data))
    return found


def local_files(modules: Set[str]) -> Dict[str, bytes]:
    """The files of the user's own modules among these, and of those that they import."""
    from .errors import Unsupported
    files: Dict[str, bytes] = {}
    queue, seen = sorted(modules), set()
    while queue:
        top = queue.pop().partition(".")[0]
        if top in seen or origins.place(top) != origins.FILE:
            continue
        seen.add(top)
        added = _files_of(top)
        files.update(added)
        if sum(map(len, files.values())) > LOCAL_BYTES_MAX:
            raise Unsupported("the module %s with what it imports has more than %d MiB"
                              % (top, LOCAL_BYTES_MAX >> 20), fix="put the code into a small module")
        queue += imported_by(added)
    if "func_main.py" in files:
        raise Unsupported("a module called func_main cannot come along", fix="rename it")
    return files


def _files_of(top: str) -> Dict[str, bytes]:
    import importlib.util
    spec = importlib.util.find_spec(top) if top not in sys.modules else sys.modules[top].__spec__
    origin = getattr(sys.modules.get(top), "__file__", None) or (spec.origin if spec else None)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        return {top + ".py": _bytes(origin)} if origin else {}
    files = {}
    for folder, _, names in os.walk(places[0]):
        for entry in sorted(names):
            if entry.endswith(".py"):
                path = os.path.join(folder, entry)
                files["%s/%s" % (top, os.path.relpath(path, places[0]).replace(os.sep, "/"))] = _bytes(path)
    return files


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


_IMPORTERS = {"cloudpickle.cloudpickle subimport", "cloudpickle.cloudpickle_fast subimport",
              "dill._dill _import_module"}


def pickled_modules(data: bytes) -> Set[str]:
    """Modules that a pickle imports when it is opened."""
    import pickletools
    found: Set[str] = set()
    texts: List[str] = []  # the texts that were pushed, last ones last
    memo: Dict[int, Any] = {}
    top: Any = None  # what was pushed last: a text, or a function as ("module name",)
    for opcode, argument, _ in pickletools.genops(data):
        name = opcode.name
        if name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
            memo[len(memo) if name == "MEMOIZE" else int(argument or 0)] = top
            continue
        before, top = top, None
        if name in ("GLOBAL", "INST"):
            top = (argument,)
        elif name == "STACK_GLOBAL" and len(texts) > 1:
            top = ("%s %s" % (texts[-2], texts[-1]),)
        elif name.endswith("UNICODE") or name == "BINUNICODE8":
            top = argument
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            top = memo.get(int(argument or 0))
        if isinstance(top, tuple):
            found.add(top[0].partition(" ")[0])
        elif top is not None:
            texts.append(top)
            if isinstance(before, tuple) and before[0] in _IMPORTERS:
                found.add(top)
    return found
