# SPDX-License-Identifier: Apache-2.0
"""omega|ml's REST as its users call it, with the standard library."""

import json
import urllib.error
import urllib.request

import numpy
from sklearn.linear_model import LinearRegression, LogisticRegression

from live import Live


class Rest(Live):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.line = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
        cls.om.models.put(cls.line, "reg")
        rows = numpy.random.default_rng(3).random((40, 12))
        cls.image = rows[0]
        cls.flower = LogisticRegression().fit(rows, rows[:, 0] > 0.5)
        cls.om.models.put(cls.flower, "images/flower")

    def put(self, path, body):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.om.url + "/api/v1/model/" + path, data, method="PUT",
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def test_predict(self):
        for data in ({"v": [5]}, [{"v": 5}], [[5]]):
            code, said = self.put("reg/predict", {"columns": ["v"], "data": data})
            self.assertEqual((code, said["model"]), (200, "reg"), data)
            numpy.testing.assert_allclose(said["result"], [10.0])
            self.assertEqual((said["shape"], said["resource_uri"]), ([1], "reg"))

    def test_image_with_shape(self):
        """The call of the page on TensorFlow models: a flat row and its shape."""
        body = {"columns": ["x"], "data": [{"x": self.image.tolist()}], "shape": [12]}
        code, said = self.put("images/flower/predict_proba", body)
        self.assertEqual((code, said["shape"]), (200, [1, 2]))
        numpy.testing.assert_allclose(said["result"],
                                      self.flower.predict_proba([self.image]).ravel(), rtol=1e-12)

    def test_versions(self):
        self.om.models.put(LinearRegression().fit([[0.0], [1.0]], [0.0, 3.0]), "reg")
        body = {"columns": ["v"], "data": {"v": [1]}}
        numpy.testing.assert_allclose(self.put("reg/predict", body)[1]["result"], [3.0])
        numpy.testing.assert_allclose(self.put("reg%5E/predict", body)[1]["result"], [2.0])
        self.assertEqual(self.put("reg:1/predict", body)[1]["version"], 1)
        self.om.models.drop("reg:2")

    def test_errors_have_their_status(self):
        body = {"columns": ["v"], "data": {"v": [1]}}
        for path, sent, code in (("none/predict", body, 404), ("reg@tag/predict", body, 404),
                                 ("reg%5E%5E%5E/predict", body, 404), ("reg/transform", body, 404),
                                 ("reg/predict", b"{", 400), ("reg/predict", b"", 400),
                                 ("reg/predict", {"columns": ["v"]}, 400),
                                 ("reg/predict", {"columns": ["v"], "data": {"v": ["a"]}}, 400),
                                 ("images/flower/predict",
                                  {"columns": ["x"], "data": [{"x": [1, 2]}], "shape": [3]}, 400),
                                 ("images/flower/predict",
                                  {"columns": ["x"], "data": [{"x": [1, 2]}], "shape": [2]}, 400)):
            got, said = self.put(path, sent)
            self.assertEqual((got, list(said)), (code, ["message"]), path)

    def test_metadata(self):
        with urllib.request.urlopen(self.om.url + "/api/v1/model/images/flower/") as answer:
            said = json.load(answer)
        self.assertEqual((said["model"], said["result"]["kind"]), ("images/flower", "sklearn-joblib"))
