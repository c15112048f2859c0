"""SavedModels of tf.Module: signatures, variables, functions, loops, branches, tables, text."""

import numpy as np
import tensorflow as tf

from .operators import normal, positive, text, whole
from .savedmodel import ModelCase, asked, function_case, module_case

F, I, L, S = tf.float32, tf.int32, tf.int64, tf.string


def spec(*shape, dtype=F):
    return tf.TensorSpec(shape, dtype)


def signatures():
    class Net(tf.Module):
        def __init__(self):
            super().__init__()
            self.w, self.b = tf.Variable(normal(3, 2)), tf.Variable(normal(2))
            self.layers = [tf.Variable(normal(2, 2)), tf.Variable(normal(2, 2))]

        @tf.function(input_signature=[tf.TensorSpec([None, 3], F, name="x")])
        def logits(self, x):
            y = tf.matmul(x, self.w) + self.b
            for layer in self.layers:
                y = tf.nn.relu(tf.matmul(y, layer))
            return {"logits": y}

        @tf.function(input_signature=[tf.TensorSpec([None, 3], F, name="x")])
        def classify(self, x):
            p = tf.nn.softmax(self.logits(x)["logits"])
            return {"classes": tf.argmax(p, 1), "probabilities": p}

        @tf.function(input_signature=[tf.TensorSpec([None, 3], F, name="a"), tf.TensorSpec([], F, name="scale")])
        def scaled(self, a, scale):
            return {"y": a * scale, "sum": tf.reduce_sum(a)}

    def build(folder):
        net = Net()
        return net, {"serving_default": net.logits, "classify": net.classify, "scaled": net.scaled}, {
            "serving_default": {"x": normal(4, 3)}, "classify": {"x": normal(2, 3)}, "scaled": {"a": normal(2, 3), "scale": np.float32(2.5)}}

    yield module_case("signatures", build)
    yield module_case("signatures.versioned", build, folder_name="7")

    def sharded(folder):
        module = tf.Module()
        module.v = [tf.Variable(normal(40, 30)) for _ in range(4)]
        module.f = tf.function(lambda x: {"y": x @ module.v[0] @ tf.transpose(module.v[1]) @ module.v[2] + module.v[3][0]}, input_signature=[tf.TensorSpec([None, 40], F, name="x")])
        return module, {"serving_default": module.f}, {"serving_default": {"x": normal(2, 40)}}

    yield module_case("sharded", sharded, options=tf.saved_model.SaveOptions(experimental_sharding_callback=tf.train.experimental.MaxShardSizePolicy(max_shard_size=5000)))
    for dtype in (tf.float64, tf.float16, tf.bfloat16, tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint16, tf.uint32, tf.uint64, tf.bool, tf.string, tf.complex64):
        def typed(folder, dtype=dtype):
            value = text("a", "b", "c") if dtype == S else whole(3, low=0, high=2).astype(dtype.as_numpy_dtype)
            module = tf.Module()
            module.v = tf.Variable(value)
            module.f = tf.function(lambda x: {"same": tf.stack([x, module.v])}, input_signature=[tf.TensorSpec([3], dtype, name="x")])
            return module, {"serving_default": module.f}, {"serving_default": {"x": value}}

        yield module_case(f"variable.{dtype.name}", typed)

    def unknown(folder):
        module = tf.Module()
        module.f = tf.function(lambda x: {"rank": tf.rank(x), "sum": tf.reduce_sum(x), "flat": tf.reshape(x, [-1])}, input_signature=[tf.TensorSpec(None, F, name="x")])
        return module, {"serving_default": module.f}, {"serving_default": {"x": normal(2, 3)}}

    yield module_case("unknown rank", unknown)

    def plain(folder):
        module = tf.Module()
        module.f = tf.function(lambda x, y: x * 2 + y, input_signature=[tf.TensorSpec([None], F), tf.TensorSpec([None], F)])
        return module, module.f, {"serving_default": {"x": normal(3), "y": normal(3)}}

    yield module_case("plain", plain)


def state():
    def counter(folder):
        module = tf.Module()
        module.n = tf.Variable(3, dtype=L)
        module.total = tf.Variable(tf.zeros([2]))

        @tf.function(input_signature=[tf.TensorSpec([2], F, name="x")])
        def f(x):
            module.n.assign_add(1)
            module.total.assign(module.total + x)
            return {"n": module.n.read_value(), "total": module.total.read_value()}

        return module, {"serving_default": f}, {"serving_default": {"x": normal(2)}}

    yield module_case("state.counter", counter)

    def scatter(folder):
        module = tf.Module()
        module.v = tf.Variable(normal(4, 2))

        @tf.function(input_signature=[tf.TensorSpec([None], I, name="at"), tf.TensorSpec([None, 2], F, name="rows")])
        def f(at, rows):
            module.v.scatter_nd_update(at[:, None], rows)
            module.v.assign_sub(tf.ones([4, 2]))
            return {"v": module.v.read_value()}

        return module, {"serving_default": f}, {"serving_default": {"at": np.array([2, 0], np.int32), "rows": normal(2, 2)}}

    yield module_case("state.scatter", scatter)

    def gathered(folder):
        module = tf.Module()
        module.table = tf.Variable(normal(9, 3))
        module.f = tf.function(lambda ids: {"rows": tf.nn.embedding_lookup(module.table, ids), "nd": tf.gather_nd(module.table, ids[..., None])}, input_signature=[tf.TensorSpec([None, None], L, name="ids")])
        return module, {"serving_default": module.f}, {"serving_default": {"ids": whole(2, 4, low=0, high=9, dtype=np.int64)}}

    yield module_case("state.embedding", gathered)


def loops():
    def collatz(n):
        steps = tf.constant(0)
        while n > 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        return {"steps": steps}

    def powers(x, n):
        return {"y": tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * x + tf.cast(i, F)), [0, tf.ones_like(x)])[1]}

    def growing(n):
        return {"y": tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, tf.concat([y, [i * i]], 0)), [0, tf.zeros([0], I)], shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])])[1]}

    def nested(n):
        total = tf.constant(0)
        for i in tf.range(n):
            for j in tf.range(i):
                if (i + j) % 3 == 0:
                    continue
                if j > 4:
                    break
                total += i * j
        return {"total": total}

    def array(x):
        items = tf.TensorArray(F, size=0, dynamic_size=True)
        for i in tf.range(tf.shape(x)[0]):
            items = items.write(i, tf.reduce_sum(x[i]) * tf.cast(i, F))
        return {"stack": items.stack(), "size": items.size()}

    def fixed(x):
        items = tf.TensorArray(F, size=3, element_shape=[2], clear_after_read=False).unstack(x)
        return {"second": items.read(1), "some": items.gather([2, 0]), "all": items.stack()}

    def split(x):
        items = tf.TensorArray(F, size=3, infer_shape=False, element_shape=[None], clear_after_read=False).split(x, [1, 2, 3])
        return {"middle": items.read(1), "joined": items.concat()}

    yield function_case("while.collatz", collatz, [spec(dtype=I)], {"n": np.int32(27)})
    yield function_case("while.powers", powers, [spec(None), spec(dtype=I)], {"x": normal(3), "n": np.int32(4)})
    yield function_case("while.none", powers, [spec(None), spec(dtype=I)], {"x": normal(3), "n": np.int32(0)})
    yield function_case("while.growing", growing, [spec(dtype=I)], {"n": np.int32(5)})
    yield function_case("while.nested", nested, [spec(dtype=I)], {"n": np.int32(9)})
    yield function_case("array.dynamic", array, [spec(None, None)], {"x": normal(4, 3)})
    yield function_case("array.fixed", fixed, [spec(3, 2)], {"x": normal(3, 2)})
    yield function_case("array.split", split, [spec(6)], {"x": normal(6)})
    yield function_case("map_fn", lambda x: {"y": tf.map_fn(lambda r: tf.reduce_max(r) * r, x)}, [spec(None, 3)], {"x": normal(4, 3)})
    yield function_case("map_fn.pair", lambda x: dict(zip("ab", tf.map_fn(lambda r: (r[0], tf.cast(r[1] > 0, I)), x, fn_output_signature=(F, I)))), [spec(None, 3)], {"x": normal(4, 3)})
    yield function_case("scan", lambda x: {"y": tf.scan(lambda a, r: 0.5 * a + r, x), "back": tf.scan(lambda a, r: a * r, x, reverse=True)}, [spec(None, 2)], {"x": normal(5, 2)})
    yield function_case("foldl", lambda x: {"y": tf.foldl(lambda a, r: a * 0.9 + r, x), "r": tf.foldr(lambda a, r: a - r, x)}, [spec(None, 2)], {"x": normal(5, 2)})
    yield function_case("vectorized_map", lambda x: {"y": tf.vectorized_map(lambda r: tf.reduce_sum(r) + r[0] * r, x)}, [spec(4, 3)], {"x": normal(4, 3)})
    yield function_case("while.maximum", lambda n: {"y": tf.while_loop(lambda i: True, lambda i: (i * 2,), [n], maximum_iterations=5)[0]}, [spec(dtype=I)], {"n": np.int32(3)})

    def cumulative(x):
        out = tf.zeros_like(x[:, 0])
        for t in tf.range(tf.shape(x)[1]):
            out = tf.tanh(out * 0.5 + x[:, t])
        return {"y": out}

    yield function_case("while.recurrent", cumulative, [spec(None, None)], {"x": normal(3, 6)})


def branches():
    def either(x):
        return {"y": tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: -x), "n": tf.cond(tf.size(x) > 2, lambda: tf.constant(1), lambda: tf.size(x))}

    for sign in (1, -1):
        yield function_case(f"cond.{sign}", either, [spec(None)], {"x": positive(3) * np.float32(sign)})
    for index in (0, 1, 2, 7, -1):
        yield function_case(f"switch_case.{index}", lambda i, x: {"y": tf.switch_case(i, [lambda: x + 1, lambda: x * 10, lambda: tf.reverse(x, [0])])}, [spec(dtype=I), spec(None)], {"i": np.int32(index), "x": normal(3)})
    for value in (-1.0, 0.5, 3.0):
        yield function_case(f"case.{value}", lambda x: {"y": tf.case([(x < 0, lambda: tf.constant("neg")), (x < 1, lambda: tf.constant("small"))], default=lambda: tf.constant("big"))}, [spec()], {"x": np.float32(value)})

    def shapes(x):
        return {"y": tf.cond(x[0] > 0, lambda: x, lambda: x[:1])}

    for sign in (1, -1):
        yield function_case(f"cond.shapes.{sign}", shapes, [spec(None)], {"x": positive(3) * np.float32(sign)})

    def inner(x):
        return {"y": tf.cond(x > 0, lambda: tf.cond(x > 10, lambda: 1, lambda: tf.while_loop(lambda i: i < 50, lambda i: (i * 3,), [2])[0]), lambda: 3)}

    for value in (20.0, 5.0, -2.0):
        yield function_case(f"cond.nested.{value}", inner, [spec()], {"x": np.float32(value)})
    yield function_case("assert", lambda x: {"y": control(x)}, [spec(None)], {"x": positive(3)})


def control(x):
    with tf.control_dependencies([tf.debugging.assert_positive(x), tf.debugging.assert_rank(x, 1)]):
        return tf.identity(x)


def functions():
    @tf.function
    def square(x):
        return x * x

    @tf.function
    def twice(x):
        return square(x) + square(x + 1)

    yield function_case("calls", lambda x: {"y": twice(x) + square(tf.reduce_sum(x))}, [spec(None)], {"x": normal(3)})
    yield function_case("calls.types", lambda x: {"y": tf.cast(square(tf.cast(x, I)), F) + square(x)}, [spec(None)], {"x": normal(3) * 3})

    @tf.custom_gradient
    def clipped(x):
        return tf.clip_by_value(x, -1, 1), lambda dy: dy

    yield function_case("custom_gradient", lambda x: {"y": clipped(x)}, [spec(None)], {"x": normal(5) * 2})

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.tanh(x) ** 2)
        return {"y": y, "gradient": tape.gradient(y, x)}

    yield function_case("gradient", gradient, [spec(None)], {"x": normal(4)})
    yield function_case("numpy_function", lambda x: {"y": tf.recompute_grad(lambda v: v * 2)(x)}, [spec(None)], {"x": normal(4)})


def tables():
    def lookup(folder):
        module = tf.Module()
        module.t = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b", "c"], tf.constant([1, 2, 3], L)), -1)
        module.back = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant([1, 2, 3], L), ["a", "b", "c"]), "?")

        @tf.function(input_signature=[tf.TensorSpec([None], S, name="words")])
        def f(words):
            ids = module.t.lookup(words)
            return {"ids": ids, "words": module.back.lookup(ids), "size": module.t.size()}

        return module, {"serving_default": f}, {"serving_default": {"words": text("b", "x", "", "c")}}

    yield module_case("table.static", lookup)

    def vocabulary(folder, buckets=2):
        (folder / "words.txt").write_text("the\nquick\nfox\n")
        module = tf.Module()
        make = tf.lookup.TextFileInitializer(str(folder / "words.txt"), S, tf.lookup.TextFileIndex.WHOLE_LINE, L, tf.lookup.TextFileIndex.LINE_NUMBER)
        module.t = tf.lookup.StaticVocabularyTable(make, buckets)
        module.r = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(str(folder / "words.txt"), L, tf.lookup.TextFileIndex.LINE_NUMBER, S, tf.lookup.TextFileIndex.WHOLE_LINE), "UNK")

        @tf.function(input_signature=[tf.TensorSpec([None], S, name="lines")])
        def f(lines):
            tokens = tf.strings.split(tf.strings.lower(lines))
            ids = tf.ragged.map_flat_values(module.t.lookup, tokens)
            return {"ids": ids.to_tensor(-1), "lengths": tokens.row_lengths(), "words": module.r.lookup(ids.to_tensor(99))}

        return module, {"serving_default": f}, {"serving_default": {"lines": text("The quick brown", "", "fox fox jumps over")}}

    yield module_case("table.vocabulary", vocabulary)

    def columns(folder):
        (folder / "pairs.tsv").write_text("red\t10\nblue\t-20\n")
        module = tf.Module()
        module.t = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(str(folder / "pairs.tsv"), S, 0, L, 1, delimiter="\t"), 0)
        module.f = tf.function(lambda x: {"y": module.t.lookup(x)}, input_signature=[tf.TensorSpec([None, None], S, name="x")])
        return module, {"serving_default": module.f}, {"serving_default": {"x": np.array([["red", "blue"], ["green", "red"]], object)}}

    yield module_case("table.columns", columns)
    for keys, values, default in (([1, 5, 9], [0.5, 1.5, 2.5], -1.0), ([1, 5, 9], ["x", "y", "z"], "none")):
        def numbers(folder, keys=keys, values=values, default=default):
            module = tf.Module()
            module.t = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant(keys, L), tf.constant(values)), default)
            module.f = tf.function(lambda x: {"y": module.t.lookup(x)}, input_signature=[tf.TensorSpec([None], L, name="x")])
            return module, {"serving_default": module.f}, {"serving_default": {"x": np.array([9, 4, 1])}}

        yield module_case(f"table.numbers.{type(default).__name__}", numbers)

    def mutable(folder):
        module = tf.Module()
        module.t = tf.lookup.experimental.MutableHashTable(S, F, 0.5)
        module.t.insert(tf.constant(["a", "b"]), tf.constant([1.0, 2.0]))
        module.d = tf.lookup.experimental.DenseHashTable(L, L, default_value=-7, empty_key=-1, deleted_key=-2)
        module.d.insert(tf.constant([3, 4], L), tf.constant([30, 40], L))

        @tf.function(input_signature=[tf.TensorSpec([None], S, name="x"), tf.TensorSpec([None], L, name="n")])
        def f(x, n):
            return {"y": module.t.lookup(x), "z": module.d.lookup(n)}

        return module, {"serving_default": f}, {"serving_default": {"x": text("b", "c"), "n": np.array([4, 5])}}

    yield module_case("table.mutable", mutable)


def texts():
    def words(lines):
        clean = tf.strings.regex_replace(tf.strings.lower(lines), r"[^a-z ]", "")
        tokens = tf.strings.split(clean)
        hashed = tf.ragged.map_flat_values(lambda t: tf.strings.to_hash_bucket_fast(t, 1000), tokens)
        return {"clean": clean, "hashed": hashed.to_tensor(), "count": tokens.row_lengths(), "joined": tf.strings.reduce_join(tokens, axis=1, separator="_"), "length": tf.strings.length(lines)}

    yield function_case("text.words", words, [spec(None, dtype=S)], {"lines": text("Hello, World!", "a  b c", "")})
    yield function_case("text.characters", lambda lines: {"y": tf.strings.unicode_split(lines, "UTF-8").to_tensor(), "code": tf.strings.unicode_decode(lines, "UTF-8").to_tensor()}, [spec(None, dtype=S)], {"lines": text("héy", "日本語", "")})
    yield function_case("text.numbers", lambda lines: {"y": tf.strings.to_number(tf.strings.split(lines, ",").to_tensor("0")), "s": tf.strings.as_string(tf.strings.length(lines))}, [spec(None, dtype=S)], {"lines": text("1,2.5", "3")})
    yield function_case("text.ngrams", lambda lines: {"y": tf.strings.ngrams(tf.strings.split(lines), 2, separator=" ").to_tensor()}, [spec(None, dtype=S)], {"lines": text("a b c d", "x y")})
    yield function_case("text.bytes", lambda x: {"y": tf.io.decode_raw(x, tf.uint8)}, [spec(None, dtype=S)], {"x": text("abc", "xyz")})


def pictures():
    image = tf.io.encode_png(tf.constant(whole(9, 11, 3, low=0, high=256, dtype=np.uint8))).numpy()
    jpeg = tf.io.encode_jpeg(tf.constant(whole(16, 24, 3, low=0, high=256, dtype=np.uint8))).numpy()

    def prepared(x, decode):
        def each(b):
            picture = tf.image.convert_image_dtype(decode(b), F)
            return tf.image.resize(picture, [8, 8])

        return {"y": tf.map_fn(each, x, fn_output_signature=tf.TensorSpec([8, 8, 3], F))}

    yield function_case("picture.png", lambda x: prepared(x, lambda b: tf.io.decode_png(b, channels=3)), [spec(None, dtype=S)], {"x": np.array([image, image], object)})
    yield function_case("picture.jpeg", lambda x: prepared(x, lambda b: tf.io.decode_jpeg(b, channels=3)), [spec(None, dtype=S)], {"x": np.array([jpeg], object)})
    yield function_case("picture.any", lambda x: {"y": tf.io.decode_image(x, channels=3, expand_animations=False)}, [spec(dtype=S)], {"x": np.array(image, object)})
    pixels = np.clip(positive(2, 8, 8, 3) / 2, 0, 1)
    ways = {
        "crop": lambda x: tf.image.central_crop(x, 0.5), "pad": lambda x: tf.image.resize_with_pad(x, 12, 10), "crop_or_pad": lambda x: tf.image.resize_with_crop_or_pad(x, 5, 13),
        "flip": lambda x: tf.image.flip_left_right(tf.image.flip_up_down(x)), "rot90": lambda x: tf.image.rot90(x), "grey": tf.image.rgb_to_grayscale, "standard": tf.image.per_image_standardization,
        "gamma": lambda x: tf.image.adjust_gamma(x, 0.6), "brightness": lambda x: tf.image.adjust_brightness(x, 0.2), "contrast": lambda x: tf.image.adjust_contrast(x, 1.4), "hue": lambda x: tf.image.adjust_hue(x, 0.1),
        "saturation": lambda x: tf.image.adjust_saturation(x, 1.7), "yuv": lambda x: tf.image.rgb_to_yuv(x), "ssim": lambda x: tf.image.ssim(x, x * 0.9, 1.0, filter_size=5), "psnr": lambda x: tf.image.psnr(x, x * 0.9, 1.0),
        "total_variation": tf.image.total_variation, "sobel": tf.image.sobel_edges, "dtype": lambda x: tf.image.convert_image_dtype(x, tf.uint8, saturate=True), "area": lambda x: tf.image.resize(x, [3, 5], method="area"),
        "lanczos": lambda x: tf.image.resize(x, [3, 5], method="lanczos3", antialias=True), "bicubic": lambda x: tf.image.resize(x, [13, 5], method="bicubic"), "aspect": lambda x: tf.image.resize(x, [6, 4], preserve_aspect_ratio=True),
    }
    for name, way in ways.items():
        yield function_case(f"picture.{name}", lambda x, way=way: {"y": way(x)}, [spec(None, 8, 8, 3)], {"x": pixels})


def mathematics():
    square = normal(3, 3) + 3 * np.eye(3, dtype=np.float32)
    ways = {
        "einsum": (lambda x: tf.einsum("bi,bj->bij", x, x), (3, 4)), "tensordot": (lambda x: tf.tensordot(x, x, [[1], [1]]), (3, 4)), "unique": (lambda x: tf.unique(tf.cast(x, I))[0], (12,)),
        "where": (lambda x: tf.where(x > 0), (3, 4)), "boolean_mask": (lambda x: tf.boolean_mask(x, x > 0), (3, 4)), "top_k": (lambda x: tf.math.top_k(x, 2)[1], (3, 4)), "sort": (lambda x: tf.sort(x, direction="DESCENDING"), (3, 4)),
        "argsort": (lambda x: tf.argsort(x, stable=True), (3, 4)), "norm": (lambda x: tf.norm(x, ord=1, axis=1), (3, 4)), "l2_normalize": (lambda x: tf.nn.l2_normalize(x, 1), (3, 4)), "moments": (lambda x: tf.stack(tf.nn.moments(x, [0])), (3, 4)),
        "logsumexp": (lambda x: tf.reduce_logsumexp(x, 1), (3, 4)), "cumsum": (lambda x: tf.cumsum(x, 1, reverse=True), (3, 4)), "confusion": (lambda x: tf.math.confusion_matrix(tf.cast(x > 0, I), tf.cast(x > 0.5, I)), (12,)),
        "bincount": (lambda x: tf.math.bincount(tf.cast(tf.abs(x), I)), (12,)), "histogram": (lambda x: tf.histogram_fixed_width(x, [-2.0, 2.0], 5), (12,)), "searchsorted": (lambda x: tf.searchsorted([-1.0, 0.0, 1.0], x), (12,)),
        "meshgrid": (lambda x: tf.stack(tf.meshgrid(x, x * 2)), (4,)), "sequence_mask": (lambda x: tf.sequence_mask(tf.cast(tf.abs(x) * 2, I)), (4,)), "one_hot": (lambda x: tf.one_hot(tf.cast(x, I), 4), (3, 4)), "roll": (lambda x: tf.roll(x, 2, 1), (3, 4)),
        "repeat": (lambda x: tf.repeat(x, [1, 0, 3], axis=0), (3, 4)), "tile": (lambda x: tf.tile(x, [2, tf.shape(x)[0]]), (3, 4)), "scatter": (lambda x: tf.scatter_nd(tf.constant([[0], [4], [0]]), x, [6, 4]), (3, 4)), "segment": (lambda x: tf.math.segment_mean(x, [0, 0, 2]), (3, 4)),
        "pad": (lambda x: tf.pad(x, [[1, 1], [0, 2]], "REFLECT"), (3, 4)), "stack": (lambda x: tf.stack(tf.unstack(x, axis=1)[::-1]), (3, 4)), "gather": (lambda x: tf.gather(x, [[1, 0], [2, 2], [0, 3]], axis=1, batch_dims=1), (3, 4)), "gelu": (lambda x: tf.nn.gelu(x) + tf.nn.gelu(x, approximate=True), (3, 4)),
        "swish": (lambda x: tf.nn.silu(x), (3, 4)), "hard": (lambda x: tf.nn.relu6(x + 3) / 6, (3, 4)), "crelu": (lambda x: tf.nn.crelu(x), (3, 4)), "maxout": (lambda x: tf.reduce_max(tf.reshape(x, [3, 2, 2]), -1), (3, 4)), "dropout": (lambda x: tf.nn.dropout(x, 0.0), (3, 4)),
        "batch_norm": (lambda x: tf.nn.batch_normalization(x, 0.1, 1.2, 0.3, 0.9, 1e-3), (3, 4)), "conv1d": (lambda x: tf.nn.conv1d(x[..., None], tf.ones([3, 1, 2]), 1, "SAME"), (3, 4)), "atrous": (lambda x: tf.nn.atrous_conv2d(tf.reshape(x, [1, 6, 6, 1]), tf.ones([2, 2, 1, 1]), 2, "VALID"), (36,)),
        "separable": (lambda x: tf.nn.separable_conv2d(tf.reshape(x, [1, 6, 6, 1]), tf.ones([2, 2, 1, 2]), tf.ones([1, 1, 2, 3]), [1, 1, 1, 1], "SAME"), (36,)), "transpose_conv": (lambda x: tf.nn.conv2d_transpose(tf.reshape(x, [1, 6, 6, 1]), tf.ones([2, 2, 2, 1]), [1, 12, 12, 2], 2), (36,)),
        "cross_entropy": (lambda x: tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(x > 0, F), x), (3, 4)), "weighted": (lambda x: tf.nn.weighted_cross_entropy_with_logits(tf.cast(x > 0, F), x, 2.0), (3, 4)), "softmax_loss": (lambda x: tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(x[::-1]), x), (3, 4)),
        "in_top_k": (lambda x: tf.math.in_top_k([1, 0, 3], x, 2), (3, 4)), "erf": (lambda x: tf.math.erf(x) + tf.math.lgamma(tf.abs(x) + 1), (3, 4)), "floormod": (lambda x: x % 0.7 + x // 0.3, (3, 4)), "pow": (lambda x: tf.abs(x) ** 1.7, (3, 4)), "complex": (lambda x: tf.abs(tf.complex(x, x * 2)), (3, 4)),
        "fft": (lambda x: tf.abs(tf.signal.rfft(x)), (3, 4)), "band": (lambda x: tf.linalg.band_part(x, 1, 0), (3, 4)), "diag": (lambda x: tf.linalg.diag(x), (3, 4)), "trace": (lambda x: tf.linalg.trace(x @ tf.transpose(x)), (3, 4)), "eye": (lambda x: tf.eye(tf.shape(x)[0]), (3, 4)),
        "inverse": (lambda x: tf.linalg.inv(x @ tf.transpose(x) + tf.eye(3)), (3, 4)), "solve": (lambda x: tf.linalg.solve(square, x), (3, 4)), "cholesky": (lambda x: tf.linalg.cholesky(x @ tf.transpose(x) + tf.eye(3)), (3, 4)), "det": (lambda x: tf.linalg.det(x @ tf.transpose(x)), (3, 4)),
        "cosine": (lambda x: tf.reduce_sum(tf.nn.l2_normalize(x, 1) * tf.nn.l2_normalize(x[::-1], 1), 1), (3, 4)), "bitcast": (lambda x: tf.bitcast(x, I), (3, 4)), "space": (lambda x: tf.nn.space_to_depth(tf.reshape(x, [1, 6, 6, 1]), 2), (36,)), "patches": (lambda x: tf.image.extract_patches(tf.reshape(x, [1, 6, 6, 1]), [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], "VALID"), (36,)),
        "dynamic_partition": (lambda x: tf.dynamic_partition(x, tf.cast(x > 0, I), 2)[1], (12,)), "dynamic_stitch": (lambda x: tf.dynamic_stitch([[0, 2], [1]], [x[:2], x[2:]]), (3, 4)), "sets": (lambda x: tf.sparse.to_dense(tf.sets.intersection(tf.cast(x, I), tf.cast(x * 2, I))), (3, 4)), "clip_norm": (lambda x: tf.clip_by_norm(x, 0.5), (3, 4)),
        "global_norm": (lambda x: tf.clip_by_global_norm([x, x * 2], 1.0)[0][1], (3, 4)), "assign": (lambda x: tf.tensor_scatter_nd_update(x, [[0, 1]], [9.0]), (3, 4)), "slices": (lambda x: x[1:, ::-1][..., None] + x[:-1, 1:2, None], (3, 4)), "ctc": (lambda x: tf.nn.ctc_greedy_decoder(tf.reshape(x, [4, 1, 3]), [4])[0][0].values, (12,)),
    }
    for name, (way, shape) in ways.items():
        first = spec(None, *shape[1:]) if name not in ("sort", "atrous", "separable", "transpose_conv", "space", "patches", "maxout", "repeat", "scatter", "segment", "in_top_k", "solve", "inverse", "cholesky", "dynamic_stitch", "gather", "ctc") else spec(*shape)
        yield function_case(f"math.{name}", lambda x, way=way: {"y": way(x)}, [first], {"x": normal(*shape)}, rtol=1e-4 if name in ("det", "inverse", "solve") else None)


def attention():
    width, heads = 8, 2

    def build(folder):
        module = tf.Module()
        module.w = [tf.Variable(normal(width, width) * 0.3) for _ in range(4)]
        module.embedding = tf.Variable(normal(20, width))
        module.scale, module.shift = tf.Variable(normal(width)), tf.Variable(normal(width))

        @tf.function(input_signature=[tf.TensorSpec([None, None], I, name="ids"), tf.TensorSpec([None, None], F, name="mask")])
        def f(ids, mask):
            x = tf.gather(module.embedding, ids)
            shape = tf.shape(x)
            q, k, v = (tf.transpose(tf.reshape(x @ w, [shape[0], shape[1], heads, width // heads]), [0, 2, 1, 3]) for w in module.w[:3])
            scores = tf.matmul(q, k, transpose_b=True) / tf.sqrt(4.0) + (1.0 - mask[:, None, None, :]) * -1e9
            y = tf.reshape(tf.transpose(tf.nn.softmax(scores) @ v, [0, 2, 1, 3]), [shape[0], shape[1], width]) @ module.w[3]
            mean, variance = tf.nn.moments(x + y, [-1], keepdims=True)
            return {"y": tf.nn.batch_normalization(x + y, mean, variance, module.shift, module.scale, 1e-6), "pooled": tf.reduce_mean(y, 1)}

        return module, {"serving_default": f}, {"serving_default": {"ids": whole(2, 5, low=0, high=20), "mask": np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.float32)}}

    yield module_case("attention", build)


def cases():
    for family in (signatures, state, loops, branches, functions, tables, texts, pictures, mathematics, attention):
        yield from family()
