"""Integers that stand for floats by a scale and a zero point: sums, products, convolutions."""

import numpy as np
import tensorflow as tf

from .operators import GraphCase, normal, whole

R = tf.raw_ops
WHOLE = {"min_val": -(2**31), "max_val": 2**31 - 1}
INT8 = {"min_val": -128, "max_val": 127}


def ranges(**of):
    """NAME=(axis, range): the attributes of a scale and zero point."""
    return {f"{name}_quantization_{key}": value for name, (axis, limits) in of.items() for key, value in {"axis": axis, **limits}.items()}


def scales(count):
    return (np.float32(np.random.default_rng(count).uniform(1e-3, 0.2, count)), np.int32(np.random.default_rng(count).integers(-9, 9, count))) if count else (np.float32(0.0371), np.int32(-5))


def requantised():
    for kind, plain, x in ((tf.qint32, tf.int32, whole(3, 4, 5, low=-4000, high=4000)), (tf.qint32, tf.int32, whole(3, 4, 5, low=-(2**31), high=2**31 - 1)), (tf.qint8, tf.int8, whole(3, 4, 5, low=-128, high=128, dtype=np.int8))):
        for old, new in ((-1, -1), (1, -1), (-1, 2), (0, 0)):
            for factor in (1.0, 0.5, 3.3e-5, 90.0):
                for limits in (INT8, {"min_val": -127, "max_val": 100}):
                    a, b = scales(x.shape[old] if old >= 0 else 0), scales(x.shape[new] if new >= 0 else 0)

                    def there(x, a=a, b=b, kind=kind, old=old, new=new, factor=factor, limits=limits):
                        given = ranges(input=(old, INT8 if kind == tf.qint8 else WHOLE), output=(new, limits))
                        return tf.bitcast(R.UniformRequantize(input=tf.bitcast(x, kind), input_scales=a[0] * np.float32(factor), input_zero_points=a[1], output_scales=b[0], output_zero_points=b[1], Tout=tf.qint8, **given), tf.int8)

                    yield GraphCase(f"UniformRequantize.{kind.name}.{old}.{new}.{factor}.{limits['max_val']}.{x.max()}", there, {"x": x}, operator="UniformRequantize")


def sums():
    for shape_a, shape_b, axes in (((3, 4), (3, 4), (-1, -1, -1)), ((3, 4), (4,), (1, 0, 1)), ((2, 3, 4), (3, 1), (-1, -1, -1)), ((2, 3, 4), (2, 3, 4), (1, 1, 1)), ((2, 3), (), (-1, -1, -1)), ((2, 3), (2, 3), (1, 0, -1))):
        for high in (900, 2**31 - 1):
            sizes = [shape[axis] if axis >= 0 else 0 for shape, axis in zip((shape_a, shape_b, np.broadcast_shapes(shape_a, shape_b)), axes)]

            def there(a, b, axes=axes, sizes=sizes):
                s, limits = [scales(n) for n in sizes], {"min_val": -5000, "max_val": 6000}
                given = ranges(lhs=(axes[0], WHOLE), rhs=(axes[1], WHOLE), output=(axes[2], limits))
                return tf.bitcast(R.UniformQuantizedAdd(lhs=tf.bitcast(a, tf.qint32), rhs=tf.bitcast(b, tf.qint32), lhs_scales=s[0][0] * np.float32(3), lhs_zero_points=s[0][1], rhs_scales=s[1][0], rhs_zero_points=s[1][1], output_scales=s[2][0], output_zero_points=s[2][1], **given), tf.int32)

            yield GraphCase(f"UniformQuantizedAdd.{shape_a}.{shape_b}.{axes}.{high}", there, {"a": whole(*shape_a, low=-high, high=high), "b": whole(*shape_b, low=-900, high=900)}, operator="UniformQuantizedAdd")


def integers(value):
    return tf.bitcast(tf.constant(value), tf.qint8)


def factors(op, second, axis, shape, limits):
    """The attributes and inputs that products and convolutions share, for a first factor of int8 or of floats."""
    s, w = scales(0), scales(shape[axis] if axis >= 0 else 0)
    common = dict(rhs=integers(second), rhs_scales=w[0], rhs_zero_points=w[1])
    if op.endswith("Hybrid"):
        return common | ranges(rhs=(axis, INT8)) | {"Tout": tf.float32}
    return common | dict(lhs_scales=s[0], lhs_zero_points=s[1], Tout=tf.qint32)


def products():
    for axis, out in ((-1, -1), (1, -1), (1, 1)):
        for shape in ((3, 7, 5), (1, 300, 4)):
            second = whole(*shape[1:], low=-128, high=128, dtype=np.int8)
            for limits in (WHOLE, {"min_val": -90, "max_val": 200}):
                def there(x, second=second, axis=axis, out=out, limits=limits):
                    y = scales(second.shape[1] if out >= 0 else 0)
                    given = factors("UniformQuantizedDot", second, axis, second.shape, limits) | ranges(lhs=(-1, INT8), rhs=(axis, INT8), output=(out, limits))
                    return tf.bitcast(R.UniformQuantizedDot(lhs=tf.bitcast(x, tf.qint8), output_scales=y[0] * np.float32(0.3), output_zero_points=y[1], **given), tf.int32)

                yield GraphCase(f"UniformQuantizedDot.{axis}.{out}.{shape}.{limits['max_val']}", there, {"x": whole(*shape[:2], low=-128, high=128, dtype=np.int8)}, operator="UniformQuantizedDot")
            if out < 0:
                for label, x in floats(*shape[:2]):
                    yield GraphCase(f"UniformQuantizedDotHybrid.{axis}.{shape}.{label}", lambda x, second=second, axis=axis: R.UniformQuantizedDotHybrid(lhs=x, **factors("Hybrid", second, axis, second.shape, INT8)), {"x": x}, operator="UniformQuantizedDotHybrid")


def floats(*shape):
    x = normal(*shape) * 3
    return (("mixed", x), ("positive", np.abs(x)), ("negative", -np.abs(x)), ("zero", x * 0), ("small", x * np.float32(1e-40)), ("large", x * np.float32(1e30)))


def numbers(*lists):
    """The message of dimension numbers: image, filter and result, each (first, second, spatial)."""
    message = b""
    for (first, second, spatial), fields in zip(lists, ((1, 2, 3), (5, 4, 6), (7, 8, 9))):
        message += bytes([fields[0] << 3, first, fields[1] << 3, second, fields[2] << 3 | 2, len(spatial), *spatial])
    return message


LAST = numbers((0, 3, (1, 2)), (3, 2, (0, 1)), (0, 3, (1, 2)))
ODD = numbers((2, 0, (3, 1)), (1, 3, (0, 2)), (3, 1, (2, 0)))


def convolutions():
    layouts = {"first": (b"", (2, 4, 8, 7), (6, 4, 3, 2), 0, 1), "last": (LAST, (2, 8, 7, 4), (3, 2, 4, 6), 3, 3), "odd": (ODD, (4, 7, 2, 8), (3, 6, 2, 4), 1, 1)}
    ways = ({"padding": "SAME", "window_strides": [2, 1]}, {"padding": "VALID"}, {"padding": "EXPLICIT", "explicit_padding": [0, 1, 2, 0], "rhs_dilation": [2, 1]})
    for name, (layout, shape, filters, channel, result) in layouts.items():
        for way, extra in enumerate(ways):
            for group in (1, 2) if name == "first" else (1,):
                filters = (6, 4 // group, 3, 2) if name == "first" else filters
                second = whole(*filters, low=-128, high=128, dtype=np.int8)
                for axis, out in ((-1, -1), (channel, -1), (channel, result)):
                    def there(x, second=second, axis=axis, out=out, extra=extra, layout=layout, group=group):
                        y = scales(6 if out >= 0 else 0)
                        given = factors("UniformQuantizedConvolution", second, axis, second.shape, WHOLE) | ranges(lhs=(-1, INT8), rhs=(axis, INT8), output=(out, WHOLE))
                        return tf.bitcast(R.UniformQuantizedConvolution(lhs=tf.bitcast(x, tf.qint8), output_scales=y[0] * np.float32(0.3), output_zero_points=y[1], dimension_numbers=layout, feature_group_count=group, **extra, **given), tf.int32)

                    yield GraphCase(f"UniformQuantizedConvolution.{name}.{way}.{group}.{axis}.{out}", there, {"x": whole(*shape, low=-128, high=128, dtype=np.int8)}, operator="UniformQuantizedConvolution")
                    if out < 0:
                        for label, x in floats(*shape)[: 3 if way else None]:
                            yield GraphCase(f"UniformQuantizedConvolutionHybrid.{name}.{way}.{group}.{axis}.{label}", lambda x, second=second, axis=axis, extra=extra, layout=layout, group=group: R.UniformQuantizedConvolutionHybrid(lhs=x, dimension_numbers=layout, feature_group_count=group, **extra, **factors("Hybrid", second, axis, second.shape, INT8)), {"x": x}, operator="UniformQuantizedConvolutionHybrid")


def cases():
    for family in (requantised, sums, products, convolutions):
        yield from family()
