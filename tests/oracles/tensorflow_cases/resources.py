"""References that are chosen, variables of one run, what is destroyed or removed; and arrays and placeholders as
TensorFlow had them before 1.0."""

import numpy as np
import tensorflow as tf
from google.protobuf import text_format

from .exports import predict_signature
from .operators import GraphCase, K, OpCase, normal, one, text, whole
from .savedmodel import session_case

raw, v1 = tf.raw_ops, tf.compat.v1


class OldGraph(OpCase):
    """A GraphDef as text, of a producer that operators of today no longer stand in: its node `y` is the answer."""

    def __init__(self, name, operator, nodes, inputs, producer=10):
        super().__init__(operator, inputs, name)
        self.nodes, self.producer = nodes, producer

    def write(self, folder):
        definition = text_format.Parse(self.nodes + f"versions {{ producer: {self.producer} }}", v1.GraphDef())
        with tf.Graph().as_default(), v1.Session() as session:
            y = tf.import_graph_def(definition, return_elements=["y:0"], name="")[0]
            got = session.run(y, {f"{name}:0": value for name, value in self.arguments.items()})
        path = folder / "model.pb"
        path.write_bytes(definition.SerializeToString())
        return [(path, None, self.arguments, {"y": got})]


def node(name, op, *inputs, **attributes):
    return f'node {{ name: "{name}" op: "{op}" ' + " ".join(f'input: "{i}"' for i in inputs) + "".join(f' attr {{ key: "{k}" value {{ {v} }} }}' for k, v in attributes.items()) + " }\n"


FLOAT, INT = "type: DT_FLOAT", "type: DT_INT32"


def number(name, value):
    return node(name, "Const", dtype=INT, value=f"tensor {{ dtype: DT_INT32 tensor_shape {{}} int_val: {value} }}")


def old_arrays():
    start = number("n", 4) + node("f", "Const", dtype=FLOAT, value="tensor { dtype: DT_FLOAT tensor_shape {} float_val: 0 }")
    start += node("x", "Placeholder", dtype=FLOAT, shape="shape { dim { size: 4 } dim { size: 2 } }") + node("a", "TensorArray", "n", dtype=FLOAT)
    unpacked = start + node("u", "TensorArrayUnpack", "a", "x", "f", T=FLOAT)
    ways = {
        "TensorArrayPack": unpacked + node("y", "TensorArrayPack", "a", "u", dtype=FLOAT),
        "TensorArrayUnpack": unpacked + number("i", 3) + node("y", "TensorArrayRead", "a", "i", "u", dtype=FLOAT),
        "TensorArraySize": unpacked + node("y", "TensorArraySize", "a", "u"),
    }
    rows = "".join(number(f"i{k}", k) + node(f"r{k}", "Gather", "x", f"i{3 - k}", Tparams=FLOAT, Tindices=INT) + node(f"w{k}", "TensorArrayWrite", "a", f"i{k}", f"r{k}", f"w{k - 1}" if k else "f", T=FLOAT) for k in range(4))
    ways["TensorArrayWrite"] = start + rows + node("y", "TensorArrayPack", "a", "w3", dtype=FLOAT)
    indices = node("at", "Const", dtype=INT, value="tensor { dtype: DT_INT32 tensor_shape { dim { size: 3 } } int_val: 2 int_val: 0 int_val: 3 }")
    ways["TensorArrayGather"] = unpacked + indices + node("y", "TensorArrayGather", "a", "at", "u", dtype=FLOAT)
    for operator, nodes in ways.items():
        yield OldGraph("", operator, nodes, {"x": normal(4, 2)})
    grows = ways["TensorArrayPack"].replace("int_val: 4", "int_val: 0").replace('op: "TensorArray" input: "n"', 'op: "TensorArray" input: "n" attr { key: "dynamic_size" value { b: true } }')
    yield OldGraph("grows", "TensorArrayUnpack", grows, {"x": normal(4, 2)})


def old_placeholders():
    for shape, given in (("shape { dim { size: 3 } }", normal(3)), ("shape { dim { size: -1 } dim { size: 2 } }", normal(4, 2)), ("shape {}", np.float32(3.5)), ("shape { unknown_rank: true }", normal(2, 3))):
        yield OldGraph(str(np.shape(given)), "PlaceholderV2", node("x", "PlaceholderV2", dtype=FLOAT, shape=shape) + node("y", "Neg", "x", T=FLOAT), {"x": given})


def made(name, inputs, to, **attributes):
    return v1.get_default_graph().create_op(name, inputs, [to], attrs=attributes).outputs[0]


def runtime():
    Attribute = tf.compat.v1.AttrValue

    def constant(x):
        value = tf.make_tensor_proto(np.arange(6, dtype=np.float32).reshape(2, 3))
        return x + made("HostConst", [], tf.float32, value=Attribute(tensor=value), dtype=Attribute(type=tf.float32.as_datatype_enum))

    yield GraphCase("HostConst", constant, {"x": normal(2, 3)}, operator="HostConst")
    yield GraphCase("IsTensorFloat32Enabled", lambda x: tf.math.logical_xor(x, made("IsTensorFloat32Enabled", [], tf.bool)), {"x": np.array([True, False])}, operator="IsTensorFloat32Enabled")
    handles = {
        "anonymous": lambda: raw.AnonymousHashTable(key_dtype=tf.int64, value_dtype=tf.int64), "anonymous.mutable": lambda: raw.AnonymousMutableHashTable(key_dtype=tf.int64, value_dtype=tf.int64),
        "table": lambda: raw.HashTableV2(key_dtype=tf.int64, value_dtype=tf.int64), "array": lambda: raw.TensorArrayV3(size=2, dtype=tf.float32).handle,
        "variable": lambda: raw.VarHandleOp(dtype=tf.float32, shape=[2], shared_name="v"), "variable.anonymous": lambda: raw.VarHandleOp(dtype=tf.float32, shape=[2], shared_name="cd2c89b7-88b7-44c8-ad83-06c2a9158347"),
    }
    for name, handle in handles.items():
        yield GraphCase(f"IsResourceHandleRefCounting.{name}", lambda x, handle=handle: tf.math.logical_xor(x, made("IsResourceHandleRefCounting", [handle()], tf.bool)), {"x": np.array([True, False])}, operator="IsResourceHandleRefCounting")

    def destroyed(kind):
        def build(x):
            if kind == "array":
                array = raw.TensorArrayV3(size=4, dtype=tf.float32)
                y = raw.TensorArrayGatherV3(handle=array.handle, indices=[2, 0], flow_in=raw.TensorArrayScatterV3(handle=array.handle, indices=[0, 1, 2, 3], value=x, flow_in=array.flow), dtype=tf.float32)
                handle = array.handle
            else:
                handle = raw.AnonymousMutableHashTable(key_dtype=tf.int64, value_dtype=tf.float32)
                y = x + raw.LookupTableFindV2(table_handle=handle, keys=np.int64([7]), default_value=np.float32(3))
            with tf.control_dependencies([y]):
                gone = raw.DestroyResourceOp(resource=handle)
            with tf.control_dependencies([gone]):
                return tf.identity(y)

        return build

    for kind in ("array", "table"):
        yield GraphCase(f"DestroyResourceOp.{kind}", destroyed(kind), {"x": normal(4, 2)}, operator="DestroyResourceOp")


def shuffles():
    key, counter = np.array([5], np.uint64), np.array([1, 2], np.uint64)
    for value in (np.arange(9, dtype=np.float32), whole(5, 3), text(*"abcdef"), normal(1, 3), whole(300, dtype=np.int64), np.float32(4), np.zeros((0, 2), np.float32)):
        for alg in (1, 3):
            yield from one("StatelessShuffle", f"{np.shape(value)}.{alg}", value=value, key=key, counter=counter, alg=K(alg))
    yield GraphCase("stateless_shuffle", lambda x, seed: tf.random.experimental.stateless_shuffle(x, seed), {"x": normal(7, 2), "seed": np.array([3, -8])}, operator="StatelessShuffle")


def references():
    def select(folder, known, write):
        a, b = (v1.get_variable(n, initializer=normal(3, 2), use_resource=False) for n in "ab")
        x, which = v1.placeholder(tf.float32, [3, 2], "x"), v1.placeholder(tf.int32, [], "which")
        chosen = raw.RefSelect(index=known if known is not None else which, inputs=[a._ref(), b._ref()])
        y = raw.AssignAdd(ref=chosen, value=x) if write else tf.identity(chosen)
        with tf.control_dependencies([y]):
            left, right = a.read_value() + 0.0, b.read_value() + 0.0
        return {"serving_default": predict_signature({"x": x, "which": which}, {"y": y + x, "left": left, "right": right, "same": which + 0})}, {"serving_default": {"x": normal(3, 2), "which": np.int32(1)}}, None

    for name, known, write in (("first", 0, False), ("second", 1, False), ("asked", None, False), ("first.written", 0, True), ("second.written", 1, True)):
        yield session_case(f"RefSelect.{name}", lambda folder, known=known, write=write: select(folder, known, write), operator="RefSelect")

    def temporary(x):
        v = raw.TemporaryVariable(shape=x.shape, dtype=x.dtype, var_name="t")
        v = raw.AssignAdd(ref=raw.Assign(ref=v, value=x), value=x * x)
        v = raw.ScatterSub(ref=v, indices=[1, 0], updates=x[:2]) if x.shape.rank else v
        return raw.DestroyTemporaryVariable(ref=v, var_name="t")

    for x in (normal(4, 2), whole(5), np.float64(1.5)):
        yield GraphCase(f"TemporaryVariable.{np.asarray(x).dtype}.{np.shape(x)}", temporary, {"x": x}, operator="DestroyTemporaryVariable")

    def two(folder):
        x = v1.placeholder(tf.float32, [2], "x")
        v = v1.get_variable("v", initializer=normal(2), use_resource=False)
        first = raw.Assign(ref=raw.TemporaryVariable(shape=[2], dtype=tf.float32), value=x * 3)
        with tf.control_dependencies([first]):
            added = v1.assign_add(v, x)
        y = raw.DestroyTemporaryVariable(ref=first, var_name=first.op.inputs[0].op.name)
        return {"serving_default": predict_signature({"x": x}, {"y": y + 1.0, "v": added + 0.0})}, {"serving_default": {"x": normal(2)}}, None

    yield session_case("TemporaryVariable.state", two, operator="TemporaryVariable")


def removed():
    """Keys that the initialiser puts in and takes out again."""
    for dtype, keys, gone in ((tf.string, text(*"abcd"), text("b", "z", "d")), (tf.int64, np.arange(5), np.array([4, 0, 9]))):
        def build(folder, dtype=dtype, keys=keys, gone=gone):
            table = raw.MutableHashTableV2(key_dtype=dtype, value_dtype=tf.float32, shared_name="table")
            filled = raw.LookupTableImportV2(table_handle=table, keys=keys, values=np.arange(len(keys), dtype=np.float32))
            with tf.control_dependencies([filled]):
                ready = raw.LookupTableRemoveV2(table_handle=table, keys=gone)
            x = v1.placeholder(dtype, [None], "x")
            y = raw.LookupTableFindV2(table_handle=table, keys=x, default_value=np.float32(-1))
            return {"serving_default": predict_signature({"x": x}, {"y": y, "size": raw.LookupTableSizeV2(table_handle=table)})}, {"serving_default": {"x": np.concatenate([keys, gone])}}, ready

        yield session_case(f"LookupTableRemoveV2.{dtype.name}", build, operator="LookupTableRemoveV2")


def cases():
    for family in (old_arrays, old_placeholders, runtime, shuffles, references, removed):
        yield from family()
