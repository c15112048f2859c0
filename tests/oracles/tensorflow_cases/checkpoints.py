"""Checkpoints with their graph (.meta): of both versions, whole, in shards and in slices."""

import numpy as np
import tensorflow as tf

from .operators import CONFIG, normal, whole
from .savedmodel import ModelCase

v1 = tf.compat.v1
VERSIONS = {"first": v1.train.SaverDef.V1, "second": v1.train.SaverDef.V2}
DTYPES = (np.float32, np.float64, np.float16, np.int8, np.int16, np.int32, np.int64, np.uint8, np.bool_, np.complex64)


def dense():
    x = v1.placeholder(tf.float32, [None, 4], "x")
    w = v1.get_variable("w", initializer=normal(4, 3), use_resource=False)
    b = v1.get_variable("b", initializer=normal(3), use_resource=True)
    v1.get_variable("global_step", initializer=np.int64(7), use_resource=False)
    return {"x": (x, normal(2, 4))}, tf.identity(x @ w + b, "y")


def sliced():
    """A variable in four parts, which are one tensor of the checkpoint."""
    x = v1.placeholder(tf.int32, [None], "x")
    with v1.variable_scope("table", partitioner=v1.fixed_size_partitioner(4), use_resource=False):
        parts = v1.get_variable("rows", [10, 3], initializer=v1.random_normal_initializer(seed=3))
    return {"x": (x, whole(5, low=0, high=10))}, tf.identity(tf.gather(tf.convert_to_tensor(parts), x), "y")


def of_dtype(dtype):
    def build():
        x = v1.placeholder(tf.int32, [], "x")
        v = v1.get_variable("v", initializer=(normal(5, 2) * 30).astype(dtype), use_resource=False)
        return {"x": (x, np.int32(3))}, tf.identity(v1.gather(v, x), "y")

    return build


def restored_by(op):
    """As graphs were written when version 1 was new."""

    def build():
        inputs, y = dense()
        file = tf.constant("model", name="save/Const")
        made = []
        for variable in v1.global_variables():
            dtype = variable.dtype.base_dtype
            name = tf.constant(variable.op.name)
            if op == "Restore":
                stored = tf.raw_ops.Restore(file_pattern=file, tensor_name=name, dt=dtype)
            else:
                stored = tf.raw_ops.RestoreSlice(file_pattern=file, tensor_name=name, shape_and_slice=tf.constant(""), dt=dtype)
            made.append(v1.assign(variable, stored, validate_shape=False).op)
        with tf.control_dependencies(made):
            restore = tf.no_op("save/restore_all")
        return inputs, y, v1.train.SaverDef(filename_tensor_name=file.name, restore_op_name=restore.name, version=v1.train.SaverDef.V1)

    return build


def case(name, build, version, sharded=False):
    def make(folder):
        path = folder / "model"
        path.mkdir()
        with tf.Graph().as_default() as graph, v1.Session(graph=graph, config=CONFIG) as session:
            inputs, y, *other = build()
            session.run(v1.global_variables_initializer())
            want = session.run(y, {tensor: value for tensor, value in inputs.values()})
            definition = graph.as_graph_def()
            saver = v1.train.Saver(write_version=VERSIONS[version], sharded=sharded)
            saver.save(session, str(path / "model.ckpt"), global_step=7)
            if other:
                v1.train.export_meta_graph(str(path / "model.ckpt-7.meta"), graph_def=definition, saver_def=other[0])
        return [(path, None, {key: value for key, (_, value) in inputs.items()}, {"y": np.asarray(want)})]

    return ModelCase(f"{name}.{version}", make)


def cases():
    for version in VERSIONS:
        yield case("dense", dense, version)
        yield case("dense.sharded", dense, version, sharded=True)
        yield case("sliced", sliced, version)
        yield case("sliced.sharded", sliced, version, sharded=True)
        for dtype in DTYPES:
            yield case(np.dtype(dtype).name, of_dtype(dtype), version)
    for op in ("Restore", "RestoreSlice"):
        yield case(op, restored_by(op), "first")
