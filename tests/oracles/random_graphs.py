"""Random ONNX graphs from a seed: chains of operators as networks have them, and as nobody would write them.

Values stay of moderate size and away from where a rounding error decides (floor, comparisons, sorting happen on
exact values alone), so that two right implementations agree to a few units in the last place.
"""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from common import multiplies_bytes_exactly

FLOAT, DOUBLE, FLOAT16 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16
NUMPY = {FLOAT: np.float32, DOUBLE: np.float64, FLOAT16: np.float16}
MOVES = ("Reshape", "Transpose", "Concat", "Slice", "Split", "Pad", "Gather", "Relu", "Add", "Sub", "Max", "Min", "Identity", "Neg", "Abs")
OPSET, IR_VERSION = 21, 10
BYTES_EXACT = multiplies_bytes_exactly()
ELEMENTS_MAX, LARGE_ELEMENTS_MAX = 1 << 15, 1 << 20

UNARY = ("Relu", "Sigmoid", "Tanh", "Abs", "Neg", "LeakyRelu", "Elu", "Selu", "Celu", "HardSigmoid", "HardSwish", "Softplus",
         "Softsign", "Gelu", "Mish", "Erf", "Sin", "Cos", "Atan", "Identity")
EXACT_UNARY = ("Floor", "Ceil", "Round", "Sign", "Relu", "Abs", "Neg")
POSITIVE = ("Sqrt", "Log", "Reciprocal")  # of |x| + 1/2
REDUCTIONS = ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceSumSquare")


class Unfit(Exception):
    """No value fits what was chosen."""


class Value:
    def __init__(self, name, shape, exact=False, quantum=0.0):
        self.name, self.shape, self.exact = name, tuple(int(d) for d in shape), exact
        self.quantum = quantum  # what an answer may be off by: a step of quantisation

    @property
    def rank(self):
        return len(self.shape)

    @property
    def size(self):
        return int(np.prod(self.shape))


class RandomGraph:
    def __init__(self, seed, nodes=None):
        self.seed, self.random = seed, np.random.RandomState(seed)
        self.prefix = f"g{seed}_"
        self.nodes, self.constants, self.inputs, self.values = [], [], {}, []
        self.quanta = {}  # name of a value that is off by more than rounding -> how much
        kind = self.random.rand()
        self.large = kind < 0.03  # enough work for several threads
        self.empty = kind > 0.98  # a dimension of 0
        self.elements_max = LARGE_ELEMENTS_MAX if self.large else ELEMENTS_MAX
        self.symbolic = self.random.rand() < 0.5
        self.type = self.pick((FLOAT,) * 8 + (DOUBLE, FLOAT16))
        self.input()
        for _ in range(nodes or self.pick(range(3, 16))):
            self.step()
        self.outputs = self.choose_outputs()

    # --- small tools ---
    def pick(self, choices):
        choices = list(choices)
        return choices[self.random.randint(len(choices))]

    def chance(self, p):
        return self.random.rand() < p

    def name(self):
        return f"{self.prefix}{len(self.nodes)}_{len(self.constants)}"

    def input(self, shape=None):
        shape = shape or self.pick([
            (self.pick((1, 2, 3, 5)), self.pick((1, 3, 4, 8, 16, 17)), self.pick((5, 7, 8, 12)), self.pick((4, 6, 9, 16))),
            (self.pick((1, 2, 4)), self.pick((1, 5, 8, 16)), self.pick((3, 8, 15, 32))),
            (self.pick((1, 2, 7, 33)), self.pick((1, 4, 13, 64)))])
        if self.large:
            shape = tuple(d * (3 if i else 2) for i, d in enumerate(shape))
        if self.empty:
            shape = (0, *shape[1:])
        value = Value(f"{self.prefix}x{len(self.inputs)}", shape, exact=True)
        self.inputs[value.name] = (self.random.randint(-32, 33, shape) / 8).astype(NUMPY[self.type])
        self.values.append(value)
        return value

    def constant(self, array, always_float=False):
        """Of the graph's type, when it is of floats."""
        name, array = f"{self.prefix}c{len(self.constants)}", np.asarray(array)
        if array.dtype == np.float32 and not always_float:
            array = array.astype(NUMPY[self.type])
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def weights(self, shape, fan_in):
        return self.constant((self.random.randn(*shape) / np.sqrt(max(fan_in, 1))).astype(np.float32))

    def byte_weights(self, shape):
        """Of half the range where ONNX Runtime's sums of two products of bytes do not hold the whole."""
        return self.constant((self.random.randint(-127, 128, shape) // (1 if BYTES_EXACT else 2)).astype(np.int8))

    def eighths(self, shape):
        return self.constant((self.random.randint(-16, 17, shape) / 8).astype(np.float32))

    def node(self, op, inputs, outputs=1, domain="", **attributes):
        names = [f"{self.prefix}v{len(self.nodes)}_{i}" for i in range(outputs)]
        given = [i.name if isinstance(i, Value) else i for i in inputs]
        self.nodes.append(helper.make_node(op, given, names, domain=domain, **attributes))
        quantum = max((self.quanta.get(i, 0) for i in given), default=0) * (1 if op in MOVES else 4)
        self.quanta.update((n, quantum) for n in names if quantum)
        return names[0] if outputs == 1 else names

    def op(self, op, inputs, shape, exact=False, quantum=None, **attributes):
        """A node whose output is kept as a value."""
        name = self.node(op, inputs, **attributes)
        return self.keep(Value(name, shape, exact, max(quantum or 0, self.quanta.get(name, 0))))

    def keep(self, value):
        self.quanta[value.name] = max(value.quantum, self.quanta.get(value.name, 0))
        value.quantum = self.quanta[value.name]
        self.values.append(value)
        return value

    # --- which value goes on ---
    def choose(self, fits=lambda v: True):
        """Mostly the newest."""
        fitting = [v for v in self.values if fits(v)]
        if not fitting:
            raise Unfit
        return fitting[-1] if self.chance(0.7) else self.pick(fitting)

    def choose_outputs(self):
        rest = [v for v in self.values[1:-1] if self.chance(0.15)]
        last = self.values[-1] if len(self.values) > 1 else self.op("Relu", [self.values[0]], self.values[0].shape, True)
        return [*rest, last]

    def step(self):
        try:
            self.pick(FAMILIES)(self)
        except (Unfit, ZeroDivisionError, ValueError):  # the latter two of empty values
            pass

    # --- families ---
    def unary(self):
        x = self.choose()
        op = self.pick(EXACT_UNARY if x.exact and self.chance(0.5) else UNARY)
        attributes = {"LeakyRelu": {"alpha": 0.125}, "Gelu": {"approximate": self.pick(("none", "tanh"))}}.get(op, {})
        self.op(op, [x], x.shape, x.exact and op in EXACT_UNARY, quantum=x.quantum * 2, **attributes)

    def positive(self):
        x = self.choose()
        y = self.op("Add", [self.node("Abs", [x]), self.constant(np.float32(0.5))], x.shape, x.exact, quantum=x.quantum)
        self.op(self.pick(POSITIVE), [y], x.shape, quantum=x.quantum * 4)

    def bounded(self):
        x = self.choose()
        y = self.node("Clip", [x, self.constant(np.float32(-2)), self.constant(np.float32(1.5))])
        if self.chance(0.5):
            self.op("Exp", [y], x.shape, quantum=x.quantum * 5)
        else:
            self.op("Pow", [self.node("Abs", [y]), self.constant(np.float32(self.pick((2, 3, 1.5, 1))))], x.shape, quantum=x.quantum * 12)

    def broadcastable(self, shape):
        """A shape that broadcasts to it."""
        dims = [1 if self.chance(0.3) else d for d in shape]
        return tuple(dims[self.random.randint(len(dims) + 1):]) if self.chance(0.4) else tuple(dims)

    def binary(self):
        x = self.choose()
        same = [v for v in self.values if v.shape == x.shape and v is not x]
        other = self.pick(same) if same and self.chance(0.6) else Value(self.eighths(self.broadcastable(x.shape)), (), True)
        op = self.pick(("Add", "Sub", "Mul", "Max", "Min", "Add"))
        if op == "Mul" and not isinstance(other.name, str):
            op = "Add"
        if op == "Mul":
            other = Value(self.node("Clip", [other, self.constant(np.float32(-3)), self.constant(np.float32(3))]), other.shape, other.exact, other.quantum)
        pair = [x, other] if self.chance(0.7) else [other, x]
        self.op(op, pair, x.shape, x.exact and other.exact and op in ("Max", "Min"), quantum=(x.quantum + other.quantum) * (4 if op == "Mul" else 1))

    def divide(self):
        x = self.choose()
        by = self.constant((self.random.randint(4, 17, self.broadcastable(x.shape)) / 8).astype(np.float32))
        self.op("Div", [x, by], x.shape, quantum=x.quantum * 2)

    def select(self):
        x = self.choose(lambda v: v.exact)
        condition = self.node(self.pick(("Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal")), [x, self.eighths(self.broadcastable(x.shape))])
        if self.chance(0.3):
            condition = self.node("Not", [condition])
        same = [v for v in self.values if v.shape == x.shape]
        a, b = self.pick(same), self.pick(same)
        if self.chance(0.3):
            self.op("Cast", [condition], x.shape, True, quantum=0.0, to=self.type)
        else:
            self.op("Where", [condition, a, b], x.shape, a.exact and b.exact)

    def reduce(self):
        x = self.choose(lambda v: v.rank > 0)
        axes = sorted(self.random.choice(x.rank, self.random.randint(1, x.rank + 1), replace=False).tolist())
        keep, op = self.random.randint(2), self.pick(REDUCTIONS)
        shape = [1 if i in axes else d for i, d in enumerate(x.shape) if keep or i not in axes]
        n = x.size // max(int(np.prod(shape)), 1)
        exact = x.exact and op in ("ReduceMax", "ReduceMin")
        y = self.op(op, [x, self.constant(np.array(axes, np.int64))], shape, exact, quantum=x.quantum * n * 8, keepdims=keep)
        if op in ("ReduceSum", "ReduceL1", "ReduceSumSquare"):
            self.op("Mul", [y, self.constant(np.float32(1 / n))], shape)

    def transpose(self):
        x = self.choose(lambda v: v.rank > 1)
        perm = self.random.permutation(x.rank).tolist()
        self.op("Transpose", [x], [x.shape[p] for p in perm], x.exact, perm=perm)

    def reshape(self):
        x = self.choose()
        dims, rest = [], x.size
        for _ in range(self.random.randint(0, 4)):
            d = self.pick([f for f in range(1, min(rest, 64) + 1) if rest % f == 0])
            dims.append(d)
            rest //= d
        dims.insert(self.random.randint(len(dims) + 1), rest)
        wanted = list(dims)
        if self.chance(0.4):
            wanted[self.random.randint(len(wanted))] = -1
        self.op("Reshape", [x, self.constant(np.array(wanted, np.int64))], dims, x.exact)

    def slice(self):
        x = self.choose(lambda v: v.rank > 0)
        axis = self.random.randint(x.rank)
        d = x.shape[axis]
        start, stop = sorted(self.random.randint(0, d + 1, 2).tolist())
        if start == stop:
            start, stop = 0, d
        step = self.pick((1, 1, 2, -1))
        first, last = (start, stop) if step > 0 else (stop - 1, start - 1 - (d if start == 0 else 0))
        indices = range(d)[slice(first, last if last >= -d else None, step)] if step > 0 else range(d)[start:stop][::-1]
        ends = last if step > 0 else (start - 1 if start > 0 else -d - 1)
        args = [self.constant(np.array([v], np.int64)) for v in (first, ends, axis, step)]
        shape = [len(indices) if i == axis else s for i, s in enumerate(x.shape)]
        self.op("Slice", [x, *args], shape, x.exact)

    def concat(self):
        x = self.choose(lambda v: v.rank > 0 and v.size < self.elements_max // 4)
        axis = self.random.randint(x.rank)
        fitting = [v for v in self.values if v.rank == x.rank and all(i == axis or a == b for i, (a, b) in enumerate(zip(v.shape, x.shape)))]
        parts = [x] + [self.pick(fitting) for _ in range(self.pick((1, 1, 2)))]
        self.random.shuffle(parts)
        shape = [sum(p.shape[axis] for p in parts) if i == axis else d for i, d in enumerate(x.shape)]
        if np.prod(shape) <= self.elements_max:
            self.op("Concat", parts, shape, all(p.exact for p in parts), axis=axis - (x.rank if self.chance(0.3) else 0))

    def split(self):
        x = self.choose(lambda v: v.rank > 0 and max(v.shape) > 1)
        axis = self.pick([i for i, d in enumerate(x.shape) if d > 1])
        first = self.random.randint(1, x.shape[axis])
        sizes = [first, x.shape[axis] - first]
        names = self.node("Split", [x, self.constant(np.array(sizes, np.int64))], outputs=2, axis=axis)
        for name, size in zip(names, sizes):
            self.keep(Value(name, [size if i == axis else d for i, d in enumerate(x.shape)], x.exact, x.quantum))

    def pad(self):
        x = self.choose(lambda v: v.rank > 0 and v.size < self.elements_max // 8)
        mode = self.pick(("constant", "constant", "reflect", "edge"))
        limit = [d - 1 if mode == "reflect" else 3 for d in x.shape]
        pads = [int(self.random.randint(0, min(l, 2) + 1)) for l in limit + limit]
        shape = [d + pads[i] + pads[i + x.rank] for i, d in enumerate(x.shape)]
        args = [x, self.constant(np.array(pads, np.int64))]
        if mode == "constant" and self.chance(0.5):
            args.append(self.constant(np.float32(self.pick((0, -1.5)))))
        if np.prod(shape) <= self.elements_max:
            self.op("Pad", args, shape, x.exact, mode=mode)

    def dims(self):
        """Unsqueeze, Squeeze, Flatten, Expand, Tile."""
        x = self.choose(lambda v: v.size < self.elements_max // 4)
        op = self.pick(("Unsqueeze", "Squeeze", "Flatten", "Expand", "Tile"))
        ones = [i for i, d in enumerate(x.shape) if d == 1]
        if op == "Unsqueeze" and x.rank < 5:
            axis = self.random.randint(x.rank + 1)
            self.op(op, [x, self.constant(np.array([axis], np.int64))], [*x.shape[:axis], 1, *x.shape[axis:]], x.exact)
        elif op == "Squeeze" and ones:
            axis = self.pick(ones)
            self.op(op, [x, self.constant(np.array([axis], np.int64))], [d for i, d in enumerate(x.shape) if i != axis], x.exact)
        elif op == "Flatten" and x.rank:
            axis = self.random.randint(x.rank + 1)
            self.op(op, [x], [int(np.prod(x.shape[:axis])), int(np.prod(x.shape[axis:]))], x.exact, axis=axis)
        elif op == "Expand":
            shape = [self.pick((2, 3)) if d == 1 and self.chance(0.7) else d for d in x.shape]
            self.op(op, [x, self.constant(np.array(shape, np.int64))], shape, x.exact)
        elif op == "Tile" and x.rank:
            repeats = [self.pick((1, 1, 2)) for _ in x.shape]
            self.op(op, [x, self.constant(np.array(repeats, np.int64))], [d * r for d, r in zip(x.shape, repeats)], x.exact)

    def gather(self):
        x = self.choose(lambda v: v.rank > 0)
        axis = self.random.randint(x.rank)
        indices = self.random.randint(-x.shape[axis], x.shape[axis], self.pick(((), (3,), (2, 2))))
        shape = [*x.shape[:axis], *np.shape(indices), *x.shape[axis + 1:]]
        if np.prod(shape) <= self.elements_max:
            self.op("Gather", [x, self.constant(np.array(indices, np.int64))], shape, x.exact, axis=axis)

    def image(self):
        """A value (N, C, ...) of 1 or 2 spatial axes."""
        return self.choose(lambda v: v.rank in (3, 4) and v.size <= self.elements_max // 2 and v.shape[1] <= 64)

    def convolution(self):
        x = self.image()
        n, c, *space = x.shape
        group = self.pick([g for g in (1, 1, 1, 2, 4, c) if c % g == 0])
        out = group * self.pick((1, 1, 2, 3, 8))
        kernel = [self.pick((1, 3, 3, 5, 2)) for _ in space]
        strides, dilations = [self.pick((1, 1, 2)) for _ in space], [self.pick((1, 1, 1, 2)) for _ in space]
        span = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
        pads = [self.random.randint(0, s // 2 + 1) for s in span + span]
        size = [(d + pads[i] + pads[i + len(space)] - span[i]) // strides[i] + 1 for i, d in enumerate(space)]
        if min(size) < 1 or n * out * np.prod(size) > self.elements_max:
            return
        fan_in = c // group * int(np.prod(kernel))
        args = [x, self.weights((out, c // group, *kernel), fan_in)]
        if self.chance(0.6):
            args.append(self.eighths((out,)))
        y = self.op("Conv", args, (n, out, *size), quantum=x.quantum * fan_in * 4, kernel_shape=kernel, strides=strides, dilations=dilations, pads=[int(p) for p in pads], group=group)
        if self.chance(0.4):
            self.batch_normalization(y)
        if self.chance(0.4):
            self.activation()

    def activation(self):
        x = self.values[-1]
        kind = self.pick(("Relu", "relu6", "LeakyRelu", "swish", "HardSwish", "Sigmoid", "Tanh"))
        if kind == "relu6":
            self.op("Clip", [x, self.constant(np.float32(0)), self.constant(np.float32(6))], x.shape)
        elif kind == "swish":
            self.op("Mul", [x, self.node("Sigmoid", [x])], x.shape, quantum=x.quantum * 4)
        else:
            self.op(kind, [x], x.shape, quantum=x.quantum * 2)

    def residual(self):
        x = self.values[-1]
        same = [v for v in self.values[:-1] if v.shape == x.shape]
        if same:
            other = self.pick(same)
            self.op("Add", [x, other], x.shape, quantum=x.quantum + other.quantum)

    def batch_normalization(self, x=None):
        x = x or self.image()
        c = x.shape[1]
        positive = [self.constant((self.random.rand(c) + 0.5).astype(np.float32)) for _ in range(2)]
        self.op("BatchNormalization", [x, positive[0], self.eighths((c,)), self.eighths((c,)), positive[1]], x.shape, quantum=x.quantum * 4)

    def transposed_convolution(self):
        x = self.image()
        if x.size > self.elements_max // 16:
            return
        n, c, *space = x.shape
        group = self.pick([g for g in (1, 1, 2, c) if c % g == 0])
        out, kernel, strides = self.pick((1, 2, 4)), [self.pick((1, 2, 3, 4)) for _ in space], [self.pick((1, 2, 2)) for _ in space]
        pads = [self.random.randint(0, (k + 1) // 2) for k in kernel + kernel]
        size = [(d - 1) * strides[i] + kernel[i] - pads[i] - pads[i + len(space)] for i, d in enumerate(space)]
        if min(size) < 1 or n * out * group * np.prod(size) > self.elements_max:
            return
        fan_in = c // group * int(np.prod(kernel))
        self.op("ConvTranspose", [x, self.weights((c, out, *kernel), fan_in), self.eighths((out * group,))], (n, out * group, *size), quantum=x.quantum * fan_in * 4,
                kernel_shape=kernel, strides=strides, pads=[int(p) for p in pads], group=group)

    def pool(self):
        x = self.image()
        n, c, *space = x.shape
        op = self.pick(("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"))
        if op.startswith("Global"):
            self.op(op, [x], (n, c, *(1 for _ in space)), x.exact and "Max" in op)
            return
        kernel, strides = [self.pick((1, 2, 3)) for _ in space], [self.pick((1, 2, 3)) for _ in space]
        pads = [self.random.randint(0, (k + 1) // 2) for k in kernel + kernel]
        size = [(d + pads[i] + pads[i + len(space)] - kernel[i]) // strides[i] + 1 for i, d in enumerate(space)]
        if min(size) < 1:
            return
        extra = {"count_include_pad": self.random.randint(2)} if op == "AveragePool" else {}
        self.op(op, [x], (n, c, *size), x.exact and op == "MaxPool", kernel_shape=kernel, strides=strides, pads=[int(p) for p in pads], **extra)

    def resize(self):
        x = self.choose(lambda v: v.rank == 4 and v.size < self.elements_max // 16)
        mode, factor = self.pick(("nearest", "linear")), self.pick((2, 2, 3))
        scales = self.constant(np.array([1, 1, factor, factor], np.float32), always_float=True)
        attributes = {"coordinate_transformation_mode": self.pick(("asymmetric", "half_pixel") if mode == "linear" else ("asymmetric",))}
        if mode == "nearest":
            attributes["nearest_mode"] = "floor"
        self.op("Resize", [x, "", scales], (*x.shape[:2], x.shape[2] * factor, x.shape[3] * factor), x.exact and mode == "nearest", mode=mode, **attributes)

    def depth_space(self):
        x = self.choose(lambda v: v.rank == 4)
        if x.shape[1] % 4 == 0 and self.chance(0.5):
            self.op("DepthToSpace", [x], (x.shape[0], x.shape[1] // 4, x.shape[2] * 2, x.shape[3] * 2), x.exact, blocksize=2, mode=self.pick(("DCR", "CRD")))
        elif x.shape[2] % 2 == 0 and x.shape[3] % 2 == 0:
            self.op("SpaceToDepth", [x], (x.shape[0], x.shape[1] * 4, x.shape[2] // 2, x.shape[3] // 2), x.exact, blocksize=2)

    def product(self):
        x = self.choose(lambda v: v.rank >= 2)
        k, n = x.shape[-1], self.pick((1, 3, 8, 16, 31, 64))
        if x.size // k * n > self.elements_max:
            return
        q = x.quantum * k * 4
        if x.rank == 2 and self.chance(0.5):
            turned = self.random.randint(2)
            args = [x, self.weights((n, k) if turned else (k, n), k)]
            if self.chance(0.7):
                args.append(self.eighths(self.pick(((n,), (1, n), (x.shape[0], 1), (x.shape[0], n)))))
            y = self.op("Gemm", args, (x.shape[0], n), quantum=q, transB=turned, alpha=self.pick((1.0, 0.5)), beta=self.pick((1.0, 2.0)))
        else:
            y = self.op("MatMul", [x, self.weights((k, n), k)], (*x.shape[:-1], n), quantum=q)
            if self.chance(0.7):
                y = self.op("Add", [y, self.eighths((n,))] if self.chance(0.7) else [self.eighths((n,)), y], y.shape)
        if self.chance(0.5):
            self.activation()

    def attention(self):
        x = self.choose(lambda v: v.rank == 3 and v.shape[1] <= 32 and v.shape[2] <= 64)
        b, s, d = x.shape
        q, k, v = (self.node("MatMul", [x, self.weights((d, d), d)]) for _ in range(3))
        scores = self.node("MatMul", [q, self.node("Transpose", [k], perm=[0, 2, 1])])
        scores = self.node("Mul", [scores, self.constant(np.float32(1 / np.sqrt(d)))]) if self.chance(0.5) else self.node("Div", [scores, self.constant(np.float32(np.sqrt(d)))])
        if self.chance(0.4):
            scores = self.node("Add", [scores, self.constant(np.where(self.random.rand(s) < 0.3, -100, 0).astype(np.float32))])
        self.op("MatMul", [self.node("Softmax", [scores], axis=-1), v], x.shape, quantum=x.quantum * d * 8)

    def softmax(self):
        x = self.choose(lambda v: v.rank > 0)
        self.op(self.pick(("Softmax", "LogSoftmax", "Softmax")), [x], x.shape, quantum=x.quantum * 4, axis=self.random.randint(-x.rank, x.rank))

    def layer_normalization(self):
        x = self.choose(lambda v: v.rank >= 2 and v.shape[-1] > 1)
        d = x.shape[-1]
        scale, bias = self.constant((self.random.rand(d) + 0.5).astype(np.float32)), self.eighths((d,))
        if self.chance(0.5):
            self.op("LayerNormalization", [x, scale, bias], x.shape, quantum=x.quantum * 50, axis=-1, epsilon=0.01)
            return
        axes = self.constant(np.array([-1], np.int64))
        centred = self.node("Sub", [x, self.node("ReduceMean", [x, axes], keepdims=1)])
        variance = self.node("ReduceMean", [self.node("Pow", [centred, self.constant(np.float32(2))]), axes], keepdims=1)
        root = self.node("Sqrt", [self.node("Add", [variance, self.constant(np.float32(0.01))])])
        self.op("Add", [self.node("Mul", [self.node("Div", [centred, root]), scale]), bias], x.shape, quantum=x.quantum * 50)

    def group_normalization(self):
        x = self.image()
        if np.prod(x.shape[2:]) < 2:
            return
        c = x.shape[1]
        scale = self.constant((self.random.rand(c) + 0.5).astype(np.float32))
        if self.chance(0.5):
            self.op("InstanceNormalization", [x, scale, self.eighths((c,))], x.shape, quantum=x.quantum * 50, epsilon=0.01)
        elif x.rank == 4:
            self.op("LRN", [x], x.shape, quantum=x.quantum * 4, size=self.pick((1, 3, 5)), alpha=0.01, beta=0.75)

    def gelu(self):
        x = self.choose()
        half, one = self.constant(np.float32(0.5)), self.constant(np.float32(1))
        error = self.node("Erf", [self.node("Div", [x, self.constant(np.float32(np.sqrt(2)))])])
        inner = self.node("Add", [error, one] if self.chance(0.5) else [one, error])
        if self.chance(0.5):
            self.op("Mul", [self.node("Mul", [x, inner]), half], x.shape, quantum=x.quantum * 2)
        else:
            self.op("Mul", [self.node("Mul", [x, half]), inner], x.shape, quantum=x.quantum * 2)

    def recurrent(self):
        x = self.choose(lambda v: v.rank == 3 and v.shape[0] <= 16 and v.shape[2] <= 64)
        op, gates = self.pick((("LSTM", 4), ("GRU", 3), ("RNN", 1)))
        steps, batch, d = x.shape
        hidden, ways = self.pick((1, 5, 16)), self.pick((1, 2))
        args = [x, self.weights((ways, gates * hidden, d), d), self.weights((ways, gates * hidden, hidden), hidden), self.eighths((ways, 2 * gates * hidden))]
        extra = {"linear_before_reset": self.random.randint(2)} if op == "GRU" else {}
        self.op(op, args, (steps, ways, batch, hidden), quantum=x.quantum * d * 8, hidden_size=hidden, direction="bidirectional" if ways == 2 else self.pick(("forward", "reverse")), **extra)

    def sort(self):
        x = self.choose(lambda v: v.exact and v.rank > 0)
        axis = self.random.randint(x.rank)
        if self.chance(0.5):
            k = self.random.randint(1, x.shape[axis] + 1)
            names = self.node("TopK", [x, self.constant(np.array([k], np.int64))], outputs=2, axis=axis, largest=self.random.randint(2))
            self.keep(Value(names[0], [k if i == axis else d for i, d in enumerate(x.shape)], True))
        else:
            y = self.node(self.pick(("ArgMax", "ArgMin")), [x], axis=axis, keepdims=1)
            self.op("Cast", [y], [1 if i == axis else d for i, d in enumerate(x.shape)], True, to=self.type)

    def cumulate(self):
        x = self.choose(lambda v: v.rank > 0)
        axis = self.random.randint(x.rank)
        y = self.op("CumSum", [x, self.constant(np.int64(axis))], x.shape, quantum=x.quantum * x.shape[axis], exclusive=self.random.randint(2), reverse=self.random.randint(2))
        self.op("Mul", [y, self.constant(np.float32(1 / x.shape[axis]))], x.shape)

    def quantised(self):
        """Quantise and dequantise exact values; a product or convolution between them."""
        x = self.choose(lambda v: v.exact)
        if self.type != FLOAT:
            return
        scale, zero = np.float32(self.pick((0.0625, 0.03125))), self.pick((np.uint8(128), np.int8(0), np.uint8(100)))

        def there_and_back(v, s, z):
            s, z = self.constant(s), self.constant(z)
            return self.node("DequantizeLinear", [self.node("QuantizeLinear", [v, s, z]), s, z])

        y = there_and_back(x, scale, zero)
        weights = lambda shape: self.node("DequantizeLinear", [self.constant(self.random.randint(-127, 128, shape).astype(np.int8)), self.constant(np.float32(0.005)), self.constant(np.int8(0))])
        out_scale = np.float32(0.05)
        if x.rank == 4 and x.shape[1] <= 32 and min(x.shape[2:]) >= 3:
            c = x.shape[1]
            y = self.node("Conv", [y, weights((8, c, 3, 3))], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
            self.keep(Value(there_and_back(y, out_scale, np.int8(3)), (x.shape[0], 8, *x.shape[2:]), quantum=float(out_scale) * 1.01))
        elif x.rank >= 2:
            y = self.node("MatMul", [y, weights((x.shape[-1], 8))])
            self.keep(Value(there_and_back(y, out_scale, np.uint8(120)), (*x.shape[:-1], 8), quantum=float(out_scale) * 1.01))

    # --- as exporters write them ---
    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def dynamic_reshape(self):
        """To a shape that is computed from a shape."""
        x = self.choose(lambda v: v.rank >= 2)
        shape = self.node("Shape", [x])
        if self.chance(0.5):
            first = self.node("Unsqueeze", [self.node("Gather", [shape, self.constant(np.int64(0))], axis=0), self.ints(0)])
            target = self.node("Concat", [first, self.ints(-1)], axis=0)
            self.op("Reshape", [x, target], (x.shape[0], x.size // x.shape[0]), x.exact)
        else:
            head = self.node("Slice", [shape, self.ints(0), self.ints(x.rank - 1), self.ints(0)])
            last = self.node("Slice", [shape, self.ints(x.rank - 1), self.ints(x.rank), self.ints(0)])
            rows = self.node("ReduceProd", [head], keepdims=1)
            y = self.op("Reshape", [x, self.node("Concat", [rows, last], axis=0)], (x.size // x.shape[-1], x.shape[-1]), x.exact)
            if self.chance(0.5):
                self.op("Reshape", [self.node("Relu", [y]), shape], x.shape, x.exact)

    def dynamic_fill(self):
        x = self.choose(lambda v: v.rank >= 1)
        shape = self.node("Shape", [x])
        one = numpy_helper.from_array(np.array([1.5], NUMPY[self.type]))
        self.op("Add", [x, self.node("ConstantOfShape", [shape], value=one)], x.shape)

    def heads(self):
        """Attention of several heads, with masks and biases."""
        x = self.choose(lambda v: v.rank == 3 and v.shape[1] <= 32 and v.shape[2] <= 64 and v.shape[2] % 4 == 0)
        (b, s, d), h = x.shape, self.pick((1, 2, 4))
        dynamic = self.chance(0.4)

        def split(perm):
            y = self.node("MatMul", [x, self.weights((d, d), d)])
            if self.chance(0.7):
                y = self.node("Add", [self.eighths((d,)), y] if self.chance(0.5) else [y, self.eighths((d,))])
            shape = self.node("Concat", [self.node("Slice", [self.node("Shape", [y]), self.ints(0), self.ints(2), self.ints(0)]), self.ints(h, d // h)], axis=0) if dynamic else self.ints(0, 0, h, d // h)
            return self.node("Transpose", [self.node("Reshape", [y, shape])], perm=perm)

        direct = self.chance(0.5)
        q, k, v = split([0, 2, 1, 3]), split([0, 2, 3, 1] if direct else [0, 2, 1, 3]), split([0, 2, 1, 3])
        scale = self.constant(np.float32(1 / np.sqrt(d // h)))
        if self.chance(0.3):
            q, scale = self.node("Mul", [q, scale]), None
        scores = self.node("MatMul", [q, k if direct else self.node("Transpose", [k], perm=[0, 1, 3, 2])])
        if scale:
            scores = self.node("Mul", [scores, scale])
        mask = self.pick((None, (s,), (s, s), (1, 1, s, s), (b, 1, 1, s), (h, 1, s)))
        if mask:
            scores = self.node("Add", [scores, self.constant(np.where(self.random.rand(*mask) < 0.3, -100, 0).astype(np.float32))])
        y = self.node("MatMul", [self.node("Softmax", [scores], axis=-1), v])
        y = self.node("Reshape", [self.node("Transpose", [y], perm=[0, 2, 1, 3]), self.ints(0, 0, d)])
        y = self.op("Add", [self.node("MatMul", [y, self.weights((d, d), d)]), self.eighths((d,))], x.shape, quantum=x.quantum * d * d * 8)
        if self.chance(0.6):
            self.op("Add", [x, y], x.shape)

    def shuffle(self):
        x = self.choose(lambda v: v.rank == 4 and v.shape[1] % 2 == 0)
        n, c, h, w = x.shape
        y = self.node("Transpose", [self.node("Reshape", [x, self.ints(n, 2, c // 2, h, w)])], perm=[0, 2, 1, 3, 4])
        self.op("Reshape", [y, self.ints(n, c, h, w)], x.shape, x.exact)

    def squeeze_excite(self):
        x = self.image()
        c, less = x.shape[1], max(1, x.shape[1] // 2)
        ones = [1] * (x.rank - 2)
        y = self.node("GlobalAveragePool", [x]) if self.chance(0.5) else self.node("ReduceMean", [x, self.ints(*range(2, x.rank))], keepdims=1)
        y = self.node("Relu", [self.node("Conv", [y, self.weights((less, c, *ones), c), self.eighths((less,))])])
        y = self.node(self.pick(("Sigmoid", "HardSigmoid")), [self.node("Conv", [y, self.weights((c, less, *ones), less), self.eighths((c,))])])
        self.op("Mul", [x, y] if self.chance(0.5) else [y, x], x.shape, quantum=x.quantum * 4)

    def group_parts(self):
        """GroupNormalization as PyTorch writes it."""
        x = self.choose(lambda v: v.rank == 4 and v.shape[1] % 2 == 0 and np.prod(v.shape[2:]) > 1)
        c, groups = x.shape[1], 2
        y = self.node("Reshape", [x, self.ints(0, groups, -1)])
        y = self.node("InstanceNormalization", [y, self.constant(np.ones(groups, np.float32)), self.constant(np.zeros(groups, np.float32))], epsilon=0.01)
        y = self.node("Reshape", [y, self.node("Shape", [x])])
        scale = self.constant((self.random.rand(c, 1, 1) + 0.5).astype(np.float32))
        self.op("Add", [self.node("Mul", [y, scale]), self.eighths((c, 1, 1))], x.shape, quantum=x.quantum * 50)

    def hard_parts(self):
        """HardSwish, relu6 and the like of their parts; PRelu."""
        x = self.choose()
        kind = self.pick(("swish", "sigmoid", "prelu", "mish"))
        relu6 = lambda v: self.node("Clip", [self.node("Add", [v, self.constant(np.float32(3))]), self.constant(np.float32(0)), self.constant(np.float32(6))])
        if kind == "swish":
            self.op("Div", [self.node("Mul", [x, relu6(x)]), self.constant(np.float32(6))], x.shape, quantum=x.quantum * 2)
        elif kind == "sigmoid":
            self.op("Mul", [relu6(x), self.constant(np.float32(1 / 6))], x.shape, quantum=x.quantum)
        elif kind == "prelu" and x.rank >= 2:
            self.op("PRelu", [x, self.eighths((x.shape[1], *[1] * (x.rank - 2)))], x.shape, quantum=x.quantum * 3)
        else:
            self.op("Mul", [x, self.node("Tanh", [self.node("Softplus", [x])])], x.shape, quantum=x.quantum * 2)

    def block(self):
        """Convolution, normalisation, activation; a residual behind two of them."""
        x = self.choose(lambda v: v.rank == 4 and v.shape[1] <= 32 and v.size <= self.elements_max // 2)
        c, y = x.shape[1], x
        for last in (False, True):
            group = c if self.chance(0.3) else 1
            y = Value(self.node("Conv", [y, self.weights((c, c // group, 3, 3), 9 * c // group)], kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=group), x.shape)
            positive = [self.constant((self.random.rand(c) + 0.5).astype(np.float32)) for _ in range(2)]
            y = Value(self.node("BatchNormalization", [y, positive[0], self.eighths((c,)), self.eighths((c,)), positive[1]]), x.shape)
            if not last:
                y = Value(self.node(self.pick(("Relu", "HardSwish", "LeakyRelu")), [y]), x.shape)
        y = self.node("Add", [x, y] if self.chance(0.5) else [y, x])
        self.op("Relu", [y], x.shape, quantum=x.quantum * 90 * c)

    def dynamic_quantised(self):
        """Products of dynamically quantised values, as onnxruntime.quantization writes them."""
        x = self.choose(lambda v: v.exact and v.rank >= 2 and v.size)
        if self.type != FLOAT:
            return
        k, n = x.shape[-1], self.pick((1, 5, 16))
        q, scale, zero = self.node("DynamicQuantizeLinear", [x], outputs=3)
        w, w_zero = self.byte_weights((k, n)), self.constant(np.int8(self.pick((0, 3))))
        y = self.node("Cast", [self.node("MatMulInteger", [q, w, zero, w_zero])], to=FLOAT)
        y = self.node("Mul", [y, self.node("Mul", [scale, self.constant(np.float32(0.01))])])
        self.keep(Value(y, (*x.shape[:-1], n), quantum=0.05 * k))
        if self.chance(0.6):
            self.op("Add", [self.values[-1], self.eighths((n,))], (*x.shape[:-1], n))

    def integers(self):
        """QLinearConv or QLinearMatMul of quantised exact values, and back."""
        x = self.choose(lambda v: v.exact and v.rank in (2, 4) and v.size)
        if self.type != FLOAT:
            return
        scale, zero, out = self.constant(np.float32(0.0625)), self.constant(np.uint8(128)), np.float32(0.1)
        out_scale, out_zero = self.constant(out), self.constant(np.uint8(110))
        q = self.node("QuantizeLinear", [x, scale, zero])
        if x.rank == 4:
            c = x.shape[1]
            m, per_channel = self.pick((4, 9)), self.chance(0.5)
            w_scale = self.constant((self.random.rand(m) * 0.01 + 0.002).astype(np.float32) if per_channel else np.float32(0.005))
            w_zero = self.constant(np.zeros(m, np.int8) if per_channel else np.int8(0))
            args = [q, scale, zero, self.byte_weights((m, c, 1, 1)), w_scale, w_zero, out_scale, out_zero]
            if self.chance(0.5):
                args.append(self.constant(self.random.randint(-2000, 2000, m).astype(np.int32)))
            y, shape = self.node("QLinearConv", args), (x.shape[0], m, *x.shape[2:])
        else:
            w = self.constant(self.random.randint(0, 256, (x.shape[1], 6)).astype(np.uint8))
            y = self.node("QLinearMatMul", [q, scale, zero, w, self.constant(np.float32(0.004)), self.constant(np.uint8(120)), out_scale, out_zero])
            shape = (x.shape[0], 6)
        self.keep(Value(self.node("DequantizeLinear", [y, out_scale, out_zero]), shape, quantum=float(out) * 1.01))

    # --- the models ---
    def infos(self, symbolic):
        for name, array in self.inputs.items():
            dims = list(array.shape)
            if symbolic:
                dims[0] = f"{self.prefix}n"
            yield helper.make_tensor_value_info(name, self.type, dims)


FAMILIES = [
    *[RandomGraph.unary] * 3, *[RandomGraph.binary] * 4, *[RandomGraph.convolution] * 5, *[RandomGraph.product] * 4, *[RandomGraph.residual] * 2,
    RandomGraph.positive, RandomGraph.bounded, RandomGraph.divide, RandomGraph.select, *[RandomGraph.reduce] * 2, *[RandomGraph.transpose] * 2,
    *[RandomGraph.reshape] * 2, RandomGraph.slice, *[RandomGraph.concat] * 2, RandomGraph.split, RandomGraph.pad, *[RandomGraph.dims] * 2, RandomGraph.gather,
    RandomGraph.batch_normalization, RandomGraph.transposed_convolution, *[RandomGraph.pool] * 2, RandomGraph.resize, RandomGraph.depth_space,
    *[RandomGraph.attention] * 2, *[RandomGraph.softmax] * 2, *[RandomGraph.layer_normalization] * 2, RandomGraph.group_normalization, RandomGraph.gelu,
    RandomGraph.recurrent, RandomGraph.sort, RandomGraph.cumulate, RandomGraph.quantised,
    RandomGraph.dynamic_reshape, RandomGraph.dynamic_fill, *[RandomGraph.heads] * 2, RandomGraph.shuffle, RandomGraph.squeeze_excite,
    RandomGraph.group_parts, RandomGraph.hard_parts, *[RandomGraph.block] * 2, RandomGraph.dynamic_quantised, RandomGraph.integers,
]


def model_of(graphs, every_value=False):
    """One model of several graphs beside each other."""
    outputs = []
    for g in graphs:
        wanted = {v.name: v.shape for v in ((g.values[len(g.inputs):] if every_value else None) or g.outputs)}
        outputs += [helper.make_tensor_value_info(n, g.type, None) for n in wanted]
    graph = helper.make_graph([n for g in graphs for n in g.nodes], "random", [i for g in graphs for i in g.infos(g.symbolic)], outputs,
                              [c for g in graphs for c in g.constants])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
