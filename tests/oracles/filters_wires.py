#!/usr/bin/env python3
"""Filters on every wire: images in and labels out, texts to tokens, rows of any length, each asked over Open Inference (HTTP as JSON
and binary, gRPC typed and raw), TensorFlow Serving's gRPC, Hydrosphere's gateway (REST and gRPC), omega|ml's REST and the Python
client. Every answer is that of Pillow and NumPy, and the same on all. What filters refuse is refused on all."""

import base64
import io
import json
import os
import struct
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]  # onnx.py is there, too

import grpc
import numpy as np
import onnx
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from onnx import TensorProto, helper
from PIL import Image

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from common import FIRN, ROOT

os.environ.setdefault("FIRN_PROGRAM", str(FIRN))
sys.path.append(str(ROOT / "python"))
import firn

LABELS = ["ash", "birch", "cedar", "grün"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "red", "fox", "##es", "grün"]
NAMES = {"FP32": np.float32, "INT64": np.int64, "BYTES": object}


# --- models, and what they should answer ---

def save(folder, inputs, outputs, nodes, constants=()):
    folder.mkdir()
    fields = lambda rows: [helper.make_tensor_value_info(*row) for row in rows]
    graph = helper.make_graph(nodes, "g", fields(inputs), fields(outputs), [onnx.numpy_helper.from_array(*c) for c in constants])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "model.onnx")


def manifest(folder, filters):
    (folder / "serving.yaml").write_text(json.dumps({"kind": "Model", "filters": filters}))


def make_store(place):
    rng = np.random.default_rng(3)
    weights = rng.normal(0, 1, (3 * 6 * 8, len(LABELS))).astype(np.float32)
    save(place / "trees", [("image", TensorProto.FLOAT, ["batch", 3, 6, 8])], [("scores", TensorProto.FLOAT, ["batch", len(LABELS)])],
         [helper.make_node("Flatten", ["image"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["scores"])], [(weights, "w")])
    manifest(place / "trees", {"inputs": {"image": [{"image": {"scale": "1/255", "mean": 0.5}}]},
                               "outputs": {"scores": ["softmax", {"top-k": {"k": 2, "labels": LABELS}}]}})
    save(place / "numbers", [("text", TensorProto.INT64, ["batch", 6])], [("ids", TensorProto.INT64, ["batch", 6])],
         [helper.make_node("Identity", ["text"], ["ids"])])
    (place / "numbers" / "vocab.txt").write_text("".join(word + "\n" for word in WORDS))
    manifest(place / "numbers", {"inputs": {"text": [{"tokens": "vocab.txt"}]}})
    save(place / "rows", [("x", TensorProto.FLOAT, ["batch", 5])], [("most", TensorProto.FLOAT, ["batch", 5])],
         [helper.make_node("Neg", ["x"], ["most"])])
    manifest(place / "rows", {"inputs": {"x": ["pad"]}, "outputs": {"most": ["argmax", {"labels": LABELS + ["oak"]}]}})
    for name in ("trees", "numbers", "rows"):
        firn_run("upload", place / name, "--name", name, "--store", place / "store")
    return weights


def firn_run(*arguments):
    subprocess.run([str(FIRN), *map(str, arguments)], check=True, capture_output=True, timeout=120)


def pictures():
    """Files of two kinds, which hold the pixels exactly as the model wants them."""
    rng = np.random.default_rng(4)
    files = []
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True})):
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)).save(buffer, kind, **options)
        files.append(buffer.getvalue())
    return files


def trees(files, weights):
    pixels = [np.asarray(Image.open(io.BytesIO(file)).convert("RGB")).transpose(2, 0, 1).ravel() for file in files]
    scores = (np.array(pixels, np.float64) / 255 - 0.5) @ weights.astype(np.float64)
    parts = np.exp(scores - scores.max(1, keepdims=True))
    parts /= parts.sum(1, keepdims=True)
    best = np.argsort(-parts, 1)[:, :2]
    return {"scores": np.take_along_axis(parts, best, 1).astype(np.float32), "scores_labels": np.array(LABELS, object)[best]}


def cases(weights):
    """(model, input, rows, what is wanted by output)"""
    files = pictures()
    yield "trees", "image", files, trees(files, weights)
    yield "trees", "image", files[:1], trees(files[:1], weights)
    yield "numbers", "text", ["a red foxes", "Grün?"], {"ids": np.array([[2, 4, 5, 6, 7, 3], [2, 1, 1, 3, 0, 0]])}
    yield "rows", "x", [[-1.0, -5.0, 2.0], [3.0, 1.0, -9.0]], {"most": np.array(["birch", "cedar"], object)}


# --- the server and its wires: each takes a model, its input and rows, and gives arrays by name ---

class Wires:
    def __init__(self, store):
        self.process = subprocess.Popen([str(FIRN), "serve", "--store", str(store), "--http", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        self.url = next(line for line in self.process.stdout if line.startswith("ready")).split()[1]
        self.channel = grpc.insecure_channel(self.url.removeprefix("http://"), [("grpc.use_local_subchannel_pool", 1)])
        self.pool, self.known = descriptor_pool.DescriptorPool(), set()
        self.om = firn.connect(self.url)

    def close(self):
        self.channel.close()
        self.process.terminate()
        return self.process.wait(30)

    # What the server's reflection says of its own messages.
    def message(self, name):
        request = lambda symbol: bytes([0x22, len(symbol)]) + symbol.encode()
        answer = self.channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")(iter([request(name)]), timeout=30)
        holder = descriptor_pb2.FileDescriptorSet()  # file_descriptor_response: repeated bytes 1, as a set's files
        at, data = 0, next(answer)
        while at < len(data):  # the only field of more than one byte that holds files is 4
            key, at = data[at], at + 1
            size = shift = 0
            while True:
                size, shift, at = size | (data[at] & 127) << shift, shift + 7, at + 1
                if data[at - 1] < 128:
                    break
            if key == 4 << 3 | 2:
                holder.ParseFromString(data[at:at + size])
            at += size if key & 7 == 2 else 0
        files = {file.name: file for file in holder.file}

        def add(file_name):
            if file_name in self.known:
                return
            self.known.add(file_name)
            file = files.get(file_name)
            if file is None:
                from google.protobuf import any_pb2, empty_pb2, wrappers_pb2  # noqa: F401
                file = descriptor_pb2.FileDescriptorProto()
                descriptor_pool.Default().FindFileByName(file_name).CopyToProto(file)
            for dependency in file.dependency:
                add(dependency)
            self.pool.Add(file)

        for file_name in files:
            add(file_name)
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))

    def call(self, path, request, reply):
        method = self.channel.unary_unary(path, request_serializer=lambda m: m.SerializeToString(), response_deserializer=self.message(reply).FromString)
        return method(request, timeout=30)

    def ask(self, path, body, method="POST", headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, dict(headers), method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read(), answer.headers


def as_bytes(rows):
    return [row if isinstance(row, bytes) else row.encode() for row in rows]


def is_text(rows):
    return isinstance(rows[0], (bytes, str))


def in_json(rows):
    return [base64.b64encode(row).decode() if isinstance(row, bytes) else row for row in rows]


def shape_of(rows):
    return [len(rows)] if is_text(rows) else [len(rows), len(rows[0])]


def array(values, shape, kind):
    if kind is object:
        values = [value.decode() if isinstance(value, bytes) else value for value in values]
    return np.array(values, kind).reshape(shape)


def oip_json(wires, model, name, rows):
    data = in_json(rows) if is_text(rows) else rows
    tensor = {"name": name, "shape": shape_of(rows), "datatype": "BYTES" if is_text(rows) else "FP32", "data": data}
    said = json.loads(wires.ask("/v2/models/%s/infer" % model, {"inputs": [tensor]})[0])
    return {out["name"]: array(out["data"], out["shape"], NAMES[out["datatype"]]) for out in said["outputs"]}


def raw(rows):
    if is_text(rows):
        return b"".join(struct.pack("<I", len(row)) + row for row in as_bytes(rows))
    return np.array(rows, np.float32).tobytes()


def unraw(data, shape, datatype):
    if datatype != "BYTES":
        return np.frombuffer(data, NAMES[datatype]).reshape(shape)
    found, at = [], 0
    while at < len(data):
        size = struct.unpack_from("<I", data, at)[0]
        found.append(data[at + 4:at + 4 + size].decode())
        at += 4 + size
    return np.array(found, object).reshape(shape)


def oip_binary(wires, model, name, rows):
    body = raw(rows)
    tensor = {"name": name, "shape": shape_of(rows), "datatype": "BYTES" if is_text(rows) else "FP32", "parameters": {"binary_data_size": len(body)}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    said, headers = wires.ask("/v2/models/%s/infer" % model, head + body, headers=[("Inference-Header-Content-Length", str(len(head)))])
    at = int(headers["Inference-Header-Content-Length"])
    found = {}
    for out in json.loads(said[:at])["outputs"]:
        size = out["parameters"]["binary_data_size"]
        found[out["name"]] = unraw(said[at:at + size], out["shape"], out["datatype"])
        at += size
    return found


def oip_grpc(wires, model, name, rows, packed=False):
    request = wires.message("inference.ModelInferRequest")(model_name=model)
    tensor = request.inputs.add(name=name, datatype="BYTES" if is_text(rows) else "FP32", shape=shape_of(rows))
    if packed:
        request.raw_input_contents.append(raw(rows))
    elif is_text(rows):
        tensor.contents.bytes_contents.extend(as_bytes(rows))
    else:
        tensor.contents.fp32_contents.extend(np.ravel(rows).tolist())
    answer = wires.call("/inference.GRPCInferenceService/ModelInfer", request, "inference.ModelInferResponse")
    if packed:
        return {out.name: unraw(data, list(out.shape), out.datatype) for out, data in zip(answer.outputs, answer.raw_output_contents)}
    lists = {"BYTES": "bytes_contents", "FP32": "fp32_contents", "INT64": "int64_contents"}
    return {out.name: array(list(getattr(out.contents, lists[out.datatype])), list(out.shape), NAMES[out.datatype]) for out in answer.outputs}


def oip_grpc_raw(wires, model, name, rows):
    return oip_grpc(wires, model, name, rows, True)


def fill(tensor, rows, sizes):
    """A TensorProto of TensorFlow or a Tensor of Hydrosphere."""
    tensor.dtype = 7 if is_text(rows) else 1
    (tensor.string_val if is_text(rows) else tensor.float_val).extend(as_bytes(rows) if is_text(rows) else np.ravel(rows).tolist())
    sizes(tensor.tensor_shape, shape_of(rows))


def lists_of(outputs, sizes):
    lists = {7: ("string_val", object), 1: ("float_val", np.float32), 9: ("int64_val", np.int64)}
    return {name: array(list(getattr(out, lists[out.dtype][0])), sizes(out.tensor_shape), lists[out.dtype][1]) for name, out in outputs.items()}


def tensorflow_grpc(wires, model, name, rows):
    request = wires.message("tensorflow.serving.PredictRequest")()
    request.model_spec.name = model
    fill(request.inputs[name], rows, lambda shape, dims: [setattr(shape.dim.add(), "size", d) for d in dims])
    answer = wires.call("/tensorflow.serving.PredictionService/Predict", request, "tensorflow.serving.PredictResponse")
    return lists_of(answer.outputs, lambda shape: [d.size for d in shape.dim])


def hydrosphere_grpc(wires, model, name, rows):
    request = wires.message("hydrosphere.serving.gateway.GatewayPredictRequest")(name=model)
    fill(request.data[name], rows, lambda shape, dims: shape.dims.extend(dims))
    answer = wires.call("/hydrosphere.serving.gateway.GatewayService/PredictServable", request, "hydrosphere.serving.runtime.PredictResponse")
    return lists_of(answer.outputs, lambda shape: list(shape.dims))


def kinds(values):
    found = np.array(values, object).ravel()
    return object if isinstance(found[0], str) else np.float32 if isinstance(found[0], float) else np.int64


def hydrosphere_rest(wires, model, name, rows):
    said = json.loads(wires.ask("/gateway/servable/" + model, {name: in_json(rows) if is_text(rows) else rows})[0])
    return {key: np.array(value, kinds(value)) for key, value in said.items()}


def omegaml(wires, model, name, rows, records=False):
    values = in_json(rows) if is_text(rows) else rows
    body = {"columns": [name], "data": [{name: value} for value in values] if records else {name: values}}
    said = json.loads(wires.ask("/api/v1/model/%s/predict" % model, body, "PUT")[0])
    result, shape = said["result"], said["shape"]
    if not isinstance(result, dict):
        [only] = WANTED_OF[model]
        result, shape = {only: result}, {only: shape}
    return {key: np.array(value, kinds(value)).reshape(shape[key]) for key, value in result.items()}


def omegaml_records(wires, model, name, rows):
    return omegaml(wires, model, name, rows, True)


def client(wires, model, name, rows):
    """What a caller has in hand: bytes, str, lists."""
    said = wires.om.runtime.model(model).predict({name: rows if is_text(rows) else np.array(rows, np.float32)})
    if isinstance(said, dict):
        return {key: np.asarray(value) for key, value in said.items()}
    [only] = WANTED_OF[model]
    return {only: np.asarray(said)}


WANTED_OF = {"numbers": ["ids"], "rows": ["most"]}
WIRES = [oip_json, oip_binary, oip_grpc, oip_grpc_raw, tensorflow_grpc, hydrosphere_grpc, hydrosphere_rest, omegaml, omegaml_records, client]


# --- comparing ---

def check(got, want):
    assert set(got) == set(want), "outputs %s, not %s" % (sorted(got), sorted(want))
    for name, array in want.items():
        have = got[name]
        assert have.shape == array.shape, "%s has shape %s, not %s" % (name, have.shape, array.shape)
        if array.dtype == object:
            assert [str(v) for v in have.ravel()] == list(array.ravel()), "%s is %s, not %s" % (name, have.tolist(), array.tolist())
        else:
            np.testing.assert_allclose(have.astype(np.float64), array.astype(np.float64), rtol=2e-5, atol=1e-6)


def refusal(wire, wires, model, name, rows):
    """Status and words of an error."""
    try:
        said = wire(wires, model, name, rows)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except grpc.RpcError as error:
        return {grpc.StatusCode.INVALID_ARGUMENT: 400}.get(error.code(), str(error.code())), error.details()
    except firn.FirnError as error:
        return {"InvalidInput": 400}.get(type(error).__name__, type(error).__name__), str(error)
    raise AssertionError("answered %s" % said)


def check_refused(said, words):
    assert said[0] == 400 and words in said[1], said


REFUSED = [("trees", "image", [b"no picture at all"], "bytes that are no image", WIRES),
           ("trees", "image", [pictures()[0][:60]], "image 0: PNG image: it ends too early", WIRES),
           ("trees", "image", pictures()[:1] + [b""], "image 1", WIRES),
           ("trees", "picture", ["AAAA"], "picture", [w for w in WIRES if "omegaml" not in w.__name__])]  # one column is the one input


def main():
    passed = failed = 0

    def run(name, function):
        nonlocal passed, failed
        try:
            function()
            passed += 1
        except Exception as error:  # a check that fails must not hide the others
            failed += 1
            print("FAILED %s: %s: %s" % (name, type(error).__name__, str(error)[:400]))

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        weights = make_store(place)
        wires = Wires(place / "store")
        try:
            for model, name, rows, want in cases(weights):
                for wire in WIRES:
                    run("%s of %d over %s" % (model, len(rows), wire.__name__), lambda: check(wire(wires, model, name, rows), want))
            for model, name, rows, words, all_wires in REFUSED:
                for wire in all_wires:
                    run("%s: refused over %s" % (words, wire.__name__), lambda: check_refused(refusal(wire, wires, model, name, rows), words))
        finally:
            wires.om.close()
            ended = wires.close()
        run("the server ends", lambda: check({}, {}) if ended == 0 else 1 / 0)
    print("filters-wires: %d passed, %d failed" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
