# SPDX-License-Identifier: Apache-2.0
"""Adapters of the user: a file in the model's folder (examples/adapter), an entry point of a package, and what goes
wrong with them."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import firn
from live import Live

EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "adapter")
ACME = """
from firn_worker.adapter import Loaded, field, signature

class Acme(Loaded):
    def __init__(self, factor):
        self.factor = factor
    def contract(self):
        return [signature("predict", [field("x", "double", [-1])], [field("y", "double", [-1])])]
    def predict(self, signature, inputs):
        return {"y": [self.factor * x for x in inputs["x"]]}

def load(model):
    with open(model.path(".acme")) as file:
        return Acme(float(file.read()))
"""


class Adapters(Live):
    workers = True

    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.mkdtemp(prefix="firn-adapters-")
        environment = os.path.join(cls.place, "venv")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
        site = os.path.join(environment, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
        info = os.path.join(site, "acme-1.0.dist-info")
        os.mkdir(info)
        for path, text in ((os.path.join(site, "acme_adapter.py"), ACME),
                           (os.path.join(info, "METADATA"), "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n"),
                           (os.path.join(info, "entry_points.txt"), "[firn.adapters]\nacme = acme_adapter\n")):
            with open(path, "w") as file:
                file.write(text)
        cls.before = os.environ.get("FIRN_WORKER_ENVIRONMENT")
        os.environ["FIRN_WORKER_ENVIRONMENT"] = environment
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        os.environ.pop("FIRN_WORKER_ENVIRONMENT")
        if cls.before is not None:
            os.environ["FIRN_WORKER_ENVIRONMENT"] = cls.before
        shutil.rmtree(cls.place)

    def folder(self, name, **files):
        path = os.path.join(self.place, name)
        os.mkdir(path)
        for file, text in files.items():
            with open(os.path.join(path, file.replace("_", ".")), "w") as out:
                out.write(text)
        return path

    def test_a_file_in_the_folder(self):
        version = self.om.models.put(EXAMPLE, "words")
        self.assertEqual((version.format, version.native), ("adapter", False))
        self.assertEqual(version.signatures[0].inputs[0].evidence["dtype"], "derived: the adapter \"own\"")
        got = self.om.runtime.model("words").predict(["a good thing", "bad bad", ""])
        self.assertEqual(list(got), [1.5, -4.0, 0.0])

    def test_an_entry_point(self):
        path = self.folder("acme", model_acme="2.5", serving_yaml="kind: Model\nname: a\nmetadata: {adapter: acme}\n")
        version = self.om.models.put(path, "acme")
        self.assertEqual(version.format, "adapter")
        self.assertEqual(list(self.om.runtime.model("acme").predict([1.0, 2.0])), [2.5, 5.0])

    def refused(self, path, kind, *words):
        with self.assertRaises(kind) as caught:
            self.om.models.put(path, "bad")
        for word in words:
            self.assertIn(word, str(caught.exception))
        self.assertFalse(self.om.models.exists("bad"))

    def test_what_is_wrong_with_them(self):
        unknown = self.folder("unknown", model_acme="1", serving_yaml="kind: Model\nname: a\nmetadata: {adapter: nobody}\n")
        self.refused(unknown, firn.NotFound, "no adapter \"nobody\"", "scikit-learn", "acme")
        self.refused(self.folder("empty", adapter_py="x = 'load'\n"), firn.FirnError, "no function load(model)")
        self.refused(self.folder("raises", adapter_py="def load(model):\n    raise ValueError('no words')\n"),
                     firn.Failed, "ValueError: no words", "adapter.py:2")
        self.refused(self.folder("told", adapter_py="def load(model):\n    raise ValueError(model.options['metadata']['framework'])\n",
                                 serving_yaml="kind: Model\nname: told\nmetadata: {framework: c\"1}\n"), firn.Failed, "ValueError: c\"1")
        self.refused(self.folder("silent", adapter_py="from firn_worker.adapter import Loaded\ndef load(model):\n    "
                                 "return Loaded()\n"), firn.Unsupported, "contract")
        self.refused(self.folder("lies", adapter_py="from firn_worker.adapter import Loaded\nclass L(Loaded):\n    def contract(self):\n"
                                 "        return [{\"name\": 1}]\ndef load(model):\n    return L()\n"), firn.InvalidInput, "own")
        self.refused(self.folder("nothing", model_acme="1"), firn.Unsupported, "known format")

    def test_it_fits_without_a_server(self):
        from firn_worker import adapter
        model = adapter.Model(EXAMPLE)
        loaded = adapter.load("own", model)
        self.assertEqual(loaded.fit(["a b", "b"], [1, 3]), {"words": 2})
        with tempfile.TemporaryDirectory() as folder:
            adapter.save_version(loaded, model, folder)
            self.assertEqual(sorted(os.listdir(folder)), ["adapter.py", "words.json"])
            self.assertEqual(adapter.load("own", adapter.Model(folder)).worth, {"a": 1.0, "b": 2.0})


if __name__ == "__main__":
    unittest.main()
