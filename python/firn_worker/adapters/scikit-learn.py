# SPDX-License-Identifier: Apache-2.0
"""Estimators of scikit-learn, from pickle, joblib or skops: for versions that firn does not run itself.

A signature is a method (predict, predict_proba, transform ...); its inputs are one matrix, or the columns of a table.
Loading a pickle runs what it names: only inside the sandbox."""
import importlib
import os

from firn_worker import values


SUFFIXES = (".joblib", ".pkl", ".pickle", ".skops", ".pkl.gz", ".pkl.z")


def model_file(folder):
    """The one file of a model, or the one with a name that says so."""
    paths = [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names]
    named = [path for path in paths if path.endswith(SUFFIXES)]
    found = named or [path for path in paths if os.path.basename(path) not in ("serving.yaml", "requirements.txt")]
    if len(found) != 1:
        raise values.ValueFault("%d files could be the model: %s" % (
            len(found), ", ".join(sorted(os.path.relpath(path, folder) for path in found)[:10])))
    return found[0]


def opened(path):
    with open(path, "rb") as file:
        head = file.read(4)
    if head == b"PK\x03\x04":
        from skops import io
        return io.load(path, trusted=io.get_untrusted_types(file=path))
    try:
        import joblib
    except ImportError:
        import pickle
        with open(path, "rb") as file:
            return pickle.load(file)
    return joblib.load(path)


class Estimator:
    def __init__(self, estimator, signatures):
        self.estimator = estimator
        for signature in signatures:
            if not callable(getattr(estimator, signature.name, None)):
                raise values.ValueFault("%s has no method \"%s\"" % (type(estimator).__name__, signature.name))

    @staticmethod
    def what(signature):
        return "method \"%s\"" % signature.name

    def table(self, signature, inputs):
        """What the method gets: the matrix, or the columns side by side, as a frame when it was fitted on one."""
        numpy = values.numpy
        if len(signature.inputs) == 1 and numpy.ndim(inputs[signature.inputs[0].name]) != 1:
            return inputs[signature.inputs[0].name]
        names = [field.name for field in signature.inputs]
        columns = [numpy.atleast_1d(inputs[name]) for name in names]
        fitted = getattr(self.estimator, "feature_names_in_", None)
        if fitted is None and len(columns) == 1:
            return columns[0]
        if fitted is not None:
            import pandas
            return pandas.DataFrame(dict(zip(names, columns)), columns=names)
        return numpy.column_stack(columns)

    def run(self, signature, inputs):
        result = getattr(self.estimator, signature.name)(self.table(signature, inputs))
        if hasattr(result, "toarray"):
            result = result.toarray()
        parts = result if isinstance(result, (list, tuple)) and len(signature.outputs) > 1 else [result]
        if len(parts) != len(signature.outputs):
            raise values.ValueFault("it returned %d results, not %d" % (len(parts), len(signature.outputs)))
        return {field.name: fitted_type(part, field) for part, field in zip(parts, signature.outputs)}


def fitted_type(value, field):
    """In the field's type, where nothing is lost by that."""
    numpy = values.numpy
    value = numpy.asarray(value)
    name = values.DTYPES[field.dtype][2]
    if value.dtype.kind in "biuf" and name != "object" and value.dtype != name:
        with numpy.errstate(all="ignore"):
            other = value.astype(name)
        if numpy.array_equal(other.astype(value.dtype), value):
            return other
    return value


def load(model):
    if values.numpy is None:
        raise values.ValueFault("scikit-learn models need numpy, which this Python does not have")
    importlib.import_module("sklearn")
    return Estimator(opened(model_file(model.files)), model.signatures)
