# SPDX-License-Identifier: Apache-2.0
"""Models name their files as /model/files/... . Where the sandbox has no view of its own (a container that forbids
mounts) that folder is not there: what Python itself opens is then looked for in the model's folder. Libraries that
open files in C do not see it.

It is installed before any library is imported, as some keep open() for themselves."""
import builtins
import io
import os

ROOT = "/model/files"
FUNCTIONS = ("open", "stat", "lstat", "access", "listdir", "scandir", "readlink", "listxattr", "getxattr")
KNOWN = (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks, os.supports_effective_ids)


class Through:
    """A function of a path. Like those it stands for, it is none that a class would bind."""

    files = None  # the model's folder, once it is known

    def __init__(self, function):
        self.function = function
        self.__name__, self.__doc__ = function.__name__, function.__doc__
        for known in KNOWN:
            if function in known:
                known.add(self)

    def real(self, path):
        if isinstance(path, int) or self.files is None:
            return path
        try:
            text = os.fspath(path)
        except TypeError:
            return path
        root, slash, files = ROOT, "/", self.files
        if isinstance(text, bytes):
            root, slash, files = ROOT.encode(), b"/", os.fsencode(files)
        return files + text[len(root):] if text == root or text.startswith(root + slash) else path

    def __call__(self, *given, **named):
        if given:
            given = (self.real(given[0]),) + given[1:]
        for name in ("file", "path"):
            if name in named:
                named[name] = self.real(named[name])
        return self.function(*given, **named)


def install():
    if os.path.lexists(ROOT):
        return
    builtins.open = io.open = Through(io.open)
    for name in FUNCTIONS:
        setattr(os, name, Through(getattr(os, name)))


def are_in(files):
    Through.files = files
