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


def cases():
    yield from sections()
    yield from counters()
    yield from small()
