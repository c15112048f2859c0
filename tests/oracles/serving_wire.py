"""TensorFlow Serving's clients: the stubs of tensorflow-serving-api, and its REST API with requests as its pages and tests have them, on models
that TensorFlow saves here: half_plus_two as TensorFlow 1 and 2 write it, an Estimator's export with serialized examples, every dtype that JSON
has. What TensorFlow itself computes, or its pages print, must come back. (Its server is no package of PyPI; nothing of it runs here.)"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

sys.path.append(sys.path.pop(0))  # tensorflow.py of this folder is not that package
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

import grpc
import numpy as np

from common import FIRN
from published import package

import tensorflow as tf  # behind ours: it changes sys.path

v1 = tf.compat.v1
SERVING_API = "tensorflow-serving-api==2.21.0"
SPECIFICATION = {"x": tf.io.FixedLenFeature([1], tf.float32), "x2": tf.io.FixedLenFeature([1], tf.float32, default_value=[0.0])}
# dtypes of REST, and values that must come back exactly
VALUES = {
    "float32": [0.1, -1e30, 3.4028234663852886e38, 1e-45], "float64": [0.1, -1e300, 5e-324, 123456789.123456789], "int8": [-128, 127, 0, 1],
    "int16": [-32768, 32767, 0, 1], "int32": [-(2**31), 2**31 - 1, 0, 1], "int64": [-(2**63), 2**63 - 1, 0, 2**53 + 1], "uint8": [0, 255, 1, 2],
    "uint16": [0, 65535, 1, 2], "uint32": [0, 2**32 - 1, 1, 2], "uint64": [0, 2**64 - 1, 2**53 + 1, 2], "bool": [True, False, False, True],
    "string": ["", "grün", "a\"b\\", "\x00\n"],
}


# --- models ---


def half_plus_two_1(folder):
    """y = x / 2 + 2, y2 = x / 2 + 3 from examples, y3 = x2 / 2 + 3; the default takes x."""
    with tf.Graph().as_default(), v1.Session() as session:
        serialized = v1.placeholder(tf.string, [None], "tf_example")
        read = v1.parse_example(serialized, SPECIFICATION)
        a, b, c = (v1.get_variable(n, initializer=v, use_resource=False) for n, v in (("a", 0.5), ("b", 2.0), ("c", 3.0)))
        x, x2 = tf.identity(read["x"], "x"), tf.identity(read["x2"], "x2")
        y, y2, y3 = tf.identity(a * x + b, "y"), tf.identity(a * x + c, "y2"), tf.identity(a * x2 + c, "y3")
        session.run(v1.global_variables_initializer())
        info = v1.saved_model.build_tensor_info

        def signature(inputs, outputs, method):
            return v1.saved_model.build_signature_def({k: info(v) for k, v in inputs.items()}, {k: info(v) for k, v in outputs.items()}, "tensorflow/serving/" + method)

        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, ["serve"], {
            "serving_default": signature({"x": x}, {"y": y}, "predict"),
            "regress_x_to_y": signature({"inputs": serialized}, {"outputs": y}, "regress"),
            "regress_x_to_y2": signature({"inputs": serialized}, {"outputs": y2}, "regress"),
            "regress_x2_to_y3": signature({"inputs": x2}, {"outputs": y3}, "regress"),
            "classify_x_to_y": signature({"inputs": serialized}, {"scores": y}, "classify"),
        })
        builder.save()


class HalfPlusTwo(tf.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = tf.Variable(0.5), tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def predict(self, x):
        return {"y": self.a * x + self.b}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def regress(self, inputs):
        return {"outputs": self.a * tf.io.parse_example(inputs, SPECIFICATION)["x"] + self.b}


class Every(tf.Module):
    """Of each dtype of JSON one input and, as it came, one output."""

    @tf.function(input_signature=[tf.TensorSpec([None, 2], getattr(tf, n), n) for n in VALUES])
    def __call__(self, *values):
        return {"y_" + n: tf.identity(v) for n, v in zip(VALUES, values)}


class Shapes(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "tag"), tf.TensorSpec([None, 5], tf.int32, "signal"), tf.TensorSpec([None, 2, 2], tf.float32, "sensor")])
    def __call__(self, tag, signal, sensor):
        return {"sums": tf.reduce_sum(signal, 1), "twice": sensor * 2, "tag_bytes": tf.strings.join([tag, "\xff"]), "tag": tag}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def mean(self, x):
        return {"mean": tf.reduce_mean(x)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def logarithm(self, x):
        return {"y": tf.math.log(x)}


def save(module, folder, **signatures):
    tf.saved_model.save(module, str(folder), signatures={n: f.get_concrete_function() for n, f in signatures.items()})


def estimator(folder):
    if str(Path(__file__).parent) not in sys.path:
        sys.path.append(str(Path(__file__).parent))
    from tensorflow_cases.exports import estimators

    return next(case for case in estimators() if case.name == "estimator.v2").write(folder)


# --- server ---


def firn(*arguments):
    subprocess.run([str(FIRN), *map(str, arguments)], check=True, capture_output=True, timeout=120)


class Server:
    def __init__(self, store):
        self.process = subprocess.Popen([str(FIRN), "serve", "--store", str(store), "--http", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("ready"):
                self.address = line.split()[1].removeprefix("http://")
                break

    def rest(self, path, body=None):
        """(status, JSON). Python's json reads and writes NaN and Infinity as TensorFlow Serving does."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.address}/v1/models{path}", data)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            assert error.headers["Content-Type"] == "application/json", error.headers
            return error.code, json.loads(error.read())

    def close(self):
        self.process.terminate()
        return self.process.wait(30)


# --- checks ---

HALF = [  # path, body, status, answer or a part of the error; as TensorFlow Serving's pages and tests have them
    ("/half:predict", {"instances": [1.0, 2.0, 5.0]}, 200, {"predictions": [2.5, 3.0, 4.5]}),
    ("/half:predict", {"instances": [[1.0], [2.0]]}, 200, {"predictions": [[2.5], [3.0]]}),
    ("/half:predict", {"instances": [1, 2]}, 200, {"predictions": [2.5, 3.0]}),
    ("/half/versions/1:predict", {"instances": [1.0, 2.0]}, 200, {"predictions": [2.5, 3.0]}),
    ("/half/labels/stable:predict", {"instances": [1.0, 2.0]}, 200, {"predictions": [2.5, 3.0]}),
    ("/half:predict", {"signature_name": "serving_default", "instances": [3.0, 4.0]}, 200, {"predictions": [3.5, 4.0]}),
    ("/half:predict", {"signature_name": "serving_default", "inputs": [3.0, 4.0]}, 200, {"outputs": [3.5, 4.0]}),
    ("/half:predict", {"instances": [{"x": 3.0}, {"x": 4.0}]}, 200, {"predictions": [3.5, 4.0]}),
    ("/half:predict", {"inputs": {"x": [3.0, 4.0]}}, 200, {"outputs": [3.5, 4.0]}),
    ("/half:regress", {"signature_name": "regress_x_to_y", "examples": [{"x": 80.0}]}, 200, {"results": [42.0]}),
    ("/half/versions/1:regress", {"signature_name": "regress_x_to_y", "examples": [{"x": 80.0}, {"x": 1.0}]}, 200, {"results": [42.0, 2.5]}),
    ("/half:regress", {"signature_name": "regress_x_to_y2", "context": {"x": 4.0}, "examples": [{"x2": 1.0}]}, 200, {"results": [5.0]}),
    ("/half:classify", {"signature_name": "classify_x_to_y", "examples": [{"x": 20.0}]}, 200, {"results": [[["", 12.0]]]}),
    ("/half/labels/stable:classify", {"signature_name": "classify_x_to_y", "examples": [{"x": 10.0}]}, 200, {"results": [[["", 7.0]]]}),
    ("/half", None, 200, {"model_version_status": [{"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}]}),
    ("/half/versions/1", None, 200, {"model_version_status": [{"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}]}),
    ("/nobody:predict", {"instances": [1.0, 5.0]}, 404, "Servable not found for request: Latest(nobody)"),
    ("/half/versions/9:predict", {"instances": [1.0]}, 404, "Servable not found for request: Specific(half, 9)"),
    ("/half/labels/none:predict", {"instances": [1.0]}, 400, "Unrecognized servable version label: none"),
    ("/half:predict", {"instances": ["x", "y"]}, 400, "not float"),
    ("/half:predict", {"signature_name": 100}, 400, "'signature_name' key must be a string value"),
    ("/half:predict", {"signature_name": "none", "instances": [1.0]}, 400, "not found in signature def"),
    ("/half:predict", {}, 400, "Missing 'inputs' or 'instances' key"),
    ("/half:predict", {"instances": [1.0], "inputs": [1.0]}, 400, "Not formatted correctly"),
    ("/half:predict", {"instances": []}, 400, "No values in 'instances' array"),
    ("/half:predict", {"instances": [[1], [1, 2]]}, 400, "ragged"),
    ("/half:regress", {"signature_name": "regress_x_to_y", "examples": [{"x": 1}]}, 400, "integers"),
    ("/half:regress", {"signature_name": "regress_x_to_y", "examples": []}, 400, "empty array"),
    ("/half:regress", {"signature_name": "regress_x_to_y", "examples": [{"x": [1.0, "a"]}]}, 400, "Unexpected element type in feature"),
    ("/half:unknown", {"instances": [1.0]}, 400, "Malformed request: POST /v1/models/half:unknown"),
    ("/half", {"instances": [1.0]}, 400, "Malformed request: POST"),
    ("", None, 400, "Missing model name in request."),
    ("/nobody", None, 404, "nobody"),
]


def half(server):
    for path, body, status, want in HALF:
        got = server.rest(path, body)
        right = got == (status, want) if status == 200 else got[0] == status and want in got[1]["error"]
        assert right, (path, body, got)
    for body in ({"instances": [1.0, 2.0]}, {"signature_name": "regress", "examples": [{"x": 1.0}, {"x": 2.0}]}):
        status, answer = server.rest("/half2:regress" if "examples" in body else "/half2:predict", body)
        assert status == 200 and list(answer.values()) == [[2.5, 3.0]], answer


def metadata(server):
    """What GetModelMetadata says, as protobuf's JSON has it, but for the names of tensors."""
    status, answer = server.rest("/half/metadata")
    assert status == 200 and answer["model_spec"] == {"name": "half", "signature_name": "", "version": "1"}, answer
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert {n: s["method_name"].rpartition("/")[2] for n, s in signatures.items()} == {
        "serving_default": "predict", "regress_x_to_y": "regress", "regress_x_to_y2": "regress", "regress_x2_to_y3": "regress", "classify_x_to_y": "classify"}
    assert signatures["regress_x2_to_y3"]["inputs"]["inputs"] == {
        "dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1", "name": ""}, {"size": "1", "name": ""}], "unknown_rank": False}, "name": "inputs"}


def every_dtype(server):
    """Rows and columns of all dtypes; answers are what was sent, to the last bit."""
    rows = [{n: v[:2] for n, v in VALUES.items()}, {n: v[2:] for n, v in VALUES.items()}]
    status, answer = server.rest("/every:predict", {"instances": rows})
    assert status == 200, answer
    for row, got in zip(rows, answer["predictions"], strict=True):
        for name, sent in row.items():
            check_exact(name, sent, got["y_" + name])
    columns = {n: [v[:2], v[2:]] for n, v in VALUES.items()}
    status, answer = server.rest("/every:predict", {"inputs": columns})
    assert status == 200, answer
    for name, sent in columns.items():
        check_exact(name, sum(sent, []), sum(answer["outputs"]["y_" + name], []))
    for name, bad in (("int8", 128), ("int32", 2**31), ("int64", 2**63), ("uint64", -1), ("uint8", 1.5), ("float32", 1e39), ("bool", 1), ("string", 1), ("int32", "1"), ("float32", None)):
        rows[1][name] = [bad, rows[0][name][0]]
        status, answer = server.rest("/every:predict", {"instances": rows})
        assert status == 400 and f"key: {name}" in answer["error"], (name, status, answer)
        rows[1][name] = VALUES[name][2:]


def check_exact(name, sent, got):
    if name.startswith("float"):
        sent, got = np.array(sent, name), np.array(got, name)
        assert sent.tobytes() == got.tobytes(), (name, sent, got)
    else:
        assert sent == got and [type(g) for g in got] == [type(s) for s in sent], (name, sent, got)


def several_inputs(server):
    """The pages' example of three named inputs, in rows and in columns."""
    rows = [{"tag": "foo", "signal": [1, 2, 3, 4, 5], "sensor": [[1, 2], [3, 4]]}, {"tag": "bar", "signal": [3, 4, 1, 2, 5], "sensor": [[4, 5], [6, 8]]}]
    status, answer = server.rest("/shapes:predict", {"instances": rows})
    code = [base64.b64encode(("%s\xff" % t).encode()).decode() for t in ("foo", "bar")]
    assert (status, answer) == (200, {"predictions": [
        {"sums": 15, "twice": [[2.0, 4.0], [6.0, 8.0]], "tag": "foo", "tag_bytes": {"b64": code[0]}},
        {"sums": 15, "twice": [[8.0, 10.0], [12.0, 16.0]], "tag": "bar", "tag_bytes": {"b64": code[1]}}]}), answer
    columns = {n: [r[n] for r in rows] for n in rows[0]}
    status, answer = server.rest("/shapes:predict", {"inputs": columns})
    assert status == 200 and answer["outputs"]["sums"] == [15, 15] and answer["outputs"]["tag_bytes"] == [{"b64": c} for c in code], answer
    rows[1]["sensor"] = [[4, 5], [6]]
    assert server.rest("/shapes:predict", {"instances": rows})[0] == 400
    del rows[1]["sensor"]
    assert server.rest("/shapes:predict", {"instances": rows})[0] == 400
    assert server.rest("/shapes:predict", {"instances": [1, 2]})[0] == 400
    # an output without rows is for columns alone
    assert server.rest("/shapes:predict", {"signature_name": "mean", "inputs": [1.0, 2.0]}) == (200, {"outputs": 1.5})
    assert "no shape information" in server.rest("/shapes:predict", {"signature_name": "mean", "instances": [1.0, 2.0]})[1]["error"]
    status, answer = server.rest("/shapes:predict", b'{"signature_name": "logarithm", "instances": [0, -1.0, Infinity, 1]}')
    got = answer["predictions"]
    assert status == 200 and got[0] == -np.inf and np.isnan(got[1]) and got[2] == np.inf and got[3] == 0.0, got


def estimator_export(server, case):
    """Serialized examples and examples of JSON, against what TensorFlow computed of them."""
    wants = {signature: (inputs, outputs) for _, signature, inputs, outputs in case}
    inputs, outputs = wants["serving_default"]
    messages = [tf.train.Example.FromString(m) for m in inputs["inputs"]]
    status, answer = server.rest("/estimator:classify", {"examples": [example_json(m) for m in messages]})
    assert status == 200, answer
    for got, classes, scores in zip(answer["results"], outputs["classes"], outputs["scores"], strict=True):
        assert [g[0] for g in got] == [c.decode() for c in classes] and np.allclose([g[1] for g in got], scores, rtol=1e-5), got
    inputs, outputs = wants["regression"]
    status, answer = server.rest("/estimator:regress", {"signature_name": "regression", "examples": [example_json(tf.train.Example.FromString(m)) for m in inputs["inputs"]]})
    assert status == 200 and np.allclose(answer["results"], outputs["outputs"], rtol=1e-5), answer
    inputs, outputs = wants["predict"]
    status, answer = server.rest("/estimator:predict", {"signature_name": "predict", "instances": [{"b64": base64.b64encode(m).decode()} for m in inputs["examples"]]})
    assert status == 200, answer
    for i, row in enumerate(answer["predictions"]):
        assert np.allclose(row["logits"], outputs["logits"][i], rtol=1e-5) and row["class_ids"] == outputs["class_ids"][i].tolist()
        assert row["tags"] == [t.decode() for t in outputs["tags"][i]], row


def example_json(message):
    def values(feature):
        kind = feature.WhichOneof("kind")
        if kind == "bytes_list":
            return [{"b64": base64.b64encode(v).decode()} for v in feature.bytes_list.value]
        return list(getattr(feature, kind).value) if kind else []

    return {name: values(feature) for name, feature in message.features.feature.items()}


def stubs(server, case):
    """The same over gRPC, with tensorflow-serving-api."""
    from tensorflow_serving.apis import (classification_pb2, get_model_metadata_pb2, get_model_status_pb2, inference_pb2, model_service_pb2_grpc, predict_pb2,
                                         prediction_service_pb2_grpc, regression_pb2)

    channel = grpc.insecure_channel(server.address)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    wants = {signature: (inputs, outputs) for _, signature, inputs, outputs in case}
    inputs, outputs = wants["serving_default"]
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "estimator"
    request.input.example_list.examples.extend(tf.train.Example.FromString(m) for m in inputs["inputs"])
    answer = stub.Classify(request)
    for got, classes, scores in zip(answer.result.classifications, outputs["classes"], outputs["scores"], strict=True):
        assert [c.label for c in got.classes] == [c.decode() for c in classes] and np.allclose([c.score for c in got.classes], scores, rtol=1e-5)
    both = inference_pb2.MultiInferenceRequest(input=request.input)
    for method, signature in (("classify", "serving_default"), ("regress", "regression")):
        task = both.tasks.add(method_name="tensorflow/serving/" + method)
        task.model_spec.name, task.model_spec.signature_name = "estimator", signature
    results = stub.MultiInference(both).results
    assert results[0].classification_result == answer.result and len(results[1].regression_result.regressions) == len(inputs["inputs"])
    inputs, outputs = wants["regression"]
    request = regression_pb2.RegressionRequest()
    request.model_spec.name, request.model_spec.signature_name, request.model_spec.version_label = "estimator", "regression", "stable"
    request.input.example_list.examples.extend(tf.train.Example.FromString(m) for m in inputs["inputs"])
    assert np.allclose([r.value for r in stub.Regress(request).result.regressions], outputs["outputs"], rtol=1e-5)
    inputs, outputs = wants["predict"]
    request = predict_pb2.PredictRequest(output_filter=["logits"])
    request.model_spec.name, request.model_spec.signature_name = "estimator", "predict"
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto(inputs["examples"]))
    answer = stub.Predict(request).outputs
    assert list(answer) == ["logits"] and np.allclose(tf.make_ndarray(answer["logits"]), outputs["logits"], rtol=1e-5)
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "estimator"
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert stub.GetModelMetadata(request).metadata["signature_def"].Unpack(signatures)
    assert signatures.signature_def["serving_default"].method_name == "tensorflow/serving/classify"
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name, request.model_spec.version.value = "estimator", 1
    [state] = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request).model_version_status
    assert state.version == 1 and state.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
    labels(server, channel)
    channel.close()


def labels(server, channel):
    """HandleReloadConfigRequest moves labels; what it cannot do it refuses, and then nothing is changed."""
    from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

    reload = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest
    canary = "/half/labels/canary:predict", {"instances": [1.0]}
    assert server.rest(*canary)[0] == 400

    def asked(**configs):
        request = model_management_pb2.ReloadConfigRequest()
        for name, (version, specific) in configs.items():
            config = request.config.model_config_list.config.add(name=name, base_path="/models/" + name, model_platform="tensorflow")
            config.version_labels["canary"] = version
            if specific:
                config.model_version_policy.specific.versions.extend(specific)
        return request

    for request, code in ((asked(half=(1, []), nobody=(1, [])), "NOT_FOUND"), (asked(half=(7, [])), "NOT_FOUND"), (asked(half=(1, [7])), "NOT_FOUND"),
                          (asked(), "INVALID_ARGUMENT")):
        try:
            reload(request)
            raise AssertionError("was not refused")
        except grpc.RpcError as error:
            assert error.code().name == code, (error.code(), error.details())
    assert server.rest(*canary)[0] == 400
    assert reload(asked(half=(1, [1]))).status.error_code == 0
    assert server.rest(*canary) == (200, {"predictions": [2.5]})


def main():
    passed = failed = 0
    published = package(SERVING_API)
    if published:
        sys.path.append(str(published))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        half_plus_two_1(folder / "half")
        two = HalfPlusTwo()
        save(two, folder / "half2", serving_default=two.predict, regress=two.regress)
        every, shapes = Every(), Shapes()
        save(every, folder / "every", serving_default=every.__call__)
        save(shapes, folder / "shapes", serving_default=shapes.__call__, mean=shapes.mean, logarithm=shapes.logarithm)
        (folder / "case").mkdir()
        case = estimator(folder / "case")
        for model in ("half", "half2", "every", "shapes"):
            firn("upload", folder / model, "--name", model, "--alias", "stable", "--store", folder / "store")
        firn("upload", case[0][0], "--name", "estimator", "--alias", "stable", "--store", folder / "store")
        server = Server(folder / "store")
        checks = [(half, ()), (metadata, ()), (every_dtype, ()), (several_inputs, ()), (estimator_export, (case,))]
        if published:
            checks.append((stubs, (case,)))
        else:
            print(f"SKIPPED {SERVING_API} cannot be downloaded")
        for check, arguments in checks:
            try:
                check(server, *arguments)
                passed += 1
            except Exception as error:  # a check that fails must not hide the others
                failed += 1
                print(f"FAILED {check.__name__}: {type(error).__name__}: {error}")
        if server.close():
            failed += 1
            print("FAILED the server did not end well")
    print(f"TensorFlow Serving: {passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
