#!/usr/bin/env python3
"""The clients of Hydrosphere as they were published, against firn: hs 3.0.3, hs 2.4.0, hydrosdk 3.0.3.

    scripts/python tests/oracles/hydrosphere_clients.py            all
    scripts/python tests/oracles/hydrosphere_clients.py hs3 sdk    some

Each in its own environment (scripts/client). A model of scikit-learn, one of Keras and one in Python are
uploaded, composed and asked, and every answer compared with the framework's own.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from common import FIRN, ROOT

COLUMNS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.1, 4.7, 1.5], [7.2, 3.0, 5.8, 1.6]]
passed = failed = 0


def check(name, good, *told):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"FAILED {name}:", *told)


def same(name, got, want):
    check(name, got == want, f"got {got!r}, not {want!r}")


def client(name, *arguments, home=None, folder=None):
    """Exit code and output of a client's program."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FIRN_", "HYDROSERVING_"))}
    environment.update(HOME=str(home or ROOT), PIP_DISABLE_PIP_VERSION_CHECK="1", LC_ALL="C.UTF-8", LANG="C.UTF-8")
    program = ROOT / "build" / "clients" / name / "bin" / arguments[0]
    done = subprocess.run([str(program), *arguments[1:]], env=environment, cwd=folder, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def prepare(name):
    """Make the environment of a client; False, after SKIPPED, when its Python is not here."""
    done = subprocess.run([str(ROOT / "scripts" / "client"), name, "python", "-c", ""], capture_output=True, text=True)
    if done.returncode == 77:
        print(done.stdout.strip())
        return False
    check(f"{name}: its environment", done.returncode == 0, done.stderr[-2000:])
    return done.returncode == 0


@contextmanager
def server(folder, *options):
    process = subprocess.Popen([str(FIRN), "serve", "--store", str(folder), "--http", "127.0.0.1:0", *options],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process.stdout.readline().split()[1]
    finally:
        process.terminate()
        check("the server ends with 0", process.wait(30) == 0)


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=60) as answer:
        return json.load(answer)


# --- three models, with manifests that every generation since the second reads ---

MANIFEST = """kind: Model
name: {name}
runtime: hydrosphere/serving-runtime-python-3.8:{tag}
install-command: "true"
payload:
  - {payload}
contract:
  name: predict
  inputs:
{inputs}
  outputs:
{outputs}
metadata:
  author: somebody
"""


def field(name, shape, dtype, profile):
    return f"    {name}:\n      shape: {shape}\n      type: {dtype}\n      profile: {profile}"


def write(folder, name, tag, payload, inputs, outputs):
    (folder / "serving.yaml").write_text(MANIFEST.format(name=name, tag=tag, payload=payload, inputs="\n".join(inputs),
                                                         outputs="\n".join(outputs)))


def make_models(folder, tag):
    """name: (folder, request, answer)"""
    models = {}
    iris = folder / "iris"
    iris.mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "iris.joblib", iris / "model.joblib")
    shutil.copy(ROOT / "examples" / "iris.csv", iris / "iris.csv")
    write(iris, "iris", tag, "model.joblib", [field(c, "[-1]", "double", "numerical") for c in COLUMNS],
          [field("predict", "[-1]", "string", "text")])
    models["iris"] = (iris, {c: list(v) for c, v in zip(COLUMNS, zip(*ROWS))}, {"predict": IRIS})
    rows = folder / "rows"
    (rows / "src").mkdir(parents=True)
    (rows / "src" / "func_main.py").write_text(
        "import numpy as np\n\n\ndef predict(x):\n    return {\"y\": np.asarray(x).sum(axis=1)}\n")
    write(rows, "rows", tag, "src", [field("x", "[-1, 2]", "double", "numerical")], [field("y", "[-1]", "double", "numerical")])
    models["rows"] = (rows, {"x": [[1, 2], [3, 4.5]]}, {"y": [3, 7.5]})
    line = folder / "line"
    line.mkdir()
    shutil.copy(KERAS / "model.h5", line / "model.h5")
    write(line, "line", tag, "model.h5", [field("x", "[-1, 2]", "float32", "numerical")], [field("y", "[-1, 1]", "float32", "numerical")])
    models["line"] = (line, {"x": [[1, 1], [2, -1]]}, {"y": LINE})
    return models


REFERENCE = """
import json, os, sys
os.environ.setdefault("KERAS_BACKEND", "jax")
import joblib, keras, numpy, pandas
iris, folder, columns, rows = sys.argv[1], sys.argv[2], *map(json.loads, sys.argv[3:])
predicted = [str(v) for v in joblib.load(iris).predict(pandas.DataFrame(rows, columns=columns))]
keras.utils.set_random_seed(3)
x = keras.Input((2,), name="x")
model = keras.Model(x, keras.layers.Dense(1, name="y")(x))
model.save(folder + "/model.h5")
print(json.dumps([predicted, numpy.asarray(model(numpy.array([[1, 1], [2, -1]], "float32"))).tolist()]))
"""


def reference(folder):
    """What the frameworks answer; the Keras model in `folder`. In a process of its own: files here have their names."""
    done = subprocess.run([sys.executable, "-c", REFERENCE, str(ROOT / "examples" / "iris.joblib"), str(folder), json.dumps(COLUMNS),
                           json.dumps(ROWS)], cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def check_answer(name, url, request, want):
    answer = ask(url, request)
    good = answer.keys() == want.keys() and all(
        np.allclose(answer[k], want[k], 1e-6, 1e-6) if not isinstance(want[k][0], str) else answer[k] == want[k] for k in want)
    check(name, good, answer, want)


# --- hs ---

def hs(version):
    """apply, app, model, servable, cluster, profile of `hs`."""
    name, tag = ("hs3", "3.0.3") if version == 3 else ("hs2", "2.4.0")
    options = ["--workers", "on"] + ([] if version == 3 else ["--set", "hydrosphere_generation=2"])
    with tempfile.TemporaryDirectory() as temporary:
        folder, home = Path(temporary), Path(temporary) / "home"
        home.mkdir()
        models = make_models(folder / "models", tag)
        with server(folder / "store", *options) as url:
            def call(what, *arguments, at=None, fails=False):
                code, output = client(name, "hs", *arguments, home=home, folder=at or folder)
                check(f"{name} {what}", (code != 0) == fails, f"exit {code}:", output[-1500:])
                return output

            if version == 3:
                call("cluster add", "cluster", "add", "--name", "here", "--server", url)
            else:  # hs 2.4.0 cannot start without a configuration, not even to make one
                call("without a configuration", "cluster", "list", fails=True)
                (home / ".hs-home").mkdir(exist_ok=True)
                (home / ".hs-home" / "config.yaml").write_text(json.dumps(
                    {"kind": "Config", "clusters": [{"cluster": {"server": url}, "name": "here"}], "current-cluster": "here"}))
            check(f"{name} cluster list", url in call("cluster list", "cluster", "list"))
            check(f"{name} cluster", "here" in call("cluster", "cluster"))
            if version == 2:
                check("hs2 cluster buildinfo", call("cluster buildinfo", "cluster", "buildinfo").count("firn") == 3)
            for model, (at, request, want) in models.items():
                hs_model(name, version, call, url, model, at, request, want)
            hs_fails(name, call, folder, tag)
            hs_rest(name, version, call, url, models)


def hs_fails(name, call, folder, tag):
    """An install that fails, fails what uploaded it; what was printed was seen."""
    at = folder / "fails"
    (at / "src").mkdir(parents=True)
    (at / "src" / "func_main.py").write_text("def predict(x):\n    return {'y': x}\n")
    write(at, "fails", tag, "src", [field("x", "[-1]", "double", "numerical")], [field("y", "[-1]", "double", "numerical")])
    manifest = (at / "serving.yaml").read_text().replace('"true"', '"echo one; exit 3"')
    (at / "serving.yaml").write_text(manifest)
    output = call("apply of a failing install", "apply", "-f", "serving.yaml", at=at, fails=True)
    check(f"{name} apply of a failing install: the log", "\none\n" in output and "install-command ended with 3" in output, output[-1500:])
    check(f"{name} apply of a failing install: nothing was applied", "was applied" not in output, output[-1500:])


def hs_model(name, version, call, url, model, at, request, want):
    output = call(f"apply {model}", "apply", "-f", "serving.yaml", at=at)
    check(f"{name} apply {model}: says so", (f"{model}:1 was applied" if version == 3 else '"status": "Released"') in output, output[-800:])
    check(f"{name} apply {model}: the log", f"is version 1 of {model}" in output, output[-800:])
    check_answer(f"{name} servable {model}", f"{url}/gateway/servable/{model}:1", request, want)
    (at / "app.yaml").write_text(f"kind: Application\nname: {model}-app\nsingular:\n  model: {model}:1\n")
    call(f"apply application {model}", "apply", "-f", "app.yaml", at=at)
    check_answer(f"{name} application {model}", f"{url}/gateway/application/{model}-app", request, want)
    call(f"apply application {model} again", "apply", "-f", "app.yaml", at=at)
    check_answer(f"{name} application {model} again", f"{url}/gateway/application/{model}-app", request, want)


def hs_rest(name, version, call, url, models):
    iris = models["iris"][0]
    listed, applications = call("model list", "model", "list"), call("app list", "app", "list")
    for model in models:
        check(f"{name} model list: {model}", any(f" {model} " in line and "Released" in line and f"{model}-app" in line
                                                 for line in listed.splitlines()), listed)
        check(f"{name} app list: {model}", f"{model}-app" in applications)
        check(f"{name} model logs: {model}", f"is version 1 of {model}" in call("model logs", "model", "logs", f"{model}:1"))
    check(f"{name} servable list", call("servable list", "servable", "list").upper().count("SERVING") >= 3)
    call("servable deploy", "servable", "deploy", "iris:1")
    deployed = [s["fullName"] for s in ask(url + "/api/v2/servable") if s["modelVersion"]["model"]["name"] == "iris"]
    same(f"{name} servable deploy: there are two", len(deployed), 2)
    call("servable logs", "servable", "logs", deployed[0])
    call("servable rm", "servable", "rm", *(["-y"] if version == 3 else []), deployed[0])
    (iris / "pods.yaml").write_text("kind: DeploymentConfiguration\nname: big\ndeployment:\n  replicaCount: 2\n")
    call("apply deployment configuration", "apply", "-f", "pods.yaml", at=iris)
    same(f"{name} deployment configuration", ask(url + "/api/v2/deployment_configuration/big")["name"], "big")
    # hs 3.0.3 crashes by itself: its option --async has no parameter
    output = call("profile push", "profile", "push", "--model-version", "iris:1", "--filename", "iris.csv", at=iris, fails=version == 3)
    check(f"{name} profile push", ("is_async" if version == 3 else "Data profile for iris:1") in output, output[-500:])
    if version == 2:
        check("hs2 profile status", "Success" in call("profile status", "profile", "status", "iris:1"))
        (iris / "plain").mkdir()
        shutil.copy(iris / "model.joblib", iris / "plain")
        output = call("upload without a manifest", "upload", "--runtime", "some/image:1", at=iris / "plain")
        check("hs2 upload: the contract is inferred", '"signatureName": "predict"' in output.replace("'", '"'), output[-500:])
        check_answer("hs2 upload: it answers", f"{url}/gateway/servable/plain:1", *models["iris"][1:])
    for model in models:
        call(f"app rm {model}", "app", "rm", *(["-y"] if version == 3 else []), f"{model}-app")
    check(f"{name} app rm", "-app" not in call("app list after rm", "app", "list", fails=version == 2))
    if version == 2:  # an empty list is an error there
        call("model rm", "model", "rm", "rows")
        check("hs2 model rm", " rows " not in call("model list after rm", "model", "list"))


# --- the journeys of docs/hydrosphere.md ---

def python_model(folder, name, code, inputs, outputs):
    (folder / name / "src").mkdir(parents=True)
    (folder / name / "src" / "func_main.py").write_text("import numpy as np\n\n\n" + code)
    write(folder / name, name, "3.0.3", "src", inputs, outputs)


def demo(folder, url, home):
    """Three stages: a function, a model of scikit-learn, a function."""
    columns = [field(c, "[-1]", "double", "numerical") for c in COLUMNS]
    python_model(folder, "before", "def predict(mm):\n    return {%s}\n" % ", ".join(
        f"{c!r}: np.asarray(mm)[:, {i}] / 10" for i, c in enumerate(COLUMNS)), [field("mm", "[-1, 4]", "double", "numerical")], columns)
    python_model(folder, "after", "def predict(predict):\n    return {'shout': np.char.upper(np.asarray(predict, dtype=str))}\n",
                 [field("predict", "[-1]", "string", "text")], [field("shout", "[-1]", "string", "text")])
    for name in ("before", "iris", "after"):
        code, output = client("hs3", "hs", "apply", "-f", "serving.yaml", home=home, folder=folder / name)
        check(f"demo: apply {name}", code == 0, output[-1500:])
    (folder / "demo.yaml").write_text("kind: Application\nname: demo\npipeline:\n" + "".join(
        f"  - - model: {name}:1\n      weight: 100\n" for name in ("before", "iris", "after")))
    code, output = client("hs3", "hs", "apply", "-f", "demo.yaml", home=home, folder=folder)
    check("demo: apply the application", code == 0, output[-1500:])
    check_answer("demo: it answers", f"{url}/gateway/application/demo", {"mm": [[v * 10 for v in row] for row in ROWS]},
                 {"shout": [name.upper() for name in IRIS]})


def first_generation(folder, url):
    """Own Keras model: uploaded, composed and asked as in 2018."""
    subprocess.run(["tar", "czf", "payload.tgz", "model.h5"], cwd=folder / "line", check=True)
    done = subprocess.run(["curl", "-s", f"{url}/api/v1/model/upload", "-F", "payload=@payload.tgz", "-F", "model_name=linear"],
                          cwd=folder / "line", capture_output=True, check=True)
    task = json.loads(done.stdout)
    same("first generation: upload", [task["status"], task["result"]["modelName"], task["result"]["modelVersion"]], ["Finished", "linear", 1])
    signature = task["result"]["modelContract"]["signatures"][0]["signatureName"]
    made = ask(f"{url}/api/v1/applications", {"name": "linear_app", "executionGraph": {"stages": [{"services": [
        {"runtimeId": 0, "modelVersionId": task["result"]["id"], "weight": 100, "signatureName": signature}]}]}})
    for name in ("linear_app", made["id"]):
        check_answer(f"first generation: serve/{name}", f"{url}/api/v1/applications/serve/{name}/{signature}", {"x": [[1, 1], [2, -1]]}, {"y": LINE})


def without_manifest(folder, url, home):
    """A SavedModel: `hs upload` in its folder."""
    at = folder / "saved"
    at.mkdir()
    subprocess.run(["tar", "xf", str(ROOT / "tests" / "importers" / "savedmodel" / "plain.tar.xz")], cwd=at, check=True)
    at = next(at.rglob("saved_model.pb")).parent
    code, output = client("hs2", "hs", "upload", "--runtime", "any/image:1", "--name", "saved_model", home=home, folder=at)
    check("without a manifest: hs upload", code == 0 and "Success" in output, output[-1500:])
    version = ask(f"{url}/api/v2/model/version/saved_model/1")
    check("without a manifest: the contract is inferred", version["status"] == "Released" and version["modelSignature"]["inputs"], version)
    example = {f["name"]: np.ones([max(d, 1) for d in f["shape"]["dims"]]).tolist() for f in version["modelSignature"]["inputs"]}
    answer = ask(f"{url}/gateway/servable/saved_model:1", example)
    same("without a manifest: it answers", sorted(answer), sorted(f["name"] for f in version["modelSignature"]["outputs"]))


def journeys(old):
    with tempfile.TemporaryDirectory() as temporary:
        folder, home = Path(temporary) / "models", Path(temporary)
        make_models(folder, "3.0.3")
        with server(Path(temporary) / "store", "--workers", "on") as url:
            here = [{"cluster": {"server": url}, "name": "here"}]
            for name, key in ((".hs", "current_cluster"), (".hs-home", "current-cluster")):
                (home / name).mkdir()
                (home / name / "config.yaml").write_text(json.dumps({"kind": "Config", "clusters": here, key: "here"}))
            demo(folder, url, home)
            first_generation(folder, url)
            if old:
                without_manifest(folder, url, home)


# --- hydrosdk ---

def sdk():
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        iris = make_models(folder / "models", "3.0.3")["iris"][0]
        with server(folder / "store") as url:
            code, output = client("hs3", "python", str(ROOT / "tests" / "oracles" / "hydrosphere" / "sdk.py"), url.split("//")[1],
                                  str(iris), json.dumps(COLUMNS), json.dumps(ROWS), folder=folder)
            check("sdk: no exception", code == 0, output[-3000:])
            told = json.loads(output.splitlines()[-1]) if code == 0 else {}
    if not told:
        return
    same("sdk build_info", told["build_info"], {"manager": "Ok", "gateway": "Ok", "monitoring": "Ok", "rootcase": "Unavailable",
                                                "visualization": "Unavailable", "stat": "Unavailable"})
    same("sdk version", told["version"], [True, "sdk-iris:1", "Released", {"author": "sdk"}, 7])
    same("sdk find_by_id", told["by_id"], "sdk-iris:1")
    same("sdk find_by_model_name", told["by_name"], ["sdk-iris:1"])
    log = [line for line in told["log"] if line]  # the event that ends it has no data
    check("sdk build_logs", log and log[-1].endswith("is version 1 of sdk-iris"), log)
    same("sdk training data", told["training"], "Success")
    same("sdk application", told["application"], ["READY", {"k": "v"}, True])
    for way in ("numpy", "python", "frame", "monitorable", "unmonitorable"):
        same(f"sdk predict, {way}", told[way], IRIS)
    same("sdk servable", told["servable"], ["SERVING", {"who": "sdk"}, True])
    check("sdk servable logs", "Serving" in told["servable_log"], told["servable_log"])
    same("sdk metric", told["metric"], ["watch", 1.5, "LessEq", 1])
    same("sdk metric deleted", told["metrics_left"], 0)
    same("sdk deployment configuration", [told["deployment"], told["deployments"]], [3, 1])
    same("sdk external model", told["external"], [True, "Released"])
    same("sdk refusals", told["refused"], ["404"] * 4)
    same("sdk deletes", told["left"], [0, False])


def main():
    global IRIS, LINE, KERAS
    wanted = sys.argv[1:] or ["hs3", "hs2", "sdk", "journeys"]
    with tempfile.TemporaryDirectory() as temporary:
        KERAS = Path(temporary)
        IRIS, LINE = reference(KERAS)
        three = prepare("hs3") if {"hs3", "sdk", "journeys"} & set(wanted) else False
        old = prepare("hs2") if {"hs2", "journeys"} & set(wanted) else False
        if three and "hs3" in wanted:
            hs(3)
        if three and "sdk" in wanted:
            sdk()
        if old and "hs2" in wanted:
            hs(2)
        if three and "journeys" in wanted:
            journeys(old)
    print(f"hydrosphere clients: {passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
