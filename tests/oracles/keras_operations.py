"""Calls of keras.ops in functional models, one case each: all that take tensors of a model and give tensors."""

import numpy as np
from keras import ops

X, XY = [(4, 3)], [(4, 3), (4, 3)]
INDEX = np.array([0, 2, 1], "int32")


def whole(x):
    return ops.cast(x * 3, "int32")


def register(case):
    def one(name, call, shapes=X):
        case(f"ops.{name}", shapes, call)

    # --- element by element ---
    for name in ("angle conj conjugate deg2rad rad2deg erfc fabs hard_shrink soft_shrink squareplus sparse_plus sparse_sigmoid sparsemax i0 imag isneginf isposinf isreal nan_to_num real "
                 "signbit sinc empty_like size ndim threshold").split():
        if hasattr(ops, name) and name not in ("empty_like", "size", "ndim", "threshold"):
            one(name, lambda x, n=name: getattr(ops, n)(x))
    one("erfinv", lambda x: ops.erfinv(ops.tanh(x) * 0.9))
    one("threshold", lambda x: ops.threshold(x, 0.2, -1.5))
    one("shrink options", lambda x: [ops.hard_shrink(x, 0.3), ops.soft_shrink(x, 0.2), ops.leaky_relu(x, 0.4), ops.elu(x, 0.5), ops.celu(x, 0.7), ops.squareplus(x, 2)])
    one("gelu exact", lambda x: [ops.gelu(x, approximate=False), ops.gelu(x, approximate=True)])
    one("round decimals", lambda x: [ops.round(x, 1), ops.round(x * 100, -1)])
    one("glu", lambda x: [ops.glu(x), ops.glu(x, axis=1)], [(4, 6)])
    one("softmax axes", lambda x: [ops.softmax(x, axis=1), ops.log_softmax(x, axis=1), ops.softmax(x, axis=(1, 2))])
    one("integers", lambda x: [ops.bitwise_and(whole(x), whole(-x)), ops.bitwise_or(whole(x), whole(2 * x)), ops.bitwise_xor(whole(x), whole(x * 5)), ops.bitwise_not(whole(x)), ops.left_shift(whole(x), ops.abs(whole(x))), ops.right_shift(whole(x), ops.cast(ops.abs(x), "int32"))])
    for name in "arctan2 fmax fmin fmod heaviside hypot logaddexp logaddexp2 isclose nextafter".split():
        if hasattr(ops, name):
            one(name, lambda x, y, n=name: getattr(ops, n)(x, y), XY)
    one("isclose options", lambda x, y: [ops.isclose(x, y, rtol=0.5, atol=0.5), ops.isclose(x, x + 0.01, atol=0.1)], XY)
    one("ldexp", lambda x, y: ops.ldexp(x, whole(y)), XY)
    one("power of integers", lambda x: [ops.power(whole(x), 2), ops.power(x, 3)])
    one("floor of integers", lambda x: [ops.floor(whole(x)), ops.ceil(whole(x)), ops.mod(whole(x), 3), whole(x) // 2, whole(x) / 2, ops.sqrt(ops.abs(whole(x)))])
    one("nan_to_num options", lambda x: ops.nan_to_num(ops.log(x - 0.5), nan=7.0, posinf=8.0, neginf=9.0))
    one("where of conditions", lambda x, y: [ops.where(x > 0, x, y), ops.where(x, 1.0, y), ops.where(x > 0, 1, 0)], XY)
    one("logical", lambda x: [ops.logical_not(x > 0), ops.logical_and(x, x > 0.2), ops.logical_or(x > 1, x < -1)])
    one("cast", lambda x: [ops.cast(x, "int32"), ops.cast(x, "bool"), ops.cast(x, "float16"), ops.saturate_cast(x * 200, "uint8"), ops.cast(whole(x), "float32") / 2])

    # --- reductions ---
    one("average", lambda x: [ops.average(x, axis=1), ops.average(x, axis=2, weights=np.array([1, 2, 3], "float32")), ops.average(x, axis=1, weights=x * x)])
    one("median", lambda x: [ops.median(x, axis=1), ops.median(x, axis=2, keepdims=True), ops.median(x, axis=(1, 2), keepdims=True), ops.median(ops.log(x), axis=1)])
    one("quantile", lambda x: [ops.quantile(x, 0.3, axis=(1, 2)), ops.percentile(x, 30.0, axis=(1, 2)) if hasattr(ops, "percentile") else x])
    one("nan reductions", lambda x: [f(ops.log(x), axis=1) for f in (ops.nansum, ops.nanmax, ops.nanmin, ops.nanmean, ops.nanprod, ops.nanvar, ops.nanstd) if f])
    one("ptp", lambda x: [ops.ptp(x, axis=1), ops.ptp(x, axis=-1, keepdims=True)])
    one("cumulative", lambda x: [ops.cumsum(x, axis=2), ops.cumprod(x, axis=1), ops.cumprod(x, axis=-1), ops.cumsum(whole(x), axis=1)])
    one("diff", lambda x: [ops.diff(x, axis=1), ops.diff(x, n=2, axis=1), ops.diff(x)])
    one("trace diagonal", lambda x: [ops.trace(x, axis1=1, axis2=2), ops.diagonal(x, axis1=1, axis2=2), ops.diagonal(x, offset=1, axis1=1, axis2=2), ops.diagonal(x, offset=-1, axis1=1, axis2=2)])
    one("reduce options", lambda x: [ops.sum(x, axis=(1, 2)), ops.mean(whole(x), axis=1), ops.sum(x > 0, axis=1), ops.prod(whole(x), axis=1), ops.max(x, axis=(1, 2), keepdims=True), ops.var(x, axis=(1, 2), keepdims=True),
                                     ops.std(whole(x), axis=1), ops.any(x, axis=(1, 2)), ops.all(x > 0, axis=1, keepdims=True), ops.count_nonzero(whole(x), axis=(1, 2)), ops.logsumexp(x, axis=(1, 2), keepdims=True)])
    one("reduce of all", lambda x: [ops.sum(x, keepdims=True) + x * 0, ops.mean(x) + x * 0, ops.max(x) + x * 0, ops.argmax(x) + 0 * whole(x)])
    one("max initial", lambda x: [ops.max(x, axis=1, initial=0.5), ops.min(x, axis=1, initial=-0.5)])
    one("argmax keepdims", lambda x: [ops.argmax(x, axis=1, keepdims=True), ops.argmin(x, axis=-1, keepdims=True)])
    one("norm", lambda x: ops.norm(x) + x)
    one("normalize", lambda x: [ops.normalize(x, axis=1), ops.normalize(x, axis=-1, order=1), ops.normalize(x, axis=2, order=3, epsilon=0.1)])
    one("moments", lambda x: [*ops.moments(x, axes=[1, 2], keepdims=True), *ops.moments(x, axes=[2])])
    one("sort", lambda x: [ops.sort(x, axis=1), ops.argsort(x, axis=1), ops.sort(whole(x), axis=-1)])
    one("digitize", lambda x: [ops.digitize(x, np.array([-1.0, 0.0, 1.0], "float32")), ops.searchsorted(np.array([-1.0, 0.0, 1.0], "float32"), ops.reshape(x, (-1,))) if hasattr(ops, "searchsorted") else x])
    one("isin", lambda x: ops.isin(whole(x), np.array([0, 2, 3], "int32")))
    one("in_top_k", lambda x: ops.in_top_k(ops.argmax(x[:, 0], axis=-1), x[:, 0], 1) if hasattr(ops, "in_top_k") else x)
    one("segment_sum", lambda x: [ops.segment_sum(ops.reshape(x, (-1, 6))[0], np.array([0, 0, 1, 2, 2, 2], "int32"), num_segments=3)])

    # --- products ---
    one("matmul", lambda x, y: [ops.matmul(x, ops.transpose(y, (0, 2, 1))), ops.matmul(x, np.ones((3, 2), "float32"))], XY)
    one("outer", lambda x: [ops.einsum("bi,bj->bij", x[:, 0], x[:, 1]), ops.cross(x, x[:, ::-1]), ops.inner(x, np.ones((5, 3), "float32")), ops.dot(x, np.ones((3, 2), "float32"))])
    one("tensordot", lambda x: [ops.tensordot(x, np.arange(6, dtype="float32").reshape(3, 2), axes=1), ops.tensordot(x, np.arange(24, dtype="float32").reshape(4, 3, 2), axes=[[1, 2], [0, 1]]), ops.tensordot(x, np.arange(12, dtype="float32").reshape(3, 4), axes=[[2], [0]])])
    one("einsum", lambda x, y: [ops.einsum("bij,bij->b", x, y), ops.einsum("bij->bji", x), ops.einsum("bij,kj->bik", x, np.ones((2, 3), "float32")), ops.einsum("...j,...j->...", x, y)], XY)

    # --- shapes ---
    one("reshape", lambda x: [ops.reshape(x, (-1, 12)), ops.reshape(x, (-1, 2, 2, 3)), ops.ravel(x)])
    one("view", lambda x: ops.flip(ops.fliplr(ops.flipud(x))) if hasattr(ops, "fliplr") else x)
    one("flips", lambda x: [ops.flip(x), ops.flip(x, axis=(1, 2)), ops.rot90(x, k=1, axes=(1, 2)), ops.rot90(x[:, :3, :3], k=2, axes=(1, 2)), ops.rot90(x, k=-1, axes=(1, 2))])
    one("axes", lambda x: [ops.moveaxis(x, 1, 2), ops.moveaxis(x, (1, 2), (2, 1)), ops.swapaxes(x, -1, -2), ops.expand_dims(x, (1, -1)), ops.transpose(x), ops.squeeze(x[:, :1], axis=1)])
    one("tile", lambda x: [ops.tile(x, 2), ops.tile(x, (2, 1, 1)), ops.tile(x, (1, 1, 2, 3))])
    one("repeat", lambda x: [ops.repeat(x, 2, axis=2), ops.repeat(x, 3, axis=0)])
    one("roll", lambda x: [ops.roll(x, 2, axis=1), ops.roll(x, -1, axis=-1), ops.roll(x, (1, 2), axis=(1, 2))])
    one("broadcast_to", lambda x: ops.broadcast_to(x[0], (5, 4, 3)))
    one("joins", lambda x, y: [ops.concatenate([x, y], axis=1), ops.concatenate([x, whole(y)], axis=2), ops.stack([x, y, x], axis=-1), ops.vstack([x, y]), ops.hstack([x, y]), ops.append(x, y, axis=1)], XY)
    one("dstack", lambda x, y: [ops.dstack([x, y])] if hasattr(ops, "dstack") else x, XY)
    one("splits", lambda x: [*ops.split(x, 2, axis=1), *ops.split(x, (1, 2), axis=2), *ops.array_split(x, 3, axis=1), *ops.unstack(x, axis=2)])
    one("hsplit", lambda x: [*ops.hsplit(x, 2)] if hasattr(ops, "hsplit") else x)
    one("pads", lambda x: [ops.pad(x, ((0, 0), (1, 1), (2, 0)), mode="symmetric"), ops.pad(x, ((0, 0), (1, 2), (1, 1)), mode="edge"), ops.pad(x, 1), ops.pad(x, (1, 2)), ops.pad(x, ((0, 0), (2, 1), (1, 1)), mode="wrap")][:4])
    one("getitem", lambda x: [x[:, -1], x[:, 1:], x[..., 1], x[:, ::2, ::-1], x[:, None], x[0], x[-1, :, 1], x[:, 1, 2]])
    one("take", lambda x: [ops.take(x, INDEX, axis=1), ops.take(x, 2, axis=1), ops.take(x, np.array([[0, 1], [2, -1]], "int32"), axis=2), ops.take(x, INDEX)])
    one("take_along_axis", lambda x: [ops.take_along_axis(x, ops.argsort(x, axis=1), axis=1), ops.take_along_axis(x, ops.argsort(x, axis=-1), axis=-1)])
    one("triangles", lambda x: [ops.tril(x, k=-1), ops.triu(x, k=-1), ops.tril(x)])
    one("likes", lambda x: [ops.ones_like(x), ops.zeros_like(x, dtype="int32"), ops.full_like(x, 2.5), ops.full_like(x, 3, dtype="int32")])
    one("slices", lambda x: [ops.slice(x[0], (1, 0), (2, 3)), ops.slice_update(x, (0, 1, 1), np.ones((1, 2, 2), "float32"))])
    one("one_hot", lambda x: [ops.one_hot(ops.argmax(x, axis=1), 5), ops.one_hot(ops.argmax(x, axis=1), 5, axis=1), ops.one_hot(ops.argmax(x, axis=1) - 1, 3, dtype="int32"), ops.multi_hot(ops.argmax(x, axis=1), 5)])
    one("depth_to_space", lambda x: [ops.depth_to_space(x, 2), ops.space_to_depth(x, 2)] if hasattr(ops, "depth_to_space") else x, [(4, 6, 8)])
    one("diag", lambda x: [ops.diag(x[0, 0]), ops.diag(x[0]), ops.diag(x[0, 0], k=1)])

    # --- networks ---
    one("normalisations", lambda x: [ops.rms_normalization(x), ops.rms_normalization(x, scale=np.array([1, 2, 3], "float32"), axis=-1, epsilon=0.1), ops.layer_normalization(x), ops.layer_normalization(x, np.array([1, 2, 3], "float32"), np.array([3, 2, 1], "float32"), epsilon=0.1),
                                     ops.batch_normalization(x, np.array([1, 2, 3], "float32"), np.array([3, 2, 1], "float32"), axis=-1, offset=np.array([1, 0, 1], "float32"), scale=np.array([1, 2, 1], "float32"))])
    one("dot_product_attention", lambda x, y: [ops.dot_product_attention(x, y, y), ops.dot_product_attention(x, y, y, is_causal=True, scale=0.3)], [(5, 2, 4), (5, 2, 4)])
    # --- images ---
    one("image.resize", lambda x: [ops.image.resize(x, (4, 9)), ops.image.resize(x, (4, 9), interpolation="nearest"), ops.image.resize(x, (14, 3), interpolation="bicubic", antialias=True), ops.image.resize(x, (5, 5), crop_to_aspect_ratio=True), ops.image.resize(x, (5, 5), interpolation="lanczos3")], [(7, 6, 3)])
    one("image.sides", lambda x: [ops.image.pad_images(x, 1, 2, target_height=10, target_width=9), ops.image.crop_images(x, 1, 2, target_height=4, target_width=3)], [(7, 6, 3)])
    one("image.colours", lambda x: [ops.image.rgb_to_grayscale(x), ops.image.rgb_to_hsv(ops.sigmoid(x)), ops.image.hsv_to_rgb(ops.sigmoid(x))], [(7, 6, 3)])
    one("image.extract_patches", lambda x: [ops.image.extract_patches(x, (3, 2)), ops.image.extract_patches(x, (2, 2), strides=(3, 1), padding="same")], [(7, 6, 3)])
    # --- matrices ---
    one("linalg", lambda x: [ops.linalg.inv(x + 3 * np.eye(3, dtype="float32")), ops.linalg.det(x + 3 * np.eye(3, dtype="float32"))], [(3, 3)])
    one("cholesky", lambda x: ops.linalg.cholesky(ops.matmul(x, ops.transpose(x, (0, 2, 1))) + np.eye(3, dtype="float32")), [(3, 3)])
