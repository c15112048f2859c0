# SPDX-License-Identifier: Apache-2.0
"""The loop of a worker: HELLO loads a model through an adapter, INFER asks it."""
import array
import gc
import json
import os
import signal
import socket
import sys
import traceback

from firn_worker import adapter, frame, log, places, values
from firn_worker.arena import Arena
from firn_worker.fault import Fault

ALIGNMENT = 64
JOB = "job"  # instead of an adapter: the folder holds a job to be done once, see jobs/


def raised(what, why, files):
    """One sentence about an exception of the model's code, with the last line of it that is the model's."""
    place = ""
    for entry in traceback.extract_tb(why.__traceback__):
        path = os.path.abspath(entry.filename)
        if path.startswith(os.path.abspath(files) + os.sep):
            place = " (%s:%d)" % (os.path.relpath(path, files), entry.lineno)
    if isinstance(why, SystemExit):
        return "%s called sys.exit(%r)%s" % (what, why.code, place)
    text = "; ".join(line.strip() for line in str(why).splitlines() if line.strip()) or "no text"
    name = type(why).__name__
    return "%s raised %s: %s%s" % (what, name, text if len(text) < 600 else text[:600] + "...", place)


class Worker:
    def __init__(self, connection, arena):
        self.socket, self.arena = connection, arena
        self.model = self.loaded = None
        self.waiting = None  # (id, results): computed, but there was no room for them
        self.buffer = bytearray(frame.BYTES_MAX)
        self.view = memoryview(self.buffer)

    def receive(self):
        """The next frame, or None at the end."""
        size, control, _, _ = self.socket.recvmsg_into([self.buffer], socket.CMSG_SPACE(4))
        if not size:
            return None
        got = frame.decode(self.view[:size])
        for level, kind, data in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                if self.arena:
                    self.arena.close()
                self.arena = Arena(array.array("i", data[:4])[0])
        return got

    def send(self, answer):
        self.socket.send(frame.encode(answer))

    def text_of(self, got):
        if got.text or not got.space:
            return got.text.decode("utf-8")
        if not self.arena.holds(got.offset, got.space):
            raise frame.ProtocolError("a text outside the arena")
        return bytes(self.arena.memory[got.offset:got.offset + got.space]).decode("utf-8")

    def hello(self, got):
        hello = json.loads(self.text_of(got))
        contract = hello["contract"]
        rows = contract if isinstance(contract, list) else contract["signatures"]
        self.model = adapter.Model(hello["files"], [values.Signature(row) for row in rows], hello.get("options"))
        try:
            for signature in self.model.signatures:
                values.check_fields(signature)
            os.chdir(self.model.files)
            places.are_in(self.model.files)
            if hello["adapter"] == JOB:
                from firn_worker import jobs
                jobs.run(self.model.files, jobs.Channel(self.socket))
                sys.stdout.flush()
                return self.send(frame.Frame(frame.READY, got.id, text=b"{}"))
            self.loaded = adapter.load(hello["adapter"], self.model)
            said = {} if self.model.signatures else {"signatures": self.loaded.contract()}
        except values.ValueFault as why:
            raise Fault(frame.UNSUPPORTED, str(why))
        except Fault:
            raise
        except BaseException as why:
            traceback.print_exc()
            what = "the job" if hello["adapter"] == JOB else "loading the model"
            raise Fault(frame.NO_MEMORY if isinstance(why, MemoryError) else frame.FAILED,
                        raised(what, why, self.model.files))
        text = json.dumps(said).encode("utf-8")
        if len(text) > frame.BYTES_MAX - 1024:
            raise Fault(frame.TOO_LARGE, "its contract has %d bytes: declare it in the manifest" % len(text))
        sys.stdout.flush()
        self.send(frame.Frame(frame.READY, got.id, text=text))

    def infer(self, got):
        inputs, fault = {}, None
        if self.waiting and self.waiting[0] == got.id:
            results = self.waiting[1]
        else:
            inputs = self.inputs(got)
            results, fault = self.call(self.model.signatures[got.signature], inputs)
        self.waiting = None
        answer = None if fault else self.place(got, results)
        if answer is None or answer.type == frame.RESULT:
            results = None
            self.let_go(inputs)
        if fault:
            raise fault
        sys.stdout.flush()
        self.send(answer)

    def inputs(self, got):
        if self.loaded is None:
            raise Fault(frame.UNAVAILABLE, "no model is loaded")
        if got.signature >= len(self.model.signatures):
            raise Fault(frame.NOT_FOUND, "there is no signature %d" % got.signature)
        signature = self.model.signatures[got.signature]
        if len(got.tensors) != len(signature.inputs):
            raise Fault(frame.INTERNAL, "%d inputs, not %d" % (len(got.tensors), len(signature.inputs)))
        return {field.name: values.read(tensor, self.arena) for field, tensor in zip(signature.inputs, got.tensors)}

    def call(self, signature, inputs):
        """(results, None) or (None, fault): a fault that is not raised here holds no frame of the model."""
        what = self.loaded.what(signature)
        try:
            return self.check(signature, self.loaded.predict(signature, dict(inputs)), what), None
        except values.ValueFault as why:
            return None, Fault(frame.FAILED, "%s: %s" % (what, why))
        except BaseException as why:
            traceback.print_exc()
            status = frame.NO_MEMORY if isinstance(why, MemoryError) else frame.FAILED
            return None, Fault(status, raised(what, why, self.model.files))

    @staticmethod
    def check(signature, outputs, what):
        """The outputs in the contract's order, nothing missing and nothing more."""
        if not hasattr(outputs, "keys"):
            raise values.ValueFault("it returned %s, not a dict of outputs" % values.type_name(outputs))
        wanted = [field.name for field in signature.outputs]
        missing = [name for name in wanted if name not in outputs]
        more = [str(name) for name in outputs.keys() if name not in wanted]
        if missing:
            raise values.ValueFault("it returned no \"%s\"%s" % (
                "\", \"".join(missing), ", but \"%s\"" % "\", \"".join(more) if more else ""))
        if more:
            raise values.ValueFault("it returned \"%s\", which the contract does not have (it has \"%s\")" % (
                "\", \"".join(more), "\", \"".join(wanted)))
        return [encode(outputs[field.name], field) for field in signature.outputs]

    def let_go(self, inputs):
        """Views of the arena that the model kept must not change under it."""
        if values.numpy is None or self.arena.copies:
            return
        views = [value for value in inputs.values() if type(value) is values.numpy.ndarray and value.base is not None]
        inputs.clear()
        for _ in range(2):
            if all(sys.getrefcount(views[i]) <= 2 for i in range(len(views))):  # the list's and the call's
                return
            gc.collect()
        self.arena.detach()

    def place(self, got, results):
        """RESULT with everything written, or GROW."""
        at, places = 0, []
        for result in results:
            at = (at + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
            places.append(at)
            at += result.size
        if at > got.space:
            self.waiting = (got.id, results)
            return frame.Frame(frame.GROW, got.id, space=at)
        if not self.arena.holds(got.offset, got.space):
            raise frame.ProtocolError("room for results outside the arena")
        tensors = []
        for place, result in zip(places, results):
            begin = got.offset + place
            result.write(self.arena.memory[begin:begin + result.size])
            tensors.append(frame.Tensor(result.dtype, result.shape, begin, result.size))
        return frame.Frame(frame.RESULT, got.id, got.signature, tensors=tensors)

    def handle(self, got):
        """False at the end."""
        if got.type == frame.PING:
            self.send(frame.Frame(frame.PONG, got.id))
        elif got.type == frame.SHUTDOWN:
            return False
        elif got.type in (frame.HELLO, frame.INFER):
            try:
                (self.hello if got.type == frame.HELLO else self.infer)(got)
            except Fault as why:
                self.fail(got, why.status, str(why))
            except frame.ProtocolError:
                raise
            except Exception as why:
                traceback.print_exc()
                self.fail(got, frame.INTERNAL, "the worker's own code: %s: %s" % (type(why).__name__, why))
        elif got.type != frame.ARENA:
            raise frame.ProtocolError("a frame of type %d" % got.type)
        return True

    def fail(self, got, status, text):
        sys.stdout.flush()
        self.send(frame.Frame(frame.ERROR, got.id, status=status, text=frame.text_cut(text, 4096)))


def encode(value, field):
    if isinstance(value, values.Result):
        return value
    return values.encode(value, field)


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for fd in (frame.SOCKET_FD, frame.ARENA_FD):
        os.set_inheritable(fd, False)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=frame.SOCKET_FD)
    log.install(connection)
    worker = Worker(connection, Arena(frame.ARENA_FD))
    owner = os.getpid()
    try:
        while True:
            got = worker.receive()
            if got is None or not worker.handle(got) or os.getpid() != owner:
                break
    except (frame.ProtocolError, ConnectionError, BrokenPipeError) as why:
        os.write(2, ("firn_worker: %s\n" % why).encode("utf-8", "replace"))
        return 1
    os._exit(0)  # threads that the model left running do not hold the process
