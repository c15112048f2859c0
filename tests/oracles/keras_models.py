"""Small Keras models, one for each layer and option: (name, builder, shapes of the inputs without the batch)."""

import numpy as np
import keras
from keras import layers as L

CASES = []


def case(name, shapes, build, low=None):
    """build: inputs -> outputs; low: inputs are integers below it."""
    CASES.append((name, shapes, build, low))


def layer(name, shape, make, low=None):
    case(name, [shape], lambda x: make()(x), low)


# --- core ---
for activation in ("linear relu sigmoid tanh softplus softsign exponential elu selu gelu hard_sigmoid silu mish leaky_relu relu6 "
                   "hard_silu log_softmax softmax celu hard_tanh tanh_shrink soft_shrink hard_shrink log_sigmoid squareplus sparse_plus sparse_sigmoid sparsemax glu").split():
    layer(f"Dense {activation}", (5,), lambda a=activation: L.Dense(4, activation=a))
layer("Dense without bias", (5,), lambda: L.Dense(3, use_bias=False))
layer("Dense of sequences", (6, 5), lambda: L.Dense(3))
layer("Activation", (4, 3), lambda: L.Activation("softmax"))
layer("Flatten", (3, 4, 2), L.Flatten)
layer("Flatten channels first", (3, 4, 2), lambda: L.Flatten(data_format="channels_first"))
layer("Reshape", (12,), lambda: L.Reshape((3, -1)))
layer("Permute", (3, 4, 2), lambda: L.Permute((3, 1, 2)))
layer("RepeatVector", (5,), lambda: L.RepeatVector(3))
layer("Embedding", (6,), lambda: L.Embedding(9, 4), 9)
layer("Dropout", (5,), lambda: L.Dropout(0.5))
layer("GaussianNoise", (5,), lambda: L.GaussianNoise(0.5))
layer("Rescaling", (4, 4, 3), lambda: L.Rescaling(1 / 127.5, offset=-1))
layer("Normalization stated", (3,), lambda: L.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 0.25, 1.0]))
layer("Normalization learnt", (3,), L.Normalization)
layer("UnitNormalization", (3, 4), L.UnitNormalization)

# --- activations as layers ---
layer("ReLU", (3, 4), lambda: L.ReLU(max_value=1.0, negative_slope=0.1))
layer("ReLU threshold", (3, 4), lambda: L.ReLU(negative_slope=0.1, threshold=0.3))
layer("LeakyReLU", (3, 4), lambda: L.LeakyReLU(0.2))
layer("ELU", (3, 4), lambda: L.ELU(0.7))
layer("PReLU", (3, 4), L.PReLU)
layer("PReLU shared", (3, 4, 2), lambda: L.PReLU(shared_axes=[1, 2]))
layer("Softmax axis", (3, 4), lambda: L.Softmax(axis=1))

# --- convolutions ---
for padding in ("valid", "same"):
    for options in ({}, {"strides": 2}, {"dilation_rate": 2}):
        name = f"{padding} {options}"
        layer(f"Conv1D {name}", (11, 3), lambda p=padding, o=options: L.Conv1D(4, 3, padding=p, **o))
        layer(f"Conv2D {name}", (9, 8, 3), lambda p=padding, o=options: L.Conv2D(4, (3, 2), padding=p, **o))
        layer(f"Conv3D {name}", (7, 6, 5, 2), lambda p=padding, o=options: L.Conv3D(3, 2, padding=p, **o))
        layer(f"DepthwiseConv2D {name}", (9, 8, 3), lambda p=padding, o=options: L.DepthwiseConv2D(3, depth_multiplier=2, padding=p, **o))
        layer(f"SeparableConv2D {name}", (9, 8, 3), lambda p=padding, o=options: L.SeparableConv2D(4, 3, depth_multiplier=2, padding=p, **o))
        layer(f"SeparableConv1D {name}", (9, 3), lambda p=padding, o=options: L.SeparableConv1D(4, 3, padding=p, **o))
        layer(f"DepthwiseConv1D {name}", (9, 3), lambda p=padding, o=options: L.DepthwiseConv1D(3, padding=p, **o))
    for size, stride in ((3, 1), (3, 2), (2, 2), (2, 3), (4, 2)):
        layer(f"Conv2DTranspose {padding} {size} {stride}", (4, 5, 3), lambda p=padding, k=size, s=stride: L.Conv2DTranspose(2, k, strides=s, padding=p))
        layer(f"Conv1DTranspose {padding} {size} {stride}", (5, 3), lambda p=padding, k=size, s=stride: L.Conv1DTranspose(2, k, strides=s, padding=p))
layer("Conv3DTranspose", (3, 4, 3, 2), lambda: L.Conv3DTranspose(2, 3, strides=2, padding="same"))
layer("Conv1D causal", (9, 3), lambda: L.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="relu"))
layer("Conv2D groups", (9, 8, 4), lambda: L.Conv2D(6, 3, groups=2, use_bias=False))

# --- pooling ---
for padding in ("valid", "same"):
    for kind in ("Max", "Average"):
        layer(f"{kind}Pooling1D {padding}", (9, 3), lambda k=kind, p=padding: getattr(L, f"{k}Pooling1D")(3, strides=2, padding=p))
        layer(f"{kind}Pooling2D {padding}", (9, 8, 3), lambda k=kind, p=padding: getattr(L, f"{k}Pooling2D")((2, 3), padding=p))
        layer(f"{kind}Pooling3D {padding}", (5, 6, 7, 2), lambda k=kind, p=padding: getattr(L, f"{k}Pooling3D")(2, padding=p))
for n, shape in ((1, (6, 3)), (2, (5, 4, 3)), (3, (3, 4, 5, 2))):
    for kind in ("Max", "Average"):
        for keep in (False, True):
            layer(f"Global{kind}Pooling{n}D {keep}", shape, lambda k=kind, n=n, keep=keep: getattr(L, f"Global{k}Pooling{n}D")(keepdims=keep))

# --- sides ---
layer("ZeroPadding1D", (5, 3), lambda: L.ZeroPadding1D((1, 2)))
layer("ZeroPadding2D", (5, 4, 3), lambda: L.ZeroPadding2D(((1, 2), (0, 3))))
layer("ZeroPadding3D", (3, 4, 3, 2), lambda: L.ZeroPadding3D(1))
layer("Cropping1D", (5, 3), lambda: L.Cropping1D((1, 2)))
layer("Cropping2D", (6, 7, 3), lambda: L.Cropping2D(((1, 2), (0, 3))))
layer("Cropping3D", (5, 4, 6, 2), lambda: L.Cropping3D(1))
layer("UpSampling1D", (5, 3), lambda: L.UpSampling1D(3))
layer("UpSampling2D", (5, 4, 3), lambda: L.UpSampling2D((2, 3)))
layer("UpSampling2D bilinear", (5, 4, 3), lambda: L.UpSampling2D(2, interpolation="bilinear"))
layer("UpSampling3D", (2, 3, 4, 2), lambda: L.UpSampling3D(2))

# --- normalisation ---
layer("BatchNormalization", (5, 4, 3), L.BatchNormalization)
layer("BatchNormalization axis", (5, 4, 3), lambda: L.BatchNormalization(axis=1))
layer("BatchNormalization plain", (3,), lambda: L.BatchNormalization(center=False, scale=False, epsilon=0.01))
layer("LayerNormalization", (5, 4), L.LayerNormalization)
layer("LayerNormalization axes", (5, 4, 3), lambda: L.LayerNormalization(axis=[-2, -1]))
layer("LayerNormalization plain", (5, 4), lambda: L.LayerNormalization(center=False, scale=False))
layer("GroupNormalization", (5, 4, 6), lambda: L.GroupNormalization(3))
layer("RMSNormalization", (5, 4), L.RMSNormalization)

# --- merging ---
for name in ("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Average", "Concatenate"):
    case(name, [(3, 4), (3, 4)], lambda a, b, n=name: getattr(L, n)()([a, b]))
case("Add of three, broadcast", [(3, 4), (1, 4), (3, 1)], lambda a, b, c: L.Add()([a, b, c]))
case("Concatenate axis", [(3, 4), (2, 4)], lambda a, b: L.Concatenate(axis=1)([a, b]))
case("Dot", [(4,), (4,)], lambda a, b: L.Dot(axes=1)([a, b]))
case("Dot matrices", [(3, 4), (5, 4)], lambda a, b: L.Dot(axes=(2, 2))([a, b]))
case("Dot normalised", [(4,), (4,)], lambda a, b: L.Dot(axes=1, normalize=True)([a, b]))

# --- recurrent ---
for name in ("SimpleRNN", "LSTM", "GRU"):
    cls = getattr(L, name)
    for options in ({}, {"return_sequences": True}, {"go_backwards": True, "return_sequences": True}, {"use_bias": False}, {"activation": "relu"}):
        layer(f"{name} {options}", (6, 3), lambda c=cls, o=options: c(4, **o))
    layer(f"{name} masked", (6, 3), lambda c=cls: keras.Sequential([L.Masking(0.0), c(4)]))
    layer(f"{name} masked sequences", (6, 3), lambda c=cls: keras.Sequential([L.Masking(0.0), c(4, return_sequences=True)]))
    for mode in ("concat", "sum", "mul", "ave"):
        layer(f"Bidirectional {name} {mode}", (6, 3), lambda c=cls, m=mode: L.Bidirectional(c(4, return_sequences=m != "sum"), merge_mode=m))
    case(f"{name} states", [(6, 3)], lambda x, c=cls: L.Concatenate()(c(4, return_state=True)(x)))
    case(f"{name} initial state", [(6, 3)] + [(4,)] * (2 if name == "LSTM" else 1),
         lambda x, *s, c=cls: c(4)(x, initial_state=list(s)))
layer("Bidirectional LSTM masked", (6, 3), lambda: keras.Sequential([L.Masking(0.0), L.Bidirectional(L.LSTM(4, return_sequences=True))]))
layer("LSTM hard_sigmoid", (6, 3), lambda: L.LSTM(4, recurrent_activation="hard_sigmoid"))
for activation in ("linear softplus softsign exponential elu selu gelu hard_sigmoid silu mish leaky_relu relu6 hard_silu celu hard_tanh tanh_shrink soft_shrink hard_shrink "
                   "log_sigmoid squareplus sparse_plus sparse_sigmoid").split():
    layer(f"SimpleRNN {activation}", (4, 3), lambda a=activation: L.SimpleRNN(4, activation=a))
for activation, gate in (("elu", "sigmoid"), ("linear", "hard_sigmoid"), ("leaky_relu", "linear"), ("hard_sigmoid", "elu"), ("selu", "hard_sigmoid"), ("linear", "sigmoid")):
    for name in ("LSTM", "GRU"):
        layer(f"{name} {activation} {gate}", (4, 3), lambda n=name, a=activation, g=gate: getattr(L, n)(4, activation=a, recurrent_activation=g))
layer("GRU before reset", (6, 3), lambda: L.GRU(4, reset_after=False))
layer("ConvLSTM2D", (3, 6, 5, 2), lambda: L.ConvLSTM2D(3, 3, padding="same"))
layer("ConvLSTM2D sequences", (3, 6, 5, 2), lambda: L.ConvLSTM2D(3, (2, 3), strides=2, return_sequences=True))
layer("TimeDistributed Dense", (6, 3), lambda: L.TimeDistributed(L.Dense(4)))
layer("TimeDistributed Conv2D", (3, 6, 5, 2), lambda: L.TimeDistributed(L.Conv2D(4, 3)))
layer("Embedding masked LSTM", (6,), lambda: keras.Sequential([L.Embedding(5, 4, mask_zero=True), L.LSTM(3)]), 5)
layer("masked mean", (6,), lambda: keras.Sequential([L.Embedding(5, 4, mask_zero=True), L.GlobalAveragePooling1D()]), 5)

# --- attention ---
case("MultiHeadAttention", [(5, 8), (6, 8)], lambda q, v: L.MultiHeadAttention(2, 4)(q, v))
case("MultiHeadAttention self", [(5, 8)], lambda x: L.MultiHeadAttention(2, 3, use_bias=False)(x, x, x))
case("MultiHeadAttention causal", [(5, 8)], lambda x: L.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True))
case("Attention", [(5, 8), (6, 8)], lambda q, v: L.Attention()([q, v]))
case("Attention scaled", [(5, 8), (6, 8), (6, 8)], lambda q, v, k: L.Attention(use_scale=True)([q, v, k]))
case("AdditiveAttention", [(5, 8), (6, 8)], lambda q, v: L.AdditiveAttention()([q, v]))


# --- whole models ---
def shared(a, b):
    dense = L.Dense(4, activation="tanh")
    return L.Concatenate()([dense(a), dense(b)])


def nested(x):
    inner = keras.Sequential([L.Conv2D(4, 3, padding="same"), L.BatchNormalization(), L.ReLU()])
    y = keras.Input((6, 5, 4))
    block = keras.Model(y, L.Add()([y, L.BatchNormalization()(L.Conv2D(4, 1)(y))]))
    return L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(block(block(inner(x)))))


def transformer(x):
    y = L.LayerNormalization()(L.Add()([x, L.MultiHeadAttention(2, 4)(x, x)]))
    return L.LayerNormalization()(L.Add()([y, L.Dense(8)(L.Dense(16, activation="gelu")(y))]))


case("shared layer", [(5,), (5,)], shared)
case("nested models", [(6, 5, 3)], nested)
case("transformer block", [(5, 8)], transformer)
case("two outputs", [(5,)], lambda x: [L.Dense(2, name="a")(x), L.Dense(3, name="b")(x)])

# --- keras.ops ---
from keras import ops

X, XY = [(4, 3)], [(4, 3), (4, 3)]
for name in ("absolute arctan arcsinh ceil cos cosh exp floor negative sign sin sinh square tan tanh sigmoid relu relu6 softplus softsign silu "
             "log_sigmoid hard_sigmoid hard_silu selu tanh_shrink hard_tanh leaky_relu elu celu gelu softmax log_softmax expm1 erf round trunc "
             "isnan isfinite cbrt exp2 logical_not reciprocal copy stop_gradient").split():
    case(f"ops.{name}", X, lambda x, n=name: (getattr(ops, n, None) or getattr(keras.ops, n))(x))
for name in "log sqrt rsqrt log1p log2 log10 arccosh".split():
    case(f"ops.{name}", X, lambda x, n=name: getattr(ops, n)(ops.square(x) + 1.5))
for name in "arccos arcsin arctanh".split():
    case(f"ops.{name}", X, lambda x, n=name: getattr(ops, n)(ops.tanh(x) * 0.9))
for name in ("add subtract multiply divide true_divide maximum minimum equal not_equal greater greater_equal less less_equal floor_divide mod "
             "divide_no_nan logical_and logical_or logical_xor").split():
    case(f"ops.{name}", XY, lambda x, y, n=name: getattr(ops, n)(x, y))
case("ops.numbers", X, lambda x: 2 - (3 * x + 1) / 4.0 + (x > 0) * x - (-x) % 2)
case("ops.power", X, lambda x: [x ** 2, ops.power(ops.abs(x), 0.5), ops.power(ops.abs(x) + 0.1, 1.7), 2.0 ** x])
case("ops.arrays", X, lambda x: x * np.arange(12, dtype="float32").reshape(4, 3) + np.array([1, 2, 3], "int32"))
case("ops.where clip cast", XY, lambda x, y: ops.where(x > y, x, 0.5) + ops.clip(x, -0.5, 0.5) + ops.cast(ops.cast(y, "int32"), "float32"))
case("ops.matmul", [(4, 3), (3, 2)], lambda x, y: x @ y)
case("ops.einsum", [(4, 3), (5, 3)], lambda x, y: ops.einsum("bij,bkj->bik", x, y))
case("ops.shapes", [(4, 6)], lambda x: [ops.reshape(x, (-1, 8, 3)), ops.transpose(x, (0, 2, 1)), ops.expand_dims(x, 1), ops.swapaxes(x, 1, 2), ops.moveaxis(x, 2, 1)])
case("ops.squeeze", [(4, 1, 3)], lambda x: [ops.squeeze(x, 2), ops.squeeze(x)])
case("ops.joining", XY, lambda x, y: [ops.concatenate([x, y], axis=-1), ops.stack([x, y], axis=1), ops.hstack([x, y])])
case("ops.split", [(4, 6)], lambda x: [*ops.split(x, 3, axis=-1), *ops.split(x, [1, 3], axis=1), *ops.unstack(x, axis=1)])
case("ops.order", [(4, 6)], lambda x: [ops.flip(x, axis=1), ops.tile(x, (1, 2, 1)), ops.repeat(x, 2, axis=1), ops.roll(x, 1, axis=2)])
case("ops.pad", [(4, 6)], lambda x: [ops.pad(x, ((0, 0), (1, 2), (0, 1))), ops.pad(x, ((0, 0), (1, 2), (2, 1)), mode="reflect"), ops.pad(x, ((0, 0), (1, 2), (2, 1)), constant_values=1.5)])
case("ops.getitem", [(4, 6)], lambda x: [x[:, 1], x[:, 1:3, ::2], x[..., -1], x[:, ::-1], x[:, None, 2:, 0]])
case("ops.take", [(4, 6)], lambda x: [ops.take(x, np.array([0, 2]), axis=1), ops.tril(x), ops.triu(x, k=1), ops.ones_like(x), ops.zeros_like(x)])
case("ops.reduce", [(4, 6)], lambda x: [ops.sum(x, axis=1), ops.mean(x, axis=(1, 2)), ops.max(x, axis=-1, keepdims=True), ops.min(x, axis=1), ops.prod(x, axis=2),
                                        ops.var(x, axis=1), ops.std(x, axis=-1), ops.logsumexp(x, axis=1)])
case("ops.reduce logic", [(4, 6)], lambda x: [ops.any(x > 1, axis=1), ops.all(x > -1, axis=1), ops.argmax(x, axis=-1), ops.argmin(x, axis=1), ops.count_nonzero(x > 0, axis=1)])
case("ops.sort", [(4, 6)], lambda x: [ops.sort(x, axis=1), ops.argsort(x), *ops.top_k(x, 2), ops.cumsum(x, axis=1)])
case("ops.norms", [(4, 6)], lambda x: [ops.normalize(x), *ops.moments(x, axes=[1])])
case("ops.one_hot", [(4,)], lambda x: ops.one_hot(ops.cast(x, "int32"), 5), 6)

# --- masks ---
def masked(build, steps=6, width=3):
    """Of a masked sequence."""
    return lambda x: build(L.Masking(0.0)(x))


def embedded(build):
    return lambda x: build(L.Embedding(9, 4, mask_zero=True)(x))


for name in ("SimpleRNN", "LSTM", "GRU"):
    cls = getattr(L, name)
    for mode in ("concat", "sum", "mul", "ave", None):
        for sequences in (False, True):
            case(f"Bidirectional {name} {mode} {sequences} masked", [(6, 3)], masked(lambda x, c=cls, m=mode, s=sequences: L.Bidirectional(c(4, return_sequences=s), merge_mode=m)(x)))
    case(f"{name} backwards masked", [(6, 3)], masked(lambda x, c=cls: c(4, return_sequences=True, go_backwards=True)(x)))
    case(f"{name} zeros masked", [(6, 3)], masked(lambda x, c=cls: c(4, return_sequences=True, zero_output_for_mask=True)(x)))
    case(f"{name} zeros last masked", [(6, 3)], masked(lambda x, c=cls: c(4, zero_output_for_mask=True)(x)))
    case(f"{name} stacked masked", [(6, 3)], masked(lambda x, c=cls: c(3)(c(4, return_sequences=True)(x))))
    case(f"{name} states masked", [(6, 3)], masked(lambda x, c=cls: c(4, return_state=True, return_sequences=True)(x)))
    case(f"{name} initial state masked", [(6, 3)] + [(4,)] * (2 if name == "LSTM" else 1),
         lambda x, *s, c=cls: c(4)(L.Masking(0.0)(x), initial_state=list(s)))
    case(f"Bidirectional {name} states", [(6, 3)], lambda x, c=cls: L.Bidirectional(c(4, return_state=True, return_sequences=True))(x))
    case(f"Bidirectional {name} initial state", [(6, 3)] + [(4,)] * (4 if name == "LSTM" else 2),
         lambda x, *s, c=cls: L.Bidirectional(c(4, return_sequences=True))(x, initial_state=list(s)))
    case(f"RNN of {name}Cell", [(6, 3)], lambda x, n=name: L.RNN(getattr(L, n + "Cell")(4), return_sequences=True, return_state=True)(x))
    case(f"RNN of {name}Cell masked", [(6, 3)], masked(lambda x, n=name: L.RNN(getattr(L, n + "Cell")(4), return_sequences=True)(x)))
def self_attended(x):
    return L.MultiHeadAttention(2, 3)(x, x)


case("recurrent then heads masked", [(6, 3)], masked(lambda x: self_attended(L.Bidirectional(L.LSTM(4, return_sequences=True))(x))))
case("recurrent then Conv1D, Flatten masked", [(6, 3)], masked(lambda x: L.Dense(2)(L.Flatten()(L.Conv1D(4, 2)(L.GRU(4, return_sequences=True)(x))))))
case("RNN of three cells", [(6, 3)], lambda x: L.RNN([L.LSTMCell(4), L.GRUCell(3), L.SimpleRNNCell(5)])(x))
case("RNN of the same cells backwards masked", [(6, 3)], masked(lambda x: L.RNN([L.GRUCell(4), L.GRUCell(3, reset_after=False)], go_backwards=True, return_sequences=True, return_state=True)(x)))
case("Bidirectional of two layers", [(6, 3)], lambda x: L.Bidirectional(L.LSTM(4), backward_layer=L.GRU(3, go_backwards=True))(x))
case("Bidirectional RNN", [(6, 3)], lambda x: L.Bidirectional(L.RNN([L.LSTMCell(4), L.LSTMCell(3)], return_sequences=True))(x))
case("LSTM stateful", [(6, 3)], lambda x: L.LSTM(4, return_sequences=True)(x))
for build in (lambda x: L.Dense(3)(x), lambda x: L.Activation("tanh")(x), lambda x: L.BatchNormalization()(x), lambda x: L.LayerNormalization()(x), lambda x: L.RMSNormalization()(x),
              lambda x: L.Dropout(0.5)(x), lambda x: L.TimeDistributed(L.Dense(3))(x), lambda x: L.Conv1D(3, 3, padding="same")(x), lambda x: L.PReLU()(x),
              lambda x: L.MultiHeadAttention(2, 3)(x, x), lambda x: L.SpatialDropout1D(0.2)(x), lambda x: L.Rescaling(2.0)(x), lambda x: L.UnitNormalization()(x)):
    name = str(build.__code__.co_names[1:])
    case(f"mean behind {name} masked", [(6, 3)], masked(lambda x, b=build: L.GlobalAveragePooling1D()(b(x))))
    case(f"LSTM behind {name} masked", [(6,)], embedded(lambda x, b=build: L.LSTM(3)(b(x))), 9)
case("mean channels first masked", [(6, 3)], masked(lambda x: L.GlobalAveragePooling1D(keepdims=True)(x)))
for name in ("Add", "Multiply", "Average", "Maximum", "Concatenate"):
    case(f"{name} of masked", [(6, 3), (6, 3)], lambda a, b, n=name: L.LSTM(2)(getattr(L, n)()([L.Masking(0.0)(a), L.Masking(0.0)(b)])))
    case(f"{name} of masked and not", [(6, 3), (6, 3)], lambda a, b, n=name: L.LSTM(2)(getattr(L, n)()([L.Masking(0.0)(a), b])))
case("Concatenate of masked steps", [(6, 3), (6, 3)], lambda a, b: L.LSTM(2)(L.Concatenate(axis=1)([L.Masking(0.0)(a), L.Masking(0.0)(b)])))
case("nested model masked", [(6, 3)], masked(lambda x: L.GlobalAveragePooling1D()(keras.Sequential([L.Dense(4), L.ReLU()])(x))))
case("TimeDistributed LSTM of masked words", [(4, 6)], lambda x: L.TimeDistributed(L.LSTM(3))(L.Embedding(9, 4, mask_zero=True)(x)), 9)

# --- attention, all of it ---
for name in ("Attention", "AdditiveAttention"):
    cls = getattr(L, name)
    case(f"{name} masked", [(6, 3), (6, 3)], lambda q, v, c=cls: c()([L.Masking(0.0)(q), L.Masking(0.0)(v)]))
    case(f"{name} scores", [(6, 3), (5, 3)], lambda q, v, c=cls: c()([q, v], return_attention_scores=True, use_causal_mask=True))
    case(f"mean behind {name} masked", [(6, 3), (6, 3)], lambda q, v, c=cls: L.GlobalAveragePooling1D()(c()([L.Masking(0.0)(q), v])))
case("Attention concat", [(6, 3), (5, 3)], lambda q, v: L.Attention(score_mode="concat", use_scale=True)([q, v]))
case("Attention concat plain", [(6, 3), (5, 3)], lambda q, v: L.Attention(score_mode="concat")([q, v]))
for dropout in (0.0, 0.1):
    case(f"MultiHeadAttention {dropout} masked", [(6, 3), (6, 3)], lambda q, v, d=dropout: L.MultiHeadAttention(2, 4, dropout=d)(L.Masking(0.0)(q), L.Masking(0.0)(v)))
    case(f"MultiHeadAttention {dropout} masked causal", [(6, 3)], masked(lambda x, d=dropout: L.MultiHeadAttention(2, 4, dropout=d)(x, x, use_causal_mask=True)))
case("MultiHeadAttention attention_mask", [(6, 3), (5, 3), (6, 5)], lambda q, v, m: L.MultiHeadAttention(2, 4)(q, v, attention_mask=m > 0))
case("MultiHeadAttention scores", [(6, 3), (5, 3)], lambda q, v: L.MultiHeadAttention(2, 4)(q, v, return_attention_scores=True))
case("MultiHeadAttention key", [(6, 3), (5, 3), (5, 2)], lambda q, v, k: L.MultiHeadAttention(2, 4, output_shape=7)(q, v, k))
case("MultiHeadAttention keywords", [(6, 3), (5, 3)], lambda q, v: L.MultiHeadAttention(2, 4)(query=q, value=v, key=v))
case("MultiHeadAttention images", [(4, 3, 5)], lambda x: L.MultiHeadAttention(2, 4)(x, x))
case("MultiHeadAttention window", [(6, 3)], lambda x: L.MultiHeadAttention(2, 4, sliding_window=2)(x, x, use_causal_mask=True))
case("MultiHeadAttention gate", [(6, 3)], lambda x: L.MultiHeadAttention(2, 4, use_gate=True)(x, x))
case("GroupQueryAttention", [(6, 3), (5, 3)], lambda q, v: L.GroupQueryAttention(4, 6, 2)(q, v))
case("GroupQueryAttention causal", [(6, 3)], lambda x: L.GroupQueryAttention(4, 4, 1, use_bias=False)(x, x, use_causal_mask=True))
case("GroupQueryAttention gate window masked", [(6, 3)], masked(lambda x: L.GroupQueryAttention(4, 4, 4, use_gate=True, sliding_window=3)(x, x)))

# --- the rest ---
for n, shape in ((1, (9, 3)), (2, (7, 8, 3)), (3, (5, 6, 4, 2))):
    for kind in ("Max", "Average"):
        layer(f"Adaptive{kind}Pooling{n}D", shape, lambda k=kind, n=n: getattr(L, f"Adaptive{k}Pooling{n}D")(3))
layer("AdaptiveAveragePooling2D even", (6, 8, 3), lambda: L.AdaptiveAveragePooling2D((3, 2)))
for n, shape in ((1, (4, 7, 2)), (2, (3, 6, 5, 2)), (3, (3, 4, 5, 4, 2))):
    layer(f"ConvLSTM{n}D", shape, lambda n=n: getattr(L, f"ConvLSTM{n}D")(3, 3, padding="same", return_sequences=True))
    layer(f"ConvLSTM{n}D backwards", shape, lambda n=n: getattr(L, f"ConvLSTM{n}D")(3, 2, strides=1, go_backwards=True, recurrent_activation="hard_sigmoid", use_bias=False))
layer("ConvLSTM2D dilated", (3, 7, 6, 2), lambda: L.ConvLSTM2D(2, 2, dilation_rate=2))
case("ConvLSTM2D states", [(3, 6, 5, 2)], lambda x: L.ConvLSTM2D(3, 3, padding="same", return_state=True)(x))
case("ConvLSTM2D initial states", [(3, 6, 5, 2), (6, 5, 3), (6, 5, 3)], lambda x, h, c: L.ConvLSTM2D(3, 3, padding="same")(x, initial_state=[h, c]))
layer("TimeDistributed of a model", (3, 6, 5, 2), lambda: L.TimeDistributed(keras.Sequential([keras.Input((6, 5, 2)), L.Conv2D(4, 3), L.BatchNormalization(), L.Flatten(), L.Dense(3)])))
layer("TimeDistributed BatchNormalization", (3, 6), lambda: L.TimeDistributed(L.BatchNormalization()))
for equation, shape, out, axes in (("ab,bc->ac", (5,), 4, "c"), ("abc,cd->abd", (6, 5), (None, 4), "d"), ("abc,cde->abde", (6, 5), (None, 2, 3), "de"), ("abcd,cde->abe", (6, 2, 5), (None, 4), None),
                                   ("abc,bd->adc", (6, 5), (4, 5), None), ("...x,xy->...y", (3, 5), (3, 4), "y"), ("abc,cb->ab", (6, 5), (6,), None)):
    layer(f"EinsumDense {equation}", shape, lambda e=equation, o=out, a=axes: L.EinsumDense(e, o, bias_axes=a, activation="relu"))
layer("SpectralNormalization Dense", (5,), lambda: L.SpectralNormalization(L.Dense(3)))
layer("SpectralNormalization Conv2D", (6, 5, 3), lambda: L.SpectralNormalization(L.Conv2D(4, 3)))
layer("ReversibleEmbedding", (6,), lambda: L.ReversibleEmbedding(9, 4, mask_zero=True), 9)
for tied in (True, False):
    case(f"ReversibleEmbedding reverse {tied}", [(6,)], lambda x, t=tied: reversed_embedding(L.ReversibleEmbedding(9, 4, tie_weights=t, logit_soft_cap=3.0), x), 9)
for interpolation in ("bilinear", "nearest", "bicubic"):
    for size in ((4, 5), (13, 9), (3, 11)):
        layer(f"Resizing {interpolation} {size}", (7, 6, 3), lambda i=interpolation, s=size: L.Resizing(*s, interpolation=i))
    layer(f"Resizing {interpolation} antialias", (15, 12, 3), lambda i=interpolation: L.Resizing(4, 5, interpolation=i, antialias=True))
layer("Resizing crop", (7, 12, 3), lambda: L.Resizing(4, 4, crop_to_aspect_ratio=True))
layer("Resizing pad", (7, 12, 3), lambda: L.Resizing(4, 4, pad_to_aspect_ratio=True, fill_value=0.5))
layer("CenterCrop", (9, 8, 3), lambda: L.CenterCrop(4, 5))
layer("CenterCrop of small images", (9, 4, 3), lambda: L.CenterCrop(6, 6))
layer("AutoContrast", (9, 8, 3), lambda: L.AutoContrast())
layer("AutoContrast range", (9, 8, 3), lambda: L.AutoContrast(value_range=(-3, 3)))
for name, shape, options in (("", (18, 21, 3), {}), ("whole tiles", (16, 24, 2), {"tile_grid_size": (4, 3), "value_range": (-3, 3)}), ("no limit", (9, 8, 3), {"clip_limit": 0.0, "tile_grid_size": (2, 3), "value_range": (-2, 2)}),
                             ("first", (2, 17, 9), {"data_format": "channels_first", "clip_limit": 1.5, "value_range": (-1, 1)}), ("small", (3, 5, 1), {"tile_grid_size": (4, 8), "value_range": (-3, 3)})):
    layer(f"ContrastLimitedAdaptiveHistogramEqualization {name}", shape, lambda o=options: L.ContrastLimitedAdaptiveHistogramEqualization(**o))
layer("Pipeline", (9, 8, 3), lambda: L.Pipeline([L.CenterCrop(5, 5), L.RandomFlip(), L.Rescaling(2.0)]))
for name, arguments in (("AugMix", ()), ("RandAugment", ()), ("RandomColorJitter", ()), ("RandomContrast", (0.2,)),
                        ("RandomCrop", (4, 4)), ("RandomElasticTransform", ()), ("RandomErasing", ()), ("RandomFlip", ()), ("RandomGaussianBlur", ()), ("RandomGrayscale", ()), ("RandomHue", (0.2,)), ("RandomInvert", ()),
                        ("RandomPerspective", ()), ("RandomRotation", (0.2,)), ("RandomShear", ()), ("RandomTranslation", (0.2, 0.2)),
                        ("RandomZoom", (0.2,)), ("MixUp", ()), ("CutMix", ())):
    layer(name, (6, 6, 3), lambda n=name, a=arguments: getattr(L, n)(*a), 256)
for name in ("GaussianDropout", "AlphaDropout"):
    layer(name, (5,), lambda n=name: getattr(L, n)(0.3))
for name in ("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"):
    layer(name, (5, 4, 3, 2)[-1 - int(name[-2]):], lambda n=name: getattr(L, n)(0.3))
layer("ActivityRegularization", (5,), lambda: L.ActivityRegularization(0.1))
layer("Identity", (5,), L.Identity)
for mode in ("log", "magnitude", "psd", "real", "imag", "stft"):
    layer(f"STFTSpectrogram {mode}", (300, 2), lambda m=mode: L.STFTSpectrogram(mode=m, frame_length=64, frame_step=20))
layer("STFTSpectrogram same expanded", (300, 2), lambda: L.STFTSpectrogram(frame_length=32, fft_length=64, padding="same", expand_dims=True, window="hamming", scaling="spectrum"))
layer("MelSpectrogram", (4000,), lambda: L.MelSpectrogram(fft_length=512, sequence_stride=128, num_mel_bins=20, sampling_rate=8000))
layer("MelSpectrogram plain", (4000,), lambda: L.MelSpectrogram(fft_length=512, sequence_length=400, sequence_stride=128, num_mel_bins=20, power_to_db=False, mag_exp=1.0, window="hamming", max_freq=7000.0))
layer("Normalization axes", (4, 3, 2), lambda: L.Normalization(axis=(1, 3)))
layer("Normalization invert", (3,), lambda: L.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 0.25, 1.0], invert=True))
layer("Normalization none", (3,), lambda: L.Normalization(axis=None, mean=1.5, variance=4.0))
layer("Discretization", (4,), lambda: L.Discretization([-1.0, 0.0, 0.5]))
layer("Discretization one_hot", (1,), lambda: L.Discretization([-1.0, 0.0, 0.5], output_mode="one_hot"))
for mode in ("multi_hot", "count"):
    layer(f"CategoryEncoding {mode}", (4,), lambda m=mode: L.CategoryEncoding(6, output_mode=m), 6)
case("dictionaries of inputs", [(3,), (4,)], lambda b, a: {"y": L.Dense(2)(b), "x": L.Dense(3)(a)})
case("a model of dictionaries", [(3,), (4,)], lambda b, a: nested_dictionaries()({"b": b, "a": a}))


def reversed_embedding(embedding, x):
    return embedding(L.Dense(4)(embedding(x)), reverse=True)


def nested_dictionaries():
    inputs = {"b": keras.Input((3,)), "a": keras.Input((4,))}
    return keras.Model(inputs, L.Concatenate()([L.Dense(2)(inputs["a"]), L.Dense(3)(inputs["b"])]))


# --- dtype policies, quantisation ---
def under(policy, build):
    """Built under a policy."""
    def made(*inputs):
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        try:
            return build(*inputs)
        finally:
            keras.config.set_dtype_policy(before)
    return made


for policy in ("mixed_float16", "mixed_bfloat16", "float16"):
    case(f"{policy} Dense", [(5,)], under(policy, lambda x: L.Dense(3, activation="softmax")(L.Dense(4, activation="relu")(x))))
    case(f"{policy} image net", [(8, 8, 3)], under(policy, lambda x: L.Dense(3)(L.GlobalAveragePooling2D()(L.BatchNormalization()(L.Conv2D(4, 3)(x))))))
    if policy != "float16":  # no orthogonal matrices of half floats
        case(f"{policy} LSTM", [(6, 3)], under(policy, lambda x: L.LSTM(4)(x)))
    case(f"{policy} MultiHeadAttention", [(6, 4)], under(policy, lambda x: L.LayerNormalization()(L.MultiHeadAttention(2, 3)(x, x))))


def quantised(*names):
    """Layers of these names in 8 bits, before the model is saved."""
    def step(model):
        for layer in model.layers:
            if layer.name.startswith(names):
                layer.quantize("int8")
    return step


CHANGES = {}
for name, shape, build, low in (("int8 Dense", (5,), lambda x: L.Dense(3, activation="relu", name="dense_q")(x), None), ("int8 Dense plain", (6, 5), lambda x: L.Dense(3, use_bias=False, name="dense_q")(x), None),
                                ("int8 Embedding", (6,), lambda x: L.LSTM(3)(L.Embedding(9, 4, name="embedding_q", mask_zero=True)(x)), 9)):
    case(name, [shape], build, low)
    CHANGES[name] = quantised("dense_q", "embedding_q")
case("a model that gives what a model gives", [(5,)], lambda x: inner_model()(x))


def inner_model():
    x = keras.Input((5,))
    return keras.Model(x, L.Dense(3)(x))

for padding in ("valid", "same"):
    for size, stride, extra in ((3, 2, 1), (4, 3, 2), (2, 3, 0), (3, 2, 0)):
        layer(f"Conv2DTranspose output_padding {padding} {size} {stride} {extra}", (4, 5, 3), lambda p=padding, k=size, s=stride, o=extra: L.Conv2DTranspose(2, k, strides=s, padding=p, output_padding=o))

# --- options that few use ---
for interpolation in ("bilinear", "nearest", "bicubic"):
    case(f"Resizing {interpolation} of bytes", [(64, 48, 3)], lambda x, i=interpolation: L.Resizing(37, 101, interpolation=i)(keras.ops.cast(keras.ops.abs(x), "uint8")), 256)
layer("UpSampling2D bicubic", (5, 4, 3), lambda: L.UpSampling2D((2, 3), interpolation="bicubic"))
for mode in ("multi_hot", "count"):
    layer(f"CategoryEncoding {mode} of matrices", (3, 4), lambda m=mode: L.CategoryEncoding(6, output_mode=m), 6)
case("Dot of four dimensions", [(2, 3, 4), (2, 4, 5)], lambda a, b: L.Dot(axes=(3, 2))([a, b]))
case("Dot of four dimensions and two", [(2, 3, 4), (4,)], lambda a, b: L.Dot(axes=(3, 1))([a, b]))
case("nested outputs", [(6, 3)], lambda x: L.RNN(L.StackedRNNCells([L.LSTMCell(4), L.LSTMCell(3)]), return_state=True)(x))
layer("LayerNormalization axis", (5, 4), lambda: L.LayerNormalization(axis=1))
layer("LayerNormalization first axes", (5, 4, 3), lambda: L.LayerNormalization(axis=[1, 2], center=False))
layer("UnitNormalization axes", (3, 4, 2), lambda: L.UnitNormalization(axis=[1, 2]))
layer("Softmax axes", (3, 4), lambda: L.Softmax(axis=(1, 2)))
for name, shape, build, low in (("Dense", (6,), lambda x: L.Dense(4, lora_rank=2, lora_alpha=3)(x), None), ("EinsumDense", (5, 6), lambda x: L.EinsumDense("abc,cd->abd", (None, 4), lora_rank=2)(x), None),
                                ("Embedding", (6,), lambda x: L.Embedding(9, 4, lora_rank=2)(x), 9), ("Conv2D", (6, 6, 3), lambda x: L.Conv2D(4, 3, lora_rank=2)(x), None)):
    case(f"LoRA {name}", [shape], build, low)
    CHANGES[f"LoRA {name}"] = lambda model: None

# --- after quantize(mode), with options ---
def calibrated(model):
    """As after gptq or awq: bytes, scales, zero points and groups."""
    random = np.random.default_rng(1)
    for layer in model.layers:
        mode = getattr(layer, "quantization_mode", None)
        if mode in ("gptq", "awq"):
            layer.is_gptq_calibrated, layer.is_awq_calibrated = mode == "gptq", mode == "awq"
            layer.quantized_kernel.assign(random.integers(0, 256, layer.quantized_kernel.shape).astype("uint8"))
            layer.kernel_zero.assign(random.integers(0, 9, layer.kernel_zero.shape).astype("uint8"))
            layer.kernel_scale.assign(random.uniform(0.01, 0.1, layer.kernel_scale.shape))
            layer.g_idx.assign((np.arange(layer.g_idx.shape[0]) // 3 % layer.kernel_scale.shape[1]).astype("float32"))
            if mode == "awq":
                layer.awq_scales.assign(random.uniform(0.5, 2, layer.awq_scales.shape))


def changed(mode, options=None):
    def step(model):
        quantizers = keras.quantizers
        if not options:
            return model.quantize(mode)
        if "inputs" in options:
            options["activation_quantizer"] = quantizers.AbsMaxQuantizer(axis=-1, value_range=(-63, 63), epsilon=0.01) if options.pop("inputs") else None
        model.quantize(config=(quantizers.Int8QuantizationConfig if mode == "int8" else quantizers.Int4QuantizationConfig)(**options))
    return step


for name, shape, build, low in (("Dense", (7,), lambda x: L.Dense(5, activation="relu")(x), None), ("Dense plain", (7,), lambda x: L.Dense(4, use_bias=False)(x), None), ("Embedding", (6,), lambda x: L.Embedding(9, 5)(x), 9),
                                ("EinsumDense", (6, 7), lambda x: L.EinsumDense("abc,cde->abde", (None, 5, 3), bias_axes="de")(x), None), ("EinsumDense of two", (6, 7, 4), lambda x: L.EinsumDense("abcd,cde->abe", (None, 5), bias_axes="e")(x), None),
                                ("EinsumDense turned", (6, 7), lambda x: L.EinsumDense("abc,bd->adc", (4, 7))(x), None)):
    for mode, options in (("int8", None), ("int8", {"inputs": False}), ("int8", {"inputs": True}), ("int4", None), ("int4", {"block_size": 3}), ("int4", {"block_size": -1}), ("float8", None)):
        if not (name == "Embedding" and (mode == "float8" or options and "inputs" in options)):
            case(f"{mode} {options or ''} {name}", [shape], build, low)
            CHANGES[f"{mode} {options or ''} {name}"] = changed(mode, options and dict(options))
H5_ALONE = set()  # Keras 3.15 leaves the zero points out of .keras files
for policy in ("gptq/4/3", "gptq/8/-1", "awq/4/3"):
    for name, shape, build in (("Dense", (7,), lambda x, p: L.Dense(5, dtype=p)(x)), ("EinsumDense", (6, 7), lambda x, p: L.EinsumDense("abc,cde->abde", (None, 5, 2), bias_axes="de", dtype=p)(x)), ("EinsumDense back", (6, 2, 3), lambda x, p: L.EinsumDense("abcd,cde->abe", (None, 7), dtype=p)(x))):
        case(f"{policy} {name}", [shape], lambda x, b=build, p=policy: b(x, f"{p}_from_float32"))
        CHANGES[f"{policy} {name}"] = calibrated
        H5_ALONE.add(f"{policy} {name}")


def by_names(a, b):
    """A model of a list, called with a dictionary in another order."""
    x, y = keras.Input((4,), name="zeta"), keras.Input((4,), name="alpha")
    return keras.Model([x, y], L.Subtract()([L.Dense(3)(x), L.Dense(3)(y)]))({"zeta": a, "alpha": b})


case("dictionary by names", [(4,), (4,)], by_names)
case("positional states and mask", [(6, 3), (4,), (6,)], lambda x, h, m: L.GRU(4)(x, h, m > 0))
for axes in ((1,), (2,), (1, 3)):
    case(f"MultiHeadAttention axes {axes}", [(3, 2, 4, 5)], lambda x, a=axes: L.MultiHeadAttention(2, 3, attention_axes=a)(x, x))
case("MultiHeadAttention output of two dimensions", [(6, 3)], lambda x: L.MultiHeadAttention(2, 4, output_shape=(2, 3))(x, x))
layer("Rescaling of arrays", (4, 3), lambda: L.Rescaling(np.array([1, 2, 3], "float32"), offset=[0.5, 0.25, 0.0]))
layer("UpSampling2D lanczos3", (5, 4, 3), lambda: L.UpSampling2D((2, 3), interpolation="lanczos3"))
layer("Resizing lanczos5", (9, 8, 3), lambda: L.Resizing(5, 12, interpolation="lanczos5", antialias=True))

import keras_operations

keras_operations.register(case)
