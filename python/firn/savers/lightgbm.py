# SPDX-License-Identifier: Apache-2.0
"""LightGBM: boosters as text, estimators by joblib."""

import os
from typing import Any, Dict

from . import saved

ROOTS = {"lightgbm"}
FORMATS = {"lightgbm"}
TAKES = "a LightGBM booster or estimator"


def takes(obj: Any) -> bool:
    return hasattr(obj, "save_model") or hasattr(obj, "get_params")


def save(obj: Any, folder: str, options: Dict[str, Any]) -> str:
    return _save(obj, folder, **options)


def _save(obj: Any, folder: str, requirements: Any = None) -> str:
    path = saved.folder(folder)
    if hasattr(obj, "save_model"):
        obj.save_model(os.path.join(path, "model.txt"))
        adapter = "lightgbm"
    else:
        import joblib
        joblib.dump(obj, os.path.join(path, "model.joblib"))
        adapter = "scikit-learn"
    return saved.describe(path, "lightgbm", adapter, "LightGBM", "lightgbm", saved.contract(adapter, obj), requirements,
                          ("sklearn", "joblib", "numpy") if adapter != "lightgbm" else ())


def load(path: str) -> Any:
    """Of an estimator this runs what is in the pickle."""
    if os.path.exists(os.path.join(path, "model.joblib")):
        import joblib
        return joblib.load(os.path.join(path, "model.joblib"))
    import lightgbm
    return lightgbm.Booster(model_file=saved.path_of(path, "model.txt"))
