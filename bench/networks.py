"""Networks as ONNX files, as exporters write them: random weights, fixed seeds, nothing fused beforehand."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 8


class Writer:
    """Appends nodes; values are names."""

    def __init__(self, seed=0):
        self.random = np.random.RandomState(seed)
        self.nodes, self.initializers = [], []

    def constant(self, value):
        name = f"w{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def normal(self, *shape, scale):
        return self.constant((self.random.randn(*shape) * scale).astype(np.float32))

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def save(self, path, name, dtype, shape, output, output_shape):
        self.nodes.append(helper.make_node("Identity", [output], ["y"]))
        graph = helper.make_graph(
            self.nodes, "network", [helper.make_tensor_value_info(name, dtype, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, output_shape)], self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        path.write_bytes(model.SerializeToString())

    # --- layers ---

    def conv(self, x, channels, filters, size, stride=1, group=1, norm=True):
        """Conv, with a BatchNormalization behind it."""
        fan = channels // group * size * size
        v = self.op("Conv", x, self.normal(filters, channels // group, size, size, scale=(2 / fan) ** 0.5),
                    kernel_shape=[size, size], strides=[stride, stride], pads=[size // 2] * 4, group=group)
        if not norm:
            return v
        near_one, small = (1 + 0.1 * self.random.rand(2, filters)).astype(np.float32), (0.1 * self.random.randn(2, filters)).astype(np.float32)
        return self.op("BatchNormalization", v, self.constant(near_one[0]), self.constant(small[0]), self.constant(small[1]), self.constant(near_one[1]))

    def linear(self, x, inputs, outputs, scale=0.02):
        return self.op("Add", self.op("MatMul", x, self.normal(inputs, outputs, scale=scale)), self.normal(outputs, scale=scale))

    def dense(self, x, inputs, outputs, scale=1):
        return self.op("Gemm", x, self.normal(outputs, inputs, scale=scale * inputs**-0.5), self.constant(np.zeros(outputs, np.float32)), transB=1)

    def layer_norm(self, x, width):
        return self.op("LayerNormalization", x, self.constant(np.ones(width, np.float32)), self.constant(np.zeros(width, np.float32)), axis=-1, epsilon=1e-12)

    def gelu(self, x):
        one = self.op("Add", self.op("Erf", self.op("Div", x, self.constant(np.float32(2**0.5)))), self.constant(np.float32(1)))
        return self.op("Mul", self.op("Mul", x, one), self.constant(np.float32(0.5)))

    def swish(self, x):
        return self.op("Mul", x, self.op("Sigmoid", x))

    def encoder_layer(self, v, tokens, width, heads, pre_norm=False):
        """Self-attention and a feed-forward network, with the Reshapes and Transposes of an exporter."""
        split = self.constant(np.array([0, tokens, heads, width // heads]))
        joined = self.constant(np.array([0, tokens, width]))
        x = self.layer_norm(v, width) if pre_norm else v
        q, k, w = (self.op("Reshape", self.linear(x, width, width), split) for _ in range(3))
        q, w = (self.op("Transpose", t, perm=[0, 2, 1, 3]) for t in (q, w))
        scores = self.op("Div", self.op("MatMul", q, self.op("Transpose", k, perm=[0, 2, 3, 1])), self.constant(np.float32((width // heads) ** 0.5)))
        mixed = self.op("Transpose", self.op("MatMul", self.op("Softmax", scores, axis=-1), w), perm=[0, 2, 1, 3])
        v = self.op("Add", v, self.linear(self.op("Reshape", mixed, joined), width, width))
        v = v if pre_norm else self.layer_norm(v, width)
        x = self.layer_norm(v, width) if pre_norm else v
        v = self.op("Add", v, self.linear(self.gelu(self.linear(x, width, 4 * width)), 4 * width, width))
        return v if pre_norm else self.layer_norm(v, width)


def classifier(g, path, v, channels, side, scale=1):
    """`scale` keeps the logits apart, and the Softmax from being one and zeros."""
    v = g.op("Flatten", g.op("GlobalAveragePool", v))
    v = g.op("Softmax", g.dense(v, channels, 1000, scale))
    g.save(path, "x", TensorProto.FLOAT, ["N", 3, side, side], v, ["N", 1000])


def resnet50(path):
    """He et al., Deep Residual Learning, 2015."""
    g = Writer(1)
    relu = lambda v: g.op("Relu", v)
    v = g.op("MaxPool", relu(g.conv("x", 3, 64, 7, 2)), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for stage, (width, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)]):
        for block in range(blocks):
            stride = 2 if block == 0 and stage else 1
            u = relu(g.conv(v, channels, width, 1))
            u = g.conv(relu(g.conv(u, width, width, 3, stride)), width, 4 * width, 1)
            v = relu(g.op("Add", u, g.conv(v, channels, 4 * width, 1, stride) if block == 0 else v))
            channels = 4 * width
    classifier(g, path, v, channels, 224, scale=0.05)


def mobilenet2(path):
    """Sandler et al., MobileNetV2, 2018."""
    g = Writer(2)
    zero, six = g.constant(np.float32(0)), g.constant(np.float32(6))
    relu6 = lambda v: g.op("Clip", v, zero, six)
    v, channels = relu6(g.conv("x", 3, 32, 3, 2)), 32
    for expand, width, blocks, first in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
        for block in range(blocks):
            stride, hidden, u = first if block == 0 else 1, channels * expand, v
            u = relu6(g.conv(u, channels, hidden, 1)) if expand > 1 else u
            u = g.conv(relu6(g.conv(u, hidden, hidden, 3, stride, group=hidden)), hidden, width, 1)
            v = g.op("Add", u, v) if stride == 1 and channels == width else u
            channels = width
    classifier(g, path, relu6(g.conv(v, channels, 1280, 1)), 1280, 224)


def efficientnet(path):
    """Tan and Le, EfficientNet-B0, 2019: Swish, squeeze and excitation."""
    g = Writer(6)
    v, channels = g.swish(g.conv("x", 3, 32, 3, 2)), 32
    for expand, width, blocks, first, size in [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]:
        for block in range(blocks):
            stride, hidden, u = first if block == 0 else 1, channels * expand, v
            u = g.swish(g.conv(u, channels, hidden, 1)) if expand > 1 else u
            u = g.swish(g.conv(u, hidden, hidden, size, stride, group=hidden))
            squeezed = g.swish(g.conv(g.op("GlobalAveragePool", u), hidden, channels // 4, 1, norm=False))
            u = g.op("Mul", u, g.op("Sigmoid", g.conv(squeezed, channels // 4, hidden, 1, norm=False)))
            u = g.conv(u, hidden, width, 1)
            v = g.op("Add", u, v) if stride == 1 and channels == width else u
            channels = width
    classifier(g, path, g.swish(g.conv(v, channels, 1280, 1)), 1280, 224, scale=10)


def unet(path):
    """Ronneberger et al., U-Net, 2015, with padding and a quarter of the channels."""
    g = Writer(7)
    double = lambda v, a, b: g.op("Relu", g.conv(g.op("Relu", g.conv(v, a, b, 3)), b, b, 3))
    v, channels, skips = "x", 3, []
    for width in (16, 32, 64, 128):
        v = double(v, channels, width)
        skips.append((v, width))
        v, channels = g.op("MaxPool", v, kernel_shape=[2, 2], strides=[2, 2]), width
    v, channels = double(v, channels, 256), 256
    for skip, width in reversed(skips):
        v = g.op("ConvTranspose", v, g.normal(channels, width, 2, 2, scale=channels**-0.5), g.constant(np.zeros(width, np.float32)), kernel_shape=[2, 2], strides=[2, 2])
        v, channels = double(g.op("Concat", skip, v, axis=1), 2 * width, width), width
    v = g.op("Sigmoid", g.conv(v, channels, 1, 1, norm=False))
    g.save(path, "x", TensorProto.FLOAT, ["N", 3, 256, 256], v, ["N", 1, 256, 256])


def vit(path, layers=12, width=384, heads=6, side=224, patch=16):
    """Dosovitskiy et al., ViT-S/16, 2020: pre-norm encoder over patches and a class token."""
    g = Writer(8)
    count = (side // patch) ** 2
    v = g.op("Conv", "x", g.normal(width, 3, patch, patch, scale=0.02), g.constant(np.zeros(width, np.float32)), kernel_shape=[patch, patch], strides=[patch, patch])
    v = g.op("Transpose", g.op("Reshape", v, g.constant(np.array([0, width, count]))), perm=[0, 2, 1])
    batch = g.op("Gather", g.op("Shape", "x"), g.constant(np.array([0])), axis=0)
    token = g.op("Expand", g.normal(1, 1, width, scale=0.02), g.op("Concat", batch, g.constant(np.array([1, width])), axis=0))
    v = g.op("Add", g.op("Concat", token, v, axis=1), g.normal(count + 1, width, scale=0.02))
    for _ in range(layers):
        v = g.encoder_layer(v, count + 1, width, heads, pre_norm=True)
    v = g.op("Gather", g.layer_norm(v, width), g.constant(np.array(0)), axis=1)
    g.save(path, "x", TensorProto.FLOAT, ["N", 3, side, side], g.dense(v, width, 1000), ["N", 1000])


def encoder(path, layers, width, heads, tokens, vocabulary=8000):
    """Devlin et al., BERT, 2018: post-norm encoder with GELU."""
    g = Writer(3)
    v = g.op("Gather", g.normal(vocabulary, width, scale=0.02), "ids")
    v = g.layer_norm(g.op("Add", v, g.normal(tokens, width, scale=0.02)), width)
    for _ in range(layers):
        v = g.encoder_layer(v, tokens, width, heads)
    g.save(path, "ids", TensorProto.INT64, ["N", tokens], v, ["N", tokens, width])


def mlp(path):
    g = Writer(4)
    v = g.op("Relu", g.dense("x", 784, 128))
    v = g.op("Softmax", g.dense(g.op("Relu", g.dense(v, 128, 64)), 64, 10))
    g.save(path, "x", TensorProto.FLOAT, ["N", 784], v, ["N", 10])


def lstm(path, steps=50, inputs=128, hidden=256):
    g = Writer(5)
    v = g.op("Transpose", "x", perm=[1, 0, 2])
    weights = g.normal(1, 4 * hidden, inputs, scale=0.05), g.normal(1, 4 * hidden, hidden, scale=0.05), g.constant(np.zeros((1, 8 * hidden), np.float32))
    _, last, _ = g.op("LSTM", v, *weights, outputs=3, hidden_size=hidden)
    v = g.dense(g.op("Squeeze", last, g.constant(np.array([0]))), hidden, 10)
    g.save(path, "x", TensorProto.FLOAT, ["N", steps, inputs], v, ["N", 10])


def forest(path, trees=100, depth=8, features=28, seed=9):
    """A forest of complete trees: regression, the mean of the trees."""
    random = np.random.RandomState(seed)
    inner, nodes = 2**depth - 1, 2 ** (depth + 1) - 1
    ids = np.arange(nodes)
    branch = ids < inner
    per_tree = lambda values: np.concatenate([values() for _ in range(trees)])
    tree_ids = np.repeat(np.arange(trees), nodes)
    leaves = np.flatnonzero(~branch)
    attributes = dict(
        n_targets=1, aggregate_function="AVERAGE", nodes_treeids=tree_ids.tolist(), nodes_nodeids=np.tile(ids, trees).tolist(),
        nodes_modes=np.tile(np.where(branch, "BRANCH_LEQ", "LEAF"), trees).tolist(),
        nodes_featureids=per_tree(lambda: random.randint(0, features, nodes)).tolist(),
        nodes_values=per_tree(lambda: np.where(branch, random.randn(nodes), 0)).astype(np.float32).tolist(),
        nodes_truenodeids=np.tile(np.where(branch, 2 * ids + 1, 0), trees).tolist(),
        nodes_falsenodeids=np.tile(np.where(branch, 2 * ids + 2, 0), trees).tolist(),
        target_treeids=np.repeat(np.arange(trees), len(leaves)).tolist(), target_nodeids=np.tile(leaves, trees).tolist(),
        target_ids=[0] * (trees * len(leaves)), target_weights=random.randn(trees * len(leaves)).astype(np.float32).tolist())
    node = helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", **attributes)
    graph = helper.make_graph([node], "forest", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", features])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])])
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", 3)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString())


def image(side):
    return lambda batch: np.random.RandomState(0).rand(batch, 3, side, side).astype(np.float32)


def tokens(count, vocabulary=8000):
    return lambda batch: np.random.RandomState(0).randint(0, vocabulary, (batch, count))


def numbers(*shape):
    return lambda batch: np.random.RandomState(0).randn(batch, *shape).astype(np.float32)


def quantised(name):
    """The network in integers: QuantizeLinear and DequantizeLinear around everything, weights int8 per channel, the
    rest uint8, calibrated on two random inputs."""

    def build(path):
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process

        class Once(CalibrationDataReader):
            def __init__(self, feed):
                self.feeds = iter([feed])

            def get_next(self):
                return next(self.feeds, None)

        write, inputs, _, _ = NETWORKS[name]
        plain = path.with_suffix(".plain.onnx")
        write(plain)
        quant_pre_process(plain, plain, skip_symbolic_shape=True)
        quantize_static(plain, path, Once({"x": inputs(2)}), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
        plain.unlink()

    return build


# name: (writes the model, input of a batch, batch, goal: times ONNX Runtime)
NETWORKS = {
    "resnet50": (resnet50, image(224), 1, 1.05),
    "mobilenet2": (mobilenet2, image(224), 1, 1.1),
    "efficientnet": (efficientnet, image(224), 1, 1.0),
    "unet": (unet, image(256), 1, 1.0),
    "vit": (vit, image(224), 1, 1.0),
    "bert-s128": (lambda path: encoder(path, 12, 768, 12, 128), tokens(128), 1, 1.25),
    "minilm-s16": (lambda path: encoder(path, 6, 384, 12, 16), tokens(16), 1, 1.6),
    "mlp": (mlp, numbers(784), 1, 2.5),
    "lstm": (lstm, numbers(50, 128), 1, 1.4),
    "resnet50-int8": (quantised("resnet50"), image(224), 1, 1.0),
    "mobilenet2-int8": (quantised("mobilenet2"), image(224), 1, 1.0),
    "forest": (forest, numbers(28), 1, 5),
    "forest-10000": (forest, numbers(28), 10000, 1.5),
}
