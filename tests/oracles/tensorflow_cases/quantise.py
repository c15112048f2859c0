"""Quantisation: floats rounded as integers would, integers that stand for floats."""

import numpy as np
import tensorflow as tf

from .operators import GraphCase, K, free, normal, one, sweep

X = np.concatenate([normal(40) * 4, [0, -0.0, 6, -6, 7, -7, 0.5, 1.5, -1.5, 1e9, -1e9]]).astype(np.float32)
RANGES = ((-6.0, 6.0), (0.0, 6.0), (-1.0, 1.0), (-0.3, 2.7), (-10.0, 0.0), (0.0, 0.0), (1.0, 2.0))


def halves(low, high, bits):
    """Values half way between two steps."""
    step = np.float32((high - low) / (2**bits - 1))
    return (np.arange(-2, 300, dtype=np.float32) + np.float32(0.5)) * step + np.float32(low)


def fake():
    for low, high in RANGES:
        for bits in (2, 4, 8, 16):
            for narrow in (False, True):
                x = np.concatenate([X, halves(low, high, bits)]).astype(np.float32)
                options = {"num_bits": bits, "narrow_range": narrow}
                if low < high and low <= 0:
                    yield from one("FakeQuantWithMinMaxArgs", f"{low}.{high}.{bits}.{narrow}", inputs=x, min=low, max=high, **options)
                yield from one("FakeQuantWithMinMaxVars", f"{low}.{high}.{bits}.{narrow}", inputs=x, min=K(low), max=K(high), **options)
                yield from one("FakeQuantWithMinMaxVarsPerChannel", f"{low}.{high}.{bits}.{narrow}", inputs=x[:, None], min=K([low]), max=K([high]), **options)
    yield from one("FakeQuantWithMinMaxVarsPerChannel", "channels", inputs=normal(2, 3, 4) * 4, min=K([-1.0, -2.0, 0.0, -6.0]), max=K([1.0, 0.0, 6.0, 6.0]))
    yield from one("FakeQuantWithMinMaxArgs", "empty", inputs=X[:0])
    yield from one("FakeQuantWithMinMaxArgs", "special", inputs=np.array([np.nan, np.inf, -np.inf], np.float32))
    yield from free("FakeQuantWithMinMaxVars", inputs=X, min=K(-1.0), max=K(2.0))
    yield from free("FakeQuantWithMinMaxVarsPerChannel", inputs=normal(2, 4), min=K([-1.0, -2.0, 0.0, -6.0]), max=K([1.0, 0.0, 6.0, 6.0]))


def there(dtype, integer, low, high, quantize, dequantize):
    """Integers, the range that was used, and back."""

    def build(x):
        y, least, most = tf.raw_ops.QuantizeV2(input=x, min_range=low, max_range=high, T=dtype, **quantize)
        return tf.bitcast(y, integer), least, most, tf.raw_ops.Dequantize(input=y, min_range=least, max_range=most, **dequantize)

    return build


def quantised():
    x = X[np.abs(X) < 1e8]
    types = ((tf.quint8, tf.uint8), (tf.qint8, tf.int8), (tf.quint16, tf.uint16), (tf.qint16, tf.int16), (tf.qint32, tf.int32))
    for mode in ("MIN_COMBINED", "MIN_FIRST", "SCALED"):
        for dtype, integer in types:
            for low, high in ((-6.0, 6.0), (0.0, 6.0), (-0.3, 2.7), (-10.0, 0.0), (1.0, 2.0), (0.0, 0.0)):
                build = there(dtype, integer, low, high, {"mode": mode}, {"mode": mode})
                yield GraphCase(f"Quantize.{mode}.{dtype.name}.{low}.{high}", build, {"x": x}, operator="QuantizeV2")
            # At its ends and beyond: infinite, no number, what float rounds to the end.
            ends = np.array([-8, 8, np.nextafter(np.float32(8), 0), np.nextafter(np.float32(8), 9), -8.5, 8.5, 100, -100, 1e9, -1e9, 3e38, np.inf, -np.inf, np.nan], np.float32)
            for count in (14, 100):
                yield GraphCase(f"Quantize.{mode}.{dtype.name}.ends.{count}", there(dtype, integer, -8.0, 8.0, {"mode": mode}, {"mode": mode}), {"x": np.resize(ends, count)}, operator="QuantizeV2")
    for options in ({"round_mode": "HALF_TO_EVEN"}, {"narrow_range": True}, {"ensure_minimum_range": 0.5}):
        back = {"narrow_range": True} if "narrow_range" in options else {}
        build = there(tf.qint8, tf.int8, -1.27, 1.0, {"mode": "SCALED", **options}, {"mode": "SCALED", **back})
        yield GraphCase(f"Quantize.{options}", build, {"x": x / 4}, operator="QuantizeV2")
    for mode in ("MIN_COMBINED", "SCALED"):
        build = there(tf.qint8, tf.int8, np.array([-1, -2, 0], np.float32), np.array([1, 3, 6], np.float32), {"mode": mode, "axis": 1}, {"mode": mode, "axis": 1})
        yield GraphCase(f"Quantize.axis.{mode}", build, {"x": normal(2, 3, 4) * 3}, operator="QuantizeV2")


def both():
    for op, more in (("QuantizeAndDequantizeV2", {}), ("QuantizeAndDequantizeV3", {"num_bits": K(6)}), ("QuantizeAndDequantizeV4", {})):
        yield from sweep(op, input=X[:45], input_min=K(-2.0), input_max=K(3.0), range_given=True, **more)
        for signed in (False, True):
            for given in (False, True):
                for narrow in (False, True):
                    yield from one(op, f"{signed}.{given}.{narrow}", input=X[:45], input_min=K(-2.0), input_max=K(3.0), signed_input=signed, range_given=given, narrow_range=narrow, **more)
        limits = {"input_min": K([-1.0, -2.0, -3.0]), "input_max": K([3.0, 2.0, 1.0])}
        for given in (False, True):
            yield from one(op, f"axis.{given}", input=normal(2, 3, 4) * 3, axis=1, range_given=given, **limits, **more)
    for bits in (2, 3, 12):
        for mode in ("HALF_TO_EVEN", "HALF_UP"):
            yield from one("QuantizeAndDequantizeV2", f"{bits}.{mode}", input=X[:45], input_min=K(-2.0), input_max=K(3.0), num_bits=bits, round_mode=mode, range_given=True)


def cases():
    for family in (fake, quantised, both):
        yield from family()
