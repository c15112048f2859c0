#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the Python client against a live server: tests/client/test_*.py. Prints
"client: N passed, N failed"; what a missing framework skips is said."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "python"))
sys.path.insert(0, HERE)
os.environ.setdefault("FIRN_PROGRAM", os.path.join(ROOT, "build", "firn"))

result = unittest.TextTestRunner(verbosity=1).run(unittest.defaultTestLoader.discover(HERE))
for test, why in result.skipped:
    print("SKIPPED %s: %s" % (test, why))
bad = len(result.failures) + len(result.errors)
print("client: %d passed, %d failed" % (result.testsRun - bad - len(result.skipped), bad))
sys.exit(bool(bad))
