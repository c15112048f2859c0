# SPDX-License-Identifier: Apache-2.0
"""Where a module comes from: Python itself, a package that pip can install, a file of the user's,
or nothing that another process could import."""

import os
import sys
import sysconfig
from typing import Any, Dict, Iterable, List, Optional, Set

PYTHON, PACKAGE, FILE, NONE = "python", "package", "file", "none"

_HERE = os.path.dirname(os.path.abspath(__file__))
_distributions: Dict[str, Optional[str]] = {}
_owners: Optional[Dict[str, str]] = None


def _folders(*keys: str) -> List[str]:
    paths = sysconfig.get_paths()
    return [os.path.realpath(paths[key]) + os.sep for key in keys if key in paths]


def place(name: str) -> str:
    """PYTHON, PACKAGE, FILE or NONE (`__main__`, a module without a file) for a module's name."""
    top = name.partition(".")[0]
    if top == "__main__":
        return NONE
    if top in sys.builtin_module_names or top in getattr(sys, "stdlib_module_names", ()):
        return PYTHON
    module = sys.modules.get(name) or sys.modules.get(top)
    path = getattr(module, "__file__", None) or _first_path(module) or _spec_path(top)
    if not path:
        return NONE if module is None or not _installed(top) else PACKAGE
    path = os.path.realpath(path)
    if top == "firn" and path.startswith(os.path.realpath(_HERE) + os.sep):
        return PACKAGE
    if any(path.startswith(folder) for folder in _folders("purelib", "platlib")) or \
            any(part in path.split(os.sep) for part in ("site-packages", "dist-packages")):
        return PACKAGE
    if any(path.startswith(folder) for folder in _folders("stdlib", "platstdlib")):
        return PYTHON
    return FILE


def _first_path(module: Any) -> Optional[str]:
    for path in getattr(module, "__path__", ()):
        return os.path.join(path, "")
    return None


def _spec_path(top: str) -> Optional[str]:
    import importlib.util
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None:
        return None
    if spec.origin in ("built-in", "frozen"):
        return os.__file__
    for path in spec.submodule_search_locations or ():
        return os.path.join(path, "")
    return spec.origin


def _installed(top: str) -> bool:
    return distribution(top) is not None


def distribution(top: str) -> Optional[str]:
    """The distribution that brought a top-level module: "scikit-learn" for sklearn."""
    if top not in _distributions:
        _distributions[top] = _named_so(top) or _all_owners().get(top)
    return _distributions[top]


def _tops(dist: Any) -> Set[str]:
    text = dist.read_text("top_level.txt")
    if text:
        return set(text.split())
    return {str(path).partition("/")[0] if "/" in str(path) else str(path)[:-3]
            for path in dist.files or () if str(path).endswith(".py")}


def _named_so(top: str) -> Optional[str]:
    from importlib import metadata
    try:
        dist = metadata.distribution(top)
    except (metadata.PackageNotFoundError, ValueError):
        return None
    return dist.metadata["Name"] if top in _tops(dist) else None


def _all_owners() -> Dict[str, str]:
    global _owners
    if _owners is None:
        from importlib import metadata
        _owners = {}
        for dist in metadata.distributions():
            for top in _tops(dist):
                _owners.setdefault(top, dist.metadata["Name"])
    return _owners


def requirement(top: str) -> Optional[str]:
    """ "scikit-learn==1.9.1" for sklearn: what pip installs to have the same module again."""
    from importlib import metadata
    name = distribution(top)
    if not name:
        return None
    return "%s==%s" % (name, metadata.version(name).partition("+")[0])


def requirements(modules: Iterable[str]) -> List[str]:
    """One line for each distribution that these modules are of, sorted."""
    tops = {name.partition(".")[0] for name in modules}
    found = {requirement(top) for top in tops if place(top) == PACKAGE and top != "firn"}
    return sorted(line for line in found if line)
