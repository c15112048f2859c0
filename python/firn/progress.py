# SPDX-License-Identifier: Apache-2.0
"""A bar on standard error for uploads and jobs that take a while."""

import sys
import time
from typing import Any, Iterable, Iterator, Optional


class Bar:
    def __init__(self, label: str, total: Optional[int], shown: Optional[bool] = None):
        """`total` bytes; None: nobody knows."""
        self.label, self.total, self.done = label, max(total or 0, 1), 0
        self.known = total is not None
        self.shown = sys.stderr.isatty() if shown is None else shown
        self.began = self.last = time.monotonic()

    def watch(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.done += len(piece)
            self._show(False)
            yield piece

    def _show(self, final: bool) -> None:
        now = time.monotonic()
        if not self.shown or (now - self.last < 0.1 and not final):
            return
        self.last = now
        share = min(self.done / self.total, 1.0) if self.known else float(final)
        full = int(share * 30)
        rate = self.done / max(now - self.began, 1e-3) / 1e6
        sys.stderr.write("\r%s [%s%s] %3d %%  %.1f MB/s" % (self.label, "#" * full, "." * (30 - full),
                                                           int(share * 100), rate))
        if final:
            sys.stderr.write("\n")
        sys.stderr.flush()

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *unused: Any) -> None:
        self._show(True)


class Steps:
    """The bar of a job, which says by itself how far it is."""

    def __init__(self, label: str, shown: Optional[bool] = None):
        self.label, self.said = label, False
        self.shown = sys.stderr.isatty() if shown is None else shown

    def show(self, share: Optional[float], text: str) -> None:
        if not self.shown:
            return
        self.said = True
        full = int((share or 0) * 30)
        sys.stderr.write("\r%s [%s%s] %s  %-40.40s" % (
            self.label, "#" * full, "." * (30 - full),
            "     " if share is None else "%3d %%" % int(share * 100), text))
        sys.stderr.flush()

    def __enter__(self) -> "Steps":
        return self

    def __exit__(self, *unused: Any) -> None:
        if self.said:
            sys.stderr.write("\n")
            sys.stderr.flush()
