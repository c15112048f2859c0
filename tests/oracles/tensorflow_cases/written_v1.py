"""Variables that are written in branches and loops of TensorFlow 1 (Switch, Merge, Enter, Exit), as references and as
resources, and conditional updates as batch normalisation makes them."""

import numpy as np
import tensorflow as tf

from .exports import predict_signature
from .operators import normal
from .savedmodel import session_case

v1 = tf.compat.v1


def case(name, run, inputs, resource, operator):
    """run(variable, **placeholders) -> outputs by name; what the variable holds when they are there is `after`."""

    def build(folder):
        v1.disable_control_flow_v2()
        try:
            v = v1.get_variable("v", initializer=np.arange(3, dtype=np.float32), use_resource=resource)
            fed = {n: v1.placeholder(np.asarray(x).dtype, np.shape(x), n) for n, x in inputs.items()}
            outputs = run(v, **fed)
            with tf.control_dependencies(list(outputs.values())):
                outputs["after"] = v.read_value() + 0.0
            return {"serving_default": predict_signature(fed, outputs)}, {"serving_default": inputs}, None
        finally:
            v1.enable_control_flow_v2()

    return session_case(f"{name}.{'resource' if resource else 'reference'}", build, operator=operator)


def loop(condition, body):
    return tf.nest.flatten(tf.while_loop(condition, body, [0], parallel_iterations=1))[0]


def one_side(v, x, p):
    return {"y": tf.cond(p, lambda: v1.assign_add(v, x) * 1.0, lambda: v.read_value() * 2.0)}


def nothing(v, x, p):
    """As the updates of batch normalisation: only there for a control edge."""

    def update():
        with tf.control_dependencies([v1.assign_sub(v, (v.read_value() - x) * 0.1)]):
            return tf.constant(0)

    done = tf.cond(p, update, lambda: tf.constant(0))
    with tf.control_dependencies([done]):
        return {"y": x * 3.0}


def old_and_new(v, x, p):
    def both():
        old = v.read_value() * 1.0
        with tf.control_dependencies([old]):
            return old, v1.assign(v, x * 2) + 0.0

    a, b = tf.cond(p, both, lambda: (x, x))
    return {"old": a, "new": b}


def two(v, x, p):
    """One condition after another."""
    first = tf.cond(p, lambda: v1.assign_add(v, x) + 0.0, lambda: x)
    with tf.control_dependencies([first]):
        second = tf.cond(x[0] > 0, lambda: v1.assign_add(v, first) + 0.0, lambda: v1.assign(v, x) + 0.0)
    return {"first": first, "second": second}


def nested(v, x, p):
    return {"y": tf.cond(p, lambda: tf.cond(x[0] > 0, lambda: v1.assign_add(v, x) + 0.0, lambda: v1.assign_sub(v, x) + 0.0), lambda: v.read_value() + 0.0)}


def counted(v, x, p):
    def body(i, y):
        with tf.control_dependencies([v1.assign_add(v, x)]):
            return i + 1, y + v.read_value()

    i, y = tf.while_loop(lambda i, y: i < 4, body, [0, x], parallel_iterations=1)
    return {"i": i, "y": y}


def until(v, x, p):
    """The condition reads what the rounds write."""

    def body(i):
        with tf.control_dependencies([v1.assign_add(v, tf.abs(x) + 1)]):
            return i + 1

    return {"i": loop(lambda i: tf.reduce_sum(v.read_value()) < 20, body)}


def in_turn(v, x, p):
    """A condition in a loop in a loop."""

    def inner(j, t):
        with tf.control_dependencies([tf.cond(tf.equal(j % 2, 0), lambda: v1.assign_add(v, x) + 0.0, lambda: v1.assign(v, v.read_value() * 0.5) + 0.0)]):
            return j + 1, t + tf.reduce_sum(v.read_value())

    def outer(i, t):
        return i + 1, tf.while_loop(lambda j, t: j < i, inner, [0, t], parallel_iterations=1)[1]

    i, t = tf.while_loop(lambda i, t: i < 4, outer, [0, 0.0], parallel_iterations=1)
    return {"i": i, "t": t}


def rows(v, x, p):
    def body(i):
        with tf.control_dependencies([v1.scatter_add(v, [i], x[i : i + 1] * 2)]):
            return i + 1

    return {"i": loop(lambda i: i < 3, body)}


def normalised(v, x, p):
    """tf.layers.batch_normalization with its updates in place."""
    mean, variance = tf.nn.moments(x, [0])

    def update():
        with tf.control_dependencies([v1.assign_sub(v, 0.1 * (v.read_value() - mean))]):
            return tf.identity(mean), tf.identity(variance)

    mean, variance = tf.cond(p, update, lambda: (v.read_value() + 0.0, tf.ones([3])))
    return {"y": (x - mean) * tf.math.rsqrt(variance + 1e-3)}


def none_of_it(v, x, p):
    def body(i):
        with tf.control_dependencies([v1.assign_add(v, x)]):
            return i + 1

    return {"i": loop(lambda i: i < tf.cast(p, tf.int32) * 2, body)}


def cases():
    for resource in (True, False):
        for run in (one_side, nothing, old_and_new, two, nested, none_of_it):
            for p in (True, False):
                yield case(f"{run.__name__}.{p}", run, {"x": np.array([1, -2, 0.5], np.float32), "p": np.bool_(p)}, resource, "Merge")
        for run in (counted, until, in_turn, rows):
            yield case(run.__name__, run, {"x": np.array([1, -2, 0.5], np.float32), "p": np.bool_(True)}, resource, "Exit")
        for p in (True, False):
            yield case(f"normalised.{p}", normalised, {"x": normal(5, 3), "p": np.bool_(p)}, resource, "Merge")
