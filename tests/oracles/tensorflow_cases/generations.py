"""Models as TensorFlow 1.15 and 2.6 and Keras 2 wrote them: generations/make.py made them and their answers."""

import base64
import json
from pathlib import Path

import numpy as np

from .savedmodel import ModelCase

IN_SAMPLE = None  # all of them
FOLDER = Path(__file__).resolve().parents[1] / "generations"
WORDS = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf}


def tensor(stored):
    if stored["dtype"] == "string":
        return np.array([base64.b64decode(v) for v in stored["data"]] + [None], object)[:-1].reshape(stored["shape"])
    return np.array([WORDS[v] if isinstance(v, str) else v for v in stored["data"]], stored["dtype"]).reshape(stored["shape"])


def stored_case(folder):
    def make(_):
        questions = json.loads((folder / "questions.json").read_text())
        return [(folder / q["model"], q["signature"], {k: tensor(v) for k, v in q["inputs"].items()}, {k: tensor(v) for k, v in q["outputs"].items()}) for q in questions]

    return ModelCase(f"{folder.parent.name}/{folder.name}", make)


def cases():
    for path in sorted(FOLDER.glob("*/*/questions.json")):
        yield stored_case(path.parent)
