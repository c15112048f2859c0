"""What graphs write: image files and serialized tensors, byte for byte (their length and a hash of them)."""

import numpy as np
import tensorflow as tf

from .operators import GraphCase, normal, text, whole


def hashed(name, make, arguments, operator, dynamic=None):
    def build(**inputs):
        contents = make(**inputs)
        return [tf.strings.length(contents), tf.strings.to_hash_bucket_fast(contents, 1 << 62)]

    for i, what in enumerate(("length", "hash")):
        yield GraphCase(f"{name}.{what}", lambda i=i, **inputs: build(**inputs)[i], arguments, operator=operator, dynamic=dynamic)


def smooth(*shape, dtype=np.uint8):
    rows, columns = np.indices(shape[:2])
    planes = [127 + 120 * np.sin(rows / (3 + k) + columns / (5 - k)) for k in range(shape[2])]
    return (np.stack(planes, -1) * (257 if dtype == np.uint16 else 1)).astype(dtype)


def images():
    for dtype in (np.uint8, np.uint16):
        for channels in (1, 2, 3, 4):
            for kind, image in (("noise", whole(13, 17, channels, low=0, high=250, dtype=dtype)), ("smooth", smooth(40, 33, channels, dtype=dtype))):
                for level in (-1, 0, 1, 9):
                    yield from hashed(f"EncodePng.{dtype.__name__}.{channels}.{kind}.{level}", lambda image, level=level: tf.raw_ops.EncodePng(image=image, compression=level), {"image": image}, "EncodePng")
    yield from hashed("EncodePng.batch", lambda image: tf.raw_ops.EncodePng(image=image), {"image": whole(2, 3, 5, 4, 3, low=0, high=255, dtype=np.uint8)}, "EncodePng", "dims")
    yield from hashed("EncodePng.large", lambda image: tf.io.encode_png(image), {"image": smooth(300, 400, 3)}, "EncodePng")
    options = ({}, {"quality": 50}, {"quality": 100}, {"quality": 0}, {"progressive": True}, {"optimize_size": True}, {"chroma_downsampling": False}, {"density_unit": "cm", "x_density": 72, "y_density": 100})
    for channels in (1, 3):
        for kind, image in (("noise", whole(13, 17, channels, low=0, high=255, dtype=np.uint8)), ("smooth", smooth(64, 51, channels))):
            for given in options:
                yield from hashed(f"EncodeJpeg.{channels}.{kind}.{given}", lambda image, given=given: tf.io.encode_jpeg(image, **given), {"image": image}, "EncodeJpeg")
    for name, channels in (("grayscale", 1), ("rgb", 3)):
        yield from hashed(f"EncodeJpeg.{name}", lambda image, name=name: tf.io.encode_jpeg(image, format=name), {"image": smooth(20, 20, channels)}, "EncodeJpeg")
    for quality in (10, 90):
        yield from hashed(f"EncodeJpegVariableQuality.{quality}", lambda images, quality: tf.raw_ops.EncodeJpegVariableQuality(images=images, quality=quality), {"images": smooth(31, 20, 3), "quality": np.int32(quality)}, "EncodeJpegVariableQuality")
    yield GraphCase("EncodeJpeg.and_back", lambda image: tf.io.decode_jpeg(tf.io.adjust_jpeg_quality(image) if False else tf.io.encode_jpeg(image)), {"image": smooth(30, 41, 3)}, operator="EncodeJpeg")
    yield GraphCase("EncodePng.as_text", lambda image: tf.io.encode_base64(tf.io.encode_png(image)), {"image": smooth(30, 41, 3)}, operator="EncodePng")


VALUES = {
    "float": normal(2, 3),
    "scalar": np.float32(2.5),
    "none": np.zeros((0, 3), np.float32),
    "half": normal(3, dtype=np.float16),
    "bool": np.array([True, False]),
    "long": whole(2, 2, 1, dtype=np.int64),
    "short": whole(5, dtype=np.int16),
    "complex": (normal(3) + 1j).astype(np.complex64),
    "text": text("a", "", "longer text"),
    "word": np.array("x", object),
    "no text": np.zeros((0,), object),
}


def tensors():
    for name, value in VALUES.items():
        yield from hashed(f"SerializeTensor.{name}", lambda value: tf.io.serialize_tensor(value), {"value": value}, "SerializeTensor")
        dtype = tf.string if value.dtype == object else tf.as_dtype(value.dtype)
        yield GraphCase(f"ParseTensor.{name}", lambda value, dtype=dtype: tf.io.parse_tensor(tf.io.serialize_tensor(value), dtype), {"value": value}, operator="ParseTensor")


def cases():
    yield from images()
    yield from tensors()
