# SPDX-License-Identifier: Apache-2.0
"""CatBoost models, as cbm."""

import importlib
import os
from typing import Any, Dict

from . import saved

ROOTS = {"catboost"}
FORMATS = {"catboost"}
TAKES = "a CatBoost model"


def takes(obj: Any) -> bool:
    return hasattr(obj, "save_model")


def save(obj: Any, folder: str, options: Dict[str, Any]) -> str:
    return _save(obj, folder, **options)


def _save(obj: Any, folder: str, requirements: Any = None) -> str:
    path = saved.folder(folder)
    obj.save_model(os.path.join(path, "model.cbm"))
    return saved.describe(path, "catboost", "catboost", "CatBoost", "catboost", saved.contract("catboost", obj),
                          requirements, **{"class": type(obj).__name__})  # type: ignore[arg-type]


def load(path: str) -> Any:
    kind = getattr(importlib.import_module("catboost"), saved.read(path).get("class", "CatBoost"))
    return kind().load_model(saved.path_of(path, ".cbm"))
