# SPDX-License-Identifier: Apache-2.0
"""Jobs that train with Keras and TensorFlow, in the environment of this Python: a fit makes version 2, a script trains and
puts a SavedModel."""

import os
import sys
import unittest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("FIRN_WORKER_ENVIRONMENT", sys.prefix)

import numpy

import firn
from live import Live

RANDOM = numpy.random.default_rng(17)
X = RANDOM.random((200, 3)).astype("float32")
Y = (2 * X[:, :1] - X[:, 1:2] + 0.5).astype("float32")
HERE = os.environ["FIRN_WORKER_ENVIRONMENT"] == sys.prefix

try:
    import keras
    import tensorflow
    MISSING = None if HERE else "workers have another environment"
except ImportError as why:
    MISSING = str(why)


def train_savedmodel(om, x, y, steps, name):
    """A line, by gradients; saved with two signatures."""
    import tempfile
    import tensorflow as tf

    class Line(tf.Module):
        def __init__(self):
            super().__init__()
            self.weights = tf.Variable(tf.zeros([3, 1]))
            self.bias = tf.Variable(0.0)

        @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])
        def predict(self, x):
            return {"y": x @ self.weights + self.bias}

        @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])
        def above(self, x):
            return {"above": x @ self.weights + self.bias > 1.0}

    line = Line()
    for step in range(steps):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((line.predict(x)["y"] - y) ** 2)
        for variable, gradient in zip(line.trainable_variables, tape.gradient(loss, line.trainable_variables)):
            variable.assign_sub(0.5 * gradient)
        if step % 20 == 0:
            om.progress(step / steps, "loss %.4f" % loss)
    folder = tempfile.mkdtemp()
    tf.saved_model.save(line, folder, {"serving_default": line.predict, "above": line.above})
    om.models.put(folder, name, alias="best")
    return {"loss": float(loss), "weights": line.weights.numpy().ravel().tolist()}


@unittest.skipIf(MISSING, MISSING)
class TensorFlowJobs(Live):
    workers = True

    def test_fit_of_a_keras_model_makes_version_2(self):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="line")])
        model.compile(keras.optimizers.Adam(0.1), "mse")
        first = self.om.models.put(model, "jobs/line", verify=False)
        before = self.om.runtime.model("jobs/line").predict(X)
        numpy.testing.assert_allclose(before, model.predict(X, verbose=0), atol=1e-5)
        job = self.om.runtime.model("jobs/line").fit(X, Y, epochs=30, batch_size=50, verbose=2)
        version = job.get(timeout=300)
        self.assertEqual((first.number, version.number, version.native), (1, 2, True))
        trained = self.om.models.get("jobs/line:2")
        after = self.om.runtime.model("jobs/line").predict(X)
        numpy.testing.assert_allclose(after, trained.predict(X, verbose=0), atol=1e-5)
        self.assertLess(float(((after - Y) ** 2).mean()), 0.01)
        self.assertLess(float(((after - Y) ** 2).mean()), float(((before - Y) ** 2).mean()))
        numpy.testing.assert_array_equal(self.om.runtime.model("jobs/line:1").predict(X), before)
        self.assertEqual(self.om.models.revisions("jobs/line")[0].number, 2)

    def test_fit_of_a_savedmodel_says_why_not(self):
        model = tensorflow.Module()
        takes = [tensorflow.TensorSpec([None], tensorflow.float32, name="x")]
        model.twice = tensorflow.function(lambda x: {"y": 2 * x}, input_signature=takes)
        self.om.models.put(model, "jobs/twice", signatures={"serving_default": model.twice}, verify=False)
        job = self.om.runtime.model("jobs/twice").fit([1.0], [2.0])
        with self.assertRaises(firn.FirnError) as caught:
            job.get(timeout=300)
        self.assertIn("has no fit", str(caught.exception))
        self.assertEqual(len(self.om.models.revisions("jobs/twice")), 1)

    def test_a_script_trains_and_puts_a_savedmodel(self):
        self.om.scripts.put(train_savedmodel, "jobs/train", requirements=[])
        job = self.om.runtime.script("jobs/train").run(X, Y, 200, "jobs/saved")
        said = job.get(timeout=300)
        self.assertLess(said["loss"], 0.01)
        version = job.versions[0]
        self.assertEqual((len(job.versions), version.name, version.number, version.native), (1, "jobs/saved", 1, True))
        got = self.om.runtime.model("jobs/saved@best").predict(X)
        want = X @ numpy.array(said["weights"], "float32")[:, None]
        self.assertLess(numpy.ptp(got - want), 1e-5)  # a constant apart: the bias
        loaded = self.om.models.get("jobs/saved", os.path.join(self.store, "back"))
        theirs = tensorflow.saved_model.load(loaded).signatures
        numpy.testing.assert_allclose(got, theirs["serving_default"](x=tensorflow.constant(X))["y"].numpy(), atol=1e-6)
        above = self.om.runtime.model("jobs/saved").call("above", X)
        numpy.testing.assert_array_equal(above, theirs["above"](x=tensorflow.constant(X))["above"].numpy())


if __name__ == "__main__":
    unittest.main()
