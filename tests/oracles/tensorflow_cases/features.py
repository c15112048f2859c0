"""Feature columns behind tf.train.Example, and Keras' preprocessing of text and categories, as SavedModels."""

import numpy as np
import tensorflow as tf

from .lookup import ModuleCase, SessionCase, module_of
from .parsing import batch, example

v1 = tf.compat.v1
FC = getattr(v1, "feature_column", None)
EXAMPLES = batch(
    example(age=[31.0], hours=[40.0], job=["tech"], tags=["a", "zz"], zip=[12], edu=["phd"]),
    example(age=[67.5], hours=[8.0], job=["none such"], tags=None, zip=[99], edu=["ba"]),
    example(age=[18.0], hours=[99.0], tags=["b"], zip=[0], edu=["hs"]),
    example(age=[-1.0], hours=[0.0], job=["farm"], tags=["c", "c", "a", "q"], edu=[""]))


def columns():
    age, hours = FC.numeric_column("age"), FC.numeric_column("hours", normalizer_fn=lambda x: (x - 40) / 10)
    ages = FC.bucketized_column(age, [18, 30, 45, 65])
    job = FC.categorical_column_with_vocabulary_list("job", ["farm", "tech", "law"], num_oov_buckets=2)
    tags = FC.categorical_column_with_hash_bucket("tags", 20)
    edu = FC.categorical_column_with_vocabulary_list("edu", ["hs", "ba", "phd"], default_value=1)
    zips = FC.categorical_column_with_identity("zip", 100, default_value=0)
    cross = FC.crossed_column([ages, "edu"], 50)
    return {"numeric": [age, hours], "buckets": [ages], "job": [FC.indicator_column(job)], "tags": [FC.embedding_column(tags, 4, combiner="sqrtn")], "edu": [FC.indicator_column(edu), FC.embedding_column(edu, 3, combiner="sum")],
            "zip": [FC.embedding_column(zips, 2)], "cross": [FC.indicator_column(cross)], "deep": [age, hours, FC.indicator_column(job), FC.embedding_column(tags, 8), FC.embedding_column(zips, 5), FC.indicator_column(edu)],
            "wide": [ages, job, tags, edu, cross, zips]}


def export(name, method):
    def build(_):
        chosen = columns()[name]
        serialized = v1.placeholder(tf.string, [None], "examples")
        features = tf.io.parse_example(serialized, FC.make_parse_example_spec(chosen))
        y = FC.linear_model(features, chosen, units=2) if name == "wide" else FC.input_layer(features, chosen)
        if name == "wide":
            table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant([0, 1], tf.int64), ["no", "yes"]), "?")
            outputs = {"scores": tf.nn.softmax(y), "classes": table.lookup(tf.cast(tf.argsort(y), tf.int64))}
        else:
            outputs = {"outputs": y}
        return {"inputs": serialized}, outputs, [{"inputs": EXAMPLES}, {"inputs": EXAMPLES[:1]}, {"inputs": np.concatenate([EXAMPLES] * 3)}]

    return SessionCase(f"columns.{name}", build, "ParseExampleV2")


def keras_case(name, make, *questions):
    """A model around one layer; questions: arrays."""
    def build(_):
        import keras

        layer = make(keras.layers)
        first = questions[0]
        dtype = "string" if first.dtype == object else first.dtype.name
        x = keras.Input(first.shape[1:], dtype=dtype)
        model = keras.Model(x, layer(x))
        function = tf.function(lambda x: {"y": tf.sparse.to_dense(y) if isinstance(y := model(x), tf.SparseTensor) else y}, input_signature=[tf.TensorSpec([None, *first.shape[1:]], dtype, name="x")])
        module = module_of({"f": function}, model=model)
        return module, {"serving_default": function, **{f"q{i}": function for i in range(1, len(questions))}}, {("serving_default" if not i else f"q{i}"): {"x": q} for i, q in enumerate(questions)}

    return ModuleCase(f"keras.{name}", build, name)


def keras_layers():
    words = np.array([["a"], ["b"], ["zz"], [""]], object)
    pairs = np.array([["a", "b"], ["c", "q"]], object)
    texts = np.array([["Hello, world! hello"], ["the QUICK  brown-fox"], [""], ["héllo Wörld\tnew\nline"]], object)
    vocabulary = ["hello", "world", "the", "quick", "brownfox"]
    numbers = np.array([[1, 5], [7, 100]], np.int64)
    yield keras_case("StringLookup.int", lambda L: L.StringLookup(vocabulary=["a", "b", "c"]), words, pairs[:, :1])
    yield keras_case("StringLookup.wide", lambda L: L.StringLookup(vocabulary=["a", "b", "c"], num_oov_indices=3, mask_token=""), pairs)
    yield keras_case("StringLookup.none", lambda L: L.StringLookup(vocabulary=["a", "b", "c", "q"], num_oov_indices=0), pairs)
    yield keras_case("StringLookup.inverse", lambda L: L.StringLookup(vocabulary=["a", "b", "c"], invert=True), np.array([[0, 1], [2, 9]], np.int64))
    for mode in ("one_hot", "multi_hot", "count"):
        yield keras_case(f"StringLookup.{mode}", lambda L, mode=mode: L.StringLookup(vocabulary=["a", "b", "c"], output_mode=mode), words if mode == "one_hot" else pairs)
    yield keras_case("StringLookup.tf_idf", lambda L: L.StringLookup(vocabulary=["a", "b", "c"], output_mode="tf_idf", idf_weights=[0.5, 1.0, 2.0]), pairs)
    yield keras_case("IntegerLookup.int", lambda L: L.IntegerLookup(vocabulary=[1, 5, 7]), numbers)
    yield keras_case("IntegerLookup.wide", lambda L: L.IntegerLookup(vocabulary=[1, 5, 7], num_oov_indices=4), numbers)
    yield keras_case("IntegerLookup.multi_hot", lambda L: L.IntegerLookup(vocabulary=[1, 5, 7], output_mode="multi_hot"), numbers)
    yield keras_case("Hashing", lambda L: L.Hashing(num_bins=11), words, pairs[:, :1])
    yield keras_case("Hashing.salt", lambda L: L.Hashing(num_bins=11, salt=[3, 9]), pairs)
    yield keras_case("Hashing.mask", lambda L: L.Hashing(num_bins=11, mask_value=""), words)
    yield keras_case("Hashing.number", lambda L: L.Hashing(num_bins=11), numbers)
    yield keras_case("Hashing.one_hot", lambda L: L.Hashing(num_bins=5, output_mode="one_hot"), words)
    yield keras_case("TextVectorization.int", lambda L: L.TextVectorization(vocabulary=vocabulary), texts, texts[:1], texts[2:3])
    yield keras_case("TextVectorization.length", lambda L: L.TextVectorization(vocabulary=vocabulary, output_sequence_length=4), texts)
    yield keras_case("TextVectorization.multi_hot", lambda L: L.TextVectorization(vocabulary=vocabulary, output_mode="multi_hot"), texts)
    yield keras_case("TextVectorization.count", lambda L: L.TextVectorization(vocabulary=vocabulary, output_mode="count", standardize="lower"), texts)
    yield keras_case("TextVectorization.tf_idf", lambda L: L.TextVectorization(vocabulary=vocabulary, output_mode="tf_idf", idf_weights=[1.0, 2.0, 0.5, 0.25, 3.0], standardize="strip_punctuation"), texts)
    yield keras_case("TextVectorization.ngrams", lambda L: L.TextVectorization(vocabulary=["hello", "hello world", "the quick"], ngrams=2), texts)
    yield keras_case("TextVectorization.characters", lambda L: L.TextVectorization(vocabulary=list("helo wrd"), split="character"), texts)
    yield keras_case("Discretization", lambda L: L.Discretization(bin_boundaries=[0.0, 1.5, 3.0]), np.array([[-1.0, 0.0], [1.5, 9.0]], np.float32))
    yield keras_case("CategoryEncoding", lambda L: L.CategoryEncoding(num_tokens=6, output_mode="count"), np.array([[1, 5], [2, 2]], np.int64))


def cases():
    if FC is not None:
        for name in ("numeric", "buckets", "job", "tags", "edu", "zip", "cross", "deep", "wide"):
            yield export(name, "tensorflow/serving/predict")
    yield from keras_layers()
