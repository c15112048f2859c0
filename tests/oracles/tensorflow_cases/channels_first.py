"""Images with the channels first, which TensorFlow's own CPU kernels do not take: the graph that is stored
is of NCHW or NCDHW; the answer is that of the same operator with the channels last, turned."""

import numpy as np
import tensorflow as tf

from .operators import CONFIG, normal, positive


def first(x):
    return np.moveaxis(x, -1, 1)


def turned(numbers):
    """A list of one number a dimension, channels last, as of channels first."""
    return [numbers[0], numbers[-1], *numbers[1:-1]]


class FirstCase:
    """build(images, turn, layout) -> outputs; those of the rank of the images are images."""

    def __init__(self, name, build, images, dynamic=False):
        self.name, self.operator, self.build, self.images, self.dynamic = name, name.split(".")[0], build, images, dynamic

    def graph(self, images, turn, layout):
        graph = tf.Graph()
        with graph.as_default():
            shapes = [[None] * x.ndim if self.dynamic else x.shape for x in images]
            for shape, x in zip(shapes, images):
                if self.dynamic:
                    shape[1 if layout.startswith("NC") else -1] = x.shape[1 if layout.startswith("NC") else -1]
            places = [tf.compat.v1.placeholder(tf.float32, s, f"x{i}") for i, s in enumerate(shapes)]
            outputs = [tf.identity(o, f"out_{i}") for i, o in enumerate(tf.nest.flatten(self.build(places, turn, layout)))]
        return graph, outputs

    def write(self, folder):
        rank = self.images[0].ndim
        last, own = ("NHWC", "NCHW") if rank == 4 else ("NDHWC", "NCDHW")
        graph, outputs = self.graph(self.images, list, last)
        with tf.compat.v1.Session(graph=graph, config=CONFIG) as session:
            got = session.run(outputs, {f"x{i}:0": x for i, x in enumerate(self.images)})
        images = [np.ascontiguousarray(first(x)) for x in self.images]
        graph, outputs = self.graph(images, turned, own)
        path = folder / "model.pb"
        path.write_bytes(graph.as_graph_def().SerializeToString())
        wants = {o.op.name: np.ascontiguousarray(first(g)) if g.ndim == rank else g for o, g in zip(outputs, got)}
        return [(path, None, {f"x{i}": x for i, x in enumerate(images)}, wants)]


def case(name, op, images, *inputs, lists=(), **attributes):
    """An operator of images and other inputs; attributes named in `lists` have a number a dimension."""

    def build(places, turn, layout):
        more = {k: turn(v) if k in lists else v for k, v in attributes.items()}
        arguments = list(places)
        for at, name_of, value in inputs:
            arguments.insert(at, turn(value) if name_of == "sizes" else value)
        return getattr(tf.raw_ops, op)(**dict(zip(names(op), arguments)), data_format=layout, **more)

    for dynamic in (False, True):
        yield FirstCase(f"{op}.{name}{'.free' if dynamic else ''}", build, images, dynamic)


def names(op):
    from tensorflow.python.framework import op_def_registry

    return [a.name for a in op_def_registry.get(op).input_arg]


def cases():
    x, cube = normal(2, 7, 6, 4), normal(1, 4, 5, 6, 2)
    w, depth = normal(3, 2, 4, 5), normal(3, 2, 4, 2)
    for strides in ([1, 1, 1, 1], [1, 2, 2, 1], [1, 2, 1, 1]):
        for padding in ("SAME", "VALID"):
            window = {"lists": ("strides", "dilations", "ksize"), "strides": strides, "padding": padding}
            label = f"{strides[1]}{strides[2]}{padding}"
            yield from case(label, "Conv2D", [x], (1, "", w), **window)
            for op, ksize in (("MaxPool", [1, 2, 3, 1]), ("AvgPool", [1, 3, 2, 1])):
                yield from case(label, op, [x], ksize=ksize, **window)
            if strides[1] == strides[2]:
                yield from case(label, "DepthwiseConv2dNative", [x], (1, "", depth), **window)
                out = [{"SAME": -(-n // strides[1]), "VALID": -(-(n - k + 1) // strides[1])}[padding] for n, k in ((7, 3), (6, 2))]
                yield from case(label, "Conv2DBackpropInput", [normal(2, *out, 5)], (0, "sizes", [2, 7, 6, 4]), (1, "", w), **window)
                yield from case(label, "DepthwiseConv2dNativeBackpropInput", [normal(2, *out, 8)], (0, "sizes", [2, 7, 6, 4]), (1, "", depth), **window)
    plain = {"lists": ("strides", "dilations"), "strides": [1, 1, 1, 1], "padding": "SAME"}
    yield from case("dilated", "Conv2D", [x], (1, "", w), dilations=[1, 2, 3, 1], **plain)
    yield from case("dilated", "DepthwiseConv2dNative", [x], (1, "", depth), dilations=[1, 2, 2, 1], **plain)
    yield from case("groups", "Conv2D", [x], (1, "", normal(3, 3, 2, 6)), **plain)
    for strides in ([1, 1, 1, 1, 1], [1, 1, 2, 1, 1], [1, 2, 2, 2, 1]):
        for padding in ("SAME", "VALID"):
            window = {"lists": ("strides", "ksize"), "strides": strides, "padding": padding}
            label = f"{strides[1]}{strides[2]}{padding}"
            yield from case(label, "Conv3D", [cube], (1, "", normal(2, 3, 2, 2, 3)), **window)
            yield from case(label, "MaxPool3D", [cube], ksize=[1, 2, 2, 3, 1], **window)
            yield from case(label, "AvgPool3D", [cube], ksize=[1, 2, 2, 3, 1], **window)
            out = [{"SAME": -(-n // s), "VALID": -(-(n - k + 1) // s)}[padding] for n, k, s in zip((4, 5, 6), (2, 3, 2), strides[1:4])]
            yield from case(label, "Conv3DBackpropInputV2", [normal(1, *out, 3)], (0, "sizes", [1, 4, 5, 6, 2]), (1, "", normal(2, 3, 2, 2, 3)), **window)
    for image in (x, cube):
        c = image.shape[-1]
        if image.ndim == 4:
            yield from case("bias", "BiasAdd", [image], (1, "", normal(c)))
        for training in (False, True):
            moments = (np.zeros(0, np.float32),) * 2 if training else (normal(c), positive(c))

            def build(places, turn, layout, moments=moments, training=training, c=c, scale=normal(c), offset=normal(c)):
                return tf.raw_ops.FusedBatchNormV3(x=places[0], scale=scale, offset=offset, mean=moments[0], variance=moments[1], is_training=training, data_format=layout)[:3]

            for dynamic in (False, True):
                yield FirstCase(f"FusedBatchNormV3.{image.ndim}d{training}{dynamic}", build, [image], dynamic)
    yield from case("blocks", "SpaceToDepth", [normal(1, 4, 6, 3)], block_size=2)
    yield from case("blocks", "DepthToSpace", [normal(1, 2, 3, 8)], block_size=2)
