# SPDX-License-Identifier: Apache-2.0
"""Boosters of XGBoost: JSON, UBJSON, or the old binary form for versions that read it.

A model that a scikit-learn wrapper saved says so in its attributes: classifiers then answer predict (the index of
the class) and predict_proba; everything else answers predict with what the objective gives."""
import json

from firn_worker import adapter, tables, values

SUFFIXES = (".ubj", ".json", ".model", ".bst", ".xgb", ".bin", ".deprecated")


class Booster(adapter.Loaded):
    def __init__(self, booster, path=None, classifier=False):
        self.xgboost = adapter.need("xgboost", "XGBoost models")
        self.booster, self.path = booster, path
        said = booster.attributes().get("scikit_learn")
        kind = json.loads(said).get("_estimator_type") if said else None
        self.classifier = classifier or kind == "classifier"

    def contract(self):
        numpy = values.numpy
        features = self.booster.num_features()
        names = self.booster.feature_names
        given = tables.inputs_of(features, names, "float")
        rows = numpy.zeros((2, features), dtype="float32")
        result = self.raw(rows)
        shape = [-1] + list(result.shape[1:])
        if not self.classifier:
            return [adapter.signature("predict", given, [adapter.field("predict", "float", shape)], bool(names))]
        count = 2 if result.ndim == 1 else result.shape[1]
        labels = list(range(count))
        return [adapter.signature("predict", given, [adapter.field("predict", "int64", [-1], labels)], bool(names)),
                adapter.signature("predict_proba", given, [adapter.field("predict_proba", "float", [-1, count], labels)],
                                  bool(names))]

    def data(self, rows, labels=None):
        return self.xgboost.DMatrix(rows, label=labels, feature_names=self.booster.feature_names,
                                    feature_types=self.booster.feature_types,
                                    enable_categorical="c" in (self.booster.feature_types or ()))

    def raw(self, rows):
        best = self.booster.attributes().get("best_iteration")
        limit = (0, int(best) + 1) if best is not None else (0, 0)
        return self.booster.predict(self.data(rows), iteration_range=limit)

    def predict(self, signature, inputs):
        numpy = values.numpy
        result = self.raw(tables.matrix(signature, inputs).astype("float32"))
        if self.classifier and result.ndim == 1:  # the second class's
            result = numpy.column_stack([1 - result, result])
        if self.classifier and signature.name == "predict":
            result = result.argmax(axis=1)
        return tables.outputs(signature, result)

    def fit(self, x, y=None, num_boost_round=None, params=None, **options):
        rounds = num_boost_round or self.booster.num_boosted_rounds() or 10
        self.train(x, y, rounds, params, None, options)

    def partial_fit(self, x, y=None, num_boost_round=10, params=None, **options):
        self.train(x, y, num_boost_round, params, self.booster, options)

    def train(self, x, y, rounds, params, start, options):
        wanted = dict(settings(self.booster))
        wanted.update(params or {})
        attributes = self.booster.attributes()
        made = self.xgboost.train(wanted, self.data(x, y), rounds, xgb_model=start, **options)
        made.set_attr(**{key: value for key, value in attributes.items() if key == "scikit_learn"})
        self.booster = made

    def score(self, x, y=None, **options):
        numpy = values.numpy
        result, truth = self.raw(numpy.asarray(x, dtype="float32")), numpy.asarray(y)
        if self.classifier or result.ndim > 1:
            guess = result.argmax(axis=1) if result.ndim > 1 else result > 0.5
            return float((guess == truth).mean())
        return float(1 - ((truth - result) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())

    def save(self, folder):
        import os
        path = os.path.join(folder, os.path.basename(self.path) if self.path else "model.ubj")
        self.booster.save_model(path)
        return path


def settings(booster):
    """The parameters that a booster was trained with, as xgboost.train takes them."""
    learner = json.loads(booster.save_config())["learner"]
    found = {"objective": learner["objective"]["name"], "booster": learner["gradient_booster"]["name"]}
    train = learner["gradient_booster"].get("tree_train_param", {})
    for name in ("eta", "learning_rate", "max_depth", "min_child_weight", "subsample", "gamma", "reg_lambda", "reg_alpha",
                 "lambda", "alpha", "colsample_bytree", "max_leaves", "grow_policy", "max_bin"):
        if name in train:
            found[name] = train[name]
    classes = learner["learner_model_param"].get("num_class", "0")
    if classes != "0":
        found["num_class"] = classes
    return found


def of(model):
    if hasattr(model, "get_booster"):
        return Booster(model.get_booster(), None, hasattr(model, "predict_proba"))
    return Booster(model)


def load(model):
    xgboost = adapter.need("xgboost", "XGBoost models")
    path = model.path(*SUFFIXES)
    booster = xgboost.Booster()
    booster.load_model(path)
    return Booster(booster, path)
