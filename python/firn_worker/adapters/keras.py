# SPDX-License-Identifier: Apache-2.0
"""Keras models: .keras and HDF5, of Keras 3, of tf.keras before it (the package tf_keras) or of tensorflow.keras.

The signature is predict; its fields are the model's inputs and outputs by name."""
import importlib.util
import os

from firn_worker import adapter, tables, values

SUFFIXES = (".keras", ".h5", ".hdf5", ".json")


def package():
    present = [name for name in ("tensorflow", "jax", "torch") if importlib.util.find_spec(name)]
    if present:
        os.environ.setdefault("KERAS_BACKEND", present[0])
    for name in ("keras", "tf_keras"):
        try:
            return __import__(name)
        except ImportError:
            continue
    return adapter.need("tensorflow", "Keras models").keras


class Keras(adapter.Loaded):
    def __init__(self, model, path=None):
        self.model, self.path = model, path

    def contract(self):
        shapes = [fields(getattr(self.model, "inputs", None) or [], getattr(self.model, "input_names", None)),
                  fields(getattr(self.model, "outputs", None) or [], getattr(self.model, "output_names", None))]
        return [adapter.signature("predict", *shapes)] if all(shapes) else []

    def predict(self, signature, inputs):
        given = [inputs[field.name] for field in signature.inputs]
        result = self.model.predict(given if len(given) > 1 else given[0], verbose=0)
        if hasattr(result, "keys"):
            return {name: values.numpy.asarray(part) for name, part in result.items()}
        return tables.outputs(signature, result)

    def fit(self, x, y=None, **options):
        self.compiled(y)
        history = self.model.fit(x, y, verbose=options.pop("verbose", 2), **options)
        return {name: [float(v) for v in numbers] for name, numbers in history.history.items()}

    def partial_fit(self, x, y=None, **options):
        return self.fit(x, y, **options)

    def compiled(self, y):
        """A model that was saved without its optimizer gets one."""
        if getattr(self.model, "compiled", True) and getattr(self.model, "optimizer", None) is not None:
            return
        whole = y is not None and values.numpy.asarray(y).dtype.kind in "iub"
        self.model.compile("adam", "sparse_categorical_crossentropy" if whole else "mse")

    def score(self, x, y=None, **options):
        self.compiled(y)
        told = self.model.evaluate(x, y, verbose=0, return_dict=True, **options)
        return {name: float(value) for name, value in told.items()}

    def save(self, folder):
        path = os.path.join(folder, os.path.basename(self.path) if self.path else "model.keras")
        self.model.save(path)
        return path


def fields(tensors, names):
    made = []
    for i, tensor in enumerate(tensors):
        name = names[i] if names and i < len(names) else tensor.name.split(":")[0]
        dtype = getattr(tensor.dtype, "name", tensor.dtype)
        made.append(adapter.field(name, dtype, [-1 if n is None else n for n in tensor.shape]))
    return made


def of(model):
    return Keras(model)


def load(model):
    keras = package()
    path = model.path(*SUFFIXES)
    try:  # a Lambda's code runs here as everything does: in the sandbox
        return Keras(keras.models.load_model(path, safe_mode=False), path)
    except TypeError as why:  # before Keras had it
        if "safe_mode" not in str(why):
            raise
        return Keras(keras.models.load_model(path), path)
