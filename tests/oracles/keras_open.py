#!/usr/bin/env python3
"""Keras as oracle of layers whose inputs have open dimensions: steps, rows, columns, depths; each saved once as .keras and .h5 and asked with two sizes.

    scripts/python tests/oracles/keras_open.py             all layers
    scripts/python tests/oracles/keras_open.py Conv2D      those whose names hold a word
    scripts/python tests/oracles/keras_open.py --sample 4  every fourth
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]
os.environ.update(KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0", OMP_NUM_THREADS="1")

import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import keras
from keras import layers as L
from keras import ops

sys.path.append(HERE)
from common import Refused, differs, predict, tally, wanted
from keras_data import random_weights

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
BATCH, TOLERANCE = 2, 1e-5
# What is open in a shape, and two sizes for it: none is a multiple of the other, one of each pair is odd.
STEPS, PLANE, SPACE = ((7,), (10,)), ((8, 9), (11, 6)), ((5, 6, 8), (7, 9, 5))
CASES = []  # (name, shapes of one input each: None where open; sizes; build; integers below or None)


def case(name, shapes, sizes, build, low=None):
    CASES.append((name, shapes, sizes, build, low))


def steps(name, make, width=3, low=None):
    case(name, [(None, width)], STEPS, lambda x: make()(x), low)


def plane(name, make, channels=3, sizes=PLANE):
    case(name, [(None, None, channels)], sizes, lambda x: make()(x))


def space(name, make):
    case(name, [(None, None, None, 2)], SPACE, lambda x: make()(x))


BY_DIMENSIONS = {1: steps, 2: plane, 3: space}

# --- convolutions, pools, sides: along one, two, three dimensions ---
for n, add in BY_DIMENSIONS.items():
    for padding in ("valid", "same"):
        for options in ({}, {"strides": 2}, {"dilation_rate": 2}):
            add(f"Conv{n}D {padding} {options}", lambda n=n, p=padding, o=options: getattr(L, f"Conv{n}D")(4, 3, padding=p, **({} if p == "valid" and n == 3 and "dilation_rate" in o else o)))
            if n < 3:
                add(f"SeparableConv{n}D {padding} {options}", lambda n=n, p=padding, o=options: getattr(L, f"SeparableConv{n}D")(4, 3, padding=p, **o))
                add(f"DepthwiseConv{n}D {padding} {options}", lambda n=n, p=padding, o=options: getattr(L, f"DepthwiseConv{n}D")(3, depth_multiplier=2, padding=p, **o))
        for size, stride in ((3, 1), (3, 2), (2, 3), (4, 2)):
            add(f"Conv{n}DTranspose {padding} {size} {stride}", lambda n=n, p=padding, k=size, s=stride: getattr(L, f"Conv{n}DTranspose")(2, k, strides=s, padding=p))
        for kind in ("Max", "Average"):
            add(f"{kind}Pooling{n}D {padding}", lambda n=n, k=kind, p=padding: getattr(L, f"{k}Pooling{n}D")(3, strides=2, padding=p))
    for kind in ("Max", "Average"):
        add(f"Global{kind}Pooling{n}D", lambda n=n, k=kind: getattr(L, f"Global{k}Pooling{n}D")(keepdims=True))
        add(f"Adaptive{kind}Pooling{n}D", lambda n=n, k=kind: getattr(L, f"Adaptive{k}Pooling{n}D")(2))
        add(f"Adaptive{kind}Pooling{n}D to more", lambda n=n, k=kind: getattr(L, f"Adaptive{k}Pooling{n}D")(8))
    add(f"ZeroPadding{n}D", lambda n=n: getattr(L, f"ZeroPadding{n}D")(2))
    add(f"Cropping{n}D", lambda n=n: getattr(L, f"Cropping{n}D")(1))
    add(f"UpSampling{n}D", lambda n=n: getattr(L, f"UpSampling{n}D")(2))
    add(f"SpatialDropout{n}D", lambda n=n: getattr(L, f"SpatialDropout{n}D")(0.2))
steps("Conv1D causal", lambda: L.Conv1D(4, 3, padding="causal", dilation_rate=2))
plane("Conv2D groups", lambda: L.Conv2D(6, 3, groups=2), 4)
plane("Conv2DTranspose output_padding", lambda: L.Conv2DTranspose(2, 3, strides=2, output_padding=1))
for interpolation in ("bilinear", "bicubic"):
    plane(f"UpSampling2D {interpolation}", lambda i=interpolation: L.UpSampling2D((2, 3), interpolation=i))

# --- one by one, normalisation ---
for name, make in {"Dense": lambda: L.Dense(4, activation="relu"), "EinsumDense": lambda: L.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d"), "Activation": lambda: L.Activation("softmax"), "ReLU": lambda: L.ReLU(2.0, 0.1, 0.2),
                   "LeakyReLU": L.LeakyReLU, "ELU": L.ELU, "PReLU shared": lambda: L.PReLU(shared_axes=[1]), "Softmax": L.Softmax, "Softmax of steps": lambda: L.Softmax(axis=1), "Softmax of both": lambda: L.Softmax(axis=(1, 2)),
                   "BatchNormalization": L.BatchNormalization, "LayerNormalization": L.LayerNormalization, "GroupNormalization": lambda: L.GroupNormalization(3), "RMSNormalization": L.RMSNormalization,
                   "UnitNormalization": L.UnitNormalization, "UnitNormalization of steps": lambda: L.UnitNormalization(axis=1), "SpectralNormalization": lambda: L.SpectralNormalization(L.Dense(3)), "Rescaling": lambda: L.Rescaling(0.3, 0.1),
                   "Normalization": lambda: L.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 0.25, 1.0]), "Discretization": lambda: L.Discretization([-1.0, 0.0, 0.5]), "Dropout": lambda: L.Dropout(0.3), "GaussianNoise": lambda: L.GaussianNoise(0.3),
                   "GaussianDropout": lambda: L.GaussianDropout(0.3), "AlphaDropout": lambda: L.AlphaDropout(0.3), "ActivityRegularization": L.ActivityRegularization, "Identity": L.Identity, "Masking": L.Masking, "Permute": lambda: L.Permute((2, 1)),
                   "Reshape": lambda: L.Reshape((-1, 3, 1)), "Reshape to pairs": lambda: L.Reshape((3, -1)), "Flatten": L.Flatten, "TimeDistributed": lambda: L.TimeDistributed(L.Dense(4))}.items():
    steps(name, make)
plane("GroupNormalization of images", lambda: L.GroupNormalization(3), 6)
plane("Reshape of images", lambda: L.Reshape((-1, 3)))
plane("Flatten of images", L.Flatten)
plane("Permute of images", lambda: L.Permute((3, 1, 2)))
plane("TimeDistributed Conv1D", lambda: L.TimeDistributed(L.Conv1D(4, 3)))
plane("TimeDistributed LSTM", lambda: L.TimeDistributed(L.LSTM(3)))
space("TimeDistributed Conv2D", lambda: L.TimeDistributed(L.Conv2D(3, 2)))
space("TimeDistributed pooling", lambda: L.TimeDistributed(L.MaxPooling2D()))

# --- words, recurrent layers, masks ---
case("Embedding", [(None,)], STEPS, lambda x: L.Embedding(9, 4)(x), 9)
case("CategoryEncoding", [(None,)], STEPS, lambda x: L.CategoryEncoding(9, output_mode="count")(x), 9)
case("ReversibleEmbedding", [(None,)], STEPS, lambda x: L.ReversibleEmbedding(9, 4)(x), 9)
case("Hashing", [(None,)], STEPS, lambda x: L.Hashing(5)(ops.cast(x, "int32")), 9)
for name in ("SimpleRNN", "LSTM", "GRU"):
    cls = getattr(L, name)
    for options in ({}, {"return_sequences": True}, {"return_sequences": True, "go_backwards": True}):
        steps(f"{name} {options}", lambda c=cls, o=options: c(4, **o))
    for mode in ("concat", "sum"):
        steps(f"Bidirectional {name} {mode}", lambda c=cls, m=mode: L.Bidirectional(c(4, return_sequences=True), merge_mode=m))
    case(f"{name} masked", [(None,)], STEPS, lambda x, c=cls: c(4, return_sequences=True)(L.Embedding(9, 4, mask_zero=True)(x)), 9)
    case(f"{name} states", [(None, 3)], STEPS, lambda x, c=cls: c(4, return_state=True, return_sequences=True)(x))
steps("RNN of cells", lambda: L.RNN([L.LSTMCell(4), L.GRUCell(3)], return_sequences=True))
case("masked mean", [(None,)], STEPS, lambda x: L.GlobalAveragePooling1D()(L.Embedding(9, 4, mask_zero=True)(x)), 9)
case("masked Conv1D", [(None,)], STEPS, lambda x: L.LSTM(2)(L.Conv1D(4, 3, padding="same")(L.Embedding(9, 4, mask_zero=True)(x))), 9)
for n, shape in ((1, (None, 7, 2)), (2, (None, 6, 7, 2)), (3, (None, 4, 5, 4, 2))):
    case(f"ConvLSTM{n}D", [shape], ((3,), (5,)), lambda x, n=n: getattr(L, f"ConvLSTM{n}D")(2, 2, return_sequences=True)(x))
    case(f"ConvLSTM{n}D same", [shape], ((3,), (5,)), lambda x, n=n: getattr(L, f"ConvLSTM{n}D")(2, 3, padding="same")(x))

# --- attention ---
case("MultiHeadAttention", [(None, 3)], STEPS, lambda x: L.MultiHeadAttention(2, 4)(x, x))
case("MultiHeadAttention causal", [(None, 3)], STEPS, lambda x: L.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True))
case("MultiHeadAttention masked", [(None,)], STEPS, lambda x: (lambda y: L.MultiHeadAttention(2, 4)(y, y))(L.Embedding(9, 4, mask_zero=True)(x)), 9)
case("MultiHeadAttention scores", [(None, 3)], STEPS, lambda x: L.MultiHeadAttention(2, 4)(x, x, return_attention_scores=True))
case("MultiHeadAttention of images", [(None, None, 3)], PLANE, lambda x: L.MultiHeadAttention(2, 4, attention_axes=(1, 2))(x, x))
case("GroupQueryAttention", [(None, 3)], STEPS, lambda x: L.GroupQueryAttention(4, 4, 2)(x, x))
for name in ("Attention", "AdditiveAttention"):
    case(name, [(None, 3), (None, 3)], STEPS, lambda q, v, n=name: getattr(L, n)()([q, v]))
    case(f"{name} causal", [(None, 3), (None, 3)], STEPS, lambda q, v, n=name: getattr(L, n)()([q, v], use_causal_mask=True))

# --- merging, models in models ---
for name in ("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Average", "Concatenate"):
    case(name, [(None, 3), (None, 3)], STEPS, lambda a, b, n=name: getattr(L, n)()([a, b]))
case("Concatenate of steps", [(None, 3), (None, 3)], STEPS, lambda a, b: L.Concatenate(axis=1)([a, b]))
case("Dot", [(None, 3), (None, 3)], STEPS, lambda a, b: L.Dot(axes=2)([a, b]))
case("Dot of steps", [(None, 3), (None, 4)], STEPS, lambda a, b: L.Dot(axes=1)([a, b]))
case("Add of images", [(None, None, 3), (None, None, 3)], PLANE, lambda a, b: L.Add()([a, L.Conv2D(3, 3, padding="same")(b)]))


def encoder(x):
    """Down and up again, with a bridge: the sizes meet where they are multiples of 4."""
    a = L.Conv2D(4, 3, padding="same", activation="relu")(x)
    b = L.Conv2D(4, 3, strides=2, padding="same")(a)
    y = L.Conv2DTranspose(4, 2, strides=2)(b)
    return L.Conv2D(2, 1)(L.Concatenate()([a, y]))


case("an encoder and a decoder", [(None, None, 3)], ((8, 12), (16, 4)), encoder)
case("a model in a model", [(None, 3)], STEPS, lambda x: keras.Sequential([L.Input((None, 4)), L.Conv1D(4, 3, padding="same"), L.BatchNormalization()])(L.Dense(4)(x)))
case("a transformer block", [(None, 4)], STEPS, lambda x: (lambda y: L.LayerNormalization()(L.Add()([y, L.Dense(4)(L.Dense(8, activation="gelu")(y))])))(L.LayerNormalization()(L.Add()([x, L.MultiHeadAttention(2, 4)(x, x)]))))

# --- images ---
for interpolation in ("bilinear", "nearest", "bicubic"):
    plane(f"Resizing {interpolation}", lambda i=interpolation: L.Resizing(5, 12, interpolation=i))
    plane(f"Resizing {interpolation} antialias", lambda i=interpolation: L.Resizing(4, 5, interpolation=i, antialias=True))
for keyword in ("crop_to_aspect_ratio", "pad_to_aspect_ratio"):
    plane(f"Resizing {keyword}", lambda k=keyword: L.Resizing(5, 5, **{k: True}))
plane("CenterCrop", lambda: L.CenterCrop(4, 5))
plane("AutoContrast", L.AutoContrast)
for name, arguments in (("RandomFlip", ()), ("RandomRotation", (0.2,)), ("RandomZoom", (0.2,)), ("RandomContrast", (0.2,)), ("RandomBrightness", (0.2,)), ("RandomTranslation", (0.2, 0.2)), ("RandomGrayscale", ())):
    plane(name, lambda n=name, a=arguments: getattr(L, n)(*a))
plane("ContrastLimitedAdaptiveHistogramEqualization", L.ContrastLimitedAdaptiveHistogramEqualization)

# --- waves ---
for mode in ("log", "magnitude", "stft"):
    case(f"STFTSpectrogram {mode}", [(None, 2)], ((150,), (211,)), lambda x, m=mode: L.STFTSpectrogram(mode=m, frame_length=32, frame_step=10)(x))
case("STFTSpectrogram same", [(None, 2)], ((150,), (211,)), lambda x: L.STFTSpectrogram(frame_length=32, frame_step=10, padding="same")(x))
case("MelSpectrogram", [(None,)], ((600,), (777,)), lambda x: L.MelSpectrogram(fft_length=128, sequence_stride=32, num_mel_bins=12, sampling_rate=4000)(x))

# --- operations ---
for name, build in {"reshape": lambda x: ops.reshape(x, (-1, 3)), "transpose": lambda x: ops.transpose(x, (0, 2, 1)), "sums": lambda x: [ops.sum(x, axis=1), ops.mean(x, axis=1), ops.max(x, axis=1), ops.var(x, axis=1), ops.argmax(x, axis=1)],
                    "slices": lambda x: [x[:, -1], x[:, 1:-1], x[:, ::2], x[:, ::-1]], "flip, roll": lambda x: [ops.flip(x, axis=1), ops.roll(x, 2, axis=1)], "cumsum, sort": lambda x: [ops.cumsum(x, axis=1), ops.sort(x, axis=1)],
                    "pad": lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 0))), "tile, repeat": lambda x: [ops.tile(x, (1, 2, 1)), ops.repeat(x, 2, axis=1)], "matmul": lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))), "softmax": lambda x: ops.softmax(x, axis=1),
                    "einsum": lambda x: ops.einsum("bij,bkj->bik", x, x), "shape": lambda x: ops.broadcast_to(ops.sum(x, axis=1, keepdims=True), ops.shape(x)), "top_k": lambda x: list(ops.top_k(ops.transpose(x, (0, 2, 1)), 3)),
                    "ones_like": lambda x: ops.ones_like(x) + ops.zeros_like(x), "one_hot": lambda x: ops.one_hot(ops.argmax(x, axis=-1), 3)}.items():
    case(f"ops: {name}", [(None, 3)], STEPS, build)


def leaves(answer):
    if isinstance(answer, dict):
        return [leaf for key in sorted(answer) for leaf in leaves(answer[key])]
    return [leaf for item in answer for leaf in leaves(item)] if isinstance(answer, (list, tuple)) else [np.asarray(answer)]


def filled(shape, size):
    sizes = iter(size)
    return tuple(next(sizes) if s is None else s for s in shape)


def drawn(random, shapes, size, low):
    data = []
    for shape in shapes:
        whole = (BATCH, *filled(shape, size))
        data.append(random.integers(0, low, whole).astype("float32") if low else random.standard_normal(whole).astype("float32"))
    return data


def asked(path, data, folder):
    files = []
    for i, x in enumerate(data):
        files.append(Path(folder) / f"{i}.npy")
        np.save(files[-1], x)
    return list(predict(path, files).values())


def work(name, shapes, sizes, build, low):
    """What is wrong, a sentence each."""
    keras.utils.clear_session()
    inputs = [keras.Input(s) for s in shapes]
    model = keras.Model(inputs, build(*inputs))
    random = np.random.default_rng(len(name))
    random_weights(model, random)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"model.{kind}" for kind in ("keras", "h5")]
        for path in paths:
            model.save(path)
        for size in sizes:
            data = drawn(random, shapes, size, low)
            want = leaves(model(data if len(data) > 1 else data[0], training=False))
            for path in paths:
                try:
                    got = asked(path, data, folder)
                except Refused as refused:
                    yield f"{path.suffix} {size}: refused: {' '.join(str(refused.args[1]).split())}"
                    continue
                scale = TOLERANCE * max([1.0] + [float(np.abs(w).max(initial=0)) for w in want if w.dtype.kind == "f"])
                fault = f"{len(got)} outputs" if len(got) != len(want) else next(filter(None, (differs(g, w, TOLERANCE, scale) for g, w in zip(got, want))), None)
                if fault:
                    yield f"{path.suffix} {size}: {fault}"


def main():
    arguments = sys.argv[1:]
    step = int(arguments.pop(arguments.index("--sample") + 1)) if "--sample" in arguments else 1
    counts = {"right": 0, "refused": 0, "wrong": 0, "of Keras": 0}
    for row in wanted(CASES, arguments)[::step]:
        try:
            faults = list(work(*row))
        except Exception as error:  # of Keras: what it does not take
            counts["of Keras"] += 1
            print(f"{row[0]}: Keras: {' '.join(str(error).split())[:200]}", flush=True)
            continue
        refused = faults and all(": refused: " in fault for fault in faults)
        counts["refused" if refused else "wrong" if faults else "right"] += 1
        for fault in faults:
            print(f"FAILED {row[0]}: {fault}", flush=True)
    tally("keras open dimensions", counts["right"], counts["refused"], counts["wrong"], counts["of Keras"])
    print(f"keras open dimensions: {counts['right']} passed, {counts['refused'] + counts['wrong']} failed")
    return int(counts["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main())
