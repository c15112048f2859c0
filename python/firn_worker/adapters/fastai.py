# SPDX-License-Identifier: Apache-2.0
"""Learners of fastai, as learn.export wrote them: rows of a table (a field a column), or batches of whatever the data
loader takes. Loading unpickles: only inside the sandbox."""
import os

from firn_worker import adapter, tables, values

SUFFIXES = (".pkl", ".pth", ".export")


class Learner(adapter.Loaded):
    def __init__(self, learner, path=None):
        self.learner, self.path = learner, path
        self.tabular = hasattr(learner.dls, "cont_names")

    def vocabulary(self):
        vocabulary = getattr(self.learner.dls, "vocab", None)
        return list(vocabulary) if vocabulary is not None and self.width() > 1 else None

    def width(self):
        count = getattr(self.learner.dls, "c", 1)
        return count if isinstance(count, int) else 1

    def contract(self):
        dls = self.learner.dls
        if not self.tabular:
            return []
        given = [adapter.field(name, "string", [-1]) for name in dls.cat_names] + \
                [adapter.field(name, "double", [-1]) for name in dls.cont_names]
        labels = self.vocabulary()
        proba = adapter.field("probabilities" if labels else "predict", "float",
                              [-1, self.width()], [str(v) for v in labels] if labels else None)
        made = [adapter.signature("predict_proba" if labels else "predict", given, [proba], True)]
        if labels:
            made.insert(0, adapter.signature("predict", given, [adapter.field(
                "predict", "string", [-1], [str(v) for v in labels])], True))
        return made

    def predict(self, signature, inputs):
        numpy = values.numpy
        if self.tabular:
            names = list(self.learner.dls.cat_names) + list(self.learner.dls.cont_names)
            data = self.learner.dls.test_dl(tables.frame(signature, inputs, names))
            with self.learner.no_bar(), self.learner.no_logging():
                result = self.learner.get_preds(dl=data)[0].numpy()
        else:
            import torch
            with torch.no_grad():
                given = [torch.from_numpy(numpy.array(inputs[field.name])) for field in signature.inputs]
                result = self.learner.model.eval()(*given).numpy()
        labels = self.vocabulary()
        if labels and signature.outputs[0].dtype == adapter.frame.STRING:
            result = numpy.array([str(labels[i]) for i in result.argmax(axis=1)], dtype=object)
        return tables.outputs(signature, result)

    def save(self, folder):
        path = os.path.join(folder, os.path.basename(self.path) if self.path else "export.pkl")
        self.learner.export(path)
        return path


def of(learner):
    return Learner(learner)


def load(model):
    adapter.need("fastai", "fastai models")
    import fastai.callback.progress  # noqa: F401 (gives learners no_bar)
    from fastai.learner import load_learner
    path = model.path(*SUFFIXES)
    return Learner(load_learner(path, cpu=True), path)
