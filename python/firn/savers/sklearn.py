# SPDX-License-Identifier: Apache-2.0
"""scikit-learn estimators and what wraps them, by joblib; with a lambda or code of the user's in
it, by cloudpickle or dill, as estimator.py does."""

import os
from typing import Any, Dict

ROOTS = {"sklearn", "imblearn", "sklego"}
FORMATS = {"sklearn-joblib", "sklearn-pickle"}
TAKES = "a scikit-learn estimator or pipeline"


def takes(obj: Any) -> bool:
    return hasattr(obj, "get_params")


def save(obj: Any, folder: str, options: Dict[str, Any]) -> str:
    import joblib
    from . import estimator
    path = os.path.join(folder, "model.joblib")
    if not options.get("pickler"):
        try:
            joblib.dump(obj, path, **options)
        except Exception:  # what in it cannot be pickled by name
            if os.path.exists(path):
                os.remove(path)
        else:
            if not estimator.own_modules(path):
                return path
            os.remove(path)
    return estimator.save(obj, folder, options)


def load(path: str) -> Any:
    """Runs what is in the pickle."""
    import joblib
    return joblib.load(path)
