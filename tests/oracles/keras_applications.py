#!/usr/bin/env python3
"""Every architecture of keras.applications, with random weights and a small image, as .keras and as .h5, beside `firn predict`;
and the model of a user's guide: MobileNetV2 without its top as a layer of a Sequential, pooling and a Dense.

    scripts/python tests/oracles/keras_applications.py               all of them (an hour)
    scripts/python tests/oracles/keras_applications.py DenseNet      those whose names hold a word
    scripts/python tests/oracles/keras_applications.py --small       those of less than 10 million weights
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]
os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu", OMP_NUM_THREADS="1")

import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import keras
from keras import applications, layers

sys.path.append(HERE)
from common import Refused, predict, wanted

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
RTOL = 1e-4  # of the largest value of a row
SIDES = {"Xception": 71, "Inception": 75, "VGG": 32, "MobileNet": 32, "DenseNet": 32, "ResNet": 32, "ConvNeXt": 32, "EfficientNet": 32, "NASNet": 32}
SMALL = "MobileNet MobileNetV2 MobileNetV3Small MobileNetV3Large NASNetMobile DenseNet121 EfficientNetB0 EfficientNetV2B0 MobileNetV2-guide".split()


def guide():
    """seeds: MobileNetV2(include_top=False) as a layer, GlobalAveragePooling2D, Dense."""
    net = applications.MobileNetV2(input_shape=(192, 192, 3), include_top=False, weights=None)
    net.trainable = False
    return keras.Sequential([net, layers.GlobalAveragePooling2D(), layers.Dense(5)]), 192


def build(name):
    if name.endswith("-guide"):
        model, side = guide()
        model.build((None, side, side, 3))
        return model, side
    side = next(s for prefix, s in SIDES.items() if name.startswith(prefix) or prefix in name)
    return getattr(applications, name)(weights=None, input_shape=(side, side, 3), classes=10), side


def weights_of(model, random):
    """Statistics and factors away from their defaults; the initial kernels keep values in range."""
    for weight in model.weights:
        shape, path = weight.shape, weight.path
        if "variance" in path:
            weight.assign(random.uniform(0.5, 1.5, shape).astype("float32"))
        elif path.endswith(("gamma", "moving_mean", "beta", "bias")) and "normalization" not in path.rsplit("/", 1)[0]:
            weight.assign((np.asarray(weight) + random.normal(0, 0.1, shape)).astype("float32"))


def fault_of(got, want):
    if got.shape != want.shape:
        return f"shape {list(got.shape)} is not {list(want.shape)}"
    error = np.abs(got - want).max() / np.abs(want).max()
    if not error <= RTOL:
        return f"differs by {error:.2g} of the largest value"
    if (np.argsort(got, -1) != np.argsort(want, -1)).any() and np.abs(np.diff(np.sort(want, -1))).min() > 2 * RTOL * np.abs(want).max():
        return "another ranking of the classes"
    return None


def work(name):
    random = np.random.default_rng(7)
    keras.utils.clear_session()
    keras.utils.set_random_seed(7)
    model, side = build(name)
    weights_of(model, random)
    x = random.uniform(0, 255, (2, side, side, 3)).astype("float32")
    if name.startswith(("MobileNet-", "MobileNetV2", "ResNet", "VGG", "DenseNet", "Inception", "Xception", "NASNet")):
        x = x / 127.5 - 1
    want = np.asarray(model(x, training=False))
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.npy"
        np.save(file, x)
        for kind in ("keras", "h5"):
            path = Path(folder) / f"model.{kind}"
            model.save(path)
            try:
                fault = fault_of(next(iter(predict(path, [file]).values())), want)
            except Refused as refused:
                fault = " ".join(str(refused.args[1]).split())
            faults += [f".{kind}: {fault}"] if fault else []
            path.unlink()
    return faults


def main():
    arguments = sys.argv[1:]
    names = [n for n in dir(applications) if n[0].isupper()] + ["MobileNetV2-guide"]
    if "--small" in arguments:
        names = [n for n in names if n in SMALL]
    passed = failed = 0
    for (name,) in wanted([(n,) for n in names], arguments):
        faults = work(name)
        passed += not faults
        failed += bool(faults)
        for fault in faults:
            print(f"FAILED {name}{fault}", flush=True)
    print(f"keras applications: {passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
