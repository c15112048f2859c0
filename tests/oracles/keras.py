#!/usr/bin/env python3
"""Keras as oracle: every layer with its options, saved as .keras and as .h5, beside `firn predict`.

    scripts/python tests/oracles/keras.py            all cases
    scripts/python tests/oracles/keras.py LSTM       those whose names hold a word
    scripts/python tests/oracles/keras.py --sample 4 every fourth case
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]  # this file is called keras
os.environ.update(KERAS_BACKEND=os.environ.get("KERAS_BACKEND", "jax"), JAX_PLATFORMS="cpu", OMP_NUM_THREADS="1")

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


def answers(model, data):
    want = model(data if len(data) > 1 else data[0], training=False)
    return [w.astype("float32") if str(w.dtype) == "bfloat16" else w for w in leaves(want)]


def tolerance(name):
    """Half floats: what a rounding or two of them makes of numbers near 1."""
    return (3e-2, 3e-2) if "bfloat16" in name else (4e-3, 4e-3) if "float16" in name else (RTOL, ATOL)


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
            fault = f"{len(got)} outputs" if len(got) != len(want) else next(filter(None, (differs(g, w, *tolerance(name)) for g, w in zip(got, want))), None)
            if fault:
                faults.append(f".{kind}: {fault}")
    if not faults:
        used.update(classes)
    return faults


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
    passed = failed = refused = 0
    for case in wanted(keras_models.CASES, arguments)[::step]:
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
    tally("keras", passed, refused, failed - refused)
    failed += missing
    print(f"keras: {passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
