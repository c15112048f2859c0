"""What has state while it runs: variables that are written, lists and arrays of tensors."""

import numpy as np
import tensorflow as tf

from .exports import OldControlFlow, predict_signature
from .operators import GraphCase, K, normal, one, text, whole
from .savedmodel import module_case, session_case

raw, v1 = tf.raw_ops, tf.compat.v1
ROWS = np.array([2, 0, 2], np.int32)


def written(name, value, write, inputs, operator):
    """A module whose signature writes its variable and reads it back."""

    def build(folder):
        module = tf.Module()
        module.v = tf.Variable(value)
        names = list(inputs)

        @tf.function(input_signature=[tf.TensorSpec(np.shape(x), np.asarray(x).dtype, name=n) for n, x in inputs.items()])
        def f(*tensors):
            before = tf.identity(module.v)
            found = write(module.v.handle, **dict(zip(names, tensors)))
            return {"before": before, "after": module.v.read_value(), **(found if isinstance(found, dict) else {})}

        return module, {"serving_default": f}, {"serving_default": inputs}

    return module_case(name, build, operator=operator)


def resources():
    for dtype in (np.float32, np.int32, np.float64):
        value, updates = (normal(4, 3) * 4).astype(dtype), (normal(3, 3) * 4).astype(dtype)
        updates[updates == 0] = 1
        for kind in ("Add", "Sub", "Mul", "Div", "Min", "Max", "Update"):
            op = f"ResourceScatter{kind}"
            rows = ROWS if kind != "Update" else np.array([2, 0, 1], np.int32)
            yield written(f"{op}.{np.dtype(dtype).name}", value, lambda v, rows, updates, op=op: getattr(raw, op)(resource=v, indices=rows, updates=updates), {"rows": rows, "updates": updates}, op)
        for kind in ("Add", "Sub", "Update", "Max", "Min"):
            op = f"ResourceScatterNd{kind}"
            yield written(f"{op}.{np.dtype(dtype).name}", value, lambda v, at, updates, op=op: getattr(raw, op)(ref=v, indices=at, updates=updates), {"at": np.array([[2, 0], [0, 1]], np.int32), "updates": updates[0, :2].copy()}, op)
        for op in ("AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp"):
            yield written(f"{op}.{np.dtype(dtype).name}", value, lambda v, x, op=op: getattr(raw, op)(resource=v, value=x), {"x": updates[:1].repeat(4, 0).copy()}, op)
    yield written("ResourceStridedSliceAssign", normal(4, 3), lambda v, x: raw.ResourceStridedSliceAssign(ref=v, begin=[1, 0], end=[3, 2], strides=[1, 1], value=x), {"x": normal(2, 2)}, "ResourceStridedSliceAssign")
    yield written("ResourceStridedSliceAssign.steps", normal(4, 5), lambda v, x: raw.ResourceStridedSliceAssign(ref=v, begin=[3, 0], end=[0, 0], strides=[-2, 2], value=x, end_mask=3), {"x": normal(2, 3)}, "ResourceStridedSliceAssign")
    yield written("ResourceStridedSliceAssign.row", whole(4, 5), lambda v, x: raw.ResourceStridedSliceAssign(ref=v, begin=[2, 0], end=[3, 0], strides=[1, 1], value=x, end_mask=2, begin_mask=2, shrink_axis_mask=1), {"x": whole(5)}, "ResourceStridedSliceAssign")
    yield written("ResourceStridedSliceAssign.one", normal(6), lambda v, at: raw.ResourceStridedSliceAssign(ref=v, begin=[at], end=[at + 1], strides=[1], value=tf.constant(7.0), shrink_axis_mask=1), {"at": np.int32(4)}, "ResourceStridedSliceAssign")
    yield written("ResourceGather", normal(4, 3), lambda v, rows: {"y": raw.ResourceGather(resource=v, indices=rows, dtype=tf.float32)}, {"rows": ROWS}, "ResourceGather")
    yield written("ResourceGather.batch", normal(2, 4, 3), lambda v, rows: {"y": raw.ResourceGather(resource=v, indices=rows, dtype=tf.float32, batch_dims=1)}, {"rows": whole(2, 2, low=0, high=4)}, "ResourceGather")
    yield written("VariableShape", normal(4, 3), lambda v, x: {"y": raw.VariableShape(input=v) + x, "there": raw.VarIsInitializedOp(resource=v)}, {"x": np.int32(1)}, "VariableShape")

    def twice(v, x):
        raw.AssignAddVariableOp(resource=v, value=x)
        middle = raw.ReadVariableOp(resource=v, dtype=tf.float32)
        raw.AssignVariableOp(resource=v, value=middle * 2)
        return {"middle": middle}

    yield written("twice", normal(3), twice, {"x": normal(3)}, "AssignVariableOp")

    def sometimes(v, x):
        tf.cond(tf.reduce_sum(x) > 0, lambda: raw.AssignAddVariableOp(resource=v, value=x), lambda: raw.AssignSubVariableOp(resource=v, value=2 * x))

    for sign in (1, -1):
        yield written(f"cond.{sign}", normal(3), sometimes, {"x": np.abs(normal(3)) * np.float32(sign)}, "AssignAddVariableOp in If")

    def often(v, x):
        for _ in tf.range(4):
            raw.AssignAddVariableOp(resource=v, value=x)

    yield written("while", normal(3), often, {"x": normal(3)}, "AssignAddVariableOp in While")

    def one_side(v, x):
        if tf.reduce_sum(x) > 0:
            raw.AssignVariableOp(resource=v, value=2 * x)
        return {"middle": raw.ReadVariableOp(resource=v, dtype=tf.float32) + 1}

    def choose(v, which):
        def side(number):
            def change():
                raw.AssignAddVariableOp(resource=v, value=tf.fill([3], number))
                return raw.ReadVariableOp(resource=v, dtype=tf.float32)

            return change

        return {"y": tf.switch_case(which, [side(1.0), lambda: tf.zeros([3]), side(3.0)])}

    def until(v, x):
        """The condition reads what the rounds write."""
        while tf.reduce_sum(raw.ReadVariableOp(resource=v, dtype=tf.float32)) < 20:
            raw.AssignAddVariableOp(resource=v, value=tf.abs(x) + 1)
        return {"y": raw.ReadVariableOp(resource=v, dtype=tf.float32) * 2}

    def nested(v, x):
        total = tf.constant(0.0)
        for i in tf.range(5):
            if i % 2 == 0:
                if tf.reduce_sum(x) > 0:
                    raw.AssignAddVariableOp(resource=v, value=x)
                else:
                    raw.AssignVariableOp(resource=v, value=x)
            for _ in tf.range(i):
                raw.AssignSubVariableOp(resource=v, value=x / 4)
            total += tf.reduce_sum(raw.ReadVariableOp(resource=v, dtype=tf.float32))
        return {"total": total}

    def none_of_it(v, x):
        for _ in tf.range(tf.cast(x[0], tf.int32)):
            raw.AssignAddVariableOp(resource=v, value=x)

    for sign in (1, -1):
        x = {"x": np.abs(normal(3)) * np.float32(sign)}
        yield written(f"cond.one_side.{sign}", normal(3), one_side, x, "AssignVariableOp in If")
        yield written(f"nested.{sign}", normal(3), nested, x, "AssignVariableOp in While and If")
    for which in range(4):
        yield written(f"case.{which}", normal(3), choose, {"which": np.int32(which)}, "AssignAddVariableOp in Case")
    yield written("while.until", normal(3), until, {"x": normal(3)}, "AssignAddVariableOp in While")
    yield written("while.none", normal(3), none_of_it, {"x": np.zeros(3, np.float32)}, "AssignAddVariableOp in While")


def references():
    """Variables of TensorFlow 1, which are written where they are."""
    for kind in ("Assign", "AssignAdd", "AssignSub", "ScatterAdd", "ScatterSub", "ScatterMul", "ScatterDiv", "ScatterMin", "ScatterMax", "ScatterUpdate", "ScatterNdAdd", "ScatterNdSub", "ScatterNdUpdate"):
        def build(folder, kind=kind):
            v = v1.get_variable("v", initializer=normal(4, 3), use_resource=False)
            x = v1.placeholder(tf.float32, [4, 3] if kind.startswith("Assign") else [3, 3], "x")
            at = np.array([[2], [0], [1]], np.int32)
            y = {"Assign": lambda: v1.assign(v, x), "AssignAdd": lambda: v1.assign_add(v, x), "AssignSub": lambda: v1.assign_sub(v, x)}.get(kind)
            if y:
                y = y()
            elif kind.startswith("ScatterNd"):
                y = getattr(v1, "scatter_nd_" + kind[9:].lower())(v, at, x)
            else:
                y = getattr(v1, "scatter_" + kind[7:].lower())(v, at[:, 0], x)
            with tf.control_dependencies([y]):
                again = tf.identity(v.read_value())
            return {"serving_default": predict_signature({"x": x}, {"y": tf.identity(y), "again": again})}, {"serving_default": {"x": normal(*x.shape)}}, None

        yield session_case(f"reference.{kind}", build, operator=kind)

    def counter(folder):
        v = v1.get_variable("n", initializer=np.int32(5), use_resource=False)
        x = v1.placeholder(tf.int32, [], "x")
        return {"serving_default": predict_signature({"x": x}, {"n": v1.assign_add(v, x)})}, {"serving_default": {"x": np.int32(2)}}, None

    yield session_case("reference.counter", counter, operator="AssignAdd")


def lists():
    shape, f = np.array([2], np.int32), tf.float32

    def of(x):
        return raw.TensorListFromTensor(tensor=x, element_shape=shape)

    def stack(handle, element=None, **more):
        return raw.TensorListStack(input_handle=handle, element_shape=shape if element is None else element, element_dtype=f, **more)

    ways = {
        "stack": lambda x: stack(of(x)), "length": lambda x: raw.TensorListLength(input_handle=of(x)), "get": lambda x: raw.TensorListGetItem(input_handle=of(x), index=2, element_shape=shape, element_dtype=f),
        "set": lambda x: stack(raw.TensorListSetItem(input_handle=of(x), index=1, item=x[0] * 9)), "resize": lambda x: raw.TensorListLength(input_handle=raw.TensorListResize(input_handle=of(x), size=7)),
        "resize.down": lambda x: stack(raw.TensorListResize(input_handle=of(x), size=2)), "push": lambda x: stack(raw.TensorListPushBack(input_handle=of(x), tensor=x[1])),
        "pop": lambda x: [(p := raw.TensorListPopBack(input_handle=of(x), element_shape=shape, element_dtype=f)).tensor, stack(p.output_handle)], "gather": lambda x: raw.TensorListGather(input_handle=of(x), indices=[2, 0, 2], element_shape=shape, element_dtype=f),
        "scatter": lambda x: stack(raw.TensorListScatterV2(tensor=x, indices=[3, 0, 1, 2], element_shape=shape, num_elements=-1)), "scatter.holes": lambda x: stack(raw.TensorListScatterV2(tensor=x[:2], indices=[3, 0], element_shape=shape, num_elements=5)),
        "scatter.into": lambda x: stack(raw.TensorListScatterIntoExistingList(input_handle=of(x), tensor=x[:2] * 5, indices=[3, 0])), "concat": lambda x: raw.TensorListConcatV2(input_handle=of(x), element_shape=[2], leading_dims=np.zeros(0, np.int64), element_dtype=f),
        "split": lambda x: raw.TensorListGetItem(input_handle=raw.TensorListSplit(tensor=x, element_shape=[-1, 2], lengths=np.array([1, 3], np.int64)), index=1, element_shape=[-1, 2], element_dtype=f),
        "reserve": lambda x: stack(raw.TensorListSetItem(input_handle=raw.TensorListReserve(element_shape=shape, num_elements=3, element_dtype=f), index=1, item=x[0])), "empty": lambda x: stack(raw.TensorListPushBack(input_handle=raw.EmptyTensorList(element_shape=shape, max_num_elements=-1, element_dtype=f), tensor=x[0])),
        "join": lambda x: stack(raw.TensorListConcatLists(input_a=of(x), input_b=of(x * 2), element_dtype=f)), "shape": lambda x: raw.TensorListElementShape(input_handle=of(x), shape_type=tf.int32), "shared": lambda x: [stack(raw.TensorListSetItem(input_handle=(t := of(x)), index=0, item=x[1])), stack(t)],
    }
    for name, way in ways.items():
        yield GraphCase(f"list.{name}", way, {"x": normal(4, 2)}, operator=f"TensorList {name}")
        yield GraphCase(f"list.{name}.free", way, {"x": normal(4, 2)}, operator=f"TensorList {name}", dynamic="batch")


def arrays():
    def new(size, dtype=tf.float32, **more):
        return tf.TensorArray(dtype, size=size, clear_after_read=False, **more)

    ways = {
        "unstack": lambda x: new(4).unstack(x).stack(), "read": lambda x: new(4).unstack(x).read(2), "write": lambda x: new(2).write(0, x[1]).write(1, x[0]).stack(), "gather": lambda x: new(4).unstack(x).gather([3, 0]), "scatter": lambda x: new(4).scatter([3, 0, 1, 2], x).stack(),
        "split": lambda x: new(2, infer_shape=False).split(x, [1, 3]).read(1), "concat": lambda x: new(2, infer_shape=False).split(x, [1, 3]).concat(), "size": lambda x: new(3, dynamic_size=True).unstack(x).size(), "grow": lambda x: new(0, dynamic_size=True).write(2, x[0]).size(),
        "zeros": lambda x: new(3, element_shape=[2]).write(1, x[0]).stack(), "close": lambda x: new(4).unstack(x).read(0),
    }
    for name, way in ways.items():
        yield OldControlFlow(f"array.{name}", way, {"x": normal(4, 2)})
    for dtype in (np.float64, np.int32, np.int64, np.bool_, object):
        value = text("a", "b", "c", "d") if dtype == object else whole(4, 2, low=0).astype(dtype)
        yield OldControlFlow(f"array.{np.dtype(dtype).name}", lambda x: new(4, x.dtype).unstack(x).gather([2, 1]), {"x": value})


def drawn():
    """Of a graph whose seeds are stated, the first draw."""
    for op, arguments in (("RandomUniform", {"dtype": tf.float32}), ("RandomStandardNormal", {"dtype": tf.float32}), ("TruncatedNormal", {"dtype": tf.float32}), ("RandomUniformInt", {"minval": K(-4), "maxval": K(90)})):
        yield from one(op, "seeded", shape=np.array([3, 4], np.int32), seed=5, seed2=7, **arguments)
    # without a seed only the limits are known
    yield GraphCase("RandomUniform.free", lambda x: tf.nn.relu(tf.sign(tf.abs(tf.compat.v1.random_uniform(tf.shape(x)) - 0.5) - 0.5)) + x, {"x": normal(50, 3)}, operator="RandomUniform")
    yield GraphCase("RandomUniformInt.free", lambda x: tf.compat.v1.random_uniform(tf.shape(x), 3, 4, tf.int64), {"x": normal(50, 3)}, operator="RandomUniformInt")
    for value in (np.arange(9, dtype=np.float32), whole(5, 3), text(*"abcdef"), normal(1, 3), whole(300, dtype=np.int64)):
        yield from one("RandomShuffle", f"seeded.{value.shape}", value=value, seed=5, seed2=7)
    yield GraphCase("RandomShuffle.sorted", lambda x: tf.sort(tf.compat.v1.random_shuffle(x)), {"x": normal(20)}, operator="RandomShuffle")
    for dtype in (np.float32, np.float64, np.float16):
        for rows, classes, count in ((1, 5, 20), (3, 4, 7), (2, 1, 3), (4, 300, 5)):
            logits = (normal(rows, classes) * 2).astype(dtype)
            yield from one("Multinomial", f"{dtype.__name__}.{rows}.{classes}", logits=logits, num_samples=K(count), seed=3, seed2=9)
            for seed in (np.array([3, 8], np.int32), np.array([-3, 1 << 40], np.int64)):
                yield from one("StatelessMultinomial", f"{dtype.__name__}.{rows}.{classes}.{seed.dtype}", logits=logits, num_samples=np.int32(count), seed=seed, output_dtype=tf.int32)
    impossible = np.array([[0, -np.inf, 1, -np.inf], [-np.inf, -np.inf, -np.inf, 0]], np.float32)
    yield from one("StatelessMultinomial", "impossible", logits=impossible, num_samples=K(9), seed=np.array([1, 2]))
    yield GraphCase("Multinomial.free", lambda x: tf.random.categorical(tf.one_hot([2, 0, 1], 4) * 1e9 + 0 * x, 5), {"x": normal(3, 4)}, operator="Multinomial")
    for dtype in (np.float32, np.float64, np.float16):
        for alpha in (np.array(2.5, dtype), np.array([0.3, 1.0, 4.0], dtype)):
            for dims in ([], [7], [2, 5]):
                shape = dims + list(alpha.shape)
                yield from one("StatelessRandomGammaV2", f"{dtype.__name__}.{alpha.shape}.{dims}", shape=np.array(shape, np.int32), seed=np.array([5, 6]), alpha=alpha)
        yield GraphCase(f"stateless_gamma.{dtype.__name__}", lambda seed, alpha: tf.random.stateless_gamma([4, 3], seed, alpha, dtype=alpha.dtype), {"seed": np.array([1, 2]), "alpha": np.array([0.5, 1, 9], dtype)}, operator="StatelessRandomGammaV3")
    yield GraphCase("RandomGamma.free", lambda x: tf.sign(tf.random.gamma([3], x)), {"x": np.array([0.5, 2], np.float32)}, operator="RandomGamma")

    for name in ("uniform", "normal", "truncated_normal"):
        def build(folder, name=name):
            module = tf.Module()
            module.generator = tf.random.Generator.from_seed(11)

            @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
            def f(x):
                first = getattr(module.generator, name)(tf.shape(x))
                return {"first": first, "second": getattr(module.generator, name)([2, 3]) + x[0]}

            return module, {"serving_default": f}, {"serving_default": {"x": normal(5)}}

        yield module_case(f"Generator.{name}", build, operator="RngReadAndSkip")


def cases():
    for family in (resources, references, lists, arrays, drawn):
        yield from family()
