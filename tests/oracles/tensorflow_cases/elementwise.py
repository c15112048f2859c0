"""Arithmetic, comparisons and functions of single elements."""

import numpy as np

from .operators import K, GraphCase, free, normal, one, positive, random, sweep, whole

SPECIAL = np.array([0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3.49999, 100, -100, np.inf, -np.inf, np.nan, 1e-5, 88.5, -88.5, 1e9, -1e9], np.float32)
X = np.array([[-2.5, -1.0, -0.3], [0.0, 0.4, 1.0], [2.0, 3.5, 7.0]], np.float32)
INSIDE = np.array([[-0.9, -0.5, -0.1], [0.0, 0.3, 0.95]], np.float32)
UPPER = np.array([[1.0, 1.5, 2.0], [3.0, 7.0, 20.0]], np.float32)
UNARY = {
    "Abs": X, "Acos": INSIDE, "Acosh": UPPER, "Asin": INSIDE, "Asinh": X, "Atan": X, "Atanh": INSIDE, "BesselI0": X, "BesselI0e": X, "BesselI1": X,
    "BesselI1e": X, "BesselJ0": X, "BesselJ1": X, "BesselK0": UPPER, "BesselK0e": UPPER, "BesselK1": UPPER, "BesselK1e": UPPER, "BesselY0": UPPER,
    "BesselY1": UPPER, "Ceil": X, "Cos": X, "Cosh": X, "Dawsn": X, "Digamma": X + 0.05, "Erf": X, "Erfc": X, "Erfinv": INSIDE, "Exp": X, "Expint": UPPER,
    "Expm1": X, "Floor": X, "FresnelCos": X, "FresnelSin": X, "Inv": X + 0.1, "IsFinite": X, "IsInf": X, "IsNan": X, "Lgamma": X + 0.05, "Log": UPPER,
    "Log1p": INSIDE, "Ndtri": np.abs(INSIDE) + 0.01, "Neg": X, "Reciprocal": X + 0.1, "Rint": X, "Round": X, "Rsqrt": UPPER, "Sigmoid": X, "Sign": X,
    "Sin": X, "Sinh": X, "Spence": UPPER, "Sqrt": UPPER, "Square": X, "Tan": X, "Tanh": X, "Invert": whole(2, 3), "PopulationCount": whole(2, 3),
}
FEATURES = ("Relu", "Relu6", "Elu", "Selu", "Softplus", "Softsign")
Y = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0], [2.0, -0.5, 7.0]], np.float32)
BINARY = {
    "Add": (X, Y), "AddV2": (X, Y), "Sub": (X, Y), "Mul": (X, Y), "MulNoNan": (X, Y), "Div": (X, Y), "DivNoNan": (X, Y), "RealDiv": (X, Y),
    "FloorDiv": (X * 4, Y * 4), "FloorMod": (X * 4, Y * 4), "Mod": (X * 4, Y * 4), "TruncateDiv": (X * 4, Y * 4), "TruncateMod": (X * 4, Y * 4),
    "Maximum": (X, Y), "Minimum": (X, Y), "Pow": (UPPER, np.abs(Y[:2])), "SquaredDifference": (X, Y), "Xdivy": (X, Y), "Xlogy": (X, np.abs(Y)),
    "Xlog1py": (X, np.abs(Y)), "Equal": (X, Y), "NotEqual": (X, Y), "Less": (X, Y), "LessEqual": (X, Y), "Greater": (X, Y), "GreaterEqual": (X, Y),
    "ApproximateEqual": (X, X + 1e-6), "BitwiseAnd": (whole(2, 3), whole(2, 3)), "BitwiseOr": (whole(2, 3), whole(2, 3)), "BitwiseXor": (whole(2, 3), whole(2, 3)),
    "LeftShift": (whole(2, 3), whole(2, 3, low=0, high=6)), "RightShift": (whole(2, 3), whole(2, 3, low=0, high=6)), }
OTHER = {
    "Atan2": {"y": X, "x": Y}, "Igamma": {"a": UPPER, "x": UPPER[::-1]}, "Igammac": {"a": UPPER, "x": UPPER[::-1]}, "Zeta": {"x": UPPER + 0.5, "q": UPPER},
    "Polygamma": {"a": np.floor(UPPER[:, :2]), "x": UPPER[:, :2]}, "NextAfter": {"x1": X, "x2": Y}, "Betainc": {"a": UPPER, "b": UPPER[::-1], "x": np.abs(INSIDE)}, "IgammaGradA": {"a": UPPER, "x": UPPER[::-1]},
}
BROADCAST = (((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2, 2)), ((2, 2), ()), ((0, 3), (1, 3)), ((2, 1, 3), (4, 1)), ((1,), (0,)), ((2, 3, 1, 2, 1), (1, 4, 2, 3)))
PAIRS = np.array([0, -0.0, 1, -1, 2.5, -2.5, np.inf, -np.inf, np.nan, 7, -7, 3, -3, 1e9], np.float32)
# Where TensorFlow's own answers cannot be had elsewhere: far waves in single precision, an odd function
# that is even far out, the limits of the error function in double precision. What is asked:
DOUBTFUL = {op: lambda v: np.abs(v) < 200 for op in ("BesselJ0", "BesselJ1", "BesselY0", "BesselY1", "Dawsn")}
DOUBTFUL["Erf"] = np.isfinite
DOUBTFUL["BesselY1"] = lambda v: (np.abs(v) < 200) & (v != 0)
# Of any two numbers only these are asked; of the others the far ends are approximations.
ANYWHERE = ("Atan2", "NextAfter")
COMPARISONS = ("Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual")


def unary():
    for op, x in UNARY.items():
        name = "x"
        yield from sweep(op, _near=True, **{name: x})
        for shape in ((), (0, 3), (2, 1, 2, 1, 2, 1)):
            yield from one(op, _near=True, **{name: np.resize(x, shape).astype(x.dtype)})
        if x.dtype == np.float32:
            special = SPECIAL[DOUBTFUL.get(op, lambda v: v == v)(SPECIAL) | np.isnan(SPECIAL)]
            yield from one(op, "special", _near=True, **{name: special})
            yield from one(op, "special64", _near=True, **{name: special.astype(np.float64)})
    for op in FEATURES:
        yield from sweep(op, _near=True, features=X)
        yield from one(op, "special", _near=True, features=SPECIAL)
        yield from one(op, "empty", features=np.zeros((0, 2), np.float32))
        yield from one(op, "scalar", features=np.float32(-0.75))
    for alpha in (0.2, 0.0, 1.0, 1.5, -0.3):
        yield from (sweep if alpha == 0.2 else one)("LeakyRelu", _near=True, features=X, alpha=alpha)
    yield from one("LeakyRelu", "special", features=SPECIAL, alpha=0.1)


def binary():
    for op, (x, y) in BINARY.items():
        yield from sweep(op, _near=True, x=x, y=y)
        for a, b in BROADCAST:
            left, right = np.resize(x, a).astype(x.dtype), np.resize(y, b).astype(y.dtype)
            if op != "ApproximateEqual" or a == b:
                yield from one(op, _near=True, x=left, y=right)
        grid = np.meshgrid(PAIRS, PAIRS)
        if x.dtype == np.float32:
            yield from one(op, "special", _near=True, x=grid[0], y=grid[1])
    for op, arguments in OTHER.items():
        yield from sweep(op, _near=True, **arguments)
        yield from one(op, "empty", **{n: np.zeros((0, 2), np.float32) for n in arguments})
        if len(arguments) == 2:
            first, second = arguments
            yield from one(op, "broadcast", _near=True, **{first: arguments[first][:1], second: arguments[second]})
            if op in ANYWHERE:
                grid = np.meshgrid(PAIRS, PAIRS)
                yield from one(op, "special", _near=True, **{first: grid[0], second: grid[1]})
    values = np.array([-7, -6, -1, 1, 6, 7, 3, -3, 127, -128], np.int64)
    for op in ("FloorDiv", "FloorMod", "TruncateDiv", "TruncateMod", "Div", "Mod"):
        for dtype in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64):
            grid = [g.astype(dtype) for g in np.meshgrid(values, values)]
            yield from one(op, f"signs.{np.dtype(dtype).name}", x=grid[0], y=grid[1])
    for op in ("Add", "AddV2", "Sub", "Mul", "Square", "Neg", "Abs", "SquaredDifference", "Pow"):
        for dtype in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64):
            info = np.iinfo(dtype)
            x = np.array([info.min, info.max, info.max, info.min + 1], dtype)
            y = np.array([1, 2, 3, 2], dtype)
            yield from one(op, f"wraps.{np.dtype(dtype).name}", x=x, **({} if op in ("Square", "Neg", "Abs") else {"y": y}))
    for op in ("LeftShift", "RightShift"):
        for dtype in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64):
            bits = 8 * np.dtype(dtype).itemsize
            shifts = np.array([0, 1, bits - 1, bits, bits + 3], dtype)
            yield from one(op, f"far.{np.dtype(dtype).name}", x=np.array([-5 if info_signed(dtype) else 250] * 5).astype(dtype), y=shifts)
    for op in COMPARISONS[:2]:
        yield from one(op, "incompatible", x=normal(2), y=normal(3), incompatible_shape_error=False)
        yield from one(op, "text", x=np.array(["a", "b", ""], object), y=np.array(["a", "c", ""], object))


def info_signed(dtype):
    return np.iinfo(dtype).min < 0


def logical():
    a, b = np.array([[True, False], [True, False]]), np.array([[True, True], [False, False]])
    for op in ("LogicalAnd", "LogicalOr"):
        yield from one(op, x=a, y=b)
        yield from one(op, x=a, y=b[0])
        yield from one(op, x=a[:0], y=b[:1])
        yield from free(op, x=a, y=b)
    yield from one("LogicalNot", x=a)
    yield from free("LogicalNot", x=a)
    yield from sweep("Select", condition=a, x=normal(2, 2), y=normal(2, 2))
    yield from one("Select", condition=a[:, 0], x=normal(2, 3), y=normal(2, 3))
    yield from one("Select", condition=np.array(True), x=normal(2, 3), y=normal(2, 3))
    yield from one("Select", condition=np.zeros(0, bool), x=normal(0, 3), y=normal(0, 3))
    yield from sweep("SelectV2", condition=a, t=normal(2, 2), e=normal(2, 2))
    yield from one("SelectV2", condition=a[:, :1], t=normal(2, 3), e=normal(1, 3))
    yield from one("SelectV2", condition=a, t=np.float32(2), e=normal(3, 1, 2))
    yield from sweep("ClipByValue", t=X, clip_value_min=np.float32(-1), clip_value_max=np.float32(2))
    yield from one("ClipByValue", t=X, clip_value_min=K(-1.0), clip_value_max=Y * 0 + 1)
    yield from one("ClipByValue", "special", t=SPECIAL, clip_value_min=K(-1.0), clip_value_max=K(2.0))
    yield from one("ClipByValue", "crossed", t=X, clip_value_min=K(2.0), clip_value_max=K(-1.0))
    for count in (1, 2, 5):
        yield from one("AddN", inputs=[normal(2, 3) for _ in range(count)])
        yield from one("AccumulateNV2", inputs=[normal(2, 3) for _ in range(count)], shape=[2, 3])
    yield from sweep("AddN", inputs=[X, Y, X])
    yield from sweep("L2Loss", t=X)
    yield from sweep("CheckNumerics", tensor=X, message="bad")
    yield from sweep("CheckNumericsV2", tensor=X, message="bad")


def casts():
    import tensorflow as tf

    values = np.array([0, 1, -1, 2.7, -2.7, 127, 128, 255, 256, -129, 32768, 65535.4, 70000, 2147483520.0, 4e9, 1e12, -1e12, 0.5], np.float64)
    safe = np.array([0, 1, 2.7, 100, 3.2, 65, 0.5, 17], np.float64)
    types = [tf.float32, tf.float64, tf.float16, tf.bfloat16, tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint16, tf.uint32, tf.uint64, tf.bool, tf.complex64, tf.complex128]
    for source in types:
        for target in types:
            with np.errstate(all="ignore"):
                # out of range, floating to whole is whatever the machine does: not asked
                x = (values if not (source.is_floating or source.is_complex) or target.is_floating or target.is_complex or target.is_bool else safe).astype(source.as_numpy_dtype)
            yield from one("Cast", f"{source.name}.{target.name}", x=x, DstT=target)
            if source.is_floating and target.is_floating:
                yield from one("Cast", f"{source.name}.{target.name}.special", x=SPECIAL.astype(source.as_numpy_dtype), DstT=target)
                yield from one("Cast", f"{source.name}.{target.name}.truncate", x=random.standard_normal(40).astype(source.as_numpy_dtype), DstT=target, Truncate=True)
    yield from free("Cast", x=X, DstT=tf.int32)
    sizes = {1: [tf.int8, tf.uint8], 2: [tf.int16, tf.uint16, tf.float16, tf.bfloat16], 4: [tf.int32, tf.uint32, tf.float32], 8: [tf.int64, tf.uint64, tf.float64, tf.complex64]}
    for size, sources in sizes.items():
        for source in sources:
            x = np.frombuffer(random.integers(1, 60, 4 * 4 * size, np.uint8).tobytes(), source.as_numpy_dtype).reshape(4, 4)
            for other, targets in sizes.items():
                for target in targets:
                    if other == size or other < size or 4 * size % other == 0:
                        y = x if other <= size else x[:, : other // size]
                        yield from one("Bitcast", f"{source.name}.{target.name}", input=y, type=target)


def complex_numbers():
    z = (normal(2, 3) + 1j * normal(2, 3)).astype(np.complex64)
    for op in ("Real", "Imag", "Angle"):
        yield from one(op, input=z)
        yield from one(op, "64", input=z.astype(np.complex128), Tout=__import__("tensorflow").float64)
    for op in ("Abs",):
        yield from one("ComplexAbs", x=z)
        yield from one("ComplexAbs", "128", x=z.astype(np.complex128), Tout=__import__("tensorflow").float64)
    yield from one("Conj", input=z)
    yield from one("Complex", real=normal(2, 3), imag=normal(3))
    yield from one("Log1p", "infinite", x=np.array([complex(np.inf, -0.24), complex(-np.inf, 0.3), complex(1, np.inf), 1e200 + 1e200j, -1e-9 + 1e-9j]))
    yield from one("Complex", "64", real=normal(2, 3).astype(np.float64), imag=normal(2, 3).astype(np.float64), Tout=__import__("tensorflow").complex128)


def cases():
    yield from unary()
    yield from binary()
    yield from logical()
    yield from casts()
    yield from complex_numbers()
