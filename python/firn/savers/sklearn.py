# SPDX-License-Identifier: Apache-2.0
"""scikit-learn estimators and what wraps them, by joblib."""

import os
from typing import Any, Dict

ROOTS = {"sklearn", "imblearn", "sklego"}
FORMATS = {"sklearn-joblib", "sklearn-pickle"}


def takes(obj: Any) -> bool:
    return hasattr(obj, "get_params")


def save(obj: Any, folder: str, options: Dict[str, Any]) -> str:
    import joblib
    path = os.path.join(folder, "model.joblib")
    joblib.dump(obj, path, **options)
    return path


def load(path: str) -> Any:
    """Runs what is in the pickle."""
    import joblib
    return joblib.load(path)
