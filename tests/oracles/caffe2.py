#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""firn beside what Caffe2 answered: the nets of tests/importers/caffe2, or of another folder that
caffe2_cases.py made.

    scripts/python tests/oracles/caffe2.py [FOLDER]"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
FIRN = os.environ.get("FIRN", str(ROOT / "build" / "firn"))
ALONE = {"lenet", "residual", "fire", "grouped", "dilated", "pools", "transposed",
         "mobile"}  # know their shape


def check(path, specified):
    """What is wrong, or None."""
    case = np.load(path)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        net = folder / "net"
        net.mkdir()
        for name in ("init_net", "predict_net"):
            (net / (name + ".pb")).write_bytes(case[name].tobytes())
        if specified:
            (net / "input_spec.json").write_text(str(case["input_spec"]))
        command = [FIRN, "predict", str(net), "--output", str(folder / "out")]
        for i, name in enumerate(case["inputs"]):
            np.save(folder / ("x%d.npy" % i), case["x%d" % i])
            command += ["--input", "%s=%s" % (name, folder / ("x%d.npy" % i))]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return done.stderr.strip()
        for i, name in enumerate(case["outputs"]):
            want, got = case["y%d" % i], np.load(folder / "out" / (str(name) + ".npy"))
            if got.shape != want.shape or got.dtype != want.dtype:
                return "%s is %s %s, not %s %s" % (name, got.dtype, got.shape, want.dtype, want.shape)
            try:
                np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-6)
            except AssertionError as wrong:
                return "%s: %s" % (name, " ".join(str(wrong).split())[:200])
    return None


def main(folder=str(ROOT / "tests" / "importers" / "caffe2")):
    passed, failed = 0, 0
    for path in sorted(Path(folder).glob("*.npz")):
        for specified in (True, False)[:1 + (path.stem in ALONE)]:
            wrong = check(path, specified)
            passed, failed = passed + (not wrong), failed + bool(wrong)
            if wrong:
                print("WRONG %s%s: %s" % (path.stem, "" if specified else " alone", wrong))
    failed += not passed
    print("caffe2: %d passed, %d failed" % (passed, failed))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
