# SPDX-License-Identifier: Apache-2.0
"""Spark ML: a fitted pipeline or model, as the folder that Spark writes. Its session must see this machine's files."""

import os
from typing import Any, Dict

from . import saved

ROOTS = {"pyspark"}
FORMATS = {"spark-ml"}
TAKES = "a fitted Spark ML pipeline or model"


def takes(obj: Any) -> bool:
    return hasattr(obj, "transform") and hasattr(obj, "write")


def save(obj: Any, folder: str, options: Dict[str, Any]) -> str:
    return _save(obj, folder, **options)


def _save(obj: Any, folder: str, requirements: Any = None) -> str:
    path = saved.folder(folder)
    obj.write().overwrite().save("file://" + os.path.join(path, "pipeline"))
    return saved.describe(path, "spark", "spark", "Spark", "pyspark", saved.contract("spark", obj), requirements,
                          ("numpy", "pandas"))


def load(path: str) -> Any:
    from firn_worker.adapter import find
    adapter = find("spark")
    where = os.path.join(path, "pipeline")
    return adapter.opened(where if os.path.isdir(where) else path)
