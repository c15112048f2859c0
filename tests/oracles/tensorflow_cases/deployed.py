"""Models as projects publish them: modules of TF Hub, graphs of tf.Transform, features of tf.feature_column, what
grappler leaves of a frozen graph, several meta graphs, models that do the work of a pipeline before a network."""

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import rewriter_config_pb2
from tensorflow.python.grappler import tf_optimizer
from tensorflow.python.training.saver import export_meta_graph

from .exports import EXAMPLES, dense, example, predict_signature
from .operators import CONFIG, GraphCase, normal, positive, text, whole
from .savedmodel import ModelCase, answers, asked, function_case, module_case, session_case

v1, F, I, L, S = tf.compat.v1, tf.float32, tf.int32, tf.int64, tf.string


def spec(*shape, dtype=F):
    return tf.TensorSpec(shape, dtype)


# --- tf.Transform ---


def bucketized(x, boundaries):
    """tft.apply_buckets and what it is made of."""
    flat = tf.searchsorted(tf.constant(boundaries), tf.reshape(x, [-1]), side="right")
    return tf.cast(tf.reshape(flat, tf.shape(x)), L)


def dense_of(sparse, default):
    """What every preprocessing_fn does with an optional feature."""
    return tf.squeeze(tf.sparse.to_dense(tf.SparseTensor(sparse.indices, sparse.values, [sparse.dense_shape[0], 1]), default), axis=1)


def transform():
    def build(folder):
        (folder / "vocab_city").write_text("Oslo\nRome\nParis\n")
        (folder / "vocab_tags").write_text("3 a\n2 b\n1 c\n")

        class Layer(tf.Module):
            def __init__(self):
                super().__init__()
                city, tags = tf.saved_model.Asset(str(folder / "vocab_city")), tf.saved_model.Asset(str(folder / "vocab_tags"))
                whole_line, line = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
                self.city = tf.lookup.StaticVocabularyTable(tf.lookup.TextFileInitializer(city.asset_path, S, whole_line, L, line), 4)
                self.tags = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(tags.asset_path, S, 1, L, line, delimiter=" "), -1)
                self.assets = [city, tags]
                self.w = tf.Variable(normal(12, 2))

            @tf.function(input_signature=[tf.TensorSpec([None], S, name="examples")])
            def serve(self, examples):
                read = tf.io.parse_example(examples, {"age": tf.io.VarLenFeature(F), "city": tf.io.VarLenFeature(S), "tags": tf.io.VarLenFeature(S), "pair": tf.io.FixedLenFeature([2], F)})
                age = dense_of(read["age"], 30.0)
                scaled = (age - 35.5) / tf.sqrt(tf.constant(60.25))
                minmax = tf.clip_by_value((age - 20.0) / 40.0, 0.0, 1.0)
                city = self.city.lookup(tf.strings.lower(dense_of(read["city"], "")))
                cased = self.city.lookup(dense_of(read["city"], ""))
                tags = tf.SparseTensor(read["tags"].indices, self.tags.lookup(read["tags"].values), read["tags"].dense_shape)
                bags = tf.sparse.to_dense(tags, default_value=-1)
                bucket = bucketized(age, [25.0, 31.0, 40.0])
                hashed = tf.strings.to_hash_bucket_fast(tf.strings.join([dense_of(read["city"], ""), tf.strings.as_string(bucket)], "_x_"), 10)
                features = tf.concat([scaled[:, None], minmax[:, None], tf.one_hot(cased, 7), read["pair"], tf.cast(hashed, F)[:, None]], 1)
                return {"logits": tf.matmul(features, self.w), "city": city, "cased": cased, "tags": bags, "bucket": bucket, "hashed": hashed, "counts": tf.math.bincount(tf.cast(bucket, I), minlength=4)}

        layer = Layer()
        return layer, {"serving_default": layer.serve}, {"serving_default": {"examples": np.array(EXAMPLES, object)}}

    yield module_case("transform.module", build)

    def old(folder):
        (folder / "vocabulary").write_text("hello\nworld\nthe\n")
        raw_text, number, optional = v1.placeholder(S, [None], "text"), v1.placeholder(F, [None, 1], "number"), v1.sparse_placeholder(L, [None, None], "optional")
        words = v1.string_split(v1.strings.regex_replace(tf.strings.lower(raw_text), r"[.,!?;']", " "))
        name = tf.constant(str(folder / "vocabulary"))
        v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, name)
        table = tf.lookup.StaticVocabularyTable(tf.lookup.TextFileInitializer(name, S, tf.lookup.TextFileIndex.WHOLE_LINE, L, tf.lookup.TextFileIndex.LINE_NUMBER), 2)
        ids = tf.SparseTensor(words.indices, table.lookup(words.values), words.dense_shape)
        weights = tf.math.unsorted_segment_sum(tf.ones_like(ids.values, F), ids.indices[:, 0] * 5 + ids.values, tf.cast(words.dense_shape[0] * 5, I))
        bag = tf.reshape(weights, [-1, 5])
        bucket = v1.raw_ops.Bucketize(input=number, boundaries=[-1.0, 0.5, 2.0])
        total = tf.sparse.reduce_sum(optional, 1, keepdims=True)
        grams = tf.strings.ngrams(tf.RaggedTensor.from_value_rowids(words.values, words.indices[:, 0], words.dense_shape[0]), 2).to_tensor("-")
        z = (number - 0.25) / 1.5
        maps = {"transform_signature": predict_signature({"text": raw_text, "number": number, "values": optional.values, "indices": optional.indices, "shape": optional.dense_shape}, {"bag": bag, "ids": tf.sparse.to_dense(ids, -1), "bucket": bucket, "total": total, "grams": grams, "z": z})}
        return maps, {"transform_signature": {"text": text("Hello, world! hello?", "the unknown; word", "one"), "number": normal(3, 1) * 2, "values": np.array([4, 5, 6], np.int64), "indices": np.array([[0, 0], [0, 2], [2, 1]], np.int64), "shape": np.array([3, 3], np.int64)}}, v1.tables_initializer()

    yield session_case("transform.v1", old)


# --- tf.feature_column ---


def columns():
    fc = tf.feature_column
    age, city, tags = fc.numeric_column("age"), fc.categorical_column_with_vocabulary_list("city", ["Oslo", "Rome", "Paris"], num_oov_buckets=2), fc.categorical_column_with_hash_bucket("tags", 8)
    bucket = fc.bucketized_column(age, [25.0, 35.0, 50.0])
    crossed = fc.crossed_column([bucket, "city"], 13)
    counts = fc.categorical_column_with_identity("counts", 9, default_value=0)
    ways = {
        "numeric": lambda: [age, fc.numeric_column("pair", shape=(2,), normalizer_fn=lambda x: (x - 1) / 2)],
        "bucketized": lambda: [bucket],
        "indicator": lambda: [fc.indicator_column(city), fc.indicator_column(tags)],
        "embedding": lambda: [fc.embedding_column(city, 3), fc.embedding_column(tags, 4, combiner="sqrtn")],
        "clipped": lambda: [fc.embedding_column(tags, 2, combiner="sum", max_norm=0.5)],
        "crossed": lambda: [fc.indicator_column(crossed)],
        "identity": lambda: [fc.indicator_column(counts)],
        "weighted": lambda: [fc.embedding_column(fc.weighted_categorical_column(counts, "weights"), 3)],
    }
    examples = np.array([example(age=[31.0], city=["Oslo"], tags=["a", "b"], counts=[1, 2, 3], weights=[0.5, 1.0, 2.5], pair=[0.5, 1.5]), example(age=[44.0], city=["Kiel"], tags=[], counts=[77], weights=[0.25], pair=[2.5, 3.5])], object)
    for name, way in ways.items():
        def build(folder, way=way):
            serialized, wanted = v1.placeholder(S, [None], "input_example_tensor"), way()
            net = v1.feature_column.input_layer(v1.io.parse_example(serialized, fc.make_parse_example_spec(wanted)), wanted)
            return {"serving_default": predict_signature({"inputs": serialized}, {"features": net, "logits": dense(net, 2, "logits")})}, {"serving_default": {"inputs": examples}}, v1.tables_initializer()

        yield session_case(f"feature_column.{name}", build)

    def linear(folder):
        serialized = v1.placeholder(S, [None], "input_example_tensor")
        wanted = [age, city, crossed, tags]
        logits = v1.feature_column.linear_model(v1.io.parse_example(serialized, fc.make_parse_example_spec(wanted)), wanted, units=2)
        return {"serving_default": predict_signature({"inputs": serialized}, {"scores": tf.nn.softmax(logits)}, "tensorflow/serving/classify")}, {"serving_default": {"inputs": examples}}, v1.tables_initializer()

    yield session_case("feature_column.linear", linear)


# --- TF Hub ---


def hub():
    def embedding(folder):
        (folder / "tokens.txt").write_text("hello\nworld\ncat\ndog\n")

        class Text(tf.Module):
            """Sentence embedding as nnlm: tokens, ids, embeddings, their sum over sqrt(n)."""

            def __init__(self):
                super().__init__()
                self.vocabulary = tf.saved_model.Asset(str(folder / "tokens.txt"))
                self.table = tf.lookup.StaticVocabularyTable(tf.lookup.TextFileInitializer(self.vocabulary.asset_path, S, tf.lookup.TextFileIndex.WHOLE_LINE, L, tf.lookup.TextFileIndex.LINE_NUMBER), 1)
                self.embeddings = tf.Variable(normal(5, 6))
                self.regularization_losses = []

            @tf.function(input_signature=[tf.TensorSpec([None], S)])
            def __call__(self, sentences):
                clean = tf.strings.regex_replace(sentences, r"\pP", "")
                tokens = tf.raw_ops.StringSplit(input=clean, delimiter=" ", skip_empty=True)
                sparse = tf.SparseTensor(tokens[0], self.table.lookup(tokens[1]), tokens[2])
                rows, _ = tf.sparse.fill_empty_rows(sparse, tf.constant(4, L))
                return tf.nn.safe_embedding_lookup_sparse(self.embeddings, rows, None, combiner="sqrtn")

        module = Text()
        return module, {"serving_default": tf.function(lambda inputs: {"outputs": module(inputs)}, input_signature=[tf.TensorSpec([None], S, name="inputs")]), "tokens": tf.function(lambda text: {"n": tf.strings.split(text).row_lengths()}, input_signature=[tf.TensorSpec([None], S, name="text")])}, {"serving_default": {"inputs": text("Hello world", "cat, dog hello!", "", "?? hello")}, "tokens": {"text": text("a b", "c")}}

    yield module_case("hub.text", embedding)

    def image(folder):
        class Image(tf.Module):
            def __init__(self):
                super().__init__()
                self.k, self.scale, self.mean, self.variance, self.beta = (tf.Variable(v) for v in (normal(3, 3, 3, 8), positive(8), normal(8), positive(8), normal(8)))
                self.w = tf.Variable(normal(8, 5))

            @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], F, name="images"), tf.TensorSpec([], tf.bool, name="training"), tf.TensorSpec([], F, name="momentum")])
            def apply(self, images, training, momentum):
                x = tf.image.resize(images, [16, 16], antialias=True)
                x = tf.nn.conv2d(x * 2 - 1, self.k, 2, "SAME")

                def batch():
                    y, mean, variance = v1.nn.fused_batch_norm(x, self.scale, self.beta, is_training=True)[:3]
                    return y

                x = tf.cond(training, batch, lambda: v1.nn.fused_batch_norm(x, self.scale, self.beta, self.mean, self.variance, is_training=False)[0])
                x = tf.nn.relu6(x) * momentum
                return {"default": tf.reduce_mean(x, [1, 2]), "logits": tf.matmul(tf.reduce_mean(x, [1, 2]), self.w), "spatial": x}

        module = Image()
        x = positive(2, 20, 24, 3)
        return module, {"serving_default": module.apply, "image_feature_vector": tf.function(lambda images: {"default": module.apply(images, False, 0.99)["default"]}, input_signature=[tf.TensorSpec([None, None, None, 3], F, "images")])}, {"serving_default": {"images": x, "training": np.bool_(False), "momentum": np.float32(0.9)}, "image_feature_vector": {"images": x}}

    yield module_case("hub.image", image)

    def detector(folder):
        """Of the Object Detection API: bytes, map_fn over pictures, boxes, several classes."""
        anchors, k, boxes_w, scores_w = positive(36, 4), tf.constant(normal(3, 3, 3, 6)), tf.constant(normal(6, 4) * 0.2), tf.constant(normal(6, 3))

        def serve(pictures):
            images = tf.map_fn(lambda b: tf.cast(tf.image.resize(tf.io.decode_png(b, channels=3), [12, 12]), tf.uint8), pictures, fn_output_signature=tf.uint8)
            x = tf.nn.relu(tf.nn.conv2d(tf.cast(images, F) / 127.5 - 1, k, 2, "SAME"))
            flat = tf.reshape(x, [-1, 36, 6])
            raw_boxes = flat @ boxes_w
            centre = tf.clip_by_value(raw_boxes[..., :2] * 0.1 + anchors[:, :2] % 1.0, 0.0, 1.0)
            size = tf.exp(tf.clip_by_value(raw_boxes[..., 2:] * 0.1, -2.0, 2.0)) * 0.2
            boxes = tf.concat([centre - size / 2, centre + size / 2], -1)
            scores = tf.sigmoid(flat @ scores_w)
            found = tf.image.combined_non_max_suppression(boxes[:, :, None], scores, 5, 10, 0.5, 0.3)
            return {"detection_boxes": found[0], "detection_scores": found[1], "detection_classes": found[2] + 1, "num_detections": tf.cast(found[3], F), "raw_detection_boxes": boxes}

        rows = [tf.io.encode_png(whole(14, 11 + i, 3, low=0, high=256, dtype=np.uint8)).numpy() for i in range(2)]
        module = tf.Module()
        module.f = tf.function(serve, input_signature=[tf.TensorSpec([None], S, name="encoded_image_string_tensor")])
        return module, {"serving_default": module.f}, {"serving_default": {"encoded_image_string_tensor": np.array(rows, object)}}

    yield module_case("hub.detector", detector, rtol=1e-4)

    def ragged(x):
        words = tf.strings.split(x)
        lengths = tf.strings.length(words)
        characters = tf.strings.unicode_decode(words, "UTF-8")
        return {"long": tf.ragged.boolean_mask(words, lengths > 3).to_tensor("-"), "sum": tf.reduce_sum(lengths, 1), "mean": tf.reduce_mean(tf.cast(lengths, F), 1), "first": characters[:, :1].to_tensor(-1), "join": tf.strings.reduce_join(words, axis=-1, separator="+"), "pairs": tf.concat([words[:, :-1], words[:, 1:]], 1).to_tensor(""), "range": tf.ragged.range(tf.cast(words.row_lengths(), I)).to_tensor(-1), "max": tf.reduce_max(tf.concat([lengths, tf.ragged.constant([[0]] * 3, dtype=I)], 1), 1), "stack": tf.ragged.stack([lengths, lengths * 2], 0).to_tensor(0), "map": tf.ragged.map_flat_values(lambda v: v * v, lengths).to_tensor(-1), "where": tf.where(lengths > 2, lengths, -lengths).to_tensor(9)}

    yield function_case("ragged.operations", ragged, [spec(3, dtype=S)], {"x": text("the quick brown fox", "", "héllo wörld")})


# --- what users write in a module ---


def served():
    def tables(folder):
        """Tables that were filled before saving: their keys and values come from the checkpoint."""

        class Lookup(tf.Module):
            def __init__(self):
                super().__init__()
                self.words = tf.lookup.experimental.MutableHashTable(S, L, -1)
                self.mutable = tf.lookup.experimental.MutableHashTable(L, F, tf.constant([0.0, -1.0]))
                self.words.insert(["a", "b", "c"], tf.constant([10, 20, 30], L))
                self.mutable.insert(tf.constant([10, 30], L), normal(2, 2))
                self.bound = tf.Variable([0.25, 0.75])

            @tf.function(input_signature=[tf.TensorSpec([None, None], S, name="keys")])
            def find(self, keys):
                ids = self.words.lookup(keys)
                return {"ids": ids, "rows": self.mutable.lookup(ids) * self.bound, "size": self.words.size()}

        module = Lookup()
        return module, {"find": module.find}, {"find": {"keys": text("a", "x", "c", "b").reshape(2, 2)}}

    yield module_case("served.tables", tables)

    def composite(folder):
        """Ragged and sparse values cross the border of the signature as their parts; outputs are nested."""
        module = tf.Module()
        module.w = tf.Variable(normal(20, 3))

        def serve(ids, weights):
            rows = tf.ragged.map_flat_values(tf.nn.embedding_lookup, module.w, ids)
            pooled = tf.reduce_mean(rows, 1)
            return {"pooled": pooled, "dense": tf.sparse.to_dense(tf.sparse.reorder(weights)) + tf.reduce_sum(pooled), "lengths": ids.row_lengths()}

        module.f = tf.function(serve, input_signature=[tf.RaggedTensorSpec([None, None], L, 1), tf.SparseTensorSpec([None, 4], F)])
        concrete = tf.function(lambda values, splits, indices, weights, shape: serve(tf.RaggedTensor.from_row_splits(values, splits), tf.SparseTensor(indices, weights, shape)), input_signature=[tf.TensorSpec([None], L, "values"), tf.TensorSpec([None], L, "splits"), tf.TensorSpec([None, 2], L, "indices"), tf.TensorSpec([None], F, "weights"), tf.TensorSpec([2], L, "shape")])
        return module, {"serving_default": concrete}, {"serving_default": {"values": np.array([3, 19, 0, 4], np.int64), "splits": np.array([0, 2, 2, 4], np.int64), "indices": np.array([[2, 3], [0, 1]], np.int64), "weights": normal(2), "shape": np.array([3, 4], np.int64)}}

    yield module_case("served.composite", composite)

    def beam(folder):
        """Decoding step by step: a loop that samples the best, stops early, gathers by beam."""
        module = tf.Module()
        module.e, module.u, module.o = (tf.Variable(normal(*shape) * 0.7) for shape in ((9, 6), (6, 6), (6, 9)))

        @tf.function(input_signature=[tf.TensorSpec([None], I, "start"), tf.TensorSpec([], I, "steps")])
        def decode(start, steps):
            n = tf.shape(start)[0]
            h, tokens, done = tf.zeros([n, 6]), start[:, None], tf.zeros([n], tf.bool)
            score = tf.zeros([n])
            for _ in tf.range(steps):
                tf.autograph.experimental.set_loop_options(shape_invariants=[(tokens, tf.TensorShape([None, None]))])
                h = tf.tanh(tf.gather(module.e, tokens[:, -1]) + tf.matmul(h, module.u))
                log = tf.nn.log_softmax(tf.matmul(h, module.o))
                best = tf.math.top_k(log, 2)
                following = tf.where(done, 0, best.indices[:, 0])
                score += tf.where(done, 0.0, best.values[:, 0])
                done = done | (following == 8)
                tokens = tf.concat([tokens, following[:, None]], 1)
                if tf.reduce_all(done):
                    break
            return {"tokens": tokens, "score": score / tf.cast(tf.shape(tokens)[1], F), "done": done}

        module.f = decode
        return module, {"serving_default": decode}, {"serving_default": {"start": np.array([1, 5, 3], np.int32), "steps": np.int32(7)}}

    yield module_case("served.decoding", beam)

    def features(x, when, words):
        days = tf.strings.to_number(tf.strings.substr(when, 8, 2), I)
        month = tf.strings.to_number(tf.strings.regex_replace(when, r"^\d+-(\d+)-.*$", r"\1"), I)
        angle = 2 * np.pi * tf.cast(month, F) / 12
        hashed = tf.strings.to_hash_bucket_strong(words, 50, [7, 11])
        clipped = tf.clip_by_value(tf.where(tf.math.is_nan(x), tf.zeros_like(x), x), -3.0, 3.0)
        quantiles = tf.cast(tf.searchsorted(tf.constant([[-1.0, 0.0, 1.0]] * 3), clipped, side="left"), F)
        crossed = tf.strings.to_hash_bucket_fast(tf.strings.join([words, tf.strings.as_string(days)], "|"), 100)
        ranked = tf.argsort(tf.argsort(clipped, direction="DESCENDING", stable=True), stable=True)
        return {"days": days, "cycle": tf.stack([tf.sin(angle), tf.cos(angle)], -1), "hashed": hashed, "clipped": clipped, "quantiles": quantiles, "crossed": crossed, "ranked": ranked, "unique": tf.unique_with_counts(hashed)[2], "histogram": tf.histogram_fixed_width(clipped, [-3.0, 3.0], 6), "padded": tf.strings.format("{}", tf.shape(x)[0])}

    x = normal(3, 4) * 3
    x[1, 2] = np.nan
    yield function_case("served.features", features, [spec(3, None), spec(None, dtype=S), spec(None, dtype=S)], {"x": x, "when": text("2024-02-29", "1999-12-01", "2030-07-15"), "words": text("red", "", "green fox")})

    def image(folder):
        """Bytes in, classes and their names out, best first, as the server of a classifier has it."""
        (folder / "labels.txt").write_text("\n".join(f"label {i}" for i in range(7)) + "\n")
        module = tf.Module()
        module.k, module.w = tf.Variable(normal(3, 3, 3, 5) * 0.3), tf.Variable(normal(5, 7))
        module.labels = tf.saved_model.Asset(str(folder / "labels.txt"))
        module.table = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(module.labels.asset_path, L, tf.lookup.TextFileIndex.LINE_NUMBER, S, tf.lookup.TextFileIndex.WHOLE_LINE), "?")

        @tf.function(input_signature=[tf.TensorSpec([None], S, name="image_bytes")])
        def serve(pictures):
            def prepare(b):
                x = tf.image.convert_image_dtype(tf.io.decode_png(b, channels=3), F)
                x = tf.image.resize_with_pad(tf.image.central_crop(x, 0.875), 12, 12)
                return tf.image.per_image_standardization(x)

            x = tf.map_fn(prepare, pictures, fn_output_signature=tf.TensorSpec([12, 12, 3], F))
            p = tf.nn.softmax(tf.matmul(tf.reduce_max(tf.nn.relu(tf.nn.conv2d(x, module.k, 2, "SAME")), [1, 2]), module.w))
            best = tf.math.top_k(p, 3)
            return {"classes": module.table.lookup(tf.cast(best.indices, L)), "scores": best.values, "all": p}

        module.f = serve
        rows = [tf.io.encode_png(whole(16, 20 + i, 3, low=0, high=256, dtype=np.uint8)).numpy() for i in range(2)]
        return module, {"serving_default": serve}, {"serving_default": {"image_bytes": np.array(rows, object)}}

    yield module_case("served.image", image, rtol=1e-4)


# --- what grappler leaves ---


def optimised(definition, fetch, passes, extra=()):
    """The graph as grappler rewrites it for the outputs."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
        meta = export_meta_graph(graph_def=definition, graph=graph)
        for name in fetch:
            meta.collection_def["train_op"].node_list.value.append(name)
    config = tf.compat.v1.ConfigProto()
    rewrite = config.graph_options.rewrite_options
    rewrite.min_graph_nodes = -1
    rewrite.meta_optimizer_iterations = rewriter_config_pb2.RewriterConfig.TWO
    rewrite.optimizers.extend(passes)
    return tf_optimizer.OptimizeGraph(config, meta)


def grappler():
    def conv(x, activation):
        y = tf.nn.conv2d(x, tf.constant(normal(3, 3, 3, 4)), 1, "SAME")
        y = tf.nn.bias_add(y, tf.constant(normal(4)))
        return activation(y)

    def norm(x, activation):
        y = tf.nn.conv2d(x, tf.constant(normal(3, 3, 3, 4)), 1, "SAME")
        y = v1.nn.fused_batch_norm(y, tf.constant(positive(4)), tf.constant(normal(4)), tf.constant(normal(4)), tf.constant(positive(4)), is_training=False, epsilon=1e-3)[0]
        return activation(y)

    def alone(x, activation):
        y = v1.nn.fused_batch_norm(x, tf.constant(positive(3)), tf.constant(normal(3)), tf.constant(normal(3)), tf.constant(positive(3)), is_training=False)[0]
        return activation(y + x * 0.5)

    def depthwise(x, activation):
        y = tf.nn.depthwise_conv2d(x, tf.constant(normal(3, 3, 3, 2)), [1, 1, 1, 1], "SAME")
        return activation(tf.nn.bias_add(y, tf.constant(normal(6))))

    def product(x, activation):
        y = tf.matmul(tf.reshape(x, [-1, 3]), tf.constant(normal(3, 5)))
        return activation(tf.nn.bias_add(y, tf.constant(normal(5))))

    def padded(x, activation):
        y = tf.nn.conv2d(tf.pad(x, [[0, 0], [1, 2], [2, 1], [0, 0]]), tf.constant(normal(3, 3, 3, 4)), 2, "VALID")
        return activation(tf.nn.bias_add(y, tf.constant(normal(4))) + 1.0)

    def gelu(x):
        return tf.nn.gelu(x)

    activations = {"none": tf.identity, "relu": tf.nn.relu, "relu6": tf.nn.relu6, "elu": tf.nn.elu, "leaky": lambda x: tf.nn.leaky_relu(x, 0.3), "tanh": tf.tanh, "sigmoid": tf.sigmoid, "gelu": gelu, "gelu_tanh": lambda x: tf.nn.gelu(x, approximate=True), "swish": lambda x: x * tf.sigmoid(x)}
    for network in (conv, norm, alone, depthwise, product, padded):
        for name, activation in activations.items():
            def build(folder, network=network, activation=activation):
                with tf.Graph().as_default() as graph, v1.Session(config=CONFIG) as session:
                    x = v1.placeholder(F, [None, 6, 5, 3], "x")
                    y = tf.identity(network(x, activation), "y")
                    value = normal(2, 6, 5, 3)
                    want = session.run(y, {x: value})
                    definition = optimised(graph.as_graph_def(), ["y"], ["pruning", "function", "constfold", "shape", "arithmetic", "remap", "dependency", "layout"])
                (folder / "model.pb").write_bytes(definition.SerializeToString())
                return [(folder / "model.pb", None, {"x": value}, {"y": want})]

            yield ModelCase(f"grappler.{network.__name__}.{name}", build, rtol=1e-5)


# --- meta graphs ---


def meta_graphs():
    def build(folder, kinds):
        path = folder / "model"
        builder = v1.saved_model.Builder(str(path))
        found = []
        weights = normal(3, 2)
        for number, tags in enumerate(kinds):
            with tf.Graph().as_default(), v1.Session(config=CONFIG) as session:
                with tf.device("/device:GPU:0" if "gpu" in tags else None):
                    x = v1.placeholder(F, [None, 3], "x")
                    w = v1.get_variable("w", initializer=weights)
                    y = tf.identity(tf.matmul(x, w) * (1.0 + ("train" in tags)), "y")
                signatures = {"serving_default": predict_signature({"x": x}, {"y": y})}
                value = normal(2, 3)
                if number == 0:
                    session.run(v1.global_variables_initializer()) if "gpu" not in tags else None
                    session.run(v1.global_variables_initializer()) if "gpu" in tags and False else None
                    builder.add_meta_graph_and_variables(session, tags, signature_def_map=signatures)
                else:
                    builder.add_meta_graph(tags, signature_def_map=signatures, clear_devices=False)
        builder.save()
        x = normal(2, 3)
        return [(path, "serving_default", {"x": x}, {"y": x @ weights})]

    for kinds in ([["serve"], ["serve", "gpu"], ["serve", "tpu"]], [["train"], ["serve"]], [["serve"], ["serve", "xla"], ["train"]], [["train"], ["serve", "gpu"], ["serve"]]):
        yield ModelCase("meta_graphs." + "-".join("+".join(k) for k in kinds), lambda folder, kinds=kinds: build(folder, kinds))


def cases():
    for family in (transform, columns, hub, served, grappler, meta_graphs):
        yield from family()
