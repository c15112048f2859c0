#!/usr/bin/env python3
"""Networks in process: firn beside ONNX Runtime, the same ONNX files.

    bench/engine.py [--threads 1 2] [--only resnet50 mlp] [--rounds 7] [--seconds 0.4]
    bench/engine.py --keep FOLDER      only write the models and their inputs there

Every round runs the two one after another; of the rounds' medians the median is taken, so that what else the
machine does falls on both. firn's time is that of `firn bench`, ONNX Runtime's that of its Python call: both from
input tensors to output tensors. `load` is from opening the file to the first answer, `peak` the most memory of a
process that did nothing else (Python and NumPy among it, for ONNX Runtime). Before anything is timed the answers
are compared.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
sys.path.append(HERE)
import environment

environment.enter("requirements.txt")

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from networks import NETWORKS

FIRN = environment.ROOT / "build" / "firn"
TOLERANCE = 1e-3  # of the largest absolute value of the answer
QUANTA = 3 / 255  # the same of quantised networks, whose outputs are quanta from 0 to 1: absolute
LOADED = """
import sys, time
import numpy, onnxruntime
x = numpy.load(sys.argv[2])
start = time.perf_counter()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
session.run(None, {session.get_inputs()[0].name: x})
took = time.perf_counter() - start
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(1e3 * took, int(peak) / 1024)
"""


def session_of(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def peer(session, feed, seconds):
    """-> the median run in microseconds"""
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        session.run(None, feed)
        times.append((time.perf_counter() - start) * 1e6)
    return statistics.median(times)


def firn(path, data, threads, seconds):
    command = [FIRN, "bench", path, "--input", data, "--threads", str(threads), "--seconds", str(seconds), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def distance(path, data, want):
    """The largest difference, as a share of the largest value."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([FIRN, "predict", path, "--input", data, "--output", folder], check=True, stdout=subprocess.DEVNULL)
        got = np.load(Path(folder) / "y.npy")
    return float(np.abs(got - want).max() / np.abs(want).max())


def load_of_peer(path, data):
    done = subprocess.run([sys.executable, "-c", LOADED, path, data], check=True, capture_output=True, text=True)
    return tuple(map(float, done.stdout.split()))


def measure(name, folder, threads, rounds, seconds):
    path, data = write(name, folder)
    x = np.load(data)
    session = session_of(path, threads)
    feed = {session.get_inputs()[0].name: x}
    want = session.run(None, feed)[0]
    far = distance(path, data, want)
    limit = QUANTA / float(np.abs(want).max()) if name.endswith("-int8") else TOLERANCE
    if not far <= limit:
        raise SystemExit(f"error: {name}: the answers differ by {far:.1e} of the largest")
    ours, theirs, loads = [], [], []
    for _ in range(rounds):
        ours.append(firn(path, data, threads, seconds))
        theirs.append(peer(session, feed, seconds))
        if threads == 1:
            loads.append(load_of_peer(path, data))
    mine, his = statistics.median(r["p50_us"] for r in ours), statistics.median(theirs)
    line = f"{name:14} {threads} {mine:11.1f} {his:11.1f} {his / mine:6.2f} {NETWORKS[name][3]:6.2f}"
    if threads == 1:
        load, peak = map(statistics.median, zip(*loads))
        mine, high = statistics.median(r["load_ms"] for r in ours), ours[0]["peak_rss_kb"] / 1024
        line += f"   {mine:7.1f} {load:7.1f} {mine / load:5.2f}   {high:6.0f} {peak:6.0f} {high / peak:5.2f}"
    print(line + f"   {far:.0e}", flush=True)


def write(name, folder):
    build, inputs, batch, _ = NETWORKS[name]
    path, data = folder / f"{name}.onnx", folder / f"{name}.npy"
    if not path.exists():
        build(path)
        np.save(data, inputs(batch))
    return path, data


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    ask.add_argument("--only", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    ask.add_argument("--rounds", type=int, default=7)
    ask.add_argument("--seconds", type=float, default=0.4)
    ask.add_argument("--keep", type=Path)
    given = ask.parse_args()
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
        for name in given.only:
            print(*write(name, given.keep))
        return
    folder = environment.ROOT / "build" / "networks"
    folder.mkdir(parents=True, exist_ok=True)
    print("network        t    firn us      ORT us  ratio   goal   load ms:  ORT  ratio   peak MiB: ORT ratio   difference")
    for threads in given.threads:
        for name in given.only:
            measure(name, folder, threads, given.rounds, given.seconds)


if __name__ == "__main__":
    main()
