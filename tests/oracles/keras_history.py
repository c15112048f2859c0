#!/usr/bin/env python3
"""Models that old versions of Keras saved (tests/importers/keras/*.zip, by make.py there), beside the answers that they gave.

    scripts/python tests/oracles/keras_history.py              all of them
    scripts/python tests/oracles/keras_history.py theano lstm  those whose paths hold a word
"""

import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from common import ROOT, Refused, differs, predict, run_all, wanted

FOLDER = ROOT / "tests" / "importers" / "keras"


def work(case):
    path = case[1]
    stored = np.load(path.with_suffix(".npz"))
    inputs = [stored[f"in{i}"] for i in range(sum(k.startswith("in") for k in stored))]
    want = [stored[f"out{i}"] for i in range(sum(k.startswith("out") for k in stored))]
    tolerance = 2e-3 if "float16" in path.name else 1e-10 if "float64" in path.name else 1e-5
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i}.npy" for i in range(len(inputs))]
        for file, x in zip(files, inputs):
            np.save(file, x)
        try:
            got = list(predict(path, files).values())
        except Refused as refused:
            return [" ".join(str(refused.args[1]).split())]
    if len(got) != len(want):
        return [f"{len(got)} outputs, not {len(want)}"]
    return [fault for fault in (differs(g, w, tolerance, tolerance) for g, w in zip(got, want)) if fault]


def main():
    with tempfile.TemporaryDirectory() as folder:
        for archive in sorted(FOLDER.glob("*.zip")):
            zipfile.ZipFile(archive).extractall(Path(folder) / archive.stem)
        paths = sorted(p for p in Path(folder).glob("*/*") if p.suffix in (".h5", ".keras"))
        return run_all("keras history", wanted([(str(p.relative_to(folder)), p) for p in paths], sys.argv[1:]), work)


if __name__ == "__main__":
    sys.exit(main())
