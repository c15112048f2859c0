# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/python.md and docs/datasets.md, block by block as they are printed."""

import ast
import asyncio
import importlib.util
import os
import re
import tempfile
import unittest
from unittest import mock

import joblib
import numpy
import pandas
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import firn
import kept_by_text as kept
from live import Live

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def blocks(page):
    with open(os.path.join(ROOT, "docs", page), encoding="utf-8") as file:
        return re.findall(r"^```python\n(.*?)^```", file.read(), re.M | re.S)


def squares(count=3):
    return [i * i for i in range(count)]


class Docs(Live):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="firn-")
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)

    def run_blocks(self, page, names):
        """All of a page see the same names. A block may await."""
        with mock.patch.object(firn, "connect", lambda *args, **kwargs: self.om):
            for block in blocks(page):
                # jobs need workers and their packages: test_jobs.py has them
                block = re.sub(r"^job = .*?^om\.runtime\.jobs\(.*?\n", "", block, flags=re.M | re.S)
                code = compile(block, page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                waits = eval(code, names)
                if waits is not None:
                    asyncio.run(waits)
        return names

    def test_python(self):
        x, y = load_iris(return_X_y=True)
        one, two = (LogisticRegression(max_iter=500, C=c).fit(x, y) for c in (1, 0.1))
        self.om.models.put(one, "shop/churn")
        os.mkdir("saved_model")
        joblib.dump(one, "saved_model/model.joblib")
        self.run_blocks("python.md", {"estimator": two, "X": x, "train": kept.everything})
        self.assertEqual(self.om.models.metadata("shop/churn@prod").number, 2)
        self.assertTrue(numpy.array_equal(self.om.datasets.get("shop/customers"), x))

    @unittest.skipUnless(importlib.util.find_spec("tensorflow"), "TensorFlow is not installed")
    def test_datasets(self):
        import tensorflow as tf
        frame = pandas.DataFrame({"item": ["a", "b"], "price": [10.0, 20.0]})
        self.om.datasets.put(frame, "tmp/a")
        for price in ([1.0], [2.0]):
            self.om.datasets.put(pandas.DataFrame({"price": price}), "shop/prices")
        with open("report.pdf", "wb") as file:
            file.write(b"%PDF")
        self.run_blocks("datasets.md", {
            "om": self.om, "frame": frame, "more": frame, "array": numpy.eye(3),
            "examples": [tf.train.Example()], "squares": squares})
        self.assertTrue(os.path.exists("copy.pdf"))
        self.assertEqual([r.revision for r in self.om.datasets.revisions("shop/prices")],
                         [6, 5, 4, 3, 2])
        self.assertEqual(self.om.datasets.metadata("shop/prices@checked").revision, 6)
        self.assertFalse(self.om.datasets.exists("tmp/a"))
