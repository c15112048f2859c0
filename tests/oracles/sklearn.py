#!/usr/bin/env python3
"""scikit-learn as oracle: fit, save, and compare every method with `firn predict`.

    scripts/python tests/oracles/sklearn.py            all cases
    scripts/python tests/oracles/sklearn.py Forest     those whose names hold a word
"""

import os
import sys

sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]  # this file is called sklearn

import pickle
import tempfile
import warnings
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
import numpy as np
import sklearn.base

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import sklearn_models as models
from common import Refused, differs, predict, run_all, wanted

warnings.filterwarnings("ignore")
METHODS = ("predict", "predict_proba", "decision_function", "transform", "score_samples")


def save(estimator, how, folder):
    path = Path(folder) / "model"
    if how.startswith("pickle"):
        path.write_bytes(pickle.dumps(estimator, int(how[6:])))
    elif how == "skops":
        import skops.io

        skops.io.dump(estimator, path)
    else:
        import joblib

        joblib.dump(estimator, path, compress=0 if how == "joblib" else (how, 3))
    return path


def write(x, frame, folder):
    path = Path(folder) / ("x.csv" if frame else "x.npy")
    if frame:
        x.to_csv(path, index=False, float_format="%.17g")
    else:
        np.save(path, np.asarray(x))
    return path


def fitted(estimator, data, options):
    x, y, asked, _ = getattr(models, data)()
    if options.get("float32"):
        x, asked = x.astype(np.float32), asked.astype(np.float32)
    to_fit = x
    if options.get("sparse"):
        import scipy.sparse

        to_fit = scipy.sparse.csr_matrix(x)
    np.random.seed(0)
    return sklearn.base.clone(estimator).fit(to_fit, y), asked


def dense(value):
    return value.toarray() if hasattr(value, "toarray") else np.asarray(value)


def check_method(estimator, method, path, asked, options, folder):
    rtol = options.get("rtol", 1e-5 if options.get("float32") else 1e-9)
    atol = options.get("atol", 1e-6 if options.get("float32") else 1e-12)
    for rows in (len(asked), 1):
        part = asked.iloc[:rows] if options.get("frame") else asked[:rows]
        want = dense(getattr(estimator, method)(part))
        if method == "transform" and want.dtype.kind == "f":
            atol = max(atol, 1e-12 * float(np.nanmax(np.abs(want), initial=0)))
        try:
            got = predict(path, [write(part, options.get("frame"), folder)], method)
        except Refused as refusal:
            return f"{method}: exit {refusal.args[0]}: {refusal.args[1].strip()[-300:]}"
        fault = differs(got[method], want, rtol, atol)
        if fault:
            return f"{method}, {rows} rows: {fault}"
    return None


def work(case):
    name, estimator, data, options = case
    try:
        model, asked = fitted(estimator, data, options)
        if options.get("near"):
            asked = asked[:-1]
        if options.get("no_middles"):
            asked = np.delete(asked, np.s_[20:30], axis=0)
        with tempfile.TemporaryDirectory() as folder:
            path = save(model, options.get("save", "joblib"), folder)
            methods = [m for m in METHODS if hasattr(model, m) and m != options.get("without")]
            return [f for f in (check_method(model, m, path, asked, options, folder) for m in methods) if f]
    except Exception as error:  # a broken case is a failed one
        return [f"{type(error).__name__}: {error}"]


def refuses(case):
    """Both must say no, firn with exit code 2."""
    name, estimator, data, spoil = models.REFUSALS[case[1]]
    model, asked = fitted(estimator, data, {})
    method = "predict" if hasattr(model, "predict") else "transform"
    bad = spoil(asked)
    try:
        getattr(model, method)(bad)
        return [f"scikit-learn answers {method}"]
    except ValueError:
        pass
    with tempfile.TemporaryDirectory() as folder:
        path = save(model, "joblib", folder)
        try:
            predict(path, [write(bad, False, folder)], method)
            return [f"firn answers {method}"]
        except Refused as refusal:
            return [] if refusal.args[0] == 2 else [f"exit {refusal.args[0]}: {refusal.args[1].strip()[-200:]}"]


def main():
    cases = wanted(models.CASES, sys.argv[1:])
    refusals = wanted([(r[0], i) for i, r in enumerate(models.REFUSALS)], sys.argv[1:])
    return run_all("scikit-learn refuses", refusals, refuses) | run_all("scikit-learn", cases, work)


if __name__ == "__main__":
    sys.exit(main())
