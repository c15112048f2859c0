"""Every layer of keras_models as a SavedModel that Keras exports."""

import keras
import keras_models
import numpy as np
import tensorflow as tf
from keras_data import inputs_of, random_weights

from .savedmodel import ModelCase, asked


def exported(name, shapes, build, low):
    def make(folder):
        random = np.random.default_rng(len(name))
        keras.utils.clear_session()
        inputs = [keras.Input(s, name=f"input_{i}") for i, s in enumerate(shapes)]
        model = keras.Model(inputs, build(*inputs))
        random_weights(model, random)
        keras_models.CHANGES.get(name, lambda model: None)(model)
        path = folder / "model"
        model.export(str(path), verbose=False)
        data = inputs_of(shapes, low, random, empty="masked" in name)
        return asked(path, {"serving_default": {f"input_{i}": x for i, x in enumerate(data)}})

    return ModelCase(name, make)


# TensorFlow's own kernel refuses the shapes that Keras gives it, or cannot trace the operation over a batch of any size.
NOT_IN_TENSORFLOW = {"Conv2DTranspose output_padding same 2 3 0", "nested outputs", "ops.softmax axes", "ops.norm", "ops.isin", "ops.outer", "ops.pads"}


def cases():
    for case in keras_models.CASES:
        if case[0] not in NOT_IN_TENSORFLOW | keras_models.H5_ALONE:
            yield exported(*case)
