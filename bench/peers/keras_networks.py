"""The networks of bench/tensorflow.py, built by Keras with drawn weights, as .keras, SavedModel and ONNX."""

import keras
import numpy as np
import onnx
import tensorflow as tf
from keras import layers as L

BATCHES = (1, 32)


def tabular():
    x = y = keras.Input((32,), name="x")
    for units in (256, 256, 64):
        y = L.Dense(units, activation="relu")(y)
    return keras.Model(x, L.Dense(1, activation="sigmoid")(y))


def lstm():
    x = keras.Input((50, 64), name="x")
    return keras.Model(x, L.Dense(10)(L.LSTM(128)(x)))


def transformer(width=128, heads=4, length=64, blocks=2):
    """Two blocks of self-attention over tokens that are vectors."""
    x = keras.Input((length, 64), name="x")
    y = L.Dense(width)(x)
    for _ in range(blocks):
        y = L.LayerNormalization()(y + L.MultiHeadAttention(heads, width // heads)(y, y))
        y = L.LayerNormalization()(y + L.Dense(width)(L.Dense(4 * width, activation="gelu")(y)))
    return keras.Model(x, L.Dense(10)(L.GlobalAveragePooling1D()(y)))


def application(name):
    model = getattr(keras.applications, name)(weights=None)
    x = keras.Input((224, 224, 3), name="x")
    return keras.Model(x, model(x))


NETWORKS = {
    "mobilenet2": lambda: application("MobileNetV2"),
    "resnet50": lambda: application("ResNet50"),
    "tabular": tabular,
    "lstm": lstm,
    "transformer": transformer,
}


def without_erfc(model):
    """tf2onnx leaves TensorFlow's Erfc, of which ONNX knows none: 1 - Erf."""
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Erfc":
            one, erf = f"{node.name}_one", f"{node.name}_erf"
            model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(1), one))
            nodes += [onnx.helper.make_node("Erf", node.input, [erf]), onnx.helper.make_node("Sub", [one, erf], node.output)]
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def write(name, folder):
    """FOLDER/NAME.keras, FOLDER/NAME (SavedModel), FOLDER/NAME.onnx, inputs FOLDER/NAME-BATCH.npy."""
    import tf2onnx

    keras.utils.set_random_seed(3)
    model = NETWORKS[name]()
    shape = model.inputs[0].shape[1:]
    for batch in BATCHES:
        np.save(folder / f"{name}-{batch}.npy", np.random.default_rng(1).standard_normal((batch, *shape)).astype(np.float32))
    model.save(folder / f"{name}.keras")
    model.export(str(folder / name), verbose=False)
    specification = [tf.TensorSpec([None, *shape], tf.float32, name="x")]
    graph, _ = tf2onnx.convert.from_function(tf.function(lambda x: model(x, training=False)), input_signature=specification, opset=18)
    onnx.save(without_erfc(graph), folder / f"{name}.onnx")
