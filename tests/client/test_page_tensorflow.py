# SPDX-License-Identifier: Apache-2.0
"""The code of omega|ml's page on TensorFlow, block by block as it is printed there; imports, images
and weights are ours. The page is read from FIRN_SHARED."""

import functools
import glob
import os
import re
import textwrap
import types
import unittest
import urllib.request
from json import dumps, loads

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy

from live import Live

try:
    import tensorflow as tf
except ImportError:
    tf = None

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.environ.get("FIRN_SHARED", os.path.join(HERE, "..", "..", "..", "shared"))
PAGES = glob.glob(os.path.join(SHARED, "seeds", "004_*.txt"))


def put(url, json):
    """requests.put, as far as the page needs it."""
    request = urllib.request.Request(url, dumps(json).encode(), method="PUT")
    with urllib.request.urlopen(request) as answer:
        said = answer.read()
    return types.SimpleNamespace(json=lambda: loads(said))


def flowers(count=4):
    import tensorflow
    numbers = tensorflow.data.Dataset.range(int(count))
    return numbers.map(lambda i: (tensorflow.cast(i, tensorflow.float32), i % 2))


@unittest.skipUnless(tf, "TensorFlow is not installed")
@unittest.skipUnless(PAGES, "the page is not in FIRN_SHARED")
class Page(Live):
    def blocks(self):
        with open(PAGES[0], encoding="utf-8") as file:
            text = file.read()
        found = re.findall(r"\.\. code:: python\n\n((?:    .*\n|\n)+)", text)
        return [textwrap.dedent(block) for block in found]

    def test_as_printed(self):
        images = numpy.random.default_rng(1).integers(0, 255, (6, 192, 192, 3)).astype("uint8")
        labels = numpy.arange(6) % 5
        ds = tf.data.Dataset.from_tensor_slices((images.astype("f") / 255, labels)).repeat().batch(2)
        real = tf.keras.applications.MobileNetV2
        tf.keras.applications.MobileNetV2 = functools.partial(real, weights=None)
        self.addCleanup(setattr, tf.keras.applications, "MobileNetV2", real)
        names = {"tf": tf, "np": numpy, "om": self.om, "ds": ds, "label_names": "abcde",
                 "plt": types.SimpleNamespace(imread=lambda path: images[0] / 255),
                 "requests": types.SimpleNamespace(put=put),
                 "predict_url": self.om.url + "/api/v1/model/tfkeras-flower/predict"}
        results = []
        blocks = self.blocks()
        self.assertEqual(len(blocks), 5)
        for block in blocks:
            exec(compile(block, PAGES[0], "exec"), names)
            if "result" in names:
                results.append(numpy.asarray(names.pop("result")))
        version = self.om.models.metadata("tfkeras-flower")
        self.assertTrue(version.native, version.reason)
        want = names["model"].predict(numpy.array([images[0] / 255]), verbose=0)
        self.assertEqual(want.shape, (1, 5))
        for got in results:
            numpy.testing.assert_allclose(got, want, atol=1e-4)
        self.assertEqual(len(results), 2)  # of the object that came back, and of the server
        numpy.testing.assert_allclose(names["prediction"], want[0], atol=1e-4)

    def test_virtual_data_set(self):
        """A function that gives a tf.data.Dataset, for training here."""
        self.om.datasets.put(flowers, "flowers", requirements=["tensorflow"])
        got = self.om.datasets.get("flowers{count=6}", local=True)
        self.assertIsInstance(got, tf.data.Dataset)
        self.assertEqual([int(y) for _, y in got], [0, 1] * 3)
        model = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(got.map(lambda x, y: (tf.reshape(x, [1]), y)).batch(2), verbose=0)
