#!/usr/bin/env python3
"""Small models as TensorFlow saves them, for tests/unit/importers/savedmodel_test.c, which says what they
answer; this script checks that TensorFlow says the same. A packed tar each.

    scripts/python tests/importers/savedmodel/make.py
"""

import io
import lzma
import os
import sys
import tarfile
import tempfile

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

HERE = Path(__file__).parent
SEEDS = HERE.parent.parent / "fuzz" / "corpus" / "savedmodel"
SEEDED = ("two", "sparse", "recursive", "plain")
v1 = tf.compat.v1


def pack(name, folder):
    """Without what is not read, and without times, so that the same model is the same file."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and path.name != "fingerprint.pb":
                data = path.read_bytes()
                if path.name == "saved_model.pb":
                    data = slim(data)
                info = tarfile.TarInfo(str(path.relative_to(folder)))
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    data = raw.getvalue()
    packed = lzma.compress(data)
    (HERE / f"{name}.tar.xz").write_bytes(packed)
    if name in SEEDED:
        SEEDS.mkdir(parents=True, exist_ok=True)
        (SEEDS / name).write_bytes(data.rstrip(b"\0") + b"\0" * 1024)
    print(f"{name}.tar.xz {len(packed)}")


def slim(data):
    model = saved_model_pb2.SavedModel()
    model.ParseFromString(data)
    for meta in model.meta_graphs:
        meta.meta_info_def.ClearField("stripped_op_list")
        meta.meta_info_def.ClearField("any_info")
        meta.graph_def.ClearField("debug_info")
        for nodes in [meta.graph_def.node] + [f.node_def for f in meta.graph_def.library.function]:
            for node in nodes:
                for attr in ("_output_shapes", "_has_manual_control_dependencies", "_collective_manager_ids", "config_proto", "config", "executor_type"):
                    node.attr.pop(attr, None)
                node.ClearField("experimental_debug_info")
        for function in meta.graph_def.library.function:
            function.arg_attr.clear()
    return model.SerializeToString(deterministic=True)


def near(got, want):
    np.testing.assert_allclose(np.asarray(got), want)


class State(tf.Module):
    """add: what it gives is computed behind the assignment. swap: gives what was there before, by a control edge
    alone; nothing of the result depends on the assignment. rows: scatters. checked: fails below zero."""

    def __init__(self):
        super().__init__()
        self.v = tf.Variable([1.0, 2.0], name="v")
        self.steps = tf.Variable(5, dtype=tf.int64, name="steps")

    @tf.function(input_signature=[tf.TensorSpec([2], tf.float32, "x")])
    def add(self, x):
        self.steps.assign_add(1)
        return {"v": self.v.assign_add(x).read_value(), "steps": self.steps.read_value()}

    @tf.function(input_signature=[tf.TensorSpec([2], tf.float32, "x")])
    def swap(self, x):
        before = self.v.read_value()
        self.v.assign(x)
        return {"before": before * 1.0}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, "i"), tf.TensorSpec([None], tf.float32, "x")])
    def rows(self, i, x):
        self.v.scatter_nd_update(i[:, None], x)
        return {"v": self.v + 0.0}

    @tf.function(input_signature=[])
    def get(self):
        return {"v": self.v + 0.0}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def checked(self, x):
        tf.debugging.assert_non_negative(x, "x is below zero")
        return {"y": tf.sqrt(x)}


def state(folder):
    m = State()
    tf.saved_model.save(m, folder, signatures={n: getattr(m, n).get_concrete_function() for n in ("add", "swap", "rows", "get", "checked")})
    s = tf.saved_model.load(folder).signatures
    near(s["add"](x=tf.constant([10.0, 20.0]))["v"], [11, 22])
    near(s["swap"](x=tf.constant([3.0, 4.0]))["before"], [11, 22])
    near(s["get"]()["v"], [3, 4])
    near(s["rows"](i=tf.constant([1, 0, 1]), x=tf.constant([7.0, 8.0, 9.0]))["v"], [8, 9])
    near(s["add"](x=tf.constant([0.0, 0.0]))["steps"], 7)
    try:
        s["checked"](x=tf.constant([-1.0]))
        sys.exit("nothing failed")
    except tf.errors.InvalidArgumentError as error:
        assert "x is below zero" in str(error)


def two(folder, text=False, tags=None):
    """TensorFlow 1: two signatures over one graph, a table of assets left out, partitioned variables."""
    with tf.Graph().as_default(), v1.Session() as session:
        def part(shape, dtype, partition_info):
            first = partition_info.var_offset[0] * 2
            return tf.reshape(tf.range(first, first + shape[0] * 2, dtype=dtype), shape)

        x = v1.placeholder(tf.float32, [None, 2], "x")
        w = v1.get_variable("w", [4, 2], initializer=part, partitioner=v1.fixed_size_partitioner(2))
        b = v1.get_variable("b", [2], initializer=v1.constant_initializer([0.5, -0.5]), use_resource=False)
        scale = v1.placeholder_with_default(tf.constant(2.0), [], "scale")
        y = tf.identity(tf.matmul(x, tf.convert_to_tensor(w)[:2]) * scale + b, "y")
        tail = tf.identity(tf.convert_to_tensor(w)[2:], "tail")
        session.run(v1.global_variables_initializer())
        info = v1.saved_model.build_tensor_info
        builder = v1.saved_model.Builder(folder)
        signatures = {
            "serving_default": v1.saved_model.build_signature_def({"x": info(x), "scale": info(scale)}, {"y": info(y)}, "tensorflow/serving/predict"),
            "tail": v1.saved_model.build_signature_def({}, {"tail": info(tail)}, "tensorflow/serving/regress"),
        }
        builder.add_meta_graph_and_variables(session, tags or ["serve"], signatures, strip_default_attrs=True)
        if tags:
            builder.add_meta_graph(["serve"], {"other": signatures["tail"]}, strip_default_attrs=True)
        builder.save(as_text=text)
    if not tags:
        model = tf.saved_model.load(folder, tags=["serve"])
        near(model.signatures["serving_default"](x=tf.constant([[1.0, 2.0]]), scale=tf.constant(2.0))["y"], [[8.5, 13.5]])
        near(model.signatures["tail"]()["tail"], [[4, 5], [6, 7]])


def sparse(folder):
    """A sparse input and output of TensorFlow 1: three tensors each."""
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.sparse_placeholder(tf.float32, [None, 3], "x")
        y = tf.SparseTensor(x.indices, x.values * 2.0, x.dense_shape)
        total = tf.reduce_sum(x.values)
        info = v1.saved_model.build_tensor_info
        builder = v1.saved_model.Builder(folder)
        builder.add_meta_graph_and_variables(session, ["serve"], {
            "serving_default": v1.saved_model.build_signature_def({"x": info(x)}, {"y": info(y), "total": info(total)}, "tensorflow/serving/predict")})
        builder.save()


class Ragged(tf.Module):
    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.float32)])
    def __call__(self, x):
        return {"y": x * 2.0, "sums": tf.reduce_sum(x, axis=1)}


def ragged(folder):
    m = Ragged()
    tf.saved_model.save(m, folder, signatures=m.__call__.get_concrete_function())


class Plain(tf.Module):
    """Saved without signatures: its functions are."""

    def __init__(self):
        super().__init__()
        self.layers = [tf.Variable([[1.0, 2.0], [3.0, 4.0]]), tf.Variable([10.0, 20.0])]
        self.constant = tf.constant([100.0, 200.0])

    @tf.function
    def linear(self, x):
        return x @ self.layers[0] + self.layers[1] + self.constant

    @tf.function
    def divide(self, numbers):
        return {"quotient": numbers["a"] / numbers["b"], "pair": (numbers["a"], numbers["b"])}


def plain(folder):
    m = Plain()
    m.linear.get_concrete_function(tf.TensorSpec([None, 2], tf.float32, "x"))
    m.divide.get_concrete_function({"b": tf.TensorSpec([], tf.float32, "b"), "a": tf.TensorSpec([], tf.float32, "a")})
    tf.saved_model.save(m, folder)
    m = tf.saved_model.load(folder)
    near(m.linear(tf.constant([[1.0, 1.0]])), [[114, 226]])
    near(m.divide({"a": 6.0, "b": 3.0})["quotient"], 2)


def checkpoint(folder):
    """A graph of training, saved by a Saver."""
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 2], "x")
        w = v1.get_variable("w", [2, 1], initializer=v1.constant_initializer([2.0, 3.0]), use_resource=False)
        y = tf.matmul(x, w, name="y")
        saver = v1.train.Saver()
        session.run(v1.global_variables_initializer())
        saver.save(session, os.path.join(folder, "model.ckpt"), global_step=3)
        session.run(w.assign([[7.0], [8.0]]))
        saver.save(session, os.path.join(folder, "model.ckpt"), global_step=20)


def recursive(folder):
    """A function that calls itself."""
    class M(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([], tf.float32, "x")])
        def f(self, x):
            return {"y": x + 1.0}

    m = M()
    tf.saved_model.save(m, folder, signatures=m.f.get_concrete_function())
    path = Path(folder) / "saved_model.pb"
    model = saved_model_pb2.SavedModel()
    model.ParseFromString(path.read_bytes())
    library = model.meta_graphs[0].graph_def.library.function
    inner = next(f for f in library if any(n.op == "AddV2" for n in f.node_def))
    add = next(n for n in inner.node_def if n.op == "AddV2")
    add.op = inner.signature.name
    del add.input[1:]
    add.attr.clear()
    for key in inner.ret:
        inner.ret[key] = f"{add.name}:{inner.signature.output_arg[0].name}:0"
    path.write_bytes(model.SerializeToString())


def versions(folder):
    for version, add in (("2", 2.0), ("10", 10.0)):
        class M(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec([], tf.float32, "x")])
            def f(self, x):
                return {"y": x + add}

        m = M()
        tf.saved_model.save(m, os.path.join(folder, version), signatures=m.f.get_concrete_function())


def estimator(folder):
    """As an Estimator exports: serialized tf.train.Examples, classified (the default), regressed and predicted; "half"
    takes a number, and its output is what TensorFlow Serving's half_plus_two gives; "bundle" says float of the serialized
    examples, as what was made of session bundles does."""
    with tf.Graph().as_default(), v1.Session() as session:
        serialized = v1.placeholder(tf.string, [None], "input_example_tensor")
        read = v1.parse_example(serialized, {"x": tf.io.FixedLenFeature([1], tf.float32), "city": tf.io.FixedLenFeature([], tf.string, default_value="none")})
        a = v1.get_variable("a", initializer=0.5, use_resource=False)
        x = tf.identity(read["x"], "x")
        y = tf.identity(a * x + 2.0, "y")
        scores = tf.concat([y, -y, tf.zeros_like(y)], 1, "scores")
        classes = tf.tile(tf.constant([["up", "down", "level"]]), [tf.shape(y)[0], 1], "classes")
        city = tf.identity(read["city"], "city")
        session.run(v1.global_variables_initializer())

        def signature(inputs, outputs, method):
            info = v1.saved_model.build_tensor_info
            return v1.saved_model.build_signature_def({k: info(v) for k, v in inputs.items()}, {k: info(v) for k, v in outputs.items()}, "tensorflow/serving/" + method)

        bundle = signature({"inputs": serialized}, {"outputs": y}, "regress")
        bundle.inputs["inputs"].dtype = tf.float32.as_datatype_enum
        builder = v1.saved_model.Builder(folder)
        builder.add_meta_graph_and_variables(session, ["serve"], {
            "bundle": bundle,
            "serving_default": signature({"inputs": serialized}, {"classes": classes, "scores": scores}, "classify"),
            "regression": signature({"inputs": serialized}, {"outputs": y}, "regress"),
            "predict": signature({"examples": serialized}, {"y": y, "city": city, "city_bytes": city}, "predict"),
            "half": signature({"x": x}, {"y": y}, "predict"),
        }, strip_default_attrs=True)
        builder.save()
    model = tf.saved_model.load(folder, tags=["serve"])
    example = tf.train.Example(features=tf.train.Features(feature={"x": tf.train.Feature(float_list=tf.train.FloatList(value=[3.0]))})).SerializeToString()
    near(model.signatures["serving_default"](inputs=tf.constant([example]))["scores"], [[3.5, -3.5, 0]])
    near(model.signatures["regression"](inputs=tf.constant([example]))["outputs"], [[3.5]])
    near(model.signatures["half"](x=tf.constant([[5.0]]))["y"], [[4.5]])


MODELS = {
    "state": state, "two": two, "text": lambda folder: two(folder, text=True), "tags": lambda folder: two(folder, tags=["serve", "gpu"]),
    "sparse": sparse, "ragged": ragged, "plain": plain, "checkpoint": checkpoint, "recursive": recursive, "versions": versions,
    "estimator": estimator,
}


def main():
    for name in sys.argv[1:] or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            inner = os.path.join(folder, "model")
            MODELS[name](inner)
            pack(name, inner)


main()
