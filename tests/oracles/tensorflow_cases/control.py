"""Branches, loops and arrays of tensors, each as TensorFlow 2 saves them (If, While, TensorList), as
TensorFlow 1 did (Switch, Merge, Enter, TensorArray), frozen with and without functions; recurrent layers of
Keras as SavedModels."""

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import function
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tensorflow.python.ops import functional_ops

from .exports import OldControlFlow
from .operators import GraphCase, normal, whole
from .savedmodel import ModelCase, asked, function_case

F, I = tf.float32, tf.int32
v1 = tf.compat.v1


class Frozen(ModelCase):
    """A function frozen by TensorFlow 2."""

    def __init__(self, name, function, specification, inputs, lower):
        super().__init__(name, self.freeze)
        self.function, self.specification, self.inputs, self.lower = function, specification, inputs, lower

    def freeze(self, folder):
        names = list(self.inputs)
        function = tf.function(lambda *tensors: tf.nest.flatten(self.function(*tensors)), input_signature=[tf.TensorSpec(s.shape, s.dtype, name=n) for n, s in zip(names, self.specification)])
        frozen = convert_variables_to_constants_v2(function.get_concrete_function(), lower_control_flow=self.lower)
        path = folder / "frozen.pb"
        path.write_bytes(frozen.graph.as_graph_def().SerializeToString())
        outputs = [v.numpy() for v in frozen(*[tf.constant(v) for v in self.inputs.values()])]
        want = {output.name.removesuffix(":0"): value for output, value in zip(frozen.outputs, outputs)}
        return [(path, None, self.inputs, want)]


def ways(name, function, specification, inputs):
    yield function_case(f"{name}.v2", lambda *t: dict(zip("abcdefgh", tf.nest.flatten(function(*t)))), specification, inputs)
    yield Frozen(f"{name}.frozen", function, specification, inputs, False)
    yield Frozen(f"{name}.lowered", function, specification, inputs, True)
    yield OldControlFlow(f"{name}.v1", lambda **named: tf.nest.flatten(function(*[named[n] for n in inputs])), inputs)
    yield OldControlFlow(f"{name}.v1.free", lambda **named: tf.nest.flatten(function(*[named[n] for n in inputs])), inputs, dynamic="dims")


def spec(*shape, dtype=F):
    return tf.TensorSpec(shape, dtype)


def branches():
    def several(x, k):
        return [tf.cond(k > 1, lambda: x * 2, lambda: x - 1), tf.cond(k > 2, lambda: tf.reduce_sum(x), lambda: tf.reduce_max(x))]

    def after(x, k):
        """One condition after another, each of what the one before gave, and the same predicate again."""
        p = k > 1
        y = tf.cond(p, lambda: x * 2, lambda: x - 1)
        z = tf.cond(p, lambda: tf.exp(-tf.abs(y)), lambda: y * y)
        return tf.cond(tf.reduce_sum(z) > 1, lambda: z + y, lambda: z - x)

    def nested(x, k):
        return tf.cond(k > 1, lambda: tf.cond(k > 2, lambda: x + 1, lambda: x + 2), lambda: tf.cond(tf.reduce_sum(x) > 0, lambda: x + 3, lambda: tf.cond(k > 0, lambda: x + 4, lambda: -x)))

    def shapes(x, k):
        return tf.cond(k > 1, lambda: x[:2], lambda: tf.concat([x, x], 0))

    def dead(x, k):
        """The other side would fail."""
        return tf.cond(k > 1, lambda: tf.reshape(x, [3]), lambda: tf.reshape(tf.concat([x, x], 0), [6]))

    def loop_inside(x, k):
        return tf.cond(k > 1, lambda: tf.while_loop(lambda i, y: i < k, lambda i, y: (i + 1, y * 1.5), [0, x])[1], lambda: x)

    def inside_loop(x, k):
        return tf.while_loop(lambda i, y: i < k, lambda i, y: (i + 1, tf.cond(tf.equal(i % 2, 0), lambda: y + x, lambda: tf.cond(i > 2, lambda: y * 2, lambda: y - 1))), [0, x])[1]

    def chosen(x, k):
        return tf.switch_case(k, [lambda: x, lambda: x * 2, lambda: x * 3, lambda: -x])

    def case(x, k):
        return tf.case([(k < 1, lambda: x), (k < 2, lambda: x * 2), (k < 3, lambda: x * 3)], default=lambda: -x)

    def constants(x, k):
        return tf.cond(k > 1, lambda: tf.constant([1.0, 2.0, 3.0]), lambda: tf.zeros([3]))

    def same(x, k):
        return tf.cond(k > 1, lambda: x, lambda: x + 1)

    for name, function in (("several", several), ("after", after), ("nested", nested), ("shapes", shapes), ("dead", dead), ("loop_inside", loop_inside), ("inside_loop", inside_loop), ("chosen", chosen), ("case", case), ("constants", constants), ("same", same)):
        for k in (0, 1, 2, 3, 5):
            yield from ways(f"branch.{name}.{k}", function, [spec(3), spec(dtype=I)], {"x": normal(3), "k": np.int32(k)})


def loops():
    def power(x, n):
        return tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * x + tf.cast(i, F)), [0, tf.ones_like(x)])[1]

    def nested(x, n):
        def outer(i, y):
            return i + 1, tf.while_loop(lambda j, z: j < i, lambda j, z: (j + 1, z + x * tf.cast(i * j, F)), [0, y])[1]

        return tf.while_loop(lambda i, y: i < n, outer, [0, x])[1]

    def deep(x, n):
        def level(depth, y):
            if depth == 0:
                return y + x
            return tf.while_loop(lambda i, z: i < 2, lambda i, z: (i + 1, level(depth - 1, z) * 0.5), [0, y])[1]

        return level(4, x)

    def swapped(x, n):
        return tf.while_loop(lambda i, a, b: i < n, lambda i, a, b: (i + 1, b, a + 1), [0, x, x * 2])[1:]

    def growing(x, n):
        return tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, tf.concat([y, x], 0)), [0, x], shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])])[1]

    def kept(x, n):
        """What a loop carries and never changes; what it does not need."""
        return tf.while_loop(lambda i, w, y, dead: i < n, lambda i, w, y, dead: (i + 1, w, y + w, dead + 1), [0, x, x * 0, x])[2]

    def condition(x, n):
        return tf.while_loop(lambda i, y: tf.reduce_sum(y) < 100, lambda i, y: (i + 1, y * 2 + 1), [0, tf.abs(x)])

    def maximum(x, n):
        return tf.while_loop(lambda y, z: tf.reduce_sum(y) < 1e6, lambda y, z: [y * 2 + 1, y], [tf.abs(x), x], maximum_iterations=n)

    def mixed(x, n):
        return tf.while_loop(lambda i, a, b, c: i < n, lambda i, a, b, c: (i + 1, tf.logical_not(a), b + tf.cast(i, tf.int64), tf.cast(c, tf.float64) + 1), [0, x > 0, tf.zeros([3], tf.int64), tf.cast(x, tf.float64)])[1:]

    for name, function in (("power", power), ("nested", nested), ("deep", deep), ("swapped", swapped), ("growing", growing), ("kept", kept), ("condition", condition), ("maximum", maximum), ("mixed", mixed)):
        for n in (0, 1, 4):
            yield from ways(f"loop.{name}.{n}", function, [spec(3), spec(dtype=I)], {"x": normal(3), "n": np.int32(n)})


def arrays():
    def double(x):
        items = tf.TensorArray(F, size=tf.shape(x)[0]).unstack(x)
        out = tf.TensorArray(F, size=tf.shape(x)[0])
        return tf.while_loop(lambda i, o: i < tf.shape(x)[0], lambda i, o: (i + 1, o.write(i, items.read(i) * 2)), [0, out])[1].stack()

    def plain(x):
        array = tf.TensorArray(F, size=3, clear_after_read=False)
        for i in range(3):
            array = array.write(i, x[i] * i)
        return [array.read(1), array.stack(), array.concat(), array.gather([2, 0]), array.size()]

    def sparse(x):
        """Elements that were never written are zeros."""
        array = tf.TensorArray(F, size=5, element_shape=[2])
        return [array.write(3, x[0]).write(1, x[1]).stack()]

    def scattered(x):
        array = tf.TensorArray(F, size=6, element_shape=[2])
        return array.scatter([4, 1, 0, 2], x).stack()

    def dynamic(x):
        array = tf.TensorArray(F, size=0, dynamic_size=True, element_shape=[2])
        array = tf.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, a.write(i, x[3 - i])), [0, array])[1]
        return [array.stack(), array.size()]

    def open_shape(x):
        array = tf.TensorArray(F, size=0, dynamic_size=True, infer_shape=False)
        array = tf.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, a.write(i, x * tf.cast(i, F))), [0, array])[1]
        return [array.concat(), array.size()]

    def split(x):
        return tf.TensorArray(F, size=2, infer_shape=False).split(x, [2, 2]).concat()

    def ragged(x):
        array = tf.TensorArray(F, size=3, infer_shape=False, clear_after_read=False).split(x, [1, 0, 3])
        return [array.concat(), array.size(), array.read(2)]

    def several(x):
        a, b = tf.TensorArray(F, size=4), tf.TensorArray(I, size=4)
        _, a, b, y = tf.while_loop(lambda i, *_: i < 4, lambda i, a, b, y: (i + 1, a.write(i, y + x[i]), b.write(3 - i, i), y * 0.5 + x[i]), [0, a, b, x[0]])
        return [a.stack(), b.stack(), y]

    def reading(x):
        """Reads what it wrote."""
        array = tf.TensorArray(F, size=5, clear_after_read=False, element_shape=[2]).write(0, x[0])
        return tf.while_loop(lambda i, a: i < 5, lambda i, a: (i + 1, a.write(i, a.read(i - 1) * 0.5 + x[0])), [1, array])[1].stack()

    def conditional(x):
        array = tf.TensorArray(F, size=4, element_shape=[2])
        return tf.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, tf.cond(x[i, 0] > 0, lambda: a.write(i, x[i]), lambda: a.write(i, x[i] * 10))), [0, array])[1].stack()

    def nested(x):
        def row(i, out):
            inner = tf.TensorArray(F, size=2)
            inner = tf.while_loop(lambda j, a: j < 2, lambda j, a: (j + 1, a.write(j, x[i, j] * 3)), [0, inner])[1]
            return i + 1, out.write(i, inner.stack())

        return tf.while_loop(lambda i, o: i < 4, row, [0, tf.TensorArray(F, size=4)])[1].stack()

    def through(x):
        """An array that an inner loop goes on writing."""
        def row(i, out):
            return i + 1, tf.while_loop(lambda j, a: j < 2, lambda j, a: (j + 1, a.write(i * 2 + j, x[i] + tf.cast(j, F))), [0, out])[1]

        return tf.while_loop(lambda i, o: i < 4, row, [0, tf.TensorArray(F, size=8)])[1].stack()

    def empty(x):
        array = tf.TensorArray(F, size=0, dynamic_size=True, element_shape=[2])
        return [array.stack(), array.size()]

    named = {f.__name__: f for f in (double, plain, sparse, scattered, dynamic, open_shape, split, ragged, several, reading, conditional, nested, through, empty)}
    for name, function in named.items():
        yield from ways(f"array.{name}", function, [spec(4, 2)], {"x": normal(4, 2)})
    yield from list(ways("array.none", double, [spec(None, 2)], {"x": normal(0, 2)}))[:4]  # TensorFlow 1 needs static shapes
    yield from ways("array.batch", double, [spec(None, 2)], {"x": normal(5, 2)})
    for dtype in (tf.float64, tf.float16, tf.int32, tf.int64, tf.bool, tf.uint8, tf.complex64):
        value = whole(4, 2, low=0, high=2).astype(dtype.as_numpy_dtype)
        yield from ways(f"array.{dtype.name}", lambda x, dtype=dtype: tf.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, a.write(i, x[3 - i])), [0, tf.TensorArray(dtype, size=5, element_shape=[2])])[1].stack(), [spec(4, 2, dtype=dtype)], {"x": value})


def mapped():
    functions = {
        "map": lambda x: tf.map_fn(lambda r: r * tf.reduce_max(r), x),
        "map.several": lambda x: tf.map_fn(lambda r: (r[0] * r[1], tf.reduce_sum(r[0])), (x, x * 2), fn_output_signature=(F, F)),
        "map.types": lambda x: tf.map_fn(lambda r: tf.argmax(r), x, fn_output_signature=tf.int64),
        "scan": lambda x: tf.scan(lambda a, r: a * 0.5 + r, x),
        "scan.reverse": lambda x: tf.scan(lambda a, r: a * 0.5 + r, x, reverse=True, initializer=tf.zeros([2])),
        "foldl": lambda x: tf.foldl(lambda a, r: a + r * r, x),
        "foldr": lambda x: tf.foldr(lambda a, r: a * 2 + r, x),
        "vectorized": lambda x: tf.vectorized_map(lambda r: r * 2 + tf.reduce_sum(r), x),
        "while_of_map": lambda x: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.map_fn(lambda r: r * 0.5 + 1, y)), [0, x])[1],
    }
    for name, function in functions.items():
        yield from ways(f"{name}", function, [spec(4, 2)], {"x": normal(4, 2)})
        yield function_case(f"{name}.batch", lambda x, f=function: dict(zip("abc", tf.nest.flatten(f(x)))), [spec(None, 2)], {"x": normal(3, 2)})


def idioms():
    table, kernel = normal(7, 4), normal(4, 4)

    def greedy(x, n):
        """Decodes until the end or a limit, the token fed back."""
        def step(i, token, state, out):
            state = tf.tanh(tf.matmul(state, kernel) + tf.gather(table, token))
            token = tf.argmax(tf.matmul(state, table, transpose_b=True), 1, output_type=I)
            return i + 1, token, state, out.write(i, token)

        i, _, state, out = tf.while_loop(lambda i, token, *_: tf.logical_and(i < n, tf.reduce_any(token < 6)), step, [0, tf.zeros([tf.shape(x)[0]], I), x, tf.TensorArray(I, size=0, dynamic_size=True, element_shape=[None])])
        return [tf.transpose(out.stack()), state, i]

    def beam(x, n):
        def step(i, scores, tokens):
            candidates = scores[:, None] + tf.nn.log_softmax(tf.gather(table, tokens[:, -1]))
            scores, at = tf.math.top_k(tf.reshape(candidates, [-1]), 2)
            return i + 1, scores, tf.concat([tf.gather(tokens, at // 4), (at % 4)[:, None]], 1)

        return tf.while_loop(lambda i, *_: i < n, step, [0, tf.constant([0.0, -1e9]), tf.zeros([2, 1], I)], shape_invariants=[tf.TensorShape([]), tf.TensorShape([2]), tf.TensorShape([2, None])])[1:]

    def newton(x, n):
        return tf.while_loop(lambda y: tf.reduce_any(tf.abs(y * y - tf.abs(x)) > 1e-4), lambda y: [0.5 * (y + tf.abs(x) / y)], [tf.ones_like(x)], maximum_iterations=50)

    def window(x, n):
        return tf.map_fn(lambda i: tf.reduce_mean(x[i:i + 2]), tf.range(tf.shape(x)[0] - 1), fn_output_signature=F)

    for name, function in (("greedy", greedy), ("beam", beam), ("newton", newton), ("window", window)):
        for n in (1, 6):
            yield from ways(f"idiom.{name}.{n}", function, [spec(3, 4), spec(dtype=I)], {"x": normal(3, 4), "n": np.int32(n)})
            yield from ways(f"idiom.{name}.{n}.free", function, [spec(None, 4), spec(dtype=I)], {"x": normal(3, 4), "n": np.int32(n)})
    text = np.array(["Ab", "", "cD"], object)
    yield from ways("map.text", lambda x: tf.map_fn(tf.strings.upper, x), [spec(None, dtype=tf.string)], {"x": text})
    yield from list(ways("array.text", lambda x: [tf.TensorArray(tf.string, size=3, element_shape=[]).write(1, x[2]).stack()], [spec(3, dtype=tf.string)], {"x": text}))[:3]  # TensorFlow 1 has no zeros of text
    yield from ways("cond.text", lambda x, k: tf.cond(k > 1, lambda: x, lambda: tf.strings.join([x, x])), [spec(3, dtype=tf.string), spec(dtype=I)], {"x": text, "k": np.int32(1)})


def list_operators():
    raw = tf.raw_ops

    def lists(x):
        shape = tf.constant([2])
        made = raw.TensorListFromTensor(tensor=x, element_shape=shape)
        grown = raw.TensorListPushBack(input_handle=made, tensor=x[0] * 9)
        popped, last = raw.TensorListPopBack(input_handle=grown, element_shape=shape, element_dtype=F)
        wide = raw.TensorListResize(input_handle=popped, size=6)
        short = raw.TensorListResize(input_handle=popped, size=2)
        stack = lambda h: raw.TensorListStack(input_handle=h, element_shape=shape, element_dtype=F)
        return [stack(grown), last, stack(wide), stack(short), raw.TensorListLength(input_handle=wide), raw.TensorListElementShape(input_handle=made, shape_type=I), stack(raw.TensorListConcatLists(input_a=made, input_b=grown, element_dtype=F))]

    def more(x):
        shape = tf.constant([2])
        stack = lambda h: raw.TensorListStack(input_handle=h, element_shape=shape, element_dtype=F)
        scattered = raw.TensorListScatterV2(tensor=x, indices=[3, 0, 5, 1], element_shape=shape, num_elements=-1)
        into = raw.TensorListScatterIntoExistingList(input_handle=scattered, tensor=x * 2, indices=[0, 1, 2, 3])
        joined, lengths = raw.TensorListConcatV2(input_handle=raw.TensorListSplit(tensor=x, element_shape=tf.constant([-1, 2]), lengths=tf.constant([1, 3], tf.int64)), element_shape=tf.constant([-1, 2]), leading_dims=tf.constant([], tf.int64), element_dtype=F)
        empty = raw.EmptyTensorList(element_shape=shape, max_num_elements=-1, element_dtype=F)
        return [stack(scattered), stack(into), joined, lengths, stack(raw.TensorListPushBack(input_handle=empty, tensor=x[1])), raw.TensorListGather(input_handle=into, indices=[5, 5, 0], element_shape=shape, element_dtype=F), raw.TensorListGetItem(input_handle=raw.TensorListReserve(element_shape=shape, num_elements=3, element_dtype=F), index=1, element_shape=shape, element_dtype=F)]

    for name, function in (("list", lists), ("list.more", more)):
        yield function_case(f"{name}.v2", lambda x, f=function: dict(zip("abcdefg", f(x))), [spec(4, 2)], {"x": normal(4, 2)})
        yield Frozen(f"{name}.frozen", function, [spec(4, 2)], {"x": normal(4, 2)}, False)


def recurrent():
    K = tf.keras

    def layer_case(name, build, shape, batch=None, given=None):
        def make(folder):
            K.utils.set_random_seed(1)
            x = K.Input(shape, batch_size=batch)
            model = K.Model(x, build(x))
            for weight in model.weights:
                weight.assign(np.random.default_rng(len(weight.shape)).normal(0, 0.4, weight.shape))
            path = folder / "model"
            model.export(str(path), verbose=False)
            return asked(path, {"serving_default": {list(tf.saved_model.load(str(path)).signatures["serving_default"].structured_input_signature[1])[0]: normal(batch or 3, *(given or shape))}})

        return ModelCase(f"keras.{name}", make, rtol=1e-5)

    for kind in (K.layers.LSTM, K.layers.GRU, K.layers.SimpleRNN):
        for options in ({}, {"return_sequences": True}, {"go_backwards": True, "return_sequences": True}, {"unroll": True}, {"return_state": True}, {"activation": "relu"}, {"use_bias": False}, {"stateful": False, "recurrent_dropout": 0.2}):
            label = f"{kind.__name__}.{'.'.join(f'{k}{v}' for k, v in options.items())}"
            yield layer_case(label, lambda x, kind=kind, options=options: kind(4, **options)(x), (5, 3))
        yield layer_case(f"{kind.__name__}.batch", lambda x, kind=kind: kind(4, return_sequences=True)(x), (5, 3), batch=2)
        yield layer_case(f"{kind.__name__}.two", lambda x, kind=kind: kind(4)(kind(4, return_sequences=True)(x)), (5, 3))
        yield layer_case(f"{kind.__name__}.masked", lambda x, kind=kind: kind(4, return_sequences=True)(K.layers.Masking(0.0)(x)), (5, 3))
        yield layer_case(f"{kind.__name__}.masked.zero", lambda x, kind=kind: kind(4, return_sequences=True, zero_output_for_mask=True) (K.layers.Masking(0.0)(x)) if kind is not K.layers.SimpleRNN else kind(4)(K.layers.Masking(0.0)(x)), (5, 3))
        yield layer_case(f"{kind.__name__}.bidirectional", lambda x, kind=kind: K.layers.Bidirectional(kind(4, return_sequences=True))(x), (5, 3))
        yield layer_case(f"{kind.__name__}.steps", lambda x, kind=kind: kind(4, return_sequences=True)(x), (None, 3), given=(6, 3))
        yield layer_case(f"{kind.__name__}.steps.reversed", lambda x, kind=kind: K.layers.Bidirectional(kind(4))(x), (None, 3), given=(6, 3))
    yield layer_case("GRU.before", lambda x: K.layers.GRU(4, reset_after=False)(x), (5, 3))
    yield layer_case("RNN.cells", lambda x: K.layers.RNN([K.layers.LSTMCell(4), K.layers.GRUCell(3)])(x), (5, 3))
    yield layer_case("TimeDistributed", lambda x: K.layers.TimeDistributed(K.layers.Dense(4))(x), (5, 3))
    yield layer_case("ConvLSTM1D", lambda x: K.layers.ConvLSTM1D(2, 3)(x), (4, 6, 2))
    yield layer_case("ConvLSTM2D", lambda x: K.layers.ConvLSTM2D(2, 3, return_sequences=True)(x), (4, 6, 5, 2))


def counted():
    """The operator For, which only graphs of TensorFlow 1 hold."""

    @function.Defun(tf.int32, tf.float32, tf.float32)
    def body(i, x, total):
        return x * 1.5 - tf.cast(i, tf.float32), total + x

    for start, limit, delta in ((0, 4, 1), (7, 1, -2), (3, 3, 1), (3, 3, 0), (-5, 9, 4), (0, 1, 5)):
        x = normal(3)
        yield GraphCase(f"For.{start}.{limit}.{delta}", lambda x, limit, start=start, delta=delta: functional_ops.For(start, limit, delta, [x, tf.zeros_like(x)], body), {"x": x, "limit": np.int32(limit)}, operator="For")
        yield GraphCase(f"For.{start}.{limit}.{delta}.fixed", lambda x, start=start, limit=limit, delta=delta: functional_ops.For(start, limit, delta, [x, x], body), {"x": x}, operator="For")


def cases():
    yield from counted()
    yield from branches()
    yield from loops()
    yield from arrays()
    yield from mapped()
    yield from idioms()
    yield from list_operators()
    yield from recurrent()
