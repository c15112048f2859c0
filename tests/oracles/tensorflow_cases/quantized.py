"""Quantisation in floating point, and numbers drawn from stated seeds."""

import numpy as np
import tensorflow as tf

from .operators import GraphCase, K, normal, one, positive, sweep, whole

X = normal(3, 4) * 4


def quantisation():
    for low, high in ((-6.0, 6.0), (0.0, 6.0), (-1.0, 2.0), (0.5, 2.0), (-3.0, -1.0)):
        for bits, narrow in ((8, False), (8, True), (4, False), (16, True)):
            yield from one("FakeQuantWithMinMaxArgs", inputs=X, min=low, max=high, num_bits=bits, narrow_range=narrow)
            yield from one("FakeQuantWithMinMaxVars", f"{low}.{high}.{bits}.{narrow}", inputs=X, min=K(low), max=K(high), num_bits=bits, narrow_range=narrow)
    yield from one("FakeQuantWithMinMaxVars", "fed", inputs=X, min=np.float32(-2), max=np.float32(3))
    for bits in (8, 5):
        yield from one("FakeQuantWithMinMaxVarsPerChannel", inputs=X, min=K([-1.0, -2.0, 0.0, -6.0]), max=K([1.0, 2.0, 6.0, 3.0]), num_bits=bits)
    ties = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 3.49, 127.5, -128.5], np.float32)
    for x in (X, ties):
        for signed in (True, False):
            for given in (True, False):
                for mode in ("HALF_TO_EVEN", "HALF_UP"):
                    for op in ("QuantizeAndDequantizeV2", "QuantizeAndDequantizeV4"):
                        yield from one(op, f"{x.shape}{signed}{given}{mode}", input=x, input_min=K(-4.0 if signed else 0.0), input_max=K(4.0), signed_input=signed, range_given=given, round_mode=mode)
    for narrow in (False, True):
        yield from one("QuantizeAndDequantizeV2", f"narrow{narrow}", input=X, input_min=K(-4.0), input_max=K(3.0), range_given=True, narrow_range=narrow)
        yield from one("QuantizeAndDequantizeV3", f"narrow{narrow}", input=X, input_min=K(-4.0), input_max=K(3.0), num_bits=K(6), range_given=True, narrow_range=narrow)
    yield from one("QuantizeAndDequantizeV2", "axis", input=X, input_min=K([-4.0, -2.0, -1.0, -3.0]), input_max=K([3.0, 2.0, 4.0, 1.0]), range_given=True, axis=1)
    yield from one("QuantizeAndDequantizeV2", "bits", input=X, input_min=K(0.0), input_max=K(0.0), num_bits=4)
    for mode in ("MIN_COMBINED", "MIN_FIRST", "SCALED"):
        for dtype in (tf.quint8, tf.qint8, tf.quint16, tf.qint16, tf.qint32):
            def there(x, mode=mode, dtype=dtype):
                q = tf.raw_ops.QuantizeV2(input=x, min_range=-8.0, max_range=8.0, T=dtype, mode=mode)
                return tf.raw_ops.Dequantize(input=q[0], min_range=q[1], max_range=q[2], mode=mode)

            yield GraphCase(f"Dequantize.{mode}.{dtype.name}", there, {"x": X}, operator="Dequantize")
    for dtype in (tf.quint8, tf.qint8):
        def product(a, b, dtype=dtype):
            qa, qb = (tf.raw_ops.QuantizeV2(input=v, min_range=-6.0, max_range=6.0, T=dtype if i else tf.quint8) for i, v in enumerate((a, b)))
            c = tf.raw_ops.QuantizedMatMul(a=qa[0], b=qb[0], min_a=qa[1], max_a=qa[2], min_b=qb[1], max_b=qb[2], Toutput=tf.qint32)
            return tf.raw_ops.Dequantize(input=c[0], min_range=c[1], max_range=c[2])

        yield GraphCase(f"QuantizedMatMul.{dtype.name}", product, {"a": normal(2, 3), "b": normal(3, 4)}, operator="QuantizedMatMul", rtol=1e-4)


def drawn():

    for shape in ([5], [2, 3], [300], []):
        for op in ("StatelessRandomUniform", "StatelessRandomNormal", "StatelessTruncatedNormal"):
            for dtype in (tf.float32, tf.float64, tf.float16):
                yield from one(op, f"{shape}.{dtype.name}", shape=K(shape, np.int32), seed=np.array([7, 42], np.int32), dtype=dtype)
        for dtype in (tf.int32, tf.int64):
            yield from one("StatelessRandomUniformInt", f"{shape}.{dtype.name}", shape=K(shape, np.int32), seed=np.array([7, 42], np.int64), minval=K(-3, dtype.as_numpy_dtype), maxval=K(900, dtype.as_numpy_dtype))
            yield from one("StatelessRandomUniformFullInt", f"{shape}.{dtype.name}", shape=K(shape, np.int32), seed=np.array([7, 42], np.int64), dtype=dtype)
            yield from one("StatelessRandomUniformFullInt", f"{shape}.u{dtype.name}", shape=K(shape, np.int32), seed=np.array([-7, 42], np.int32), dtype=tf.uint32 if dtype == tf.int32 else tf.uint64)
    for dtype in (tf.float32, tf.float64, tf.float16, tf.bfloat16):
        for name in ("uniform", "normal", "truncated_normal"):
            yield GraphCase(f"stateless_{name}.{dtype.name}", lambda shape, seed, name=name, dtype=dtype: getattr(tf.random, "stateless_" + name)(shape, seed, dtype=dtype), {"shape": np.array([3, 7], np.int32), "seed": np.array([-3, 1 << 40], np.int64)}, operator=f"Stateless {name} V2")
    for dtype in (tf.int32, tf.int64):
        yield GraphCase(f"stateless_uniform.{dtype.name}", lambda seed, low, high, dtype=dtype: tf.random.stateless_uniform([9], seed, low, high, dtype), {"seed": np.array([3, 4], np.int32), "low": np.array(-5, dtype.as_numpy_dtype), "high": np.array(90, dtype.as_numpy_dtype)}, operator="StatelessRandomUniformIntV2")
        yield GraphCase(f"stateless_bits.{dtype.name}", lambda seed, dtype=dtype: tf.random.stateless_uniform([9], seed, None, None, dtype), {"seed": np.array([3, 4], np.int32)}, operator="StatelessRandomUniformFullIntV2")
    yield from one("StatelessRandomGetKeyCounter", seed=np.array([5, -6], np.int64))
    yield from one("StatelessRandomGetKeyCounterAlg", seed=np.array([5, -6], np.int32))
    yield GraphCase("stateless_uniform.v2", lambda seed: tf.random.stateless_uniform([4, 3], seed), {"seed": np.array([3, 4], np.int32)}, operator="StatelessRandomUniformV2")
    yield GraphCase("stateless_normal.v2", lambda seed: tf.random.stateless_normal([4, 3], seed), {"seed": np.array([3, 4], np.int32)}, operator="StatelessRandomNormalV2")


def cases():
    yield from quantisation()
    yield from drawn()
