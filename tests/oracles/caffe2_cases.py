#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Caffe2 as oracle: makes nets, lets Caffe2 itself run them, and keeps net, inputs and answers.

    PYTHON tests/oracles/caffe2_cases.py FOLDER [WORD]

writes FOLDER/NAME.npz: init_net, predict_net (bytes), input_spec (text), x0 ... (inputs, named by
`inputs`), y0 ... (answers of external_output). PYTHON has Caffe2: the wheel torch==1.8.1 with
numpy<1.24, protobuf<3.21, future and six, on Python 3.8, does. tests/oracles/caffe2.py compares firn
with such a folder; the one that is committed is tests/importers/caffe2."""

import json
import os
import sys

import numpy as np

sys.path.pop(0)  # caffe2.py beside this is not the package
from caffe2.proto import caffe2_pb2
from caffe2.python import core, workspace
from caffe2.python.predictor import mobile_exporter

CASES = {}
RNG = np.random.default_rng(20)


def case(make):
    CASES[make.__name__] = make
    return make


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


class Net:
    """A net that is being written: weights become fills of the init net, as exporters write it."""

    def __init__(self, name, **inputs):
        self.init, self.predict = caffe2_pb2.NetDef(), caffe2_pb2.NetDef()
        self.init.name, self.predict.name = name + "_init", name
        self.inputs, self.count = inputs, 0
        self.predict.external_input.extend(inputs)

    def weight(self, array):
        name, self.count = "w%d" % self.count, self.count + 1
        fill = {np.dtype("f4"): "GivenTensorFill", np.dtype("i4"): "GivenTensorIntFill",
                np.dtype("i8"): "GivenTensorInt64Fill"}[array.dtype]
        self.init.op.extend([core.CreateOperator(fill, [], [name], shape=list(array.shape),
                                                 values=array.ravel().tolist())])
        self.predict.external_input.append(name)
        return name

    def constant(self, shape, value):
        name, self.count = "w%d" % self.count, self.count + 1
        self.init.op.extend([core.CreateOperator("ConstantFill", [], [name], shape=shape,
                                                 value=value)])
        self.predict.external_input.append(name)
        return name

    def op(self, kind, inputs, outputs=None, **arguments):
        outputs = outputs or "b%d" % len(self.predict.op)
        outputs = [outputs] if isinstance(outputs, str) else outputs
        self.predict.op.extend([core.CreateOperator(
            kind, [inputs] if isinstance(inputs, str) else inputs, outputs, **arguments)])
        return outputs[0]

    def run(self, *outputs):
        self.predict.external_output.extend(outputs)
        workspace.ResetWorkspace()
        for name, value in self.inputs.items():
            workspace.FeedBlob(name, value)
        workspace.RunNetOnce(self.init)
        workspace.RunNetOnce(self.predict)
        return [workspace.FetchBlob(name) for name in outputs]


class Exported(Net):
    """As mobile_exporter writes it: inputs are filled, too."""

    def run(self, *outputs):
        answers = super().run(*outputs)
        weights = [operator.output[0] for operator in self.init.op]
        self.init, self.predict = mobile_exporter.Export(workspace, self.predict, weights)
        return answers


def specification(inputs):
    return json.dumps({"inputs": [{"name": name, "type": value.dtype.name,
                                   "shape": [None] + list(value.shape[1:])}
                                  for name, value in inputs.items()]})


# --- cases: each gives (net, outputs) ---

@case
def lenet():
    net = Net("lenet", data=normal(3, 1, 28, 28))
    x = net.op("Conv", ["data", net.weight(normal(6, 1, 5, 5)), net.weight(normal(6))], kernel=5)
    x = net.op("MaxPool", x, kernel=2, stride=2)
    x = net.op("Conv", [x, net.weight(normal(8, 6, 5, 5) / 5), net.weight(normal(8))], kernel=5)
    x = net.op("MaxPool", x, kernel=2, stride=2)
    x = net.op("FC", [x, net.weight(normal(20, 128) / 11), net.weight(normal(20))])
    x = net.op("Relu", x, x)
    x = net.op("FC", [x, net.weight(normal(10, 20)), net.weight(normal(10))])
    return net, [net.op("Softmax", x, "prob")]


@case
def residual():
    net = Net("residual", data=normal(2, 4, 9, 9))
    def conv(x, stride=1):
        x = net.op("Conv", [x, net.weight(normal(4, 4, 3, 3) / 6)], kernel=3, pad=1, stride=stride)
        return net.op("SpatialBN", [x, net.weight(normal(4)), net.weight(normal(4)),
                                    net.weight(normal(4)), net.weight(abs(normal(4)) + 1)],
                      is_test=1, epsilon=1e-3, order="NCHW")
    x = conv("data")
    x = net.op("Relu", x, x)
    x = net.op("Sum", [conv(x), "data"])
    x = net.op("AveragePool", x, global_pooling=1)
    x = net.op("Flatten", x)
    return net, [net.op("FC", [x, net.weight(normal(5, 4)), net.constant([5], 0.25)])]


@case
def fire():
    """What SqueezeNet is made of, with a dropout and a concatenation with two outputs."""
    net = Net("fire", data=normal(2, 3, 13, 13))
    x = net.op("Conv", ["data", net.weight(normal(8, 3, 3, 3)), net.weight(normal(8))], kernel=3,
               stride=2)
    x = net.op("Relu", x, x)
    x = net.op("LRN", x, [x + "n", x + "s"], size=3, alpha=0.1, beta=0.75, bias=1.5, order="NCHW")
    s = net.op("Relu", net.op("Conv", [x, net.weight(normal(4, 8, 1, 1))], kernel=1))
    a = net.op("Conv", [s, net.weight(normal(6, 4, 1, 1))], kernel=1)
    b = net.op("Conv", [s, net.weight(normal(6, 4, 3, 3))], kernel=3, pad=1)
    x = net.op("Concat", [a, b], ["cat", "cat_split"], order="NCHW")
    x = net.op("Dropout", x, [x, "mask"], is_test=1, ratio=0.5)
    x = net.op("MaxPool", x, kernel=3, stride=2)
    x = net.op("AveragePool", x, global_pooling=1)
    return net, [net.op("Softmax", x, "softmaxout")]


@case
def exported():
    """As a converter from ONNX writes it: plural arguments, broadcast bias."""
    net = Net("exported", data=normal(2, 2, 8, 8))
    x = net.op("Conv", ["data", net.weight(normal(4, 2, 3, 3))], kernels=[3, 3], strides=[2, 1],
               pads=[1, 0, 1, 2], dilations=[1, 2], group=1)
    x = net.op("Add", [x, net.weight(normal(4))], broadcast=1, axis=1)
    x = net.op("MaxPool", x, kernels=[2, 2], strides=[1, 1], pads=[0, 0, 1, 1])
    x = net.op("Reshape", x, ["flat", "old"], shape=[0, -1])
    return net, [x]


@case
def grouped():
    net = Net("grouped", data=normal(1, 6, 7, 5))
    x = net.op("Conv", ["data", net.weight(normal(9, 2, 3, 2)), net.weight(normal(9))], kernel_h=3,
               kernel_w=2, stride_h=1, stride_w=2, pad_t=1, pad_l=0, pad_b=2, pad_r=1, group=3)
    return net, [net.op("Sigmoid", x)]


@case
def dilated():
    net = Net("dilated", data=normal(1, 2, 12, 12))
    return net, [net.op("Conv", ["data", net.weight(normal(3, 2, 3, 3))], kernel=3, dilation=2,
                        pad=2)]


@case
def channels_last():
    net = Net("channels_last", data=normal(2, 8, 7, 3))
    x = net.op("Conv", ["data", net.weight(normal(4, 3, 3, 3)), net.weight(normal(4))], kernel=3,
               pad=1, order="NHWC")
    x = net.op("MaxPool", x, kernel=2, stride=2, order="NHWC")
    y = net.op("LRN", x, ["n", "s"], size=3, alpha=0.5, beta=0.5, order="NHWC")
    y = net.op("Concat", [x, y], ["c", "sp"], order="NHWC")
    y = net.op("AveragePool", y, kernel=2, order="NHWC")
    return net, [y, net.op("NHWC2NCHW", y)]


@case
def lrn_without_order():
    net = Net("lrn", data=normal(2, 4, 4, 6))
    return net, [net.op("LRN", "data", ["n", "s"], size=5, alpha=0.3, beta=0.75)]


@case
def transposed():
    net = Net("transposed", data=normal(2, 3, 4, 5))
    x = net.op("ConvTranspose", ["data", net.weight(normal(3, 2, 3, 3)), net.weight(normal(2))],
               kernel=3, stride=2, pad=1, adj=1)
    return net, [net.op("Tanh", x)]


@case
def pools():
    net = Net("pools", data=normal(2, 2, 9, 10))
    outputs = []
    for kind in ("MaxPool", "AveragePool"):
        outputs += [net.op(kind, "data", kernel=3, stride=2),
                    net.op(kind, "data", kernel=3, stride=2, pad=1),
                    net.op(kind, "data", kernel=3, stride=2, legacy_pad=3),
                    net.op(kind, "data", kernel=3, stride=2, pad=1, legacy_pad=3),
                    net.op(kind, "data", kernel=2, stride=2, legacy_pad=3),
                    net.op(kind, "data", kernel=3, stride=2, legacy_pad=2),
                    net.op(kind, "data", kernel=3, stride=3, legacy_pad=1),
                    net.op(kind, "data", global_pooling=1)]
    outputs.append(net.op("AveragePool", "data", kernel=3, stride=2, pad=1, count_include_pad=1))
    return net, outputs


@case
def same_convolutions():
    net = Net("same", data=normal(1, 2, 9, 10))
    return net, [net.op("Conv", ["data", net.weight(normal(2, 2, 4, 4))], kernel=4, stride=s,
                        legacy_pad=2) for s in (1, 2, 3)]


@case
def dense():
    net = Net("dense", data=normal(4, 3, 2))
    a = net.op("FC", ["data", net.weight(normal(5, 6)), net.weight(normal(5))])
    b = net.op("FC", ["data", net.weight(normal(5, 2)), net.weight(normal(5))], axis=2)
    c = net.op("FCTransposed", [a, net.weight(normal(5, 4)), net.weight(normal(4))])
    d = net.op("MatMul", [a, net.weight(normal(3, 5))], trans_b=1)
    e = net.op("FC", ["data", net.weight(normal(5, 3, 2)), net.weight(normal(5))])
    return net, [a, b, c, d, e]


@case
def elementwise():
    net = Net("elementwise", data=normal(3, 4))
    positive = net.op("Clip", net.op("Abs", "data"), min=0.1, max=2.0)
    outputs = [net.op(kind, "data") for kind in ("Relu", "Sigmoid", "Tanh", "Softplus", "Softsign",
                                                 "Exp", "Negative", "Sqr", "Elu", "LeakyRelu",
                                                 "Copy", "Floor", "Ceil", "Sin", "Cos")]
    outputs += [net.op("Elu", "data", alpha=0.5), net.op("LeakyRelu", "data", alpha=0.2),
                net.op("Log", positive), net.op("Sqrt", positive),
                net.op("Scale", "data", scale=2.5), net.op("Clip", "data", max=0.5),
                net.op("Cast", "data", to=2), net.op("PRelu", ["data", net.weight(normal(4))]),
                net.op("PRelu", ["data", net.weight(normal(1))])]
    return net, outputs


@case
def binary():
    net = Net("binary", data=normal(2, 3, 4, 5), more=normal(2, 3, 4, 5))
    outputs = [net.op(kind, ["data", "more"]) for kind in ("Add", "Sub", "Mul", "Div")]
    outputs += [net.op(kind, ["data", "more", "data"]) for kind in ("Sum", "Max", "Min", "Mean")]
    outputs += [net.op("Mul", ["data", net.weight(normal(5))], broadcast=1),
                net.op("Add", ["data", net.weight(normal(3, 4))], broadcast=1, axis=1),
                net.op("Sub", ["data", net.weight(normal(3))], broadcast=1, axis=1),
                net.op("Div", ["data", net.weight(abs(normal(1)) + 1)], broadcast=1),
                net.op("Mul", ["data", net.weight(normal(3, 1, 1))])]
    return net, outputs


@case
def shapes():
    net = Net("shapes", data=normal(2, 4, 6, 3))
    outputs = [net.op("Flatten", "data"), net.op("Flatten", "data", axis=2),
               net.op("FlattenToVec", "data"), net.op("Transpose", "data"),
               net.op("Transpose", "data", axes=[0, 2, 3, 1]),
               net.op("NCHW2NHWC", "data"),
               net.op("ExpandDims", "data", dims=[0, 2]),
               net.op("Squeeze", net.op("ExpandDims", "data", dims=[1]), dims=[1]),
               net.op("Reshape", "data", ["r", "o"], shape=[0, -1, 2]), "o",
               net.op("Reshape", ["data", net.weight(np.array([-1, 12], "i8"))], ["q", "p"]),
               net.op("Softmax", net.op("Flatten", "data"), axis=1),
               net.op("Concat", ["data", "data"], ["c2", "c2s"], axis=2),
               net.op("Concat", ["data", "data"], ["c3", "c3s"], axis=1, add_axis=1),
               net.op("PadImage", "data", pad_t=1, pad_l=2, pad_b=0, pad_r=1, mode="reflect"),
               net.op("PadImage", "data", pad=2, value=1.5), net.op("PadImage", "data", pad=1, mode="edge"),
               net.op("ResizeNearest", "data", width_scale=2.0, height_scale=2.0),
               net.op("ResizeNearest", "data", width_scale=1.5, height_scale=0.5),
               net.op("ArgMax", "data", axis=1), net.op("ArgMax", "data", axis=1, keepdims=0)]
    net.op("Split", "data", ["s0", "s1"], axis=1)
    net.op("Split", "data", ["t0", "t1", "t2"], axis=2, split=[1, 2, 3])
    return net, outputs + ["s0", "s1", "t0", "t1", "t2"]


@case
def wide_softmax():
    net = Net("wide_softmax", data=normal(2, 3, 2, 2))
    return net, [net.op("Softmax", "data"), net.op("Softmax", "data", axis=2),
                 net.op("InstanceNorm", ["data", net.weight(normal(3)), net.weight(normal(3))])]


@case
def over_and_over():
    """Blobs that are written again: a name means what was written last."""
    net = Net("over", data=normal(2, 3))
    net.op("Relu", "data", "a")
    net.op("Scale", "a", "a", scale=2.0)
    net.op("Add", ["a", "data"], "data")
    net.op("Sqr", "data", "a")
    return net, ["a", "data"]


@case
def mobile():
    net = Exported("mobile", x=normal(3, 4))
    x = net.op("FC", ["x", net.weight(normal(3, 4)), net.weight(normal(3))])
    return net, [net.op("Softmax", x)]


@case
def mobile_inputs():
    """Two inputs, one of them never the first of an operator's, and weights that look like them."""
    net = Exported("mobile_inputs", x=normal(3, 1), scale=normal(3, 1))
    zero = net.weight(np.zeros((1, 1), np.float32))
    x = net.op("Mul", [net.op("FC", ["x", net.weight(normal(1, 1)), net.weight(normal(1))]), "scale"])
    x = net.op("FC", [x, zero, net.weight(normal(1))])
    return net, [net.op("Add", [x, zero], broadcast=1), net.op("Add", [zero, net.weight(normal(1, 1))])]


def main(folder, word=""):
    os.makedirs(folder, exist_ok=True)
    for name, make in CASES.items():
        if word not in name:
            continue
        net, outputs = make()
        answers = net.run(*outputs)
        np.savez_compressed(
            os.path.join(folder, name + ".npz"),
            init_net=np.frombuffer(net.init.SerializeToString(), "u1"),
            predict_net=np.frombuffer(net.predict.SerializeToString(), "u1"),
            input_spec=specification(net.inputs), inputs=list(net.inputs), outputs=outputs,
            **{"x%d" % i: value for i, value in enumerate(net.inputs.values())},
            **{"y%d" % i: value for i, value in enumerate(answers)})
        print("made", name, len(outputs))


if __name__ == "__main__":
    main(*sys.argv[1:])
