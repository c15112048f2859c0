# SPDX-License-Identifier: Apache-2.0
"""The adapter of TensorRT as far as a machine without its GPU can: what it says there, and its way with an engine
through stand-ins for the two packages, whose memory is this process's. A real engine needs the GPU it was made for."""

import ctypes
import os
import sys
import tempfile
import types
import unittest

import numpy

from firn_worker import adapter, values
from firn_worker.fault import Fault


class Engine:
    """y = 2 x, float[-1,3], by the interface of TensorRT 8.5 and later."""

    num_io_tensors = 2

    def get_tensor_name(self, i):
        return "xy"[i]

    def get_tensor_mode(self, name):
        return {"x": "in", "y": "out"}[name]

    def get_tensor_dtype(self, name):
        return "FLOAT"

    def get_tensor_shape(self, name):
        return (-1, 3)

    def create_execution_context(self):
        return Context()


class Context:
    def __init__(self):
        self.addresses, self.shape = {}, None

    def set_input_shape(self, name, shape):
        self.shape = shape
        return shape[1] == 3

    def get_tensor_shape(self, name):
        return self.shape

    def set_tensor_address(self, name, address):
        self.addresses[name] = address

    def execute_async_v3(self, stream):
        count = int(numpy.prod(self.shape))
        kind = ctypes.c_float * count
        x, y = (kind.from_address(self.addresses[name]) for name in "xy")
        y[:] = [2 * v for v in x]
        return True


def stand_ins(opens=True):
    trt = types.ModuleType("tensorrt")
    trt.__version__ = "10.0"
    trt.Logger = type("Logger", (), {"WARNING": 1, "__init__": lambda self, level: None})
    trt.nptype = lambda kind: numpy.float32
    trt.TensorIOMode = types.SimpleNamespace(INPUT="in", OUTPUT="out")
    trt.Runtime = lambda logger: types.SimpleNamespace(deserialize_cuda_engine=lambda data: Engine() if opens else None)
    memory = {}

    def malloc(size):
        piece = (ctypes.c_char * size)()
        memory[ctypes.addressof(piece)] = piece
        return 0, ctypes.addressof(piece)

    def copy(to, source, size, kind):
        ctypes.memmove(to, source, size)
        return (0,)

    runtime = types.ModuleType("cuda.bindings.runtime")
    runtime.cudaMalloc, runtime.cudaMemcpy = malloc, copy
    runtime.cudaFree = lambda at: (0 if memory.pop(at) else 1,)
    runtime.cudaDeviceSynchronize = lambda: (0,)
    runtime.cudaMemcpyKind = types.SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)
    bindings = types.ModuleType("cuda.bindings")
    bindings.runtime = runtime
    return {"tensorrt": trt, "cuda": types.ModuleType("cuda"), "cuda.bindings": bindings,
            "cuda.bindings.runtime": runtime}


class TensorRT(unittest.TestCase):
    def setUp(self):
        self.before = {name: sys.modules.get(name) for name in stand_ins()}
        self.folder = tempfile.TemporaryDirectory()
        with open(self.folder.name + "/model.plan", "wb") as file:
            file.write(b"engine")

    def tearDown(self):
        self.folder.cleanup()
        for name, module in self.before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module

    def opened(self, **options):
        module = adapter.find("tensorrt")
        module.driver = lambda: None  # as where there is one
        return module.load(adapter.Model(self.folder.name, **options))

    def test_without_the_package_or_a_driver(self):
        sys.modules["tensorrt"] = None
        with self.assertRaises(Fault) as caught:
            adapter.load("tensorrt", adapter.Model(self.folder.name))
        self.assertIn("package tensorrt", str(caught.exception))
        sys.modules.update(stand_ins())
        try:
            ctypes.CDLL("libcuda.so.1")
        except OSError:
            with self.assertRaises(Fault) as caught:
                adapter.load("tensorrt", adapter.Model(self.folder.name))
            self.assertIn("NVIDIA GPU", str(caught.exception))

    def test_an_engine(self):
        sys.modules.update(stand_ins())
        loaded = self.opened()
        contract = loaded.contract()
        self.assertEqual([f["shape"] for f in contract[0]["inputs"]], [[-1, 3]])
        signature = values.Signature(contract[0])
        for rows in (2, 1, 5):  # memory grows and is used again
            x = numpy.arange(rows * 3, dtype="float32").reshape(rows, 3)
            numpy.testing.assert_array_equal(loaded.predict(signature, {"x": x})["y"], 2 * x)
        with self.assertRaises(values.ValueFault) as caught:
            loaded.predict(signature, {"x": numpy.zeros((2, 4))})
        self.assertIn("may not have the shape [2, 4]", str(caught.exception))

    def test_what_it_cannot_open(self):
        sys.modules.update(stand_ins(opens=False))
        with self.assertRaises(Fault) as caught:
            self.opened()
        self.assertIn("one is made for a version and a GPU", str(caught.exception))
        sys.modules.update(stand_ins())
        for name, what in (("net.uff", "UFF"), ("net.caffemodel", "Caffe")):
            with open("%s/%s" % (self.folder.name, name), "wb") as file:
                file.write(b"net")
            with self.assertRaises(Fault) as caught:
                self.opened()
            self.assertIn("no parser for %s any more" % what, str(caught.exception))
            os.remove("%s/%s" % (self.folder.name, name))

    def test_what_the_metadata_say(self):
        """`framework` and `deployfile`, which 0Mind's tasks have, stand for the suffixes."""
        sys.modules.update(stand_ins())
        trt, asked = sys.modules["tensorrt"], []
        self.opened(options={"metadata": {"framework": "PLAN"}})

        class CaffeParser:
            def parse(self, deploy, model, network, dtype):
                asked.append((os.path.basename(deploy), os.path.basename(model)))

        trt.CaffeParser, trt.float32 = CaffeParser, "FLOAT"
        trt.Builder = lambda logger: types.SimpleNamespace(create_network=object)
        signature = values.Signature({"name": "predict", "inputs": [], "outputs": []})
        os.rename(self.folder.name + "/model.plan", self.folder.name + "/model.caffemodel")
        for name in ("a.txt", "b.prototxt", "c.prototxt"):
            open("%s/%s" % (self.folder.name, name), "w").close()
        for said, deploy in (({"framework": "c1", "deployfile": "a.txt"}, "a.txt"),
                             ({"deployfile": "c.prototxt"}, "c.prototxt")):
            with self.assertRaises(Fault) as caught:
                self.opened(options={"metadata": said}, signatures=[signature])
            self.assertIn("cannot read the Caffe model", str(caught.exception))
            self.assertEqual(asked.pop(), (deploy, "model.caffemodel"))
        for said, why in (({"framework": "c1"}, "2 files could be the model"),
                          ({"framework": "c1", "deployfile": "d"}, "\"d\" is not among"),
                          ({"framework": "uff"}, "4 files could be the model"),
                          ({"framework": "tf"}, "the framework \"tf\"")):
            with self.assertRaises((Fault, values.ValueFault)) as caught:
                self.opened(options={"metadata": said}, signatures=[signature])
            self.assertIn(why, str(caught.exception))


if __name__ == "__main__":
    unittest.main()
