#!/usr/bin/env python3
"""Small models of old Keras, with inputs and the answers of that Keras: NAME.h5 (or NAME.keras) and NAME.npz in FOLDER, and all of them in
FOLDER.zip.

    PYTHON tests/importers/keras/make.py FOLDER [tf] [WORD...]    those whose names hold one of the words

by the interpreters of environments with, for instance,
    Python 3.6: keras==1.2.2 theano==1.0.5 h5py==2.10.0 numpy==1.16.6 scipy==1.5.4       (KERAS_BACKEND=theano)
    Python 3.6: keras==1.2.2 tensorflow==1.13.1 h5py==2.10.0 protobuf<3.20               (KERAS_BACKEND=tensorflow)
    Python 3.7: keras==2.2.4 tensorflow==1.15.5 h5py<3 protobuf<3.21                     (tf: its tf.keras instead)
    Python 3.8: tensorflow-cpu==2.6.5 keras==2.6.0 protobuf<3.21                         (tf)
    Python 3.11: tensorflow-cpu==2.21.0 tf-keras==2.21.0, TF_USE_LEGACY_KERAS=1          (tf)
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("THEANO_FLAGS", "optimizer=fast_compile")

import zipfile
import zlib

import numpy as np

OUT = sys.argv[1]
WORDS = [w for w in sys.argv[2:] if w != "tf"]
if "tf" in sys.argv[2:]:
    import tensorflow as tf
    keras = tf.keras
else:
    tf = None
    import keras
    if keras.backend.backend() == "theano":
        import theano.ifelse
L = keras.layers
STATED = getattr(keras, "__version__", None) or __import__("tf_keras").__version__
VERSION = tuple(int(n) for n in STATED.split("-")[0].split(".")[:2])
BATCH = 3


def values(model, random):
    """Weights away from their defaults."""
    for layer in model.layers:
        if hasattr(layer, "layers") and not hasattr(layer, "cell"):
            values(layer, random)
            continue
        new = []
        for weight, old in zip(layer.weights, layer.get_weights()):
            if old.dtype.kind != "f":
                new.append(old)
                continue
            value = random.normal(0, 0.5, old.shape)
            if "variance" in weight.name or "running_std" in weight.name:
                value = np.abs(value) + 0.5
            new.append(value.astype(old.dtype))
        if new:
            layer.set_weights(new)


def save(name, model, data, kinds=("h5",), keep_weights=False):
    random = np.random.RandomState(zlib.crc32(name.encode()) % 1000)
    if not keep_weights:
        values(model, random)
    want = model.predict(data if len(data) > 1 else data[0])
    want = [np.asarray(w) for w in (want if isinstance(want, (list, tuple)) else [want])]
    want = [np.vectorize(lambda b: b.decode())(w) if w.dtype == object else w for w in want]
    for kind in kinds:
        model.save(os.path.join(OUT, name + "." + kind))
    np.savez_compressed(os.path.join(OUT, name + ".npz"), **dict([("in%d" % i, x.astype(str) if x.dtype == object else x) for i, x in enumerate(data)] + [("out%d" % i, w) for i, w in enumerate(want)]))


def data_of(name, shapes, low=0):
    random = np.random.RandomState(zlib.crc32(name.encode()) % 997)
    made = [(random.randint(0, low, (BATCH,) + s) if low else random.normal(0, 1, (BATCH,) + s)).astype("float32") for s in shapes]
    for x in made:
        if "masked" in name and x.ndim > 1:
            x[0, -2:] = x[1, 1] = x[2, 0] = 0
    return made


def fresh():
    """Sessions that grow become slow."""
    if hasattr(keras.backend, "clear_session"):
        keras.backend.clear_session()


def sequential(name, shape, layers, low=0):
    """layers: a function, whose first layer says the shape of the input."""
    if WORDS and not any(w in name for w in WORDS):
        return
    fresh()
    try:
        model = keras.models.Sequential()
        for layer in layers(dict(input_shape=shape)):
            model.add(layer)
        save(name, model, data_of(name, [shape], low))
    except Exception as error:
        print("LEFT OUT", name, type(error).__name__, str(error)[:150])


def functional(name, shapes, build, low=0, kinds=("h5",), dtype=None, data=None):
    if WORDS and not any(w in name for w in WORDS):
        return
    fresh()
    try:
        inputs = [keras.layers.Input(shape=s, **({"dtype": dtype} if dtype else {})) for s in shapes]
        outputs = build(*inputs)
        make = keras.models.Model
        model = make(inputs, outputs) if len(inputs) > 1 else make(inputs[0], outputs)
        save(name, model, data or data_of(name, shapes, low), kinds)
    except Exception as error:
        print("LEFT OUT", name, type(error).__name__, str(error)[:150])


def keras_1():
    S = sequential
    for activation in "softmax elu softplus softsign relu tanh sigmoid hard_sigmoid linear".split():
        S("dense_" + activation, (5,), lambda i, a=activation: [L.Dense(4, activation=a, **i)])
    S("dense_no_bias", (5,), lambda i: [L.Dense(4, bias=False, **i)])
    S("maxout_dense", (5,), lambda i: [L.MaxoutDense(4, nb_feature=3, **i)])
    S("highway", (5,), lambda i: [L.Highway(activation="tanh", **i)])
    S("time_distributed_dense", (4, 5), lambda i: [L.TimeDistributedDense(3, **i)])
    S("time_distributed", (4, 5), lambda i: [L.TimeDistributed(L.Dense(3), **i)])
    for order, shape in (("th", (3, 8, 7)), ("tf", (8, 7, 3))):
        o = dict(dim_ordering=order)
        for mode in ("valid", "same"):
            S("convolution2d_%s_%s" % (order, mode), shape, lambda i: [L.Convolution2D(4, 3, 2, border_mode=mode, subsample=(2, 1), activation="relu", **dict(o, **i))])
            S("max_pooling2d_%s_%s" % (order, mode), shape, lambda i: [L.MaxPooling2D((2, 3), border_mode=mode, **dict(o, **i)), L.Flatten(), L.Dense(2)])
        S("atrous_%s" % order, shape, lambda i: [L.AtrousConvolution2D(4, 2, 3, atrous_rate=(2, 2), **dict(o, **i))])
        S("average_pooling2d_%s" % order, shape, lambda i: [L.AveragePooling2D((3, 2), strides=(1, 2), **dict(o, **i))])
        S("net_%s" % order, shape, lambda i: [L.ZeroPadding2D((1, 2), **dict(o, **i)), L.Convolution2D(4, 3, 3, **o), L.BatchNormalization(axis=1 if order == "th" else -1), L.UpSampling2D((2, 1), **o),
                                              L.Cropping2D(((1, 0), (0, 1)), **o), L.Flatten(), L.Dense(3)])
        S("global_%s" % order, shape, lambda i: [L.GlobalAveragePooling2D(**dict(o, **i))])
        S("global_max_%s" % order, shape, lambda i: [L.GlobalMaxPooling2D(**dict(o, **i))])
        S("locally_connected2d_%s" % order, shape, lambda i: [L.LocallyConnected2D(4, 3, 2, **dict(o, **i))])
        S("separable_%s" % order, shape, lambda i: [L.SeparableConvolution2D(4, 3, 2, depth_multiplier=2, **dict(o, **i))])
        cube = (2, 5, 4, 6) if order == "th" else (5, 4, 6, 2)
        S("convolution3d_%s" % order, cube, lambda i: [L.Convolution3D(3, 2, 3, 2, **dict(o, **i))])
    S("convolution1d", (9, 3), lambda i: [L.Convolution1D(4, 3, subsample_length=2, border_mode="same", **i)])
    S("atrous1d", (9, 3), lambda i: [L.AtrousConvolution1D(4, 3, atrous_rate=2, **i)])
    S("pooling1d", (9, 3), lambda i: [L.MaxPooling1D(2, **i), L.AveragePooling1D(2, stride=1), L.UpSampling1D(2), L.ZeroPadding1D(1), L.Cropping1D((1, 1))])
    S("locally_connected1d", (9, 3), lambda i: [L.LocallyConnected1D(4, 3, subsample_length=2, **i)])
    S("batch_normalization", (4, 3), lambda i: [L.BatchNormalization(**i)])
    S("advanced", (5,), lambda i: [L.Dense(4, **i), L.LeakyReLU(0.2), L.PReLU(), L.ELU(0.7), L.ThresholdedReLU(0.1)])
    S("parametric_softplus", (5,), lambda i: [L.ParametricSoftplus(**i)])
    S("s_relu", (5,), lambda i: [L.SReLU(**i)])
    S("shapes", (4, 6), lambda i: [L.Permute((2, 1), **i), L.Reshape((3, 8)), L.Flatten(), L.RepeatVector(2), L.Dropout(0.5), L.GaussianNoise(0.1), L.ActivityRegularization(l1=0.1)])
    for name in ("SimpleRNN", "LSTM", "GRU"):
        cls = getattr(L, name)
        S("%s" % name.lower(), (6, 3), lambda i: [cls(4, **i)])
        S("%s_sequences_backwards" % name.lower(), (6, 3), lambda i: [cls(4, return_sequences=True, go_backwards=True, **i)])
        S("%s_masked" % name.lower(), (6, 3), lambda i: [L.Masking(0.0, **i), cls(4, return_sequences=True)])
        for mode in ("concat", "sum", "mul", "ave"):
            S("bidirectional_%s_%s" % (name.lower(), mode), (6, 3), lambda i: [L.Bidirectional(cls(4, return_sequences=mode == "sum"), merge_mode=mode, **i)])
        S("bidirectional_%s_masked" % name.lower(), (6, 3), lambda i: [L.Masking(0.0, **i), L.Bidirectional(cls(4, return_sequences=True))])
    S("lstm_relu", (6, 3), lambda i: [L.LSTM(4, activation="relu", inner_activation="sigmoid", **i)])
    S("words", (6,), lambda i: [L.Embedding(9, 4, mask_zero=True, input_length=6), L.LSTM(3), L.Dense(2, activation="softmax")], 9)
    for mode in ("sum", "mul", "concat", "ave", "max", "dot", "cos"):
        functional("merge_%s" % mode, [(4,), (4,)], lambda a, b: keras.layers.merge([a, b], mode=mode))
    functional("merge_axis", [(3, 4), (3, 2)], lambda a, b: keras.layers.merge([a, b], mode="concat", concat_axis=2))
    functional("nested", [(5,)], lambda x: L.Dense(2)(keras.models.Sequential([L.Dense(4, input_dim=5, activation="tanh"), L.Dense(3)])(x)))


def keras_2():
    S = sequential
    F = functional
    new = tf is not None and VERSION >= (2, 4)
    if tf is not None:
        operations(F)
    if new:
        newer(F, S)
    for activation in "softmax elu selu softplus softsign relu tanh sigmoid hard_sigmoid exponential".split() + (["swish", "gelu"] if new else []):
        S("dense_" + activation, (5,), lambda i, a=activation: [L.Dense(4, activation=a, **i)])
    for padding in ("valid", "same"):
        o = dict(padding=padding)
        S("conv2d_" + padding, (8, 7, 3), lambda i: [L.Conv2D(4, (3, 2), strides=(2, 1), activation="relu", **dict(o, **i))])
        S("depthwise_" + padding, (8, 7, 3), lambda i: [L.DepthwiseConv2D(3, depth_multiplier=2, **dict(o, **i))])
        S("separable_" + padding, (8, 7, 3), lambda i: [L.SeparableConv2D(4, 3, depth_multiplier=2, **dict(o, **i))])
        S("transpose_" + padding, (5, 4, 3), lambda i: [L.Conv2DTranspose(4, 3, strides=2, **dict(o, **i))])
        S("pooling_" + padding, (8, 7, 3), lambda i: [L.MaxPooling2D((2, 3), **dict(o, **i)), L.AveragePooling2D(2, strides=1, **o)])
        S("conv3d_" + padding, (5, 4, 6, 2), lambda i: [L.Conv3D(3, 2, **dict(o, **i)), L.MaxPooling3D(2, **o)])
    S("transpose_output_padding", (5, 4, 3), lambda i: [L.Conv2DTranspose(4, 3, strides=2, output_padding=1, **i)])
    S("transpose_output_padding_same", (5, 4, 3), lambda i: [L.Conv2DTranspose(4, 3, strides=(2, 3), padding="same", output_padding=(0, 2), **i)])
    S("conv1d_causal", (9, 3), lambda i: [L.Conv1D(4, 3, padding="causal", dilation_rate=2, **i)])
    S("separable1d", (9, 3), lambda i: [L.SeparableConv1D(4, 3, **i)])
    S("locally_connected1d", (9, 3), lambda i: [L.LocallyConnected1D(4, 3, strides=2, **i)])
    S("locally_connected2d", (8, 7, 3), lambda i: [L.LocallyConnected2D(4, (3, 2), **i)])
    S("locally_connected2d_implementation", (6, 5, 3), lambda i: [L.LocallyConnected2D(4, (3, 2), implementation=2, **i)])
    S("net", (8, 7, 3), lambda i: [L.ZeroPadding2D(((1, 0), (2, 1)), **i), L.Conv2D(4, 3), L.BatchNormalization(), L.UpSampling2D((2, 1)), L.Cropping2D(1), L.GlobalAveragePooling2D(), L.Dense(3)])
    S("upsampling_bilinear", (4, 5, 3), lambda i: [L.UpSampling2D(2, interpolation="bilinear", **i)])
    S("batch_normalization_axis", (4, 3), lambda i: [L.BatchNormalization(axis=1, scale=False, **i)])
    S("advanced", (5,), lambda i: [L.Dense(4, **i), L.LeakyReLU(0.2), L.PReLU(), L.ELU(0.7), L.ThresholdedReLU(0.1), L.ReLU(max_value=2.0), L.Softmax()])
    S("shapes", (4, 6), lambda i: [L.Permute((2, 1), **i), L.Reshape((3, 8)), L.Flatten(), L.RepeatVector(2), L.SpatialDropout1D(0.5), L.GaussianDropout(0.1)])
    for name in ("SimpleRNN", "LSTM", "GRU"):
        cls = getattr(L, name)
        S("%s" % name.lower(), (6, 3), lambda i: [cls(4, **i)])
        S("%s_backwards" % name.lower(), (6, 3), lambda i: [cls(4, return_sequences=True, go_backwards=True, **i)])
        S("%s_masked" % name.lower(), (6, 3), lambda i: [L.Masking(0.0, **i), cls(4, return_sequences=True)])
        for mode in ("concat", "ave"):
            S("bidirectional_%s_%s" % (name.lower(), mode), (6, 3), lambda i: [L.Bidirectional(cls(4, return_sequences=mode == "ave"), merge_mode=mode, **i)])
        S("bidirectional_%s_masked" % name.lower(), (6, 3), lambda i: [L.Masking(0.0, **i), L.Bidirectional(cls(4, return_sequences=True))])
        S("bidirectional_%s_masked_last" % name.lower(), (6, 3), lambda i: [L.Masking(0.0, **i), L.Bidirectional(cls(4))])
        F("%s_states" % name.lower(), [(6, 3)], lambda x: L.Concatenate()(list(cls(4, return_state=True)(x))))
        F("%s_initial_state" % name.lower(), [(6, 3)] + [(4,)] * (2 if name == "LSTM" else 1), lambda x, *s: cls(4)(x, initial_state=list(s)))
    S("gru_reset_after", (6, 3), lambda i: [L.GRU(4, reset_after=True, **i)])
    S("rnn_cells", (6, 3), lambda i: [L.RNN([L.LSTMCell(4), L.GRUCell(3)], **i)])
    S("conv_lstm2d", (3, 6, 5, 2), lambda i: [L.ConvLSTM2D(3, 3, padding="same", return_sequences=True, **i)])
    S("time_distributed_net", (3, 6, 5, 2), lambda i: [L.TimeDistributed(keras.models.Sequential([L.Conv2D(4, 3, input_shape=(6, 5, 2)), L.BatchNormalization(), L.Flatten(), L.Dense(3)]), **i)])
    S("words", (6,), lambda i: [L.Embedding(9, 4, mask_zero=True, input_length=6), L.Bidirectional(L.LSTM(3, return_sequences=True)), L.GRU(2)], 9)
    F("words_of_words_masked", [(3, 5)], lambda x: L.GRU(2)(L.TimeDistributed(keras.models.Sequential([L.Embedding(9, 4, mask_zero=True, input_length=5), L.LSTM(3)]))(x)), 9)
    for name in ("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Average", "Concatenate"):
        F(name.lower(), [(3, 4), (3, 4)], lambda a, b: getattr(L, name)()([a, b]))
    F("dot", [(3, 4), (5, 4)], lambda a, b: L.Dot(axes=2, normalize=True)([a, b]))
    F("merge_masked", [(6, 3), (6, 3)], lambda a, b: L.LSTM(2)(L.Add()([L.Masking(0.0)(a), b])))
    F("concatenate_masked", [(6, 3), (6, 3)], lambda a, b: L.LSTM(2)(L.Concatenate()([L.Masking(0.0)(a), L.Masking(0.0)(b)])))
    F("mean_masked", [(6, 3)], lambda x: L.GlobalAveragePooling1D()(L.Masking(0.0)(x)))

    def nested(x):
        inner = keras.models.Sequential([L.Conv2D(4, 3, padding="same", input_shape=(6, 5, 3)), L.BatchNormalization(), L.Activation("relu")])
        y = L.Input((6, 5, 4))
        block = keras.models.Model(y, L.Add()([y, L.BatchNormalization()(L.Conv2D(4, 1)(y))]))
        return L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(block(block(inner(x)))))

    F("nested", [(6, 5, 3)], nested)

    def nested_twice(a, b):
        y = L.Input((5,))
        shared = keras.models.Model(y, [L.Dense(3)(y), L.Dense(2)(y)])
        return shared(a) + shared(b)

    F("nested_outputs", [(5,), (5,)], nested_twice)
    F("shared", [(5,), (5,)], lambda a, b, d=lambda: L.Dense(4, activation="tanh"): (lambda one: L.Concatenate()([one(a), one(b)]))(d()))
    F("outputs", [(5,)], lambda x: [L.Dense(2, name="first")(x), L.Dense(3, name="second")(x)])
    F("nothing_but_a_model", [(5,)], lambda x: keras.models.Sequential([L.Dense(3, input_shape=(5,))])(x))


def operations(F):
    """Functions of TensorFlow between layers."""
    F("op_arithmetic", [(4, 3)], lambda x: (2.0 - x) * 3.0 / (x * x + 1.0))
    F("op_of_two", [(4, 3), (4, 3)], lambda x, y: x * y - x / (tf.abs(y) + 1.0))
    F("op_functions", [(4, 3)], lambda x: tf.exp(-tf.square(x)) + tf.nn.relu(x) + tf.sigmoid(x))
    F("op_reduce", [(4, 3)], lambda x: tf.reduce_mean(x, axis=1) + tf.reduce_max(x, axis=[1]))
    if VERSION < (2, 4):
        return
    F("op_slices", [(4, 6)], lambda x: x[:, 1:3, ::2] + x[:, :2, -1:])
    F("op_slices_of_one", [(4, 6)], lambda x: x[:, 1, 2:])
    F("op_shapes", [(4, 6)], lambda x: tf.transpose(tf.reshape(x, (-1, 8, 3)), (0, 2, 1)))
    F("op_joining", [(4, 3), (4, 3)], lambda x, y: tf.concat([tf.concat([x, y], axis=-1), tf.concat([y, x], 2)], axis=1))
    F("op_stack", [(4, 3), (4, 3)], lambda x, y: tf.stack([x, y], axis=1))
    F("op_matmul", [(4, 3), (5, 3)], lambda x, y: tf.nn.softmax(tf.matmul(x, y, transpose_b=True)))
    F("op_where", [(4, 3), (4, 3)], lambda x, y: tf.where(x > y, x, tf.cast(y > 0, tf.float32)))
    F("op_more", [(4, 6)], lambda x: tf.clip_by_value(tf.expand_dims(tf.math.l2_normalize(x, axis=-1), 1), -0.3, 0.3))
    F("op_gather", [(4, 6)], lambda x: tf.gather(x, [0, 2], axis=2))
    F("op_pad_tile", [(4, 6)], lambda x: tf.tile(tf.pad(x, [[0, 0], [1, 2], [0, 1]]), [1, 2, 1]))
    F("op_split", [(4, 6)], lambda x: tf.split(x, 3, axis=-1))
    F("op_one_hot", [(4,)], lambda x: tf.one_hot(tf.cast(x, tf.int32), 6), 6)
    F("op_constant", [(4, 3)], lambda x: x * tf.constant([1.0, 2.0, 3.0]) + np.ones((4, 3), "float32"))


def newer(F, S):
    """tf.keras from 2.4 on."""
    F("layer_normalization", [(4, 3)], lambda x: L.LayerNormalization()(x))
    F("attention", [(5, 4), (6, 4)], lambda q, v: L.Attention(use_scale=True)([q, v]))
    F("additive_attention", [(5, 4), (6, 4)], lambda q, v: L.AdditiveAttention()([q, v]))
    F("attention_masked", [(6, 4), (6, 4)], lambda q, v: L.Attention()([L.Masking(0.0)(q), L.Masking(0.0)(v)]))
    F("multi_head_attention", [(5, 8), (6, 8)], lambda q, v: L.MultiHeadAttention(2, 4)(q, v))
    F("multi_head_attention_masked", [(6, 8)], lambda x: L.MultiHeadAttention(2, 4)(L.Masking(0.0)(x), L.Masking(0.0)(x)))
    F("multi_head_attention_scores", [(5, 8), (6, 8)], lambda q, v: L.MultiHeadAttention(2, 4)(q, v, return_attention_scores=True))
    F("einsum_dense", [(5, 8)], lambda x: (L.EinsumDense if hasattr(L, "EinsumDense") else L.experimental.EinsumDense)("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de")(x))
    P = L if hasattr(L, "Rescaling") else L.experimental.preprocessing
    F("rescaling", [(4, 4, 3)], lambda x: P.Rescaling(1 / 127.5, offset=-1)(x))
    F("resizing", [(7, 6, 3)], lambda x: P.Resizing(4, 9)(x))
    F("center_crop", [(7, 6, 3)], lambda x: P.CenterCrop(4, 3)(x))
    F("normalization", [(3,)], lambda x: P.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 0.25, 1.0])(x))
    F("category_encoding", [(4,)], lambda x: P.CategoryEncoding(6, output_mode="multi_hot")(x), 6)
    F("discretization", [(4,)], lambda x: P.Discretization([-1.0, 0.0, 0.5])(x))
    words = np.array([["red"], ["blue"], ["unseen"]], object)
    for mode in ("int", "multi_hot"):
        F("string_lookup_" + mode, [(1,)], lambda x: P.StringLookup(vocabulary=["red", "green", "blue"], output_mode=mode)(x), dtype="string", data=[words])
        if VERSION >= (2, 8):  # before, the vocabulary was not saved
            F("text_vectorization_" + mode, [(1,)], lambda x: P.TextVectorization(vocabulary=["the", "red", "fox"], output_mode=mode, max_tokens=9)(x), dtype="string", data=[np.array([["The red, RED fox!"], [""], ["no word"]], object)])
    F("hashing", [(1,)], lambda x: P.Hashing(5)(x), dtype="string", data=[words])
    keras.mixed_precision.set_global_policy("mixed_float16")
    F("mixed_float16", [(5,)], lambda x: L.Dense(3, dtype="float32")(L.Dense(4, activation="relu")(x)))
    keras.mixed_precision.set_global_policy("float32")
    keras.backend.set_floatx("float64")
    keras.mixed_precision.set_global_policy("float64")
    F("float64", [(6, 3)], lambda x: L.Dense(3)(L.LayerNormalization()(L.LSTM(4)(x))))
    keras.backend.set_floatx("float32")
    keras.mixed_precision.set_global_policy("float32")
    if VERSION >= (2, 13):
        for name, shapes, build in (("archive_dense", [(5,)], lambda x: L.Dense(3)(L.Dense(4, activation="relu")(x))), ("archive_lstm", [(6, 3)], lambda x: L.Bidirectional(L.LSTM(4))(x)),
                                    ("archive_attention", [(5, 8)], lambda x: L.LayerNormalization()(L.MultiHeadAttention(2, 4)(x, x)))):
            F(name, shapes, build, kinds=("keras",))
        F("archive_text", [(1,)], lambda x: L.Embedding(9, 3)(L.TextVectorization(vocabulary=["the", "red", "fox"])(x)), dtype="string", data=[np.array([["The red, RED fox!"], ["red"], ["no word"]], object)], kinds=("keras",))


os.makedirs(OUT, exist_ok=True)
(keras_1 if VERSION < (2, 0) else keras_2)()
with zipfile.ZipFile(OUT.rstrip("/") + ".zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for file in sorted(os.listdir(OUT)):
        with open(os.path.join(OUT, file), "rb") as stream:
            archive.writestr(zipfile.ZipInfo(file, (2020, 1, 1, 0, 0, 0)), stream.read(), zipfile.ZIP_DEFLATED)
