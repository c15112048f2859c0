# SPDX-License-Identifier: Apache-2.0
"""Put, contract, predict, get with the frameworks themselves."""

import os
import unittest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy

import firn
from live import Live

try:
    import tensorflow as tf
except ImportError:
    tf = None
try:
    import onnx
except ImportError:
    onnx = None


@unittest.skipUnless(tf, "TensorFlow is not installed")
class TensorFlow(Live):
    def test_flowers(self):
        """What the page on TensorFlow models shows, with random weights."""
        net = tf.keras.applications.MobileNetV2(input_shape=(96, 96, 3), include_top=False,
                                                weights=None)
        model = tf.keras.Sequential([net, tf.keras.layers.GlobalAveragePooling2D(),
                                     tf.keras.layers.Dense(5)])
        model.build((None, 96, 96, 3))
        image = numpy.random.default_rng(1).random((96, 96, 3)).astype("f")
        om = self.om
        om.models.put(model, "tfkeras-flower")
        want = om.models.get("tfkeras-flower").predict(numpy.array([image]), verbose=0)
        got = om.runtime.model("tfkeras-flower").predict(numpy.array([image]))
        numpy.testing.assert_allclose(got, want, atol=1e-5)
        om.models.put(model, "flower/h5", format="h5")
        numpy.testing.assert_allclose(om.runtime.model("flower/h5").predict(image), want, atol=1e-5)

    def test_module_with_signatures(self):
        class Scale(tf.Module):
            def __init__(self):
                super().__init__()
                self.factor = tf.Variable(3.0)

            @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
            def multiply(self, x):
                return {"y": self.factor * x}

        module = Scale()
        version = self.om.models.put(module, "module", signatures={"multiply": module.multiply})
        self.assertTrue(version.native)
        self.assertEqual([s.name for s in version.signatures], ["multiply"])
        self.assertEqual(self.om.runtime.model("module").predict([1, 2.5]).tolist(), [3.0, 7.5])
        back = self.om.models.get("module")
        self.assertEqual(back.signatures["multiply"](tf.constant([2.0]))["y"].numpy().tolist(), [6.0])


@unittest.skipUnless(tf, "TensorFlow is not installed")
class Examples(Live):
    def examples(self, count):
        def feature(i):
            return {"image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"x" * i])),
                    "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[i]))}
        return [tf.train.Example(features=tf.train.Features(feature=feature(i)))
                for i in range(count)]

    def test_records_are_examples_again(self):
        d, examples = self.om.datasets, self.examples(5)
        d.put(examples[:3], "examples")
        self.assertEqual(d.metadata("examples").format, "tfrecord")
        d.put(examples[3], "examples", append=True)
        d.put(tf.data.Dataset.from_tensor_slices([examples[4].SerializeToString()]), "examples",
              append=True)
        self.assertEqual(d.get("examples"), examples)

    def test_other_records(self):
        """SequenceExamples are not taken for Examples, nor are any bytes."""
        d = self.om.datasets
        one = tf.train.SequenceExample(context=self.examples(2)[1].features)
        d.put([one], "sequences")
        self.assertEqual(d.get("sequences"), [one])
        d.put([b"any"], "bytes", format="tfrecord")
        self.assertEqual(d.get("bytes"), [b"any"])
        d.put(tf.data.Dataset.from_tensor_slices([b"any"]), "bytes")
        self.assertEqual(d.get("bytes"), [b"any"])
        with self.assertRaises(firn.Unsupported):
            d.put([one, b"any"], "mixed")

    def test_as_dataset(self):
        d, examples = self.om.datasets, self.examples(4)
        d.put(examples, "images")
        raw = d.get("images", as_dataset=True)
        self.assertIsInstance(raw, tf.data.Dataset)
        self.assertEqual([r.numpy() for r in raw], [e.SerializeToString() for e in examples])
        features = {"image": tf.io.FixedLenFeature([], tf.string),
                    "label": tf.io.FixedLenFeature([], tf.int64)}
        batches = list(d.get("images", as_dataset=True, features=features).batch(4))
        self.assertEqual(batches[0]["label"].numpy().tolist(), [0, 1, 2, 3])
        self.assertEqual(batches[0]["image"].numpy()[3], b"xxx")

    def test_a_dataset_of_tensors_is_refused(self):
        with self.assertRaises(firn.Unsupported) as caught:
            self.om.datasets.put(tf.data.Dataset.range(3), "numbers")
        self.assertIn("SerializeToString", str(caught.exception))
        self.assertFalse(self.om.datasets.exists("numbers"))


@unittest.skipUnless(onnx, "onnx is not installed")
class Onnx(Live):
    def test_model(self):
        helper, kind = onnx.helper, onnx.TensorProto.FLOAT
        graph = helper.make_graph([helper.make_node("Add", ["a", "b"], ["c"])], "sum",
                                  [helper.make_tensor_value_info(n, kind, ["n"]) for n in "ab"],
                                  [helper.make_tensor_value_info("c", kind, ["n"])])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        self.om.models.put(model, "sum")
        got = self.om.runtime.model("sum").predict({"a": [1.0, 2.0], "b": [10.0, 20.0]})
        self.assertEqual(got.tolist(), [11.0, 22.0])
        self.assertEqual(self.om.models.get("sum").SerializeToString(), model.SerializeToString())
