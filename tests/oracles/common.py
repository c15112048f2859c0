"""What the oracles share: running `firn predict` and comparing its answer."""

import json
import math
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
FIRN = Path(os.environ.get("FIRN_BINARY", ROOT / "build" / "firn"))
DTYPES = {"BOOL": bool, "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64, "UINT8": np.uint8,
          "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64, "FP16": np.float16, "FP32": np.float32,
          "FP64": np.float64, "BF16": np.float32}


class Refused(Exception):
    """firn said no; args: exit code, standard error."""


def tensor(output):
    data = output["data"]
    if output["datatype"] == "SEQUENCE":
        return [tensor(item) for item in data]
    if output["datatype"] == "OPTIONAL":
        return tensor(data[0]) if data else None
    if output["datatype"] == "BYTES":
        return np.array(data, dtype=object).reshape(output["shape"])
    words = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    return np.array([words.get(v, v) if isinstance(v, str) else v for v in data], DTYPES[output["datatype"]]).reshape(output["shape"])


def predict(model, files, signature=None, options=(), seconds=120):
    """Outputs by name. files: paths, or NAME=path; options: more for the command line; seconds: at most."""
    command = [str(FIRN), "predict", str(model), "--json", *options]
    if signature:
        command += ["--signature", signature]
    for file in files:
        command += ["--input", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        raise Refused(done.returncode, done.stderr)
    return {o["name"]: tensor(o) for o in json.loads(done.stdout)["outputs"]}


def predict_files(model, files, options=()):
    """As predict, through .npy files: for types that the protocol has no name for."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(FIRN), "predict", str(model), "--output", folder, *options]
        for file in files:
            command += ["--input", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise Refused(done.returncode, done.stderr)
        return {path.stem: np.load(path) for path in Path(folder).glob("*.npy")}


def kind(array):
    return {"b": "bool", "i": "integer", "u": "integer", "f": "float", "c": "complex", "U": "string", "S": "string", "O": "string"}[array.dtype.kind]


def differs(got, want, rtol, atol=1e-12):
    """A sentence, or None when they agree: kind, shape, labels exactly, numbers within tolerance."""
    want = np.asarray(want)
    if kind(got) != kind(want):
        return f"{kind(got)} is not {kind(want)}"
    if got.shape != want.shape and not (got.size == want.size and got.reshape(want.shape).shape == want.shape and want.ndim - got.ndim in (-1, 1)):
        return f"shape {list(got.shape)} is not {list(want.shape)}"
    got = got.reshape(want.shape)
    if kind(want) == "complex":
        return differs(got.real, want.real, rtol, atol) or differs(got.imag, want.imag, rtol, atol)
    if kind(want) != "float":
        wrong = got != want
        return f"element {np.argwhere(wrong)[0].tolist()}: {got[wrong][0]!r} is not {want[wrong][0]!r}" if wrong.any() else None
    got, want = got.astype(np.float64), want.astype(np.float64)
    with np.errstate(all="ignore"):
        near = np.abs(got - want) <= atol + rtol * np.abs(want)
    near |= (got == want) | (np.isnan(got) & np.isnan(want))
    if near.all():
        return None
    at = tuple(np.argwhere(~near)[0])
    return f"element {list(map(int, at))}: {got[at]:.17g} is not {want[at]:.17g}"


def run_all(name, cases, work):
    """Each case to work(case) -> list of faults; prints them and the closing line; the exit code."""
    passed = failed = 0
    with ProcessPoolExecutor(2) as pool:
        for case, faults in zip(cases, pool.map(work, cases, chunksize=4)):
            passed += not faults
            failed += bool(faults)
            for fault in faults:
                print(f"FAILED {case[0]}: {fault}")
    print(f"{name}: {passed} passed, {failed} failed")
    return int(failed > 0)


def tally(name, right, refused=0, wrong=0, skipped=0):
    """The line that scripts/run-oracles adds up: every case in one of them."""
    print(f"{name}: {right} right, {refused} refused, {wrong} wrong, {skipped} skipped", flush=True)


def multiplies_bytes_exactly():
    """Whether frameworks do here: without VNNI their sums of two products of bytes stop at 16 bits, and oneDNN halves weights
    beside signed inputs (oneDNN, Nuances of int8 Computations)."""
    return any("vnni" in line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))


def part_of(items, arguments):
    """Every N-th item, the K-th and on, where the arguments hold --part K/N (taken out of them)."""
    if "--part" not in arguments:
        return items
    at = arguments.index("--part")
    part, parts = map(int, arguments[at + 1].split("/"))
    del arguments[at : at + 2]
    return items[part - 1 :: parts]


def wanted(cases, arguments):
    """The cases whose names contain one of the arguments; all without arguments."""
    words = [a for a in arguments if not a.startswith("-")]
    return [c for c in cases if not words or any(w in c[0] for w in words)]


if __name__ == "__main__":
    sys.exit("a module of the oracles; run sklearn.py or onnx.py")
