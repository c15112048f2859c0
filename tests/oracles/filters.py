#!/usr/bin/env python3
"""Pillow and NumPy as oracles of the filters: images of all kinds through all options, within 1 of 255.

    scripts/python tests/oracles/filters.py            all cases
    scripts/python tests/oracles/filters.py crop       those whose names hold a word
"""

import os
import sys

sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]  # onnx.py is there, too

import base64
import io
import itertools
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from PIL import Image, ImageOps

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from common import Refused, predict_files

HOWS = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC,
        "area": Image.Resampling.BOX, "lanczos": Image.Resampling.LANCZOS}
MODES = {"RGB": "RGB", "BGR": "RGB", "RGBA": "RGBA", "gray": "L"}


def picture(height, width, seed, channels=3):
    """Waves, edges and noise: what resizing treats differently."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 90 * np.sin(x / (3 + c) + seed) * np.cos(y / (5 + c)) for c in range(channels)]
    image = np.stack(planes, -1) + rng.normal(0, 12, (height, width, channels))
    image[height // 3: height // 2, width // 4: width // 2] = rng.integers(0, 256, channels)
    return np.clip(image, 0, 255).astype(np.uint8)


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def oriented(orientation, kind):
    image = Image.fromarray(picture(41, 67, orientation))
    exif = Image.Exif()
    exif[0x112] = orientation
    return saved(image, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))


def files():
    """Name, bytes of every file."""
    rgb = lambda h, w, s: Image.fromarray(picture(h, w, s))
    cmyk = Image.frombytes("CMYK", (61, 50), picture(50, 61, 9, 4).tobytes())
    alpha = Image.fromarray(picture(64, 48, 5, 4))
    yield "jpeg", saved(rgb(180, 240, 1), "JPEG", quality=92)
    yield "jpeg odd 4:2:0", saved(rgb(37, 53, 2), "JPEG", quality=75, subsampling=2)
    yield "jpeg 4:4:4 progressive", saved(rgb(91, 33, 3), "JPEG", quality=95, subsampling=0, progressive=True)
    yield "jpeg gray", saved(rgb(77, 51, 4).convert("L"), "JPEG")
    yield "jpeg cmyk", saved(cmyk, "JPEG", quality=95)
    yield "png", saved(rgb(63, 130, 6), "PNG")
    yield "png gray", saved(rgb(40, 40, 7).convert("L"), "PNG")
    yield "png 1 bit", saved(rgb(30, 57, 8).convert("1"), "PNG")
    yield "png rgba", saved(alpha, "PNG")
    yield "png gray alpha", saved(alpha.convert("LA"), "PNG")
    yield "png palette", saved(rgb(45, 64, 10).convert("P", palette=Image.Palette.ADAPTIVE), "PNG")
    yield "webp", saved(rgb(100, 75, 11), "WEBP", lossless=True)
    yield "webp lossy", saved(rgb(81, 64, 12), "WEBP", quality=80)
    yield "webp rgba", saved(alpha, "WEBP", lossless=True)
    yield "gif", saved(rgb(33, 47, 13).convert("P", palette=Image.Palette.ADAPTIVE), "GIF")
    yield "bmp", saved(rgb(21, 19, 14), "BMP")
    yield "tiff", saved(rgb(52, 28, 15), "TIFF")
    yield "one pixel", saved(rgb(1, 1, 16), "PNG")
    yield "one line", saved(rgb(1, 90, 17), "PNG")
    yield "large", saved(rgb(600, 801, 18), "JPEG", quality=90)
    for orientation in range(1, 9):
        yield f"jpeg oriented {orientation}", oriented(orientation, "JPEG")
    yield "png oriented 6", oriented(6, "PNG")
    yield "webp oriented 8", oriented(8, "WEBP")


FILES = dict(files())


def opened(name, options):
    """The pixels that Pillow has, in the mode that is asked for, before they are resized."""
    image = Image.open(io.BytesIO(FILES[name]))
    if options.get("upright"):
        image = ImageOps.exif_transpose(image)
    mode = MODES[options.get("channels", "RGB")]
    if mode == "L" and image.mode not in ("L", "1"):
        image = image.convert("RGB")  # as of all colours, also those of palettes
    elif mode == "RGBA" and image.mode in ("CMYK", "P"):
        image = image.convert("RGB") if "transparency" not in image.info else image.convert("RGBA")
    return image.convert(mode)


def reference(name, options):
    """(height, width, channels) as bytes: what the filter promises, written with Pillow."""
    height, width = options["size"]
    how = HOWS[options.get("interpolation", "bilinear")]
    image = opened(name, options)
    if "crop" in options:
        top, left, h, w = options["crop"]
        image = image.crop((left, top, left + w, top + h))
    aspect = options.get("aspect", "stretch")
    if aspect == "pad":
        fill = options.get("fill", 0)
        fill = tuple(fill[::-1] if options.get("channels") == "BGR" else fill) if isinstance(fill, list) else (fill,) * len(image.getbands())
        image = ImageOps.pad(image, (width, height), how, fill if len(fill) > 1 else fill[0])
    elif aspect == "crop":
        goal = (options["resize"],) * 2 if "resize" in options else (height, width)
        w, h = image.size
        if goal[0] * w >= goal[1] * h:
            new = (w * goal[0] // h, goal[0])
        else:
            new = (goal[1], h * goal[1] // w)
        image = image.resize(new, how)
        top, left = int(round((new[1] - height) / 2.0)), int(round((new[0] - width) / 2.0))
        image = image.crop((left, top, left + width, top + height))
    else:
        image = image.resize((width, height), how)
    pixels = np.asarray(image)
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    return pixels[:, :, ::-1] if options.get("channels") == "BGR" else pixels


def model(folder, shape, dtype):
    field = helper.make_tensor_value_info("image", dtype, shape)
    graph = helper.make_graph([helper.make_node("Identity", ["image"], ["same"])], "same", [field],
                              [helper.make_tensor_value_info("same", dtype, shape)])
    path = Path(folder) / "same.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def answer(folder, shape, options, contents, dtype=TensorProto.FLOAT, filters=None):
    path = model(folder, shape, dtype)
    manifest = Path(folder) / "serving.yaml"
    chain = filters or [{"image": options}]
    manifest.write_text(json.dumps({"kind": "Model", "filters": {"inputs": {"image": chain}}}))
    body = Path(folder) / "body.json"
    data = [base64.b64encode(content).decode() for content in contents]
    body.write_text(json.dumps({"inputs": [{"name": "image", "shape": [len(data)], "datatype": "BYTES", "data": data}]}))
    return predict_files(path, [body], ["--manifest", str(manifest)])["same"]


def shape_of(layout, options):
    height, width = options["size"]
    depth = {"RGB": 3, "BGR": 3, "RGBA": 4, "gray": 1}[options.get("channels", "RGB")]
    return ["N", height, width, depth] if layout == "NHWC" else ["N", depth, height, width]


def compare(options, layout="NHWC", dtype=TensorProto.UINT8, names=None, levels=1):
    names = names or [name for name in FILES if fits(name, options)]
    with tempfile.TemporaryDirectory() as folder:
        got = answer(folder, shape_of(layout, options), dict(options, layout=layout), [FILES[n] for n in names], dtype)
    faults = []
    for name, have in zip(names, got):
        want = reference(name, options).astype(np.float64)
        have = have.astype(np.float64)
        have = have.transpose(1, 2, 0) if layout == "NCHW" else have
        off = np.abs(have - want).max() if have.shape == want.shape else f"shape {have.shape} not {want.shape}"
        if isinstance(off, str) or off > levels:
            faults.append(f"{name}: {off} levels")
    return faults


def fits(name, options):
    if "crop" in options:
        image = opened(name, options)
        top, left, h, w = options["crop"]
        return image.size[0] >= left + w and image.size[1] >= top + h
    # A tenth of a pixel high is nothing that Pillow pads
    return not (options.get("aspect") in ("pad", "crop") and name == "one line")


def normalised(dtype, layout):
    """scale, mean and std, against NumPy."""
    options = {"size": [48, 40], "interpolation": "bicubic"}
    more = {"scale": "1/255", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    names = ["jpeg", "png", "webp rgba"]
    numpy_dtype = {TensorProto.FLOAT: np.float32, TensorProto.DOUBLE: np.float64, TensorProto.FLOAT16: np.float16}[dtype]
    with tempfile.TemporaryDirectory() as folder:
        got = answer(folder, shape_of(layout, options), dict(options, layout=layout, **more), [FILES[n] for n in names], dtype)
    if got.dtype != numpy_dtype:
        return [f"type {got.dtype}"]
    want = np.stack([reference(n, options) for n in names])
    want = (want / np.float64(255) - more["mean"]) / more["std"]
    want = want.transpose(0, 3, 1, 2) if layout == "NCHW" else want
    off = np.abs(got.astype(np.float64) - want).max() * 0.225 * 255
    return [] if off <= 1.01 + (0.2 if dtype == TensorProto.FLOAT16 else 0) else [f"{off} levels"]


def deep_png():
    """16 bits: the highest 8 count."""
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 65536, (20, 30), dtype=np.uint16)
    content = saved(Image.fromarray(pixels), "PNG")
    with tempfile.TemporaryDirectory() as folder:
        got = answer(folder, ["N", 20, 30, 1], {}, [content], TensorProto.UINT8)
    return [] if (got[0, :, :, 0] == pixels >> 8).all() else ["other bytes"]


def layouts():
    """One picture in every layout, by the shape of the field alone where that is enough."""
    want = reference("png", {"size": [24, 32]}).astype(np.float32)
    gray = reference("png", {"size": [24, 32], "channels": "gray"}).astype(np.float32)
    faults = []
    for shape, options, expected in (
            (["N", 24, 32, 3], {}, want[None]), (["N", 3, 24, 32], {}, want.transpose(2, 0, 1)[None]),
            (["N", 24, 32], {}, gray[None, :, :, 0]), (["N", 24, 32, 1], {}, gray[None]),
            (["N", 24 * 32], {"size": [24, 32], "channels": "gray"}, gray.reshape(1, -1)),
            (["N", 24 * 32 * 3], {"size": [24, 32]}, want.reshape(1, -1)), ([1, 3, 24, 32], {}, want.transpose(2, 0, 1)[None]),
            (["N", "C", "H", "W"], {"layout": "NCHW", "size": [24, 32]}, want.transpose(2, 0, 1)[None])):
        with tempfile.TemporaryDirectory() as folder:
            got = answer(folder, shape, options, [FILES["png"]])
        off = np.abs(got - expected).max() if got.shape == expected.shape else got.shape
        if not np.isscalar(off) or off > 1:
            faults.append(f"{shape}: {off}")
    return faults


def presets():
    """0Mind's, corrected, and as they were."""
    caffe = {"size": [56, 56], "aspect": "crop", "channels": "BGR"}
    keras = {"size": [28, 36], "interpolation": "lanczos"}
    stretched = reference("jpeg", dict(keras, size=[30, 30])).astype(np.float32) / 255
    faults = []
    for shape, chain, want, tolerance in (
            (["N", 3, 56, 56], "ImageFileCaffe2Filter", reference("jpeg", caffe).transpose(2, 0, 1) - 128.0, 1),
            (["N", 3, 56, 56], {"i_img_file_to_caffe2.ImageFileCaffe2Filter": {"legacy": True}},
             reference("jpeg", dict(caffe, channels="RGB")).transpose(2, 0, 1) - 128.0, 1),
            (["N", 28, 36, 3], "ImageFileToNormAndScaledNPArrayFilter", reference("jpeg", keras) / 255.0, 1.01 / 255),
            (["N", 3, 30, 30], "ImageFileToNormAndScaledNPArrayFilter", stretched.transpose(2, 0, 1), 1.01 / 255),
            (["N", 3, 30, 30], {"i_img_file_to_ns_arr.ImageFileToNormAndScaledNPArrayFilter": {"legacy": True}},
             stretched.reshape(3, 30, 30), 1.01 / 255)):
        with tempfile.TemporaryDirectory() as folder:
            got = answer(folder, shape, None, [FILES["jpeg"]], filters=[chain])[0]
        off = np.abs(got - want).max() if got.shape == want.shape else got.shape
        if not np.isscalar(off) or off > tolerance:
            faults.append(f"{chain}: {off}")
    return faults


def refused():
    """What must not be answered, and what is said of it."""
    faults = []
    bomb = saved(Image.new("1", (20000, 20000)), "PNG")
    for why, content, part in (("truncated", FILES["jpeg"][:-400], "too early"), ("no image", b"hello there", "no image"),
                               ("bomb", bomb, "20000 by 20000"), ("empty", b"", "no bytes"),
                               ("truncated PNG", FILES["png"][:-90], "PNG image"), ("truncated WebP", FILES["webp"][:-90], "WebP image")):
        with tempfile.TemporaryDirectory() as folder:
            try:
                answer(folder, ["N", 8, 8, 3], {}, [FILES["png"], content])
                faults.append(f"{why} was answered")
            except Refused as error:
                if part not in error.args[1] or (why != "empty" and "image 1" not in error.args[1]):
                    faults.append(f"{why}: {error.args[1]}")
    return faults


def cases():
    for how, (height, width) in itertools.product(HOWS, ((24, 32), (100, 57), (224, 224), (500, 411))):
        yield f"{how} to {height} by {width}", lambda h=how, s=[height, width]: compare({"size": s, "interpolation": h})
    for channels in ("BGR", "gray", "RGBA"):
        for how in HOWS:
            yield f"{channels} {how}", lambda c=channels, h=how: compare(
                {"size": [40, 36], "channels": c, "interpolation": h}, names=readable(c))
    for how in HOWS:
        yield f"crop {how}", lambda h=how: compare({"size": [40, 36], "aspect": "crop", "interpolation": h})
        yield f"pad {how}", lambda h=how: compare({"size": [51, 64], "aspect": "pad", "interpolation": h, "fill": [10, 200, 90]})
    yield "crop after resize", lambda: compare({"size": [224, 224], "aspect": "crop", "resize": 256}, names=["jpeg", "jpeg cmyk", "webp", "large"])
    yield "pad BGR", lambda: compare({"size": [30, 64], "aspect": "pad", "channels": "BGR", "fill": [1, 2, 250]})
    yield "part of the file", lambda: compare({"size": [16, 20], "crop": [5, 7, 20, 12], "interpolation": "area"})
    yield "upright", lambda: compare({"size": [40, 30], "upright": True, "interpolation": "lanczos"})
    yield "upright crop", lambda: compare({"size": [40, 30], "upright": True, "aspect": "crop"})
    yield "channels first", lambda: compare({"size": [33, 29], "interpolation": "bicubic"}, layout="NCHW", dtype=TensorProto.FLOAT)
    for dtype, layout in itertools.product((TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16), ("NHWC", "NCHW")):
        yield f"mean and std {TensorProto.DataType.Name(dtype)} {layout}", lambda d=dtype, l=layout: normalised(d, l)
    yield "16 bits", deep_png
    yield "layouts", layouts
    yield "presets", presets
    yield "refused", refused


def readable(channels):
    """RGBA is not made of every kind."""
    if channels != "RGBA":
        return None
    return [name for name in FILES if name.split()[0] in ("jpeg", "png", "webp", "one", "large") and "cmyk" not in name]


def work(case):
    name, check = case
    try:
        return [f"{name}: {fault}" for fault in check()]
    except Refused as error:
        return [f"{name}: refused: {error.args[1].strip()}"]


if __name__ == "__main__":
    words = sys.argv[1:]
    faults, passed = [], 0
    for case in cases():
        if words and not all(word in case[0] for word in words):
            continue
        found = work(case)
        passed += not found
        for fault in found:
            print("FAIL", fault)
        faults += found[:1]
    print(f"filters: {passed} passed, {len(faults)} failed")
    sys.exit(bool(faults))
