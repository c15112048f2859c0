"""Recurrent networks of TensorFlow 1: its cells under dynamic_rnn, bidirectional_dynamic_rnn, raw_rnn and
static_rnn, with variables frozen to constants, over lengths, initial states and both control flows."""

import numpy as np
import tensorflow as tf
from tensorflow.python.keras.layers.legacy_rnn import rnn_cell_impl as cells

from .operators import CONFIG, normal
from .savedmodel import ModelCase

v1 = tf.compat.v1
F = tf.float32


class Recurrent(ModelCase):
    """build(x, lengths) -> outputs, trained for no step and frozen."""

    def __init__(self, name, build, lengths=None, old=True, free=False):
        super().__init__(name, self.freeze)
        self.build, self.lengths, self.old, self.free = build, lengths, old, free

    def freeze(self, folder):
        switch = v1.disable_control_flow_v2 if self.old else v1.enable_control_flow_v2
        switch()
        try:
            with tf.Graph().as_default() as graph, v1.Session(config=CONFIG) as session:
                v1.set_random_seed(1)
                v1.disable_resource_variables()
                x = v1.placeholder(F, [None, None, 3] if self.free else [2, 4, 3], "x")
                lengths = None if self.lengths is None else v1.placeholder(tf.int32, [None if self.free else 2], "lengths")
                with v1.variable_scope("net", initializer=v1.random_normal_initializer(stddev=0.5, seed=2)):
                    outputs = [tf.identity(v, f"out_{i}") for i, v in enumerate(tf.nest.flatten(self.build(x, lengths)))]
                session.run(v1.global_variables_initializer())
                inputs = {"x": normal(2, 4, 3)} | ({} if lengths is None else {"lengths": np.array(self.lengths, np.int32)})
                want = session.run(outputs, {f"{n}:0": v for n, v in inputs.items()})
                names = [o.op.name for o in outputs]
                definition = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), names)
        finally:
            v1.enable_control_flow_v2()
            v1.enable_resource_variables()
        path = folder / "frozen.pb"
        path.write_bytes(definition.SerializeToString())
        return [(path, None, inputs, dict(zip(names, want)))]


def cell(kind):
    make = {
        "basic": lambda: cells.BasicRNNCell(4),
        "gru": lambda: cells.GRUCell(4),
        "basic_lstm": lambda: cells.BasicLSTMCell(4),
        "lstm": lambda: cells.LSTMCell(4),
        "lstm.peepholes": lambda: cells.LSTMCell(4, use_peepholes=True, cell_clip=0.9),
        "lstm.projected": lambda: cells.LSTMCell(4, num_proj=3, proj_clip=0.5),
        "stack": lambda: cells.MultiRNNCell([cells.BasicLSTMCell(4), cells.GRUCell(3)]),
        "residual": lambda: cells.ResidualWrapper(cells.GRUCell(3)),
    }
    return make[kind]()


KINDS = ("basic", "gru", "basic_lstm", "lstm", "lstm.peepholes", "lstm.projected", "stack", "residual")


def raw(x, lengths, kind):
    network = cell(kind)
    times = tf.transpose(x, [1, 0, 2])
    array = tf.TensorArray(F, size=tf.shape(times)[0]).unstack(times)

    def step(time, output, state, loop_state):
        new = network.zero_state(tf.shape(x)[0], F) if output is None else state
        done = time >= lengths
        following = tf.cond(tf.reduce_all(done), lambda: tf.zeros([tf.shape(x)[0], 3]), lambda: array.read(time))
        following.set_shape([None, 3])
        return done, following, new, output, None

    outputs, state, _ = v1.nn.raw_rnn(network, step)
    return outputs.stack(), state


def cases():
    for kind in KINDS:
        for old in (True, False):
            way = "v1" if old else "v2"
            for free in (False, True):
                tag = f"{kind}.{way}{'.free' if free else ''}"
                yield Recurrent(f"dynamic.{tag}", lambda x, n, k=kind: v1.nn.dynamic_rnn(cell(k), x, dtype=F), old=old, free=free)
                yield Recurrent(f"dynamic.lengths.{tag}", lambda x, n, k=kind: v1.nn.dynamic_rnn(cell(k), x, sequence_length=n, dtype=F), [2, 4], old, free)
            yield Recurrent(f"dynamic.none.{kind}.{way}", lambda x, n, k=kind: v1.nn.dynamic_rnn(cell(k), x, sequence_length=n, dtype=F), [0, 0], old)
            yield Recurrent(f"bidirectional.{kind}.{way}", lambda x, n, k=kind: v1.nn.bidirectional_dynamic_rnn(cell(k), cell(k), x, sequence_length=n, dtype=F), [3, 1], old)
            yield Recurrent(f"time_major.{kind}.{way}", lambda x, n, k=kind: v1.nn.dynamic_rnn(cell(k), tf.transpose(x, [1, 0, 2]), time_major=True, dtype=F), old=old)
            yield Recurrent(f"static.{kind}.{way}", lambda x, n, k=kind: v1.nn.static_rnn(cell(k), tf.unstack(x, axis=1), dtype=F), old=old)
            yield Recurrent(f"static.lengths.{kind}.{way}", lambda x, n, k=kind: v1.nn.static_rnn(cell(k), tf.unstack(x, axis=1), sequence_length=n, dtype=F), [1, 3], old)
            yield Recurrent(f"raw.{kind}.{way}", lambda x, n, k=kind: raw(x, n, k), [2, 4], old)
