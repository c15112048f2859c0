#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Python models from a folder to an answer: `firn serve --workers on`, `firn upload`, requests over HTTP, and what goes
wrong on the way. The answers are computed here from the same numbers. The last line is
"python models: N passed, N failed"."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FIRN = pathlib.Path(os.environ.get("FIRN", ROOT / "build" / "firn")).resolve()
PASSED, FAILED = [], []


def check(name, ok, shown=""):
    (PASSED if ok else FAILED).append(name)
    if not ok:
        print("FAILED %s: %s" % (name, str(shown)[:1500]))


class Server:
    def __init__(self, store, *options):
        self.store, self.log = store, open(str(store) + ".log", "w+")
        self.process = subprocess.Popen([str(FIRN), "serve", "--store", str(store), "--http", "127.0.0.1:0", *options],
                                        stdout=subprocess.PIPE, stderr=self.log)
        ready = self.process.stdout.readline().decode().split()
        if not ready:
            self.process.wait()
            self.log.seek(0)
            raise RuntimeError(self.log.read())
        self.url = ready[1]

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as why:
            return why.code, json.loads(why.read() or b"null")

    def infer(self, model, inputs):
        """(status, {output: flat list}) or (status, the error's text)"""
        rows = [{"name": name, "datatype": kind, "shape": list(shape), "data": data}
                for name, (kind, shape, data) in inputs.items()]
        status, body = self.call("POST", "/v2/models/%s/infer" % model, {"inputs": rows})
        if status != 200:
            return status, body.get("error", body)
        return status, {row["name"]: row["data"] for row in body["outputs"]}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        check("the server ends well", code == 0, code)
        self.log.seek(0)
        return self.log.read()


def model(folder, name, source, manifest, **files):
    place = pathlib.Path(folder, name)
    (place / "src").mkdir(parents=True)
    (place / "src" / "func_main.py").write_text(textwrap.dedent(source))
    (place / "serving.yaml").write_text(textwrap.dedent(manifest))
    for path, text in files.items():
        target = place / path.replace("__", "/").replace("_txt", ".txt").replace("_py", ".py")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return place


def firn(*arguments, **more):
    return subprocess.run([str(FIRN), *map(str, arguments)], capture_output=True, text=True, timeout=900, **more)


def upload(server, place, *options):
    done = firn("upload", place, "--server", server.url, *options)
    return done.returncode, done.stdout + done.stderr


SUM = """
kind: Model
name: {name}
{extra}
contract:
  {signature}:
    inputs:
      x: {{shape: [-1, 2], type: double}}
    outputs:
      y: {{shape: [-1], type: double}}
"""

MESSAGES = """
    import numpy as np
    import hydro_serving_grpc as hs
    WEIGHTS = np.loadtxt("/model/files/weights.txt")          # loaded at import, as the documents show
    def infer(x):
        data = np.array(x.double_val).reshape([dim.size for dim in x.tensor_shape.dim])
        y = hs.TensorProto(dtype=hs.DT_DOUBLE, double_val=(data @ WEIGHTS).flatten().tolist(),
                           tensor_shape=hs.TensorShapeProto(dim=[hs.TensorShapeProto.Dim(size=-1)]))
        return hs.PredictResponse(outputs={"y": y})
    """


def journeys(server, folder):
    """Journey 2: a model of one's own, of the first generation; and its later form with numpy and a dict."""
    place = model(folder, "linear", MESSAGES, SUM.format(name="linear", extra="model-type: python:3.6", signature="infer"),
                  weights_txt="2 3\n")
    code, text = upload(server, place)
    check("upload of the first generation", code == 0 and "linear:1" in text, text)
    status, got = server.infer("linear", {"x": ("FP64", (2, 2), [1, 1, 1, 2])})
    check("messages", (status, got) == (200, {"y": [5, 8]}), (status, got))
    manifest = pathlib.Path(folder, "linear.yaml")
    manifest.write_text("kind: Application\nname: linear_app\nsingular:\n  model: linear:1\n  runtime: none:latest\n")
    done = firn("apply", "-f", manifest, "--server", server.url)
    check("its application", done.returncode == 0, done.stdout + done.stderr)
    server.call("POST", "/v2/repository/models/linear_app/load")
    status, got = server.call("POST", "/api/v1/applications/serve/linear_app/infer", {"x": [[1, 1], [1, 2]]})
    check("by the path of the first generation", (status, got) == (200, {"y": [5, 8]}), (status, got))
    status, got = server.call("POST", "/gateway/application/linear_app", {"x": [[1, 1], [1, 2]]})
    check("by the path of the third", (status, got) == (200, {"y": [5, 8]}), (status, got))
    code, text = upload(server, place)
    check("nothing changed, no version", "unchanged" in text, text)
    place = model(folder, "later", """
        import numpy as np
        from lib.weights import WEIGHTS
        def infer(x):
            return {"y": x @ np.array(WEIGHTS)}
        """, SUM.format(name="linear", extra="runtime: hydrosphere/serving-runtime-python-3.7:3.0.0", signature="infer"),
                  src__lib__weights_py="WEIGHTS = [2.0, 3.0]", requirements_txt="# nothing but a remark\n")
    code, text = upload(server, place)
    check("upload of the third generation", code == 0 and "linear:2" in text, text)
    status, got = server.infer("linear", {"x": ("FP64", (2, 2), [1, 1, 1, 2])})
    check("values", (status, got) == (200, {"y": [5, 8]}), (status, got))
    status, got = server.infer("linear", {"x": ("FP64", (0, 2), [])})
    check("no rows", (status, got) == (200, {"y": []}), (status, got))


def pipeline(server, folder):
    """Journey 1: three models, the middle one native in the original and here stateful, as one application."""
    field = "      {0}: {{shape: [{1}], type: double}}\n"
    stages = [("before", "normalize", """
        import hydro_serving_grpc as hs
        def normalize(data):
            largest = max(data.double_val)
            shape = hs.TensorShapeProto(dim=[hs.TensorShapeProto.Dim(size=n) for n in (1, 1, 24)])
            return hs.PredictResponse(outputs={"data": hs.TensorProto(
                dtype=hs.DT_DOUBLE, double_val=[float(x) / largest for x in data.double_val], tensor_shape=shape)})
        """, "data", "24", {"data": "1, 1, 24"}),
              ("middle", "predict", """
        state = [0.0]
        def predict(data):
            state[0] = 0.5 * state[0] + float(data.mean())
            return {"result": data.reshape(24) * state[0]}
        """, "data", "1, 1, 24", {"result": "24"}),
              ("after", "detect", """
        import hydro_serving_grpc as hs
        def detect(result):
            print(result)
            anomaly = hs.TensorProto(dtype=hs.DT_BOOL, bool_val=[any(v < 0.05 for v in result.double_val)])
            return hs.PredictResponse(outputs={"result": result, "anomaly": anomaly})
        """, "result", "24", {"result": "24"})]
    for name, function, source, input, shape, outputs in stages:
        text = "kind: Model\nname: %s\nmodel-type: python:3.6\ncontract:\n  %s:\n    inputs:\n" % (name, function)
        text += field.format(input, shape) + "    outputs:\n" + "".join(field.format(n, s) for n, s in outputs.items())
        text += "      anomaly: {shape: scalar, type: bool}\n" if name == "after" else ""
        code, said = upload(server, model(folder, name, source, text))
        check("upload of " + name, code == 0, said)
    manifest = pathlib.Path(folder, "app.yaml")
    manifest.write_text("kind: Application\nname: demo_lstm\npipeline:\n" + "".join(
        "  - signature: %s\n    model: %s:1\n    runtime: none:latest\n" % (function, name)
        for name, function, *_ in stages))
    done = firn("apply", "-f", manifest, "--server", server.url)
    check("application", done.returncode == 0, done.stdout + done.stderr)
    server.call("POST", "/v2/repository/models/demo_lstm/load")
    for want in (1.0, 1.5):
        status, got = server.infer("demo_lstm", {"data": ("FP64", (24,), [3] * 24)})
        ok = status == 200 and got["result"] == [want] * 24 and got["anomaly"] == [False]
        check("pipeline, with its state", ok, (status, got))


def requirements(server, folder):
    source = "import colorama\ndef infer(x):\n    return {'y': x.sum(axis=1) + len(colorama.Fore.RED)}\n"
    place = model(folder, "needy", source, SUM.format(name="needy", extra="", signature="infer"),
                  requirements_txt="colorama==0.4.6\n")
    code, text = upload(server, place)
    check("requirements are installed", code == 0, text)
    status, got = server.infer("needy", {"x": ("FP64", (1, 2), [1, 2])})
    check("requirements are used", (status, got) == (200, {"y": [8]}), (status, got))
    log = firn("show", "needy", "--log", "--server", server.url)
    check("the log is kept", "colorama" in log.stdout and "pip install" in log.stdout, log.stdout + log.stderr)
    (place / "requirements.txt").write_text("colorama==99.99.99\n")
    code, text = upload(server, place)
    check("a failing install fails the upload", code != 0 and "99.99.99" in text and "ended with 1" in text, text)
    check("its log is shown as it comes", "pip install -r requirements.txt\n" in text, text)
    done = firn("list", "needy", "--server", server.url, "--json")
    check("no version of it", [row["version"] for row in json.loads(done.stdout)] == [1], done.stdout)
    place = model(folder, "command", source, SUM.format(
        name="command", extra="install-command: pip install -r deep/wanted.txt && echo from the command", signature="infer"),
                  deep__wanted_txt="colorama==0.4.6\n")
    code, text = upload(server, place)
    status, got = server.infer("command", {"x": ("FP64", (1, 2), [1, 2])})
    check("install-command", code == 0 and (status, got) == (200, {"y": [8]}), (text, status, got))
    (place / "serving.yaml").write_text(SUM.format(name="command", extra="install-command: echo why not; exit 7",
                                                   signature="infer"))
    code, text = upload(server, place)
    places = [model(folder, "same%d" % i, source, SUM.format(name="same%d" % i, extra="", signature="infer"),
                    requirements_txt="colorama==0.4.6  # of both\n") for i in range(2)]
    before = set(os.listdir(server.store / "environments"))
    both = [subprocess.Popen([str(FIRN), "upload", str(place), "--server", server.url], stderr=subprocess.PIPE,
                             stdout=subprocess.PIPE) for place in places]
    said = [one.communicate()[1].decode() for one in both]
    made = [name for name in set(os.listdir(server.store / "environments")) - before if not name.endswith(".lock")]
    check("two at once build once", len(made) == 1 and sorted("pip install" in text for text in said) == [False, True],
          (made, said))
    check("a failing command", code != 0 and "why not" in text and "ended with 7" in text, text)


WRONG = """
    import os, sys
    import numpy as np
    def infer(x):
        how = int(x[0, 0])
        if how == 1: return {"z": x[:, 0]}
        if how == 2: return {"y": x[:, 0].astype("float32")}
        if how == 3: return {"y": x}
        if how == 4: return None
        if how == 5: raise KeyError("nothing of this name")
        if how == 6: sys.exit(3)
        if how == 7: os._exit(5)
        if how == 8:
            for i in range(100000): print("a line of something that nobody reads", i)
        if how == 9: os.abort()
        if how == 10: open("/etc/shadow").read()
        if how == 11:
            import socket
            socket.create_connection(("127.0.0.1", 1))
        return {"y": x[:, 1]}
    """


def wrong(server, folder):
    code, text = upload(server, model(folder, "wrong", WRONG, SUM.format(name="wrong", extra="", signature="infer")))
    check("upload of what goes wrong", code == 0, text)
    for how, wanted in [(1, "it returned no \"y\", but \"z\""), (2, "output \"y\" is float32 of shape [1], the contract says"),
                        (3, "of shape [1,2], the contract says double of shape [-1]"), (4, "it returned None"),
                        (5, "raised KeyError"), (6, "called sys.exit(3)"), (7, "5"), (8, None), (9, ""),
                        (10, "raised "), (11, "raised ")]:
        status, got = server.infer("wrong", {"x": ("FP64", (1, 2), [how, 42])})
        if wanted is None:
            check("wrong %d" % how, (status, got) == (200, {"y": [42]}), (status, got))
        else:
            check("wrong %d" % how, status >= 500 and wanted in str(got), (status, got))
        if how == 5:
            status, got = server.call("POST", "/gateway/servable/wrong:1", {"x": [[how, 42]]})
            check("wrong by another path", status >= 500 and "KeyError" in str(got), (status, got))
        status, got = server.infer("wrong", {"x": ("FP64", (1, 2), [0, 42])})
        check("the next request, after %d" % how, (status, got) == (200, {"y": [42]}), (status, got))
    for name, source, manifest, wanted in [
            ("nofunction", "def other(x): pass\n", SUM.format(name="nofunction", extra="", signature="infer"),
             "has no function"),
            ("noparameter", "def infer(a): pass\n", SUM.format(name="noparameter", extra="", signature="infer"),
             "function infer(a)"),
            ("nocontract", "def infer(x): pass\n", "kind: Model\nname: nocontract\n", "contract"),
            ("unreadable", "def infer(x:\n", SUM.format(name="unreadable", extra="", signature="infer"), "src/func_main.py")]:
        code, text = upload(server, model(folder, name, source, manifest))
        check(name, code != 0 and wanted in text, text)
        check(name + " made no version", server.call("GET", "/api/models/" + name)[0] == 404)


def estimators(server, folder):
    """scikit-learn through a worker where firn refuses, with its own answers beside it."""
    import joblib
    import numpy as np
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import PairwiseKernel

    x = np.random.RandomState(0).rand(30, 3)
    fitted = GaussianProcessRegressor(PairwiseKernel(metric="rbf"), optimizer=None).fit(x, x.sum(axis=1))
    path = pathlib.Path(folder, "gp.joblib")
    joblib.dump(fitted, path)
    said = json.loads(firn("inspect", "--json", path).stdout)
    if said["native"]:
        print("SKIPPED scikit-learn through a worker: that kernel is native now")
        return
    manifest = pathlib.Path(folder, "gp.yaml")
    manifest.write_text("kind: Model\nname: gp\ncontract:\n  predict:\n    inputs:\n      x: {shape: [-1, 3], type: double}\n"
                        "    outputs:\n      predict: {shape: [-1], type: double}\n")
    code, text = upload(server, path, "--manifest", manifest)
    check("upload of an estimator", code == 0, text)
    rows = x[:4] + 0.1
    status, got = server.infer("gp", {"x": ("FP64", (4, 3), rows.reshape(-1).tolist())})
    same = status == 200 and np.allclose(got["predict"], fitted.predict(rows), rtol=1e-12, atol=0)
    check("an estimator's answers", same, (status, got, fitted.predict(rows).tolist()))


def groups_of(pid):
    """Control groups that a server has made."""
    return sorted(os.path.join(where, name) for where, names, _ in os.walk("/sys/fs/cgroup") for name in names
                  if name.startswith("firn-") and name.split("-")[2:3] == [str(pid)])


BURN = """
    import time
    def infer(x):
        began, cpu = time.monotonic(), time.process_time()
        while time.process_time() - cpu < x[0, 0]:
            pass
        return {"y": x[:, 0] * 0 + time.monotonic() - began}
    """


def processor(folder):
    """worker_cpu_percent: at 20 % of a core, 0.4 s of processor time take nearly 2 s, on a machine of any load."""
    server = Server(pathlib.Path(folder, "slow"), "--workers", "on", "--set", "worker_cpu_percent=20")
    code, text = upload(server, model(folder, "burn", BURN, SUM.format(name="burn", extra="", signature="infer")))
    check("upload of what takes time", code == 0, text)
    status, got = server.infer("burn", {"x": ("FP64", (1, 2), [0.4, 0])})
    status_of_few, few = server.infer("burn", {"x": ("FP64", (1, 2), [0.001, 0])})
    log = server.stop()
    if "worker_cpu_percent has no effect" in log:
        print("SKIPPED worker_cpu_percent: there is no control group with cpu")
        return
    check("worker_cpu_percent holds", status == 200 and got["y"][0] > 1.7, (status, got))
    check("what takes little is not held back for long", status_of_few == 200 and few["y"][0] < 2, (status_of_few, few))
    print("0.4 s of processor time at 20 %%: %.2f s" % got["y"][0])
    os.environ["FIRN_WORKER_CGROUP"] = "none"
    log = Server(pathlib.Path(folder, "slow"), "--workers", "on", "--set", "worker_cpu_percent=20").stop()
    del os.environ["FIRN_WORKER_CGROUP"]
    check("without groups it says so", "worker_cpu_percent has no effect" in log and "not wanted" in log, log)


def killed(folder):
    """What a server that is killed leaves, the next one removes."""
    server = Server(pathlib.Path(folder, "store"), "--workers", "on")
    status, got = server.infer("wrong", {"x": ("FP64", (1, 2), [0, 42])})
    check("a model of the store answers", (status, got) == (200, {"y": [42]}), (status, got))
    made = groups_of(server.process.pid)
    server.process.kill()
    server.process.wait()
    again = Server(pathlib.Path(folder, "store"), "--workers", "on")
    if made:
        check("its groups are gone", not groups_of(server.process.pid), groups_of(server.process.pid))
    else:
        print("SKIPPED groups that a killed server leaves: there are no control groups")
    again.stop()
    check("nor do those of one that ends well stay", not groups_of(again.process.pid), groups_of(again.process.pid))


def not_allowed(folder):
    """Without --workers everything refuses, and says how it is allowed."""
    server = Server(pathlib.Path(folder, "closed"))
    place = pathlib.Path(folder, "linear")
    code, text = upload(server, place)
    check("stored without workers", code == 0 and "--workers on" in text, text)
    status, got = server.infer("linear", {"x": ("FP64", (1, 2), [1, 1])})
    check("not served without workers", status in (422, 503) and "--workers on" in str(got), (status, got))
    server.stop()
    done = firn("predict", place, "--input", "/dev/null")
    check("nor here", done.returncode == 6 and "--workers" in done.stderr, done.stderr)
    x = pathlib.Path(folder, "x.json")
    x.write_text(json.dumps({"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 2], "data": [1, 1]}]}))
    done = firn("predict", place, "--workers", "--input", x, "--json")
    check("predict --workers", done.returncode == 0 and json.loads(done.stdout)["outputs"][0]["data"] == [5],
          done.stdout + done.stderr)


def main():
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o711)  # where there are no namespaces workers are another user
    try:
        os.environ["XDG_CACHE_HOME"] = os.path.join(folder, "cache")
        try:
            server = Server(pathlib.Path(folder, "store"), "--workers", "on")
        except RuntimeError as why:
            if "workers need a sandbox" not in str(why):
                raise
            print("SKIPPED python models: no sandbox here: %s" % str(why).splitlines()[1:2])
            return 0
        for part in (journeys, pipeline, requirements, wrong, estimators):
            if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
                part(server, folder)
        log = server.stop()
        check("what models print is in the log", "wrong" not in sys.argv[1:] or "a line of something" in log, log[-500:])
        if len(sys.argv) < 2 or "killed" in sys.argv[1:]:
            killed(folder)
        if len(sys.argv) < 2 or "processor" in sys.argv[1:]:
            processor(folder)
        if len(sys.argv) < 2 or "not_allowed" in sys.argv[1:]:
            not_allowed(folder)
    finally:
        shutil.rmtree(folder)
    print("python models: %d passed, %d failed" % (len(PASSED), len(FAILED)))
    return 1 if FAILED or not PASSED else 0


sys.exit(main())
