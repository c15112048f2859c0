#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""round_trips.py [NAME...]: put -> contract -> predict -> get of the frameworks that this Python has, through the client and
a server with workers. What is put is answered by the server as the framework answers, and what comes back is that object
again. A line for each: "right NAME", "FAILED NAME" with why, or "SKIPPED NAME: why"; the last is "round trips: N passed, N failed"."""
import importlib
import os
import pathlib
import shutil
import sys
import tempfile
import traceback

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = pathlib.Path(HERE).parents[1]
# beside this file lie onnx.py, keras.py and others
sys.path[:] = [str(ROOT / "python"), str(ROOT / "tests" / "client"),
               *[path for path in sys.path if os.path.abspath(path or ".") != HERE]]
os.environ.setdefault("FIRN_PROGRAM", str(ROOT / "build" / "firn"))
for name, value in (("WORKER_ENVIRONMENT", sys.prefix), ("WORKER_START_MS", "240000"), ("WORKER_REQUEST_MS", "240000"),
                    ("REQUEST_TIMEOUT_MS", "240000"), ("JOB_TIMEOUT_MS", "240000")):
    os.environ.setdefault("FIRN_" + name, value)

import numpy

import firn

WAIT = 240  # seconds for a job
RANDOM = numpy.random.default_rng(17)
X = RANDOM.random((60, 4))
X4 = X.astype("float32")
LABELS = (X[:, 0] * 3).astype("int64")
NUMBERS = 2 * X[:, 0] + X[:, 1]
CASES = []


def case(*modules, java=False):
    def wrap(function):
        CASES.append((function, modules, java))
        return function
    return wrap


class Trip:
    """One object on its way."""

    def __init__(self, om, name):
        self.om, self.name = om, name

    def put(self, thing, **options):
        version = self.om.models.put(thing, self.name, **options)
        assert version.signatures, "no contract"
        for signature in version.signatures:
            for field in signature.inputs + signature.outputs:
                assert field.dtype, "no type of " + field.name
        return version

    def predicts(self, x, want, method="predict", tolerance=1e-5):
        model = self.om.runtime.model(self.name)
        same(getattr(model, method)(x), want, tolerance)

    def get(self):
        return self.om.models.get(self.name)


def same(got, want, tolerance=1e-5):
    got, want = numpy.asarray(got), numpy.asarray(want)
    assert got.shape == want.shape, (got.shape, want.shape)
    if want.dtype.kind in "OSU":
        assert got.tolist() == want.tolist()
    else:
        numpy.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


# --- frameworks ---

@case("sklearn")
def scikit_learn(trip):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, LABELS)
    assert trip.put(model).native
    trip.predicts(X, model.predict(X))
    trip.predicts(X, model.predict_proba(X), "predict_proba")
    same(trip.get().predict_proba(X), model.predict_proba(X))


@case("sklearn")
def scikit_learn_fit_makes_version_2(trip):
    from sklearn.linear_model import LinearRegression
    trip.put(LinearRegression().fit(X, NUMBERS))
    job = trip.om.runtime.model(trip.name).fit(X, 3 - NUMBERS)
    version = job.get(timeout=WAIT)
    assert version.number == 2 and [v.number for v in trip.om.models.revisions(trip.name)] == [2, 1], version
    trip.predicts(X, 3 - NUMBERS)
    same(trip.om.runtime.model(trip.name + "^").predict(X), NUMBERS)
    same(trip.get().predict(X), 3 - NUMBERS)


@case("sklearn", "dill")
def pipeline_with_a_lambda_by_dill(trip):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    model = make_pipeline(FunctionTransformer(lambda rows: rows * 3), LogisticRegression()).fit(X, LABELS)
    assert not trip.put(model, pickler="dill", sample=X).native
    trip.predicts(X, model.predict(X))
    same(trip.get().predict_proba(X), model.predict_proba(X))


def keras_model():
    import keras
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(3)])
    return model, model.predict(X4, verbose=0)


@case("keras")
def keras_v3(trip):
    model, want = keras_model()
    trip.put(model)
    trip.predicts(X4, want)
    same(trip.get().predict(X4, verbose=0), want)


@case("keras")
def keras_h5(trip):
    model, want = keras_model()
    trip.put(model, format="h5")
    trip.predicts(X4, want)
    same(trip.get().predict(X4, verbose=0), want)


@case("keras", "tensorflow")
def keras_savedmodel(trip):
    import keras
    if keras.backend.backend() != "tensorflow":
        import tensorflow
        model = tensorflow.keras.Sequential([tensorflow.keras.Input((4,)), tensorflow.keras.layers.Dense(3)])
        want = model.predict(X4, verbose=0)
    else:
        model, want = keras_model()
    trip.put(model, as_savedmodel=True)
    trip.predicts(X4, want)
    back = trip.get()  # whose functions live as long as it
    same(back.serve(X4), want)


@case("tensorflow")
def tf_module(trip):
    import tensorflow as tf

    class Affine(tf.Module):
        def __init__(self):
            super().__init__()
            self.weights = tf.Variable(tf.constant(X4[:4, :3]))

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
        def run(self, x):
            return {"y": x @ self.weights + 1.0}

    module = Affine()
    trip.put(module, signatures={"run": module.run})
    want = module.run(X4)["y"].numpy()
    trip.predicts(X4, want)
    back = trip.get()
    same(back.signatures["run"](tf.constant(X4))["y"].numpy(), want)


def torch_trip(trip, form, **options):
    import kept_torch
    import torch
    module = kept_torch.Net(4, hidden=8).eval()
    x = torch.from_numpy(X4)
    want = module(x).detach().numpy()
    trip.put(module, form=form, sample=x[:2], **options)
    trip.predicts(X4, want)
    back = trip.get()
    same((back.module() if form == "export" else back)(x).detach().numpy(), want)


@case("torch")
def pytorch_torchscript(trip):
    torch_trip(trip, "script")


@case("torch.export")
def pytorch_exported_program(trip):
    torch_trip(trip, "export")


@case("torch")
def pytorch_state_and_class(trip):
    torch_trip(trip, "state", args=[4], kwargs={"hidden": 8})


@case("xgboost", "sklearn")
def xgboost(trip):
    import xgboost as framework
    model = framework.XGBClassifier(n_estimators=5, max_depth=3).fit(X, LABELS)
    trip.put(model)
    trip.predicts(X, model.predict(X))
    trip.predicts(X, model.predict_proba(X), "predict_proba")
    same(trip.get().predict_proba(X), model.predict_proba(X))


@case("lightgbm", "sklearn")
def lightgbm(trip):
    import lightgbm as framework
    model = framework.LGBMRegressor(n_estimators=5, min_child_samples=3, verbose=-1).fit(X, NUMBERS)
    trip.put(model)
    trip.predicts(X, model.predict(X))
    same(trip.get().predict(X), model.predict(X))


@case("catboost")
def catboost(trip):
    import catboost as framework
    words = numpy.array(["low", "mid", "top"])[LABELS]
    model = framework.CatBoostClassifier(iterations=5, verbose=False, allow_writing_files=False).fit(X, words)
    trip.put(model)
    trip.predicts(X, model.predict(X)[:, 0])
    trip.predicts(X, model.predict_proba(X), "predict_proba")
    same(trip.get().predict_proba(X), model.predict_proba(X))


@case("onnx")
def onnx(trip):
    import onnx as framework
    helper, kind = framework.helper, framework.TensorProto.FLOAT
    graph = helper.make_graph([helper.make_node("Softmax", ["x"], ["y"])], "net",
                              [helper.make_tensor_value_info("x", kind, ["n", 4])],
                              [helper.make_tensor_value_info("y", kind, ["n", 4])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    assert trip.put(model).native
    powers = numpy.exp(X4)
    trip.predicts(X4, powers / powers.sum(axis=1, keepdims=True))
    assert trip.get().SerializeToString() == model.SerializeToString()


@case("pyspark", java=True)
def spark_ml(trip):
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import HashingTF, Tokenizer
    from pyspark.sql import SparkSession
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config(
        "spark.ui.showConsoleProgress", "false").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    rows = [("a b spark", 1.0), ("x y", 0.0), ("spark z", 1.0), ("q", 0.0)]
    data = session.createDataFrame(rows, ["text", "label"])
    model = Pipeline(stages=[Tokenizer(inputCol="text", outputCol="words"),
                             HashingTF(inputCol="words", outputCol="features", numFeatures=16),
                             LogisticRegression(maxIter=2)]).fit(data)
    want = [row[0].toArray().tolist() for row in model.transform(data).select("probability").collect()]
    trip.put(model)
    got = trip.om.runtime.model(trip.name).call(None, {"text": [text for text, _ in rows]})
    same(got["probability"], want)
    back = trip.get().transform(data).select("probability").collect()
    same([row[0].toArray().tolist() for row in back], want)
    session.stop()


# --- functions and data ---

def spelled(numbers):
    import six
    return {"y": numpy_of(numbers) * 2, "version": [six.__version__] * len(numbers)}


def numpy_of(numbers):
    import numpy
    return numpy.asarray(numbers)


@case("six")
def function_with_requirements(trip):
    """An environment of its own, with another release of a package than this Python has."""
    kept = os.environ.pop("FIRN_WORKER_ENVIRONMENT")
    store = tempfile.mkdtemp(prefix="firn-trip-")
    om = None
    try:
        om = firn.connect(store=store, workers=True, timeout=WAIT)
        version = om.models.put(spelled, trip.name, requirements=["numpy", "six==1.16.0"], sample={"numbers": numpy.ones(2)})
        assert [f.type for f in version.signatures[0].outputs] == ["double[-1]", "string[-1]"], version
        got = om.runtime.model(trip.name).predict([1.0, 2.0])
        assert got["y"].tolist() == [2.0, 4.0] and list(got["version"]) == ["1.16.0"] * 2, got
        assert om.models.get(trip.name).__name__ == "spelled"
    finally:
        os.environ["FIRN_WORKER_ENVIRONMENT"] = kept
        if om is not None:
            om.close()
        shutil.rmtree(store, ignore_errors=True)


def squares(count=3):
    import numpy
    return numpy.arange(int(count)) ** 2


@case()
def virtual_data_set(trip):
    data = trip.om.datasets
    data.put(squares, trip.name, requirements=["numpy"])
    assert data.get(trip.name, count=4).tolist() == [0, 1, 4, 9]
    assert data.get(trip.name + "{count=2}", local=True).tolist() == [0, 1]


@case("tensorflow")
def examples_read_by_tensorflow(trip):
    import tensorflow as tf
    examples = [tf.train.Example(features=tf.train.Features(feature={
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"x" * i])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[i]))})) for i in range(4)]
    data = trip.om.datasets
    data.put(examples, trip.name)
    assert data.get(trip.name) == examples
    features = {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64)}
    batch = next(iter(data.get(trip.name, as_dataset=True, features=features).batch(4)))
    assert batch["label"].numpy().tolist() == [0, 1, 2, 3] and batch["image"].numpy()[2] == b"xx"
    with tempfile.NamedTemporaryFile(suffix=".tfrecord") as file:  # by TensorFlow's own reader
        data.get(trip.name, file.name)
        assert [r.numpy() for r in tf.data.TFRecordDataset(file.name)] == [e.SerializeToString() for e in examples]


# --- all of them ---

def missing(modules, java):
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as why:
            return "%s: %s" % (module, (str(why).splitlines() or [type(why).__name__])[0])
    return "there is no java" if java and not shutil.which("java") else None


def main():
    store = tempfile.mkdtemp(prefix="firn-trips-")
    om = firn.connect(store=store, workers=True, timeout=WAIT)
    passed = failed = 0
    try:
        for function, modules, java in CASES:
            name = function.__name__
            if sys.argv[1:] and name not in sys.argv[1:]:
                continue
            why = missing(modules, java)
            if why:
                print("SKIPPED %s: %s" % (name, why), flush=True)
                continue
            try:
                function(Trip(om, name.replace("_", "-")))
                passed += 1
                print("right %s" % name, flush=True)
            except Exception:
                failed += 1
                traceback.print_exc(file=sys.stdout)
                print("FAILED %s" % name, flush=True)
    finally:
        om.close()
        shutil.rmtree(store, ignore_errors=True)
    print("round trips: %d passed, %d failed" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
