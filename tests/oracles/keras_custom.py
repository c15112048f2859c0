#!/usr/bin/env python3
"""Classes of users under the names of Keras's own, as .keras: their code is not in the file, so that each must be refused
by name, not answered as Keras's class would.

    scripts/python tests/oracles/keras_custom.py
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]
os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu", OMP_NUM_THREADS="1")

import logging
import tempfile
from pathlib import Path

import numpy as np
import keras
from keras import layers as L

sys.path.append(HERE)
from common import Refused, predict

logging.disable(logging.WARNING)
REFUSED = 6  # firn's exit code


def named(base, name, registered=None, **methods):
    made = type(name, (base,), methods)
    return keras.saving.register_keras_serializable(registered)(made) if registered else made


def thrice(self, inputs):
    return inputs * 3


def after(shape, layer):
    x = L.Input(shape)
    return keras.Model(x, layer(x))


def models():
    """(name, model, which class is at fault)"""
    for registered in (None, "mine"):
        how = registered or "custom"
        for name in ("Dropout", "Identity", "ReLU", "Softmax"):
            layer = named(L.Layer, name, registered, call=thrice, compute_output_shape=lambda self, shape: shape)
            yield f"{how} {name}", after((3,), layer()), f"{how}>{name}"
            yield f"{how} {name} in TimeDistributed", after((4, 3), L.TimeDistributed(layer())), f"{how}>{name}"
            yield f"{how} {name} as activation", after((3,), L.Dense(2, activation=layer())), f"{how}>{name}"
        cell = named(L.LSTMCell, "LSTMCell", registered, call=lambda self, inputs, states, training=False: L.LSTMCell.call(self, inputs * 2, states))
        yield f"{how} LSTMCell", after((4, 3), L.RNN(cell(2))), "LSTMCell"
        yield f"{how} cells", after((4, 3), L.RNN(L.StackedRNNCells([L.LSTMCell(2), cell(2)]))), "LSTMCell"
        dense = named(L.Dense, "Dense", registered, call=lambda self, inputs, training=None: L.Dense.call(self, inputs) * 2)
        yield f"{how} Dense", after((3,), dense(2)), f"{how}>Dense"
        model = named(keras.Sequential, "Sequential", registered, call=lambda self, inputs, training=None, mask=None: keras.Sequential.call(self, inputs) * 2)
        yield f"{how} Sequential", model([L.Input((3,)), L.Dense(2)]), "Sequential"
        yield f"{how} Sequential within", after((3,), model([L.Input((3,)), L.Dense(2)])), "Sequential"


def fault_of(model, word):
    with tempfile.TemporaryDirectory() as folder:
        file, path = f"{folder}/x.npy", Path(folder) / "model.keras"
        np.save(file, np.ones((1, *model.inputs[0].shape[1:]), "float32"))
        model.save(path)
        try:
            predict(path, [file])
        except Refused as refused:
            code, sentence = refused.args
            return None if code == REFUSED and word in sentence else f"exit {code}: {' '.join(sentence.split())}"
    return "it was answered"


def main():
    passed = failed = 0
    for name, model, word in models():
        fault = fault_of(model, word)
        passed += not fault
        failed += bool(fault)
        if fault:
            print(f"FAILED {name}: {fault}", flush=True)
    print(f"keras custom: {passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
