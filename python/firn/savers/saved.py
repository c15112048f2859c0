# SPDX-License-Identifier: Apache-2.0
"""The folder of a model that firn does not run by itself yet: the framework's own files, beside them
requirements.txt and saved.json, which tells the server how a worker opens it and what it takes."""

import json
import os
import sys
from typing import Any, Dict, Iterable, List, Optional

from .. import origins
from ..errors import NotFound

NAME = "saved.json"
# What the server calls folders of savers, beside the formats of the files in them.
FORMATS = {"adapter", "python", "pickle", "joblib", "sklearn-pickle", "sklearn-joblib"}


def folder(below: str) -> str:
    """An empty folder for the files."""
    path = os.path.join(below, "model")
    os.makedirs(path, exist_ok=True)
    return path


def describe(path: str, saver: str, adapter: str, framework: str, module: str,
             signatures: Optional[List[Dict[str, Any]]] = None,
             requirements: Optional[Iterable[str]] = None, modules: Iterable[str] = (),
             tied: bool = False, **facts: Any) -> str:
    """Write both files into the folder `path`. `saver`: the file of this folder that loads it;
    `adapter`: of firn_worker; `module`: the framework's top-level module, whose version counts.
    `modules`: what else it imports; `requirements` instead of their installed versions. `tied`: it
    is a pickle of code, for this version of Python only. `facts`: what load() needs."""
    lines = list(requirements) if requirements is not None else \
        origins.requirements([module, *modules])
    with open(os.path.join(path, "requirements.txt"), "w") as file:
        file.write("".join(line + "\n" for line in lines))
    said: Dict[str, Any] = {"saver": saver, "adapter": adapter, "framework": framework}
    version = origins.requirement(module)
    if version:
        said["framework_version"] = version.partition("==")[2]
    if tied:
        said["python"] = "%d.%d" % sys.version_info[:2]
    said.update(facts)
    if signatures:
        said["signatures"] = signatures  # the last key: the server reads on from there
    with open(os.path.join(path, NAME), "w") as file:
        json.dump(said, file)
    return path


def read(path: str) -> Dict[str, Any]:
    """What describe() wrote; {} when there is none."""
    file = os.path.join(path, NAME)
    if not os.path.isfile(file):
        return {}
    with open(file) as opened:
        return json.load(opened)


def path_of(path: str, *suffixes: str) -> str:
    """The one file with such a suffix, when `path` is a folder; else `path`."""
    if not os.path.isdir(path):
        return path
    found = sorted(os.path.join(root, name) for root, _, names in os.walk(path)
                   for name in names if name.endswith(suffixes))
    if len(found) != 1:
        raise NotFound("%d files of the version end in %s" % (len(found), " or ".join(suffixes)))
    return found[0]


def contract(adapter: str, obj: Any) -> List[Dict[str, Any]]:
    """What the adapter of the workers tells of a live object; [] when it cannot."""
    from firn_worker.adapter import find
    return find(adapter).of(obj).contract()
