"""Weights and inputs for the Keras models of the oracles."""

import numpy as np

BATCH = 3


def random_weights(model, random):
    """Nothing at its default; variances positive, counts kept."""
    for weight in model.weights:
        value = random.standard_normal(weight.shape) * 0.5
        if "variance" in getattr(weight, "path", weight.name):  # tf_keras has no paths
            value = np.abs(value) + 0.5
        if "float" in str(weight.dtype):
            weight.assign(value.astype("float32"))
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def inputs_of(shapes, low, random, empty=False):
    data = [random.integers(0, low, (BATCH, *s)).astype("float32") if low else random.standard_normal((BATCH, *s)).astype("float32") for s in shapes]
    for x in data:
        if x.ndim == 3 and not low and x.shape[1] > 2:
            x[0, -2:] = 0  # steps for Masking to find
            x[1, 1] = 0
            if empty:
                x[2] = 0
        elif low and empty and x.ndim == 2:
            x[0, -2:] = x[1, 1] = 0
            x[2] = 0
    return data
