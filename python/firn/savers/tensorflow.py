# SPDX-License-Identifier: Apache-2.0
"""tf.Module as a SavedModel; signatures=, options= as tf.saved_model.save takes them."""

import os
from typing import Any, Dict

ROOTS = {"tensorflow"}
FORMATS = {"tf-savedmodel"}
TAKES = "a tf.Module with its signatures="


def takes(obj: Any) -> bool:
    import tensorflow
    return isinstance(obj, tensorflow.Module)


def save(obj: Any, folder: str, options: Dict[str, Any]) -> str:
    import tensorflow
    path = os.path.join(folder, "model")
    tensorflow.saved_model.save(obj, path, **options)
    return path


def load(path: str) -> Any:
    import tensorflow
    return tensorflow.saved_model.load(path)
