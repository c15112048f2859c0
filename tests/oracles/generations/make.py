#!/usr/bin/env python3
"""Small models as older generations of TensorFlow and Keras wrote them, with questions and their answers.

    python3.7 -m venv a && a/bin/pip install tensorflow==1.15.5 "protobuf<3.21" "h5py<3"
    python3.8 -m venv b && b/bin/pip install tensorflow==2.6.5 "protobuf<3.21" keras==2.6.0 tensorflow-estimator==2.6.0
    python3.11 -m venv c && c/bin/pip install tensorflow==2.21.0 tf-keras==2.21.0
    a/bin/python make.py; b/bin/python make.py; c/bin/python make.py

Each writes GENERATION/CASE/: the model, and questions.json: [{"model", "signature", "inputs", "outputs"}],
a tensor being {"dtype", "shape", "data"}, text in base 64. Names that are null: in the order given.
Runs on Python 3.7.
"""

import base64
import json
import os
import shutil
import sys
import tempfile

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_USE_LEGACY_KERAS="1")

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
VERSION = tf.__version__.split(".")
OLD = VERSION[0] == "1"
if VERSION[:2] == ["2", "21"]:
    import tf_keras as keras

    GENERATION = "keras2"
else:
    keras = tf.keras
    GENERATION = "tf" + ".".join(VERSION[:2])
L = keras.layers
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), GENERATION)
random = np.random.RandomState(1)
CASES = []


def case(function):
    CASES.append(function)
    return function


def normal(*shape):
    return random.standard_normal(shape).astype(np.float32)


def stored(value):
    value = np.asarray(value)
    if value.dtype.kind in "OSU":
        data = [base64.b64encode(v if isinstance(v, bytes) else str(v).encode()).decode() for v in value.ravel()]
        return {"dtype": "string", "shape": list(value.shape), "data": data}
    return {"dtype": value.dtype.name, "shape": list(value.shape), "data": [str(v) if value.dtype.kind == "f" and not np.isfinite(v) else v.item() for v in value.ravel()]}


def question(model, signature, inputs, outputs):
    return {"model": model, "signature": signature, "inputs": {k: stored(v) for k, v in inputs.items()}, "outputs": {k: stored(v) for k, v in outputs.items()}}


# --- TensorFlow 1's way: sessions, builders, frozen graphs ---


def predict_signature(inputs, outputs, method="tensorflow/serving/predict"):
    info = v1.saved_model.build_tensor_info
    return v1.saved_model.build_signature_def({k: info(v) for k, v in inputs.items()}, {k: info(v) for k, v in outputs.items()}, method)


def ask_saved(path, questions):
    """questions: [(signature, inputs)]; loaded anew in a session."""
    found = []
    for signature, inputs in questions:
        with tf.Graph().as_default(), v1.Session() as session:
            read = v1.saved_model.load(session, ["serve"], path).signature_def[signature]
            outputs = session.run({k: i.name for k, i in read.outputs.items()}, {read.inputs[k].name: v for k, v in inputs.items()})
            found.append(question(os.path.basename(path), signature, inputs, outputs))
    return found


def built(folder, build):
    path = os.path.join(folder, "model")
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(3)
        signatures, questions = build()
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        builder = v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=signatures, main_op=v1.tables_initializer(), strip_default_attrs=True)
        builder.save()
    return ask_saved(path, questions)


def frozen(folder, build):
    """build() -> (inputs, outputs): placeholder -> value, tensors."""
    with tf.Graph().as_default() as graph, v1.Session() as session:
        v1.set_random_seed(3)
        inputs, outputs = build()
        session.run(v1.global_variables_initializer())
        names = ["out_%d" % i for i in range(len(outputs))]
        outputs = [tf.identity(o, n) for o, n in zip(outputs, names)]
        values = session.run(outputs, inputs)
        definition = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), names)
    with open(os.path.join(folder, "model.pb"), "wb") as file:
        file.write(definition.SerializeToString())
    return [question("model.pb", None, {p.op.name: v for p, v in inputs.items()}, dict(zip(names, values)))]


def dense(x, units, name):
    with v1.variable_scope(name):
        w = v1.get_variable("kernel", [x.shape[-1], units], initializer=v1.random_normal_initializer(), use_resource=False)
        b = v1.get_variable("bias", [units], initializer=v1.random_normal_initializer(), use_resource=False)
    return tf.matmul(x, w) + b


@case
def builder_two_signatures(folder):
    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        hidden = tf.nn.relu(dense(x, 5, "hidden"))
        logits = dense(hidden, 3, "logits")
        score = tf.sigmoid(dense(hidden, 1, "score"))
        maps = {"serving_default": predict_signature({"features": x}, {"probabilities": tf.nn.softmax(logits), "class": tf.argmax(logits, 1)}), "score": predict_signature({"inputs": x}, {"outputs": score}, "tensorflow/serving/regress")}
        return maps, [("serving_default", {"features": normal(3, 4)}), ("score", {"inputs": normal(2, 4)})]

    return built(folder, build)


@case
def builder_table(folder):
    def build():
        x = v1.placeholder(tf.string, [None], "x")
        keys, values = tf.constant(["cat", "dog"]), tf.constant([1, 2], tf.int64)
        table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), -1)
        return {"serving_default": predict_signature({"x": x}, {"id": table.lookup(x)})}, [("serving_default", {"x": np.array(["dog", "cow", ""], object)})]

    return built(folder, build)


@case
def frozen_control_flow(folder):
    def build():
        x, n = v1.placeholder(tf.float32, [None, 3], "x"), v1.placeholder(tf.int32, [], "n")
        looped = tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * 1.5 + tf.cast(i, tf.float32)), [0, x])[1]
        chosen = tf.cond(tf.reduce_sum(x) > 0, lambda: looped + 1, lambda: -looped)
        return {x: normal(2, 3), n: np.int32(4)}, [looped, chosen, tf.map_fn(lambda r: r * tf.reduce_max(r), x), tf.scan(lambda a, r: a * 0.5 + r, x)]

    if not OLD:
        v1.disable_control_flow_v2()
    return frozen(folder, build)


@case
def frozen_convolution(folder):
    def build():
        x = v1.placeholder(tf.float32, [None, 8, 8, 2], "x")
        y = tf.nn.conv2d(x, tf.constant(normal(3, 3, 2, 4)), [1, 2, 2, 1], "SAME")
        y = v1.nn.fused_batch_norm(y, normal(4), normal(4), normal(4), np.abs(normal(4)) + 0.5, is_training=False)[0]
        y = v1.nn.max_pool(tf.nn.relu6(y), [1, 2, 2, 1], [1, 2, 2, 1], "VALID")
        return {x: normal(2, 8, 8, 2)}, [tf.reshape(y, [-1, 16]), tf.reduce_mean(y, [1, 2])]

    return frozen(folder, build)


if OLD:

    @case
    def frozen_rnn(folder):
        def build():
            x, n = v1.placeholder(tf.float32, [None, 5, 3], "x"), v1.placeholder(tf.int32, [None], "n")
            outputs = []
            cells = {"lstm": v1.nn.rnn_cell.LSTMCell(4, use_peepholes=True), "basic_lstm": v1.nn.rnn_cell.BasicLSTMCell(4), "gru": v1.nn.rnn_cell.GRUCell(4), "rnn": v1.nn.rnn_cell.BasicRNNCell(4)}
            for name, cell in sorted(cells.items()):
                outputs += [v1.nn.dynamic_rnn(cell, x, n if name != "gru" else None, dtype=tf.float32, scope=name)[0]]
            both = v1.nn.bidirectional_dynamic_rnn(v1.nn.rnn_cell.GRUCell(3), v1.nn.rnn_cell.GRUCell(3), x, n, dtype=tf.float32, scope="both")[0]
            stacked = v1.nn.dynamic_rnn(v1.nn.rnn_cell.MultiRNNCell([v1.nn.rnn_cell.LSTMCell(3), v1.nn.rnn_cell.LSTMCell(2)]), x, dtype=tf.float32, scope="stacked")[0]
            return {x: normal(2, 5, 3), n: np.array([3, 5], np.int32)}, [*outputs, *both, stacked]

        return frozen(folder, build)


# --- checkpoints ---


def checkpoint(folder, **options):
    """Of a dense layer, with its graph beside it."""
    path = os.path.join(folder, "model")
    os.makedirs(path)
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(3)
        x = v1.placeholder(tf.float32, [None, 4], "x")
        y = tf.identity(dense(x, 3, "layer"), "y")
        session.run(v1.global_variables_initializer())
        value = normal(2, 4)
        want = session.run(y, {x: value})
        v1.train.Saver(**options).save(session, os.path.join(path, "model.ckpt"), global_step=7)
    os.remove(os.path.join(path, "checkpoint"))  # it names the folder
    return [question("model", None, {"x": value}, {"y": want})]


@case
def checkpoint_first(folder):
    return checkpoint(folder, write_version=v1.train.SaverDef.V1)


@case
def checkpoint_first_sharded(folder):
    return checkpoint(folder, write_version=v1.train.SaverDef.V1, sharded=True)


@case
def checkpoint_second(folder):
    return checkpoint(folder)


# --- Estimators ---

EXAMPLES = [{"age": 31.0, "city": "Oslo", "hours": 3.5}, {"age": 55.0, "city": "Rome", "hours": 0.5}, {"age": 18.0, "city": "Lima", "hours": 9.0}]


def serialized(rows):
    def feature(value):
        if isinstance(value, str):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))

    return np.array([tf.train.Example(features=tf.train.Features(feature={k: feature(v) for k, v in row.items()})).SerializeToString() for row in rows], object)


def estimator(folder, make, classes=3, steps=2):
    column = tf.feature_column
    age, hours = column.numeric_column("age"), column.numeric_column("hours", normalizer_fn=lambda x: (x - 4) / 3)
    city = column.categorical_column_with_vocabulary_list("city", ["Oslo", "Rome", "Bonn"], num_oov_buckets=1)
    hashed = column.categorical_column_with_hash_bucket("city", 6)
    ages = column.bucketized_column(age, [20, 40, 60])
    crossed = column.crossed_column([ages, "city"], 10)
    columns = {"wide": [ages, city, crossed], "deep": [age, hours, column.indicator_column(city), column.embedding_column(hashed, 3)], "dense": [age, hours], "buckets": [ages, column.bucketized_column(hours, [1, 5, 8]), column.indicator_column(city)]}

    def data():
        rows = EXAMPLES * 4
        features = {"age": [[r["age"]] for r in rows], "hours": [[r["hours"]] for r in rows], "city": [[r["city"]] for r in rows]}
        return tf.data.Dataset.from_tensor_slices((features, [label % classes for label in range(3)] * 4)).batch(12).repeat()

    scratch = tempfile.mkdtemp()
    made, used = make(columns, scratch)
    made.train(data, steps=steps)
    specification = column.make_parse_example_spec(used)
    receiver = tf.estimator.export.build_parsing_serving_input_receiver_fn(specification)
    written = made.export_saved_model(os.path.join(scratch, "export"), receiver)
    path = os.path.join(folder, "model")
    shutil.move(written.decode() if isinstance(written, bytes) else written, path)
    shutil.rmtree(scratch)
    with tf.Graph().as_default(), v1.Session() as session:
        signatures = v1.saved_model.load(session, ["serve"], path).signature_def
        names = {k: next(iter(s.inputs)) for k, s in signatures.items()}
    return ask_saved(path, [(k, {n: serialized(EXAMPLES)}) for k, n in sorted(names.items())])


if hasattr(tf, "estimator") and GENERATION != "keras2":

    @case
    def estimator_linear(folder):
        return estimator(folder, lambda c, d: (tf.estimator.LinearClassifier(c["wide"], n_classes=3, model_dir=d), c["wide"]))

    @case
    def estimator_dnn(folder):
        return estimator(folder, lambda c, d: (tf.estimator.DNNClassifier([6, 4], c["deep"], n_classes=3, model_dir=d), c["deep"]))

    @case
    def estimator_both(folder):
        return estimator(folder, lambda c, d: (tf.estimator.DNNLinearCombinedRegressor(linear_feature_columns=c["wide"], dnn_feature_columns=c["deep"], dnn_hidden_units=[4], model_dir=d), c["wide"] + c["deep"]))

    @case
    def estimator_regressor(folder):
        return estimator(folder, lambda c, d: (tf.estimator.DNNRegressor([4], c["dense"], batch_norm=True, model_dir=d), c["dense"]))

    @case
    def estimator_trees(folder):
        return estimator(folder, lambda c, d: (tf.estimator.BoostedTreesClassifier(c["buckets"], n_batches_per_layer=1, n_trees=3, max_depth=3, center_bias=True, model_dir=d), c["buckets"]), classes=2, steps=12)

    @case
    def estimator_trees_quantiles(folder):
        return estimator(folder, lambda c, d: (tf.estimator.BoostedTreesRegressor(c["dense"], n_batches_per_layer=1, n_trees=3, max_depth=2, quantile_sketch_epsilon=0.1, model_dir=d), c["dense"]), steps=12)


# --- Keras ---


def keras_models():
    yield "dense", keras.Sequential([L.Dense(4, activation="relu", input_shape=(3,)), L.BatchNormalization(), L.Dropout(0.3), L.Dense(2, activation="softmax")]), [normal(3, 3)]
    yield "convolution", keras.Sequential([L.Conv2D(3, 3, padding="same", activation="relu", input_shape=(8, 8, 2)), L.MaxPooling2D(), L.DepthwiseConv2D(3), L.BatchNormalization(), L.SeparableConv2D(2, 2), L.GlobalAveragePooling2D(), L.Dense(3)]), [normal(2, 8, 8, 2)]
    yield "recurrent", keras.Sequential([L.Embedding(20, 4, mask_zero=True, input_length=6), L.Bidirectional(L.LSTM(3, return_sequences=True)), L.GRU(3, return_sequences=True), L.SimpleRNN(2), L.Dense(1, activation="sigmoid")]), [np.array([[1, 5, 3, 0, 0, 0], [7, 2, 9, 4, 1, 19]], np.float32)]
    yield "recurrent_options", keras.Sequential([L.LSTM(3, return_sequences=True, recurrent_activation="hard_sigmoid", implementation=1, unit_forget_bias=False, go_backwards=True, input_shape=(5, 2)), L.GRU(3, reset_after=False, recurrent_activation="hard_sigmoid"), L.Dense(1)]), [normal(2, 5, 2)]
    a, b = L.Input((4,), name="left"), L.Input((4,), name="right")
    shared = L.Dense(3, activation="tanh", name="shared")
    joined = L.concatenate([shared(a), shared(b), L.multiply([shared(a), shared(b)])])
    yield "two", keras.Model([a, b], [L.Dense(2, name="first")(joined), L.Dense(1, activation="sigmoid", name="second")(L.add([shared(a), shared(b)]))]), [normal(3, 4), normal(3, 4)]
    inner = keras.Sequential([L.Dense(4, activation="elu", input_shape=(5,)), L.LeakyReLU(0.1)], name="inner")
    x = L.Input((6, 5))
    y = L.TimeDistributed(inner)(x)
    y = L.Conv1D(3, 3, dilation_rate=2, padding="causal")(y)
    yield "nested", keras.Model(x, L.Dense(2)(L.Flatten()(L.UpSampling1D(2)(L.ZeroPadding1D(1)(y))))), [normal(2, 6, 5)]
    if not OLD:
        x = L.Input((4, 6))
        y = L.MultiHeadAttention(2, 3)(x, x)
        yield "attention", keras.Model(x, L.GlobalAveragePooling1D()(L.LayerNormalization()(L.Add()([x, y])))), [normal(2, 4, 6)]


def settle(model):
    for weight in model.weights:
        value = random.standard_normal(weight.shape) * 0.5
        keras.backend.set_value(weight, np.abs(value) + 0.5 if "variance" in weight.name else value)


def keras_case(name, kind):
    def make(folder):
        keras.backend.clear_session()
        found, model, data = next(k for k in keras_models() if k[0] == name)
        settle(model)
        ways = {"saved": {"save_format": "tf", "include_optimizer": False}, "untraced": {"save_format": "tf", "save_traces": False, "include_optimizer": False}, "h5": {"include_optimizer": False}}
        path = os.path.join(folder, "model" + ("" if kind in ("saved", "untraced") else "." + kind))
        model.save(path, **ways.get(kind, {}))
        want = model.predict(data if len(data) > 1 else data[0])
        wants = want if isinstance(want, list) else [want]
        if kind not in ("saved", "untraced"):
            return [question(os.path.basename(path), None, dict(zip(model.input_names, data)), dict(zip(model.output_names, wants)))]
        return [question("model", "serving_default", dict(zip(model.input_names, data)), dict(zip(model.output_names, wants)))]

    make.__name__ = "keras_%s_%s" % (name, kind)
    CASES.append(make)


# What Keras traces for a SavedModel is large: few of them.
for model_name in ["dense", "convolution", "recurrent", "recurrent_options", "two", "nested"] + ([] if OLD else ["attention"]):
    keras_case(model_name, "h5")
    if GENERATION == "keras2":
        keras_case(model_name, "keras")
    if not OLD and model_name in ("dense", "two", "attention"):
        keras_case(model_name, "saved")
    if not OLD and model_name == "convolution":
        keras_case(model_name, "untraced")


def main():
    if OLD:
        v1.logging.set_verbosity(v1.logging.ERROR)
    for make in CASES:
        if GENERATION == "keras2" and not make.__name__.startswith("keras"):
            continue
        if len(sys.argv) > 1 and make.__name__ not in sys.argv[1:]:
            continue
        folder = os.path.join(HERE, make.__name__)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        questions = make(folder)
        with open(os.path.join(folder, "questions.json"), "w") as file:
            json.dump(questions, file, indent=1)
            file.write("\n")
        size = sum(os.path.getsize(os.path.join(base, f)) for base, _, files in os.walk(folder) for f in files)
        print("%-40s %6.1f KB" % (GENERATION + "/" + make.__name__, size / 1024), flush=True)


if __name__ == "__main__":
    main()
