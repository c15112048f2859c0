# SPDX-License-Identifier: Apache-2.0
"""Estimators of scikit-learn and what follows its interface, from pickle, joblib, dill, cloudpickle or skops: for
versions that firn does not run itself.

A signature is a method (predict, predict_proba, transform ...); its inputs are one matrix, or the columns of a table.
Loading a pickle runs what it names: only inside the sandbox."""
import os
import sys

from firn_worker import adapter, tables, values

SUFFIXES = (".joblib", ".jbl", ".pkl", ".pickle", ".dill", ".skops", ".pkl.gz", ".pkl.z")
METHODS = ("predict", "predict_proba", "decision_function", "transform")


def opened(path):
    with open(path, "rb") as file:
        head = file.read(4096)
    if head[:4] == b"PK\x03\x04":
        from skops import io
        return io.load(path, trusted=io.get_untrusted_types(file=path))
    try:
        import joblib
    except ImportError:
        import pickle
        with open(path, "rb") as file:
            return pickle.load(file)
    return joblib.load(path)


class Estimator(adapter.Loaded):
    def __init__(self, estimator, path=None, signatures=()):
        self.estimator, self.path = estimator, path
        for signature in signatures:
            if not callable(getattr(estimator, signature.name, None)):
                raise values.ValueFault("%s has no method \"%s\"" % (type(estimator).__name__, signature.name))

    def what(self, signature):
        return "method \"%s\"" % signature.name

    # --- contract ---

    def contract(self, sample=None):
        """`sample`: rows, as the estimator takes them, where it does not say which types its columns have."""
        numpy = values.numpy
        features = getattr(self.estimator, "n_features_in_", None)
        names = getattr(self.estimator, "feature_names_in_", None)
        if sample is not None:
            names = list(sample.columns) if hasattr(sample, "columns") else None
            features = None if names is not None else numpy.shape(sample)[1]
        if features is None and names is None:
            return []
        given = tables.inputs_of(features, names, "double" if sample is None or names is not None else
                                 numpy.asarray(sample).dtype,
                                 [sample[name].dtype for name in names] if sample is not None and names else None)
        classes = getattr(self.estimator, "classes_", None)
        if isinstance(classes, list):  # several outputs
            return []
        made = []
        for method in METHODS:
            if not callable(getattr(self.estimator, method, None)):
                continue
            try:  # rows of zeros tell types and widths; what refuses them is left to the caller
                rows = sample if sample is not None else numpy.zeros((2, len(names) if names is not None else features))
                if names is not None and sample is None:
                    import pandas
                    rows = pandas.DataFrame(rows, columns=list(names))
                result = dense(getattr(self.estimator, method)(rows))
            except Exception:
                continue
            if isinstance(result, (list, tuple)):
                continue
            result = numpy.asarray(result)
            known = [values.numpy.asarray(c).item() for c in classes] if classes is not None and \
                method in ("predict", "predict_proba") else None
            made.append(adapter.signature(method, given, [adapter.field(
                method, result.dtype, [-1] + list(result.shape[1:]), known)], names is not None))
        return made

    # --- asking ---

    def rows(self, signature, inputs):
        names = getattr(self.estimator, "feature_names_in_", None)
        if names is not None:
            return tables.frame(signature, inputs, names)
        return tables.matrix(signature, inputs)

    def predict(self, signature, inputs):
        result = dense(getattr(self.estimator, signature.name)(self.rows(signature, inputs)))
        return tables.outputs(signature, result)

    # --- training ---

    def fit(self, x, y=None, **options):
        fitted = self.estimator.fit(x, y, **options)
        self.estimator = self.estimator if fitted is None else fitted

    def partial_fit(self, x, y=None, **options):
        if not hasattr(self.estimator, "partial_fit"):
            raise self.cannot("partial_fit")
        self.estimator.partial_fit(x, y, **options)

    def score(self, x, y=None, **options):
        return float(self.estimator.score(x, y, **options))

    def save(self, folder):
        path = os.path.join(folder, os.path.basename(self.path) if self.path else "model.joblib")
        if path.endswith(".skops"):
            from skops import io
            io.dump(self.estimator, path)
            return path
        try:
            import joblib
            joblib.dump(self.estimator, path)
        except Exception:  # a lambda in it
            import cloudpickle
            with open(path, "wb") as file:
                cloudpickle.dump(self.estimator, file, protocol=4)
        return path


def dense(result):
    return result.toarray() if hasattr(result, "toarray") else result


def of(estimator):
    return Estimator(estimator)


def load(model):
    if values.numpy is None:
        raise values.ValueFault("scikit-learn models need numpy, which this Python does not have")
    path = model.path(*SUFFIXES)
    source = os.path.join(model.files, "src")
    if os.path.isdir(source):  # modules of the user's own
        sys.path.insert(0, source)
    return Estimator(opened(path), path, model.signatures)
