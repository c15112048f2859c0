#!/usr/bin/env python3
"""Keras as oracle of whole models drawn at random: branches, shared layers, models in models, masks, open dimensions, several outputs, dtype policies; saved as .keras, .h5 and SavedModel, beside `firn predict`.

    scripts/python tests/oracles/keras_compositions.py 1 200             models 1 ... 200
    scripts/python tests/oracles/keras_compositions.py 17                model 17, with its layers
    PYTHON tests/oracles/keras_compositions.py --legacy 1 200            as Keras 2 saves them, where PYTHON has tf_keras
    scripts/python tests/oracles/keras_compositions.py --policy mixed_float16 1 50
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]
os.environ.update(KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3", TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1", TF_ENABLE_ONEDNN_OPTS="0", OMP_NUM_THREADS="1")
LEGACY = "--legacy" in sys.argv

import argparse
import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
try:
    import tensorflow as tf
    if LEGACY:
        import tf_keras as keras
    else:
        import keras
except ImportError as error:
    sys.exit(f"SKIPPED keras_compositions: there is no {error.name}")
L = keras.layers

sys.path.append(HERE)
from common import Refused, differs, predict_files, tally
from keras_data import random_weights

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
tf.get_logger().setLevel("ERROR")
BATCH, STEPS, SIDE = 3, 6, 8
TOLERANCES = {"bfloat16": 10 * 2**-7, "float16": 20 * 2**-10, "float64": 1e-9}  # roundings of a half float one after another
SINGLE = 1e-6  # what TensorFlow interpolates is float32 in models of float64 too
ACTIVATIONS = [None, "relu", "tanh", "sigmoid", "elu", "gelu", "softplus", "swish", "softmax", "selu"]


class Draw:
    def __init__(self, number):
        self.random = np.random.default_rng([number, 77])
        self.log = []

    def pick(self, items):
        return items[int(self.random.integers(len(items)))]

    def maybe(self, share=0.5):
        return bool(self.random.random() < share)

    def number(self, low, high):
        return int(self.random.integers(low, high + 1))

    def activation(self):
        return self.pick(ACTIVATIONS)


# --- layers of one tensor, by its rank: draw, static shape -> a layer ---


def recurrent(d, cell=None):
    options = {"return_sequences": d.maybe(), "go_backwards": d.maybe(0.2)}
    return (cell or d.pick([L.LSTM, L.GRU, L.SimpleRNN]))(d.number(2, 5), **options)


VECTOR = [
    lambda d, s: L.Dense(d.number(2, 8), activation=d.activation()),
    lambda d, s: L.Dense(d.number(2, 8), use_bias=d.maybe()),
    lambda d, s: L.BatchNormalization(),
    lambda d, s: L.LayerNormalization(),
    lambda d, s: L.Dropout(0.3),
    lambda d, s: L.Activation(d.pick(ACTIVATIONS[1:])),
    lambda d, s: L.RepeatVector(d.number(2, 4)),
    lambda d, s: L.Reshape(d.pick([(1, -1), (-1, 1)])),
    lambda d, s: L.LeakyReLU(),
    lambda d, s: L.PReLU(),
    lambda d, s: L.Rescaling(0.5, offset=0.1),
    lambda d, s: L.GaussianNoise(0.1),
    lambda d, s: L.UnitNormalization(),
]
SEQUENCE = [
    lambda d, s: recurrent(d),
    lambda d, s: recurrent(d),
    lambda d, s: L.Bidirectional(recurrent(d), merge_mode=d.pick(["concat", "sum", "ave", "mul"])),
    lambda d, s: L.Conv1D(d.number(2, 5), d.number(1, 3), padding=d.pick(["same", "valid", "causal"]), activation=d.activation(), **d.pick([{}, {"strides": 2}, {"dilation_rate": 2}])),
    lambda d, s: L.SeparableConv1D(3, 2, padding="same"),
    lambda d, s: L.Conv1DTranspose(3, 2, strides=d.number(1, 2), padding=d.pick(["same", "valid"])),
    lambda d, s: d.pick([L.MaxPooling1D, L.AveragePooling1D])(2, padding=d.pick(["same", "valid"])),
    lambda d, s: d.pick([L.GlobalAveragePooling1D, L.GlobalMaxPooling1D])(),
    lambda d, s: L.TimeDistributed(L.Dense(d.number(2, 5), activation=d.activation())),
    lambda d, s: L.Dense(d.number(2, 5), activation=d.activation()),
    lambda d, s: L.Masking(0.0),
    lambda d, s: L.Flatten(),
    lambda d, s: L.Permute((2, 1)),
    lambda d, s: L.ZeroPadding1D(d.number(1, 2)),
    lambda d, s: L.Cropping1D(1),
    lambda d, s: L.UpSampling1D(2),
    lambda d, s: L.LayerNormalization(),
    lambda d, s: L.BatchNormalization(),
    lambda d, s: L.SpatialDropout1D(0.2),
    lambda d, s: L.Reshape((-1, s[-1], 1)),
    lambda d, s: L.RNN(d.pick([L.LSTMCell, L.GRUCell])(3), return_sequences=d.maybe()),
]
IMAGE = [
    lambda d, s: L.Conv2D(d.number(2, 5), d.number(1, 3), padding=d.pick(["same", "valid"]), activation=d.activation(), **d.pick([{}, {"strides": 2}, {"dilation_rate": 2}])),
    lambda d, s: L.Conv2D(d.number(2, 5), 3, padding="same", use_bias=d.maybe()),
    lambda d, s: L.DepthwiseConv2D(d.number(1, 3), padding="same", depth_multiplier=d.number(1, 2)),
    lambda d, s: L.SeparableConv2D(3, 3, padding=d.pick(["same", "valid"])),
    lambda d, s: L.Conv2DTranspose(3, d.number(1, 3), strides=d.number(1, 2), padding=d.pick(["same", "valid"])),
    lambda d, s: d.pick([L.MaxPooling2D, L.AveragePooling2D])(2, padding=d.pick(["same", "valid"])),
    lambda d, s: d.pick([L.GlobalAveragePooling2D, L.GlobalMaxPooling2D])(**d.pick([{}, {"keepdims": True}])),
    lambda d, s: L.UpSampling2D(2, interpolation=d.pick(["nearest", "bilinear"])),
    lambda d, s: L.ZeroPadding2D(((1, 0), (0, 1))),
    lambda d, s: L.Cropping2D(1),
    lambda d, s: L.BatchNormalization(),
    lambda d, s: L.LayerNormalization(),
    lambda d, s: L.Flatten(),
    lambda d, s: L.Reshape((-1, s[-1])),
    lambda d, s: L.SpatialDropout2D(0.2),
    lambda d, s: L.TimeDistributed(d.pick([lambda: L.Dense(3), lambda: L.LSTM(2), lambda: L.Conv1D(2, 2), L.GlobalAveragePooling1D])()),
    lambda d, s: L.Activation(d.pick(ACTIVATIONS[1:])),
    lambda d, s: L.ReLU(max_value=6),
    lambda d, s: L.Permute((2, 1, 3)),
    lambda d, s: L.Resizing(5, 7),
]
VIDEO = [
    lambda d, s: L.ConvLSTM2D(2, d.number(1, 3), padding=d.pick(["same", "valid"]), return_sequences=d.maybe(), go_backwards=d.maybe(0.2)),
    lambda d, s: L.Bidirectional(L.ConvLSTM2D(2, 2, padding="same", return_sequences=d.maybe())),
    lambda d, s: L.TimeDistributed(d.pick([lambda: L.Conv2D(2, 2), L.GlobalAveragePooling2D, L.Flatten, L.MaxPooling2D])()),
    lambda d, s: L.Conv3D(2, 2, padding="same"),
    lambda d, s: L.MaxPooling3D((1, 2, 2)),
    lambda d, s: L.GlobalAveragePooling3D(),
]
BY_RANK = {2: VECTOR, 3: SEQUENCE, 4: IMAGE, 5: VIDEO}

# --- of two tensors, and what is no layer ---


def merged(d, a, b):
    """Two tensors of one rank; their last sizes made equal where the merge wants it."""
    if len(a.shape) != len(b.shape):
        return None
    kind = d.pick([L.Add, L.Multiply, L.Average, L.Maximum, L.Minimum, L.Subtract, L.Concatenate])
    if kind is L.Concatenate:
        return kind(axis=-1)([a, b])
    if a.shape[-1] != b.shape[-1]:
        a, b = L.Dense(4)(a), L.Dense(4)(b)
    return kind()([a, b])


def attended(d, a, b):
    if len(a.shape) != 3 or len(b.shape) != 3:
        return None
    if d.maybe():
        return L.MultiHeadAttention(2, 3)(a, b, **d.pick([{}, {"use_causal_mask": True}]))
    if a.shape[-1] != b.shape[-1]:
        a, b = L.Dense(4)(a), L.Dense(4)(b)
    return d.pick([L.Attention, L.AdditiveAttention])()([a, b])


def stated(d, a, b):
    """A recurrent layer whose states another gave."""
    if len(a.shape) != 3 or len(b.shape) != 3:
        return None
    kind = d.pick([L.LSTM, L.GRU])
    y, *states = kind(4, return_state=True, return_sequences=d.maybe())(b)
    return kind(4, return_sequences=d.maybe())(a, initial_state=states)


def arithmetic(d, a, b):
    number = round(float(d.random.uniform(-2, 2)), 2)
    if len(a.shape) == len(b.shape) and a.shape[1:] == b.shape[1:] and d.maybe():
        return d.pick([lambda: a + b, lambda: a - b, lambda: a * b])()
    if len(a.shape) == 3 and d.maybe(0.3):
        return d.pick([lambda: a[:, -1], lambda: a[:, 1:], lambda: a[:, ::2, :], lambda: a[..., :1], lambda: a[:, :-1]])()
    math = tf.math if LEGACY else keras.ops
    mean = tf.reduce_mean if LEGACY else keras.ops.mean
    return d.pick([lambda: a * number, lambda: a + number, lambda: number - a, lambda: math.tanh(a), lambda: math.abs(a), lambda: math.maximum(a, number), lambda: mean(a, axis=-1, keepdims=True),
                   lambda: math.sigmoid(a) * a, lambda: math.square(a), lambda: -a, lambda: a / 2])()


# --- whole models ---


class Pool:
    """Tensors to go on from; what has been used already is taken less often."""

    def __init__(self, d, depth):
        self.d, self.depth, self.tensors, self.used, self.shared = d, depth, [], set(), []

    def add(self, tensor):
        self.tensors.append(tensor)

    def take(self):
        free = [i for i in range(len(self.tensors)) if i not in self.used]
        at = self.d.pick(free) if free and self.d.maybe(0.7) else self.d.number(0, len(self.tensors) - 1)
        self.used.add(at)
        return self.tensors[at]

    def grow(self):
        before = set(self.used)
        try:
            made = self.step()
        except Exception:  # of Keras: options that do not go together
            made = None
        if made is None or len(made.shape) not in BY_RANK or any(s == 0 for s in made.shape) or len(self.tensors) > 24:
            self.used = before
            return
        self.add(made)

    def step(self):
        d, x = self.d, self.take()
        how = d.random.random()
        if how < 0.15:
            return merged(d, x, self.take())
        if how < 0.2:
            return attended(d, x, self.take())
        if how < 0.23:
            return stated(d, x, self.take())
        if how < 0.33:
            return arithmetic(d, x, self.take())
        if how < 0.43 and self.shared:
            layer, shape = d.pick(self.shared)
            return layer(x) if tuple(shape[1:]) == tuple(x.shape[1:]) else None
        if how < 0.5 and self.depth < 2:
            model = inner(d, x, self.depth + 1)
            y = model(x)
            self.shared.append((model, x.shape))
            return d.pick(list(y)) if isinstance(y, (list, tuple)) else y
        layer = d.pick(BY_RANK[len(x.shape)])(d, tuple(x.shape))
        y = layer(x)
        self.shared.append((layer, x.shape))
        return y

    def leaves(self):
        return [t for i, t in enumerate(self.tensors) if i not in self.used] or self.tensors[-1:]


def inner(d, x, depth):
    shape = tuple(x.shape[1:])
    if d.maybe(0.4):
        layers, s = [L.Input(shape)] if d.maybe() else [], shape
        y = L.Input(shape)
        for _ in range(d.number(1, 3)):
            layer = d.pick(BY_RANK[len(y.shape)])(d, tuple(y.shape))
            y = layer(y)
            layers.append(layer)
            if len(y.shape) not in BY_RANK:
                raise ValueError("a rank of its own")
        return keras.Sequential(layers)
    entry = L.Input(shape)
    pool = Pool(d, depth)
    pool.add(entry)
    for _ in range(d.number(2, 5)):
        pool.grow()
    outputs = [t for t in pool.leaves() if t is not entry][:3]
    return keras.Model(entry, outputs if len(outputs) > 1 else outputs[0])


def entry(d, name):
    """(input, data)"""
    kind = d.pick(["vector", "sequence", "sequence", "image", "image", "tokens", "video"])
    open_ = d.maybe(0.3)
    if kind == "tokens":
        data = d.random.integers(0, 9, (BATCH, STEPS)).astype("int32")
        data[0, -2:] = 0
        return L.Input((None if open_ else STEPS,), dtype="int32", name=name), data
    shape = {"vector": (5,), "sequence": (STEPS, 4), "image": (SIDE, SIDE - 1, 3), "video": (4, SIDE, SIDE - 2, 2)}[kind]
    data = d.random.standard_normal((BATCH, *shape)).astype(keras.backend.floatx())
    if kind == "sequence":
        data[0, -2:] = 0
        data[1, 1] = 0
    stated = tuple(None if open_ and d.maybe(0.6) else s for s in shape[:-1]) + shape[-1:]
    return L.Input(stated, name=name), data


def made(number):
    """(model, data)"""
    d = Draw(number)
    keras.backend.clear_session()
    keras.utils.set_random_seed(number)
    pool, inputs, data = Pool(d, 0), [], {}
    for i in range(d.number(1, 3)):
        x, values = entry(d, f"input_{i}")
        inputs.append(x)
        data[f"input_{i}"] = values
        pool.add(L.Embedding(9, 4, mask_zero=d.maybe())(x) if "int" in str(x.dtype) else x)
    for _ in range(d.number(4, 14)):
        pool.grow()
    outputs = [t for t in pool.leaves() if not any(t is x for x in inputs)][:4]
    if not outputs:
        return None
    model = keras.Model(inputs, {f"out_{i}": t for i, t in enumerate(outputs)} if d.maybe(0.2) else outputs if len(outputs) > 1 else outputs[0])
    random_weights(model, np.random.default_rng(number))
    used = {x.name.split(":")[0] for x in model.inputs}
    return model, {k: v for k, v in data.items() if k in used}


def leaves(answer):
    if isinstance(answer, dict):
        return [leaf for key in sorted(answer) for leaf in leaves(answer[key])]
    return [leaf for item in answer for leaf in leaves(item)] if isinstance(answer, (list, tuple)) else [np.asarray(tf.cast(answer, tf.float32) if "bfloat16" in str(answer.dtype) else answer)]


def saved(model, folder):
    """Each path; how it is called; or what Keras said."""
    for kind in ("keras", "h5", "saved"):
        path = Path(folder) / f"model.{kind}"
        try:
            if kind == "saved" and LEGACY:
                model.save(path, save_format="tf")
            elif kind == "saved":
                model.export(str(path), verbose=False)
            else:
                model.save(path)
        except Exception:  # Keras cannot
            continue
        yield kind, path


def faults_of(got, want, tolerance):
    """Keys of SavedModels may be in another order: by what fits best."""
    if len(got) != len(want):
        return f"{len(got)} outputs, not {len(want)}"
    got = [np.asarray(g, np.float64) if np.asarray(g).dtype.kind == "f" else g for g in got]
    left = list(got)
    for w in want:
        scale = tolerance * max(1.0, float(np.abs(w[np.isfinite(w)]).max(initial=0))) if w.dtype.kind == "f" else 0
        faults = [differs(g, w, tolerance, scale) for g in left]
        if None not in faults:
            return faults[0] if len(left) == 1 else " | ".join(map(str, faults))
        left.pop(faults.index(None))
    return None


def loaded(kind, path, model, data, want, tolerance):
    """Does Keras itself answer so, or TensorFlow, once it has read the file?"""
    try:
        if kind == "saved":
            signature = tf.saved_model.load(str(path)).signatures["serving_default"]
            return faults_of(leaves(signature(**{k: tf.constant(v) for k, v in data.items()})), want, tolerance) is None
        again = leaves(keras.models.load_model(path, compile=False)(list(data.values()) if len(data) > 1 else next(iter(data.values())), training=False))
    except Exception:
        return False
    return faults_of(again, want, tolerance) is None


def work(model, data, tolerance):
    values = list(data.values())
    want = leaves(model(values if len(values) > 1 else values[0], training=False))
    if not all(np.isfinite(w).all() for w in want if w.dtype.kind == "f"):
        return
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, x in data.items():
            np.save(Path(folder) / f"{name}.npy", x)
            files.append(f"{name}={folder}/{name}.npy")
        for kind, path in saved(model, folder):
            try:
                got = list(predict_files(path, files).values())
            except Refused as refused:
                yield kind, f"refused: {' '.join(str(refused.args[1]).split())}", refused.args[0]
                continue
            fault = faults_of(got, want, tolerance)
            if fault and loaded(kind, path, model, data, want, tolerance):
                yield kind, fault, 0
            else:
                yield kind, None, 0


def interpolates(model):
    return any(getattr(layer, "interpolation", "nearest") != "nearest" for layer in model._flatten_layers())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("numbers", nargs="*", type=int, default=[1, 100])
    parser.add_argument("--legacy", action="store_true")
    parser.add_argument("--policy", default="float32")
    arguments = parser.parse_args()
    first, last = arguments.numbers[0], arguments.numbers[-1]
    if arguments.policy == "float64":
        keras.backend.set_floatx("float64")
    (keras.mixed_precision if LEGACY else keras.config).__dict__["set_global_policy" if LEGACY else "set_dtype_policy"](arguments.policy)
    tolerance = next((t for name, t in TOLERANCES.items() if name in arguments.policy), 3e-5)
    counts = {"right": 0, "refused": 0, "wrong": 0, "of Keras": 0}
    for number in range(first, last + 1):
        try:
            model, data = made(number) or (None, None)
            within = max(tolerance, SINGLE) if model and interpolates(model) else tolerance
            results = list(work(model, data, within)) if model else []
        except Exception as error:  # of Keras
            counts["of Keras"] += 1
            if first == last:
                raise
            continue
        for kind, fault, code in results:
            refused = bool(fault) and code in (2, 6)  # 2: a window larger than what is left of the input, where TensorFlow has nothing
            counts["refused" if refused else "wrong" if fault else "right"] += 1
            if fault:
                print(f"FAILED {number} .{kind}: {fault[:600]}", flush=True)
        if first == last and model:
            model.summary(expand_nested=True, line_length=150)
    print(f"{counts['of Keras']} drawn that Keras does not take")
    name = f"keras compositions{' legacy' * LEGACY} {arguments.policy}"
    tally(name, counts["right"], counts["refused"], counts["wrong"])
    print(f"keras compositions: {counts['right'] + counts['refused']} passed, {counts['wrong']} failed")
    return int(counts["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main())
