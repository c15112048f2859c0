"""Convolutions and products of integers with what follows them in one operator, as oneDNN's quantisers write them. The
kernels are there only with oneDNN, which this oracle runs without: another process makes models and answers, all at once."""

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from common import multiplies_bytes_exactly

from .operators import CONFIG, GraphCase, NotInTensorFlow, normal, whole

R = tf.raw_ops
IN_SAMPLE = 0  # another process takes its time
B8 = {tf.quint8: tf.uint8, tf.qint8: tf.int8, tf.qint32: tf.int32}


def shown(q):
    """What can be fetched: the integers themselves, and the range."""
    q = q if isinstance(q, (list, tuple)) else [q]
    return [tf.bitcast(v, B8[v.dtype]) if v.dtype in B8 else v for v in q]


def integers(value, dtype):
    return tf.bitcast(tf.constant(value), dtype)


def weights(*shape):
    """Of the whole range where the processor multiplies them exactly; else even ones that neither limit meets."""
    return whole(*shape, low=-127, high=128, dtype=np.int8) if EXACT else whole(*shape, low=-32, high=32, dtype=np.int8) * np.int8(2)


EXACT = multiplies_bytes_exactly()


def convolutions():
    for signed in (False, True):
        kind, low, high = (tf.qint8, -3.0, 4.0) if signed else (tf.quint8, 0.0, 4.0)
        x = whole(2, 7, 6, 3, low=-128 if signed else 0, high=128 if signed else 256, dtype=np.int8 if signed else np.uint8)
        for channels in (False, True):
            for size, stride, padding in ((3, 1, "SAME"), (3, 2, "VALID"), (1, 1, "SAME"), (5, 2, "SAME")):
                w, bias = weights(size, size, 3, 4), normal(4) * 5
                least = np.float32([-1, -2, -0.5, -1]) if channels else np.float32(-1)
                most = np.float32([1, 1.5, 0.7, 0.2]) if channels else np.float32(0.8)
                common = dict(min_input=low, max_input=high, min_filter=least, max_filter=most, strides=[1, stride, stride, 1], padding=padding)
                label = f"{kind.name}.{channels}.{size}.{stride}.{padding}"
                asked = {"min_freezed_output": 0.0, "max_freezed_output": 20.0}
                both = {"min_freezed_output": -30.0, "max_freezed_output": 20.0}
                ways = {"QuantizedConv2DWithBiasAndRequantize": dict(bias=bias, out_type=tf.qint8, **both), "QuantizedConv2DWithBiasAndReluAndRequantize": dict(bias=bias, **asked)}
                if not channels:
                    ways |= {"QuantizedConv2DWithBias": dict(bias=bias), "QuantizedConv2DWithBiasAndRelu": dict(bias=bias)}
                if not channels and not signed:
                    ways |= {"QuantizedConv2DAndRequantize": dict(out_type=tf.qint8, **both), "QuantizedConv2DAndReluAndRequantize": dict(asked), "QuantizedConv2DAndRelu": {}}
                for op, more in ways.items():
                    yield f"{op}.{label}", op, lambda x, op=op, w=w, kind=kind, common=common, more=more: shown(getattr(R, op)(input=tf.bitcast(x, kind), filter=integers(w, tf.qint8), **common, **more)), {"x": x}
        whole_bias = whole(4, low=-9000, high=9000)
        yield f"whole_bias.{kind.name}", "QuantizedConv2DWithBiasAndReluAndRequantize", lambda x, w=w, kind=kind, common=common, b=whole_bias: shown(R.QuantizedConv2DWithBiasAndReluAndRequantize(input=tf.bitcast(x, kind), filter=integers(w, tf.qint8), bias=integers(b, tf.qint32), min_freezed_output=0.0, max_freezed_output=20.0, **common)), {"x": x}
        w, bias = weights(3, 3, 3, 16), normal(16) * 5
        for high in (0.11, 0.37, 1.0, 2.9, 123.0):  # where a float leaves the integers by one
            for filters in ((-1.0, 0.8), (-0.3, 0.25), (-0.77, 2.3)):
                ranges = dict(min_input=-high / 2 if signed else 0.0, max_input=high, min_filter=filters[0], max_filter=filters[1])
                yield f"bias.{kind.name}.{high}.{filters}", "QuantizedConv2DWithBias", lambda x, w=w, kind=kind, bias=bias, ranges=ranges: shown(R.QuantizedConv2DWithBias(input=tf.bitcast(x, kind), filter=integers(w, tf.qint8), bias=bias, strides=[1, 1, 1, 1], padding="SAME", **ranges)), {"x": x}
    x = whole(2, 7, 6, 3, low=0, high=256, dtype=np.uint8)
    for stride in (1, 2):
        w, bias = weights(3, 3, 3, 1), normal(3) * 5
        for channels in (False, True):
            least, most = (np.float32([-1, -2, -0.5]), np.float32([1, 1.5, 0.7])) if channels else (np.float32(-1), np.float32(0.8))
            common = dict(min_input=0.0, max_input=4.0, min_filter=least, max_filter=most, strides=[1, stride, stride, 1], padding="SAME")
            ways = {"QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize": dict(bias=bias, min_freezed_output=0.0, max_freezed_output=20.0)}
            if not channels:
                ways |= {"QuantizedDepthwiseConv2DWithBias": dict(bias=bias), "QuantizedDepthwiseConv2DWithBiasAndRelu": dict(bias=bias), "QuantizedDepthwiseConv2D": {}}
            for op, more in ways.items():
                yield f"{op}.{stride}.{channels}", op, lambda x, op=op, w=w, common=common, more=more: shown(getattr(R, op)(input=tf.bitcast(x, tf.quint8), filter=integers(w, tf.qint8), **common, **more)), {"x": x}


def products():
    a, w, bias = whole(4, 12, low=0, high=256, dtype=np.uint8), weights(12, 5), normal(5) * 5
    for mode in ("SCALED", "MIN_FIRST"):
        for low in (0.0, -2.0):
            common = dict(bias=bias, min_a=low, max_a=4.0, min_b=-1.0, max_b=0.8, input_quant_mode=mode)
            asked = {"min_freezed_output": 0.0, "max_freezed_output": 20.0}
            for op, more in {"QuantizedMatMulWithBias": {}, "QuantizedMatMulWithBiasAndRelu": {}, "QuantizedMatMulWithBiasAndReluAndRequantize": asked, "QuantizedMatMulWithBiasAndDequantize": dict(Toutput=tf.float32, **asked)}.items():
                yield f"{op}.{mode}.{low}", op, lambda a, op=op, common=common, more=more: shown(getattr(R, op)(a=tf.bitcast(a, tf.quint8), b=integers(w, tf.qint8), **common, **more)), {"a": a}


def networks():
    w = [weights(3, 3, 3, 8), weights(3, 3, 8, 8), weights(8 * 16, 10)]
    bias = [normal(8), normal(8), normal(10)]

    def network(x):
        q, high = tf.bitcast(x, tf.quint8), 1.0
        for i in range(2):
            q = R.QuantizedConv2DWithBiasAndReluAndRequantize(input=q, filter=integers(w[i], tf.qint8), bias=bias[i], min_input=0.0, max_input=high, min_filter=-0.3, max_filter=0.3, min_freezed_output=0.0, max_freezed_output=4.0, strides=[1, 1, 1, 1], padding="SAME")[0]
            q, high = R.QuantizedMaxPool(input=q, min_input=0.0, max_input=4.0, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID")[0], 4.0
        q = R.QuantizedReshape(tensor=q, shape=[-1, 8 * 16], input_min=0.0, input_max=4.0)[0]
        return tf.nn.softmax(R.QuantizedMatMulWithBiasAndDequantize(a=q, b=integers(w[2], tf.qint8), bias=bias[2], min_a=0.0, max_a=4.0, min_b=-0.3, max_b=0.3, min_freezed_output=0.0, max_freezed_output=1.0, Toutput=tf.float32, input_quant_mode="SCALED"))

    for i in range(3):
        yield f"network.{i}", "QuantizedConv2DWithBiasAndReluAndRequantize", network, {"x": whole(2, 16, 16, 3, low=0, high=256, dtype=np.uint8)}


def sums():
    x, y = whole(2, 7, 6, 3, low=0, high=256, dtype=np.uint8), normal(2, 7, 6, 4) * 3
    w, bias = weights(3, 3, 3, 4), normal(4) * 5

    for channels in (False, True):
        least, most = (np.float32([-1, -2, -0.5, -1]), np.float32([1, 1.5, 0.7, 0.2])) if channels else (-1.0, 0.8)

        def added(x, y, least=least, most=most):
            other = R.QuantizeV2(input=tf.nn.relu(y), min_range=0.0, max_range=9.0, T=tf.quint8, mode="SCALED", round_mode="HALF_TO_EVEN")
            return shown(R.QuantizedConv2DWithBiasSumAndReluAndRequantize(input=tf.bitcast(x, tf.quint8), filter=integers(w, tf.qint8), bias=bias, min_input=0.0, max_input=4.0, min_filter=least, max_filter=most, min_freezed_output=0.0, max_freezed_output=20.0, summand=other[0], min_summand=other[1], max_summand=other[2], strides=[1, 1, 1, 1], padding="SAME"))

        yield f"sum.{channels}", "QuantizedConv2DWithBiasSumAndReluAndRequantize", added, {"x": x, "y": y}


def requantised():
    a, w = whole(4, 12, low=0, high=256, dtype=np.uint8), weights(12, 5)
    for mode in ("SCALED", "MIN_FIRST"):
        for bias in (normal(5) * 5, whole(5, low=-9000, high=9000)):
            def product(a, mode=mode, bias=bias):
                return shown(R.QuantizedMatMulWithBiasAndRequantize(a=tf.bitcast(a, tf.quint8), b=integers(w, tf.qint8), bias=integers(bias, tf.qint32) if bias.dtype == np.int32 else bias, min_a=0.0, max_a=4.0, min_b=-1.0, max_b=0.8, min_freezed_output=0.0, max_freezed_output=20.0, Toutput=tf.quint8, input_quant_mode=mode))

            yield f"QuantizedMatMulWithBiasAndRequantize.{mode}.{bias.dtype}", "QuantizedMatMulWithBiasAndRequantize", product, {"a": a}
    least, most = np.float32([-100, -2000, -0.5, -1, -0.2]), np.float32([10, 15, 700, 0.2, 3e5])
    for label, values in (("both", whole(2, 5, 3, 5, low=-(2**30), high=2**30)), ("positive", whole(2, 5, 3, 5, low=0, high=90000)), ("all", whole(2, 5, 3, 5, low=-(2**31) + 1, high=2**31 - 1))):
        for high in (0.01, 30.0, 2e4):
            for kind in (tf.qint8, tf.quint8):
                yield f"RequantizePerChannel.{label}.{high}.{kind.name}", "RequantizePerChannel", lambda x, high=high, kind=kind: shown(R.RequantizePerChannel(input=tf.bitcast(x, tf.qint32), input_min=least, input_max=most, requested_output_min=-high / 3, requested_output_max=high, out_type=kind)), {"x": values}
        for clip in (6.0, 1e9):
            yield f"RequantizationRangePerChannel.{label}.{clip}", "RequantizationRangePerChannel", lambda x, clip=clip: R.RequantizationRangePerChannel(input=tf.bitcast(x, tf.qint32), input_min=least, input_max=most, clip_value_max=clip), {"x": values}


def graphs():
    yield from convolutions()
    yield from products()
    yield from sums()
    yield from networks()
    yield from requantised()


def make(folder):
    """In the process with oneDNN: a folder for each graph, with what was asked and answered; an error as text."""
    CONFIG.Clear()  # an optimiser puts the kernels there
    for number, (name, operator, build, inputs) in enumerate(graphs()):
        to = Path(folder) / str(number)
        to.mkdir()
        try:
            found = GraphCase(name, build, inputs, operator=operator).write(to)[0]
            (to / "answer").write_bytes(pickle.dumps(found[2:]))
        except Exception as error:  # no kernel for these
            (to / "error").write_text(f"{type(error).__name__}: {str(error)[:300]}")


class Made(GraphCase):
    folder = None

    def write(self, folder):
        if not Made.folder:
            Made.folder = tempfile.TemporaryDirectory()
            code = f"import sys; sys.path[:0] = [{str(Path(__file__).parents[1])!r}]; from tensorflow_cases import quantised_fused as q; q.make({Made.folder.name!r})"
            path = [p for p in sys.path if p and Path(p).resolve() != Path(__file__).parents[1]]
            subprocess.run([sys.executable, "-c", code.replace("sys.path[:0] =", "sys.path +=")], env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1", "PYTHONPATH": os.pathsep.join(path)}, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        made = Path(Made.folder.name) / str(self.number)
        if (made / "error").exists():
            raise NotInTensorFlow((made / "error").read_text())
        shutil.copy(made / "model.pb", folder / "model.pb")
        return [(folder / "model.pb", None, *pickle.loads((made / "answer").read_bytes()))]


def cases():
    for number, (name, operator, build, inputs) in enumerate(graphs()):
        case = Made(name, build, inputs, operator=operator)
        case.number = number
        yield case
