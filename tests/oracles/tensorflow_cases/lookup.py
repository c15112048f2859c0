"""Lookup tables in SavedModels: filled from tensors and from files, of all types; written by TensorFlow 1's builder and
by tf.saved_model.save."""

import numpy as np
import tensorflow as tf

from .operators import CONFIG

L = tf.lookup
NUMPY = {tf.string: object, tf.int64: np.int64, tf.int32: np.int32, tf.float32: np.float32, tf.float64: np.float64, tf.bool: bool}
VALUES = {
    tf.string: ["zero", "one", "", "drei", "四"], tf.int64: [5, -7, 2**40, 0, 3], tf.int32: [5, -7, 2**30, 0, 3],
    tf.float32: [0.5, -1.5, 2, 3, 1e9], tf.float64: [0.5, -1.5, 2, 3, 1e9], tf.bool: [True, False, True, True, False]}
DEFAULTS = {tf.string: "none", tf.int64: -1, tf.int32: -1, tf.float32: -0.5, tf.float64: -0.5, tf.bool: False}
ASKED = {tf.string: ["one", "nothing", "", "四", "zero", "one"], tf.int64: [2**40, 5, 6, 0, -7, 3], tf.int32: [2**30, 5, 6, 0, -7, 3]}
PAIRS = [(tf.int32, v) for v in (tf.float64, tf.float32, tf.int32, tf.string)] + [(tf.int64, v) for v in VALUES] + [(tf.string, v) for v in VALUES]
TEXT = "apple\nbanana\r\n\nkiwi fruit\nlast"
TABLE = "apple\t1\t0.5\nbanana\t2\t-1.5\nkiwi\t30\t1e3\n"


class ModuleCase:
    """build(folder) -> (module, {signature: function}, {signature: inputs})."""

    def __init__(self, name, build, operator="LookupTableFindV2"):
        self.name, self.build, self.operator = name, build, operator

    def write(self, folder):
        module, functions, questions = self.build(folder)
        path = folder / "model"
        tf.saved_model.save(module, str(path), signatures=functions)
        loaded = tf.saved_model.load(str(path))
        answers = []
        for name, inputs in questions.items():
            got = loaded.signatures[name](**{k: tf.constant(v) for k, v in inputs.items()})
            answers.append((path, name, inputs, {k: v.numpy() for k, v in got.items()}))
        return answers


class SessionCase:
    """build(folder) -> (inputs by name, outputs by name, questions), in a graph of TensorFlow 1."""

    def __init__(self, name, build, operator="LookupTableFind"):
        self.name, self.build, self.operator = name, build, operator

    def write(self, folder):
        path = folder / "model"
        builder = tf.compat.v1.saved_model.Builder(str(path))
        with tf.Graph().as_default(), tf.compat.v1.Session(config=CONFIG) as session:
            inputs, outputs, questions = self.build(folder)
            session.run([tf.compat.v1.global_variables_initializer(), tf.compat.v1.tables_initializer()])
            signature = tf.compat.v1.saved_model.predict_signature_def(inputs, outputs)
            builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature}, assets_collection=tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.ASSET_FILEPATHS), main_op=tf.compat.v1.tables_initializer())
            answers = [(path, "serving_default", q, dict(zip(outputs, session.run(list(outputs.values()), {inputs[k]: v for k, v in q.items()})))) for q in questions]
        builder.save()
        return answers


def module_of(functions, **resources):
    module = tf.Module()
    for name, resource in resources.items():
        setattr(module, name, resource)
    module.functions = list(functions.values())
    return module


def signature(function, dtype, shape=(None,)):
    return tf.function(function, input_signature=[tf.TensorSpec(shape, dtype, name="x")])


def static_pairs(key, value):
    def build(_):
        keys = np.array(VALUES[key], NUMPY[key])
        table = L.StaticHashTable(L.KeyValueTensorInitializer(tf.constant(keys, key), tf.constant(VALUES[value], value)), DEFAULTS[value])
        functions = {
            "find": signature(lambda x: {"y": table.lookup(x)}, key),
            "square": signature(lambda x: {"y": table.lookup(x)}, key, (None, 2)),
            "size": signature(lambda x: {"y": table.size() + tf.cast(tf.size(x), tf.int64)}, key)}
        asked = np.array(ASKED[key], NUMPY[key])
        return module_of(functions, table=table), functions, {"find": {"x": asked}, "square": {"x": asked.reshape(3, 2)}, "size": {"x": asked}}

    return ModuleCase(f"static.{key.name}.{value.name}", build)


def mutable_pairs(key, value, dense=False):
    def build(_):
        keys, values = np.array(VALUES[key], NUMPY[key]), tf.constant(VALUES[value], value)
        if dense:
            table = L.experimental.DenseHashTable(key, value, DEFAULTS[value], empty_key=-99 if key != tf.string else "EMPTY", deleted_key=-98 if key != tf.string else "DELETED")
        else:
            table = L.experimental.MutableHashTable(key, value, DEFAULTS[value])
        table.insert(tf.constant(keys, key), values)
        functions = {"find": signature(lambda x: {"y": table.lookup(x)}, key), "size": signature(lambda x: {"y": table.size() + tf.cast(tf.size(x), tf.int64)}, key)}
        asked = np.array(ASKED[key], NUMPY[key])
        return module_of(functions, table=table), functions, {"find": {"x": asked}, "size": {"x": asked}}

    return ModuleCase(f"{'dense' if dense else 'mutable'}.{key.name}.{value.name}", build)


def mutable_rows():
    def build(_):
        table = L.experimental.MutableHashTable(tf.string, tf.float32, [0.25, -1.0, 7.0])
        table.insert(tf.constant(["a", "b", "c"]), tf.constant(np.arange(9, dtype=np.float32).reshape(3, 3)))
        functions = {"find": signature(lambda x: {"y": table.lookup(x)}, tf.string), "square": signature(lambda x: {"y": table.lookup(x)}, tf.string, (None, None))}
        return module_of(functions, table=table), functions, {"find": {"x": np.array(["b", "z", "a"], object)}, "square": {"x": np.array([["b", "z"], ["c", "a"]], object)}}

    return ModuleCase("mutable.rows", build)


def mutable_defaults():
    def build(_):
        table = L.experimental.MutableHashTable(tf.string, tf.int64, -1)
        table.insert(tf.constant(["a", "b"]), tf.constant([1, 2], tf.int64))
        functions = {"find": signature(lambda x: {"y": table.lookup(x, dynamic_default_values=tf.range(10, 10 + tf.size(x, tf.int64)))}, tf.string)}
        return module_of(functions, table=table), functions, {"find": {"x": np.array(["b", "z", "a", "q"], object)}}

    return ModuleCase("mutable.defaults", build)


def vocabulary(buckets, key=tf.string):
    def build(_):
        if key == tf.string:
            initializer = L.KeyValueTensorInitializer(tf.constant(["emerson", "lake", "palmer"]), tf.constant([0, 1, 2], tf.int64))
            asked = np.array(["emerson", "lake", "king", "crimson", "palmer", ""], object)
        else:
            initializer = L.KeyValueTensorInitializer(tf.constant([10, 20, 30], tf.int64), tf.constant([0, 1, 2], tf.int64))
            asked = np.array([10, 30, 5, 77, -3, 20], NUMPY[key])
        table = L.StaticVocabularyTable(initializer, buckets, lookup_key_dtype=key)
        functions = {"find": signature(lambda x: {"y": table.lookup(x)}, key)}
        return module_of(functions, table=table), functions, {"find": {"x": asked}}

    return ModuleCase(f"vocabulary.{buckets}.{key.name}", build, "StringToHashBucketFast")


def from_file(name, text, key, key_index, value, value_index, asked, **options):
    def build(folder):
        path = folder / "words.txt"
        path.write_bytes(text.encode())
        initializer = L.TextFileInitializer(str(path), key, key_index, value, value_index, **options)
        table = L.StaticHashTable(initializer, DEFAULTS[value])
        functions = {"find": signature(lambda x: {"y": table.lookup(x), "size": table.size()}, key)}
        return module_of(functions, table=table), functions, {"find": {"x": np.array(asked, NUMPY[key])}}

    return ModuleCase(f"file.{name}", build, "InitializeTableFromTextFileV2")


def files():
    whole, line = L.TextFileIndex.WHOLE_LINE, L.TextFileIndex.LINE_NUMBER
    words = ["apple", "banana", "", "kiwi fruit", "last", "kiwi"]
    yield from_file("whole", TEXT, tf.string, whole, tf.int64, line, words)
    yield from_file("offset", TEXT, tf.string, whole, tf.int64, line, words, value_index_offset=100)
    yield from_file("vocabulary", TEXT, tf.string, whole, tf.int64, line, words, vocab_size=2)
    yield from_file("inverse", TEXT, tf.int64, line, tf.string, whole, [0, 1, 2, 3, 4, 5, -1])
    for key, column in ((tf.string, 0), (tf.int64, 1)):
        for value, other in ((tf.string, 0), (tf.int64, 1), (tf.float32, 2), (tf.float64, 2)):
            yield from_file(f"columns.{key.name}.{value.name}", TABLE, key, column, value, other, ["apple", "kiwi", "x"] if key == tf.string else [1, 30, 4])
    yield from_file("delimiter", TABLE.replace("\t", ","), tf.string, 0, tf.int64, 1, ["apple", "kiwi", "x"], delimiter=",")
    yield from_file("column to line", TABLE, tf.string, 0, tf.int64, line, ["apple", "kiwi", "x"])


def session_tables(_):
    x = tf.compat.v1.placeholder(tf.string, [None], "x")
    n = tf.compat.v1.placeholder(tf.int64, [None, None], "n")
    a = L.StaticHashTable(L.KeyValueTensorInitializer(["a", "b"], tf.constant([1, 2], tf.int64)), -1)
    b = tf.compat.v1.raw_ops.HashTable(key_dtype=tf.int64, value_dtype=tf.string, shared_name="names")
    fill = tf.compat.v1.raw_ops.InitializeTable(table_handle=b, keys=tf.constant([1, 2], tf.int64), values=["first", "second"])
    tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.TABLE_INITIALIZERS, fill)
    y = tf.compat.v1.raw_ops.LookupTableFind(table_handle=b, keys=n, default_value="?")
    return {"x": x, "n": n}, {"place": a.lookup(x), "name": y}, [{"x": np.array(["b", "c"], object), "n": np.array([[1, 5], [2, 2]], np.int64)}]


def session_file(folder):
    path = folder / "tokens.txt"
    path.write_text("the\nquick\nfox\n")
    x = tf.compat.v1.placeholder(tf.string, [None], "x")
    table = tf.compat.v1.raw_ops.HashTable(key_dtype=tf.string, value_dtype=tf.int64)
    name = tf.constant(str(path))
    tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.ASSET_FILEPATHS, name)
    fill = tf.compat.v1.raw_ops.InitializeTableFromTextFile(table_handle=table, filename=name, key_index=-2, value_index=-1)
    tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.TABLE_INITIALIZERS, fill)
    y = tf.compat.v1.raw_ops.LookupTableFind(table_handle=table, keys=x, default_value=tf.constant(-1, tf.int64))
    return {"x": x}, {"y": y}, [{"x": np.array(["fox", "dog", "the"], object)}]


class GraphWithTables:
    """A graph alone, whose tables TensorFlow fills with its initializer."""

    name, operator = "graph.tables", "InitializeTableV2"

    def write(self, folder):
        x = np.array(["b", "zz", "a"], object)
        with tf.Graph().as_default() as graph, tf.compat.v1.Session(config=CONFIG) as session:
            asked = tf.compat.v1.placeholder(tf.string, [None], "x")
            table = L.StaticHashTable(L.KeyValueTensorInitializer(["a", "b"], tf.constant([1, 2], tf.int64)), -1)
            other = L.StaticVocabularyTable(L.KeyValueTensorInitializer(["a", "b"], tf.constant([0, 1], tf.int64)), 3)
            y = tf.identity(table.lookup(asked) * 10 + other.lookup(asked), "y")
            session.run(tf.compat.v1.tables_initializer())
            want = session.run(y, {asked: x})
            for node in (definition := graph.as_graph_def()).node:
                if node.op == "NoOp":
                    definition.node.remove(node)
        path = folder / "model.pb"
        path.write_bytes(tf.compat.v1.graph_util.extract_sub_graph(definition, ["y"] + [n.name for n in definition.node if "TableImport" in n.op]).SerializeToString())
        return [(path, None, {"x": x}, {"y": want})]


def cases():
    yield GraphWithTables()
    for key, value in PAIRS:
        yield static_pairs(key, value)
    for key, value in ((tf.string, tf.int64), (tf.int64, tf.string), (tf.string, tf.float32), (tf.int64, tf.int64), (tf.string, tf.bool)):
        yield mutable_pairs(key, value)
    for key, value in ((tf.string, tf.int64), (tf.int64, tf.float32), (tf.int64, tf.int64)):
        yield mutable_pairs(key, value, dense=True)
    yield mutable_rows()
    yield mutable_defaults()
    for buckets in (1, 3, 1000):
        yield vocabulary(buckets)
    yield vocabulary(5, tf.int64)
    yield vocabulary(5, tf.int32)
    yield from files()
    yield SessionCase("session.tables", session_tables)
    yield SessionCase("session.file", session_file, "InitializeTableFromTextFile")
