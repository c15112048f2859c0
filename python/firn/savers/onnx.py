# SPDX-License-Identifier: Apache-2.0
"""ONNX models as onnx.load gives them."""

import os
from typing import Any, Dict

ROOTS = {"onnx"}
FORMATS = {"onnx"}
TAKES = "an ONNX model (ModelProto)"


def takes(obj: Any) -> bool:
    return type(obj).__name__ == "ModelProto"


def save(obj: Any, folder: str, options: Dict[str, Any]) -> str:
    import onnx
    path = os.path.join(folder, "model.onnx")
    onnx.save(obj, path, **options)
    return path


def load(path: str) -> Any:
    import onnx
    return onnx.load(path)
