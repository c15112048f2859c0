"""What needs state or the runtime: critical sections, counters; and small operators of their own."""

import numpy as np
import tensorflow as tf

from .exports import predict_signature
from .operators import GraphCase, normal, one
from .savedmodel import session_case

raw, v1 = tf.raw_ops, tf.compat.v1


def sections():
    def old(folder):
        v = v1.get_variable("v", initializer=np.float32(3), use_resource=True)
        x = v1.placeholder(tf.float32, [], "x")
        y = tf.CriticalSection(name="section").execute(lambda: v.assign_add(x) + 0.0)
        return {"serving_default": predict_signature({"x": x}, {"y": tf.identity(y)})}, {"serving_default": {"x": np.float32(4)}}, None

    yield session_case("CriticalSection.v1", old, operator="MutexLock")


def counters():
    for resource in (False, True):
        def build(folder, resource=resource):
            v = v1.get_variable("n", initializer=np.int32(5), use_resource=resource)
            x = v1.placeholder(tf.int32, [], "x")
            y = raw.ResourceCountUpTo(resource=v.handle, limit=7, T=tf.int32) if resource else raw.CountUpTo(ref=v._ref(), limit=7)
            with tf.control_dependencies([y]):
                after = v.read_value() + 0
            return {"serving_default": predict_signature({"x": x}, {"n": y + x, "after": after})}, {"serving_default": {"x": np.int32(2)}}, None

        yield session_case(f"CountUpTo.{resource}", build, operator="CountUpTo")


def small():
    for channels in (1, 2):
        samples = np.clip(normal(9, channels), -1.2, 1.2)
        samples[0] = [1.0] * channels
        yield GraphCase(f"EncodeWav.{channels}", lambda audio, rate: tf.io.encode_base64(raw.EncodeWav(audio=audio, sample_rate=rate)), {"audio": samples, "rate": np.int32(16000)}, operator="EncodeWav")
    for dtype, to in ((np.float32, tf.float32), (np.float64, tf.float64), (np.int8, tf.float32), (np.int16, tf.float32), (np.int32, tf.float64), (np.int64, tf.float64)):
        for shape in ((12,), (3, 9), (2, 3, 5), (2, 1)):
            yield from one("IsotonicRegression", f"{dtype.__name__}.{shape}", input=(normal(*shape) * 9).astype(dtype), output_dtype=to)
    for shape in ((60,), (6, 10)):
        yield from one("ApproxTopK", f"{shape}", input=np.random.default_rng(3).permutation(60).reshape(shape).astype(np.float32), k=3)


def uniform():
    x = normal(3, 4) * 9
    for kind, plain, low, high in ((tf.qint8, tf.int8, -128, 127), (tf.quint8, tf.uint8, 0, 255), (tf.qint32, tf.int32, -9000, 9000), (tf.qint8, tf.int8, -127, 127)):
        for axis, scales, zeros in ((-1, 0.1, 3), (1, [0.1, 0.02, 0.3, 1.0], [0, 5, -7, 1]), (0, [0.2, 0.05, 3.0], [1, 0, -2])):
            given = {"quantization_axis": axis, "quantization_min_val": low, "quantization_max_val": high}
            scale, zero = np.float32(scales), np.int32(zeros)

            def there(x, kind=kind, plain=plain, given=given, scale=scale, zero=zero):
                q = raw.UniformQuantize(input=x, scales=scale, zero_points=zero, Tout=kind, **given)
                found = [tf.bitcast(q, plain), raw.UniformDequantize(input=q, scales=scale, zero_points=zero, Tout=tf.float32, **given)]
                if kind == tf.qint32:
                    limit = lambda v: tf.bitcast(tf.constant(np.full(np.shape(zero), v, np.int32)), kind)
                    found.append(tf.bitcast(raw.UniformQuantizedClipByValue(operand=q, min=limit(-20), max=limit(30), scales=scale, zero_points=zero, **given), plain))
                return found

            yield GraphCase(f"UniformQuantize.{kind.name}.{low}.{axis}", there, {"x": x}, operator="UniformQuantize")


def places():
    for names in (["CPU", "GPU"], ["GPU", "CPU"], ["GPU"]):
        yield GraphCase(f"DeviceIndex.{len(names)}.{names[0]}", lambda x, names=names: raw.DeviceIndex(device_names=names) + x, {"x": np.int32(1)}, operator="DeviceIndex")
    for value in (np.float32(0), np.float32(2), np.int32(0), np.zeros((0, 2), np.float32), np.zeros((1, 2), np.float32), np.bool_(True)):
        yield from one("ToBool", f"{value.dtype}.{value.shape}.{value.ravel()[:1]}", input=value)


def cases():
    yield from uniform()
    yield from places()
    yield from sections()
    yield from counters()
    yield from small()
