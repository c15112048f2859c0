"""Graphs that compute with integers for ranges of floats: each operator, and a network of them."""

import numpy as np
import tensorflow as tf

from .operators import GraphCase, normal, positive, whole

R = tf.raw_ops


def quantised(x, low, high, dtype=tf.quint8, mode="MIN_FIRST"):
    return R.QuantizeV2(input=x, min_range=low, max_range=high, T=dtype, mode=mode)


def shown(q):
    """What can be fetched: the integers themselves, and the range."""
    wide = q[0].dtype == tf.qint32
    return [tf.bitcast(q[0], tf.int32 if wide else tf.int8 if q[0].dtype == tf.qint8 else tf.uint8), *q[1:]]


def each(name, build, inputs, operator, dynamic=None):
    for i, part in enumerate(("", ".min", ".max")):
        yield GraphCase(f"{name}{part}", lambda i=i, **x: shown(build(**x))[i], inputs, operator=operator, dynamic=dynamic)


def pairs(shape_a, shape_b):
    return {"a": normal(*shape_a) * 2, "b": normal(*shape_b) * 3}


RANGES = ((-6.0, 6.0, -6.0, 6.0), (-6.0, 3.0, -1.0, 9.0), (0.0, 5.0, -7.0, 0.0))


def products():
    for low_a, high_a, low_b, high_b in RANGES:
        label = f"{low_a}.{high_a}.{low_b}.{high_b}"

        def both(a, b, r=(low_a, high_a, low_b, high_b)):
            qa, qb = quantised(a, r[0], r[1]), quantised(b, r[2], r[3])
            return dict(min_a=qa[1], max_a=qa[2], min_b=qb[1], max_b=qb[2]), qa[0], qb[0]

        for ta in (False, True):
            for tb in (False, True):
                def product(a, b, ta=ta, tb=tb, both=both):
                    ranges, qa, qb = both(a, b)
                    return R.QuantizedMatMul(a=qa, b=qb, transpose_a=ta, transpose_b=tb, Toutput=tf.qint32, **ranges)

                yield from each(f"QuantizedMatMul.{label}.{ta}.{tb}", product, pairs((5, 3) if ta else (3, 5), (4, 5) if tb else (5, 4)), "QuantizedMatMul", None if ta else "dims")
        for op in ("QuantizedMul", "QuantizedAdd"):
            for sa, sb in (((3, 4), (3, 4)), ((2, 3, 4), (4,)), ((4,), (3, 4))):
                def arithmetic(a, b, op=op, both=both):
                    r, qa, qb = both(a, b)
                    return getattr(R, op)(x=qa, y=qb, min_x=r["min_a"], max_x=r["max_a"], min_y=r["min_b"], max_y=r["max_b"], Toutput=tf.qint32)

                yield from each(f"{op}.{label}.{sa}.{sb}", arithmetic, pairs(sa, sb), op)
        for dtype in (tf.quint8, tf.qint8):
            def biased(a, b, dtype=dtype, r=(low_a, high_a, low_b, high_b)):
                mode = "MIN_FIRST" if dtype == tf.quint8 else "SCALED"
                qa, qb = quantised(a, r[0], r[1], dtype, mode), quantised(b, r[2], r[3], dtype, mode)
                return R.QuantizedBiasAdd(input=qa[0], bias=qb[0], min_input=qa[1], max_input=qa[2], min_bias=qb[1], max_bias=qb[2], out_type=tf.qint32)

            yield from each(f"QuantizedBiasAdd.{label}.{dtype.name}", biased, pairs((2, 3, 4), (4,)), "QuantizedBiasAdd")


def convolved(x, w, stride, padding, low=-4.0, high=5.0):
    qx, qw = quantised(x, low, high), quantised(w, -2.0, 3.0)
    return R.QuantizedConv2D(input=qx[0], filter=qw[0], min_input=qx[1], max_input=qx[2], min_filter=qw[1], max_filter=qw[2], strides=[1, stride, stride, 1], padding=padding)


def images():
    for stride in (1, 2, 3):
        for padding in ("SAME", "VALID"):
            for size in (1, 2, 3) if stride < 3 else (2, 3) if padding == "SAME" else ():
                for height, width in ((7, 6), (8, 9)):
                    yield from each(f"QuantizedConv2D.{stride}.{padding}.{size}.{height}", lambda x, w, stride=stride, padding=padding: convolved(x, w, stride, padding), {"x": normal(2, height, width, 3), "w": normal(size, size, 3, 5)}, "QuantizedConv2D")
    yield from each("QuantizedConv2D.positive", lambda x, w: convolved(x, w, 1, "SAME", 0.0, 4.0), {"x": positive(1, 5, 5, 3), "w": normal(3, 3, 3, 2)}, "QuantizedConv2D", "batch")
    for op in ("QuantizedMaxPool", "QuantizedAvgPool"):
        for size, stride in ((2, 2), (3, 1), (3, 2), (5, 3)):
            for padding in ("SAME", "VALID"):
                def pooled(x, op=op, size=size, stride=stride, padding=padding):
                    q = quantised(x, -3.0, 3.0)
                    return getattr(R, op)(input=q[0], min_input=q[1], max_input=q[2], ksize=[1, size, size, 1], strides=[1, stride, stride, 1], padding=padding)

                yield from each(f"{op}.{size}.{stride}.{padding}", pooled, {"x": normal(2, 9, 8, 3)}, op)


def others():
    for low, high in ((-6.0, 6.0), (-1.0, 9.0), (0.0, 4.0)):
        for op in ("QuantizedRelu", "QuantizedRelu6"):
            for wide in (False, True):
                def limited(x, op=op, low=low, high=high, wide=wide):
                    q = quantised(x, low, high, tf.quint8)
                    if wide:
                        q = R.QuantizedBiasAdd(input=q[0], bias=tf.bitcast(tf.constant([7, 200, 100, 0], tf.uint8), tf.quint8), min_input=q[1], max_input=q[2], min_bias=-2.0, max_bias=3.0, out_type=tf.qint32)
                    return getattr(R, op)(features=q[0], min_features=q[1], max_features=q[2], out_type=q[0].dtype)

                yield from each(f"{op}.{low}.{high}.{wide}", limited, {"x": normal(3, 4) * 4}, op)
    for low, high in ((-6.0, 6.0), (-60.0, 900.0), (-1e6, 1e6), (0.0, 50.0), (-0.01, 0.02)):
        x = whole(5, 7, low=-(2**31), high=2**31 - 1)
        small = whole(40, low=-50000, high=90000)

        def as_wide(x, low=low, high=high):
            return tf.bitcast(x, tf.qint32), tf.constant(low), tf.constant(high)

        for label, values in (("wide", x), ("small", small)):
            yield from each(f"QuantizeDownAndShrinkRange.{low}.{high}.{label}", lambda x, f=as_wide: R.QuantizeDownAndShrinkRange(input=f(x)[0], input_min=f(x)[1], input_max=f(x)[2], out_type=tf.quint8), {"x": values}, "QuantizeDownAndShrinkRange")
            for i in (0, 1):
                yield GraphCase(f"RequantizationRange.{low}.{high}.{label}.{i}", lambda x, i=i, f=as_wide: R.RequantizationRange(input=f(x)[0], input_min=f(x)[1], input_max=f(x)[2])[i], {"x": values}, operator="RequantizationRange")
            yield from each(f"Requantize.{low}.{high}.{label}", lambda x, f=as_wide, low=low, high=high: R.Requantize(input=f(x)[0], input_min=f(x)[1], input_max=f(x)[2], requested_output_min=low / 7, requested_output_max=high / 3, out_type=tf.quint8), {"x": values}, "Requantize")

    def joined(a, b, axis):
        qa, qb = quantised(a, -6.0, 6.0), quantised(b, -1.0, 9.0)
        return R.QuantizedConcat(concat_dim=axis, values=[qa[0], qb[0], qa[0]], input_mins=[qa[1], qb[1], qa[1]], input_maxes=[qa[2], qb[2], qa[2]])

    for axis in (0, 1):
        yield from each(f"QuantizedConcat.{axis}", lambda a, b, axis=axis: joined(a, b, axis), pairs((3, 3), (3, 3)), "QuantizedConcat")

    def reshaped(x):
        q = quantised(x, -6.0, 6.0)
        return R.QuantizedReshape(tensor=q[0], shape=[4, -1], input_min=q[1], input_max=q[2])

    yield from each("QuantizedReshape", reshaped, {"x": normal(3, 8)}, "QuantizedReshape")


def resized():
    for kind, plain, low, high in ((tf.quint8, np.uint8, 0, 256),):
        for size in ((5, 4), (7, 9), (1, 1), (3, 20), (11, 8), (2, 3)):
            for channels in (1, 3, 4):
                for corners, half in ((False, False), (True, False), (False, True)):
                    def scaled(x, kind=kind, size=size, corners=corners, half=half):
                        return shown(R.QuantizedResizeBilinear(images=tf.bitcast(x, kind), size=size, min=-1.0, max=3.0, align_corners=corners, half_pixel_centers=half))[0]

                    yield GraphCase(f"QuantizedResizeBilinear.{kind.name}.{size}.{channels}.{corners}.{half}", scaled, {"x": whole(2, 5, 4, channels, low=low, high=high, dtype=plain)}, operator="QuantizedResizeBilinear")


def normalised():
    parts = [whole(4, low=20, high=256, dtype=np.uint8) for _ in range(4)]
    for scales in (False, True):
        for epsilon in (0.001, 1.0):
            for low, high in ((0.0, 1.0), (-3.0, 9.0), (-100.0, 900.0)):
                def norm(x, scales=scales, epsilon=epsilon, low=low, high=high):
                    given = {name: tf.bitcast(tf.constant(part), tf.quint8) for name, part in zip(("m", "v", "beta", "gamma"), parts)}
                    ranges = {f"{name}_{end}": value for name in given for end, value in (("min", 0.0 if name == "v" else low), ("max", high))}
                    return R.QuantizedBatchNormWithGlobalNormalization(t=tf.bitcast(x, tf.quint8), t_min=low, t_max=high, out_type=tf.qint32, variance_epsilon=epsilon, scale_after_normalization=scales, **given, **ranges)

                yield from each(f"QuantizedBatchNorm.{scales}.{epsilon}.{low}", norm, {"x": whole(2, 3, 5, 4, low=0, high=256, dtype=np.uint8)}, "QuantizedBatchNormWithGlobalNormalization")


def shrunk(q):
    r = R.RequantizationRange(input=q[0], input_min=q[1], input_max=q[2])
    return R.Requantize(input=q[0], input_min=q[1], input_max=q[2], requested_output_min=r[0], requested_output_max=r[1], out_type=tf.quint8)


def network():
    """As graph_transforms writes an image network."""
    filters, dense, bias = normal(3, 3, 3, 8), normal(8 * 4 * 4, 10), normal(8)

    def predict(x):
        low, high = tf.reduce_min(x), tf.reduce_max(x)
        q = shrunk(convolved_of(quantised(x, low, high), quantised(tf.constant(filters), -3.0, 3.0)))
        b = quantised(tf.constant(bias), -3.0, 3.0)
        q = shrunk(R.QuantizedBiasAdd(input=q[0], bias=b[0], min_input=q[1], max_input=q[2], min_bias=b[1], max_bias=b[2], out_type=tf.qint32))
        q = R.QuantizedRelu(features=q[0], min_features=q[1], max_features=q[2])
        q = R.QuantizedMaxPool(input=q[0], min_input=q[1], max_input=q[2], ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")
        q = R.QuantizedReshape(tensor=q[0], shape=[-1, 8 * 4 * 4], input_min=q[1], input_max=q[2])
        w = quantised(tf.constant(dense), -3.0, 3.0)
        q = R.QuantizedMatMul(a=q[0], b=w[0], min_a=q[1], max_a=q[2], min_b=w[1], max_b=w[2], Toutput=tf.qint32)
        q = shrunk(q)
        return tf.nn.softmax(R.Dequantize(input=q[0], min_range=q[1], max_range=q[2], mode="MIN_FIRST"))

    for i in range(4):
        yield GraphCase(f"network.{i}", predict, {"x": normal(2, 8, 8, 3)}, operator="QuantizedConv2D", dynamic="batch" if i % 2 else None)


def convolved_of(x, w):
    return R.QuantizedConv2D(input=x[0], filter=w[0], min_input=x[1], max_input=x[2], min_filter=w[1], max_filter=w[2], strides=[1, 1, 1, 1], padding="SAME")


def cases():
    yield from products()
    yield from images()
    yield from others()
    yield from network()
    yield from resized()
    yield from normalised()
