#!/usr/bin/env python3
"""Single ONNX operators with random opsets, types, shapes and attributes, beside ONNX Runtime and onnx.reference.

    scripts/python tests/oracles/onnx_random.py --cases 5000            seeds 0 to 4999
    scripts/python tests/oracles/onnx_random.py --seed 1234             one, with the model printed
    scripts/python tests/oracles/onnx_random.py --cases 500 TopK Slice  these operators

A fault is an answer that differs from one that both give alike. Where they disagree, or where one alone answers, there is
nothing to compare: --single takes ONNX Runtime's answer then, to be judged by hand.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]  # onnx.py lies beside this file

import argparse
import collections
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
import numpy as np
import onnx
import onnx.defs
from onnx import helper
from onnx.reference import ReferenceEvaluator

sys.path.append(HERE)
from common import differs, tally
from onnx_values import answer, why

warnings.filterwarnings("ignore")
np.seterr(all="ignore")
OPSETS = (7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24)
NUMPY = {"float": "float32", "double": "float64", "float16": "float16", "bool": "bool", "string": "object",
         **{f"{u}int{n}": f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)}}
NEAR = {"float16": (1e-2, 1e-2), "float32": (2e-4, 2e-5), "float64": (1e-8, 1e-9)}
SHAPES = ((), (1,), (0,), (5,), (2, 3), (1, 4), (3, 1), (0, 3), (2, 0, 3), (2, 3, 4), (1, 1, 5), (2, 1, 3, 2), (2, 3, 4, 5), (1, 2, 2, 1, 3))


class Skip(Exception):
    """Nothing to ask."""


class Case:
    """Random choices of one seed."""

    def __init__(self, seed, op, opset):
        self.random, self.op, self.opset = np.random.RandomState(seed), op, opset
        self.schema = onnx.defs.get_schema(op, opset, "")
        self.version = self.schema.since_version
        self.types = {}

    def chance(self, share=0.5):
        return self.random.rand() < share

    def pick(self, choices):
        choices = list(choices)
        return choices[self.random.randint(len(choices))]

    def integer(self, low, high):
        return int(self.random.randint(low, high + 1))

    def type_of(self, formal):
        """A numpy dtype for a formal parameter, the same for each of its type variable."""
        if formal.type_str not in self.types:
            allowed = [t for c in self.schema.type_constraints if c.type_param_str == formal.type_str for t in c.allowed_type_strs] or [formal.type_str]
            known = [NUMPY[t[7:-1]] for t in allowed if t.startswith("tensor(") and t[7:-1] in NUMPY]
            if not known:
                raise Skip("no type")
            common = [t for t in known if t in ("float32", "int64")]
            self.types[formal.type_str] = self.pick(common if common and self.chance(0.4) else known)
        return self.types[formal.type_str]

    def shape(self, low=0, high=5, empty=True):
        return self.pick([s for s in SHAPES if low <= len(s) <= high and (empty or 0 not in s)])

    def like(self, shape):
        """A shape that broadcasts with this one."""
        shape = [d if self.chance(0.6) else 1 for d in shape]
        return tuple(shape[self.integer(0, len(shape)) if self.chance(0.4) else 0 :])

    def values(self, dtype, shape, tame=False):
        random, kind = self.random, np.dtype(dtype).kind
        if kind == "O":
            return np.array([self.pick(("a", "b", "", "Zürich", "ab", "B", "a b")) for _ in range(int(np.prod(shape)))], object).reshape(shape)
        if kind == "b":
            return np.asarray(random.rand(*shape) < 0.5)
        if kind in "iu":
            info = np.iinfo(dtype)
            x = random.randint(max(info.min, -9), 10, shape)
            if not tame and self.chance(0.25):
                extreme = np.array([info.min, info.max, info.max - 1, 0, 1], dtype)
                return np.where(random.rand(*shape) < 0.4, extreme[random.randint(0, 5, shape)], x.astype(dtype)).astype(dtype)
            return np.asarray(x).astype(dtype)
        x = random.randn(*shape) * self.pick((1, 1, 3, 0.3))
        if self.chance(0.35):
            x = random.randint(-6, 7, shape) / 2.0
        if not tame and self.chance(0.2):
            special = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1e30])
            x = np.where(random.rand(*shape) < 0.25, special[random.randint(0, 6, shape)], x)
        return np.asarray(x).astype(dtype)

    def axis(self, rank, past=0):
        return self.integer(-rank, rank - 1 + past)

    def axes(self, rank, some=True):
        count = self.integer(1 if some else 0, rank)
        return [int(a) - (rank if self.chance(0.3) else 0) for a in self.random.permutation(rank)[:count]]


# --- what each operator takes: maker(case) -> ([(array, constant?) or None], attributes) ---
MAKERS = {}


def maker(*names):
    def add(function):
        for name in names:
            MAKERS[name] = function
        return function

    return add


def first(c, low=0, high=5, empty=True, tame=False):
    return c.values(c.type_of(c.schema.inputs[0]), c.shape(low, high, empty), tame)


UNARY = """Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Erf Exp Floor Identity IsNaN Log Neg Not Reciprocal Relu Round Sigmoid Sign Sin Sinh
 Softplus Softsign Sqrt Tan Tanh HardSwish Mish BitwiseNot Size Shape NonZero GlobalMaxPool_ Det_""".split()
BINARY = "Add Sub Mul Div And Or Xor Equal Greater Less GreaterOrEqual LessOrEqual BitwiseAnd BitwiseOr BitwiseXor PRelu_".split()


@maker(*[u for u in UNARY if not u.endswith("_")])
def unary(c):
    attributes = {}
    if c.op == "Shape" and c.version >= 15:
        if c.chance():
            attributes["start"] = c.integer(-6, 6)
        if c.chance():
            attributes["end"] = c.integer(-6, 6)
    return [first(c)], attributes


@maker(*[b for b in BINARY if not b.endswith("_")])
def binary(c):
    shape = c.shape()
    kind = c.type_of(c.schema.inputs[0])
    a, b = c.values(kind, c.like(shape)), c.values(kind, c.like(shape))
    if c.op == "Div" and kind[0] in "iu":
        b = np.where(b == 0, 1, b).astype(kind)
        if kind[0] == "i":
            b = np.where(b == -1, 2, b).astype(kind)
    return [a, b], {}


@maker("Mod")
def mod(c):
    shape, kind = c.shape(), c.type_of(c.schema.inputs[0])
    a, b = c.values(kind, c.like(shape), True), c.values(kind, c.like(shape), True)
    b = np.where(b == 0, 3, b).astype(kind)
    fmod = 1 if np.dtype(kind).kind == "f" else c.integer(0, 1)
    return [a, b], {"fmod": fmod} if fmod or c.chance() else {}


@maker("Pow")
def power(c):
    shape = c.shape()
    kinds = [c.type_of(i) for i in c.schema.inputs]
    a, b = c.values(kinds[0], c.like(shape), True), c.values(kinds[1], c.like(shape), True)
    if np.dtype(kinds[0]).kind in "iu":  # what no integer holds is whatever the machine makes of it
        a, b = (a % 8).astype(kinds[0]), (np.round(np.abs(b)) % 3).astype(kinds[1])
    return [a, b], {}


@maker("BitShift")
def shift(c):
    kind, shape = c.type_of(c.schema.inputs[0]), c.shape()
    return [c.values(kind, c.like(shape)), (np.abs(c.values("int64", c.like(shape), True)) % 7).astype(kind)], {"direction": c.pick(("LEFT", "RIGHT"))}


@maker("Max", "Min", "Sum", "Mean")
def variadic(c):
    kind, shape = c.type_of(c.schema.inputs[0]), c.shape()
    return [c.values(kind, c.like(shape), c.op in ("Sum", "Mean")) for _ in range(c.integer(1, 4))], {}


@maker("Elu", "LeakyRelu", "Celu", "ThresholdedRelu", "HardSigmoid", "Selu", "Shrink", "Gelu", "IsInf", "Swish")
def activation(c):
    attributes = {}
    for name in ("alpha", "beta", "gamma", "lambd", "bias"):
        if name in c.schema.attributes and c.chance(0.6):
            attributes[name] = float(np.float32(c.random.rand() * 2 + 0.1))
    for name in ("detect_positive", "detect_negative"):
        if name in c.schema.attributes and c.chance(0.6):
            attributes[name] = c.integer(0, 1)
    if c.op == "Gelu" and c.chance():
        attributes["approximate"] = c.pick(("none", "tanh"))
    return [first(c, tame=c.op == "Shrink")], attributes


@maker("Softmax", "LogSoftmax", "Hardmax", "Flatten")
def by_axis(c):
    x = first(c, 1)
    rank = x.ndim
    negative = c.version >= 11
    attributes = {}
    if c.chance(0.8):
        attributes["axis"] = c.integer(-rank if negative else 0, rank - (c.op != "Flatten"))
    return [x], attributes


@maker("ArgMax", "ArgMin")
def arg(c):
    x = first(c, 1, empty=False)
    x = np.round(x).astype(x.dtype) if c.chance() else x
    attributes = {}
    if c.chance(0.8):
        attributes["axis"] = c.axis(x.ndim) if c.version >= 11 else c.integer(0, x.ndim - 1)
    if c.chance():
        attributes["keepdims"] = c.integer(0, 1)
    if c.version >= 12 and c.chance():
        attributes["select_last_index"] = c.integer(0, 1)
    return [x], attributes


@maker(*[f"Reduce{n}" for n in ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare")])
def reduction(c):
    x = first(c, 0, tame=c.op not in ("ReduceMax", "ReduceMin"))
    attributes, inputs = {}, [x]
    if c.chance(0.6):
        attributes["keepdims"] = c.integer(0, 1)
    as_input = len(c.schema.inputs) > 1
    axes = None if c.chance(0.2) else c.axes(x.ndim, not as_input) if x.ndim else None
    if c.version < 11 and axes:
        axes = [a % x.ndim for a in axes]
    if as_input:
        if axes is not None:
            inputs.append((np.array(axes, np.int64), c.chance()))
        if c.chance(0.4):
            attributes["noop_with_empty_axes"] = c.integer(0, 1)
    elif axes:
        attributes["axes"] = axes
    return inputs, attributes


@maker("Cast")
def cast(c):
    kinds = [k for k in NUMPY.values() if k != "object"]
    x = c.values(c.pick(kinds), c.shape(), c.chance(0.8))
    to = c.pick(kinds)
    if np.dtype(to).kind in "iu":
        if x.dtype.kind == "f":
            x = np.clip(np.nan_to_num(x), 0 if to[0] == "u" else -100, 100).astype(x.dtype)
    return [x], {"to": helper.np_dtype_to_tensor_dtype(np.dtype(to))}


@maker("Clip")
def clip(c):
    x = first(c)
    low, high = sorted(c.random.randint(-4, 5, 2))
    if c.version < 11:
        attributes = {}
        if c.chance(0.7):
            attributes["min"] = float(low)
        if c.chance(0.7):
            attributes["max"] = float(high)
        return [x], attributes
    if x.dtype.kind == "u":
        low, high = abs(low), abs(low) + abs(high)
    if c.chance(0.1):
        low, high = high, low
    return [x, (np.array(low, x.dtype), c.chance()) if c.chance(0.7) else None, (np.array(high, x.dtype), c.chance()) if c.chance(0.7) else None], {}


@maker("Concat")
def concat(c):
    shape, kind = list(c.shape(1)), c.type_of(c.schema.inputs[0])
    axis = c.axis(len(shape)) if c.version >= 11 else c.integer(0, len(shape) - 1)
    parts = []
    for _ in range(c.integer(1, 4)):
        own = list(shape)
        own[axis] = c.integer(0, 3)
        parts.append(c.values(kind, own))
    return parts, {"axis": axis}


@maker("Expand")
def expand(c):
    shape = c.shape(0, 4)
    x = c.values(c.type_of(c.schema.inputs[0]), c.like(shape))
    target = [d if c.chance(0.7) else 1 for d in shape]
    return [x, (np.array(target, np.int64), c.chance())], {}


@maker("Reshape")
def reshape(c):
    x = first(c)
    shape = list(x.shape)
    if c.chance() and x.size:
        shape = [x.size]
    for i in range(len(shape)):
        if i < x.ndim and shape[i] == x.shape[i] and c.chance(0.2):
            shape[i] = 0
    if shape and c.chance(0.6):
        shape[c.integer(0, len(shape) - 1)] = -1
    for _ in range(c.integer(0, 2)):
        shape.insert(c.integer(0, len(shape)), 1)
    attributes = {"allowzero": c.integer(0, 1)} if c.version >= 14 and c.chance(0.4) else {}
    return [x, (np.array(shape, np.int64), c.chance())], attributes


@maker("Squeeze", "Unsqueeze")
def squeeze(c):
    x = first(c)
    rank = x.ndim
    if c.op == "Squeeze":
        ones = [i for i, d in enumerate(x.shape) if d == 1]
        axes = [i for i in ones if c.chance(0.7)]
        if not axes and not c.chance(0.5):
            raise Skip("no axes")
        if c.version >= 11:
            axes = [a - (rank if c.chance(0.4) else 0) for a in axes]
    else:
        count = c.integer(1, 2)
        axes = [int(a) for a in c.random.permutation(rank + count)[:count]]
        if c.version >= 11:
            axes = [a - (rank + count if c.chance(0.4) else 0) for a in axes]
    if c.version < 13:
        return [x], {"axes": axes} if axes else {}
    return [x] + ([(np.array(axes, np.int64), c.chance())] if axes or c.op == "Unsqueeze" else []), {}


@maker("Transpose")
def transpose(c):
    x = first(c)
    return [x], {"perm": [int(i) for i in c.random.permutation(x.ndim)]} if c.chance(0.8) and x.ndim else {}


@maker("Tile")
def tile(c):
    x = first(c, 1)
    return [x, (np.array([c.integer(0, 3) for _ in x.shape], np.int64), c.chance())], {}


@maker("Gather")
def gather(c):
    x = first(c, 1, 4)
    axis = c.axis(x.ndim)
    if c.version < 11:
        axis %= x.ndim
    n = x.shape[axis]
    shape = c.shape(0, 3)
    if not n and 0 not in shape:
        raise Skip("nothing to take")
    low = -n if c.version >= 11 else 0
    i = c.random.randint(low, max(n, 1), shape)
    return [x, np.asarray(i).astype(c.type_of(c.schema.inputs[1]))], {"axis": axis} if axis or c.chance() else {}


@maker("GatherElements", "ScatterElements", "Scatter")
def elements(c):
    x = first(c, 1, 4, empty=False)
    axis = c.axis(x.ndim) if c.version >= 11 else c.integer(0, x.ndim - 1)
    shape = [c.integer(1, d) for d in x.shape]
    scatter = c.op != "GatherElements"
    if not scatter:
        shape = [s if i != axis % x.ndim else c.integer(0, 4) for i, s in enumerate(shape)]
    n = x.shape[axis]
    attributes = {"axis": axis} if c.chance(0.8) or axis else {}
    reductions = {16: ["none", "add", "mul"], 18: ["none", "add", "mul", "max", "min"]}.get(c.version) if scatter else None
    if reductions and c.chance(0.7):
        attributes["reduction"] = c.pick(reductions)
    if scatter and attributes.get("reduction", "none") == "none":  # no place twice
        i = np.stack([c.random.permutation(n)[: shape[axis]] for _ in range(int(np.prod(shape)) // shape[axis])])
        moved = [s for j, s in enumerate(shape) if j != axis % x.ndim] + [shape[axis]]
        i = np.moveaxis(i.reshape(moved), -1, axis)
    else:
        i = c.random.randint(0, n, shape)
    if c.version >= 11:
        i = np.where(c.random.rand(*shape) < 0.3, i - n, i)
    i = i.astype(c.type_of(c.schema.inputs[1]))
    if not scatter:
        return [x, i], attributes
    updates = c.values(x.dtype, shape, True)
    if attributes.get("reduction") in ("mul", "add") and x.dtype.kind in "b":
        raise Skip("no sums of truths")
    return [x, i, updates], attributes


@maker("GatherND", "ScatterND")
def nd(c):
    x = first(c, 1, 4, empty=False)
    batch = c.integer(0, min(2, x.ndim - 1)) if c.op == "GatherND" and c.version >= 12 and c.chance() else 0
    depth = c.integer(1, x.ndim - batch)
    outer = list(x.shape[:batch]) + [c.integer(1, 3) for _ in range(c.integer(0, 2))]
    i = np.stack([c.random.randint(-x.shape[batch + k], x.shape[batch + k], outer) for k in range(depth)], -1).astype(np.int64)
    if c.op == "GatherND":
        return [x, i], {"batch_dims": batch} if batch else {}
    attributes = {}
    reductions = {16: ["none", "add", "mul"], 18: ["none", "add", "mul", "max", "min"]}.get(c.version)
    if reductions and c.chance(0.7):
        attributes["reduction"] = c.pick(reductions)
    if attributes.get("reduction", "none") == "none":
        flat = (i % np.array(x.shape[:depth])).reshape(-1, depth)
        if len({tuple(f) for f in flat}) != len(flat):
            raise Skip("a place twice")
    return [x, i, c.values(x.dtype, list(i.shape[:-1]) + list(x.shape[depth:]), True)], attributes


@maker("Slice")
def slices(c):
    x = first(c, 1, 4)
    axes = [int(a) for a in c.random.permutation(x.ndim)[: c.integer(1, x.ndim)]]
    far = c.pick((2**31 - 1, 2**62, 9))
    starts = [c.pick((0, c.integer(-6, 6), far, -far)) for _ in axes]
    ends = [c.pick((c.integer(-6, 6), far, -far)) for _ in axes]
    if c.version < 10:
        attributes = {"starts": starts, "ends": ends}
        if c.chance(0.7) or len(axes) < x.ndim:
            attributes["axes"] = axes
        return [x], attributes
    kind = c.type_of(c.schema.inputs[1])
    limit = np.iinfo(kind).max
    part = lambda values: (np.clip(np.array(values, object), -limit, limit).astype(kind), c.chance())
    inputs = [x, part(starts), part(ends)]
    if c.version >= 11:
        axes = [a - (x.ndim if c.chance(0.3) else 0) for a in axes]
    if c.chance(0.8):
        inputs.append(part(axes))
        if c.chance(0.7):
            inputs.append(part([c.pick((1, 1, 2, -1, -2, 3, 100, -100)) for _ in axes]))
    elif c.chance():
        inputs += [None, part([c.pick((1, -1, 2)) for _ in axes])]
    return inputs, {}


@maker("Split")
def split(c):
    x = first(c, 1, 4)
    axis = c.axis(x.ndim) if c.version >= 11 else c.integer(0, x.ndim - 1)
    n = x.shape[axis]
    count = c.integer(1, 3)
    sizes = [0] * count
    for _ in range(n):
        sizes[c.integer(0, count - 1)] += 1
    attributes = {"axis": axis}
    c.outputs = count
    if c.chance(0.7):
        if c.version < 13:
            attributes["split"] = sizes
            return [x], attributes
        return [x, (np.array(sizes, np.int64), c.chance())], attributes
    if c.version >= 18:
        attributes["num_outputs"] = count
    elif n % count:
        raise Skip("not even")
    return [x], attributes


@maker("Pad")
def pad(c):
    x = first(c, 1, 4)
    modes = ["constant", "reflect", "edge"] + (["wrap"] if c.version >= 19 else [])
    attributes = {"mode": c.pick(modes)} if c.chance(0.8) else {}
    reflect = attributes.get("mode", "constant") in ("reflect", "wrap")
    if attributes.get("mode", "constant") != "constant" and x.size == 0:
        raise Skip("empty")
    axes = list(range(x.ndim))
    if c.version >= 18 and c.chance(0.4):
        axes = c.axes(x.ndim)
    amounts = []
    for _ in range(2):
        for a in axes:
            n = x.shape[a]
            low = -1 if n > 2 and c.chance(0.2) else 0
            amounts.append(c.integer(low, min(3, n - 1) if reflect else 3))
    if c.version < 11:
        if c.chance():
            attributes["value"] = 1.5
        return [x], {**attributes, "pads": amounts}
    inputs = [x, (np.array(amounts, np.int64), c.chance())]
    if attributes.get("mode", "constant") == "constant" and c.chance(0.6) and x.dtype.kind != "O":
        inputs.append((c.values(x.dtype, (), True), c.chance()))
    elif len(axes) != x.ndim:
        inputs.append(None)
    if len(axes) != x.ndim or any(a < 0 for a in axes) or axes != list(range(x.ndim)):
        if len(inputs) == 2:
            inputs.append(None)
        inputs.append((np.array(axes, np.int64), c.chance()))
    return inputs, attributes


@maker("TopK")
def top_k(c):
    x = first(c, 1, 4, tame=True)
    if c.chance():
        x = np.round(x).astype(x.dtype)
    axis = c.axis(x.ndim) if c.version >= 11 else c.integer(0, x.ndim - 1)
    k = c.integer(0, x.shape[axis])
    c.outputs = 2
    attributes = {"axis": axis} if c.chance(0.8) or (axis % x.ndim) != x.ndim - 1 else {}
    if c.version < 10:
        return [x], {**attributes, "k": max(k, 1)}
    if c.version >= 11:
        if c.chance():
            attributes["largest"] = c.integer(0, 1)
        if c.chance(0.2):
            attributes["sorted"] = 1
    return [x, (np.array([k], np.int64), c.chance())], attributes


@maker("CumSum", "CumProd")
def cumulative(c):
    x = first(c, 1, 4, tame=True)
    attributes = {n: c.integer(0, 1) for n in ("exclusive", "reverse") if c.chance()}
    return [x, (np.array(c.axis(x.ndim), c.type_of(c.schema.inputs[1])), c.chance())], attributes


@maker("OneHot")
def one_hot(c):
    depth = c.integer(1, 5)
    i = c.values(c.type_of(c.schema.inputs[0]), c.shape(0, 3), True)
    i = np.round(i).astype(i.dtype)
    rank = i.ndim + 1
    attributes = {"axis": c.axis(rank)} if c.chance(0.7) else {}
    d = np.array(depth, c.type_of(c.schema.inputs[1]))
    return [i, (d if c.chance() else d.reshape(1), c.chance()), c.values(c.type_of(c.schema.inputs[2]), (2,), True)], attributes


@maker("Where")
def where(c):
    shape, kind = c.shape(), c.type_of(c.schema.inputs[1])
    return [c.values("bool", c.like(shape)), c.values(kind, c.like(shape)), c.values(kind, c.like(shape))], {}


@maker("Trilu")
def trilu(c):
    x = first(c, 2)
    attributes = {"upper": c.integer(0, 1)} if c.chance() else {}
    return [x] + ([(np.array(c.integer(-6, 6), np.int64), c.chance())] if c.chance(0.7) else []), attributes


@maker("Range")
def ranges(c):
    kind = c.type_of(c.schema.inputs[0])
    start, limit = c.integer(-5, 5), c.integer(-5, 9)
    delta = c.pick((1, 2, -1, 3, -2))
    return [(np.array(v, kind), c.chance()) for v in (start, limit, delta)], {}


@maker("EyeLike")
def eye(c):
    x = first(c, 2, 2, tame=True)
    attributes = {"k": c.integer(-4, 4)} if c.chance(0.7) else {}
    if c.chance():
        attributes["dtype"] = helper.np_dtype_to_tensor_dtype(np.dtype(c.pick(("float32", "int64", "float64", "int32"))))
    return [x], attributes


@maker("MatMul")
def matmul(c):
    kind = c.type_of(c.schema.inputs[0])
    m, k, n = (c.integer(0 if c.chance(0.1) else 1, 5) for _ in range(3))
    batch = c.shape(0, 2)
    a = c.like(batch) + (m, k) if c.chance(0.8) else (k,)
    b = c.like(batch) + (k, n) if c.chance(0.8) else (k,)
    return [c.values(kind, a, True), c.values(kind, b, True)], {}


@maker("Gemm")
def gemm(c):
    kind = c.type_of(c.schema.inputs[0])
    m, k, n = (c.integer(0 if c.chance(0.1) else 1, 5) for _ in range(3))
    attributes = {name: c.integer(0, 1) for name in ("transA", "transB") if c.chance()}
    for name in ("alpha", "beta"):
        if c.chance(0.3):
            attributes[name] = c.pick((0.5, 2.0, 0.0, -1.0))
    if np.dtype(kind).kind != "f":
        attributes = {k: v for k, v in attributes.items() if k.startswith("t")}
    a, b = ((k, m) if attributes.get("transA") else (m, k)), ((n, k) if attributes.get("transB") else (k, n))
    inputs = [c.values(kind, a, True), c.values(kind, b, True)]
    if c.version < 11 or c.chance(0.7):
        inputs.append(c.values(kind, c.pick(((m, n), (n,), (1, n), (m, 1), (1, 1), (1,), ())), True))
    return inputs, attributes


def window(c, spatial, sizes):
    attributes = {"kernel_shape": sizes} if c.chance(0.7) or "Pool" in c.op else {}
    if c.chance():
        attributes["strides"] = [c.integer(1, 3) for _ in sizes]
    if c.chance(0.4) and "dilations" in c.schema.attributes:
        attributes["dilations"] = [c.integer(1, 2) for _ in sizes]
    auto = c.pick(("", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"))
    if auto:
        attributes["auto_pad"] = auto
    if auto in ("", "NOTSET") and c.chance(0.7):
        attributes["pads"] = [c.integer(0, min(2, k - 1)) for k in sizes + sizes]
    if "SAME" in auto:
        attributes.pop("dilations", None)
    return attributes


@maker("MaxPool", "AveragePool", "LpPool")
def pool(c):
    spatial = [c.integer(3, 7) for _ in range(c.integer(1, 3))]
    kind = c.type_of(c.schema.inputs[0])
    x = c.values(kind, [c.integer(1, 2), c.integer(1, 3)] + spatial, True)
    attributes = window(c, spatial, [c.integer(1, 3) for _ in spatial])
    if "ceil_mode" in c.schema.attributes and c.chance(0.4):
        attributes["ceil_mode"] = 1
    if "count_include_pad" in c.schema.attributes and c.chance():
        attributes["count_include_pad"] = 1
    if c.op == "LpPool" and c.chance():
        attributes["p"] = c.integer(1, 3)
    if c.op == "MaxPool" and c.chance(0.4):
        c.outputs = 2
        if c.chance(0.3):
            attributes["storage_order"] = c.integer(0, 1)
    return [x], attributes


@maker("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "LpNormalization", "MeanVarianceNormalization", "LRN")
def whole(c):
    x = c.values(c.type_of(c.schema.inputs[0]), [c.integer(1, 2), c.integer(1, 4)] + [c.integer(1, 4) for _ in range(2)], True)
    attributes = {}
    if c.op == "LRN":
        attributes = {"size": c.pick((1, 3, 5, 2))}
        for name in ("alpha", "beta", "bias"):
            if c.chance():
                attributes[name] = float(c.random.rand() + 0.1)
    if c.op == "LpNormalization":
        attributes = {k: v for k, v in {"axis": c.integer(-4, 3), "p": c.integer(1, 2)}.items() if c.chance(0.7)}
    if c.op == "GlobalLpPool" and c.chance():
        attributes["p"] = c.integer(1, 3)
    if c.op == "MeanVarianceNormalization" and c.chance():
        attributes["axes"] = sorted(int(a) for a in c.random.permutation(4)[: c.integer(1, 4)])
    return [x], attributes


@maker("Conv", "ConvTranspose")
def conv(c):
    group = c.pick((1, 1, 2, 3))
    inside, outside = c.integer(1, 3), c.integer(1, 3)
    spatial = [c.integer(3, 7) for _ in range(c.integer(1, 3))]
    sizes = [c.integer(1, 3) for _ in spatial]
    kind = c.type_of(c.schema.inputs[0])
    attributes = window(c, spatial, sizes)
    if group > 1 or c.chance(0.3):
        attributes["group"] = group
    w = (group * outside, inside) if c.op == "Conv" else (group * inside, outside)
    if c.op == "ConvTranspose":
        if c.chance(0.3):
            attributes["output_padding"] = [c.integer(0, max(0, max(s, d) - 1)) for s, d in zip(attributes.get("strides", [1] * len(sizes)), attributes.get("dilations", [1] * len(sizes)))]
        if c.chance(0.2):
            strides = attributes.get("strides", [1] * len(sizes))
            attributes["output_shape"] = [n * s + c.integer(0, s - 1) for n, s in zip(spatial, strides)]
            attributes.pop("pads", None)
    inputs = [c.values(kind, [c.integer(1, 2), group * inside] + spatial, True), (c.values(kind, list(w) + sizes, True), c.chance())]
    if c.chance(0.6):
        inputs.append((c.values(kind, (group * outside,), True), c.chance()))
    return inputs, attributes


@maker("BatchNormalization")
def batch_norm(c):
    x = c.values(c.type_of(c.schema.inputs[0]), c.pick(((2, 3), (2, 3, 4), (1, 3, 2, 2), (2, 3, 2, 2, 2))), True)
    kinds = [x.dtype.name if i.type_str == c.schema.inputs[0].type_str else c.type_of(i) for i in c.schema.inputs]
    rest = [(c.values(k, (3,), True), c.chance()) for k in kinds[1:4]] + [(np.abs(c.values(kinds[4], (3,), True)) + np.array(0.1, kinds[4]), c.chance())]
    attributes = {"epsilon": 1e-3} if c.chance() else {}
    if c.chance(0.2):
        attributes["momentum"] = 0.7
    if c.version >= 14 and c.chance(0.2):
        attributes["training_mode"] = 1
        c.outputs = 3
    return [x] + rest, attributes


@maker("InstanceNormalization")
def instance_norm(c):
    x = c.values(c.type_of(c.schema.inputs[0]), c.pick(((2, 3, 4), (1, 3, 2, 2), (2, 3, 2, 2, 2))), True)
    return [x, c.values(x.dtype, (3,), True), c.values(x.dtype, (3,), True)], {"epsilon": 1e-2} if c.chance() else {}


@maker("LayerNormalization", "RMSNormalization")
def layer_norm(c):
    x = c.values(c.type_of(c.schema.inputs[0]), c.shape(1, 4, empty=False), True)
    axis = c.axis(x.ndim)
    shape = x.shape[axis:] if axis else x.shape
    attributes = {"axis": axis} if c.chance(0.8) or axis % x.ndim != x.ndim - 1 else {}
    shape = x.shape[attributes.get("axis", -1):]
    if c.chance():
        attributes["epsilon"] = 1e-2
    inputs = [x, c.values(c.type_of(c.schema.inputs[1]), shape, True)]
    if c.op == "LayerNormalization" and c.chance(0.6):
        inputs.append(c.values(c.type_of(c.schema.inputs[2]), shape, True))
    if c.op == "LayerNormalization" and c.chance(0.3):
        c.outputs = 3
    return inputs, attributes


@maker("GroupNormalization")
def group_norm(c):
    x = c.values(c.type_of(c.schema.inputs[0]), [2, 6] + [c.integer(1, 3) for _ in range(c.integer(1, 2))], True)
    if x.dtype == np.float64 and c.version >= 21:
        raise Skip("both compute in single precision, which the standard allows")
    groups = c.pick((1, 2, 3, 6))
    n = groups if c.version < 21 else 6
    return [x, c.values(x.dtype, (n,), True), c.values(x.dtype, (n,), True)], {"num_groups": groups}


@maker("Resize")
def resize(c):
    if c.version < 11:
        raise Skip("old")
    x = c.values(c.type_of(c.schema.inputs[0]), [c.integer(1, 2), c.integer(1, 2), c.integer(2, 5), c.integer(2, 5)], True)
    attributes = {"mode": c.pick(("nearest", "linear", "cubic"))} if c.chance(0.9) else {}
    frames = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize"] + (["half_pixel_symmetric"] if c.version >= 19 else [])
    if c.chance(0.8):
        attributes["coordinate_transformation_mode"] = c.pick(frames)
    if c.chance(0.6):
        attributes["nearest_mode"] = c.pick(("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"))
    if c.chance(0.3):
        attributes["cubic_coeff_a"] = -0.5
    if c.chance(0.3):
        attributes["exclude_outside"] = 1
    if c.chance(0.3):
        attributes["extrapolation_value"] = 2.5
    if c.version >= 18 and c.chance(0.3):
        attributes["antialias"] = 1
    axes = None
    if c.version >= 18 and c.chance(0.4):
        axes = c.pick(([2, 3], [3], [-2, -1], [3, 2]))
        attributes["axes"] = axes
        if c.chance(0.3):
            attributes["keep_aspect_ratio_policy"] = c.pick(("stretch", "not_larger", "not_smaller"))
    n = len(axes) if axes else 4
    dims = [x.shape[a] for a in axes] if axes else list(x.shape)
    roi = None
    if attributes.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        roi = (np.array([0.1 * c.integer(0, 3) if n < 4 or i > 1 else 0 for i in range(n)] + [1 - 0.1 * c.integer(0, 3) if n < 4 or i > 1 else 1 for i in range(n)], np.float32), True)
    elif c.version < 13 and c.version >= 11:
        roi = (np.zeros(0, np.float32), True)
    if c.chance():
        scales = [c.pick((0.5, 1.5, 2.0, 0.7, 1.0, 3.0)) if n < 4 or i > 1 else 1.0 for i in range(n)]
        attributes.pop("keep_aspect_ratio_policy", None)
        return [x, roi, (np.array(scales, np.float32), c.chance())], attributes
    sizes = [c.integer(1, 8) if n < 4 or i > 1 else d for i, d in enumerate(dims)]
    return [x, roi, (np.zeros(0, np.float32), True) if c.version < 13 else None, (np.array(sizes, np.int64), c.chance())], attributes


@maker("Upsample")
def upsample(c):
    x = c.values(c.type_of(c.schema.inputs[0]), [1, 2, c.integer(2, 4), c.integer(2, 4)], True)
    scales = [1.0, 1.0, c.pick((1.0, 2.0, 3.0, 1.5)), c.pick((1.0, 2.0, 3.0))]
    attributes = {"mode": c.pick(("nearest", "linear"))} if c.chance(0.8) else {}
    if c.version < 9:
        return [x], {**attributes, "scales": scales}
    return [x, (np.array(scales, np.float32), True)], attributes


@maker("DepthToSpace", "SpaceToDepth")
def depth_space(c):
    b = c.integer(1, 3)
    kind = c.type_of(c.schema.inputs[0])
    if c.op == "DepthToSpace":
        x = c.values(kind, (c.integer(1, 2), b * b * c.integer(1, 2), c.integer(0, 3), 2), True)
        mode = {"mode": c.pick(("DCR", "CRD"))} if c.version >= 11 and c.chance() else {}
        return [x], {"blocksize": b, **mode}
    return [c.values(kind, (c.integer(1, 2), 2, b * c.integer(0, 2), b), True)], {"blocksize": b}


@maker("Compress")
def compress(c):
    x = first(c, 1, 4)
    attributes = {"axis": c.axis(x.ndim) if c.version >= 11 else c.integer(0, x.ndim - 1)} if c.chance(0.7) else {}
    n = x.shape[attributes["axis"]] if attributes else x.size
    return [x, c.values("bool", (c.integer(0, max(n, 0)),))], attributes


@maker("Unique")
def unique(c):
    x = first(c, 1, 3, empty=False, tame=True)
    x = np.round(x).astype(x.dtype) if x.dtype.kind == "f" else x
    attributes = {"axis": c.axis(x.ndim)} if c.chance() else {}
    if c.chance():
        attributes["sorted"] = c.integer(0, 1)
    c.outputs = 4
    return [x], attributes


@maker("ReverseSequence")
def reverse(c):
    x = first(c, 2, 4, empty=False)
    batch = c.integer(0, 1)
    lengths = c.random.randint(1, x.shape[1 - batch] + 1, x.shape[batch]).astype(np.int64)
    return [x, lengths], {"batch_axis": batch, "time_axis": 1 - batch}


@maker("Einsum")
def einsum(c):
    kind = c.type_of(c.schema.inputs[0])
    equation, shapes = c.pick((("ij,jk->ik", ((2, 3), (3, 4))), ("ij->ji", ((2, 3),)), ("ii->i", ((3, 3),)), ("ii", ((3, 3),)), ("bij,bjk->bik", ((2, 2, 3), (2, 3, 2))),
                               ("...ij,...jk->...ik", ((2, 2, 3), (3, 2))), ("i,j->ij", ((2,), (3,))), ("ij,ij->", ((2, 3), (2, 3))), ("i,i", ((3,), (3,))), ("ij,j", ((2, 3), (3,))),
                               ("abc,cd,de->abe", ((2, 2, 3), (3, 2), (2, 2))), ("i...->...", ((2, 3),)), ("ijk->kj", ((2, 3, 2),)), (" ij , jk -> ki ", ((2, 3), (3, 4)))))
    return [c.values(kind, s, True) for s in shapes], {"equation": equation}


@maker("QuantizeLinear", "DequantizeLinear")
def quantise(c):
    x = c.values(c.pick(("uint8", "int8")) if c.op == "DequantizeLinear" else "float32", c.shape(2, 4, empty=False), True)
    per_axis = c.version >= 13 and c.chance()
    axis = c.axis(x.ndim)
    shape = (x.shape[axis],) if per_axis else ()
    scale = (np.abs(c.random.randn(*shape)) + 0.05).astype(np.float32)
    kind = x.dtype if c.op == "DequantizeLinear" else np.dtype(c.pick(("uint8", "int8")))
    attributes = {"axis": axis} if per_axis else {}
    zero = np.asarray(c.random.randint(0, 20, shape)).astype(kind)
    return [x, (scale, c.chance())] + ([(zero, c.chance())] if kind == np.int8 or c.chance() else []), attributes


@maker("DynamicQuantizeLinear")
def dynamic(c):
    c.outputs = 3
    return [c.values("float32", c.shape(1, 4, empty=False), True)], {}


@maker("MatMulInteger")
def matmul_integer(c):
    ka, kb = c.type_of(c.schema.inputs[0]), c.type_of(c.schema.inputs[1])
    m, k, n = (c.integer(1, 5) for _ in range(3))
    inputs = [c.values(ka, (m, k)), c.values(kb, (k, n))]
    if c.chance(0.7):
        inputs.append(c.values(ka, ()))
        if c.chance(0.7):
            inputs.append(c.values(kb, (n,) if c.chance() else ()))
    return inputs, {}


@maker("LSTM", "GRU", "RNN")
def recurrent(c):
    kind = c.type_of(c.schema.inputs[0])
    if kind == "float16":
        raise Skip("half")
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[c.op]
    t, b, i, h = c.integer(1, 4), c.integer(1, 3), c.integer(1, 3), c.integer(1, 3)
    direction = c.pick(("forward", "reverse", "bidirectional"))
    d = 2 if direction == "bidirectional" else 1
    attributes = {"hidden_size": h}
    if direction != "forward" or c.chance():
        attributes["direction"] = direction
    layout = 1 if c.version >= 14 and c.chance(0.2) else 0
    if layout:
        attributes["layout"] = 1
    if c.chance(0.2):
        attributes["clip"] = 0.7
    names = {"LSTM": 3, "GRU": 2, "RNN": 1}[c.op] * d
    if c.chance(0.4):
        attributes["activations"] = [c.pick(("Tanh", "Sigmoid", "Relu", "HardSigmoid", "LeakyRelu", "Elu", "Softsign", "Softplus", "ThresholdedRelu", "ScaledTanh", "Affine")) for _ in range(names)]
    if c.op == "GRU" and c.chance():
        attributes["linear_before_reset"] = c.integer(0, 1)
    if c.op == "LSTM" and c.chance(0.2):
        attributes["input_forget"] = 1
    batch = lambda *s: (s[1], s[0], *s[2:]) if layout else s
    v = lambda *s: c.values(kind, s, True)
    inputs = [v(*batch(t, b, i)), (v(d, gates * h, i), c.chance()), (v(d, gates * h, h), c.chance())]
    inputs.append((v(d, 2 * gates * h), c.chance()) if c.chance(0.7) else None)
    inputs.append(c.random.randint(1, t + 1, b).astype(np.int32) if c.chance(0.4) else None)
    inputs.append(v(*batch(d, b, h)) if c.chance() else None)
    if c.op == "LSTM":
        inputs.append(v(*batch(d, b, h)) if c.chance() else None)
        inputs.append(v(d, 3 * h) if c.chance(0.3) else None)
    c.outputs = 3 if c.op == "LSTM" else 2
    return inputs, attributes


@maker("NonMaxSuppression")
def suppression(c):
    n = c.integer(1, 8)
    corners = c.random.rand(1, n, 4).astype(np.float32)
    scores = np.round(c.random.rand(1, c.integer(1, 2), n), 1 if c.chance() else 5).astype(np.float32)
    inputs = [corners, scores, (np.array([c.integer(0, 5)], np.int64), c.chance())]
    if c.chance(0.7):
        inputs.append((np.array([c.random.rand()], np.float32), c.chance()))
        if c.chance(0.7):
            inputs.append((np.array([c.random.rand() * 0.6], np.float32), c.chance()))
    return inputs, {"center_point_box": c.integer(0, 1)} if c.chance() else {}


@maker("GridSample")
def grid(c):
    kind = c.type_of(c.schema.inputs[0])
    modes = ("bilinear", "nearest", "bicubic") if c.version < 20 else ("linear", "nearest", "cubic")
    three = c.version >= 20 and c.chance(0.3)
    x = c.values(kind, (1, 2, 3, 4) + ((2,) if three else ()), True)
    g = (c.random.rand(1, 3, 2, *((2, 3) if three else (2,))) * 3 - 1.5).astype(c.type_of(c.schema.inputs[1]))
    attributes = {"mode": c.pick(modes)} if c.chance(0.8) else {}
    if three and "cubic" in attributes.get("mode", ""):
        attributes["mode"] = "linear"
    if c.chance():
        attributes["padding_mode"] = c.pick(("zeros", "border", "reflection"))
    if c.chance():
        attributes["align_corners"] = c.integer(0, 1)
    return [x, g], attributes


@maker("PRelu")
def prelu(c):
    x = first(c, 1)
    return [x, c.values(x.dtype, tuple(d if c.chance(0.7) else 1 for d in x.shape[c.integer(0, x.ndim) :]), True)], {}


@maker("Dropout")
def dropout(c):
    return [first(c)], {}


@maker("ConstantOfShape")
def constant_of(c):
    shape = np.array(c.shape(0, 4), np.int64)
    attributes = {}
    if c.chance(0.7):
        kind = c.pick([k for k in NUMPY.values() if k != "object"])
        attributes["value"] = onnx.numpy_helper.from_array(c.values(kind, (1,), True))
    return [(shape, c.chance())], attributes


@maker("StringNormalizer", "StringSplit", "StringConcat")
def strings(c):
    x = c.values("object", c.pick(((4,), (1, 3), (1,))))
    if c.op == "StringNormalizer":
        attributes = {"case_change_action": c.pick(("NONE", "LOWER", "UPPER")), "is_case_sensitive": c.integer(0, 1)}
        if c.chance():
            attributes["stopwords"] = ["a", "b"]
        return [x], attributes
    if c.op == "StringConcat":
        return [x, c.values("object", c.like(x.shape))], {}
    c.outputs = 2
    attributes = {}
    if c.chance():
        attributes["delimiter"] = c.pick((" ", "a", ""))
    if c.chance():
        attributes["maxsplit"] = c.integer(0, 2)
    return [x], attributes


@maker("LpPool")
def lp_pool(c):
    return pool(c)


@maker("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
def loss(c):
    kind = c.type_of(c.schema.inputs[0])
    n, k, rest = c.integer(1, 4), c.integer(2, 4), [c.integer(1, 3) for _ in range(c.integer(0, 2))]
    attributes = {"reduction": c.pick(("none", "mean", "sum"))} if c.chance(0.8) else {}
    labels = c.random.randint(0, k, [n] + rest).astype(c.type_of(c.schema.inputs[1]))
    if c.chance(0.4):
        attributes["ignore_index"] = c.pick((0, 1, -1))
        if attributes["ignore_index"] == -1:
            labels = np.where(c.random.rand(*labels.shape) < 0.3, -1, labels).astype(labels.dtype)
    inputs = [c.values(kind, [n, k] + rest, True), labels]
    if c.chance():
        inputs.append(np.abs(c.values(kind, (k,), True)) + np.array(0.1, kind))
    return inputs, attributes


# --- asking ---
def make(seed, ops):
    random = np.random.RandomState(seed)
    op = ops[random.randint(len(ops))]
    opset = OPSETS[random.randint(len(OPSETS))]
    try:
        case = Case(seed, op, opset)
    except Exception:
        raise Skip("not in this opset")
    if case.schema.deprecated:
        raise Skip("deprecated")
    case.outputs = 1
    inputs, attributes = MAKERS[op](case)
    while inputs and inputs[-1] is None:
        inputs.pop()
    names, infos, constants, values = [], [], [], {}
    for i, item in enumerate(inputs):
        if item is None:
            names.append("")
            continue
        array, constant = item if isinstance(item, tuple) else (item, False)
        array = np.asarray(array)
        names.append(f"x{i}")
        if constant:
            constants.append(onnx.numpy_helper.from_array(array, f"x{i}"))
            continue
        values[f"x{i}"] = array
        shape = [d if case.chance(0.7) else None for d in array.shape]
        infos.append(helper.make_tensor_value_info(f"x{i}", helper.np_dtype_to_tensor_dtype(array.dtype), shape))
    if not values:  # a graph without inputs: fine for all three
        pass
    outputs = [f"y{i}" for i in range(case.outputs)]
    node = helper.make_node(op, names, outputs, **attributes)
    graph = helper.make_graph([node], "g", infos, [helper.make_empty_tensor_value_info(o) for o in outputs], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=min(10, 4 if opset < 10 else 7 if opset < 15 else 10))
    try:
        inferred = onnx.shape_inference.infer_shapes(model)
        for mine, theirs in zip(model.graph.output, inferred.graph.output):
            if theirs.type.tensor_type.elem_type:
                mine.type.tensor_type.elem_type = theirs.type.tensor_type.elem_type
    except Exception:
        pass
    return model, values, outputs


def runtime(model, values):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return session.run(None, values)
    except Exception:
        return None


def reference(model, values):
    try:
        return ReferenceEvaluator(model).run(None, values)
    except Exception:
        return None


def fault(got, want):
    want = np.asarray(want)
    if want.dtype.kind in "OUS":
        want = want.astype(object)
    if got.shape != want.shape:
        return f"shape {list(got.shape)} is not {list(want.shape)}"
    if want.dtype.kind == "f" and got.dtype != want.dtype:
        return f"{got.dtype} is not {want.dtype}"
    rtol, atol = NEAR.get(want.dtype.name, (0, 0))
    finite = np.abs(want[np.isfinite(want)].astype(np.float64)) if want.dtype.kind == "f" else np.zeros(0)
    return differs(got, want, rtol, atol * (1 + (finite.max() if finite.size else 0)))


def disagreement(a, b):
    """The first sentence, or None."""
    return next((s for s in (fault(np.asarray(x), y) for x, y in zip(a, b)) if s), None)


def describe(model, values):
    node = model.graph.node[0]
    text = onnx.printer.to_text(node) if hasattr(onnx, "printer") else str(node)
    constants = {t.name: onnx.numpy_helper.to_array(t).tolist() for t in model.graph.initializer}
    return f"{text} opset {model.opset_import[0].version} inputs {[(k, v.dtype.name, v.shape) for k, v in values.items()]} constants {constants}"[:400]


def work(job):
    """-> (operator, outcome, sentence)"""
    seed, ops, single, speak = job
    try:
        model, values, outputs = make(seed, ops)
    except Skip:
        return "", "skipped", ""
    except Exception as error:
        return "", "skipped", f"seed {seed}: {type(error).__name__}: {error}"
    op = model.graph.node[0].op_type
    of_runtime, of_reference = runtime(model, values), reference(model, values)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model.SerializeToString())
        got, failure = answer(path, values, folder)
    if speak:
        print(model, {k: v.tolist() for k, v in values.items()}, "runtime", of_runtime, "reference", of_reference, "firn", got, failure, sep="\n")
    known = of_runtime is not None and of_reference is not None and not disagreement(of_reference, of_runtime)
    if failure and failure[0] == "refused":
        return op, "refused" if known else "unknown", why(failure[1])
    want = of_reference if known else of_runtime if single else None
    if want is None:
        return op, "unknown", ""
    if failure:
        return op, "wrong" if known else "single", f"seed {seed}: {failure[1][:300]} | {describe(model, values)}"
    try:
        sentence = disagreement([got[o] for o in outputs], want)
    except Exception as error:
        sentence = f"{type(error).__name__}: {error}"
    if not sentence:
        return op, "right", ""
    return op, "wrong" if known else "single", f"seed {seed}: {sentence} | {describe(model, values)}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ops", nargs="*")
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--single", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    ops = arguments.ops or sorted(MAKERS)
    if arguments.seed is not None:
        print(work((arguments.seed, ops, True, True)))
        return 0
    jobs = [(s, ops, arguments.single, False) for s in range(arguments.first, arguments.first + arguments.cases)]
    count, refused = collections.Counter(), collections.Counter()
    right = collections.Counter()
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for op, outcome, sentence in pool.map(work, jobs, chunksize=8):
            count[outcome] += 1
            right[op] += outcome == "right"
            if outcome in ("wrong", "single"):
                print(f"{'FAILED' if outcome == 'wrong' else 'SINGLE'} {op}: {sentence}", flush=True)
            if outcome == "refused":
                refused[f"{op}: {sentence}"] += 1
    for sentence, number in refused.most_common():
        print(f"refused {number} {sentence}")
    print("never compared:", *[op for op in ops if not right[op]])
    tally("random operators", count["right"], count["refused"], count["wrong"], count["skipped"] + count["unknown"])
    print(f"onnx-random: {count['right']} passed, {count['wrong']} failed")
    return int(count["wrong"] > 0 or not count["right"])


if __name__ == "__main__":
    sys.exit(main())
