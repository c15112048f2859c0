# SPDX-License-Identifier: Apache-2.0
"""The server's side of a worker, in Python: a socket pair and a sealed memfd, as src/workers/frame.h says."""
import array
import fcntl
import json
import mmap
import os
import pathlib
import socket
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "python"))

from firn_worker import frame, values  # noqa: E402


class WorkerFault(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Space:
    """Memory of the server's side: what values.read looks at."""

    def __init__(self, size):
        self.fd, self.size, self.copies = os.memfd_create("arena", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), size, True
        os.ftruncate(self.fd, size)
        self.map = mmap.mmap(self.fd, size)
        self.memory = memoryview(self.map)

    holds = staticmethod(lambda offset, size: True)


class Worker:
    def __init__(self, files, contract, adapter="function", python=sys.executable, options=None, size=1 << 20):
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket, self.arena, self.log, self.ids = here, Space(size), [], 0
        self.signatures = [values.Signature(row) for row in contract]

        # Descriptors 3 and 4, whatever was there before.
        pair = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (there.fileno(), self.arena.fd)]
        place = "exec 3<&%d 4<&%d %d<&- %d<&-; exec \"$@\"" % (*pair, *pair)
        self.process = subprocess.Popen(["bash", "-c", place, "worker", python, str(ROOT / "python" / "firn_worker")],
                                        pass_fds=pair, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        for fd in pair:
            os.close(fd)
        there.close()
        self.outside = bytearray()  # what came past the log
        self.reader = threading.Thread(target=lambda: self.outside.extend(self.process.stdout.read()), daemon=True)
        self.reader.start()
        hello = {"adapter": adapter, "files": str(files), "contract": contract, "options": options or {}}
        text = json.dumps(hello).encode()
        if len(text) > 60000:
            self.arena.memory[:len(text)] = text
            self.send(frame.Frame(frame.HELLO, offset=0, space=len(text)))
        else:
            self.send(frame.Frame(frame.HELLO, text=text))
        self.ready = self.receive()

    def send(self, what, fds=()):
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([frame.encode(what)], control)

    def receive(self):
        while True:
            packet = self.socket.recv(frame.BYTES_MAX)
            if not packet:
                raise WorkerFault(None, "the worker ended with %s" % self.process.wait())
            got = frame.decode(packet)
            if got.type == frame.LOG:
                self.log.append(got.text.decode())
            elif got.type == frame.ERROR:
                raise WorkerFault(got.status, got.text.decode())
            else:
                return got

    def ping(self):
        self.send(frame.Frame(frame.PING, 7))
        assert self.receive().type == frame.PONG

    def run(self, inputs, name=None, room=None):
        """A dict of outputs, of a dict of values that fit the contract."""
        index = next(i for i, s in enumerate(self.signatures) if name in (None, s.name))
        signature, at, tensors = self.signatures[index], 0, []
        for field in signature.inputs:
            result = values.encode(inputs[field.name], field)
            result.write(self.arena.memory[at:at + result.size])
            tensors.append(frame.Tensor(result.dtype, result.shape, at, result.size))
            at = (at + result.size + 63) // 64 * 64
        self.ids += 1
        room = self.arena.size - at if room is None else room
        request = frame.Frame(frame.INFER, self.ids, index, tensors=tensors, offset=at, space=room)
        self.send(request)
        got = self.receive()
        if got.type == frame.GROW:
            grown = Space(at + got.space)
            grown.memory[:at] = self.arena.memory[:at]
            self.arena = grown
            self.send(frame.Frame(frame.ARENA, space=grown.size), [grown.fd])
            request.space = got.space
            self.send(request)
            got = self.receive()
        assert got.type == frame.RESULT and got.id == self.ids, got.type
        return {field.name: values.read(tensor, self.arena) for field, tensor in zip(signature.outputs, got.tensors)}

    def close(self):
        try:
            self.send(frame.Frame(frame.SHUTDOWN))
        except OSError:
            pass
        self.socket.close()
        self.reader.join(20)
        return self.process.wait(timeout=20)
