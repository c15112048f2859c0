"""Dilated convolutions as they are stored: a convolution between SpaceToBatchND and BatchToSpaceND."""

import tensorflow as tf

from .operators import GraphCase, normal


def around(convolve, block, pads, crops):
    def build(x):
        y = tf.raw_ops.SpaceToBatchND(input=x, block_shape=block, paddings=pads)
        return tf.raw_ops.BatchToSpaceND(input=convolve(y), block_shape=block, crops=crops)

    return build


def cases():
    for size in ((7, 6), (9, 9), (8, 5)):
        for rate in ((2, 2), (3, 1)):
            for padding in ("SAME", "VALID"):
                for kernel in ((3, 3), (1, 1), (2, 1)):
                    wide = [(k - 1) * r for k, r in zip(kernel, rate)]
                    base = [[n // 2, n - n // 2] if padding == "SAME" else [0, 0] for n in wide]
                    spare = [-(n + sum(b)) % r for n, b, r in zip(size, base, rate)]
                    pads = [[b[0], b[1] + s] for b, s in zip(base, spare)]
                    crops = [[0, s] for s in spare]
                    w, strides = normal(*kernel, 3, 4), {"strides": [1, 1, 1, 1], "padding": "VALID"}
                    ways = (lambda y, w=w: tf.raw_ops.Conv2D(input=y, filter=w, **strides), lambda y, w=w: tf.raw_ops.DepthwiseConv2dNative(input=y, filter=w, **strides))
                    for op, convolve in zip(("Conv2D", "DepthwiseConv2dNative"), ways):
                        for dynamic in (None, "dims"):
                            yield GraphCase(f"{op}.{size}.{rate}.{padding}.{kernel}.{dynamic}", around(convolve, list(rate), pads, crops), {"x": normal(2, *size, 3)}, dynamic=dynamic, operator="BatchToSpaceND")
    yield GraphCase("twice", around(lambda y: tf.raw_ops.Relu(features=y), [2, 2], [[1, 0], [0, 1]], [[0, 1], [1, 0]]), {"x": normal(2, 3, 5, 3)}, operator="BatchToSpaceND")
