# SPDX-License-Identifier: Apache-2.0
"""0Mind: its archives, its pool file and its routes, as its users have them."""

import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import unittest
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy
from sklearn.linear_model import LinearRegression, LogisticRegression

import firn
from firn.embedded import find_program

NETS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "importers",
                    "caffe2")
INPUTS = {"inputs": [{"name": "main", "type": "float32", "shape": [1, 28]}]}
OUTPUTS = {"outputs": [{"name": "default", "type": "float32", "shape": [1, 1]}]}


def archive(path, members):
    """A tar.gz of {name: bytes}; an entry's name is taken as it is."""
    with tarfile.open(path, "w:gz") as packed:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    return path


# --- nets of Caffe2, as protocol buffers (caffe2/proto/caffe2.proto) ---

def field(number, value):
    """Bytes or text, an integer, or what is packed already."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value):
    return (bytes([value & 127 | 128]) + varint(value >> 7)) if value > 127 else bytes([value])


def argument(name, integer=None, integers=(), floats=None):
    parts = [field(1, name)] + ([field(3, integer)] if integer is not None else [])
    parts += [field(6, int(value)) for value in integers]
    if floats is not None:  # not packed: a tag for each
        parts += [varint(5 << 3 | 5) + value.tobytes() for value in floats.ravel()]
    return b"".join(parts)


def operator(kind, inputs, outputs, arguments=()):
    return b"".join([field(1, name) for name in inputs] + [field(2, name) for name in outputs] +
                    [field(4, kind)] + [field(5, given) for given in arguments])


def filled(name, values):
    return operator("GivenTensorFill", [], [name], [argument("shape", integers=values.shape),
                                                    argument("values", floats=values)])


def net(operators, inputs=(), outputs=()):
    return b"".join([field(1, "net")] + [field(2, each) for each in operators] +
                    [field(7, name) for name in inputs] + [field(8, name) for name in outputs])


def members_of(path):
    with tarfile.open(path) as packed:
        return {entry.name: packed.extractfile(entry).read() for entry in packed}


class Pool:
    """`firn serve --zeromind-config` in a folder of its own."""

    def __init__(self, folder, config, *more):
        path = os.path.join(folder, "pool.json")
        with open(path, "w") as file:
            json.dump(config, file)
        self.log = open(os.path.join(folder, "log"), "w+")
        self.process = subprocess.Popen([find_program(), "serve", "--zeromind-config", path, *more],
                                        cwd=folder, stdout=subprocess.PIPE, stderr=self.log)
        self.url = self.process.stdout.readline().split()[1].decode()

    def call(self, path, body=None, method=None, kind="application/json"):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        if data is not None:
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request) as answer:
                assert answer.headers["Server"] == "0Mind"
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def fails(self, path, body=None, **more):
        """(HTTP status, code, message)"""
        status, said = self.call(path, body, **more)
        error, = said["errors"]
        assert set(error) == {"code", "message", "params"}
        return status, error["code"], error["message"]

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()
        self.log.close()
        return self.process.returncode


def task(name, file, kind="sklearn", **more):
    return {"id": name, "model_file": file, "model_type": kind, "input_filters": {},
            "output_filters": {}, **more}


class ZeroMind(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="firn-test-")
        rng = numpy.random.default_rng(4)
        cls.rows = rng.random((60, 28))
        cls.line = LinearRegression().fit(cls.rows, cls.rows @ numpy.arange(28.0))
        cls.kinds = LogisticRegression().fit(cls.rows, (cls.rows[:, 0] > 0.5).astype(int))
        cls.path = firn.save_model("sklearn", cls.line, cls.at("line"), INPUTS, OUTPUTS)
        firn.save_model("sklearn", cls.kinds, cls.at("kinds"), INPUTS, OUTPUTS)
        tasks = [task(1, "line.sklearn"), task("lost", "nothing.sklearn"),
                 {"id": "bare", "model_file": "line.sklearn"}]
        os.mkdir(cls.at("pictures"))
        cls.pool = Pool(cls.folder, {"id": 7, "host": "127.0.0.1", "port": 0, "tasks": tasks,
                                     "model_types": ["sklearn", "caffe2", "keras", "tensorrt"],
                                     "note": "hi"},
                        "--readable", cls.at("pictures"))

    @classmethod
    def tearDownClass(cls):
        cls.pool.end()
        shutil.rmtree(cls.folder)

    @classmethod
    def at(cls, name):
        return os.path.join(cls.folder, name)

    def load(self, name, file, kind="sklearn", **more):
        return self.pool.call("/model/load", task(name, file, kind, **more))

    def refused(self, file, kind="sklearn", **more):
        """Loading fails, and leaves nothing; the (HTTP status, code, message)."""
        said = self.pool.fails("/model/load", task("bad", file, kind, **more))
        self.assertEqual(self.pool.fails("/model/info?id=bad")[:2], (404, 108))
        self.assertNotIn("bad", self.pool.call("/model/list")[1]["models"])
        return said

    # --- the pool ---

    def test_info(self):
        code, said = self.pool.call("/info")
        self.assertEqual((code, said["service"], said["id"]), (200, "ModelPool", 7))
        self.assertEqual((said["version"], said["options"]["note"]), ([1, 1, 4], "hi"))
        self.assertEqual(self.pool.call("/info", {})[1], said)
        code, said = self.pool.call("/info/system")
        self.assertEqual((code, said["id"]), (200, 7))
        self.assertGreaterEqual(said["cpu_usage"], 0)
        self.assertGreater(said["memory"]["total"], said["memory"]["available"])

    def test_tasks(self):
        """An id that is a number is reached, and tasks that fail are left out."""
        code, said = self.pool.call("/info/task?id=1")
        self.assertEqual((code, said), (200, task(1, "line.sklearn")))
        self.assertIn(said, self.pool.call("/info/tasks")[1]["tasks"])
        self.assertEqual(self.pool.fails("/info/task?id=lost")[:2], (404, 108))
        self.assertEqual(self.pool.fails("/info/task?id=bare")[:2], (404, 108))
        self.assertEqual(self.pool.fails("/info/task")[:2], (400, 100))
        self.pool.log.seek(0)
        log = self.pool.log.read()
        self.assertIn('task 1 is left out: there is no file "nothing.sklearn"', log)
        self.assertIn('task 2 is left out: "model_type" of the task is missing', log)

    def test_list(self):
        code, said = self.pool.call("/model/list")
        self.assertEqual((code, said["id"]), (200, 7))
        self.assertIn("1", said["models"])
        sum_of = hashlib.md5(json.dumps(sorted(said["models"])).encode()).hexdigest()
        self.assertEqual(said["check_sum"], sum_of)
        again = self.pool.call("/model/list", {"check_sum": sum_of})[1]
        self.assertEqual(again, {"id": 7, "check_sum": sum_of, "models": []})

    # --- models ---

    def test_info_of_a_model(self):
        code, said = self.pool.call("/model/info?id=1")
        self.assertEqual(code, 200)
        self.assertEqual(said["inputs"],
                         {"0": {"name": "main", "type": "float64", "shape": [None, 28]}})
        self.assertEqual((said["outputs"]["0"]["name"], said["tool"]), ("default", "sklearn"))

    def test_predict(self):
        wanted = self.line.predict(self.rows)
        code, said = self.pool.call("/model/predict?id=1", {"main": self.rows[:5].tolist()})
        self.assertEqual(code, 200)
        numpy.testing.assert_allclose(said["result"]["default"], wanted[:5], rtol=1e-12)
        self.assertGreater(said["model_time"], 0)
        one = self.pool.call("/model/predict?id=1", {"main": self.rows[:1].tolist()})[1]
        numpy.testing.assert_allclose(one["result"]["default"], wanted[0], rtol=1e-12)

    def test_predict_refuses(self):
        fails = self.pool.fails
        url = "/model/predict?id=1"
        row = self.rows[:1].tolist()
        self.assertEqual(fails(url, {"main": row}, kind="text/plain")[:2], (400, 101))
        self.assertEqual(fails(url, {"main": row}, kind="application/jsonx")[:2], (400, 101))
        self.assertEqual(fails(url, method="POST")[:2], (400, 105))
        self.assertEqual(fails(url, {})[:2], (400, 105))
        self.assertEqual(fails("/model/predict", {"main": row})[:2], (400, 100))
        self.assertEqual(fails("/model/predict?id=nobody", {"main": row})[:2], (404, 108))
        self.assertEqual(fails(url, b'{"main": ')[:2], (400, 107))
        self.assertEqual(fails(url, {"other": row}),
                         (400, 107, 'the model has no input "other"'))
        self.assertEqual(fails(url, {"main": [[1.0, 2.0]]})[:2], (400, 9))
        self.assertEqual(fails(url, {"main": [[1.0], [2.0, 3.0]]})[:2], (400, 107))
        self.assertEqual(fails(url, {"main": "x"})[:2], (400, 107))
        code, said = self.pool.call(url, {"main": row}, kind="application/json; charset=utf-8")
        self.assertEqual(code, 200, said)

    def test_load_and_drop(self):
        code, said = self.load("kinds", "kinds.sklearn")
        self.assertEqual((code, said["result"], said["model_id"]), (200, "loaded", "kinds"))
        self.assertGreater(said["load_time"], 0)
        self.assertIsInstance(said["memory_consumed"], int)
        got = self.pool.call("/model/predict?id=kinds", {"main": self.rows[:9].tolist()})[1]
        self.assertEqual(got["result"]["default"], self.kinds.predict(self.rows[:9]).tolist())
        again = self.pool.fails("/model/load", task("kinds", "line.sklearn"))
        self.assertEqual(again[:2], (400, 103))
        got = self.pool.call("/model/predict?id=kinds", {"main": self.rows[:9].tolist()})[1]
        self.assertEqual(got["result"]["default"], self.kinds.predict(self.rows[:9]).tolist())
        code, said = self.pool.call("/model/drop?id=kinds")
        self.assertEqual((code, said["result"], said["model_id"]), (200, "dropped", "kinds"))
        self.assertGreaterEqual(said["unload_time"], 0)
        self.assertIsInstance(said["memory_released"], int)
        self.assertEqual(self.pool.fails("/model/predict?id=kinds", {"main": []})[:2], (404, 108))
        self.assertEqual(self.pool.fails("/model/drop?id=kinds")[:2], (404, 108))
        self.assertNotIn("kinds", self.pool.call("/model/list")[1]["models"])
        self.assertEqual(self.load("kinds", "line.sklearn")[0], 200)
        got = self.pool.call("/model/predict?id=kinds", {"main": self.rows[:3].tolist()})[1]
        numpy.testing.assert_allclose(got["result"]["default"], self.line.predict(self.rows[:3]))
        self.pool.call("/model/drop?id=kinds", method="POST")

    def test_parameters_instead_of_files(self):
        """Both lists: the file is the model alone; one of them: it stands for the archive's."""
        with open(self.at("alone.jbl"), "wb") as file:
            file.write(members_of(self.path)["model.jbl"])
        names = {"inputs": [{"name": "row", "type": "float64", "shape": [None, 28]}],
                 "outputs": [{"name": "sum", "type": "float64", "shape": [None, 1]}]}
        self.assertEqual(self.load("alone", "alone.jbl", **names)[0], 200)
        got = self.pool.call("/model/predict?id=alone", {"row": self.rows[:2].tolist()})[1]
        numpy.testing.assert_allclose(got["result"]["sum"], self.line.predict(self.rows[:2]))
        self.assertEqual(self.load("half", "line.sklearn", inputs=names["inputs"])[0], 200)
        got = self.pool.call("/model/predict?id=half", {"row": self.rows[:2].tolist()})[1]
        numpy.testing.assert_allclose(got["result"]["default"], self.line.predict(self.rows[:2]))
        self.assertEqual(self.load("whole", "line.sklearn")[0], 200)  # the lists before left no trace
        self.assertEqual(self.pool.call("/model/info?id=whole")[1]["inputs"]["0"]["name"], "main")

    def test_table_of_named_columns(self):
        import pandas
        table = pandas.DataFrame(self.rows, columns=["c%d" % i for i in range(28)])
        model = LinearRegression().fit(table, self.rows[:, 3])
        firn.save_model("sklearn", model, self.at("table"), INPUTS, OUTPUTS)
        self.assertEqual(self.load("table", "table.sklearn")[0], 200)
        got = self.pool.call("/model/predict?id=table", {"main": self.rows[:4].tolist()})[1]
        numpy.testing.assert_allclose(got["result"]["default"], model.predict(table[:4]))

    # --- Caffe2 ---

    def caffe2(self, name):
        """(init_net, predict_net, x, y) of a net that Caffe2 itself ran."""
        case = numpy.load(os.path.join(NETS, name + ".npz"))
        return [case[key].tobytes() for key in ("init_net", "predict_net")] + [case["x0"], case["y0"]]

    def test_caffe2_archive(self):
        """The example of the page on serialization, with the types that it writes."""
        init_net, predict_net, x, y = self.caffe2("lenet")
        archive(self.at("net.caffe2"), {
            "init_net.pb": init_net, "predict_net.pb": predict_net,
            "input_spec.json": b'''{"inputs": [{"name": "data", "type": "uint8",
                                                "shape": [None, 1, 28, 28]}]}''',
            "output_spec.json": b'''{"outputs": [{"name": "default", "type": "uint8",
                                                  "shape": [1, 10]}]}'''})
        self.assertEqual(self.pool.call("/model/load", {"id": "net", "model_file": "net.caffe2"})[0],
                         200)
        said = self.pool.call("/model/info?id=net")[1]
        self.assertEqual(said["inputs"]["0"],
                         {"name": "data", "type": "float32", "shape": [None, 1, 28, 28]})
        self.assertEqual((said["outputs"]["0"]["name"], said["tool"]), ("default", "caffe2"))
        got = self.pool.call("/model/predict?id=net", {"data": x.tolist()})[1]["result"]["default"]
        numpy.testing.assert_allclose(got, y, rtol=2e-5, atol=2e-6)
        one = self.pool.call("/model/predict?id=net", {"data": x[:1].tolist()})[1]["result"]
        numpy.testing.assert_allclose(one["default"], y[0], rtol=2e-5, atol=2e-6)

    def test_caffe2_archive_as_printed(self):
        """Specs to the letter: a net of that shape, pixels averaged, 1,000 classes."""
        random = numpy.random.default_rng(7)
        w, b = random.normal(size=(1000, 3)).astype("f4"), random.normal(size=1000).astype("f4")
        archive(self.at("printed.caffe2"), {
            "init_net.pb": net([filled("w", w), filled("b", b)]),
            "predict_net.pb": net([
                operator("AveragePool", ["data"], ["mean"], [argument("global_pooling", integer=1)]),
                operator("FC", ["mean", "w", "b"], ["scores"]),
                operator("Softmax", ["scores"], ["softmax"])], ["data", "w", "b"], ["softmax"]),
            "input_spec.json": b'''{
  "inputs": [
    {
      "name": "data",
      "type": "uint8",
      "shape": [1, 3, 224, 224]
    }
  ]
}''',
            "output_spec.json": b'''{
  "outputs": [
    {
      "name": "default",
      "type": "uint8",
      "shape": [1, 1000]
    }
  ]
}'''})
        self.assertEqual(self.load("printed", "printed.caffe2", kind="caffe2")[0], 200)
        pixels = random.integers(0, 256, size=(1, 3, 224, 224))
        scores = numpy.exp(pixels.mean((2, 3)) @ w.T + b - (pixels.mean((2, 3)) @ w.T + b).max())
        status, got = self.pool.call("/model/predict?id=printed", {"data": pixels.tolist()})
        self.assertEqual(status, 200, got)
        numpy.testing.assert_allclose(numpy.reshape(got["result"]["default"], (1, 1000)),
                                      scores / scores.sum(), rtol=2e-3, atol=1e-6)

    def test_caffe2_by_save_model_and_by_two_files(self):
        init_net, predict_net, x, y = self.caffe2("residual")
        inputs = [{"name": "data", "type": "float32", "shape": [None, 4, 9, 9]}]
        outputs = [{"name": "scores", "type": "float32", "shape": [None, 5]}]
        firn.save_model("caffe2", (init_net, predict_net), self.at("res"), inputs, outputs)
        self.assertEqual(sorted(members_of(self.at("res.caffe2"))),
                         ["init_net.pb", "input_spec.json", "output_spec.json", "predict_net.pb"])
        self.assertEqual(self.load("res", "res.caffe2", kind="caffe2")[0], 200)
        for name, content in (("i.pb", init_net), ("p.pb", predict_net)):
            with open(self.at(name), "wb") as file:
                file.write(content)
        two = {"predict_net.pb": "p.pb", "inputs": inputs, "outputs": outputs}
        self.assertEqual(self.load("two", "i.pb", kind="caffe2", **two)[0], 200)
        for name in ("res", "two"):
            got = self.pool.call("/model/predict?id=" + name, {"data": x.tolist()})[1]["result"]
            numpy.testing.assert_allclose(got["scores"], y, rtol=2e-5, atol=2e-6)
        two["predict_net.pb"] = "/etc/passwd"
        self.assertEqual(self.refused("i.pb", kind="caffe2", **two)[:2], (400, 5))
        two["predict_net.pb"] = "line.sklearn"
        self.assertEqual(self.refused("i.pb", kind="caffe2", **two)[:2], (400, 6))

    def test_tensorrt(self):
        """Without workers nobody serves it: that is said of what the task made of the files."""
        with open(self.at("net.bin"), "wb") as file:
            file.write(b"ptrt" + bytes(100))
        with open(self.at("net.txt"), "w") as file:
            file.write("name: 'net'")
        for said in ({"framework": "c1", "deployfile": "net.txt"}, {"deployfile": "net.txt"},
                     {"framework": "Caffe", "deployfile": "net.txt"}):
            _, code, message = self.refused("net.bin", kind="tensorrt", **said)
            self.assertEqual((code, message.split(":")[0]), (6, "caffe"))
        _, code, message = self.refused("net.bin", kind="tensorrt", framework="PLAN")
        self.assertEqual((code, message.split(":")[0]), (6, "tensorrt-plan"))
        for said in ({"framework": "tf"}, {"framework": 1}, {"framework": "c1"}, {"framework": "c1", "deployfile": 2},
                     {"framework": "uff", "deployfile": "net.txt"}):
            self.assertEqual(self.refused("net.bin", kind="tensorrt", **said)[:2], (400, 13), said)
        self.assertEqual(self.refused("net.bin", kind="tensorrt", deployfile="/etc/passwd")[:2], (400, 5))
        self.assertEqual(self.load("aside", "line.sklearn", framework="tf", deployfile="/etc/passwd")[0], 200)

    # --- filters ---

    def test_image_to_class(self):
        """The page on filters: an image file goes in, the number of a class comes out."""
        from PIL import Image
        init_net, predict_net, _, _ = self.caffe2("fire")
        inputs = [{"name": "data", "type": "float32", "shape": [None, 3, 13, 13]}]
        outputs = [{"name": "default", "type": "float32", "shape": [None, 12]}]
        firn.save_model("caffe2", (init_net, predict_net), self.at("fire"), inputs, outputs)
        self.assertEqual(self.load("fire", "fire.caffe2", kind="caffe2")[0], 200)
        preset = {"input_filters": {"data": ["i_img_file_to_caffe2.ImageFileCaffe2Filter"]},
                  "output_filters": {"default": ["io_argmax.ArgMaxFilter"]}}
        self.assertEqual(self.load("kind", "fire.caffe2", kind="caffe2", **preset)[0], 200)
        rng = numpy.random.default_rng(6)
        pictures = rng.integers(0, 256, (4, 13, 13, 3), numpy.uint8)
        for i, picture in enumerate(pictures):
            Image.fromarray(picture).save(os.path.join(self.at("pictures"), "%d.png" % i))
        tensors = pictures[..., ::-1].transpose(0, 3, 1, 2).astype("f4") - 128
        scores = self.pool.call("/model/predict?id=fire", {"data": tensors.tolist()})[1]["result"]
        wanted = numpy.argmax(scores["default"], 1).ravel().tolist()
        files = [{"image_file": "%d.png" % i} for i in range(4)]
        code, said = self.pool.call("/model/predict?id=kind", {"data": files})
        self.assertEqual((code, said.get("result")), (200, {"default": wanted}), said)
        code, said = self.pool.call("/model/predict?id=kind", {"data": files[:1]})
        self.assertEqual((code, said["result"]), (200, {"default": wanted[0]}))
        with open(os.path.join(self.at("pictures"), "2.png"), "rb") as file:
            packed = base64.b64encode(file.read()).decode()
        code, said = self.pool.call("/model/predict?id=kind", {"data": [packed]})
        self.assertEqual((code, said["result"]), (200, {"default": wanted[2]}))

        fails = self.pool.fails
        for path in ("/etc/passwd", "../pool.json", "none.png"):
            self.assertEqual(fails("/model/predict?id=kind", {"data": [{"image_file": path}]})[:2],
                             (400, 52))
        with open(os.path.join(self.at("pictures"), "cut.png"), "wb") as file:
            file.write(base64.b64decode(packed)[:200])
        self.assertEqual(fails("/model/predict?id=kind", {"data": [{"image_file": "cut.png"}]})[:2],
                         (400, 55))
        self.assertEqual(fails("/model/predict?id=kind", {"data": [{"file": "0.png"}]})[:2],
                         (400, 107))
        self.assertEqual(fails("/model/predict?id=nobody", {"data": files})[:2], (404, 108))

    def test_chains_and_options(self):
        """In order, with parameters beside them, and there again after the model was loaded again."""
        chain = {"output_filters": {"total": [{"round": 1}, "io_round_int.RoundVectorFilter"]},
                 "outputs": [{"name": "total", "type": "float64", "shape": [None, 1]}]}
        self.assertEqual(self.load("rounded", "line.sklearn", **chain)[0], 200)
        wanted = numpy.rint(numpy.round(self.line.predict(self.rows), 1)).tolist()
        for _ in range(2):
            got = self.pool.call("/model/predict?id=rounded", {"main": self.rows.tolist()})[1]
            self.assertEqual(got["result"]["total"], wanted)
            self.pool.call("/model/drop?id=rounded")
            self.assertEqual(self.load("rounded", "line.sklearn", **chain)[0], 200)
        said = self.pool.call("/info/task?id=rounded")[1]
        self.assertEqual(said["output_filters"], chain["output_filters"])

    def test_filters_refused(self):
        for code, filters in ((53, {"input_filters": {"main": ["no.Filter"]}}),
                              (50, {"output_filters": {"default": ["image"]}}),
                              (1, {"output_filters": {"default": "image"}}),
                              (1, {"output_filters": ["image"]}),
                              (54, {"output_filters": {"nothing": ["io_argmax.ArgMaxFilter"]}}),
                              (54, {"output_filters": {"default": [{"round": {"digit": 2}}]}}),
                              (54, {"input_filters":
                                    {"main": ["i_img_file_to_caffe2.ImageFileCaffe2Filter"]}})):
            self.assertEqual(self.refused("line.sklearn", **filters)[:2], (400, code), filters)
        self.assertEqual(self.load("plain", "line.sklearn", output_filters={
            "default": ["o_default.DefaultFilter"]})[0], 200)

    # --- what cannot be loaded ---

    def test_attributes(self):
        fails = self.pool.fails
        self.assertEqual(fails("/model/load", method="POST")[:2], (400, 102))
        self.assertEqual(fails("/model/load", b"[]")[:2], (400, 0))
        self.assertEqual(fails("/model/load", {"model_file": "line.sklearn"})[:2], (400, 1))
        self.assertEqual(fails("/model/load", {"id": "bad"})[:2], (400, 1))
        self.assertEqual(self.refused("line.sklearn", kind="prolog")[:2], (400, 3))
        self.assertEqual(self.refused("line.sklearn", kind="onnx")[:2], (400, 2))
        self.assertEqual(self.refused("line.sklearn", kind="keras")[:2], (400, 6))
        self.assertEqual(self.refused("line.sklearn", input_filters={"main": ["no.Filter"]})[:2],
                         (400, 53))
        self.assertEqual(self.refused("line.sklearn", inputs=[{"name": "main"}])[:2], (400, 14))

    def test_paths(self):
        os.symlink("/etc/passwd", self.at("link"))
        for path in ("/etc/passwd", "../../etc/passwd", "link", "missing", "/"):
            status, code, message = self.refused(path)
            self.assertEqual((status, code), (400, 5), path)
            self.assertIn("is no file below the pool's folder", message)

    def test_archives(self):
        good = members_of(self.path)

        def bad(**changes):
            members = {name: changes.get(name.partition(".")[0], content)
                       for name, content in good.items()}
            archive(self.at("bad.sklearn"), {n: c for n, c in members.items() if c is not None})
            return self.refused("bad.sklearn")

        # without one of its files it goes by what the model says itself
        archive(self.at("short.sklearn"), {"model.jbl": good["model.jbl"]})
        self.assertEqual(self.load("short", "short.sklearn")[0], 200)
        self.assertEqual(bad(model=None)[:2], (400, 6))
        self.assertEqual(bad(input_spec=b"{")[:2], (400, 10))
        self.assertEqual(bad(input_spec=b"{}")[:2], (400, 10))
        self.assertEqual(bad(output_spec=b'{"outputs": [{"name": "y"}]}')[:2], (400, 11))
        status, code, message = bad(input_spec=json.dumps(
            {"inputs": [{"name": "main", "type": "float32", "shape": [None, 27]}]}).encode())
        self.assertEqual((status, code), (400, 6))
        self.assertIn('gives input "main" the shape [?,27], but the model has [?,28]', message)
        self.assertEqual(bad(output_spec=json.dumps(
            {"outputs": [{"name": "y", "type": "str", "shape": [None, 1]}]}).encode())[:2], (400, 6))
        self.assertEqual(bad(model=good["model.jbl"][:-40])[:2], (400, 6))
        # None, as people write it who come from Python
        archive(self.at("none.sklearn"), {**good, "input_spec.json": b'{"inputs": [{"name": "None", '
                                          b'"type": "float32", "shape": [None, 28]}]}'})
        self.assertEqual(self.load("none", "none.sklearn")[0], 200)
        self.assertEqual(self.pool.call("/model/info?id=none")[1]["inputs"]["0"]["name"], "None")

    def test_hostile_archives(self):
        good = members_of(self.path)
        for name in ("../escape", "/absolute", "a/../../b"):
            archive(self.at("bad.sklearn"), {**good, name: b"x"})
            self.assertEqual(self.refused("bad.sklearn")[:2], (400, 12), name)
        with gzip.open(self.at("bad.sklearn"), "wb", 9) as file:  # 8 GiB of zeros in the name of one
            entry = tarfile.TarInfo("model.jbl")
            entry.size = 8 << 30
            file.write(entry.tobuf())
            for _ in range(64):
                file.write(bytes(1 << 20))
        self.assertEqual(self.refused("bad.sklearn")[:2], (400, 12))
        with open(self.at("bad.sklearn"), "wb") as file:
            file.write(b"no archive at all")
        self.assertEqual(self.refused("bad.sklearn")[:2], (400, 6))

    def test_several_load_one(self):
        """One of them loads it; the others are told."""
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _: self.load("one", "line.sklearn"), range(16)))
        self.assertEqual(sorted(code for code, _ in answers), [200] + [400] * 15)
        self.assertEqual({said["errors"][0]["code"] for code, said in answers if code == 400}, {103})

    def test_foreign_pages(self):
        request = urllib.request.Request(self.pool.url + "/model/drop?id=1",
                                         headers={"Sec-Fetch-Site": "cross-site"})
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        caught.exception.close()
        self.assertEqual(self.pool.call("/model/info?id=1")[0], 200)


class Stopping(unittest.TestCase):
    def test_stop(self):
        with tempfile.TemporaryDirectory() as folder:
            pool = Pool(folder, {"id": "a", "host": "127.0.0.1", "port": 0})
            try:
                self.assertEqual(pool.fails("/command/stop", {})[:2], (400, 100))
                self.assertEqual(pool.fails("/command/stop", {"pool_id": 1})[:2], (400, 109))
                self.assertEqual(pool.call("/command/stop", {"pool_id": "a"}),
                                 (200, {"result": "accepted", "id": "a"}))
                self.assertEqual(pool.process.wait(20), 0)
            finally:
                pool.end()

    def test_versions_stay(self):
        """With a store, what a task loaded is a model like any other, and is there again."""
        with tempfile.TemporaryDirectory() as folder:
            rows = numpy.eye(3)
            model = LinearRegression().fit(rows, [1.0, 2.0, 3.0])
            firn.save_model("sklearn", model, os.path.join(folder, "m"),
                            [{"name": "x", "type": "float64", "shape": [None, 3]}],
                            [{"name": "y", "type": "float64", "shape": [None, 1]}])
            config = {"id": 1, "host": "127.0.0.1", "port": 0, "tasks": [task("m", "m.sklearn")]}
            for _ in range(2):
                pool = Pool(folder, config, "--store", os.path.join(folder, "store"))
                try:
                    client = firn.connect(pool.url)
                    self.assertEqual([v.number for v in client.models.revisions("m")], [1])
                    numpy.testing.assert_allclose(client.runtime.model("m").predict(rows),
                                                  [1.0, 2.0, 3.0])
                    client.close()
                finally:
                    self.assertEqual(pool.end(), 0)


class Saving(unittest.TestCase):
    def test_code_of_the_page(self):
        """The page on serialization, but for its import of nothing and its data."""
        with tempfile.TemporaryDirectory() as folder:
            serialized_file_name = os.path.join(folder, "model")
            features, results = numpy.random.default_rng(1).random((40, 28)), numpy.arange(40.0)
            model = LinearRegression()

            from helpers.serialization_helper import SerializationHelper
            model.fit(features, results)
            SerializationHelper.save_model(
                'sklearn',
                model,
                serialized_file_name,
                {'inputs': [{'name': 'main', 'type': 'float32', 'shape': [1, 28]}]},
                {'outputs': [{'name': 'default', 'type': 'float32', 'shape': [1, 1]}]}
            )

            made = members_of(serialized_file_name + ".sklearn")
            self.assertEqual(sorted(made), ["input_spec.json", "model.jbl", "output_spec.json"])
            self.assertEqual(json.loads(made["input_spec.json"]), INPUTS)
            self.assertEqual(json.loads(made["output_spec.json"]), OUTPUTS)

    def test_refuses(self):
        model = LinearRegression().fit([[1.0]], [1.0])
        for kind, inputs in (("sklearn", [3]), ("sklearn", [{"name": "x", "type": "f", "shape": 3}]),
                             ("prolog", INPUTS), ("sklearn", None), ("sklearn", {"inputs": []}),
                             ("sklearn", [{"name": "x", "type": "float32"}]),
                             ("sklearn", [{"name": "x", "type": "float32", "shape": [0]}]),
                             ("sklearn", INPUTS["inputs"] * 2)):
            with tempfile.TemporaryDirectory() as folder:
                with self.assertRaises(firn.FirnError, msg=inputs):
                    firn.save_model(kind, model, os.path.join(folder, "m"), inputs, OUTPUTS)
                self.assertEqual(os.listdir(folder), [])
        with self.assertRaises(firn.Unsupported):
            firn.save_model("sklearn", 3, "m", INPUTS, OUTPUTS)
        with self.assertRaises(firn.Unsupported):
            firn.save_model("caffe2", b"one net", "m", INPUTS, OUTPUTS)

    def test_forms_of_a_model(self):
        """Caffe2's nets as messages, paths or bytes; other models as their files."""
        class Message:
            def SerializeToString(self):
                return b"a net"

        class Wrapped:
            def Proto(self):
                return Message()

        class Helper:
            net, GetAllParams = Wrapped(), None

        with tempfile.TemporaryDirectory() as folder:
            at = lambda name: os.path.join(folder, name)
            os.makedirs(at("saved/variables"))
            for name in ("init", "saved/saved_model.pb", "saved/variables/variables.index"):
                with open(at(name), "wb") as file:
                    file.write(name.encode())
            for model in ((Message(), Wrapped()), {"init_net": at("init"), "predict_net": b"net"}):
                made = members_of(firn.save_model("caffe2", model, at("m"), INPUTS, OUTPUTS))
                self.assertIn(made["init_net.pb"], (b"a net", b"init"))
            with self.assertRaises(ImportError):  # a ModelHelper is exported by Caffe2 itself
                firn.save_model("caffe2", Helper(), at("n"), INPUTS, OUTPUTS)
            with self.assertRaises(firn.Unsupported):
                firn.save_model("caffe2", (1, 2), at("n"), INPUTS, OUTPUTS)
            made = members_of(firn.save_model("tensorflow", at("saved"), at("m"), INPUTS, OUTPUTS))
            self.assertEqual(made["variables/variables.index"], b"saved/variables/variables.index")
            made = members_of(firn.save_model("onnx", at("init"), at("m"), INPUTS, OUTPUTS))
            self.assertEqual(made["init"], b"init")
            made = members_of(firn.save_model("tensorrt", b"plan", at("m.tensorrt"),
                                              [{"name": "x", "type": numpy.float32, "shape": (1,)}],
                                              OUTPUTS["outputs"]))
            self.assertEqual(made["model"], b"plan")
            self.assertEqual(json.loads(made["input_spec.json"])["inputs"][0]["type"], "float32")
            self.assertFalse(os.path.exists(at("n.caffe2")))

    def test_keras(self):
        """A Keras model is its HDF5 file; the pool loads it by its extension."""
        class Model:
            def save(self, path):
                with open(path, "wb") as file:
                    file.write(b"\x89HDF")

        with tempfile.TemporaryDirectory() as folder:
            path = firn.save_model("keras", Model(), os.path.join(folder, "m"))
            self.assertEqual(os.path.basename(path), "m.keras")
            with open(path, "rb") as file:
                self.assertEqual(file.read(), b"\x89HDF")

    def test_same_bytes(self):
        model = LinearRegression().fit([[1.0]], [1.0])
        with tempfile.TemporaryDirectory() as folder:
            paths = [firn.save_model("sklearn", model, os.path.join(folder, name), INPUTS, OUTPUTS)
                     for name in "ab"]
            one, other = map(members_of, paths)
            self.assertEqual(one, other)
            self.assertEqual(*map(os.path.getsize, paths))


if __name__ == "__main__":
    unittest.main()
