#!/usr/bin/env python3
"""Keras as oracle of layers with options drawn at random, saved as .keras and .h5 (and exported as a SavedModel where TensorFlow is the backend), beside `firn predict`.

    scripts/python tests/oracles/keras_random.py 1 400        cases 1 ... 400
    scripts/python tests/oracles/keras_random.py 17           case 17, with its configuration
    scripts/python tests/oracles/keras_random.py 1 400 LSTM   of these, those whose names hold a word
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.update(JAX_PLATFORMS="cpu", OMP_NUM_THREADS="1", TF_CPP_MIN_LOG_LEVEL="3")

import json
import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import keras

sys.path.append(HERE)
from common import Refused, differs, predict, tally
from keras_data import inputs_of, random_weights
from keras_draws import DRAWS, Draw

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
RTOL = ATOL = 2e-5


def leaves(answer):
    if isinstance(answer, dict):
        return [leaf for key in sorted(answer) for leaf in leaves(answer[key])]
    return [leaf for item in answer for leaf in leaves(item)] if isinstance(answer, (list, tuple)) else [np.asarray(answer)]


def made(number, words):
    """(name, model, data); None: its name has none of the words"""
    draw = Draw(number)
    name = draw.pick(sorted(DRAWS))
    if words and not any(word in name for word in words):
        return None
    keras.backend.clear_session()
    keras.utils.set_random_seed(number)
    shapes, build, low = DRAWS[name](draw)
    inputs = [keras.Input(draw.opened(s), name=f"input_{i}") for i, s in enumerate(shapes)]
    model = keras.Model(inputs, build(*inputs))
    random = np.random.default_rng(number)
    random_weights(model, random)
    return name, model, inputs_of(shapes, low, random, empty=draw.maybe(0.3))


def saved(model, folder):
    for kind in ("keras", "h5"):
        path = Path(folder) / f"model.{kind}"
        model.save(path)
        yield path
    if keras.backend.backend() == "tensorflow":
        path = Path(folder) / "exported"
        model.export(str(path), verbose=False)
        yield path


def exported(path, model, data):
    """As TensorFlow answers it: exports of TimeDistributed with open steps are not what the model is."""
    import tensorflow

    signature = tensorflow.saved_model.load(str(path)).signatures["serving_default"]
    answers = signature(**{x.name: tensorflow.constant(array) for x, array in zip(model.inputs, data)})
    return [answers[name].numpy() for name in sorted(answers, key=lambda name: int(name.rsplit("_", 1)[-1]))]


def work(model, data):
    want = leaves(model(data if len(data) > 1 else data[0], training=False))
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for i, x in enumerate(data):
            files.append(Path(folder) / f"{i}.npy")
            np.save(files[-1], x)
        for path in saved(model, folder):
            try:
                got = list(predict(path, files).values())
            except Refused as refused:
                yield f"{path.suffix or 'saved'}: refused: {' '.join(str(refused.args[1]).split())}"
                continue
            want = want if path.suffix else exported(path, model, data)
            fault = f"{len(got)} outputs" if len(got) != len(want) else next(filter(None, (differs(g, w, RTOL, ATOL) for g, w in zip(got, want))), None)
            if fault:
                yield f"{path.suffix or 'saved'}: {fault}"


def described(model):
    return "; ".join(json.dumps({k: v for k, v in layer.get_config().items() if not k.endswith(("_initializer", "_regularizer", "_constraint"))}, default=str) for layer in model.layers)


def main():
    numbers = [int(a) for a in sys.argv[1:3] if a.isdigit()]
    words = [a for a in sys.argv[1:] if not a.isdigit()]
    first, last = numbers[0], numbers[-1]
    counts = {"passed": 0, "refused": 0, "wrong": 0, "of Keras": 0}
    for number in range(first, last + 1):
        try:
            drawn = made(number, words)
            if not drawn:
                continue
            name, model, data = drawn
            faults = list(work(model, data))
        except Exception as error:  # of Keras itself: options that it does not take together
            counts["of Keras"] += 1
            if first == last:
                raise
            continue
        refused = faults and all(": refused: " in fault for fault in faults)
        counts["refused" if refused else "wrong" if faults else "passed"] += 1
        for fault in faults:
            print(f"FAILED {number} {name}: {fault}", flush=True)
        if faults and (not refused or first == last):
            print("      ", described(model)[:3000], [x.shape for x in data], flush=True)
    print(f"{counts['of Keras']} drawn that Keras does not take")
    tally("keras random", counts["passed"], counts["refused"], counts["wrong"])
    print(f"keras random: {counts['passed'] + counts['refused']} passed, {counts['wrong']} failed")
    return int(counts["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main())
