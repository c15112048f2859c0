# SPDX-License-Identifier: Apache-2.0
"""Keras models: .keras (Keras 3), HDF5 (format="h5" or older Keras), or a SavedModel."""

import os
from typing import Any, Dict

ROOTS = {"keras", "tf_keras", "tensorflow"}
FORMATS = {"keras-v3", "keras-h5"}
TAKES = "a Keras model"


def takes(obj: Any) -> bool:
    return hasattr(obj, "save") and hasattr(obj, "layers") and hasattr(obj, "predict")


def save(obj: Any, folder: str, options: Dict[str, Any]) -> str:
    options = dict(options)
    if options.pop("as_savedmodel", False):
        path = os.path.join(folder, "model")
        obj.export(path, **options)
        return path
    kind = options.pop("format", "keras")
    path = os.path.join(folder, "model." + ("h5" if kind == "h5" else "keras"))
    obj.save(path, **options)
    return path


def load(path: str) -> Any:
    try:
        import keras
    except ImportError:
        from tensorflow import keras
    return keras.models.load_model(path)
