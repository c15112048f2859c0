#!/usr/bin/env python3
"""Tabular models in process: firn beside scikit-learn and ONNX Runtime, one thread each.

    bench/sklearn.py [--rounds 15]

Every round runs the three one after another; of the rounds the median and the minimum are taken, so that
what else the machine does falls on all of them. firn's time is that of `firn bench`: from input tensors to
output tensors. The goals are ratios to scikit-learn and ONNX Runtime of the same run.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]  # this file is called sklearn
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
sys.path.append(HERE)
import environment

environment.enter("requirements.txt")

import json
import statistics
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import onnxruntime
from models import estimators, rows, to_onnx

warnings.filterwarnings("ignore")
FIRN = environment.ROOT / "build" / "firn"
GOALS = {  # (model, rows): ratio to scikit-learn, ratio to ONNX Runtime
    ("logistic", 1): (100, 2), ("forest", 1): (1000, 2), ("logistic", 10000): (1, None), ("forest", 10000): (3, None)}


def timed(call, seconds):
    """Medians and minima need more than one run; at least three. -> [microseconds]"""
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e6)
    return times


def firn(path, data, seconds):
    command = [FIRN, "bench", path, "--signature", "predict_proba", "--input", data, "--threads", "1", "--seconds", str(seconds), "--json"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer["p50_us"], answer["min_us"]


def same_answer(path, data, want):
    """The figures of a wrong answer are worth nothing."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([FIRN, "predict", path, "--signature", "predict_proba", "--input", data, "--output", folder], check=True, stdout=subprocess.DEVNULL)
        np.testing.assert_allclose(np.load(Path(folder) / "predict_proba.npy"), want, rtol=1e-9)


def measure(name, estimator, count, rounds, folder):
    """-> {"firn" | "sklearn" | "ort": (median, minimum)} in microseconds."""
    x = rows(count)
    path, data = folder / f"{name}.joblib", folder / f"x{count}.npy"
    joblib.dump(estimator, path)
    np.save(data, x)
    same_answer(path, data, estimator.predict_proba(x))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(to_onnx(estimator), options, providers=["CPUExecutionProvider"])
    single = x.astype(np.float32)
    ask = {"x": single}
    calls = {"sklearn": lambda: estimator.predict_proba(x), "ort": lambda: session.run(None, ask)}
    figures = {"firn": [], "sklearn": [], "ort": []}
    for call in calls.values():
        call()
    for _ in range(rounds):
        figures["firn"].append(firn(path, data, 0.2))
        for peer, call in calls.items():
            times = timed(call, 0.2)
            figures[peer].append((statistics.median(times), min(times)))
    return {who: (statistics.median(m for m, _ in f), min(m for _, m in f)) for who, f in figures.items()}


def verdict(ratio, goal):
    return f"{ratio:8.1f}x" + ("" if goal is None else f" (goal {goal}x{'' if ratio >= goal else ': MISSED'})")


def main():
    rounds = int(sys.argv[sys.argv.index("--rounds") + 1]) if "--rounds" in sys.argv else 9
    print(f"microseconds of predict_proba, one thread, median (minimum) of {rounds} interleaved rounds; load {os.getloadavg()[0]:.1f}")
    print(f"{'model':<10}{'rows':>7}{'firn':>22}{'scikit-learn':>24}{'ONNX Runtime':>24}   ratios of medians (of minima)")
    with tempfile.TemporaryDirectory() as folder:
        for (name, count), (goal, goal_ort) in GOALS.items():
            f = measure(name, estimators()[name](), count, rounds, Path(folder))
            cells = "".join(f"{f[who][0]:>{w - 10}.1f} ({f[who][1]:7.1f})" for who, w in (("firn", 22), ("sklearn", 24), ("ort", 24)))
            print(f"{name:<10}{count:>7}{cells}   scikit-learn {verdict(f['sklearn'][0] / f['firn'][0], goal)} ({f['sklearn'][1] / f['firn'][1]:.1f}x)"
                  f"   ONNX Runtime {verdict(f['ort'][0] / f['firn'][0], goal_ort)} ({f['ort'][1] / f['firn'][1]:.1f}x)", flush=True)


if __name__ == "__main__":
    main()
