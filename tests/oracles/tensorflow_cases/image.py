"""Images: sizes, colours, boxes, patches, files."""

import io

import numpy as np
import tensorflow as tf

from .operators import GraphCase, K, free, normal, one, positive, sweep, whole

X = positive(2, 5, 6, 3)


def resizing():
    ways = ({}, {"align_corners": True}, {"half_pixel_centers": True})
    for op in ("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea"):
        for way in ways[: 2 if op == "ResizeArea" else 3]:
            for size in ([10, 12], [3, 4], [7, 5], [5, 6], [1, 1], [2, 13]):
                yield from one(op, images=X, size=K(size), **way)
        yield from sweep(op, images=X * 9, size=K([4, 9]))
    for height, width in ((1, 6), (5, 1), (1, 1)):  # nothing between corners
        for op in ("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea"):
            for way in ({}, {"align_corners": True}):
                yield from one(op, images=X[:, :height, :width], size=K([3, 7]), **way)
    for kernel in ("lanczos1", "lanczos3", "lanczos5", "gaussian", "box", "triangle", "keyscubic", "mitchellcubic"):
        for antialias in (False, True):
            yield from one("ScaleAndTranslate", images=X, size=K([3, 9]), scale=K([0.6, 1.5]), translation=K([0.0, 0.0]), kernel_type=kernel, antialias=antialias)
    yield from one("ScaleAndTranslate", "moved", images=X, size=K([6, 6]), scale=K([1.2, 0.7]), translation=K([0.5, -1.0]))
    boxes = np.array([[0, 0, 1, 1], [0.1, 0.2, 0.8, 0.7], [0.9, 0.9, 0.1, 0.1], [-0.3, 0, 1.4, 0.5]], np.float32)
    for method in ("bilinear", "nearest"):
        for size in ([4, 5], [1, 1]):
            yield from one("CropAndResize", image=X, boxes=boxes, box_ind=np.array([0, 1, 1, 0], np.int32), crop_size=K(size), method=method, extrapolation_value=2.0)
    yield from sweep("CropAndResize", image=X * 9, boxes=boxes, box_ind=np.array([0, 1, 1, 0], np.int32), crop_size=K([3, 3]))
    for op, arguments in (("ImageProjectiveTransformV2", {}), ("ImageProjectiveTransformV3", {"fill_value": K(0.5)})):
        for interpolation in ("NEAREST", "BILINEAR"):
            for fill in ("CONSTANT", "REFLECT", "WRAP", "NEAREST"):
                yield from one(op, f"{interpolation}.{fill}", images=X, transforms=K([[1.1, 0.1, -0.5, -0.05, 0.9, 0.3, 0.001, 0.0]]), output_shape=K([5, 7]), interpolation=interpolation, fill_mode=fill, **arguments)


def colours():
    for op in ("RGBToHSV", "HSVToRGB"):
        yield from sweep(op, images=np.clip(positive(2, 4, 3) / 3, 0, 1))
        yield from one(op, "grey", images=np.array([[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32))
    for factor in (0.0, 0.5, 2.0):
        yield from one("AdjustContrastv2", images=X, contrast_factor=np.float32(factor))
        yield from one("AdjustSaturation", images=np.clip(X / 2, 0, 1), scale=np.float32(factor))
        yield from one("AdjustHue", images=np.clip(X / 2, 0, 1), delta=np.float32(factor / 3 - 0.2))
    for op, arguments in (("AdjustContrastv2", {"contrast_factor": K(1.5)}), ):
        yield from sweep(op, images=X, **arguments)
    yield from sweep("AdjustSaturation", images=np.clip(X / 2, 0, 1), scale=K(1.5))
    yield from sweep("AdjustHue", images=np.clip(X / 2, 0, 1), delta=K(0.2))
    boxes = np.array([[[0.1, 0.2, 0.8, 0.7]], [[0, 0, 1, 1]]], np.float32)
    yield from one("DrawBoundingBoxes", images=X, boxes=boxes)
    yield from one("DrawBoundingBoxesV2", images=X, boxes=boxes, colors=K([[1.0, 0.5, 0.0]]))


def boxes():
    corners = np.array([[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, -0.1, 1, 0.9], [0, 10, 1, 11], [0, 10.1, 1, 11.1], [0, 100, 1, 101]], np.float32)
    scores = np.array([0.9, 0.75, 0.6, 0.95, 0.5, 0.3], np.float32)
    for most in (3, 30, 0):
        yield from one("NonMaxSuppression", f"{most}", boxes=corners, scores=scores, max_output_size=K(most), iou_threshold=0.5)
        yield from one("NonMaxSuppressionV2", f"{most}", boxes=corners, scores=scores, max_output_size=K(most), iou_threshold=K(0.5))
        yield from one("NonMaxSuppressionV3", f"{most}", boxes=corners, scores=scores, max_output_size=K(most), iou_threshold=K(0.5), score_threshold=K(0.4))
        for pad in (False, True):
            yield from one("NonMaxSuppressionV4", f"{most}.{pad}", boxes=corners, scores=scores, max_output_size=K(most), iou_threshold=K(0.5), score_threshold=K(0.4), pad_to_max_output_size=pad)
            for sigma in (0.0, 0.5):
                yield from one("NonMaxSuppressionV5", f"{most}.{pad}.{sigma}", boxes=corners, scores=scores, max_output_size=K(most), iou_threshold=K(0.5), score_threshold=K(0.2), soft_nms_sigma=K(sigma), pad_to_max_output_size=pad)
    yield from one("NonMaxSuppressionV3", "ties", boxes=corners, scores=np.ones(6, np.float32), max_output_size=K(4), iou_threshold=K(0.3), score_threshold=K(-np.inf))
    yield from one("NonMaxSuppressionV3", "flipped", boxes=corners[:, [2, 3, 0, 1]], scores=scores, max_output_size=K(4), iou_threshold=K(0.3), score_threshold=K(0.0))
    yield from one("NonMaxSuppressionV3", "none", boxes=corners[:0], scores=scores[:0], max_output_size=K(4), iou_threshold=K(0.3), score_threshold=K(0.0))
    yield from free("NonMaxSuppressionV3", boxes=corners, scores=scores, max_output_size=K(3), iou_threshold=K(0.5), score_threshold=K(0.4))
    overlaps = positive(6, 6)
    yield from one("NonMaxSuppressionWithOverlaps", overlaps=overlaps, scores=scores, max_output_size=K(4), overlap_threshold=K(0.5), score_threshold=K(0.1))
    for per_class in (False, True):
        for clip in (False, True):
            yield from one("CombinedNonMaxSuppression", f"{per_class}.{clip}", boxes=corners[None, :, None, :] / 2, scores=positive(1, 6, 2), max_output_size_per_class=K(3), max_total_size=K(5), iou_threshold=K(0.5), score_threshold=K(0.3), pad_per_class=per_class, clip_boxes=clip)
    yield from one("CombinedNonMaxSuppression", "classes", boxes=np.tile(corners[None, :, None, :], (2, 1, 2, 1)) / 2, scores=positive(2, 6, 2), max_output_size_per_class=K(3), max_total_size=K(5), iou_threshold=K(0.5), score_threshold=K(0.3))


def patches():
    for ksizes, strides, rates in (([1, 2, 2, 1], [1, 1, 1, 1], [1, 1, 1, 1]), ([1, 3, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1]), ([1, 2, 2, 1], [1, 1, 2, 1], [1, 2, 2, 1])):
        for padding in ("SAME", "VALID"):
            yield from one("ExtractImagePatches", images=X, ksizes=ksizes, strides=strides, rates=rates, padding=padding)
    yield from sweep("ExtractImagePatches", images=X, ksizes=[1, 2, 2, 1], strides=[1, 2, 2, 1], rates=[1, 1, 1, 1], padding="VALID")
    for padding in ("SAME", "VALID"):
        yield from one("ExtractVolumePatches", input=normal(1, 4, 4, 4, 2), ksizes=[1, 2, 2, 2, 1], strides=[1, 2, 1, 2, 1], padding=padding)
    for centered, normalized in ((True, True), (False, True), (True, False), (False, False)):
        for op in ("ExtractGlimpse", "ExtractGlimpseV2"):
            yield from one(op, f"{centered}{normalized}", input=X, size=K([2, 3]), offsets=np.array([[0.1, -0.2], [0.5, 0.4]], np.float32), centered=centered, normalized=normalized, uniform_noise=False, noise="zero")
    places = np.array([[0, 0], [0.3, -0.9], [1.5, 0.2], [-1.4, -1.2], [40, 3], [-0.45, 0.55], [2.5, 3.5], [np.nan, 0], [1e30, -1e30]], np.float32)
    many = normal(9, 6, 5, 3)
    for version in ("", "V2"):
        for size in ([2, 3], [1, 1], [9, 4], [5, 11], [6, 5]):
            for centered, normalized in ((True, True), (False, True), (True, False), (False, False)):
                options = {"size": K(size), "offsets": places, "centered": centered, "normalized": normalized, "uniform_noise": False, "noise": "zero"}
                yield from one("ExtractGlimpse" + version, f"{size}.{centered}{normalized}", input=many, **options)
        # What lies inside is no noise.
        yield from one("ExtractGlimpse" + version, "inside", input=many[:2], size=K([2, 2]), offsets=np.array([[0, 0.1], [-0.2, 0]], np.float32))
        yield from free("ExtractGlimpse" + version, input=many, size=K([4, 4]), offsets=places, uniform_noise=False, noise="zero")


def encoded(image, kind, **options):
    ways = {"png": tf.io.encode_png, "jpeg": tf.io.encode_jpeg}
    return np.array(ways[kind](image, **options).numpy(), object)


def files():
    image = tf.constant(whole(12, 17, 3, low=0, high=256, dtype=np.uint8))
    smooth = tf.constant(np.add.outer(np.arange(24), np.arange(33))[..., None].repeat(3, 2).astype(np.uint8) * np.array([3, 2, 1], np.uint8))
    for channels in (1, 2, 3, 4):
        picture = encoded(tf.constant(whole(5, 7, channels, low=0, high=256, dtype=np.uint8)), "png")
        for wanted in (0, 1, 3, 4):
            for dtype in (tf.uint8, tf.uint16):
                yield from one("DecodePng", f"{channels}.{wanted}.{dtype.name}", contents=picture, channels=wanted, dtype=dtype)
            yield from one("DecodeImage", f"png.{channels}.{wanted}", contents=picture, channels=wanted)
    deep = encoded(tf.constant(whole(5, 7, 3, low=0, high=65536, dtype=np.uint16)), "png")
    for dtype in (tf.uint8, tf.uint16):
        yield from one("DecodePng", f"deep.{dtype.name}", contents=deep, dtype=dtype)
        yield from one("DecodeImage", f"deep.{dtype.name}", contents=deep, dtype=dtype)
    yield from one("DecodeImage", "float", contents=deep, dtype=tf.float32)
    for name, options in (("plain", {}), ("rough", {"quality": 40}), ("full", {"chroma_downsampling": False}), ("progressive", {"progressive": True}), ("grey", {"format": "grayscale"})):
        for source, picture in (("noise", image), ("smooth", smooth)):
            jpeg = encoded(picture[..., :1] if name == "grey" else picture, "jpeg", **options)
            for channels in (0, 1, 3):
                yield from one("DecodeJpeg", f"{name}.{source}.{channels}", contents=jpeg, channels=channels)
            for attributes in ({"ratio": 2}, {"ratio": 4}, {"fancy_upscaling": False}, {"dct_method": "INTEGER_ACCURATE"}):
                yield from one("DecodeJpeg", f"{name}.{source}.{list(attributes.items())[0]}", contents=jpeg, **attributes)
            yield from one("DecodeImage", f"jpeg.{name}.{source}", contents=jpeg)
            yield from one("ExtractJpegShape", f"{name}.{source}", contents=jpeg)
            yield from one("DecodeAndCropJpeg", f"{name}.{source}", contents=jpeg, crop_window=K([1, 2, 8, 9]))
    from PIL import Image

    for kind in ("BMP", "GIF"):
        stream = io.BytesIO()
        Image.fromarray(image.numpy()).save(stream, kind)
        contents = np.array(stream.getvalue(), object)
        yield from one(f"Decode{kind.title()}", contents=contents)
        yield from one("DecodeImage", kind, contents=contents, expand_animations=False)
    for lossless in (False, True):
        stream = io.BytesIO()
        Image.fromarray(image.numpy()).save(stream, "WEBP", lossless=lossless)
        contents = np.array(stream.getvalue(), object)
        yield from one("DecodeWebP", f"{lossless}", contents=contents)
        yield from one("DecodeImage", f"webp.{lossless}", contents=contents, expand_animations=False)


def pixels():
    """What is resized and cut to bytes shows the last bit of the floats."""
    for size, to in (((14, 11), (12, 12)), ((20, 31), (112, 96)), ((99, 80), (48, 49)), ((7, 7), (13, 13))):
        for half, corners in ((True, False), (False, False), (False, True)):
            yield GraphCase(f"ResizeBilinear.bytes.{size}.{to}.{half}.{corners}", lambda x, to=to, half=half, corners=corners: tf.cast(tf.raw_ops.ResizeBilinear(images=x, size=to, half_pixel_centers=half, align_corners=corners), tf.uint8), {"x": whole(2, *size, 3, low=0, high=256, dtype=np.uint8).astype(np.float32)}, operator="ResizeBilinear")


def cases():
    yield from pixels()
    for family in (resizing, colours, boxes, patches, files):
        yield from family()
