# SPDX-License-Identifier: Apache-2.0
"""What seldom happens: odd servers, broken connections, no numpy, bars, programs that do not start."""

import contextlib
import io
import os
import socket
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

import numpy
import pandas
from sklearn.linear_model import LinearRegression

import firn
from firn import tensors
from firn.connection import Connection
from firn.contract import Field, Signature
from firn.data import Stored, arrays, examples, frames, values
from firn.datasets import Dataset
from firn.embedded import Server
from firn.errors import from_answer
from firn.progress import Bar, Steps
from firn.runtime import Pending, Results, result
from live import Live


class OneAnswer:
    """A server that answers each connection with these bytes and closes it."""

    def __init__(self, *answers):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, args=(answers,), daemon=True).start()

    def serve(self, answers):
        for answer in answers:
            client, _ = self.socket.accept()
            with client:
                client.recv(65536)
                for piece in answer if isinstance(answer, list) else [answer]:
                    client.sendall(piece)
        self.socket.close()


class Odd(unittest.TestCase):
    def ask(self, *answers, **arguments):
        return Connection(OneAnswer(*answers).url, 5).request("GET", "/", **arguments)

    def test_forms_of_bodies(self):
        self.assertEqual(self.ask(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nuntil the end").body,
                         b"until the end")
        self.assertEqual(self.ask(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n").code, 204)
        chunked = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3", b"\r\nab",
                   b"c\r\n", b"0\r\n\r\n"]
        self.assertEqual(self.ask(chunked).body, b"abc")
        got = []
        self.ask([b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\na", b"bcd"],
                 write=got.append)
        self.assertEqual(b"".join(got), b"abcd")

    def test_broken_answers(self):
        for answer in (b"", b"HTTP/1.1 200", b"SSH-2.0 hello\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n",
                       b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                       b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
                       b"HTTP/1.1 200 OK\r\nX: " + b"y" * 400000):
            with self.assertRaises(firn.Unavailable, msg=answer[:40]):
                self.ask(answer)

    def test_pieces_go_over_a_connection_that_is_open(self):
        """What is put after a pause, in which the server closed, is sent once, over a new connection."""
        empty = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        connection = Connection(OneAnswer(empty, empty).url, 5)
        self.assertEqual(connection.request("GET", "/").code, 200)
        time.sleep(0.1)
        self.assertEqual(connection.request("PUT", "/", iter([b"abc"]), patience=6).code, 200)

    def test_a_server_that_does_not_take_all(self):
        said = b'{"error": "too many bytes", "status": "TOO_LARGE"}'
        refuses = OneAnswer(b"HTTP/1.1 413 No\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
        with self.assertRaises(firn.FirnError) as caught:
            Connection(refuses.url, 5).request("PUT", "/", (b"x" * 65536 for _ in range(2000)))
        self.assertIn("too many bytes", str(caught.exception))
        with self.assertRaises(firn.Unavailable):
            Connection(OneAnswer(b"").url, 5).request("PUT", "/", (b"x" * 65536 for _ in range(2000)))

    def test_a_kept_connection_that_was_closed_is_opened_again(self):
        whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        server = OneAnswer(whole, whole)
        connection = Connection(server.url, 5)
        self.assertEqual(connection.request("GET", "/").body, b"ok")
        self.assertEqual(connection.request("GET", "/").body, b"ok")

    def test_no_server(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            url = "http://127.0.0.1:%d" % taken.getsockname()[1]
            with self.assertRaises(TimeoutError):
                Connection(url, 0.05).request("GET", "/")
        with self.assertRaises(firn.Unavailable):
            Connection(url, 5).request("GET", "/")
        for url in ("ftp://x", "http://", "//"):
            with self.assertRaises(ValueError):
                Connection(url)

    def test_errors_of_other_servers(self):
        for code, body, kind in ((404, b"<html>", firn.NotFound), (413, b"[]", firn.TooLarge),
                                 (500, b"{}", firn.Internal),
                                 (400, b'{"error":"x","cause":"conflict"}', firn.Conflict)):
            self.assertIsInstance(from_answer(code, body), kind)
        said = str(from_answer(400, b'{"error":"what","cause":"why","fix":"how"}'))
        self.assertEqual(said, "what\ncause: why\nfix:   how")

    def test_programs_that_do_not_start(self):
        with tempfile.TemporaryDirectory() as folder:
            with mock.patch.dict(os.environ, FIRN_PROGRAM="/bin/false"):
                with self.assertRaises(firn.Unavailable) as caught:
                    Server(folder)
            self.assertIn("embedded.log", str(caught.exception))
            with mock.patch.dict(os.environ, FIRN_PROGRAM=folder, PATH=folder), \
                    mock.patch("os.access", return_value=False):
                with self.assertRaises(firn.NotFound):
                    Server(folder)

    def test_a_server_that_does_not_end(self):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "stays")
            with open(program, "w") as file:
                file.write("#!/bin/sh\ntrap '' TERM\necho ready http://127.0.0.1:1\n"
                           "while :; do sleep 0.1; done\n")
            os.chmod(program, 0o755)
            with mock.patch.dict(os.environ, FIRN_PROGRAM=program):
                server = Server(folder)
            process = server._process
            waited = process.wait
            with mock.patch.object(process, "wait",
                                   lambda seconds=None: waited(0.2 if seconds else None)):
                server.stop()
            self.assertIsNotNone(process.returncode)
            server.stop()


class Shown(unittest.TestCase):
    def test_bars(self):
        for total in (10, None):
            with contextlib.redirect_stderr(io.StringIO()) as shown:
                with Bar("up", total, True) as bar:
                    bar.last = 0
                    self.assertEqual(list(bar.watch([b"12345", b"67890"])), [b"12345", b"67890"])
            self.assertIn("100 %", shown.getvalue())
        with contextlib.redirect_stderr(io.StringIO()) as shown:
            with Steps("fit x", True) as steps:
                steps.show(0.5, "half")
                steps.show(None, "more")
        self.assertIn("50 %", shown.getvalue())


class WithoutNumpy(Live):
    """The client needs only the standard library."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.om.models.put(LinearRegression().fit([[0.0, 0], [1, 1], [1, 0]], [0.0, 3, 2]), "reg")

    def setUp(self):
        hidden = mock.patch.dict(sys.modules, numpy=None)
        hidden.start()
        self.addCleanup(hidden.stop)

    def test_lists(self):
        model = self.om.runtime.model("reg")
        for x, want in (([[1, 1], [0.5, 0]], [3.0, 1.0]), ([1.0, 1.0], [3.0])):
            got = model.predict(x)
            self.assertEqual([round(y, 9) for y in got.get()], want)
        self.assertIsNone(model.predict([[1, 1]]).classes)
        for bad in ([[1], [1, 2]], [["a", "b"]], [[1, None]]):
            with self.assertRaises(firn.FirnError):
                model.predict(bad)

    def test_values(self):
        said = {"name": "f", "inputs": [{"name": "x", "dtype": "float", "shape": [-1]}],
                "outputs": []}
        body, headers = tensors.request(Signature(said), [1.0, float("nan"), float("-inf")])
        self.assertIn(b'"NaN", "-Infinity"', body)
        answer = b'{"outputs":[{"name":"y","datatype":"FP64","shape":[2,1],"data":[1,"NaN"]},' \
                 b'{"name":"z","datatype":"INT64","shape":[],"data":[5]},' \
                 b'{"name":"e","datatype":"INT64","shape":[0,2],"data":[]}]}'
        got = tensors.answer({}, answer)
        self.assertEqual((got["y"][0], got["z"], got["e"]), ([1.0], 5, []))


class Tensors(unittest.TestCase):
    def signature(self, *dtypes, shape=(-1,)):
        return Signature({"name": "f", "outputs": [], "inputs": [
            {"name": "ab"[i], "dtype": dtype, "shape": list(shape)} for i, dtype in enumerate(dtypes)]})

    def test_frames(self):
        frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})
        body, headers = tensors.request(self.signature("double", "string"), frame)
        self.assertIn("Inference-Header-Content-Length", headers)
        with self.assertRaises(firn.InvalidInput) as caught:
            tensors.request(self.signature("double", "string"), frame[["a"]])
        self.assertIn("no column b", str(caught.exception))
        tensors.request(self.signature("double"), frame[["a"]].rename(columns={"a": "other"}))
        tensors.request(self.signature("double", "double"), [[1.0, 2.0]])

    def test_what_is_no_tensor(self):
        for bad in ([[1], [2, 3]], [object()], numpy.array([{}], dtype=object)):
            with self.assertRaises(firn.InvalidInput, msg=repr(bad)):
                tensors.request(self.signature("double"), bad)
        with self.assertRaises(firn.Unsupported):
            tensors.request(self.signature("double"), numpy.array([1 + 2j]))

    def test_json_answers(self):
        got = tensors.answer({}, b'{"outputs":[{"name":"y","datatype":"BYTES","shape":[1],"data":["x"]},'
                                 b'{"name":"o","datatype":"ODD","shape":[1],"data":[7]}]}')
        self.assertEqual((got["y"].tolist(), got["o"]), (["x"], [7]))


class Data(Live):
    def test_damaged_bytes(self):
        put = self.om.connection.request
        for kind, body in (("newer", b"?"), ("json", b'{"$float":"x"}'), ("json", b'{"$bytes":5}'),
                           ("frame", frame_with('{"frame":1,"rows":0,"columns":[],"index":[]}'))):
            put("PUT", "/api/datasets/odd?format=" + kind, body)
            with self.assertRaises(firn.FirnError, msg=(kind, body)):
                self.om.datasets.get("odd")
        self.assertEqual(self.om.datasets.get("odd", os.path.join(self.store, "odd"))[-3:], "odd")

    def test_one_format_of_several(self):
        self.assertEqual(self.om.datasets.put([1, 2], "v", format="json").format, "json")
        for kind, value in (("frame", [1]), ("npy", object()), ("none", 1), ("file", 5)):
            with self.assertRaises(firn.FirnError, msg=kind):
                self.om.datasets.put(value, "v", format=kind)

    def test_without_pandas(self):
        self.om.datasets.put(pandas.DataFrame({"a": [1]}), "f")
        with mock.patch.dict(sys.modules, pandas=None):
            with self.assertRaises(firn.Unsupported) as caught:
                self.om.datasets.get("f")
        self.assertIn("pip install pandas", str(caught.exception))

    def test_without_tensorflow(self):
        self.om.datasets.put([b"a", b"b"], "r", format="tfrecord")
        with mock.patch.dict(sys.modules, tensorflow=None):
            with self.assertRaises(firn.Unsupported):
                self.om.datasets.get("r", as_dataset=True)

    def test_nothing_is_read_as_it_is_not(self):
        for value in ({"a": [1, {"$tuple": 5}]},):
            with self.assertRaises(firn.InvalidInput):
                values.read(values.json.dumps(value).encode(), "x")
        with self.assertRaises(firn.InvalidInput):
            frames._read(memoryview(b"no tar"), "x")


def frame_with(head):
    import tarfile
    info = tarfile.TarInfo("frame.json")
    info.size = len(head)
    return info.tobuf() + head.encode() + b"\0" * (-len(head) % 512) + b"\0" * 1024


class Small(unittest.TestCase):
    def test_contracts_are_shown(self):
        field = Field({"name": "x"})
        self.assertEqual((field.type, repr(field)), ("unknown[?]", "<Field x unknown[?] none>"))
        signature = Signature({"name": "f", "inputs": [{"name": "x"}], "outputs": [{"name": "y"}]})
        self.assertEqual(repr(signature), "<Signature f(x) -> y>")

    def test_results_that_are_not_there_yet(self):
        done = threading.Event()
        pending = Pending(done.wait)
        self.assertEqual((pending.status, pending.ready()), ("PENDING", False))
        with self.assertRaises(TimeoutError):
            pending.get(0.01)
        done.set()
        self.assertTrue(pending.get(5))
        self.assertEqual(Results({"a": 1}).get("a"), 1)
        self.assertEqual(Results({"a": 1}).get(), {"a": 1})
        self.assertEqual(result([1], ["x"]).get(), [1])
        self.assertEqual(result("text", None), "text")

    def test_records_are_written_the_same_without_tensorflow(self):
        messages = [b"", b"abc", b"x" * (1 << 20), b"last"]
        with mock.patch.dict(sys.modules):
            sys.modules.pop("tensorflow", None)
            packed = examples.pack(messages, {})
            data = b"".join(packed.pieces)
        self.assertEqual(list(examples.read(memoryview(data), "x")), messages)
        # of the format's definition: an empty record
        self.assertEqual(data[:16].hex(), "0000000000000000" "29039807" "d8ea82a2")
        for cut in (data[:-1], data[:5], b"\1" + data[1:]):
            with self.assertRaises(firn.InvalidInput):
                list(examples.read(memoryview(cut), "x"))

    def test_parts_that_do_not_fit(self):
        def parts(kind, *objects):
            said = {"name": "x", "revision": 1, "format": kind, "digest": "", "bytes": 0}
            return Stored(Dataset(said), [memoryview(b"".join(arrays.pack(o, {}).pieces))
                                          for o in objects])
        with self.assertRaises(firn.InvalidInput):
            arrays.unpack(parts("npy", numpy.zeros(3), numpy.zeros((2, 2))), {})
        one = {"a": numpy.zeros(1)}
        with self.assertRaises(firn.Unsupported):
            arrays.unpack(parts("npz", one, one), {})
        with self.assertRaises(firn.InvalidInput):
            arrays.read(memoryview(b"garbage"), "x")
        objects = io.BytesIO()
        numpy.save(objects, numpy.array([{}]), allow_pickle=True)
        with self.assertRaises(firn.InvalidInput):
            arrays.read(memoryview(objects.getvalue()), "x")

    def test_frames_with_odd_names(self):
        labels = pandas.Index([numpy.int64(1), "a"], dtype=object)
        self.assertTrue(frames.pack(pandas.DataFrame(numpy.zeros((1, 2)), columns=labels), {}))
        with mock.patch.object(frames, "COLUMNS_MAX", 1), self.assertRaises(firn.Unsupported):
            frames.pack(pandas.DataFrame(numpy.zeros((1, 2))), {})
        head = '{"frame":1,"rows":1,"series":false,"index":[],"columns":[{"name":"a",' \
               '"type":"number","dtype":"int64","data":"9.npy"}]}'
        with self.assertRaises(firn.InvalidInput) as caught:
            frames._read(memoryview(frame_with(head)), "x")
        self.assertIn("x", str(caught.exception))

    def test_bytes_that_are_lost_on_the_way(self):
        server = OneAnswer(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nFirn-Bytes: 2\r\n"
                           b"Firn-Format: file\r\nFirn-Revision: 1\r\n\r\nx")
        with self.assertRaises(firn.InvalidInput):
            firn.connect(server.url).datasets.get("x")


class Client(Live):
    def test_by_environment(self):
        with mock.patch.dict(os.environ, FIRN_URL=self.om.url):
            om = firn.connect()
            self.assertEqual((om.url, repr(om)), (self.om.url, "<firn %s>" % self.om.url))
            self.assertFalse(om.models.exists("none"))
            om.close()
        self.assertIs(firn.Client, type(om))
        with self.assertRaises(AttributeError):
            firn.nothing
