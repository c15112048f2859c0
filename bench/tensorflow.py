#!/usr/bin/env python3
"""Networks saved by Keras: firn beside TensorFlow and ONNX Runtime.

    bench/tensorflow.py [--threads 1 2] [--batches 1 32] [--only resnet50 lstm] [--rounds 5] [--seconds 0.5]

firn reads the SavedModel. TensorFlow answers by the SavedModel's signature and by a tf.function of the
Keras model, ONNX Runtime the network as tf2onnx writes it. Each peer is a process of its own; every round
asks all, one after another, and of the rounds' medians the median is taken. `load` is from opening the
file to the first answer, imports not counted, `peak` the most memory of a process that did nothing else
(Python and the framework among it). Ratios are the peer's time over firn's; for load and peak firn's over
that of TensorFlow's signature. Before anything is timed the answers are compared.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]  # this file is called tensorflow
sys.path.append(HERE)
import environment

sys.path.remove(HERE)

environment.enter("requirements-tensorflow.txt", "bench-tensorflow-venv")

import argparse
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy as np

PEER = Path(HERE) / "peers" / "tensorflow_peer.py"
FIRN = Path(os.environ.get("FIRN_BINARY", environment.ROOT / "build" / "firn"))
PEERS = ("signature", "function", "onnx")
NETWORKS = ("mobilenet2", "resnet50", "tabular", "lstm", "transformer")
LOADS = 3  # of the signature; the median is taken
TOLERANCE = 1e-4  # of the largest absolute value of the answer


class Peer:
    def __init__(self, kind, name, folder, batch, threads):
        command = [sys.executable, PEER, kind, name, folder, str(batch), str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline().split()
        if not line or line[0] != "load":
            raise SystemExit(f"error: {kind} does not run {name}")
        self.load, self.peak = float(line[1]), float(line[2])

    def run(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def firn(path, data, threads, seconds):
    command = [FIRN, "bench", path, "--input", data, "--threads", str(threads), "--seconds", str(seconds), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(path, data, name, folder):
    """The largest difference from the peers' answers, as a share of the largest value."""
    with tempfile.TemporaryDirectory() as answers:
        subprocess.run([FIRN, "predict", path, "--input", data, "--output", answers], check=True, stdout=subprocess.DEVNULL)
        got = np.load(next(Path(answers).glob("*.npy")))
    far = 0.0
    for kind in PEERS:
        want = np.load(folder / f"{name}-{kind}.npy")
        far = max(far, float(np.abs(got - want).max() / np.abs(want).max()))
    if not far <= TOLERANCE:
        raise SystemExit(f"error: {name}: the answers differ by {far:.1e} of the largest")
    return far


def measure(name, folder, batch, threads, given):
    path, data = folder / name, folder / f"{name}-{batch}.npy"
    peers = {kind: Peer(kind, name, folder, batch, threads) for kind in PEERS}
    loads = [peers["signature"].load]
    for _ in range(LOADS - 1):
        again = Peer("signature", name, folder, batch, threads)
        loads.append(again.load)
        again.end()
    far = compare(path, data, name, folder)
    ours, theirs = [], {kind: [] for kind in PEERS}
    for _ in range(given.rounds):
        ours.append(firn(path, data, threads, given.seconds))
        for kind, peer in peers.items():
            theirs[kind].append(peer.run(given.seconds))
    mine = statistics.median(run["p50_us"] for run in ours)
    line = f"{name:12} {batch:5} {threads:7} {mine:11.1f}"
    for kind in PEERS:
        his = statistics.median(theirs[kind])
        line += f" {his:11.1f} {his / mine:6.2f}"
    load, peak, peer = statistics.median(run["load_ms"] for run in ours), ours[0]["peak_rss_kb"] / 1024, peers["signature"]
    his = statistics.median(loads)
    line += f"   {load:7.1f} {his:8.1f} {load / his:5.2f}   {peak:6.0f} {peer.peak:6.0f} {peak / peer.peak:5.2f}   {far:.0e}"
    print(line, flush=True)
    for peer in peers.values():
        peer.end()


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    ask.add_argument("--batches", type=int, nargs="+", default=[1, 32], choices=[1, 32])
    ask.add_argument("--only", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    ask.add_argument("--rounds", type=int, default=5)
    ask.add_argument("--seconds", type=float, default=0.5)
    given = ask.parse_args()
    folder = environment.ROOT / "build" / "keras-networks"
    folder.mkdir(parents=True, exist_ok=True)
    for name in given.only:
        if not (folder / f"{name}.onnx").exists():
            subprocess.run([sys.executable, PEER, "make", name, folder], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print("network      batch threads     firn us  TF sign. us ratio  tf.func. us ratio     ORT us  ratio   load ms       TF ratio   peak MiB: TF ratio   difference")
    for threads in given.threads:
        for name in given.only:
            for batch in given.batches:
                measure(name, folder, batch, threads, given)


if __name__ == "__main__":
    main()
