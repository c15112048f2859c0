#!/usr/bin/env python3
"""Packages that extend scikit-learn as oracles: fit, save, and compare every method with `firn predict`.

    scripts/python tests/oracles/sklearn_extensions.py            all cases of the packages that are installed
    scripts/python tests/oracles/sklearn_extensions.py Encoder    those whose names hold a word

The packages are those of tests/requirements-sklearn-extensions.txt, in an environment of their own below build/, made on first use.
"""

import os
import sys
import tempfile
import warnings
from pathlib import Path

sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]  # sklearn.py lies here
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "tests" / "requirements-sklearn-extensions.txt"


def environment():
    """Run again in the environment of the packages, unless this is it; a sentence where it cannot be made."""
    import subprocess

    folder = ROOT / "build" / "venv-sklearn-extensions"
    python, stamp = folder / "bin" / "python", folder / "requirements.txt"
    if Path(sys.prefix).resolve() == folder.resolve() or os.environ.get("FIRN_EXTENSIONS_VENV") == "here":
        return None
    if not stamp.exists() or stamp.read_bytes() != REQUIREMENTS.read_bytes():
        for command in ([sys.executable, "-m", "venv", folder],
                        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", REQUIREMENTS]):
            if subprocess.run(command, capture_output=True).returncode:
                return f"{REQUIREMENTS.name} cannot be installed"
        stamp.write_bytes(REQUIREMENTS.read_bytes())
    os.execv(python, [str(python), *sys.argv])


if __name__ == "__main__":
    why = environment()
    if why:
        print(f"SKIPPED sklearn_extensions: {why}")
        sys.exit(0)

import joblib
import numpy as np

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import sklearn_extensions_models as models
from common import Refused, differs, predict, run_all, wanted

warnings.filterwarnings("ignore")
METHODS = ("predict", "predict_proba", "decision_function", "transform", "score_samples")


def answers(model, method, part):
    """What the package says, or None where it refuses the rows."""
    try:
        want = getattr(model, method)(part)
    except ValueError:
        return None
    want = np.asarray(want.toarray() if hasattr(want, "toarray") else want)
    if want.dtype != object:
        return want
    kinds = {type(v) for v in want.ravel()}
    if any(issubclass(k, str) for k in kinds):
        return want
    return want.astype(int if all(issubclass(k, (int, np.integer)) for k in kinds) else float)


def check(model, method, path, part, options, folder):
    want = answers(model, method, part)
    file = Path(folder) / "x.csv"
    if hasattr(part, "to_csv"):
        part.to_csv(file, index=False, float_format="%.17g")
    else:
        file = file.with_suffix(".npy")
        np.save(file, part)
    try:
        got = predict(path, [file], method)[method]
    except Refused as refusal:
        if want is None and refusal.args[0] == 2:
            return None
        return f"{method}: exit {refusal.args[0]}: {refusal.args[1].strip()[-300:]}"
    if want is None:
        return f"{method}: an answer where the package refuses"
    if want.dtype.kind in "iub" and got.dtype.kind == "f" and method == "transform":
        want = want.astype(float)
    return (fault := differs(got, want, options.get("rtol", 1e-9))) and f"{method}: {fault}"


def work(case):
    _, index = case
    try:
        _, make, options = models.CASES[index]
        model, parts = make()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.pkl"
            joblib.dump(model, path)
            methods = options.get("methods") or [m for m in METHODS if hasattr(model, m)]
            return [f"rows {i}: {fault}" for m in methods for i, part in enumerate(parts) if (fault := check(model, m, path, part, options, folder))]
    except Exception as error:  # a broken case is a failed one
        return [f"{type(error).__name__}: {error}"]


if __name__ == "__main__":
    for package, why in models.MISSING.items():
        print(f"SKIPPED {package}: {why}")
    sys.exit(run_all("sklearn extensions", wanted([(name, i) for i, (name, _, _) in enumerate(models.CASES)], sys.argv[1:]), work))
