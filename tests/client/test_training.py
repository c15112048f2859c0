# SPDX-License-Identifier: Apache-2.0
"""fit, partial_fit, score and save of the adapters, as a job calls them: on the files of a version, whose copy is the
next one."""

import os
import tempfile
import unittest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy

from firn_worker import adapter
from firn_worker.fault import Fault

RANDOM = numpy.random.default_rng(11)
X = RANDOM.random((80, 3))
Y = 2 * X[:, 0] - X[:, 1]
LABELS = (X[:, 0] > 0.5).astype("int64")


def sklearn(folder):
    import joblib
    from sklearn.linear_model import SGDClassifier
    joblib.dump(SGDClassifier(random_state=0).fit(X[:9], LABELS[:9]), folder + "/model.joblib")
    return "scikit-learn", X, LABELS, {}, 0.8


def xgboost(folder):
    import xgboost as framework
    framework.train({"max_depth": 2}, framework.DMatrix(X[:9], Y[:9]), 2).save_model(folder + "/model.json")
    return "xgboost", X, Y, {"num_boost_round": 60}, 0.9


def lightgbm(folder):
    import lightgbm as framework
    framework.train({"verbose": -1, "min_data_in_leaf": 2}, framework.Dataset(X[:9], Y[:9]), 2).save_model(folder + "/model.txt")
    return "lightgbm", X, Y, {"num_boost_round": 60}, 0.9


def catboost(folder):
    import catboost as framework
    framework.CatBoostRegressor(iterations=3, verbose=False, allow_writing_files=False).fit(X[:9], Y[:9]).save_model(
        folder + "/model.cbm")
    return "catboost", X, Y, {}, -1


def keras(folder):
    import keras as framework
    model = framework.Sequential([framework.Input((3,)), framework.layers.Dense(1)])
    model.compile(framework.optimizers.Adam(0.1), "mse")
    model.save(folder + "/model.keras")
    return "keras", X.astype("float32"), Y.astype("float32"), {"epochs": 60, "verbose": 0}, None


def torch(folder):
    import torch as framework
    framework.jit.save(framework.jit.script(framework.nn.Linear(3, 1)), folder + "/model.pt")
    return "pytorch", X.astype("float32"), Y.astype("float32")[:, None], {"epochs": 120, "lr": 0.05}, 0.9


class Training(unittest.TestCase):
    def check(self, make):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as after:
            try:
                name, x, y, options, least = make(folder)
            except ImportError as why:
                self.skipTest(str(why))
            with open(folder + "/requirements.txt", "w") as file:
                file.write("# of the version\n")
            model = adapter.Model(folder)
            loaded = adapter.load(name, model)
            told = loaded.fit(x, y, **options)
            self.assertTrue(told is None or isinstance(told, dict))
            score = loaded.score(x, y)
            if least is None:
                self.assertLess(score["loss"], 0.05)
            else:
                self.assertGreater(score, least)
            adapter.save_version(loaded, model, after)
            self.assertEqual(sorted(os.listdir(after)), sorted(os.listdir(folder)))
            again = adapter.load(name, adapter.Model(after))
            second = again.score(x, y)
            numpy.testing.assert_allclose(list(second.values()) if least is None else second,
                                          list(score.values()) if least is None else score, rtol=1e-4)

    def test_what_cannot(self):
        class Plain(adapter.Loaded):
            pass

        for method in ("fit", "partial_fit", "score"):
            with self.assertRaises(Fault) as caught:
                getattr(Plain(), method)([1], [2])
            self.assertIn("Plain has no " + method, str(caught.exception))
        with self.assertRaises(Fault):
            Plain().save("/nowhere")

    def test_more_rounds(self):
        try:
            import xgboost as framework
        except ImportError as why:
            self.skipTest(str(why))
        booster = framework.train({}, framework.DMatrix(X, Y), 3)
        loaded = adapter.find("xgboost").of(booster)
        loaded.partial_fit(X, Y, num_boost_round=4)
        self.assertEqual((loaded.booster.num_boosted_rounds(), booster.num_boosted_rounds()), (7, 3))


for make in (sklearn, xgboost, lightgbm, catboost, keras, torch):
    setattr(Training, "test_" + make.__name__, lambda self, make=make: self.check(make))


if __name__ == "__main__":
    unittest.main()
