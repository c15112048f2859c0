# SPDX-License-Identifier: Apache-2.0
"""A server for this process alone, over a store folder, so that a notebook needs nothing else."""

import atexit
import os
import shutil
import subprocess
import sys
from typing import Optional

from .errors import NotFound, Unavailable


def find_program() -> str:
    """FIRN_PROGRAM, `firn` on the PATH, or the build folder above this file."""
    here = os.path.dirname(os.path.abspath(__file__))
    built = os.path.join(here, "..", "..", "build", "firn")
    for path in (os.environ.get("FIRN_PROGRAM"), shutil.which("firn"), os.path.normpath(built)):
        if path and os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    raise NotFound("the program `firn` is not on the PATH",
                   fix="install it, set FIRN_PROGRAM, or connect to a server: firn.connect(url)")


def _die_with_parent() -> None:  # pragma: no cover: in the child, before it is the server
    import ctypes
    import signal
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Server:
    def __init__(self, store: str, workers: bool = False):
        self.log_path = os.path.join(store, "embedded.log")
        os.makedirs(store, exist_ok=True)
        with open(self.log_path, "ab") as log:
            process = subprocess.Popen(
                [find_program(), "serve", "--store", store, "--http", "127.0.0.1:0"]
                + (["--workers", "on"] if workers else []),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None)
        self._process: "Optional[subprocess.Popen[bytes]]" = process
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        words = line.split()
        if len(words) < 2 or words[0] != "ready":
            self.stop()
            raise Unavailable("the server did not start", line.strip() or None,
                              "see " + self.log_path)
        self.url = words[1]
        atexit.register(self.stop)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        atexit.unregister(self.stop)
