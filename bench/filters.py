#!/usr/bin/env python3
"""What filters cost: one model with and without them on one server, and Pillow on the same files, interleaved.

    scripts/python bench/filters.py [ROUNDS]

Prints the median of each in ms: a batch of 600 KB in and out (binary, keep-alive) plain and normalised; four JPEG files of
640 by 480 to 224 by 224, by the filter `image` and by Pillow and NumPy in this process (the server's round trip is in the first alone).
"""

import http.client
import io
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from PIL import Image

FIRN = Path(os.environ.get("FIRN_BINARY", Path(__file__).resolve().parents[1] / "build" / "firn"))
SHAPE = [1, 3, 224, 224]


def same(path):
    field = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"] + SHAPE[1:])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "same", [field("x")], [field("y")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def picture(seed):
    y, x = np.mgrid[0:480, 0:640]
    pixels = np.stack([127 + 100 * np.sin((x * (c + 1) + y * seed) / 40) for c in range(3)], -1)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def asked(connection, model, datatype, shape, data):
    head = json.dumps({"inputs": [{"name": "x", "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": len(data)}}],
                       "parameters": {"binary_data_output": True}}).encode()
    began = time.perf_counter()
    connection.request("POST", f"/v2/models/{model}/infer", head + data,
                       {"Inference-Header-Content-Length": str(len(head)), "Content-Type": "application/octet-stream"})
    answer = connection.getresponse()
    body = answer.read()
    took = time.perf_counter() - began
    assert answer.status == 200 and len(body) > 600000, body[:300]
    return took * 1000


def pillow(files):
    began = time.perf_counter()
    batch = [np.asarray(Image.open(io.BytesIO(file)).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)) for file in files]
    np.ascontiguousarray((np.stack(batch).astype(np.float32) / np.float32(255)).transpose(0, 3, 1, 2))
    return (time.perf_counter() - began) * 1000


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as folder:
        same(f"{folder}/same.onnx")
        for name, chain in (("plain", None), ("normalised", "x: {normalize: {mean: 0.5, std: 0.2}}"), ("files", "x: {image: {scale: 1/255}}")):
            subprocess.run([FIRN, "upload", f"{folder}/same.onnx", "--name", name, "--store", f"{folder}/store",
                            *(["--filter", chain] if chain else [])], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server = subprocess.Popen([FIRN, "serve", "--store", f"{folder}/store", "--http", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        try:
            port = int(server.stdout.readline().split("127.0.0.1:")[1].split()[0])
            connection = http.client.HTTPConnection("127.0.0.1", port)
            tensor = np.random.default_rng(0).random(SHAPE, dtype=np.float32).tobytes()
            files = [picture(seed) for seed in range(4)]
            data = b"".join(struct.pack("<I", len(file)) + file for file in files)
            times = {"plain": [], "normalised": [], "image": [], "pillow": []}
            for _ in range(rounds):
                times["plain"].append(asked(connection, "plain", "FP32", SHAPE, tensor))
                times["normalised"].append(asked(connection, "normalised", "FP32", SHAPE, tensor))
                times["image"].append(asked(connection, "files", "BYTES", [4], data))
                times["pillow"].append(pillow(files))
        finally:
            server.terminate()
            server.wait()
    for name, values in times.items():
        print(f"{name:10}  median {statistics.median(values):7.2f} ms  least {min(values):7.2f} ms")


if __name__ == "__main__":
    main()
