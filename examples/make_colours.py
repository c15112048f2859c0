#!/usr/bin/env python3
"""Make examples/colours (which colour is most of an image?) and the image examples/sunset.jpg; docs/filters.md uses both."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from PIL import Image

HERE = Path(__file__).parent
COLOURS = ["red", "green", "blue"]

scores = [helper.make_node("ReduceMean", ["image"], ["level"], axes=[2, 3], keepdims=0),
          helper.make_node("Mul", ["level", "sharpness"], ["scores"])]
graph = helper.make_graph(scores, "colours",
                          [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 32, 32])],
                          [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 3])],
                          [helper.make_tensor("sharpness", TensorProto.FLOAT, [], [10.0])])
(HERE / "colours").mkdir(exist_ok=True)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), HERE / "colours" / "model.onnx")
(HERE / "colours" / "labels.txt").write_text("".join(colour + "\n" for colour in COLOURS))

y, x = np.mgrid[0:72, 0:96]
sky = np.stack([255 - y, 140 - y, 60 + y / 2], -1)
sun = (x - 48) ** 2 + (y - 44) ** 2 < 15 ** 2
sky[sun] = (255, 230, 120)
Image.fromarray(sky.clip(0, 255).astype(np.uint8)).save(HERE / "sunset.jpg", quality=85)
