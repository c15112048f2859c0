# SPDX-License-Identifier: Apache-2.0
"""What the model prints goes to the server as LOG frames, and never into the protocol."""
import io
import os
import sys
import threading

from firn_worker import frame

LINE_MAX = 8192


class LogBytes(io.RawIOBase):
    """sys.stdout.buffer of a worker."""

    def __init__(self, text):
        self.text = text

    def writable(self):
        return True

    def write(self, data):
        data = bytes(data)
        self.text.write(data.decode("utf-8", "backslashreplace"))
        return len(data)


class Log(io.TextIOBase):
    """Lines, each sent when it is complete or long."""

    def __init__(self, socket):
        self.socket, self.pending, self.lock = socket, "", threading.RLock()
        self.buffer = LogBytes(self)
        self.owner = os.getpid()

    encoding = "utf-8"
    errors = "backslashreplace"

    def writable(self):
        return True

    def isatty(self):
        return False

    def fileno(self):
        return 2

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not %s" % type(text).__name__)
        with self.lock:
            self.pending += text
            if "\n" in text or len(self.pending) > LINE_MAX:
                lines, end, self.pending = self.pending.rpartition("\n")
                self._send(lines + end)
                if len(self.pending) > LINE_MAX:
                    self._send(self.pending)
                    self.pending = ""
        return len(text)

    def flush(self):
        with self.lock:
            text, self.pending = self.pending, ""
            self._send(text)

    def _send(self, text):
        if not text or os.getpid() != self.owner:  # a child that the model forked has no part in the protocol
            return
        for at in range(0, len(text), LINE_MAX):
            piece = frame.text_cut(text[at:at + LINE_MAX])
            try:
                self.socket.send(frame.encode(frame.Frame(frame.LOG, text=piece)))
            except OSError:
                return


def install(socket):
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = log = Log(socket)
    return log
