#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adapters beside their frameworks: a model is made by the framework, frozen by `firn upload --workers` as it was
written, asked through `firn serve --workers on`, and the answer compared with the framework's own. What this Python
does not have is skipped and said. The last line is "adapters: N passed, N failed"."""
import importlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import urllib.request

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != os.path.dirname(os.path.abspath(__file__))]
ROOT = pathlib.Path(__file__).resolve().parents[2]
FIRN = os.environ.get("FIRN", str(ROOT / "build" / "firn"))
CASES = []


def case(*modules, **options):
    def wrap(function):
        CASES.append((function, modules, options))
        return function
    return wrap


def rows(*shape):
    import numpy
    return numpy.random.default_rng(3).random(shape)


def manifest(folder, text):
    pathlib.Path(folder, "serving.yaml").write_text(text)


# Each writes a model below `folder` and returns (path, {input: array}, {output: expected}, tolerance).


@case("sklearn", "joblib")
def scikit_learn(folder):
    import joblib
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import PairwiseKernel
    x = rows(20, 3)
    model = GaussianProcessRegressor(PairwiseKernel(metric="rbf"), optimizer=None).fit(x, x[:, 0])
    joblib.dump(model, folder + "/model.joblib")
    return folder + "/model.joblib", {"x": x[:4]}, {"predict": model.predict(x[:4])}, 1e-9


@case("xgboost")
def xgboost(folder):
    import xgboost as framework
    x = rows(50, 4).astype("float32")
    model = framework.train({"max_depth": 3}, framework.DMatrix(x, x[:, 1]), 4)
    model.save_model(folder + "/model.json")
    return folder + "/model.json", {"x": x[:5]}, {"predict": model.predict(framework.DMatrix(x[:5]))}, 1e-6


@case("lightgbm")
def lightgbm(folder):
    import lightgbm as framework
    x = rows(60, 4)
    model = framework.train({"verbose": -1}, framework.Dataset(x, x[:, 1]), 4)
    model.save_model(folder + "/model.txt")
    return folder + "/model.txt", {"x": x[:5]}, {"predict": model.predict(x[:5])}, 1e-9


@case("catboost")
def catboost(folder):
    import catboost as framework
    x = rows(50, 4)
    model = framework.CatBoostRegressor(iterations=4, verbose=False, allow_writing_files=False).fit(x, x[:, 1])
    model.save_model(folder + "/model.cbm")
    return folder + "/model.cbm", {"x": x[:5]}, {"predict": model.predict(x[:5])}, 1e-9


@case("keras")
def keras(folder):
    import keras as framework
    model = framework.Sequential([framework.Input((3,)), framework.layers.Dense(4, activation="relu"),
                                  framework.layers.Lambda(lambda t: t * 2.0)])  # code: not for firn itself
    model.save(folder + "/model.keras")
    x = rows(5, 3).astype("float32")
    manifest(folder, "kind: Model\nname: keras\nmetadata: {adapter: keras}\ncontract:\n  predict:\n    inputs:\n"
             "      x: {shape: [-1, 3], type: float32}\n    outputs:\n      y: {shape: [-1, 4], type: float32}\n")
    return folder, {"x": x}, {"y": model.predict(x, verbose=0)}, 1e-5


@case("tensorflow")
def tensorflow(folder):
    import tensorflow as framework

    class Scale(framework.Module):
        @framework.function(input_signature=[framework.TensorSpec([None, 2], framework.float32, name="x")])
        def serve(self, x):
            return {"y": framework.numpy_function(lambda a: a * 3, [x], framework.float32)}

    model = Scale()
    x = rows(3, 2).astype("float32")
    converter = framework.lite.TFLiteConverter.from_concrete_functions(
        [framework.function(lambda x: {"y": framework.nn.relu(x * 3.0 - 1.0)}).get_concrete_function(
            framework.TensorSpec([1, 2], framework.float32, name="x"))], model)
    pathlib.Path(folder, "model.tflite").write_bytes(converter.convert())
    import numpy
    got = numpy.maximum(x[:1] * numpy.float32(3) - 1, 0)
    return folder + "/model.tflite", {None: x[:1]}, {None: got}, 1e-5


@case("onnx", "onnxruntime")
def onnx(folder):
    import onnx as framework
    helper, kind = framework.helper, framework.TensorProto.FLOAT
    graph = helper.make_graph([helper.make_node("Mul", ["a", "a"], ["b"])], "square",
                              [helper.make_tensor_value_info("a", kind, ["n", 2])],
                              [helper.make_tensor_value_info("b", kind, ["n", 2])])
    framework.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder + "/m.onnx")
    x = rows(3, 2).astype("float32")
    return folder + "/m.onnx", {"a": x}, {"b": x * x}, 1e-6, "native"


@case("torch.export")
def pytorch_export(folder):
    import torch
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU()).eval()
    x = torch.from_numpy(rows(5, 4).astype("float32"))
    program = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},))
    torch.export.save(program, folder + "/model.pt2")
    return folder + "/model.pt2", {"input": x.numpy()}, {"output": model(x).detach().numpy()}, 1e-6


@case("torch")
def pytorch_script(folder):
    import torch
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU()).eval()
    x = torch.from_numpy(rows(5, 4).astype("float32"))
    torch.jit.save(torch.jit.trace(model, x), folder + "/model.pt")
    pathlib.Path(folder + ".yaml").write_text(
        "kind: Model\nname: script\ncontract:\n  forward:\n    inputs:\n      x: {shape: [-1, 4], type: float32}\n"
        "    outputs:\n      y: {shape: [-1, 3], type: float32}\n")
    return folder + "/model.pt", {"x": x.numpy()}, {"y": model(x).detach().numpy()}, 1e-6


@case("fastai.tabular.all", start=120)
def fastai(folder):
    import pandas
    from fastai.tabular.all import Categorify, Normalize, RegressionBlock, TabularDataLoaders, tabular_learner
    x = rows(64, 2)
    table = pandas.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": ["u", "v"] * 32, "y": x[:, 0] * 2})
    loaders = TabularDataLoaders.from_df(table, procs=[Categorify, Normalize], cat_names=["c"], cont_names=["a", "b"],
                                         y_names="y", y_block=RegressionBlock(), bs=16)
    learner = tabular_learner(loaders, layers=[8], n_out=1)
    with learner.no_bar(), learner.no_logging():
        learner.fit(1)
        learner.export(folder + "/export.pkl")
        data = loaders.test_dl(table[:4][["a", "b", "c"]])
        want = learner.get_preds(dl=data)[0].numpy()
    manifest(folder, "kind: Model\nname: fastai\nmetadata: {adapter: fastai}\n")
    given = {"c": table["c"][:4].tolist(), "a": x[:4, 0], "b": x[:4, 1]}
    return folder, given, {"predict": want}, 1e-5


@case("mlflow.pyfunc", "pandas")
def mlflow(folder):
    import mlflow.pyfunc
    import pandas
    from mlflow.models import infer_signature

    class Sums(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return (model_input["a"] * 3 + model_input["b"]).to_numpy()

    table = pandas.DataFrame({"a": rows(9), "b": rows(9) * 2})
    want = Sums().predict(None, table)
    mlflow.pyfunc.save_model(folder + "/model", python_model=Sums(), signature=infer_signature(table, want),
                             pip_requirements=["pandas"])
    return folder + "/model", {"a": table["a"].to_numpy(), "b": table["b"].to_numpy()}, {"predict": want}, 1e-9


@case("pyspark", java=True, start=180)
def spark(folder):
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import HashingTF, Tokenizer
    from pyspark.sql import SparkSession
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    data = session.createDataFrame([("a b spark", 1.0), ("x y", 0.0), ("spark z", 1.0), ("q", 0.0)], ["text", "label"])
    stages = [Tokenizer(inputCol="text", outputCol="words"), HashingTF(inputCol="words", outputCol="features", numFeatures=16),
              LogisticRegression(maxIter=2)]
    model = Pipeline(stages=stages).fit(data)
    model.write().save("file://" + folder + "/model")
    answers = model.transform(data).select("prediction", "probability").collect()
    session.stop()
    return folder + "/model", {"text": ["a b spark", "x y", "spark z", "q"]}, \
        {"prediction": [a[0] for a in answers], "probability": [a[1].toArray().tolist() for a in answers]}, 1e-9


@case("mxnet")
def mxnet(folder):
    import mxnet as framework
    import numpy
    symbol = framework.sym.FullyConnected(framework.sym.Variable("data"), num_hidden=3, name="fc")
    symbol = framework.sym.softmax(symbol, name="softmax")
    weights = numpy.arange(12, dtype="f").reshape(3, 4) / 10
    framework.model.save_checkpoint(folder + "/net", 0, symbol, {"fc_weight": framework.nd.array(weights),
                                                                 "fc_bias": framework.nd.zeros(3)}, {})
    x = rows(2, 4).astype("float32")
    powers = numpy.exp(x @ weights.T)
    return folder, {"data": x}, {"softmax": powers / powers.sum(axis=1, keepdims=True)}, 1e-5


@case("theano", flags="THEANO_FLAGS=cxx=,base_compiledir=" + tempfile.gettempdir() + "/theano-oracle", start=120)
def theano(folder):
    import pickle
    import numpy
    import theano as framework
    from theano import tensor
    x, weights = tensor.matrix("x"), framework.shared(numpy.arange(12.0).reshape(4, 3) / 10, "w")
    function = framework.function([x], tensor.nnet.softmax(tensor.dot(x, weights)))
    with open(folder + "/function.pkl", "wb") as file:
        pickle.dump(function, file)
    manifest(folder, "kind: Model\nname: theano\nmetadata: {adapter: theano}\n")
    data = rows(2, 4)
    return folder, {"x": data}, {"output": function(data)}, 1e-9


@case("caffe2.python")
def caffe2(folder):
    import numpy
    from caffe2.python import brew, model_helper, workspace
    from caffe2.python.predictor import mobile_exporter
    helper = model_helper.ModelHelper("net")
    brew.fc(helper, "x", "y", 4, 3)
    helper.Softmax("y", "p")
    helper.net.Proto().external_output.append("p")
    workspace.RunNetOnce(helper.param_init_net)
    x = rows(2, 4).astype("float32")
    workspace.FeedBlob("x", x)
    workspace.CreateNet(helper.net)
    workspace.RunNet(helper.net)
    init, net = mobile_exporter.Export(workspace, helper.net, helper.params)
    for name, proto in (("init_net.pb", init), ("predict_net.pb", net)):
        pathlib.Path(folder, name).write_bytes(proto.SerializeToString())
    return folder, {"x": x}, {"p": numpy.array(workspace.FetchBlob("p"))}, 1e-5


# --- through firn ---


class Server:
    def __init__(self, store, environment):
        self.process = subprocess.Popen([FIRN, "serve", "--store", store, "--http", "127.0.0.1:0", "--workers", "on"],
                                        stdout=subprocess.PIPE, stderr=open(store + ".log", "w"), env=environment)
        self.url = self.process.stdout.readline().decode().split()[1]

    def infer(self, name, inputs):
        body = {"inputs": [{"name": key, "datatype": kind, "shape": shape, "data": data}
                           for key, (kind, shape, data) in inputs.items()]}
        request = urllib.request.Request("%s/v2/models/%s/infer" % (self.url, name), json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=240) as answer:
            return {row["name"]: (row["shape"], row["data"]) for row in json.loads(answer.read())["outputs"]}

    def signatures(self, name):
        with urllib.request.urlopen("%s/api/models/%s/versions/newest" % (self.url, name), timeout=60) as answer:
            return json.loads(answer.read())["signatures"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def wire(value):
    import numpy
    array = numpy.asarray(value)
    kinds = {"float32": "FP32", "float64": "FP64", "int64": "INT64", "int32": "INT32", "bool": "BOOL"}
    return kinds.get(array.dtype.name, "BYTES"), list(array.shape), array.reshape(-1).tolist()


def run(function, options, base):
    import numpy
    name = function.__name__
    folder, store = os.path.join(base, name), os.path.join(base, name + "-store")
    os.mkdir(folder)
    path, inputs, want, tolerance, *how = function(folder)
    environment = dict(os.environ, FIRN_WORKER_ENVIRONMENT=sys.prefix,
                       FIRN_WORKER_START_MS=str(options.get("start", 60) * 1000),
                       FIRN_REQUEST_TIMEOUT_MS="200000", FIRN_WORKER_REQUEST_MS="200000")
    if options.get("sandbox") is False:
        environment["FIRN_WORKER_SANDBOX"] = "0"
    declared = ["--manifest", folder + ".yaml"] if os.path.exists(folder + ".yaml") else []
    done = subprocess.run([FIRN, "upload", path, "--name", name, "--store", store, "--workers", *declared,
                           *(["--verify"] if "native" in how else [])], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stderr[-1500:])
    if ("native" in how) != ("served    by workers" not in done.stdout):
        raise AssertionError("served the other way: " + done.stdout)
    server = Server(store, environment)
    try:
        if None in inputs:  # names that the converter gave
            said = server.signatures(name)[0]
            inputs = {field["name"]: value for field, value in zip(said["inputs"], inputs.values())}
            want = {field["name"]: value for field, value in zip(said["outputs"], want.values())}
        got = server.infer(name, {key: wire(value) for key, value in inputs.items()})
        for key, value in want.items():
            value = numpy.asarray(value)
            shape, data = got[key]
            assert tuple(shape) == value.shape, (key, shape, value.shape)
            numpy.testing.assert_allclose(numpy.array(data).reshape(shape), value, rtol=tolerance, atol=tolerance)
    finally:
        server.stop()


def missing(modules, options):
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as why:
            return "%s: %s" % (module, str(why).splitlines()[0] if str(why) else type(why).__name__)
    if options.get("java") and not shutil.which("java"):
        return "there is no java"
    return None


def main():
    base = tempfile.mkdtemp(prefix="firn-adapters-")
    passed = failed = 0
    for function, modules, options in CASES:
        if len(sys.argv) > 1 and function.__name__ not in sys.argv[1:]:
            continue
        if "flags" in options:
            key, _, value = options["flags"].partition("=")
            os.environ[key] = value
        why = missing(modules, options)
        if why:
            print("SKIPPED %s: %s" % (function.__name__, why), flush=True)
            continue
        try:
            run(function, options, base)
            passed += 1
            print("right %s" % function.__name__, flush=True)
        except Exception:
            failed += 1
            print("FAILED %s" % function.__name__, flush=True)
            traceback.print_exc(file=sys.stdout)
            log = os.path.join(base, function.__name__ + "-store.log")
            print("".join(open(log).readlines()[-12:]) if os.path.exists(log) else "")
    shutil.rmtree(base)
    print("adapters: %d passed, %d failed" % (passed, failed))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
