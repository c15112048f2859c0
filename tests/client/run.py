#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the Python client against a live server: tests/client/test_*.py. Prints
"client: N passed, N failed"; what a missing framework skips is said. At least COVERAGE of the
client's lines must have been run, those for frameworks that are not here left aside.

    tests/client/run.py            all
    tests/client/run.py datasets   tests/client/test_datasets.py alone, not measured"""

import importlib.util
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "python"))
sys.path.insert(0, HERE)
os.environ.setdefault("FIRN_PROGRAM", os.path.join(ROOT, "build", "firn"))

COVERAGE = 95.0  # per cent
# What only works with a framework: savers of it, and how its data are read.
NEEDS = {"savers/catboost.py": "catboost", "savers/lightgbm.py": "lightgbm",
         "savers/pytorch.py": "torch", "savers/xgboost.py": "xgboost", "savers/spark.py": "pyspark",
         "savers/keras.py": "keras", "savers/tensorflow.py": "tensorflow", "savers/onnx.py": "onnx",
         "data/examples.py": "tensorflow"}


def measured():
    """coverage.py at work, or None."""
    if not importlib.util.find_spec("coverage") or sys.argv[1:]:
        return None
    import coverage
    client = os.path.join(ROOT, "python", "firn")
    left_out = [os.path.join(client, file) for file, module in NEEDS.items()
                if not importlib.util.find_spec(module)]
    found = coverage.Coverage(data_file=None, source=[client], omit=left_out)
    found.start()
    return found


def report(coverage):
    """Were enough lines run?"""
    coverage.stop()
    total = coverage.report(show_missing=True, skip_covered=True)
    print("coverage of the client: %.1f %% of its lines (%.0f wanted)" % (total, COVERAGE))
    return total >= COVERAGE


lines = measured()
pattern = "test_%s.py" % sys.argv[1] if sys.argv[1:] else "test_*.py"
result = unittest.TextTestRunner(verbosity=1).run(
    unittest.defaultTestLoader.discover(HERE, pattern))
for test, why in result.skipped:
    print("SKIPPED %s: %s" % (test, why))
bad = len(result.failures) + len(result.errors)
if lines and not bad and not report(lines):
    bad = 1
print("client: %d passed, %d failed" % (result.testsRun - bad - len(result.skipped), bad))
sys.exit(bool(bad))
