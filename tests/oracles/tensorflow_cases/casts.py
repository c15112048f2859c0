"""Floats to integers that do not hold them: what TensorFlow's compiled loops make of them, by value, length and place."""

import numpy as np
import tensorflow as tf

from .operators import INTEGERS, GraphCase
from .savedmodel import function_case

random = np.random.default_rng(9)
REAL = (tf.float32, tf.float64, tf.float16, tf.bfloat16, tf.complex64, tf.complex128)
SMALL = {"e5m2": tf.dtypes.experimental.float8_e5m2, "e4m3fn": tf.dtypes.experimental.float8_e4m3fn}
LENGTHS = (0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 47, 64, 70, 1000, 1057)
BITS = (4, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65)
EDGES = [sign * 2.0**bits * factor + more for bits in BITS for sign in (1, -1) for factor in (1, 1 - 2**-24, 1 - 2**-53, 1 + 2**-23, 1 + 2**-52, 1.25, 1.7) for more in (0, -1, -0.5, 0.5, 1, 2)]
VALUES = np.array(EDGES + [0, -0.0, 0.5, -0.5, -0.9999, -1, -1.5, 100, -100, 300, -300, 70000, -70000, 3e9, -3e9, 1e18, -1e18, 1e30, -1e30, 1e300, np.inf, -np.inf, np.nan])


def drawn(dtype, length):
    values = VALUES[random.integers(0, len(VALUES), length)]
    with np.errstate(all="ignore"):
        return values.astype(dtype.as_numpy_dtype)


def lengths(source, target):
    inputs = {f"x{n}": drawn(source, n) for n in LENGTHS}
    return GraphCase(f"{source.name}.{target.name}", lambda **x: [tf.cast(v, target) for v in x.values()], inputs, operator="Cast")


def small(name, target):
    """By way of float8, whose values are whole here, and fit."""
    values = np.array([0, -0.0, 1, -1, 2, 3, -14, 16, 24, -28, 96, 128, -128, 160, 256, -256, 320, 448, -448, np.nan] + [2.0**15, -(2.0**15), 40960, -57344, np.inf, -np.inf] * (name == "e5m2"), np.float32)
    inputs = {f"x{n}": values[random.integers(0, len(values), n)] for n in LENGTHS}
    return GraphCase(f"{name}.{target.name}", lambda **x: [tf.cast(tf.cast(v, SMALL[name]), target) for v in x.values()], inputs, operator="Cast")


def to_small(source, name):
    """To float8 and back: what is out of range, halves, the smallest ones."""
    edges = [sign * 2.0**bits * factor for bits in range(-20, 18) for sign in (1, -1) for factor in (1, 1.0625, 1.125, 1.1875, 1.25, 1.375, 1.4375, 1.5, 1.625, 1.75, 1.8125, 1.875, 1.9375, 1 + 2**-20)]
    with np.errstate(all="ignore"):
        x = np.array([*edges, 0, -0.0, 448, 464, 465, 480, 57344, 61439, 61440, 61441, 65536, np.inf, -np.inf, np.nan, 1e30]).astype(source.as_numpy_dtype)
    return GraphCase(f"{source.name}.{name}", lambda x: tf.cast(tf.cast(x, SMALL[name]), tf.float32), {"x": x}, operator="Cast")


def functions():
    """In SavedModels, where TensorFlow rewrites the graph: compiled by XLA; beside what only changes shapes; behind what moves
    elements, after which firn knows no place and refuses what depends on it."""
    F = tf.float32
    for target in INTEGERS:
        x = drawn(F, 1057)
        spec = [tf.TensorSpec([None], F)]
        yield function_case(f"saved.{target.name}", lambda x, t=target: {"y": tf.cast(x, t)}, spec, {"x": x})
        yield function_case(f"reshaped.{target.name}", lambda x, t=target: {"y": tf.cast(tf.reshape(x, [7, -1]), t)}, spec, {"x": x})
        compiled = tf.function(lambda x, t=target: tf.cast(x, t), jit_compile=True)
        yield function_case(f"compiled.{target.name}", lambda x, f=compiled: {"y": f(x)}, [tf.TensorSpec([1057], F)], {"x": x})
        for name, move in (("transpose", tf.transpose), ("reverse", lambda v: tf.reverse(v, [0])), ("roll", lambda v: tf.roll(v, 2, 0)), ("reshape", lambda v: tf.reshape(tf.transpose(v), [-1]))):
            for kind, values in (("few", x[:30]), ("many", x[:70])):
                yield function_case(f"{name}.{kind}.{target.name}", lambda x, t=target, m=move: {"y": tf.cast(m(x), t)}, [tf.TensorSpec([None, None], F)], {"x": values.reshape(10, -1)})


def cases():
    for target in INTEGERS:
        yield from (lengths(source, target) for source in REAL)
        yield from (small(name, target) for name in SMALL)
    yield from (to_small(source, name) for source in REAL[:4] for name in SMALL)
    yield from functions()
