"""SavedModels as TensorFlow 1 wrote them: SavedModelBuilder, Estimators with serialized Examples, control
flow of Switch and Merge, and frozen graphs of variables."""

import numpy as np
import tensorflow as tf

from .operators import GraphCase, normal, positive, text, whole
from .savedmodel import ModelCase, session_case

v1 = tf.compat.v1


def predict_signature(inputs, outputs, method="tensorflow/serving/predict"):
    info = v1.saved_model.build_tensor_info
    return v1.saved_model.build_signature_def({k: info(v) for k, v in inputs.items()}, {k: info(v) for k, v in outputs.items()}, method)


def dense(x, units, name, use_resource=False):
    with v1.variable_scope(name, use_resource=use_resource):
        w = v1.get_variable("kernel", initializer=normal(x.shape[-1], units))
        b = v1.get_variable("bias", initializer=normal(units))
    return tf.matmul(x, w) + b


def builder():
    for resource in (False, True):
        def two(folder, resource=resource):
            x = v1.placeholder(tf.float32, [None, 4], "x")
            hidden = tf.nn.relu(dense(x, 5, "hidden", resource))
            logits = dense(hidden, 3, "logits", resource)
            score = tf.sigmoid(dense(hidden, 1, "score", resource))
            maps = {"serving_default": predict_signature({"features": x}, {"probabilities": tf.nn.softmax(logits), "class": tf.argmax(logits, 1)}), "regress": predict_signature({"inputs": x}, {"outputs": score}, "tensorflow/serving/regress")}
            return maps, {"serving_default": {"features": normal(3, 4)}, "regress": {"inputs": normal(2, 4)}}, None

        yield session_case(f"builder.two.resource{resource}", two)
        yield session_case(f"builder.text.resource{resource}", two, text=True)

    def trained(builder, signatures):
        builder.add_meta_graph(["train"], signature_def_map=signatures)
        builder.add_meta_graph(["serve", "gpu"], signature_def_map=signatures)

    yield session_case("builder.metagraphs", two, after=trained)

    def partitioned(folder):
        ids = v1.placeholder(tf.int64, [None], "ids")
        with v1.variable_scope("p", partitioner=tf.compat.v1.fixed_size_partitioner(3)):
            table = v1.get_variable("table", shape=[10, 4], initializer=v1.random_normal_initializer(seed=1))
            kernel = v1.get_variable("kernel", shape=[4, 6], initializer=v1.random_normal_initializer(seed=2))
        rows = tf.nn.embedding_lookup(table, ids) if False else v1.nn.embedding_lookup(table, ids, partition_strategy="div")
        return {"serving_default": predict_signature({"ids": ids}, {"y": tf.matmul(rows, tf.convert_to_tensor(kernel))})}, {"serving_default": {"ids": whole(4, low=0, high=10, dtype=np.int64)}}, None

    yield session_case("builder.partitioned", partitioned)

    def tables(folder):
        (folder / "labels.txt").write_text("cat\ndog\nbird\n")
        x = v1.placeholder(tf.string, [None], "x")
        ids = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(str(folder / "labels.txt"), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), -1)
        v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, tf.constant(str(folder / "labels.txt")))
        return {"serving_default": predict_signature({"x": x}, {"id": ids.lookup(x)})}, {"serving_default": {"x": text("dog", "cow")}}, v1.tables_initializer()

    yield session_case("builder.tables", tables)

    def sparse(folder):
        x = v1.sparse_placeholder(tf.float32, [None, 4], "x")
        y = tf.sparse.sparse_dense_matmul(x, tf.constant(normal(4, 2)))
        maps = {"serving_default": predict_signature({"values": x.values, "indices": x.indices, "shape": x.dense_shape}, {"y": y})}
        return maps, {"serving_default": {"values": normal(3), "indices": np.array([[0, 1], [1, 0], [1, 3]], np.int64), "shape": np.array([2, 4], np.int64)}}, None

    yield session_case("builder.sparse", sparse)

    def defaults(folder):
        x = v1.placeholder(tf.float32, [None, 2], "x")
        keep = v1.placeholder_with_default(np.float32(1.0), [], "keep")
        return {"serving_default": predict_signature({"x": x}, {"y": v1.nn.dropout(x, keep_prob=keep) * keep}), "full": predict_signature({"x": x, "keep": keep}, {"y": x * keep})}, {"serving_default": {"x": normal(2, 2)}, "full": {"x": normal(2, 2), "keep": np.float32(0.5)}}, None

    yield session_case("builder.defaults", defaults)


def example(**features):
    def feature(value):
        if isinstance(value[0], (bytes, str)) if len(value) else False:
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[v.encode() if isinstance(v, str) else v for v in value]))
        if len(value) and isinstance(value[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=value))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=value)) if len(value) else tf.train.Feature()

    return tf.train.Example(features=tf.train.Features(feature={k: feature(v) for k, v in features.items()})).SerializeToString()


EXAMPLES = [example(age=[31.0], city=["Oslo"], tags=["a", "b"], counts=[1, 2, 3], pair=[0.5, 1.5]), example(age=[44.0], city=["Rome"], tags=[], counts=[7], pair=[2.5, 3.5]), example(city=["?"], pair=[0.0, -1.0], counts=[])]


def estimators():
    specification = {"age": tf.io.FixedLenFeature([1], tf.float32, default_value=[-1.0]), "city": tf.io.FixedLenFeature([], tf.string, default_value="none"), "tags": tf.io.VarLenFeature(tf.string), "counts": tf.io.VarLenFeature(tf.int64), "pair": tf.io.FixedLenFeature([2], tf.float32)}
    for v2 in (False, True):
        def classifier(folder, v2=v2):
            serialized = v1.placeholder(tf.string, [None], "input_example_tensor")
            read = (tf.io.parse_example if v2 else v1.parse_example)(serialized, specification)
            city = tf.strings.to_hash_bucket_fast(read["city"], 8)
            counted = tf.sparse.reduce_sum(tf.SparseTensor(read["counts"].indices, tf.cast(read["counts"].values, tf.float32), read["counts"].dense_shape), 1, keepdims=True) if False else tf.reduce_sum(tf.cast(tf.sparse.to_dense(read["counts"]), tf.float32), 1, keepdims=True)
            features = tf.concat([read["age"] / 50, read["pair"], counted, tf.one_hot(city, 8)], 1)
            features.set_shape([None, 12])
            logits = dense(tf.nn.relu(dense(features, 6, "hidden")), 3, "logits")
            scores = tf.nn.softmax(logits)
            classes = tf.tile(tf.constant([["0", "1", "2"]]), [tf.shape(scores)[0], 1])
            maps = {"serving_default": predict_signature({"inputs": serialized}, {"classes": classes, "scores": scores}, "tensorflow/serving/classify"), "predict": predict_signature({"examples": serialized}, {"logits": logits, "class_ids": tf.argmax(logits, 1)[:, None], "tags": tf.sparse.to_dense(read["tags"], default_value="")}), "regression": predict_signature({"inputs": serialized}, {"outputs": logits[:, 0]}, "tensorflow/serving/regress")}
            batch = np.array(EXAMPLES, object)
            return maps, {"serving_default": {"inputs": batch}, "predict": {"examples": batch[:2]}, "regression": {"inputs": batch[:1]}}, v1.tables_initializer()

        yield session_case(f"estimator.v{1 + v2}", classifier)
    features = {
        "fixed": (tf.io.FixedLenFeature([2], tf.float32), "pair"), "scalar": (tf.io.FixedLenFeature([], tf.string), "city"), "default": (tf.io.FixedLenFeature([1], tf.float32, [9.0]), "age"),
        "sequence": (tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True, default_value=-1), "counts"), "ragged": (tf.io.RaggedFeature(tf.int64), "counts"), "variable": (tf.io.VarLenFeature(tf.int64), "counts"), "text": (tf.io.VarLenFeature(tf.string), "tags"),
        "missing": (tf.io.VarLenFeature(tf.float32), "nothing"),
    }
    for name, (feature, key) in features.items():
        def parse(serialized, feature=feature, key=key):
            read = tf.io.parse_example(serialized, {key: feature})[key]
            return tf.nest.flatten(read, expand_composites=True)

        yield GraphCase(f"parse_example.{name}", parse, {"serialized": np.array(EXAMPLES, object)}, operator="ParseExampleV2")
        yield GraphCase(f"parse_example.{name}.none", parse, {"serialized": np.array(EXAMPLES[:0], object)}, operator="ParseExampleV2")
        if name != "ragged":
            def parse_single(serialized, feature=feature, key=key):
                return tf.nest.flatten(tf.io.parse_single_example(serialized, {key: feature})[key], expand_composites=True)

            yield GraphCase(f"parse_single_example.{name}", parse_single, {"serialized": np.array(EXAMPLES[0], object)}, operator="ParseSingleExample")
            yield GraphCase(f"parse_example.{name}.v1", lambda serialized, feature=feature, key=key: tf.nest.flatten(v1.parse_example(serialized, {key: feature})[key], expand_composites=True), {"serialized": np.array(EXAMPLES, object)}, operator="ParseExample")
    pairs = [example(i=[1, 3], v=[0.5, 2.5]), example(i=[0], v=[7.0])]
    yield GraphCase("parse_example.sparse", lambda serialized: tf.nest.flatten(tf.io.parse_example(serialized, {"s": tf.io.SparseFeature("i", "v", tf.float32, 5)}), expand_composites=True), {"serialized": np.array(pairs, object)}, operator="ParseExampleV2")
    steps = tf.train.SequenceExample(context=tf.train.Features(feature={"n": tf.train.Feature(int64_list=tf.train.Int64List(value=[3]))}), feature_lists=tf.train.FeatureLists(feature_list={"x": tf.train.FeatureList(feature=[tf.train.Feature(float_list=tf.train.FloatList(value=[i, i + 0.5])) for i in range(3)])})).SerializeToString()
    yield GraphCase("parse_sequence_example", lambda serialized: tf.nest.flatten(tf.io.parse_sequence_example(serialized, {"n": tf.io.FixedLenFeature([], tf.int64)}, {"x": tf.io.FixedLenSequenceFeature([2], tf.float32)}), expand_composites=True), {"serialized": np.array([steps, steps], object)}, operator="ParseSequenceExampleV2")
    yield GraphCase("parse_single_sequence_example", lambda serialized: tf.nest.flatten(tf.io.parse_single_sequence_example(serialized, {"n": tf.io.FixedLenFeature([], tf.int64)}, {"x": tf.io.FixedLenSequenceFeature([2], tf.float32)}), expand_composites=True), {"serialized": np.array(steps, object)}, operator="ParseSingleSequenceExample")
    for options in ({}, {"field_delim": ";"}, {"use_quote_delim": False}, {"na_value": "NA"}, {"select_cols": [0, 2]}):
        delimiter = options.get("field_delim", ",")
        lines = np.array([delimiter.join(r) for r in (["1", "2.5", "x"], ["", "NA" if "na_value" in options else "", '"q""r"'], ["-7", "1e3", ""])], object)
        kinds = [tf.constant([5]), tf.constant([0.5]), tf.constant(["d"])]
        chosen = [kinds[i] for i in options.get("select_cols", range(3))]
        yield GraphCase(f"decode_csv.{list(options)}", lambda lines, options=options, chosen=[k.numpy() for k in chosen]: tf.io.decode_csv(lines, [tf.constant(k) for k in chosen], **options), {"lines": lines}, operator="DecodeCSV")


class OldControlFlow(GraphCase):
    """Switch, Merge, Enter, Exit instead of If and While."""

    def write(self, folder):
        v1.disable_control_flow_v2()
        try:
            return super().write(folder)
        finally:
            v1.enable_control_flow_v2()


def old_control_flow():
    x = normal(3)

    def loop(x, n):
        return tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * 1.5 + tf.cast(i, tf.float32)), [0, x])[1]

    def growing(n):
        return tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, tf.concat([y, [i]], 0)), [0, tf.zeros([0], tf.int32)], shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])])[1]

    def nested(n):
        def outer(i, total):
            return i + 1, total + tf.while_loop(lambda j, t: j < i, lambda j, t: (j + 1, t + j * i), [0, 0])[1]

        return tf.while_loop(lambda i, t: i < n, outer, [0, 0])[1]

    def branch(x):
        return tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: x - 1)

    def many(x):
        a, b = tf.cond(x[0] > 0, lambda: (x, tf.constant(1)), lambda: (x[::-1], tf.constant(2)))
        return [a, b, tf.cond(b > 1, lambda: a + 1, lambda: tf.cond(x[1] > 0, lambda: a * 2, lambda: a * 3))]

    def array(x):
        items = tf.TensorArray(tf.float32, size=tf.shape(x)[0]).unstack(x)
        out = tf.TensorArray(tf.float32, size=tf.shape(x)[0])
        out = tf.while_loop(lambda i, o: i < tf.shape(x)[0], lambda i, o: (i + 1, o.write(i, items.read(i) * 2 + tf.cast(i, tf.float32))), [0, out])[1]
        return out.stack()

    def split(x):
        items = tf.TensorArray(tf.float32, size=3, infer_shape=False).split(x, [1, 2, 3])
        return [items.concat(), items.size()]

    yield OldControlFlow("v1.while", loop, {"x": x, "n": np.int32(4)})
    yield OldControlFlow("v1.while.none", loop, {"x": x, "n": np.int32(0)})
    yield OldControlFlow("v1.while.free", loop, {"x": x, "n": np.int32(4)}, dynamic="dims")
    yield OldControlFlow("v1.growing", growing, {"n": np.int32(4)})
    yield OldControlFlow("v1.nested", nested, {"n": np.int32(6)})
    for sign in (1, -1):
        yield OldControlFlow(f"v1.cond.{sign}", branch, {"x": positive(3) * np.float32(sign)})
        yield OldControlFlow(f"v1.cond.many.{sign}", many, {"x": positive(3) * np.float32(sign)})
    yield OldControlFlow("v1.array", array, {"x": normal(4, 2)})
    yield OldControlFlow("v1.split", split, {"x": normal(6)})
    yield OldControlFlow("v1.map_fn", lambda x: tf.map_fn(lambda r: r * tf.reduce_max(r), x), {"x": normal(4, 2)})
    yield OldControlFlow("v1.scan", lambda x: tf.scan(lambda a, r: a * 0.5 + r, x), {"x": normal(4, 2)})
    yield OldControlFlow("v1.case", lambda x: v1.case([(x[0] > 5, lambda: x), (x[1] < 100, lambda: x * 7)], default=lambda: -x), {"x": x})
    yield OldControlFlow("v1.foldl", lambda x: tf.foldl(lambda a, r: a + r * r, x), {"x": normal(4, 2)})
    cells = {"basic": lambda: rnn_cell("basic"), "gru": lambda: rnn_cell("gru"), "lstm": lambda: rnn_cell("lstm")}
    for name in cells:
        for lengths in (False, True):
            yield OldControlFlow(f"v1.dynamic_rnn.{name}.{lengths}", lambda x, n=None, name=name, lengths=lengths: recurrent(x, n, name), {"x": normal(2, 5, 3), **({"n": np.array([3, 5], np.int32)} if lengths else {})})


def rnn_cell(kind):
    """The arithmetic of a recurrent cell, with constants as weights: (x, h, c) -> (h, c)."""
    wx, wh, b = (tf.constant(v) for v in (normal(3, 16) * 0.5, normal(4, 16) * 0.5, normal(16)))

    def step(x, h, c):
        z = tf.matmul(x, wx) + tf.matmul(h, wh) + b
        if kind == "basic":
            return tf.tanh(z[:, :4]), c
        i, j, f, o = tf.split(z, 4, 1)
        if kind == "gru":
            u = tf.sigmoid(i)
            return u * h + (1 - u) * tf.tanh(j + tf.sigmoid(f) * h), c
        c = tf.sigmoid(f + 1.0) * c + tf.sigmoid(i) * tf.tanh(j)
        return tf.sigmoid(o) * tf.tanh(c), c

    return step


def recurrent(x, n, kind):
    """What tf.nn.dynamic_rnn builds: TensorArrays, a while loop, lengths that hold the state."""
    step = rnn_cell(kind)
    times = tf.transpose(x, [1, 0, 2])
    length = tf.shape(times)[0]
    read = tf.TensorArray(tf.float32, size=length).unstack(times)
    zero = tf.zeros([tf.shape(x)[0], 4])

    def body(t, out, h, c):
        new_h, new_c = step(read.read(t), h, c)
        if n is not None:
            live = t < n
            y = v1.where(live, new_h, tf.zeros_like(new_h))
            new_h, new_c = v1.where(live, new_h, h), v1.where(live, new_c, c)
        else:
            y = new_h
        return t + 1, out.write(t, y), new_h, new_c

    _, out, h, c = tf.while_loop(lambda t, *_: t < length, body, [0, tf.TensorArray(tf.float32, size=length), zero, zero])
    return [tf.transpose(out.stack(), [1, 0, 2]), h, c]


def frozen():
    def variables(folder):
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        w = tf.Variable(normal(3, 2))

        @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])
        def f(x):
            y = tf.nn.relu(tf.matmul(x, w))
            return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * 1.5 + 1), [0, y])[1]

        concrete = f.get_concrete_function()
        found = []
        for lower in (False, True):
            constant = convert_variables_to_constants_v2(concrete, lower_control_flow=lower)
            path = folder / f"frozen{lower}.pb"
            x = normal(2, 3)
            name = constant.outputs[0].name.split(":")[0]
            path.write_bytes(v1.graph_util.extract_sub_graph(constant.graph.as_graph_def(), [name]).SerializeToString())
            found.append((path, None, {"x": x}, {name: np.asarray(f(x))}))
        return found

    yield ModelCase("frozen.v2", variables)

    def text(folder):
        with tf.Graph().as_default() as graph, v1.Session() as session:
            x = v1.placeholder(tf.float32, [None, 3], "x")
            w = v1.get_variable("w", initializer=normal(3, 2), use_resource=False)
            y = tf.identity(tf.tanh(tf.matmul(x, w)), "y")
            session.run(v1.global_variables_initializer())
            definition = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["y"])
            value = normal(2, 3)
            want = session.run(y, {x: value})
        tf.io.write_graph(definition, str(folder), "frozen.pbtxt", as_text=True)
        tf.io.write_graph(definition, str(folder), "frozen.pb", as_text=False)
        return [(folder / name, None, {"x": value}, {"y": want}) for name in ("frozen.pbtxt", "frozen.pb")]

    yield ModelCase("frozen.text", text)


def cases():
    for family in (builder, estimators, old_control_flow, frozen):
        yield from family()
