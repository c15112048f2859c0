#!/usr/bin/env python3
"""Broken and hostile files of TensorFlow and Keras: each is refused soon and in little memory, by the name of
what is at fault.

    scripts/python tests/oracles/tensorflow_broken.py          all cases
    scripts/python tests/oracles/tensorflow_broken.py hdf5     those whose names hold a word
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]
os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1")

import resource
import shutil
import struct
import subprocess
import tempfile
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import saved_model_pb2

sys.path.append(HERE)
from common import FIRN, wanted

SECONDS = 10  # of one CPU; by the clock, what a machine that is busy makes of them
MEMORY = 1 << 28  # bytes of its own
REFUSALS = (2, 5, 6)  # invalid, too large, unsupported
CASES = []


def case(name, *words, told=False):
    """build(folder) -> path; words: of them one stands in what firn says. told: inspect explains it and ends well."""

    def keep(build):
        CASES.append((name, build, words, told))
        return build

    return keep


# --- SavedModel ---


def saved(folder):
    module = tf.Module()
    module.v = tf.Variable(np.arange(6, dtype=np.float32).reshape(2, 3))
    module.f = tf.function(lambda x: {"y": tf.nn.relu(tf.linalg.matmul(x, module.v))}, input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    path = folder / "model"
    tf.saved_model.save(module, str(path), signatures=module.f)
    return path


def edited(folder, edit):
    path = saved(folder)
    file = path / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    edit(model.meta_graphs[0])
    file.write_bytes(model.SerializeToString())
    return path


def body(meta, op="Relu"):
    """The node of this operator, in whatever function it is."""
    return next((f, n) for f in meta.graph_def.library.function for n in f.node_def if n.op == op)


@case("savedmodel: an unknown operator in a function", "Relu' (NoSuchOp)", "Relu (NoSuchOp)", "(NoSuchOp)", told=True)
def _(folder):
    def edit(meta):
        body(meta)[1].op = "NoSuchOp"

    return edited(folder, edit)


@case("savedmodel: an operator that reads files", "(ReadFile)", told=True)
def _(folder):
    def edit(meta):
        body(meta)[1].op = "ReadFile"

    return edited(folder, edit)


@case("savedmodel: an operator that calls Python", "(PyFunc)", told=True)
def _(folder):
    def edit(meta):
        body(meta)[1].op = "PyFunc"

    return edited(folder, edit)


@case("savedmodel: a cycle in a function", "needs itself", "part of a cycle")
def _(folder):
    def edit(meta):
        node = body(meta)[1]
        other = body(meta, "MatMul")[1]
        other.input[0] = f"{node.name}:activations:0"

    return edited(folder, edit)


@case("savedmodel: a function that calls itself", "calls itself", told=True)
def _(folder):
    def edit(meta):
        function, node = body(meta)
        node.op = "PartitionedCall"
        node.attr["f"].func.name = function.signature.name
        del node.input[:]
        for argument in function.signature.input_arg:
            node.input.append(argument.name)
            node.attr["Tin"].list.type.append(argument.type)
        node.attr["Tout"].list.type.append(1)

    return edited(folder, edit)


@case("savedmodel: objects in a circle, no signatures", "", told=True)
def _(folder):
    def edit(meta):
        meta.signature_def.clear()
        nodes = meta.object_graph_def.nodes
        for i, node in enumerate(nodes):
            for k in range(3):
                child = node.children.add()
                child.node_id, child.local_name = (i + k) % len(nodes), f"round{k}"

    return edited(folder, edit)


@case("savedmodel: an object that is not there", "", told=True)
def _(folder):
    def edit(meta):
        meta.signature_def.clear()
        for node in meta.object_graph_def.nodes:
            for child in node.children:
                child.node_id = 1 << 30

    return edited(folder, edit)


@case("savedmodel: an input that is no node", "nowhere")
def _(folder):
    def edit(meta):
        body(meta)[1].input[0] = "nowhere:y:0"

    return edited(folder, edit)


@case("savedmodel: the only shard is missing", "variables.data-00000-of-00001' is missing")
def _(folder):
    path = saved(folder)
    (path / "variables/variables.data-00000-of-00001").unlink()
    return path


@case("savedmodel: a checksum of the data", "checksum is wrong")
def _(folder):
    path = saved(folder)
    file = path / "variables/variables.data-00000-of-00001"
    data = bytearray(file.read_bytes())
    data[5] ^= 1
    file.write_bytes(data)
    return path


@case("savedmodel: a checksum of the index", "checksum of a block")
def _(folder):
    path = saved(folder)
    file = path / "variables/variables.index"
    data = bytearray(file.read_bytes())
    data[20] ^= 1
    file.write_bytes(data)
    return path


def multiplied(folder, times, deep):
    """Each function calls the one before it so many times."""

    def edit(meta):
        library, (first, node) = meta.graph_def.library, body(meta)
        for depth in range(deep):
            made = library.function.add()
            made.CopyFrom(first)
            del made.node_def[:]
            made.signature.name = f"made{depth}"
            del made.signature.input_arg[:], made.signature.output_arg[:]
            made.signature.input_arg.add(name="x", type=1)
            made.signature.output_arg.add(name="y", type=1)
            made.ret.clear()
            for i in range(times):
                call = made.node_def.add(name=f"call{i}", op="PartitionedCall" if depth else "Neg")
                call.input.append("x" if not i else f"call{i - 1}:{'output' if depth else 'y'}:0")
                call.attr["T"].type = 1
                call.attr["f"].func.name = f"made{depth - 1}"
                call.attr["Tin"].list.type.append(1)
                call.attr["Tout"].list.type.append(1)
            made.ret["y"] = f"call{times - 1}:{'output' if depth else 'y'}:0"
            made.attr.clear(), made.arg_attr.clear()
        node.op = "PartitionedCall"
        node.attr["f"].func.name = f"made{deep - 1}"
        node.attr["Tin"].list.type.append(1)
        node.attr["Tout"].list.type.append(1)
        for f in library.function:
            if f is not first and f.signature.name == first.signature.name:
                for key in f.ret:
                    f.ret[key] = f.ret[key].replace("Relu:activations", "Relu:output")

    return edited(folder, edit)


@case("savedmodel: functions that double, forty deep", "too many nodes", told=True)
def _(folder):
    return multiplied(folder, 2, 40)


@case("savedmodel: sixteen calls in each function, five deep", "too many nodes", told=True)
def _(folder):
    return multiplied(folder, 16, 5)


# --- HDF5 ---


def network(path):
    keras.utils.set_random_seed(1)
    keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, name="first"), keras.layers.Dense(2, name="second")]).save(path)
    return path


def patched(folder, patch):
    path = network(folder / "model.h5")
    data = bytearray(path.read_bytes())
    patch(data)
    path.write_bytes(data)
    return path


def places(data, word):
    at = data.find(word)
    while at >= 0:
        yield at
        at = data.find(word, at + 1)


@case("hdf5: B-trees that are their own children", "B-tree")
def _(folder):
    def patch(data):
        for at in places(data, b"TREE"):
            data[at + 5] = 1  # its level
            data[at + 6 : at + 8] = struct.pack("<H", 16)
            for i in range(16):
                data[at + 32 + 16 * i : at + 40 + 16 * i] = struct.pack("<Q", at)

    return patched(folder, patch)


@case("hdf5: nodes of a group that are the B-tree itself", "symbol table node")
def _(folder):
    def patch(data):
        for at in places(data, b"TREE"):
            data[at + 32 : at + 40] = struct.pack("<Q", at)

    return patched(folder, patch)


@case("hdf5: a group that is its own member", "")
def _(folder):
    path = network(folder / "model.h5")
    with h5py.File(path, "a") as file:
        file["model_weights/first/again"] = file["model_weights"]
        file["model_weights/first/up"] = file["/"]
    return path


@case("hdf5: a heap whose free list runs in a circle, names outside", "outside of its heap", "ends early")
def _(folder):
    def patch(data):
        for at in places(data, b"HEAP"):
            data[at + 8 : at + 16] = struct.pack("<Q", 1 << 40)  # size of the data segment
            data[at + 16 : at + 24] = struct.pack("<Q", 0)  # the free list begins at 0

    return patched(folder, patch)


@case("hdf5: an attribute of a gigantic text", "")
def _(folder):
    path = folder / "model.h5"
    network(path)
    data = bytearray(path.read_bytes())
    at = data.find(b"model_config")
    for i in range(at, at + 64):  # the size of the string type
        if data[i] == 0x13:
            data[i + 4 : i + 8] = struct.pack("<I", 0xFFFFFFF0)
            break
    for heap in places(data, b"GCOL"):
        data[heap + 16 + 8 : heap + 16 + 16] = struct.pack("<Q", 1 << 60)  # the first object's size
    path.write_bytes(data)
    return path


@case("hdf5: a configuration of 100 MB", "")
def _(folder):
    path = network(folder / "model.h5")
    with h5py.File(path, "a") as file:
        del file.attrs["model_config"]
        file.attrs["model_config"] = "[" * (100 << 20)
    return path


@case("hdf5: cut in the middle", "")
def _(folder):
    path = network(folder / "model.h5")
    path.write_bytes(path.read_bytes()[:9000])
    return path


# --- zip ---


def archive(folder, change):
    path = network(folder / "model.keras")
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    return path


def directory(data, name):
    return next(at for at in places(data, b"PK\x01\x02") if data[at + 46 : at + 46 + len(name)] == name)


@case("zip: a member larger than it says", "config.json", "differ", "bytes")
def _(folder):
    return archive(folder, lambda data: data.__setitem__(slice((at := directory(data, b"config.json")) + 24, at + 28), struct.pack("<I", 17)))


@case("zip: a member that ends behind the file", "config.json", "differ", "bytes")
def _(folder):
    return archive(folder, lambda data: data.__setitem__(slice((at := directory(data, b"config.json")) + 20, at + 28), struct.pack("<II", 1 << 30, 1 << 30)))


@case("zip: a member that swells", "model.weights.h5", "config.json", "times", "limit", "")
def _(folder):
    path = folder / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("metadata.json", '{"keras_version": "3.0.0"}')
        out.writestr("config.json", b" " * (200 << 20))
        out.writestr("model.weights.h5", b"")
    return path


@case("zip: weights that are no HDF5", "model.weights.h5", "HDF5")
def _(folder):
    path = network(folder / "model.keras")
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    members["model.weights.h5"] = b"not what it should be" * 50
    with zipfile.ZipFile(path, "w") as new:
        for name, data in members.items():
            new.writestr(name, data)
    return path


# --- frozen graphs and checkpoints ---


def frozen(folder, change):
    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, [None, 3], "x")
        y = tf.nn.relu(x * 2.0, "r")
        tf.identity(y, "y")
    definition = graph.as_graph_def()
    change(definition)
    path = folder / "model.pb"
    path.write_bytes(definition.SerializeToString())
    return path


def node(definition, name):
    return next(n for n in definition.node if n.name == name)


@case("frozen: messages that the program describes", "descriptor_source", "p.q.M")
def _(folder):
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.string, [None], "x")
        tf.raw_ops.DecodeProtoV2(bytes=x, message_type="p.q.M", field_names=["a"], output_types=[tf.int32], name="y")
    (folder / "model.pb").write_bytes(graph.as_graph_def().SerializeToString())
    return folder / "model.pb"


@case("frozen: a description of messages that ends", "in a message that has 3 left")
def _(folder):
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.string, [None], "x")
        tf.raw_ops.DecodeProtoV2(bytes=x, message_type="p.q.M", field_names=["a"], output_types=[tf.int32], descriptor_source=b"bytes://\x0a\x7fabc", name="y")
    (folder / "model.pb").write_bytes(graph.as_graph_def().SerializeToString())
    return folder / "model.pb"


def custom(operator, package):
    @case(f"frozen: {operator} of {package}", f"({operator}): the operator is not supported: it is ", told=True)
    def _(folder):
        definition = graph_pb2.GraphDef()
        definition.node.add(name="x", op="Placeholder").attr["dtype"].type = tf.string.as_datatype_enum
        definition.node.add(name="y", op=operator, input=["x"])
        (folder / "model.pb").write_bytes(definition.SerializeToString())
        return folder / "model.pb"


for operator, package in (("WhitespaceTokenizeWithOffsetsV2", "text"), ("TFText>FastWordpieceTokenizeWithOffsets", "text"), ("SimpleMLInferenceOpWithHandle", "forests"), ("Addons>CosineThing", "addons"), ("IO>DecodeAvro", "io"), ("TRTEngineOp", "TensorRT")):
    custom(operator, package)


@case("frozen: a cycle", "needs itself", "part of a cycle")
def _(folder):
    return frozen(folder, lambda d: node(d, "mul").input.__setitem__(0, "r"))


@case("frozen: two nodes of one name", "'r'")
def _(folder):
    return frozen(folder, lambda d: setattr(node(d, "y"), "name", "r"))


@case("frozen: a constant of a terabyte", "")
def _(folder):
    def change(d):
        tensor = node(d, "mul/y").attr["value"].tensor
        tensor.tensor_shape.dim.add(size=1 << 38)

    return frozen(folder, change)


@case("checkpoint: of version 1, slices that overlap and are missing", "slice", "checksum", "elements")
def _(folder):
    v1 = tf.compat.v1
    (folder / "m").mkdir()
    with tf.Graph().as_default(), v1.Session() as session:
        v1.get_variable("v", initializer=np.ones((2, 2), np.float32), use_resource=False)
        tf.identity(v1.global_variables()[0], "y")
        session.run(v1.global_variables_initializer())
        v1.train.Saver(write_version=v1.train.SaverDef.V1).save(session, str(folder / "m" / "model.ckpt"))
    file = folder / "m" / "model.ckpt"
    data = bytearray(file.read_bytes())
    data[30] ^= 0xFF
    file.write_bytes(data)
    return folder / "m"


def records(folder, flip=None):
    path = folder / "data.tfrecord"
    age = tf.train.Feature(float_list=tf.train.FloatList(value=[31.0]))
    with tf.io.TFRecordWriter(str(path)) as writer:
        for _ in range(3):
            writer.write(tf.train.Example(features=tf.train.Features(feature={"age": age})).SerializeToString())
    if flip:
        data = bytearray(path.read_bytes())
        data[flip] ^= 1
        path.write_bytes(data)
    return path


@case("tfrecord: whole", "3 records feature age of the first record: float[1]", told=True)
def _(folder):
    return records(folder)


@case("tfrecord: the checksum of the second record", "1 records, then one that is damaged record 1: the checksum of a record is wrong", told=True)
def _(folder):
    size = (records(folder).stat().st_size) // 3
    return records(folder, size + 14)


# --- asking ---


def limited():
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def asked(command, path):
    done = subprocess.run([str(FIRN), command, str(path)], capture_output=True, text=True, timeout=20 * SECONDS, preexec_fn=limited)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def fault_of(build, words, told):
    with tempfile.TemporaryDirectory() as folder:
        path = build(Path(folder))
        try:
            code, said = asked("inspect", path)
        except subprocess.TimeoutExpired:
            return f"not done in {SECONDS} s"
        shutil.rmtree(path, ignore_errors=True)
    if code not in REFUSALS and not (code == 0 and (told or "native no:" in said or "" in words)):
        return f"exit {code}: {said[-300:]}"
    return None if any(word in said for word in words) else f"says nothing of {' or '.join(words)}: {said[-400:]}"


def main():
    passed = failed = 0
    for name, build, words, told in wanted(CASES, sys.argv[1:]):
        fault = fault_of(build, words, told)
        passed += not fault
        failed += bool(fault)
        if fault:
            print(f"FAILED {name}: {fault}", flush=True)
    print(f"tensorflow broken: {passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
