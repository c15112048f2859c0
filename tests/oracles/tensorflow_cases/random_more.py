"""Random counts by seeds, generators whose state is a variable, seeds that functions state."""

import numpy as np
import tensorflow as tf

from .operators import K, OpCase, normal, one
from .savedmodel import function_case, module_case

raw, v1 = tf.raw_ops, tf.compat.v1


def counts():
    rates = np.array([0.5, 3, 9.5, 10, 47, 1000, 0])
    for dtype in (np.float32, np.float64, np.float16):
        for to in (tf.int64, tf.int32, tf.float32, tf.float64, tf.float16):
            for seed in ([5, 6], [-3, 1 << 40]):
                yield from one("StatelessRandomPoisson", f"{dtype.__name__}.{to.name}.{seed[0]}", shape=np.array([40, 7], np.int32), seed=np.array(seed, np.int64), lam=rates.astype(dtype), dtype=to)
            yield from one("RandomPoissonV2", f"{dtype.__name__}.{to.name}", shape=np.array([30], np.int32), rate=rates.astype(dtype), seed=3, seed2=8, dtype=to)
    yield from one("StatelessRandomPoisson", "scalar", shape=np.array([9], np.int64), seed=np.array([1, 2], np.int32), lam=np.float32(4), dtype=tf.int32)
    for dtype in (np.float64, np.float32):
        for to in (tf.int64, tf.int32, tf.float32, tf.float64):
            for seed in ([5, 6], [-3, 1 << 40]):
                yield from one("StatelessRandomBinomial", f"{dtype.__name__}.{to.name}.{seed[0]}", shape=np.array([30, 2, 6], np.int32), seed=np.array(seed, np.int64), counts=np.array([[3], [200]], dtype), probs=np.array([0.1, 0.5, 0.02, 0.9, 1, 0], dtype), dtype=to)
    yield from one("StatelessRandomBinomial", "scalar", shape=np.array([50], np.int32), seed=np.array([4, 9], np.int64), counts=np.float64(40), probs=np.float64(0.7), dtype=tf.int64)


def sobol():
    for dtype in (tf.float32, tf.float64):
        for dim, points, skip in ((1, 1, 0), (3, 9, 0), (5, 700, 11), (1111, 70, 0), (40, 5, 123456), (2, 3, 2**28), (7, 1200, 1000)):
            given = {"dim": np.int32(dim), "num_results": np.int32(points), "skip": np.int32(skip)}
            yield from one("SobolSample", f"{dtype.name}.{dim}.{points}.{skip}", dtype=dtype, **given)
            yield from one("SobolSample", f"{dtype.name}.{dim}.{points}.{skip}.fixed", dtype=dtype, **{n: K(v) for n, v in given.items()})


def generators():
    shape = np.array([3, 5], np.int64)
    draws = {
        "StatefulUniform": lambda v, a, s: [raw.StatefulUniform(resource=v, algorithm=a, shape=s, dtype=d) for d in (tf.float32, tf.float64)],
        "StatefulStandardNormalV2": lambda v, a, s: [raw.StatefulStandardNormalV2(resource=v, algorithm=a, shape=s, dtype=d) for d in (tf.float32, tf.float64)],
        "StatefulTruncatedNormal": lambda v, a, s: [raw.StatefulTruncatedNormal(resource=v, algorithm=a, shape=s, dtype=d) for d in (tf.float32, tf.float64)],
        "StatefulUniformInt": lambda v, a, s: [raw.StatefulUniformInt(resource=v, algorithm=a, shape=s, minval=tf.constant(-5, d), maxval=tf.constant(90, d)) for d in (tf.int32, tf.int64)],
        "StatefulUniformFullInt": lambda v, a, s: [raw.StatefulUniformFullInt(resource=v, algorithm=a, shape=s, dtype=d) for d in (tf.int32, tf.uint64)],
        "RngSkip": lambda v, a, s: [raw.RngSkip(resource=v, algorithm=a, delta=tf.constant(7, tf.int64)), raw.StatefulUniform(resource=v, algorithm=a, shape=s, dtype=tf.float32)][1:],
        "StatefulRandomBinomial": lambda v, a, s: [raw.StatefulRandomBinomial(resource=v, algorithm=a, shape=tf.cast(s, tf.int32), counts=n, probs=p, dtype=d) for d, n, p in ((tf.float32, [9.0, 200.0, 3.0, 50.0, 1.0], 0.3), (tf.int64, 40.0, 0.7), (tf.float64, [[5.0], [70.0], [1.0]], [0.1, 0.5, 0.9, 0.0, 1.0]))],
        "Generator": lambda v, a, s: [],
    }
    for name, draw in draws.items():
        def build(folder, draw=draw, name=name):
            module = tf.Module()
            module.g = tf.random.Generator.from_seed(1234)

            @tf.function(input_signature=[tf.TensorSpec([2], tf.int64, name="shape")])
            def f(shape):
                found = draw(module.g.state.handle, tf.constant(1, tf.int64), shape) if name != "Generator" else [module.g.uniform(shape), module.g.normal(shape), module.g.truncated_normal(shape), module.g.uniform(shape, 3, 90, tf.int32)]
                return {f"y{i}": y for i, y in enumerate(found)} | {"after": module.g.state.read_value()}

            return module, {"serving_default": f}, {"serving_default": {"shape": shape}}

        yield module_case(f"generator.{name}", build, operator=name)


def functions():
    inner = tf.function(lambda x: x + v1.random_uniform(tf.shape(x), seed=5))
    ways = {
        "one": lambda x: {"y": x + v1.random_uniform(tf.shape(x), seed=5)},
        "two": lambda x: {"y": v1.random_normal(tf.shape(x), seed=5), "z": v1.random_normal(tf.shape(x), seed=6)},
        "inner": lambda x: {"y": inner(x)},
        "twice": lambda x: {"y": inner(x), "z": inner(x * 2)},
        "loop": lambda x: {"y": tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y + v1.random_uniform(tf.shape(y), seed=5)), [0, x])[1]},
    }
    for name, way in ways.items():
        yield function_case(f"seeds.{name}", way, [tf.TensorSpec([None, 3], tf.float32)], {"x": normal(4, 3)}, operator=f"seeds in a function: {name}")


def cases():
    yield from counts()
    for dtype in (tf.int32, tf.int64, tf.uint32, tf.uint64):
        yield OpCase("NonDeterministicInts", {"shape": np.array([3, 2], np.int64), "dtype": dtype}, dtype.name, shapes_only=True)
    yield from sobol()
    yield from generators()
    yield from functions()
