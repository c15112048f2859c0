# SPDX-License-Identifier: Apache-2.0
"""Models of CatBoost (cbm, JSON): a classifier answers predict and predict_proba, others predict."""
import os

from firn_worker import adapter, tables, values

SUFFIXES = (".cbm", ".bin", ".json")
DROPPED = ("loss_function", "classes_count", "class_names")  # which a fit finds out again


class CatBoost(adapter.Loaded):
    def __init__(self, model, path=None):
        self.catboost = adapter.need("catboost", "CatBoost models")
        self.model, self.path = model, path
        self.texts = set(model.get_cat_feature_indices()) | set(model.get_text_feature_indices())

    def names(self):
        names = self.model.feature_names_
        numbers = [str(i) for i in range(len(names))]
        return None if names == numbers and not self.texts else names

    def methods(self):
        return ("predict", "predict_proba") if hasattr(self.model, "predict_proba") else ("predict",)

    def contract(self):
        names, numpy = self.names(), values.numpy
        count = len(self.model.feature_names_)
        kinds = ["string" if i in self.texts else "double" for i in range(count)]
        rows = [["" if i in self.texts else 0.0 for i in range(count)]] * 2
        classes = [numpy.asarray(c).item() for c in self.model.classes_] if self.model.classes_ is not None else []
        made = []
        for method in self.methods():
            result = self.plain(method, rows)
            made.append(adapter.signature(method, tables.inputs_of(count, names, "double", kinds), [
                adapter.field(method, result.dtype, [-1] + list(result.shape[1:]), classes or None)], names is not None))
        return made

    def plain(self, method, rows):
        result = values.numpy.asarray(getattr(self.model, method)(rows))
        one = method == "predict" and result.ndim == 2 and result.shape[1] == 1
        return result[:, 0] if one else result

    def predict(self, signature, inputs):
        if self.names() is None:
            rows = tables.matrix(signature, inputs)
        else:
            rows = tables.frame(signature, inputs, self.names())
        return tables.outputs(signature, self.plain(signature.name, rows))

    def fit(self, x, y=None, **options):
        wanted = {k: v for k, v in self.model.get_params().items() if k not in DROPPED}
        if not wanted:  # what a file keeps of its training
            wanted = {"iterations": self.model.tree_count_}
        self.model = type(self.model)(**dict(wanted, allow_writing_files=False, verbose=False))
        self.model.fit(x, y, cat_features=sorted(self.texts) or None, **options)

    def partial_fit(self, x, y=None, iterations=10, **options):
        before = self.model
        self.model = type(before)(iterations=iterations, allow_writing_files=False, verbose=False)
        self.model.fit(x, y, init_model=before, cat_features=sorted(self.texts) or None, **options)

    def score(self, x, y=None, **options):
        return float(self.model.score(x, y))

    def save(self, folder):
        path = os.path.join(folder, os.path.basename(self.path) if self.path else "model.cbm")
        self.model.save_model(path, format="json" if path.endswith(".json") else "cbm")
        return path


def of(model):
    return CatBoost(model)


def load(model):
    catboost = adapter.need("catboost", "CatBoost models")
    path = model.path(*SUFFIXES)
    kind = "json" if path.endswith(".json") else "cbm"
    loaded = catboost.CatBoost().load_model(path, format=kind)
    classes = loaded.classes_
    wrapper = catboost.CatBoostClassifier if classes is not None and len(classes) else catboost.CatBoostRegressor
    return CatBoost(wrapper().load_model(path, format=kind), path)
