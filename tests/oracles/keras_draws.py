"""Layers of Keras with options drawn at random: name -> (draw -> shapes of the inputs, inputs -> outputs, integers below)."""

import keras
import numpy as np
from keras import layers as L

ACTIVATIONS = [None, "relu", "tanh", "sigmoid", "elu", "gelu", "softplus", "hard_sigmoid", "silu", "leaky_relu", "selu", "softmax", "mish", "squareplus"]
DRAWS = {}


class Draw:
    def __init__(self, number):
        self.random = np.random.default_rng([number, 20])
        self.open = self.maybe(0.25)  # inputs with dimensions that are not stated
        self.fixed = False
        self.stated = 1  # so many of the last dimensions always are

    def pick(self, items):
        return items[int(self.random.integers(len(items)))]

    def maybe(self, share=0.5):
        return bool(self.random.random() < share)

    def number(self, low, high):
        return int(self.random.integers(low, high + 1))

    def real(self, low, high):
        return round(float(self.random.uniform(low, high)), 3)

    def opened(self, shape):
        return tuple(None if self.maybe(0.7) else d for d in shape[: -self.stated]) + shape[-self.stated :] if self.open and not self.fixed else shape

    def some(self, **options):
        """Each option, or its default."""
        return {k: v() if callable(v) else v for k, v in options.items() if self.maybe()}


def draws(f):
    DRAWS[f.__name__] = f
    return f


def sides(d, n, low=5, high=9):
    return tuple(d.number(low, high) for _ in range(n))


def image(d, n, channels, options):
    """Shape with the channels where the options have them."""
    first = d.maybe(0.25)
    if first:
        options["data_format"] = "channels_first"
        d.fixed = True
    return (channels, *sides(d, n)) if first else (*sides(d, n), channels)


def ints(d, n, low, high):
    return d.number(low, high) if d.maybe() else tuple(d.number(low, high) for _ in range(n))


def window(d, n, options):
    if d.maybe(0.6):
        options["strides"] = ints(d, n, 1, 3)
    elif d.maybe(0.5):
        options["dilation_rate"] = ints(d, n, 1, 2)


@draws
def Dense(d):
    return [sides(d, d.number(0, 2)) + (5,)], lambda x: L.Dense(d.number(1, 6), **d.some(activation=d.pick(ACTIVATIONS), use_bias=d.maybe))(x), None


@draws
def EinsumDense(d):
    equation, shape, out, axes = d.pick([("ab,bc->ac", (5,), 4, "c"), ("abc,cd->abd", (6, 5), (None, 4), "d"), ("abc,cde->abde", (6, 5), (None, 2, 3), "de"), ("abcd,cde->abe", (6, 2, 5), (None, 4), "e"),
                                         ("abc,bd->adc", (6, 5), (4, 5), "d"), ("...x,xy->...y", (3, 5), (3, 4), "y"), ("abc,cb->ab", (6, 5), (6,), None), ("abc,dc->abd", (6, 5), (None, 3), "d"),
                                         ("abc,bcd->abd", (6, 5), (6, 3), "bd"), ("aecd,abcd->acbe", None, None, None)][:9])
    d.fixed = True
    return [shape], lambda x: L.EinsumDense(equation, out, bias_axes=axes if d.maybe() else None, activation=d.pick(ACTIVATIONS[:6]))(x), None


def convolution(n):
    def make(d):
        options, groups = {"padding": d.pick(["valid", "same"] + ["causal"] * (n == 1))}, d.pick([1, 1, 2, 3])
        shape = image(d, n, groups * d.number(1, 2), options)
        if options["padding"] == "causal" and "data_format" in options:
            options["padding"] = "same"
        window(d, n, options)
        return [shape], lambda x: getattr(L, f"Conv{n}D")(groups * 2, ints(d, n, 1, 3), groups=groups, **options, **d.some(activation=d.pick(ACTIVATIONS), use_bias=d.maybe))(x), None
    return make


def depthwise(n):
    def make(d):
        options = {"padding": d.pick(["valid", "same"])}
        shape = image(d, n, d.number(1, 3), options)
        if d.maybe(0.6):
            options["strides"] = d.number(1, 2)
        elif d.maybe():
            options["dilation_rate"] = d.number(1, 2)
        return [shape], lambda x: getattr(L, f"DepthwiseConv{n}D")(d.number(1, 3) if n == 1 else ints(d, n, 1, 3), depth_multiplier=d.number(1, 3), **options, **d.some(activation=d.pick(ACTIVATIONS), use_bias=d.maybe))(x), None
    return make


def separable(n):
    def make(d):
        options = {"padding": d.pick(["valid", "same"] + ["causal"] * (n == 1))}
        shape = image(d, n, d.number(1, 3), options)
        if d.maybe(0.6):
            options["strides"] = d.number(1, 2)
        elif d.maybe():
            options["dilation_rate"] = d.number(1, 2)
        return [shape], lambda x: getattr(L, f"SeparableConv{n}D")(3, d.number(1, 3) if n == 1 else ints(d, n, 1, 3), depth_multiplier=d.number(1, 3), **options, **d.some(activation=d.pick(ACTIVATIONS), use_bias=d.maybe))(x), None
    return make


def transposed(n):
    def make(d):
        options = {"padding": d.pick(["valid", "same"])}
        shape = image(d, n, d.number(1, 3), options)
        strides = d.number(1, 3)
        if d.maybe(0.7):
            options["strides"] = strides
            if strides > 1 and d.maybe(0.3):
                options["output_padding"] = d.number(0, strides - 1)
        elif d.maybe():
            options["dilation_rate"] = 2
        return [shape], lambda x: getattr(L, f"Conv{n}DTranspose")(2, d.number(1, 4) if n == 1 else ints(d, n, 1, 4), **options, **d.some(activation=d.pick(ACTIVATIONS[:8]), use_bias=d.maybe))(x), None
    return make


def pooling(n, kind):
    def make(d):
        options = {"padding": d.pick(["valid", "same"])}
        shape = image(d, n, 2, options)
        return [shape], lambda x: getattr(L, f"{kind}Pooling{n}D")(d.number(1, 3) if n == 1 else ints(d, n, 1, 3), **options, **d.some(strides=lambda: d.number(1, 3) if n == 1 else ints(d, n, 1, 3)))(x), None
    return make


def global_pooling(n, kind):
    def make(d):
        options = {}
        shape = image(d, n, 2, options)
        return [shape], lambda x: getattr(L, f"Global{kind}Pooling{n}D")(**options, **d.some(keepdims=d.maybe))(x), None
    return make


def adaptive(n, kind):
    def make(d):
        options = {}
        shape = image(d, n, 2, options)
        d.fixed = True
        return [shape], lambda x: getattr(L, f"Adaptive{kind}Pooling{n}D")(ints(d, n, 1, 4), **options)(x), None
    return make


for n in (1, 2, 3):
    DRAWS[f"Conv{n}D"], DRAWS[f"Conv{n}DTranspose"] = convolution(n), transposed(n)
    if n < 3:
        DRAWS[f"DepthwiseConv{n}D"], DRAWS[f"SeparableConv{n}D"] = depthwise(n), separable(n)
    for kind in ("Max", "Average"):
        DRAWS[f"{kind}Pooling{n}D"], DRAWS[f"Global{kind}Pooling{n}D"], DRAWS[f"Adaptive{kind}Pooling{n}D"] = pooling(n, kind), global_pooling(n, kind), adaptive(n, kind)


def pairs(d, n, high=2):
    how = d.number(0, 2)
    return d.number(0, high) if not how else tuple(d.number(0, high) for _ in range(n)) if how == 1 and n > 1 else tuple((d.number(0, high), d.number(0, high)) for _ in range(n)) if n > 1 else (d.number(0, high), d.number(0, high))


def edges(n):
    def make(d):
        options, kind = {}, d.pick(["ZeroPadding", "Cropping", "UpSampling"])
        shape = image(d, n, 2, options) if n > 1 else sides(d, 1) + (2,)
        if n == 1:
            options = {}
        argument = ints(d, n, 1, 3) if kind == "UpSampling" and n > 1 else d.number(1, 3) if kind == "UpSampling" else pairs(d, n)
        if kind == "UpSampling" and n == 2:
            options.update(d.some(interpolation=d.pick(["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"])))
        return [shape], lambda x: getattr(L, f"{kind}{n}D")(argument, **options)(x), None
    return make


for n in (1, 2, 3):
    DRAWS[f"Sides{n}D"] = edges(n)


@draws
def Flatten(d):
    options = {}
    shape = image(d, d.number(0, 3), 2, options)
    d.fixed = True
    return [shape], lambda x: L.Flatten(**options)(x), None


@draws
def Shapes(d):
    kind = d.pick(["Reshape", "Permute", "RepeatVector"])
    d.fixed = kind == "RepeatVector"
    if kind == "Reshape":
        return [(4, 6)], lambda x: L.Reshape(d.pick([(24,), (-1, 2), (2, -1), (3, 4, 2), (6, 4, 1), (-1, 6), (-1,)]))(x), None
    if kind == "Permute":
        return [(3, 4, 5)], lambda x: L.Permute(d.pick([(2, 1, 3), (3, 1, 2), (1, 2, 3), (3, 2, 1)]))(x), None
    return [(4,)], lambda x: L.RepeatVector(d.number(1, 4))(x), None


@draws
def Normalisations(d):
    kind = d.pick(["BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization"])
    rank = d.number(1, 4)
    shape = sides(d, rank - 1, 3, 5) + (6,)
    axis = d.number(-rank, rank)
    if axis == 0:
        axis = -1
    options = d.some(epsilon=lambda: d.real(1e-4, 0.1)) if kind != "UnitNormalization" else {}
    if kind not in ("RMSNormalization", "UnitNormalization"):
        options.update(d.some(center=d.maybe, scale=d.maybe))
    if d.maybe():
        options["axis"] = axis if kind in ("BatchNormalization", "RMSNormalization") or d.maybe() or rank < 2 else [-2, -1]
    if kind == "GroupNormalization":
        options["axis"] = -1 if d.maybe(0.7) else options.get("axis", -1)
        options["groups"] = d.pick([1, 2, 3, 6, -1])
        if isinstance(options["axis"], list):
            options["axis"] = -1
    d.fixed = "axis" in options
    return [shape], lambda x: getattr(L, kind)(**options)(x), None


def recurrent_options(d, kind):
    options = {"return_sequences": d.maybe(), **d.some(go_backwards=d.maybe, unroll=False, use_bias=d.maybe, activation=d.pick(["tanh", "relu", "sigmoid", "linear", "softsign", "elu"]), dropout=0.2)}
    if kind != "SimpleRNN":
        options.update(d.some(recurrent_activation=d.pick(["sigmoid", "hard_sigmoid", "softsign"])))  # what is not below 1 grows without end
    if kind == "GRU":
        options.update(d.some(reset_after=d.maybe))
    if kind == "LSTM":
        options.update(d.some(unit_forget_bias=d.maybe))
    return {**options, **d.some(zero_output_for_mask=d.maybe)}


def masks(d, share=0.4):
    masked = d.maybe(share)
    return lambda x: L.Masking(0.0)(x) if masked else x


@draws
def Recurrent(d):
    kind, mask = d.pick(["SimpleRNN", "LSTM", "GRU"]), masks(d)
    options, states = recurrent_options(d, kind), d.maybe(0.3)
    initial, positional, given = d.maybe(0.3), d.maybe(0.3), d.maybe(0.2)
    count = 2 if kind == "LSTM" else 1
    shapes = [(6, 3)] + [(4,)] * count * initial + [(6,)] * given

    def build(x, *rest):
        layer = getattr(L, kind)(4, return_state=states, **options)
        state = list(rest[:count]) if initial else None
        state = state[0] if state and count == 1 and d.maybe() else state
        arguments = {"mask": rest[-1] > 0} if given else {}
        return layer(mask(x), state, **arguments) if positional else layer(mask(x), **({"initial_state": state} if initial else {}), **arguments)
    return shapes, build, None


@draws
def Cells(d):
    cells = [getattr(L, d.pick(["SimpleRNNCell", "LSTMCell", "GRUCell"])) for _ in range(d.number(1, 3))]
    mask, options = masks(d), d.some(return_sequences=d.maybe, return_state=d.maybe, go_backwards=d.maybe, zero_output_for_mask=d.maybe)

    def build(x):
        made = [c(d.number(2, 4), **d.some(use_bias=d.maybe)) for c in cells]
        made = made[0] if len(made) == 1 else made if d.maybe() else L.StackedRNNCells(made)
        return L.RNN(made, **options)(mask(x))
    return [(6, 3)], build, None


@draws
def Bidirectional(d):
    kind, mask = d.pick(["SimpleRNN", "LSTM", "GRU"]), masks(d)
    options, states, initial = recurrent_options(d, kind), d.maybe(0.3), d.maybe(0.3)
    count = 2 * (2 if kind == "LSTM" else 1)

    def build(x, *rest):
        layer = L.Bidirectional(getattr(L, kind)(4, return_state=states, **options), merge_mode=d.pick(["concat", "sum", "mul", "ave", None]))
        return layer(mask(x), initial_state=list(rest)) if initial else layer(mask(x))
    return [(6, 3)] + [(4,)] * count * initial, build, None


@draws
def ConvLSTM(d):
    n = d.number(1, 3)
    options = {"padding": d.pick(["valid", "same"])}
    first, masked, twice = d.maybe(0.25), d.maybe(0.25) and keras.backend.backend() == "tensorflow", d.maybe(0.25)  # over JAX a mask falls on the wrong dimensions
    if first:
        options["data_format"] = "channels_first"
    d.open, d.stated = d.open or d.maybe(), n + 1  # Keras wants the sides
    size = sides(d, n, 4, 6)
    shape = (3,) + ((2, *size) if first else (*size, 2))
    window(d, n, options)
    options.update(d.some(return_sequences=d.maybe, return_state=d.maybe, go_backwards=d.maybe, use_bias=d.maybe, dropout=0.2, activation=d.pick(["tanh", "relu"]), recurrent_activation=d.pick(["sigmoid", "hard_sigmoid"])))

    def build(x, *mask):
        layer = getattr(L, f"ConvLSTM{n}D")(2, d.number(1, 3), **options)
        return (L.Bidirectional(layer) if twice else layer)(x, **({"mask": mask[0][:, :, 0] > 0} if masked else {}))
    return [shape] + [(3,) + (1,) * n] * masked, build, None


@draws
def TimeDistributed(d):
    shape, make = d.pick([((4, 5), lambda: L.Dense(3)), ((4, 6, 5, 2), lambda: L.Conv2D(3, 2)), ((4, 6, 3), lambda: L.LSTM(3, return_sequences=d.maybe())), ((4, 6, 3), lambda: L.GlobalMaxPooling1D()),
                          ((4, 6, 5, 2), lambda: L.MaxPooling2D()), ((4, 5), lambda: L.BatchNormalization()), ((4, 6, 3), lambda: L.Flatten()), ((4, 6, 3), lambda: L.LayerNormalization(axis=1)),
                          ((4, 3, 2), lambda: L.TimeDistributed(L.Dense(3))), ((4, 6, 3), lambda: L.Bidirectional(L.GRU(2))), ((4, 6, 5, 2), lambda: L.GlobalAveragePooling2D())])
    mask = masks(d) if len(shape) == 2 else (lambda x: x)
    return [shape], lambda x: L.TimeDistributed(make())(mask(x)), None


@draws
def Attention(d):
    kind, keyed = d.pick(["Attention", "AdditiveAttention"]), d.maybe()
    options = d.some(use_scale=d.maybe, dropout=0.1)
    if kind == "Attention":
        options.update(d.some(score_mode=d.pick(["dot", "concat"])))
    mask, other, causal, scores = masks(d), masks(d), d.maybe(0.3), d.maybe(0.3)

    def build(q, v, *k):
        arguments = [[mask(q), other(v), *k]]
        return getattr(L, kind)(**options)(*arguments, **d.some(use_causal_mask=causal, return_attention_scores=scores)) if d.maybe(0.7) else getattr(L, kind)(**options)(*arguments, None, False, scores, causal)
    return [(6, 3), (6, 3)] + [(6, 3)] * keyed, build, None


@draws
def Heads(d):
    grouped, keyed, attended = d.maybe(0.3), d.maybe(0.3), d.maybe(0.3)
    mask, other = masks(d), masks(d)
    options = d.some(use_bias=d.maybe, dropout=0.1, use_gate=d.maybe)
    if not grouped:
        options.update(d.some(value_dim=3, output_shape=d.pick([5, (2, 3)])))
    call = d.some(use_causal_mask=d.maybe, return_attention_scores=d.maybe)
    places = d.maybe(0.2)

    def build(q, v, *rest):
        layer = L.GroupQueryAttention(3, 4, 2, **options) if grouped else L.MultiHeadAttention(2, 4, **options)
        k = [rest[0]] if keyed else []
        arguments = dict(call, **({"attention_mask": rest[-1] > 0} if attended else {}))
        if places:
            return layer(mask(q), other(v), k[0] if k else None, None, None, None, arguments.get("attention_mask"), call.get("return_attention_scores", False), None, call.get("use_causal_mask", False))
        return layer(mask(q), other(v), *k, **arguments)
    return [(6, 3), (5, 3)] + [(5, 3)] * keyed + [(6, 5)] * attended, build, None


@draws
def HeadsOfImages(d):
    axes, shape = d.pick([((1, 2), (3, 4, 5)), ((1,), (3, 4, 5)), ((2,), (3, 4, 5)), (None, (3, 4, 5)), ((1, 3), (3, 2, 4, 5)), ((2, 3), (2, 3, 4, 5))])
    return [shape], lambda x: L.MultiHeadAttention(2, 3, attention_axes=axes, **d.some(use_bias=d.maybe, value_dim=4))(x, x), None


@draws
def Embedding(d):
    zero = d.maybe()
    return [(6,)], lambda x: d.pick([lambda y: y, L.GlobalAveragePooling1D(), L.LSTM(3), L.Conv1D(3, 3, padding="same"), L.Bidirectional(L.GRU(2))])(L.Embedding(9, 4, mask_zero=zero)(x)), 9


@draws
def Activations(d):
    shape = sides(d, d.number(0, 2), 3, 5) + (4,)
    kind = d.pick(["ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax", "Activation"])
    options = {"ReLU": lambda: d.some(max_value=d.real(0.5, 6), negative_slope=d.real(0, 0.5), threshold=d.real(0, 1)), "LeakyReLU": lambda: d.some(negative_slope=d.real(0, 1)), "ELU": lambda: d.some(alpha=d.real(0.1, 2)),
               "PReLU": lambda: d.some(shared_axes=[d.number(1, len(shape))]), "Softmax": lambda: d.some(axis=d.number(1, len(shape))), "Activation": lambda: {"activation": d.pick(ACTIVATIONS[1:])}}[kind]()
    d.fixed = kind == "PReLU"
    return [shape], lambda x: getattr(L, kind)(**options)(x), None


@draws
def Merging(d):
    kind, count = d.pick(["Add", "Multiply", "Average", "Maximum", "Minimum", "Subtract", "Concatenate", "Dot"]), d.number(2, 4)
    count = 2 if kind in ("Subtract", "Dot") else count
    mask = [masks(d) for _ in range(count)]
    if kind == "Dot":
        shapes = d.pick([[(4,), (4,)], [(3, 4), (4,)], [(4,), (4, 3)], [(3, 4), (5, 4)], [(3, 4), (4, 5)], [(4, 3), (4, 5)]])
        axes = [s.index(4) + 1 for s in shapes]
        d.fixed = True
        return shapes, lambda *x: L.Dot(axes, **d.some(normalize=d.maybe))(list(x)), None
    if kind == "Concatenate":
        axis = d.pick([1, 2, -1, -2])
        shapes = [(d.number(2, 5), 3) if axis in (1, -2) else (6, d.number(1, 4)) for _ in range(count)]
        d.fixed = True
        return shapes, lambda *x: d.pick([lambda y: y, L.GlobalAveragePooling1D()])(L.Concatenate(axis=axis)([m(y) for m, y in zip(mask, x)])), None
    shapes = [d.pick([(6, 3), (6, 3), (1, 3), (6, 1), (3,)]) for _ in range(count)]
    return shapes, lambda *x: d.pick([lambda y: y, lambda y: L.GlobalAveragePooling1D()(y) if len(y.shape) == 3 else y])(getattr(L, kind)()([m(y) if len(y.shape) == 3 else y for m, y in zip(mask, x)])), None


@draws
def Preprocessing(d):
    kind = d.pick(["Rescaling", "Normalization", "Normalization stated", "Discretization", "CategoryEncoding"])
    shape = sides(d, d.number(0, 2), 3, 5) + (4,)
    if kind == "Rescaling":
        number = lambda: d.pick([d.real(0.1, 3), [d.real(0.1, 3) for _ in range(4)], np.array([d.real(0.1, 3) for _ in range(4)], "float32")])
        return [shape], lambda x: L.Rescaling(number(), **d.some(offset=number))(x), None
    if kind == "Normalization":
        d.fixed = True
        return [shape], lambda x: L.Normalization(**d.some(axis=d.pick([-1, None, 1, len(shape)]), invert=d.maybe))(x), None
    if kind == "Normalization stated":
        return [shape], lambda x: L.Normalization(mean=[d.real(-1, 1) for _ in range(4)], variance=[d.real(0.1, 3) for _ in range(4)], **d.some(invert=d.maybe))(x), None
    if kind == "Discretization":
        return [shape], lambda x: L.Discretization(sorted(d.real(-2, 2) for _ in range(4)), **d.some(output_mode=d.pick(["int", "one_hot", "multi_hot", "count"])))(x), None
    return [shape[-d.number(1, 2):]], lambda x: L.CategoryEncoding(7, **d.some(output_mode=d.pick(["one_hot", "multi_hot", "count"])))(x), 7


@draws
def Resizing(d):
    options = d.some(interpolation=d.pick(["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"]), crop_to_aspect_ratio=d.maybe, antialias=d.maybe)
    if not options.get("crop_to_aspect_ratio"):
        options.update(d.some(pad_to_aspect_ratio=d.maybe, fill_value=0.5))
    shape = image(d, 2, 3, options)
    d.fixed = True
    return [shape], lambda x: L.Resizing(d.number(3, 12), d.number(3, 12), **options)(x), None


@draws
def CenterCrop(d):
    options = {}
    shape = image(d, 2, 3, options)
    d.fixed = True
    return [shape], lambda x: L.CenterCrop(d.number(3, 10), d.number(3, 10), **options)(x), None


@draws
def Spectrogram(d):
    d.fixed = d.maybe()
    if d.maybe():
        return [(600,)], lambda x: L.MelSpectrogram(fft_length=128, sequence_stride=32, num_mel_bins=12, sampling_rate=4000, **d.some(sequence_length=100, window=d.pick(["hann", "hamming"]), power_to_db=d.maybe, mag_exp=d.pick([1.0, 1.7, 2.0]),
                                                                                                                                     min_freq=d.real(10, 100), max_freq=1800.0, ref_power=d.real(0.5, 2), top_db=d.real(20, 80), min_power=1e-6))(x), None
    options = d.some(mode=d.pick(["log", "magnitude", "psd", "real", "imag", "angle", "stft"]), window=d.pick(["hann", "hamming", None, "blackman"]), scaling=d.pick(["density", "spectrum", None]), padding=d.pick(["valid", "same"]), expand_dims=d.maybe, periodic=d.maybe)
    return [(200, 2)], lambda x: L.STFTSpectrogram(frame_length=32, frame_step=d.number(7, 20), fft_length=d.pick([32, 64]), **options)(x), None


@draws
def Networks(d):
    """Models in models, with layers that are shared."""
    depth = d.number(1, 3)

    def inner(level):
        dense = L.Dense(4, activation="tanh")  # a layer of two models has its weights in the first alone: Keras cannot load it
        if d.maybe():
            return keras.Sequential([L.Dense(4, activation="relu"), *([inner(level - 1)] if level else []), dense] + [L.BatchNormalization()] * d.maybe())
        x = keras.Input((None, 4) if d.maybe() else (6, 4))
        y = dense(x)
        if level:
            deeper = inner(level - 1)
            y = L.Add()([deeper(y), deeper(x)])
        return keras.Model(x, L.LayerNormalization()(dense(y)))

    def build(x):
        model = inner(depth)
        y = model(L.Dense(4)(x))
        return [model(y), L.Dense(4)(y)] if d.maybe() else L.LSTM(2)(model(y))
    return [(6, 3)], build, None


@draws
def Structures(d):
    """Models that take and give lists, dictionaries."""
    def inner():
        a, b = keras.Input((3,), name="zeta"), keras.Input((4,), name="alpha")
        outputs = L.Dense(2)(a), L.Dense(3)(b)
        return keras.Model({"b": a, "a": b} if d.maybe() else [a, b] if d.maybe() else {"zeta": a, "alpha": b}, {"y": outputs[0], "x": outputs[1]} if d.maybe() else list(outputs)), a, b

    def build(a, b):
        model = inner()[0]
        inputs = model.input
        given = {k: a if v.shape[-1] == 3 else b for k, v in inputs.items()} if isinstance(inputs, dict) else [a, b] if d.maybe() else {"zeta": a, "alpha": b}
        y = model(given)
        return L.Concatenate()(list(y.values()) if isinstance(y, dict) else y)
    d.fixed = True
    return [(3,), (4,)], build, None
