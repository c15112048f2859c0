"""Cases of one operator: a graph of placeholders and constants around tf.raw_ops.NAME.

    one("Roll", input=x, shift=K(1), axis=K(0))     as written
    sweep("Relu", features=x)                       and over the types that each type attribute allows

Arguments that are inputs of the operator become placeholders; K(value) becomes a constant; what is no
input is an attribute.
"""

import copy

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_def_registry

INTEGERS = (tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint16, tf.uint32, tf.uint64)
TYPES = (tf.float32, tf.float64, tf.float16, tf.bfloat16, *INTEGERS, tf.bool, tf.complex64, tf.complex128, tf.string)
CONFIG = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
CONFIG.graph_options.rewrite_options.disable_meta_optimizer = True
CONFIG.graph_options.optimizer_options.opt_level = -1


# Outputs from here on are for the gradient: nothing is promised of them.
FOR_GRADIENTS = {"FusedBatchNorm": 3, "FusedBatchNormV2": 3, "FusedBatchNormV3": 3}


class K:
    """A constant of the graph."""

    def __init__(self, value, dtype=None):
        self.value = np.asarray(value, dtype)
        if dtype is None and self.value.dtype == np.int64:
            self.value = self.value.astype(np.int32)
        if dtype is None and self.value.dtype == np.float64:
            self.value = self.value.astype(np.float32)


class NotInTensorFlow(Exception):
    """TensorFlow itself does not run it."""


def cast(value, dtype):
    """An example as another type; what a type cannot hold becomes what it can."""
    value = np.asarray(value)
    if dtype == tf.string:
        return value.astype(str).astype(object) if value.dtype != object else value
    if value.dtype == object:
        raise NotInTensorFlow("text as number")
    if dtype.is_complex:
        return (value + 0.5j * value[::-1] if value.ndim else value + 0.5j).astype(dtype.as_numpy_dtype)
    if dtype.is_unsigned:
        value = np.abs(value)
    with np.errstate(all="ignore"):
        return value.astype(dtype.as_numpy_dtype)


class OpCase:
    """One graph and one question."""

    def __init__(self, op, arguments, label="", types=None, dynamic=None, rtol=None, family=None, shapes_only=False, near=False):
        self.op, self.arguments, self.types, self.dynamic = op, arguments, types or {}, dynamic
        self.label, self.rtol, self.family, self.shapes_only, self.near = label, rtol, family, shapes_only, near
        self.operator, self.called = op, False

    @property
    def name(self):
        return self.op + ("." + self.label if self.label else "") + (".called" if self.called else "")

    def in_function(self):
        """The same inside a function, where outputs are named, not numbered; None where it has one output."""
        definition = op_def_registry.get(self.op)
        if not definition or len(definition.output_arg) < 2:
            return None
        found = copy.copy(self)
        found.called = True
        return found

    def placeholder(self, value, name):
        if isinstance(value, K):
            return tf.constant(value.value, name=name)
        value = np.asarray(value)
        dtype = tf.string if value.dtype.kind in "OUS" else tf.as_dtype(value.dtype)
        shape = {None: value.shape, "dims": [None] * value.ndim, "batch": [None, *value.shape[1:]][: value.ndim], "rank": None}[self.dynamic]
        self.inputs[name] = value if dtype != tf.string else value.astype(object)
        return tf.compat.v1.placeholder(dtype, shape, name)

    def typed(self, argument, value):
        """value as the type that the sweep asks for."""
        wanted = self.types.get(argument.type_attr)
        if wanted is None:
            return value
        if isinstance(value, list):
            return [self.typed(argument, v) for v in value]
        if isinstance(value, K):
            return K(cast(value.value, wanted), wanted.as_numpy_dtype)
        return cast(value, wanted)

    def build(self):
        definition = op_def_registry.get(self.op)
        inputs = {a.name: a for a in definition.input_arg}
        arguments = {}
        for name, value in self.arguments.items():
            if name not in inputs:  # an attribute, or an input that Python calls otherwise (axis)
                arguments[name] = tf.constant(value.value) if isinstance(value, K) else value
                continue
            value = self.typed(inputs[name], value)
            arguments[name] = [self.placeholder(v, f"{name}_{i}") for i, v in enumerate(value)] if isinstance(value, list) else self.placeholder(value, name)
        used = {a.type_attr for a in definition.input_arg}
        arguments.update({name: dtype for name, dtype in self.types.items() if name not in used})
        operator = getattr(tf.raw_ops, self.op)
        if self.called:
            return tf.function(lambda: list(operator(**arguments)), autograph=False)()
        return operator(**arguments)

    def write(self, folder):
        """[(path, signature, inputs, wants)]"""
        self.inputs = {}
        graph = tf.Graph()
        with graph.as_default():
            outputs = [o for o in tf.nest.flatten(self.build()) if isinstance(o, tf.Tensor) and o.dtype not in (tf.variant, tf.resource)]
            outputs = outputs[: 1 if False in (self.arguments.get("compute_uv"), self.arguments.get("compute_v")) else FOR_GRADIENTS.get(self.op)]
            outputs = [tf.identity(o, f"out_{i}") for i, o in enumerate(outputs)]
            with tf.compat.v1.Session(graph=graph, config=CONFIG) as session:
                got = session.run(outputs, {f"{name}:0": value.copy() for name, value in self.inputs.items()})  # some write in place
        if not outputs:
            raise NotInTensorFlow("no output")
        path = folder / "model.pb"
        path.write_bytes(self.stored(graph.as_graph_def(), outputs).SerializeToString())
        return [(path, None, self.inputs, {o.op.name: np.asarray(g) for o, g in zip(outputs, got)})]


    def stored(self, definition, outputs):
        return definition


class GraphCase(OpCase):
    """A graph that a function builds of its inputs: build(**placeholders) -> outputs."""

    def __init__(self, name, build, arguments, dynamic=None, rtol=None, operator=None):
        super().__init__(name, arguments, dynamic=dynamic, rtol=rtol)
        self.make, self.operator = build, operator or name

    def stored(self, definition, outputs):
        """Without what the outputs do not need, as freezing leaves it."""
        definition = tf.compat.v1.graph_util.extract_sub_graph(definition, [o.op.name for o in outputs])
        left = {node.name for node in definition.node}
        self.inputs = {name: value for name, value in self.inputs.items() if name in left}
        return definition

    def in_function(self):
        return None

    def build(self):
        return self.make(**{name: [self.placeholder(v, f"{name}_{i}") for i, v in enumerate(value)] if isinstance(value, list) else self.placeholder(value, name) for name, value in self.arguments.items()})


def shown(arguments):
    """A label of the arguments: shapes of inputs, values of attributes."""
    words = []
    for name, value in arguments.items():
        if isinstance(value, K):
            words.append(f"{name}={value.value.tolist()}" if value.value.dtype.kind in "iub" and value.value.size < 6 else f"{name}={list(value.value.shape)}")
        elif isinstance(value, np.ndarray):
            words.append("x".join(map(str, value.shape)) or "scalar")
        elif isinstance(value, list) and value and isinstance(value[0], np.ndarray):
            words.append(f"{len(value)} inputs")
        elif not isinstance(value, list) or len(str(value)) < 40:
            words.append(f"{name}={getattr(value, 'name', value)}")
    return ",".join(words).replace(" ", "").replace("/", "_")


def allowed(definition, attribute):
    found = [tf.as_dtype(t) for t in attribute.allowed_values.list.type] or TYPES
    return [t for t in found if t in TYPES]


def one(op, _label=None, _rtol=None, _dynamic=None, _near=False, _types=None, **arguments):
    """The case as written, and one whose dimensions are free or whose constants are fed."""
    label = shown(arguments) if _label is None else _label
    yield OpCase(op, arguments, label, types=_types, rtol=_rtol, dynamic=_dynamic, near=_near)


def free(op, _rtol=None, _near=False, **arguments):
    """Dimensions unknown; rank unknown; and what is usually constant fed."""
    for dynamic in ("dims", "rank"):
        yield OpCase(op, arguments, f"{shown(arguments)}.free-{dynamic}", rtol=_rtol, dynamic=dynamic, near=_near, family="free shapes")
    if any(isinstance(v, K) for v in arguments.values()):
        fed = {n: v.value if isinstance(v, K) else v for n, v in arguments.items()}
        yield OpCase(op, fed, f"{shown(arguments)}.fed", rtol=_rtol, near=_near, family="fed arguments")


def sweep(op, _rtol=None, _near=False, _only=None, **arguments):
    """Over each type that each type attribute may have, one attribute at a time; then free shapes."""
    definition = op_def_registry.get(op)
    for attribute in definition.attr:
        if attribute.type != "type" or attribute.name in arguments or _only and attribute.name not in _only:
            continue
        for dtype in allowed(definition, attribute):
            yield OpCase(op, arguments, f"{shown(arguments)}.{attribute.name}={dtype.name}", types={attribute.name: dtype}, rtol=_rtol, near=_near)
    yield from free(op, _rtol, _near, **arguments)


random = np.random.default_rng(5)


def normal(*shape, dtype=np.float32):
    return random.standard_normal(shape).astype(dtype)


def positive(*shape, dtype=np.float32):
    return (np.abs(random.standard_normal(shape)) + 0.1).astype(dtype)


def whole(*shape, low=-9, high=10, dtype=np.int32):
    return random.integers(low, high, shape).astype(dtype)


def text(*words):
    return np.array(words, object)
