# SPDX-License-Identifier: Apache-2.0
"""put -> contract -> predict -> get with the frameworks themselves; what firn does not run itself is answered by
workers, in the environment of this Python (FIRN_WORKER_ENVIRONMENT)."""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest

os.environ.setdefault("FIRN_WORKER_ENVIRONMENT", sys.prefix)

import numpy

import firn
import kept_by_text as kept
from firn.embedded import find_program
from live import Live

RANDOM = numpy.random.default_rng(7)
X = RANDOM.random((60, 4))
LABELS = (X[:, 0] * 3).astype("int64")
NUMBERS = 2 * X[:, 0] + X[:, 1]


def needs(*names):
    """Skip a class without these modules."""
    def wrap(kind):
        for name in names:
            try:
                importlib.import_module(name)
            except ImportError:
                return unittest.skip("%s is not installed" % name)(kind)
        return kind
    return wrap


def doubled(x):
    return {"y": x * kept.FACTOR}


def length(text):
    return numpy.array([len(t) for t in text])


class Saved(Live):
    workers = True

    def put(self, obj, name, **options):
        version = self.om.models.put(obj, name, **options)
        self.assertGreater(len(version.signatures), 0)
        self.assertNotIn("unknown", str(version))
        return version

    def same(self, name, want, x=X, method="predict", tolerance=1e-6):
        got = self.om.runtime.model(name).call(method, x)
        self.assertEqual(numpy.shape(got), numpy.shape(want))
        numpy.testing.assert_allclose(got, want, atol=tolerance, rtol=tolerance)
        return got


class Functions(Saved):
    def test_dict_of_outputs(self):
        version = self.put(doubled, "double", sample={"x": numpy.ones((2, 3))}, requirements=[])
        self.assertEqual([f.type for f in version.signatures[0].inputs], ["double[-1,3]"])
        got = self.om.runtime.model("double").predict(numpy.arange(6.0).reshape(2, 3))
        self.assertEqual(got.tolist(), [[0, 3, 6], [9, 12, 15]])
        self.assertEqual(self.om.models.get("double")(2), {"y": 6})

    def test_texts_and_one_result(self):
        version = self.put(length, "length", sample={"text": ["a"]}, requirements=[])
        self.assertEqual(version.signatures[0].name, "predict")
        self.assertEqual(self.om.runtime.model("length").predict(["one", "three"]).tolist(), [3, 5])
        self.assertEqual(self.om.models.get("length")(["ab"]).tolist(), [2])

    def test_without_a_sample(self):
        with self.assertRaises(firn.InvalidInput) as caught:
            self.om.models.put(doubled, "bad")
        self.assertIn("sample=", str(caught.exception))
        with self.assertRaises(firn.InvalidInput):
            self.om.models.put(doubled, "bad", sample={"x": 1}, colour="red")
        self.assertFalse(self.om.models.exists("bad"))


@needs("sklearn")
class Pipelines(Saved):
    def pipeline(self):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer
        model = make_pipeline(FunctionTransformer(lambda rows: rows * kept.FACTOR), LogisticRegression())
        return model.fit(X, LABELS)

    def check(self, name, model):
        self.same(name, model.predict(X))
        proba = self.same(name, model.predict_proba(X), method="predict_proba")
        self.assertEqual(list(proba.classes), [0, 1, 2])
        back = self.om.models.get(name)
        numpy.testing.assert_array_equal(back.predict(X), model.predict(X))

    @needs("cloudpickle")
    def test_a_lambda_by_cloudpickle(self):
        model = self.pipeline()
        version = self.put(model, "pipe/cloud", pickler="cloudpickle", sample=X)
        self.assertFalse(version.native)
        self.check("pipe/cloud", model)

    def test_a_lambda_by_dill(self):
        try:
            import dill  # noqa: F401
        except ImportError:
            self.skipTest("dill is not installed")
        model = self.pipeline()
        self.put(model, "pipe/dill", pickler="dill", sample=X)
        self.check("pipe/dill", model)

    def test_what_is_no_estimator(self):
        class Open:
            def __init__(self):
                self.lock = threading.Lock()

            def predict(self, x):
                return x

        for thing, why in ((Open(), "lock"), (object(), "what can be saved"), (3, "what can be saved"), (None, "NoneType")):
            with self.assertRaises(firn.Unsupported) as caught:
                self.om.models.put(thing, "bad")
            self.assertIn(why, str(caught.exception))
        with self.assertRaises(firn.InvalidInput):
            self.om.models.put(self.pipeline(), "bad", pickler="marshal")
        self.assertFalse(self.om.models.exists("bad"))


@needs("xgboost", "sklearn")
class XGBoost(Saved):
    def test_estimators_and_boosters(self):
        import xgboost
        model = xgboost.XGBClassifier(n_estimators=5, max_depth=3).fit(X, LABELS)
        self.put(model, "xgb/classes")
        self.same("xgb/classes", model.predict(X))
        self.same("xgb/classes", model.predict_proba(X), method="predict_proba")
        back = self.om.models.get("xgb/classes")
        self.assertIsInstance(back, xgboost.XGBClassifier)
        self.assertEqual(back.get_params()["max_depth"], 3)
        numpy.testing.assert_array_equal(back.predict(X), model.predict(X))
        two = xgboost.XGBClassifier(n_estimators=5).fit(X, LABELS > 0)
        self.put(two, "xgb/two", format="json")
        self.same("xgb/two", two.predict(X).astype("int64"))
        booster = xgboost.train({"objective": "reg:squarederror"}, xgboost.DMatrix(X, NUMBERS, feature_names=list("abcd")), 5)
        version = self.put(booster, "xgb/booster")
        self.assertEqual([f.name for f in version.signatures[0].inputs], list("abcd"))
        self.same("xgb/booster", booster.predict(xgboost.DMatrix(X, feature_names=list("abcd"))))
        self.assertIsInstance(self.om.models.get("xgb/booster"), xgboost.Booster)


@needs("lightgbm", "sklearn")
class LightGBM(Saved):
    def test_estimators_and_boosters(self):
        import lightgbm
        words = numpy.array(["low", "mid", "top"])[LABELS]
        model = lightgbm.LGBMClassifier(n_estimators=5, min_child_samples=3, verbose=-1).fit(X, words)
        self.put(model, "lgb/classes")
        got = self.om.runtime.model("lgb/classes").predict(X)
        self.assertEqual(list(got), list(model.predict(X)))
        self.same("lgb/classes", model.predict_proba(X), method="predict_proba")
        self.assertEqual(list(self.om.models.get("lgb/classes").predict(X)), list(model.predict(X)))
        booster = lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, NUMBERS), 5)
        self.put(booster, "lgb/booster")
        self.same("lgb/booster", booster.predict(X))
        numpy.testing.assert_array_equal(self.om.models.get("lgb/booster").predict(X), booster.predict(X))


@needs("catboost")
class CatBoost(Saved):
    def test_models(self):
        import catboost
        quiet = {"iterations": 5, "verbose": False, "allow_writing_files": False}
        words = numpy.array(["low", "mid", "top"])[LABELS]
        model = catboost.CatBoostClassifier(**quiet).fit(X, words)
        self.put(model, "cat/classes")
        self.assertEqual(list(self.om.runtime.model("cat/classes").predict(X)), list(model.predict(X)[:, 0]))
        self.same("cat/classes", model.predict_proba(X), method="predict_proba")
        self.assertIsInstance(self.om.models.get("cat/classes"), catboost.CatBoostClassifier)
        model = catboost.CatBoostRegressor(**quiet).fit([["a", 1.0], ["b", 2.0], ["a", 3.0]] * 9, [1, 2, 3] * 9, cat_features=[0])
        version = self.put(model, "cat/mixed")
        self.assertEqual([f.dtype for f in version.signatures[0].inputs], ["string", "double"])
        got = self.om.runtime.model("cat/mixed").predict({"0": ["a", "b"], "1": [1.0, 2.0]})
        numpy.testing.assert_allclose(got, model.predict([["a", 1.0], ["b", 2.0]]))


@needs("torch")
class PyTorch(Saved):
    def test_three_forms(self):
        import torch
        import kept_torch
        module = kept_torch.Net(4, hidden=8).eval()
        x = torch.from_numpy(X.astype("float32"))
        want = module(x).detach().numpy()
        for form, kind in (("export", torch.export.ExportedProgram), ("script", torch.jit.ScriptModule), ("state", torch.nn.Module)):
            more = {"args": [4], "kwargs": {"hidden": 8}} if form == "state" else {}
            version = self.put(module, "torch/" + form, form=form, sample=x[:2], **more)
            self.assertEqual([f.type for f in version.signatures[0].inputs], ["float[-1,4]"])
            self.same("torch/" + form, want, X.astype("float32"), "forward", 1e-5)
            self.assertEqual(self.om.runtime.model("torch/" + form).predict(X[:1].astype("float32")).shape, (1, 3))
            back = self.om.models.get("torch/" + form)
            self.assertIsInstance(back, kind)
            call = back.module() if form == "export" else back
            numpy.testing.assert_allclose(call(x).detach().numpy(), want, atol=1e-6)

    def test_what_does_not_come_back(self):
        import torch
        import kept_torch
        for options, why in (({}, "sample="), ({"form": "other", "sample": torch.zeros(2, 4)}, "form="),
                             ({"form": "state", "sample": torch.zeros(2, 4)}, "args="),
                             ({"form": "state", "sample": torch.zeros(2, 4), "args": [4], "kwargs": {"hidden": 9}}, "state")):
            with self.assertRaises(firn.FirnError) as caught:
                self.om.models.put(kept_torch.Net(4, hidden=8), "bad", **options)
            self.assertIn(why, str(caught.exception))
        self.assertFalse(self.om.models.exists("bad"))


@needs("sklearn")
class Parity(Saved):
    """firn beside the framework at the upload."""

    def model(self):
        from sklearn.linear_model import LogisticRegression
        return LogisticRegression().fit(X, LABELS)

    def facts(self, version):
        path = "/api/models/%s/versions/%d/log" % (version.name.replace("/", "%2F"), version.number)
        return self.om.connection.request("GET", path).body.decode()

    def test_agreement_is_kept_with_the_version(self):
        version = self.om.models.put(self.model(), "parity/same", verify=True)
        self.assertTrue(version.native)
        import sklearn
        agrees = "parity: agrees with scikit-learn %s on 12 sets of inputs" % sklearn.__version__
        self.assertIn("fact " + agrees, self.facts(version))
        for command in ("show", "inspect"):
            said = self.program(command, version.reference)
            self.assertIn(agrees, said)
            self.assertNotIn("is installed now", said)
        record = json.loads(self.program("inspect", version.reference, "--json"))["parity"]
        self.assertEqual((record["framework_version"], record["agrees"]), (sklearn.__version__, True))
        with tempfile.TemporaryDirectory() as folder:  # an environment of which only the metadata is there
            os.makedirs(folder + "/lib/python3.99/site-packages/scikit_learn-99.1.dist-info")
            os.makedirs(folder + "/bin")
            os.symlink(sys.executable, folder + "/bin/python3")
            for command in ("show", "inspect"):
                self.assertIn("parity: that comparison is of scikit-learn %s; 99.1 is installed now" % sklearn.__version__,
                              self.program(command, version.reference, environment=folder))

    def program(self, *arguments, environment=sys.prefix):
        """What the program says of the store."""
        said = subprocess.run([find_program(), *arguments, "--store", self.store], stdout=subprocess.PIPE,
                              env=dict(os.environ, FIRN_WORKER_ENVIRONMENT=environment))
        self.assertEqual(said.returncode, 0)
        return said.stdout.decode()

    def test_disagreement_turns_it_off(self):
        import operator
        model = self.model()
        model.predict = operator.methodcaller("argmax", 1)  # which firn does not see: it runs no code of a pickle
        trusted = self.om.models.put(model, "parity/other", verify=False)
        self.assertTrue(trusted.native)
        model.C = 2.0
        version = self.om.models.put(model, "parity/other")  # workers are on and the framework is there
        self.assertFalse(version.native)
        self.assertIn("output \"predict\" of \"predict\" is", version.reason)
        self.assertIn("fact parity: disagrees with scikit-learn", self.facts(version))
        got = self.om.runtime.model("parity/other").predict(X)  # by a worker
        self.assertEqual(got.tolist(), X.argmax(1).tolist())
        with self.assertRaises(firn.Unsupported):
            self.om.models.put(kept.even, "parity/none", sample={"n": 2}, verify=True)


@needs("sklearn", "skops")
class Fits(Saved):
    """A job that trains a version that is one archive."""

    def test_a_skops_archive_makes_version_2(self):
        from skops import io
        from sklearn.linear_model import Ridge
        with tempfile.TemporaryDirectory() as folder:
            io.dump(Ridge(alpha=1e-6).fit(X, NUMBERS * 0), folder + "/ridge.skops")
            self.om.models.put(folder + "/ridge.skops", "fits/ridge", verify=False)
        version = self.om.runtime.model("fits/ridge").fit(X, NUMBERS).get(timeout=120)
        self.assertEqual((version.number, version.native), (2, True))
        numpy.testing.assert_allclose(self.om.runtime.model("fits/ridge").predict(X).ravel(), NUMBERS, atol=1e-4)
        numpy.testing.assert_array_equal(self.om.runtime.model("fits/ridge:1").predict(X).ravel(), NUMBERS * 0)
