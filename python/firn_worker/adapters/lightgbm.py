# SPDX-License-Identifier: Apache-2.0
"""Boosters of LightGBM, from their text."""
import os

from firn_worker import adapter, tables, values

SUFFIXES = (".txt", ".lgb", ".model")


class Booster(adapter.Loaded):
    def __init__(self, booster, path=None):
        self.lightgbm = adapter.need("lightgbm", "LightGBM models")
        self.booster, self.path = booster, path

    def names(self):
        """Those of the columns, where they are more than their numbers."""
        names = self.booster.feature_name()
        return None if names == ["Column_%d" % i for i in range(len(names))] else names

    def contract(self):
        names = self.names()
        features = self.booster.num_feature()
        result = self.booster.predict(values.numpy.zeros((2, features)))
        return [adapter.signature("predict", tables.inputs_of(features, names), [
            adapter.field("predict", result.dtype, [-1] + list(result.shape[1:]))], names is not None)]

    def predict(self, signature, inputs):
        return tables.outputs(signature, self.booster.predict(tables.matrix(signature, inputs)))

    def fit(self, x, y=None, num_boost_round=None, params=None, **options):
        self.train(x, y, num_boost_round or self.booster.num_trees() or 100, params, None, options)

    def partial_fit(self, x, y=None, num_boost_round=10, params=None, **options):
        self.train(x, y, num_boost_round, params, self.booster, options)

    def train(self, x, y, rounds, params, start, options):
        wanted = {key: value for key, value in (self.booster.params or {}).items()
                  if key not in ("num_iterations", "num_boost_round", "num_trees", "data", "input_model", "output_model")}
        wanted.update(params or {})
        data = self.lightgbm.Dataset(x, label=y, feature_name=self.names() or "auto")
        self.booster = self.lightgbm.train(wanted, data, rounds, init_model=start, **options)

    def score(self, x, y=None, **options):
        numpy = values.numpy
        result, truth = self.booster.predict(x), numpy.asarray(y)
        if result.ndim > 1:
            return float((result.argmax(axis=1) == truth).mean())
        if str((self.booster.params or {}).get("objective", "")).startswith("binary"):
            return float(((result > 0.5) == truth).mean())
        return float(1 - ((truth - result) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())

    def save(self, folder):
        path = os.path.join(folder, os.path.basename(self.path) if self.path else "model.txt")
        self.booster.save_model(path)
        return path


def of(model):
    return Booster(getattr(model, "booster_", model))


def load(model):
    lightgbm = adapter.need("lightgbm", "LightGBM models")
    path = model.path(*SUFFIXES)
    return Booster(lightgbm.Booster(model_file=path), path)
