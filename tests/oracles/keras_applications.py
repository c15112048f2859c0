#!/usr/bin/env python3
"""Every architecture of keras.applications, with drawn weights and a small image, as .keras, .h5 and SavedModel, beside
`firn predict`; and the model of a user's guide: MobileNetV2 without its top as a layer of a Sequential, pooling and a
Dense. Each is built in a process of its own, whose memory goes when it has ended; one line each.

    scripts/python tests/oracles/keras_applications.py               all of them (an hour)
    scripts/python tests/oracles/keras_applications.py DenseNet      those whose names begin with a word
    scripts/python tests/oracles/keras_applications.py --small       those of less than 10 million weights
    scripts/python tests/oracles/keras_applications.py --part 2/10   every tenth, the second and on
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]
os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1")

import logging
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

sys.path.append(HERE)
from common import part_of, tally

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
RTOL = 1e-4  # of the largest value of a row
MINUTES = 15  # of one of them
SIDES = {
    "MobileNet": 64, "MobileNetV2": 64, "MobileNetV3Small": 64, "MobileNetV3Large": 64, "NASNetMobile": 64, "NASNetLarge": 96,
    "DenseNet121": 64, "DenseNet169": 64, "DenseNet201": 64, "InceptionV3": 96, "InceptionResNetV2": 96, "Xception": 96, "VGG16": 32, "VGG19": 32,
    "ResNet50": 64, "ResNet101": 64, "ResNet152": 64, "ResNet50V2": 64, "ResNet101V2": 64, "ResNet152V2": 64,
    "ConvNeXtTiny": 64, "ConvNeXtSmall": 64, "ConvNeXtBase": 64, "ConvNeXtLarge": 64, "ConvNeXtXLarge": 64,
    **{f"EfficientNetB{n}": 64 for n in range(8)}, **{f"EfficientNetV2{n}": 64 for n in ("B0", "B1", "B2", "B3", "S", "M", "L")},
}  # fmt: skip
GUIDE = "MobileNetV2-guide"
NEW = "all have a row"
SMALL = ["MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large", "NASNetMobile", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", GUIDE]


def guide():
    """MobileNetV2(include_top=False) as a layer, GlobalAveragePooling2D, Dense."""
    from keras import Sequential, applications, layers

    net = applications.MobileNetV2(input_shape=(192, 192, 3), include_top=False, weights=None)
    net.trainable = False
    return Sequential([layers.Input((192, 192, 3)), net, layers.GlobalAveragePooling2D(), layers.Dense(5)]), 192


def build(name):
    import keras

    if name == GUIDE:
        return guide()
    side = SIDES[name]
    return getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3), classes=10), side


def settle(model, random):
    """Statistics and scales that are not at their defaults, so that activations neither vanish nor explode: what the long
    rows of residual blocks of EfficientNetV2 add is a quarter, or rounding alone decides what the last ones say."""
    for weight in model.weights:
        if weight.path.endswith("project_bn/gamma"):
            weight.assign(random.uniform(0.2, 0.3, weight.shape))
        elif weight.path.endswith(("gamma", "moving_variance")):
            weight.assign(random.uniform(0.8, 1.2, weight.shape))
        elif weight.path.endswith(("beta", "moving_mean", "bias")):
            weight.assign(random.uniform(-0.1, 0.1, weight.shape))


def fault_of(got, want):
    if got.shape != want.shape:
        return f"shape {list(got.shape)} is not {list(want.shape)}"
    error = (np.abs(got - want).max(-1) / np.abs(want).max(-1)).max()
    if not error <= RTOL:
        return f"differs by {error:.2g} of the largest value"
    if (np.argsort(got, -1) != np.argsort(want, -1)).any() and np.abs(np.diff(np.sort(want, -1))).min() > 2 * RTOL * np.abs(want).max():
        return "another ranking of the classes"
    return None


def save(model, path):
    if path.suffix:
        model.save(path)
    else:
        model.export(str(path), verbose=False)


def work(name):
    """Builds, saves and asks; the faults. In a process of its own."""
    import keras
    from common import Refused, predict

    keras.utils.set_random_seed(7)
    random = np.random.default_rng(7)
    model, side = build(name)
    settle(model, random)
    x = random.uniform(0, 255, (2, side, side, 3)).astype("float32")
    want = np.asarray(model(x, training=False))
    moved = fault_of(np.asarray(model(x * np.float32(1 + 1e-7), training=False)), want)
    if moved:
        return [f": Keras beside itself, with its input moved by a rounding, {moved}"]
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.npy"
        np.save(file, x)
        for kind in ("model.keras", "model.h5", "model"):
            path = Path(folder) / kind
            save(model, path)
            begin = time.monotonic()
            try:
                fault = fault_of(next(iter(predict(path, [file], seconds=60 * MINUTES).values())), want)
            except Refused as refused:
                fault = "refused: " + " ".join(str(refused.args[1]).split())
            what = path.suffix or " SavedModel"
            print(f"TOOK {what.strip()} {time.monotonic() - begin:.1f} s", flush=True)
            faults += [f"{what}: {fault}"] if fault else []
    return faults


def faults_of(name):
    """(those that a process of its own finds, what firn took)."""
    try:
        done = subprocess.run([sys.executable, __file__, "--one", name], capture_output=True, text=True, timeout=60 * 3 * MINUTES)
    except subprocess.TimeoutExpired:
        return [f": not done in {3 * MINUTES} minutes"], ""
    found = [line.removeprefix("FAULT ") for line in done.stdout.splitlines() if line.startswith("FAULT ")]
    if done.returncode and not found:
        found = [f": its process ended with {done.returncode}: {' '.join(done.stderr.split())[-300:]}"]
    return found, ", ".join(line.removeprefix("TOOK ") for line in done.stdout.splitlines() if line.startswith("TOOK "))


def tell_new():
    """Of an architecture without a row."""
    from keras import applications

    new = sorted(name for name in dir(applications) if name[0].isupper() and name not in SIDES)
    print(*(f"FAULT : no row for {name}" for name in new), sep="\n")
    return int(bool(new))


def main():
    arguments = sys.argv[1:]
    if arguments == ["--one", NEW]:
        return tell_new()
    if arguments[:1] == ["--one"]:
        faults = work(arguments[1])
        for fault in faults:
            print(f"FAULT {fault}")
        return int(bool(faults))
    names = part_of(SMALL if "--small" in arguments else [NEW, *SIDES, GUIDE], arguments)
    words = [a for a in arguments if not a.startswith("-")]
    passed = failed = refused = 0
    for name in names:
        if words and not any(name.startswith(word) for word in words):
            continue
        begin = time.monotonic()
        faults, took = faults_of(name)
        passed += not faults
        failed += bool(faults)
        refused += bool(faults) and all(": refused: " in fault for fault in faults)
        for fault in faults:
            print(f"FAILED {name}{fault}", flush=True)
        if not faults and name != NEW:
            print(f"right {name}: {took}; {time.monotonic() - begin:.0f} s of all", flush=True)
    tally("keras applications", passed, refused, failed - refused)
    print(f"keras applications: {passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
