#!/usr/bin/env python3
"""Keras as oracle: every layer with its options, saved as .keras and as .h5, beside `firn predict`.

    scripts/python tests/oracles/keras.py            all cases
    scripts/python tests/oracles/keras.py LSTM       those whose names hold a word
    scripts/python tests/oracles/keras.py --sample 4 every fourth case
    scripts/python tests/oracles/keras.py --extremes all, asked for zeros, tiny and large numbers
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]  # this file is called keras
os.environ.update(KERAS_BACKEND=os.environ.get("KERAS_BACKEND", "tensorflow"), CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0", JAX_PLATFORMS="cpu", OMP_NUM_THREADS="1")

import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import keras

sys.path.append(HERE)
import keras_classes
import keras_models
from common import Refused, differs, predict, tally, wanted
from keras_data import inputs_of, random_weights

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
RTOL, ATOL = 1e-5, 1e-5
# Numbers that grow beyond a float from step to step; hues of pixels that TensorFlow flushes to zero.
UNBOUNDED = ("leaky_relu linear", "SimpleRNN exponential", "ops.image.colours")
# Keras 3.15 on TensorFlow ends with a fault here; KERAS_BACKEND=jax asks them.
JAX_ALONE = {"Conv2DTranspose output_padding same 2 3 0", "ops.softmax axes", "ops.norm", "ops.pads"} if keras.backend.backend() == "tensorflow" else set()
EXTREMES = (0, 1e-9, 1e4) if "--extremes" in sys.argv else ()  # the three rows are multiplied with these


def answers(model, data):
    want = model(data if len(data) > 1 else data[0], training=False)
    return [w.astype("float32") if str(w.dtype) == "bfloat16" else w for w in leaves(want)]


def tolerance(name):
    """Half floats: what a rounding or two of them makes of numbers near 1."""
    return (3e-2, 3e-2) if "bfloat16" in name else (4e-3, 4e-3) if "float16" in name else (RTOL, ATOL)


def rows_differ(got, want):
    """Of numbers of any size: as a share of the largest in each row; of the tiny ones TensorFlow's exp(x) - 1 is 0."""
    for row in range(len(want)):
        scale = np.abs(want[row], where=np.isfinite(want[row]), out=np.zeros_like(want[row])).max(initial=1e-30) if want.dtype.kind == "f" else 0
        fault = differs(got[row : row + 1], want[row : row + 1], RTOL, RTOL * float(scale) + 3e-9)
        if fault:
            return f"row {row}: {fault}"
    return None


def leaves(answer):
    """A tree of outputs as a list, dictionaries by their keys."""
    if isinstance(answer, dict):
        return [leaf for key in sorted(answer) for leaf in leaves(answer[key])]
    return [leaf for item in answer for leaf in leaves(item)] if isinstance(answer, (list, tuple)) else [np.asarray(answer)]


def work(case, used):
    name, shapes, build, low = case
    random = np.random.default_rng(len(name))
    keras.utils.clear_session()
    inputs = [keras.Input(s) for s in shapes]
    model = keras.Model(inputs, build(*inputs))
    classes = classes_in(model)
    random_weights(model, random)
    keras_models.CHANGES.get(name, lambda model: None)(model)
    data = inputs_of(shapes, low, random, empty="masked" in name)
    if EXTREMES and not low:
        data = [x * np.float32(EXTREMES).reshape(-1, *[1] * (x.ndim - 1)) for x in data]
    want = answers(model, data)
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for i, x in enumerate(data):
            files.append(Path(folder) / f"{i}.npy")
            np.save(files[-1], x)
        for kind in ("keras", "h5")[name in keras_models.H5_ALONE :]:
            path = Path(folder) / f"model.{kind}"
            model.save(path)
            try:
                got = list(predict(path, files).values())
            except Refused as refused:
                faults.append(f".{kind}: refused: {' '.join(str(refused.args[1]).split())}")
                continue
            fault = f"{len(got)} outputs" if len(got) != len(want) else next(filter(None, (compare(g, w, name) for g, w in zip(got, want))), None)
            if fault:
                faults.append(f".{kind}: {fault}")
    if not faults:
        used.update(classes)
    return faults


def compare(got, want, name):
    if EXTREMES and "float16" not in name and got.shape == want.shape and want.ndim:
        return rows_differ(got, want)
    return differs(got, want, *tolerance(name))


def classes_in(model):
    """Names of the classes of all layers, those inside others too."""
    return {type(layer).__name__ for layer in model._flatten_layers()}


def summary(used):
    """The table of all classes; how many are neither served nor refused for a reason."""
    rows = keras_classes.table(used)
    for name, state, why in rows:
        print(f"{name:45} {state:8} {why}")
    counts = {state: sum(s == state for _, s, _ in rows) for state in ("served", "refused", "missing")}
    print(f"classes of keras.layers: {counts['served']} served, {counts['refused']} refused, {counts['missing']} missing")
    return counts["missing"]


def main():
    arguments = sys.argv[1:]
    step = int(arguments.pop(arguments.index("--sample") + 1)) if "--sample" in arguments else 1
    used, missing = set(), 0
    passed = failed = refused = skipped = 0
    for case in wanted(keras_models.CASES, arguments)[::step]:
        if case[0] in JAX_ALONE or EXTREMES and any(word in case[0] for word in UNBOUNDED):
            skipped += 1
            print(f"SKIPPED {case[0]}: {'Keras on TensorFlow does not answer' if case[0] in JAX_ALONE else 'its numbers have no bounds'}")
            continue
        try:
            faults = work(case, used)
        except Exception as error:  # of Keras itself
            faults = [f"Keras: {' '.join(str(error).split())[:300]}"]
        passed += not faults
        failed += bool(faults)
        refused += bool(faults) and all(": refused: " in fault for fault in faults)
        for fault in faults:
            print(f"FAILED {case[0]}: {fault}", flush=True)
    if step == 1 and not arguments:
        missing = summary(used)
    tally("keras", passed, refused, failed - refused, skipped)
    failed += missing
    print(f"keras: {passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
