# SPDX-License-Identifier: Apache-2.0
"""om.runtime's jobs, om.scripts, and omega|ml's tasks: training and functions in sandboxed workers."""

import json
import os
import shutil
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import firn
from firn.jobs import DatasetName

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODEL = os.path.join(ROOT, "tests", "fuzz", "corpus", "onnx", "gemm.onnx")

# A model of a framework of its own: the mean of y. It needs numpy alone.
ADAPTER = '''
import json
import os
from firn_worker import adapter


class Mean(adapter.Loaded):
    def __init__(self, model):
        self.path = model.path(".mean")
        with open(self.path) as file:
            self.state = json.load(file)

    def contract(self):
        return [adapter.signature("predict", [adapter.field("x", "double", [-1, 1])],
                                  [adapter.field("y", "double", [-1])])]

    def predict(self, signature, inputs):
        import numpy
        return {"y": numpy.full(len(inputs["x"]), float(self.state["mean"]))}

    def fit(self, x, y=None, shift=0.0):
        import numpy
        if len(x) != len(y):
            raise ValueError("%d rows of x, %d of y" % (len(x), len(y)))
        self.state = {"mean": float(numpy.mean(y)) + shift, "rows": len(x)}
        return {"rows": len(x)}

    def score(self, x, y=None):
        import numpy
        return -float(numpy.abs(numpy.asarray(y) - self.state["mean"]).mean())

    def save(self, folder):
        path = os.path.join(folder, os.path.basename(self.path))
        with open(path, "w") as file:
            json.dump(self.state, file)
        return path


def load(model):
    return Mean(model)
'''


# --- what jobs do; each is kept by its text ---

def add(a, b=1):
    return a + b


def shape_of(data):
    return list(data.shape)


def doubled(data):
    return data * 2


def many(x):
    import numpy

    class Tensor:  # of PyTorch, as far as it matters here
        def detach(self):
            return self

        cpu = detach

        def numpy(self):
            return x + 1

    class Sparse:
        def toarray(self):
            return x * 3

    return {"pair": (x, 2.5), "list": [x, {"deep": x[:1]}], "tensor": Tensor(), "sparse": Sparse(), "nan": float("nan"),
            "number": numpy.float32(0.5), "texts": numpy.array(["a", "b"]), "none": None}


def frame_of(x):
    import pandas
    frame = pandas.DataFrame({"a": x[:, 0], "b": ["u"] * len(x)}, index=list("xy"))
    return frame, frame["a"]


def what_cannot_be_kept(x):
    return {"x": x, "lock": object()}


def speak(om, lines):
    for i in range(lines):
        print("line %d" % i)
    om.progress(0.5, "half way")
    return lines


def put_one(om, model, name):
    import os
    import tempfile
    path = os.path.join(tempfile.mkdtemp(), "net.onnx")
    with open(path, "wb") as file:
        file.write(bytes.fromhex(model))
    om.models.put(path, name, alias="best")
    return "put"


def put_then_fail(om, model):
    import os
    import tempfile
    path = os.path.join(tempfile.mkdtemp(), "net.onnx")
    with open(path, "wb") as file:
        file.write(bytes.fromhex(model))
    om.models.put(path, "never")
    raise RuntimeError("after all")


def put_rubbish(om):
    import os
    import tempfile
    path = os.path.join(tempfile.mkdtemp(), "rubbish.onnx")
    with open(path, "wb") as file:
        file.write(b"\x00rubbish" * 10)
    om.models.put(path, "rubbish")


def rows_of(n="2"):
    import numpy
    return numpy.zeros((int(n), 1)), numpy.full(int(n), float(n))


def never_ends():
    import time
    while True:
        time.sleep(0.05)


def prints(megabytes):
    line = "x" * 999
    for _ in range(megabytes * 1000):
        print(line)
    print("the last line")


def forks():
    import os
    made = 0
    try:
        for _ in range(5000):
            if os.fork() == 0:
                import time
                time.sleep(60)
                os._exit(0)
            made += 1
    except OSError:
        pass
    return made


def eats_memory():
    kept = []
    while True:
        kept.append(bytearray(64 << 20))


def dies():
    import os
    import signal
    os.kill(os.getpid(), signal.SIGSEGV)
    os.abort()


def leaves():
    import os
    os._exit(3)


def fills_the_disk():
    import tempfile
    folder = tempfile.mkdtemp()
    with open(folder + "/large", "wb") as file:
        while True:
            file.write(bytes(16 << 20))


def returns_an_object():
    return object()


def reaches_out():
    import socket
    socket.create_connection(("127.0.0.1", 80), 1)


class Jobs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = tempfile.mkdtemp(prefix="firn-test-")
        os.chmod(cls.store, 0o711)  # where there are no namespaces workers are another user
        os.environ["FIRN_JOB_MEMORY_MAX"] = "512M"
        os.environ["FIRN_JOB_OUTPUT_MAX"] = "64M"
        cls.om = firn.connect(store=cls.store, workers=True)
        with open(MODEL, "rb") as file:
            cls.model = file.read().hex()
        for function in (add, shape_of, doubled, speak, put_one, put_then_fail, put_rubbish, never_ends, prints,
                         forks, eats_memory, dies, leaves, fills_the_disk, returns_an_object, reaches_out,
                         many, what_cannot_be_kept):
            cls.om.scripts.put(function, "t/" + function.__name__, requirements=[])
        cls.om.runtime.script("t/add").run(0).get()  # installs numpy, once

    @classmethod
    def tearDownClass(cls):
        cls.om.close()
        del os.environ["FIRN_JOB_MEMORY_MAX"], os.environ["FIRN_JOB_OUTPUT_MAX"]
        shutil.rmtree(cls.store)

    def run_script(self, name, *args, **kwargs):
        return self.om.runtime.script("t/" + name).run(*args, **kwargs)

    def fails(self, job, kind, *words):
        with self.assertRaises(kind) as caught:
            job.get(120)
        for word in words:
            self.assertIn(word, str(caught.exception))
        self.assertIn(job.status, ("FAILURE", "REVOKED"))
        return str(caught.exception)

    # --- scripts ---

    def test_a_function_gets_arguments_and_returns(self):
        job = self.run_script("add", 2, b=3)
        self.assertEqual(job.get(), 5)
        self.assertEqual((job.status, job.state, job.ready(), job.successful()), ("SUCCESS", "done", True, True))
        self.assertEqual(self.run_script("add", "a", b="b", wait=True), "ab")
        self.assertEqual(self.run_script("add", [1], b=[2]).get(), [1, 2])
        self.assertEqual(self.om.runtime.result(job.id), 5)
        self.assertIn("<Job %d script t/add@1, done>" % job.id, repr(job))
        self.assertIn("t/add@1", job._repr_html_())
        self.assertIn(job.id, [each.id for each in self.om.runtime.jobs(name="t/add@1")])

    def test_anything_comes_back(self):
        import numpy
        x = numpy.arange(6.0).reshape(2, 3)
        got = self.run_script("many", x).get(120)
        self.assertEqual(sorted(got), ["list", "nan", "none", "number", "pair", "sparse", "tensor", "texts"])
        self.assertIsInstance(got["pair"], tuple)
        self.assertEqual((got["pair"][1], got["number"], got["none"], got["nan"] != got["nan"]), (2.5, 0.5, None, True))
        for one, want in ((got["pair"][0], x), (got["list"][0], x), (got["list"][1]["deep"], x[:1]), (got["tensor"], x + 1),
                          (got["sparse"], x * 3)):
            numpy.testing.assert_array_equal(one, want)
        self.assertEqual(got["texts"].tolist(), ["a", "b"])
        self.assertEqual(self.run_script("add", (1,), (2,)).get(120), [1, 2])  # JSON has no tuples
        self.fails(self.run_script("what_cannot_be_kept", x), firn.FirnError, "cannot be kept", "object")

    def test_frames_come_back(self):
        try:
            import pandas
        except ImportError:
            self.skipTest("pandas is not installed")
        import numpy
        self.om.scripts.put(frame_of, "t/frame_of", requirements=["pandas"])
        frame, series = self.run_script("frame_of", numpy.eye(2)).get(120)
        self.assertEqual((list(frame.index), list(frame.columns), frame["b"].tolist()), (["x", "y"], ["a", "b"], ["u", "u"]))
        pandas.testing.assert_series_equal(series, frame["a"])

    def test_methods_without_an_estimator(self):
        """A model of any framework is asked by its signature."""
        import numpy
        self.own_model("asked/mean")
        model = self.om.runtime.model("asked/mean")
        self.assertEqual(model.train("predict", numpy.zeros((3, 1))).get(120).tolist(), [0.0] * 3)
        self.assertEqual(model.train("predict", {"x": numpy.zeros((1, 1))}).get(120).tolist(), [0.0])
        self.fails(model.train("predict", {"z": numpy.zeros((1, 1))}), firn.InvalidInput, 'x has no "x"')
        self.fails(model.train("transform", numpy.zeros((1, 1))), firn.Unsupported, "no method transform")

    def test_arrays_come_and_go(self):
        import numpy
        x = numpy.arange(6.0).reshape(2, 3)
        self.assertEqual(self.run_script("shape_of", x).get(), [2, 3])
        numpy.testing.assert_array_equal(self.run_script("doubled", x).get(), x * 2)
        self.om.datasets.put(x, "t/x")
        self.assertEqual(self.run_script("shape_of", DatasetName("t/x")).get(), [2, 3])

    def test_log_progress_and_events(self):
        job = self.run_script("speak", 3)
        events = list(job.follow())
        self.assertEqual([event["state"] for event in events if "state" in event][-1], "done")
        self.assertTrue(any(event.get("text") == "half way" for event in events))
        lines = [event["log"] for event in events if "log" in event]
        self.assertEqual(lines[-3:], ["line 0", "line 1", "line 2"])
        self.assertTrue(job.log().endswith("line 0\nline 1\nline 2\n"))
        self.assertEqual([event.get("state") for event in job.follow()][-1], "done")  # again, after its end
        self.assertEqual(job.refresh().progress, 1)

    def test_a_script_puts_models(self):
        job = self.run_script("put_one", self.model, "t/made")
        self.assertEqual(job.get(), "put")
        self.assertEqual([version.reference for version in job.versions], ["t/made:1"])
        self.assertEqual(self.om.models.metadata("t/made@best").number, 1)
        again = self.run_script("put_one", self.model, "t/made")
        again.get()
        self.assertTrue(again.raw["result"]["versions"][0]["unchanged"])

    def test_what_fails_leaves_no_version(self):
        self.fails(self.run_script("put_then_fail", self.model), firn.Failed, "RuntimeError: after all")
        self.assertFalse(self.om.models.exists("never"))
        self.fails(self.run_script("put_rubbish"), firn.FirnError, "what the job made for \"rubbish\"")
        self.assertFalse(self.om.models.exists("rubbish"))
        self.fails(self.run_script("returns_an_object"), firn.Failed, "cannot be kept")
        self.fails(self.run_script("add"), firn.Failed, "missing 1 required positional argument")

    def test_one_key_one_job(self):
        first = self.run_script("add", 1, key="once")
        second = self.run_script("add", 1, key="once")
        self.assertEqual(first.id, second.id)
        with self.assertRaises(firn.Conflict):
            self.run_script("add", 2, key="once")

    def test_scripts_have_revisions(self):
        one = self.om.scripts.put(add, "t/revised", requirements=[])
        self.assertEqual((one.revision, one.facts["function"]), (1, "add"))
        two = self.om.scripts.put(shape_of, "t/revised", requirements=[])
        self.assertEqual(two.reference, "t/revised@2")
        self.assertEqual(self.om.runtime.script("t/revised@1").run(1).get(), 2)
        self.assertEqual(self.om.scripts.get("t/revised@1")(4), 5)
        self.assertEqual(len(self.om.scripts.revisions("t/revised")), 2)
        self.assertEqual([each.name for each in self.om.scripts.list("t/rev*")], ["t/revised"])
        self.assertTrue(self.om.scripts.exists("t/revised") and self.om.scripts.drop("t/revised"))
        self.assertFalse(self.om.scripts.drop("t/revised", force=True))
        with self.assertRaises(firn.NotFound):
            self.om.runtime.script("t/revised").run()

    def test_a_package_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            package = os.path.join(folder, "parcel")
            os.mkdir(package)
            with open(os.path.join(package, "__init__.py"), "w") as file:
                file.write("from .inside import VALUE\n\n\ndef run(om, n):\n    return n * VALUE\n")
            with open(os.path.join(package, "inside.py"), "w") as file:
                file.write("VALUE = 7\n")
            self.om.scripts.put("pkg://" + package, "t/parcel", requirements=[])
            with self.assertRaises(firn.InvalidInput):
                self.om.scripts.put(folder, "t/none")
        self.assertEqual(self.om.runtime.script("t/parcel").run(6).get(), 42)

    # --- training ---

    def own_model(self, name):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "adapter.py"), "w") as file:
                file.write(ADAPTER)
            with open(os.path.join(folder, "state.mean"), "w") as file:
                json.dump({"mean": 0.0}, file)
            with open(os.path.join(folder, "requirements.txt"), "w") as file:
                file.write("")
            return self.om.models.put(folder, name)

    def test_fit_makes_the_next_version(self):
        import numpy
        self.own_model("mean")
        model = self.om.runtime.model("mean")
        x, y = numpy.zeros((4, 1)), numpy.array([1.0, 2, 3, 6])
        job = model.fit(x, y)
        version = job.get()
        self.assertEqual((version.reference, job.raw["method"]), ("mean:2", "fit"))
        numpy.testing.assert_array_equal(self.om.runtime.model("mean").predict(numpy.zeros((2, 1))), [3.0, 3.0])
        numpy.testing.assert_array_equal(self.om.runtime.model("mean:1").predict(numpy.zeros((2, 1))), [0.0, 0.0])
        self.assertEqual(self.om.runtime.model("mean:2").score(x, y, wait=False).get(), -1.5)
        self.om.datasets.put(x, "mean/x")
        self.om.datasets.put(y, "mean/y")
        self.assertEqual(model.fit("mean/x", "mean/y", shift=1.0, wait=True).reference, "mean:3")
        numpy.testing.assert_array_equal(self.om.runtime.model("mean").predict(numpy.zeros((1, 1))), [4.0])
        self.om.datasets.put(rows_of, "mean/rows", requirements=[])
        self.assertEqual(model.fit("mean/rows{n=8}", wait=True).reference, "mean:4")
        numpy.testing.assert_array_equal(self.om.runtime.model("mean").predict(numpy.zeros((1, 1))), [8.0])
        other = model.fit(x, y, into="other/mean", wait=True)
        self.assertEqual(other.reference, "other/mean:1")
        self.fails(model.fit(x, y[:2]), firn.Failed, "ValueError: 4 rows of x, 2 of y", "adapter.py:")
        self.fails(model.partial_fit(x, y), firn.Unsupported, "partial_fit")
        with self.assertRaises(firn.NotFound):
            self.om.runtime.model("nobody").fit(x, y)
        with self.assertRaises(firn.NotFound):
            model.fit("no/data", "mean/y")

    # --- contained ---

    def test_cancel(self):
        job = self.run_script("never_ends")
        while job.refresh().state == "queued":
            time.sleep(0.05)
        self.assertEqual(job.status, "STARTED")
        with self.assertRaises(firn.errors.Deadline):
            job.get(0.2)
        job.cancel()
        self.fails(job, firn.Conflict, "cancelled")
        self.assertEqual(job.status, "REVOKED")
        with self.assertRaises(firn.Conflict):
            job.cancel()
        job.forget()
        with self.assertRaises(firn.NotFound):
            self.om.runtime.job(job.id)

    def test_timeout(self):
        self.fails(self.run_script("never_ends", timeout=2), firn.errors.Deadline, "not done within its time")

    def test_much_output(self):
        job = self.run_script("prints", int(os.environ.get("FIRN_TEST_PRINTS_MB", "30")))
        self.assertIsNone(job.get())
        log = job.log()
        self.assertLess(len(log), 3 << 20)
        self.assertIn("lines are left out here", log)
        self.assertTrue(log.endswith("the last line\n"))

    def test_forks_are_bounded(self):
        try:
            self.assertLess(self.run_script("forks").get(120), 2000)
        except firn.Failed as error:  # each takes memory, too
            self.assertIn("of memory", str(error))
        self.assertEqual(self.run_script("add", 1).get(), 2)  # and are gone

    def test_memory_and_disk_are_bounded(self):
        self.fails(self.run_script("eats_memory"), firn.FirnError, "emory")
        self.fails(self.run_script("fills_the_disk"), firn.Failed, "OSError")

    def test_who_dies_is_tried_again(self):
        job = self.run_script("dies", attempts=2)
        self.fails(job, firn.Failed, "was given up after 2 attempts", "signal")
        self.assertEqual(job.raw["attempt"], 2)
        self.fails(self.run_script("leaves"), firn.Failed, "exit status 3")

    def test_there_is_no_network(self):
        self.fails(self.run_script("reaches_out"), firn.Failed, "Error")

    # --- the wire ---

    def ask(self, method, path, body=None, headers=None):
        request = urllib.request.Request(self.om.url + path, method=method, headers=headers or {},
                                         data=None if body is None else json.dumps(body).encode()
                                         if not isinstance(body, bytes) else body)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read()), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read()), error.headers

    def test_bad_requests(self):
        for body, code, word in (
                (b"", 400, "empty"), (b"nonsense", 400, "JSON"), (b"[]", 400, "object"), ({}, 400, "what it runs"),
                ({"script": "t/add", "model": "x"}, 400, "not both"), ({"script": 1}, 400, "no name"),
                ({"script": "none"}, 404, "none"), ({"model": "none", "method": "fit"}, 404, "none"),
                ({"model": "none"}, 400, "method"), ({"model": "none", "method": "drop"}, 400, "drop"),
                ({"script": "t/add", "timeout_ms": 0}, 400, "timeout_ms"),
                ({"script": "t/add", "attempts": "x"}, 400, "attempts"),
                ({"script": "t/add", "arguments": {"args": [{"dataset": "none"}]}}, 404, "none")):
            got, said, _ = self.ask("POST", "/api/jobs", body, {"Content-Type": "application/json"})
            self.assertEqual((got, word in said["error"]), (code, True), (body, said))
        for path, code in (("/api/jobs/0", 404), ("/api/jobs/999999", 404), ("/api/jobs/x", 404),
                           ("/api/jobs?state=odd", 400), ("/api/jobs?limit=-1", 400)):
            self.assertEqual(self.ask("GET", path)[0], code, path)
        job = self.run_script("add", 1)
        job.get()
        for name in ("..", "%2e%2e%2fevents", "none"):
            self.assertEqual(self.ask("GET", "/api/jobs/%d/output/%s" % (job.id, name))[0], 404, name)
        self.assertEqual(self.ask("POST", "/api/jobs", {"script": "t/add"}, {"Idempotency-Key": "k" * 300})[0], 400)
        for path in ("/api/jobs", "/api/v1/script/t/add/run", "/api/service/t/add"):  # a page elsewhere may not
            self.assertEqual(self.ask("POST", path, {"script": "t/add"}, {"Origin": "http://example.com"})[0], 403)

    def test_arguments_that_are_no_values(self):
        for value in ({"file": "../../job.json", "format": "json"}, {"neither": 1}):
            _, said, _ = self.ask("POST", "/api/jobs", {"script": "t/add", "arguments": {"args": [value]}})
            self.fails(self.om.runtime.job(said["id"]), firn.FirnError)

    def test_omegaml_scripts_and_tasks(self):
        code, said, _ = self.ask("POST", "/api/v1/script/t/add/run?b=x", "a")
        self.assertEqual((code, said["script"], said["result"]), (200, "t/add", "ax"))
        self.assertTrue(said["runtimes"] >= 0 and said["started"] <= said["ended"])
        code, said, headers = self.ask("POST", "/api/v1/script/t/add/run", 1, {"async": "true"})
        self.assertEqual((code, said["result"]), (202, "pending"))
        place = headers["Location"]
        self.om.runtime.job(said["task_id"]).get()
        code, said, _ = self.ask("GET", place)
        self.assertEqual((code, said["status"], said["response"]["result"]), (200, "SUCCESS", 2))
        self.assertEqual(self.ask("GET", place.replace("result", "status"))[1]["status"], "SUCCESS")
        code, said, _ = self.ask("POST", "/api/v1/script/t/add/run")
        self.assertEqual((code, "missing 1 required" in said["message"]), (500, True))
        job = self.run_script("add")
        job.wait()
        code, said, _ = self.ask("GET", "/api/v1/task/%d/result" % job.id)
        self.assertEqual((code, said["status"], "missing 1" in said["message"]), (500, "FAILURE", True))
        self.assertEqual(self.ask("GET", "/api/v1/task/99999/result")[0], 404)
        self.assertEqual(self.ask("POST", "/api/v1/script/none/run")[0], 404)
        job = self.run_script("never_ends")
        code, said, _ = self.ask("GET", "/api/v1/task/%d/result" % job.id)
        self.assertEqual((code, said["response"]), (200, {"result": None}))
        self.assertEqual(self.ask("DELETE", "/api/v1/task/%d" % job.id)[0], 200)
        self.assertEqual(job.wait(30).status, "REVOKED")

    def test_omegaml_training(self):
        self.own_model("om/mean")
        code, said, _ = self.ask("PUT", "/api/v1/model/om/mean/fit",
                                 {"columns": ["a"], "data": {"a": [1, 2]}, "shape": [1], "y": [2.0, 4.0]})
        self.assertEqual((code, said.get("version"), "name=om/mean" in said["result"]), (200, 2, True), said)
        code, said, _ = self.ask("PUT", "/api/v1/model/om/mean/score",
                                 {"columns": ["a"], "data": [{"a": 1}], "shape": [1], "y": [2.0]})
        self.assertEqual((code, said["result"]), (200, -1.0))
        code, said, headers = self.ask("PUT", "/api/v1/model/om/mean/predict?async=1",
                                       {"columns": ["x"], "data": {"x": [1, 2, 3]}})
        self.assertEqual(code, 202, said)
        said = self.ask("GET", headers["Location"])[1]
        self.assertEqual((said["status"], said["response"]["result"]), ("SUCCESS", [3, 3, 3]))
        self.assertEqual(self.ask("PUT", "/api/v1/model/om/mean/fit")[0], 400)
        self.assertEqual(self.ask("PUT", "/api/v1/model/om/none/fit", {"data": [[1]]})[0], 404)
        self.assertEqual(self.ask("PUT", "/api/v1/model/om/mean/fit?datax=none")[0], 404)


    def test_omegaml_services(self):
        code, said, _ = self.ask("POST", "/api/service/t/add?b=x", "a")
        self.assertEqual((code, said), (200, {"data": "ax"}))
        self.assertEqual(self.ask("POST", "/api/v1/service/t/add/run", 1)[:2], (200, {"data": 2}))
        self.own_model("service/mean")
        code, said, _ = self.ask("PUT", "/api/service/service/mean", {"x": [[1.0], [2.0]]})
        self.assertEqual((code, said), (200, [0.0, 0.0]))
        self.assertEqual(self.ask("PUT", "/api/service/service/mean/predict", {"data": {"x": [[1.0]]}})[1], [0.0])
        self.assertEqual(self.ask("PUT", "/api/service/service/mean", {"x": ["no"]})[0], 400)
        self.assertEqual(self.ask("PUT", "/api/service/service/mean")[0], 400)
        self.assertEqual(self.ask("POST", "/api/service/none", 1)[0], 404)
        code, said, _ = self.ask("GET", "/api/service/service/mean/doc")
        self.assertEqual((code, said["swagger"]), (200, "2.0"))
        self.assertEqual(said["definitions"]["service_mean_X"]["properties"]["x"]["type"], "array")
        self.assertIn("/api/service/service/mean", said["paths"])
        self.assertEqual(self.ask("GET", "/api/service/t/add/doc")[0], 200)
        self.assertEqual(self.ask("GET", "/api/service/none/doc")[0], 404)
        code, said, headers = self.ask("PUT", "/api/service/service/mean?async=1", {"x": [[1.0]]})
        self.assertEqual(code, 202)
        self.assertEqual(self.ask("GET", headers["Location"])[1]["response"], [0.0])


class Off(unittest.TestCase):
    def test_without_workers_nothing_runs(self):
        with tempfile.TemporaryDirectory() as store, firn.connect(store=store, workers=False) as om:
            om.scripts.put(add, "add", requirements=[])
            with self.assertRaises(firn.Unavailable) as caught:
                om.runtime.script("add").run(1)
            self.assertIn("--workers on", str(caught.exception))
            self.assertEqual(om.runtime.jobs(), [])


if __name__ == "__main__":
    unittest.main()
