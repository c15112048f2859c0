# SPDX-License-Identifier: Apache-2.0
"""XGBoost: boosters and their scikit-learn wrappers, as UBJSON (format="json")."""

import importlib
import json
import os
from typing import Any, Dict

from . import saved
from ..errors import InvalidInput

ROOTS = {"xgboost"}
FORMATS = {"xgboost-ubjson", "xgboost-json", "xgboost-binary"}
TAKES = "an XGBoost booster or estimator"


def takes(obj: Any) -> bool:
    return hasattr(obj, "save_model") and hasattr(obj, "load_model")


def save(obj: Any, folder: str, options: Dict[str, Any]) -> str:
    return _save(obj, folder, **options)


def _save(obj: Any, folder: str, format: str = "ubj", requirements: Any = None) -> str:
    if format not in ("ubj", "json"):
        raise InvalidInput("format=%r is neither \"ubj\" nor \"json\"" % (format,))
    path = saved.folder(folder)
    obj.save_model(os.path.join(path, "model." + format))
    facts: Dict[str, Any] = {"class": type(obj).__name__}
    if hasattr(obj, "get_params"):
        facts["params"] = {key: value for key, value in obj.get_params().items() if _plain(value)}
    return saved.describe(path, "xgboost", "xgboost", "XGBoost", "xgboost", saved.contract("xgboost", obj),
                          requirements, **facts)


def _plain(value: Any) -> bool:
    try:
        return value is not None and json.loads(json.dumps(value)) == value
    except (TypeError, ValueError):
        return False


def load(path: str) -> Any:
    said = saved.read(path)
    kind = getattr(importlib.import_module("xgboost"), said.get("class", "Booster"))
    made = kind(**said["params"]) if said.get("params") else kind()
    made.load_model(saved.path_of(path, ".ubj", "model.json", ".model"))
    return made
