"""The services of gRPC with clients that others published: Hydrosphere's protos of generations 1, 2 and 3,
tensorflow-serving-api, tritonclient."""

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.append(sys.path.pop(0))  # onnx.py and tensorflow.py of this folder are not those packages

import grpc
import joblib
import numpy as np
import onnx
from onnx import TensorProto, helper
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from common import FIRN
from published import Protos, package

NUMPY = {TensorProto.FLOAT: np.float32, TensorProto.DOUBLE: np.float64, TensorProto.INT32: np.int32, TensorProto.INT64: np.int64,
         TensorProto.INT16: np.int16, TensorProto.INT8: np.int8, TensorProto.UINT8: np.uint8, TensorProto.UINT16: np.uint16,
         TensorProto.UINT32: np.uint32, TensorProto.UINT64: np.uint64, TensorProto.BOOL: np.bool_, TensorProto.FLOAT16: np.float16,
         TensorProto.STRING: np.object_}
NAMES = {onnx_type: TensorProto.DataType.Name(onnx_type).lower() for onnx_type in NUMPY}
# field of TensorProto and of Tensor that holds a dtype; DataType
LISTS = {"float": ("float_val", 1), "double": ("double_val", 2), "int32": ("int_val", 3), "uint8": ("int_val", 4), "int16": ("int_val", 5),
         "int8": ("int_val", 6), "string": ("string_val", 7), "int64": ("int64_val", 9), "bool": ("bool_val", 10), "uint16": ("int_val", 17),
         "float16": ("half_val", 19), "uint32": ("uint32_val", 22), "uint64": ("uint64_val", 23)}
APPLICATION = """kind: Application
name: pair
pipeline:
  - modelservices: [{model: "twice:1", weight: 100}]
"""


def save(path, inputs, outputs, nodes):
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info(*i) for i in inputs], [helper.make_tensor_value_info(*o) for o in outputs])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def make_store(folder):
    """all: the identity of every dtype; twice: y = 2 x; iris: a classifier; pair: an application."""
    save(folder / "all.onnx", [(NAMES[t], t, ["n", 2]) for t in NUMPY], [("y_" + NAMES[t], t, ["n", 2]) for t in NUMPY],
         [helper.make_node("Identity", [NAMES[t]], ["y_" + NAMES[t]]) for t in NUMPY])
    save(folder / "twice.onnx", [("x", TensorProto.FLOAT, ["n"])], [("y", TensorProto.FLOAT, ["n"])], [helper.make_node("Add", ["x", "x"], ["y"])])
    x, y = load_iris(return_X_y=True)
    joblib.dump(LogisticRegression(max_iter=500).fit(x, y), folder / "iris.joblib")
    (folder / "pair.yaml").write_text(APPLICATION)
    for name in ("all.onnx", "twice.onnx", "iris.joblib"):
        firn("upload", folder / name, "--store", folder / "store")
    firn("apply", "-f", folder / "pair.yaml", "--store", folder / "store")


def firn(*arguments):
    subprocess.run([str(FIRN), *map(str, arguments)], check=True, capture_output=True, timeout=120)


class Server:
    def __init__(self, store):
        self.process = subprocess.Popen([str(FIRN), "serve", "--store", str(store), "--http", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("ready"):
                self.address = line.split()[1].removeprefix("http://")
                break

    def close(self):
        self.process.terminate()
        return self.process.wait(30)


def values(name, generator):
    """Two rows of a dtype, with its extremes."""
    dtype = {v: k for k, v in NAMES.items()}[name]
    kind = np.dtype(NUMPY[dtype])
    if name == "string":
        return np.array([[b"", "grün".encode()], [b"\x00\xff", b"a"]], object)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        return np.array([[limits.min, limits.max], [0, 1]], kind)
    if kind.kind == "b":
        return np.array([[True, False], [False, True]])
    return np.array([[np.inf, -0.0], [np.nan, 1.5]], kind) if generator else np.array([[1, 2], [3, 4]], kind)


def put(tensor, name, array):
    """Values into a TensorProto or Tensor, as the generations' clients do; the shape is the caller's."""
    field, tensor.dtype = LISTS[name]
    flat = array.ravel()
    if name == "float16":
        flat = flat.view(np.uint16).astype(np.int32)
    getattr(tensor, field).extend(flat.tolist())


def get(tensor, name):
    field, code = LISTS[name]
    assert tensor.dtype == code, (name, tensor.dtype)
    dims = [d.size for d in tensor.tensor_shape.dim] if hasattr(tensor.tensor_shape, "dim") else list(tensor.tensor_shape.dims)
    flat = list(getattr(tensor, field))
    dtype = NUMPY[{v: k for k, v in NAMES.items()}[name]]
    if name == "float16":
        return np.array(flat, np.uint16).view(np.float16).reshape(dims)
    return np.array(flat, dtype).reshape(dims)


def same(got, want):
    return got.shape == want.shape and got.dtype == want.dtype and (
        list(got.ravel()) == list(want.ravel()) if want.dtype == object else got.tobytes() == want.tobytes())


def refused(call, code, part=""):
    try:
        answer = call()
        if hasattr(answer, "__next__"):
            list(answer)
    except grpc.RpcError as error:
        assert error.code() == code, (error.code(), error.details())
        assert part in error.details(), error.details()
        return
    raise AssertionError("was not refused")


class Checks:
    passed = failed = 0

    def run(self, name, function, *arguments):
        try:
            function(*arguments)
            Checks.passed += 1
        except Exception as error:  # a check that fails must not hide the others
            Checks.failed += 1
            print(f"FAILED {name}: {type(error).__name__}: {error}")


# --- Hydrosphere ---

SHAPES = {1: lambda shape, dims: [setattr(shape.dim.add(), "size", d) for d in dims], 2: lambda shape, dims: [setattr(shape.dim.add(), "size", d) for d in dims],
          3: lambda shape, dims: shape.dims.extend(dims)}


def fill_all(inputs, generation, dims):
    sent = {name: values(name, True) for name in LISTS}
    for name, array in sent.items():
        put(inputs[name], name, array)
        SHAPES[generation](inputs[name].tensor_shape, dims)
    return sent


def check_all(outputs, sent):
    for name, array in sent.items():
        assert same(get(outputs["y_" + name], name), array), name


def tensorflow_generation(protos, channel, generation):
    """PredictionService of generations 1 and 2: flat values, -1 in the request's own shape."""
    predict = protos.call(channel, "tensorflow.serving.PredictionService", "Predict")
    request = protos["hydrosphere.tensorflow.serving.PredictRequest"]()
    request.model_spec.name, request.model_spec.signature_name = "all", "predict"
    sent = fill_all(request.inputs, generation, [-1, 2])
    check_all(predict(request).outputs, sent)
    one = protos["hydrosphere.tensorflow.serving.PredictRequest"]()
    one.model_spec.name = "pair"
    put(one.inputs["x"], "float", np.array([1, 2, 3], np.float32))
    one.inputs["x"].tensor_shape.dim.add().size = 3
    assert list(predict(one).outputs["y"].float_val) == [2, 4, 6]
    one.inputs["x"].tensor_shape.dim[0].size = 4
    refused(lambda: predict(one), grpc.StatusCode.INVALID_ARGUMENT, "3 elements, its shape asks for 4")
    one.inputs["x"].tensor_shape.dim[0].size = 3
    one.inputs["x"].ClearField("float_val")
    put(one.inputs["x"], "double", np.array([1, 2, 3], np.float64))
    refused(lambda: predict(one), grpc.StatusCode.INVALID_ARGUMENT, "input 'x' is of float, not double")
    one.model_spec.name = "nobody"
    refused(lambda: predict(one), grpc.StatusCode.NOT_FOUND, "nobody")
    one.model_spec.name, one.model_spec.signature_name = "twice", "other"
    refused(lambda: predict(one), grpc.StatusCode.NOT_FOUND, "other")
    if generation == 2:
        empty = protos["google.protobuf.Empty"]()
        assert protos.call(channel, "tensorflow.serving.PredictionService", "Status")(empty).status == 1


def gateway(protos, channel, generation):
    message, field = {2: ("ServablePredictRequest", "servable_name"), 3: ("GatewayPredictRequest", "name")}[generation]
    make = protos["hydrosphere.serving.gateway." + message]
    methods = ["PredictServable", "ShadowlessPredictServable"] + (["PredictApplication"] if generation == 3 else [])
    for method in methods:
        call = protos.call(channel, "hydrosphere.serving.gateway.GatewayService", method)
        for name in ["all"] if method == "PredictApplication" else ["all", "all:1", "all-1"]:
            request = make(**{field: name})
            sent = fill_all(request.data, generation, [2, -1])
            check_all(call(request).outputs, sent)
        request = make(**{field: "nobody"})
        refused(lambda call=call, request=request: call(request), grpc.StatusCode.NOT_FOUND, "nobody")
    call = protos.call(channel, "hydrosphere.serving.gateway.GatewayService", "PredictServable")
    refused(lambda: call(make(**{field: "twice"})), grpc.StatusCode.INVALID_ARGUMENT, "missing input")
    if generation == 3:
        application = protos.call(channel, "hydrosphere.serving.gateway.GatewayService", "PredictApplication")
        request = make(name="pair")
        put(request.data["x"], "float", np.array([4], np.float32))
        request.data["x"].tensor_shape.dims.append(1)
        assert list(application(request).outputs["y"].float_val) == [8]
        request.data["x"].map_val.add()
        refused(lambda: application(request), grpc.StatusCode.INVALID_ARGUMENT, "map_val")
        runtime = protos.call(channel, "hydrosphere.serving.runtime.PredictionService", "Predict")
        request = protos["hydrosphere.serving.runtime.PredictRequest"]()
        put(request.inputs["x"], "float", np.array([4], np.float32))
        request.inputs["x"].tensor_shape.dims.append(1)
        assert list(runtime(request, metadata=[("firn-model", "twice")]).outputs["y"].float_val) == [8]
        refused(lambda: runtime(request), grpc.StatusCode.INVALID_ARGUMENT, "names no model")


def manager(protos, channel, generation):
    package_name = {2: "hydrosphere.manager", 3: "hydrosphere.serving.manager"}[generation]
    call = {m: protos.call(channel, package_name + ".ManagerService", m)
            for m in ("GetAllVersions", "GetVersion", "DeployServable", "GetServables", "RemoveServable")}
    versions = {(v.name if generation == 3 else v.model.name): v for v in call["GetAllVersions"](protos["google.protobuf.Empty"]())}
    assert set(versions) == {"all", "twice", "iris"}, set(versions)
    twice = versions["twice"]
    signature = twice.signature if generation == 3 else twice.contract.predict
    assert signature.inputs[0].name == "x" and signature.inputs[0].dtype == 1 and twice.version == 1
    by_id = call["GetVersion"](protos[package_name + ".GetVersionRequest"](id=twice.id))
    assert by_id == twice
    refused(lambda: call["GetVersion"](protos[package_name + ".GetVersionRequest"](id=999)), grpc.StatusCode.NOT_FOUND)
    request = protos[package_name + ".DeployServableRequest"](metadata={"who": f"generation {generation}"})
    request.fullname.name, request.fullname.version = "twice", 1
    said = list(call["DeployServable"](request))
    assert said[-1].status == 3 and dict(said[-1].metadata) == dict(request.metadata), said
    name = said[-1].name
    assert name.startswith("twice-1-")
    listed = {s.name for s in call["GetServables"](protos[package_name + ".GetServablesRequest"]())}
    assert name in listed and len(listed) >= 4, listed
    wanted = protos[package_name + ".GetServablesRequest"]()
    wanted.filter.metadata["who"] = f"generation {generation}"
    assert [s.name for s in call["GetServables"](wanted)] == [name]
    wanted.filter.version_id.value = 999
    assert not list(call["GetServables"](wanted))
    make = protos["hydrosphere.serving.gateway." + {2: "ServablePredictRequest", 3: "GatewayPredictRequest"}[generation]]
    predict = protos.call(channel, "hydrosphere.serving.gateway.GatewayService", "PredictServable")
    request = make(**{{2: "servable_name", 3: "name"}[generation]: name})
    put(request.data["x"], "float", np.array([1.5], np.float32))
    SHAPES[generation](request.data["x"].tensor_shape, [1])
    assert list(predict(request).outputs["y"].float_val) == [3]
    away = protos[package_name + ".RemoveServableRequest"](servable_name=name)
    assert call["RemoveServable"](away).name == name
    refused(lambda: predict(request), grpc.StatusCode.NOT_FOUND)
    refused(lambda: call["RemoveServable"](away), grpc.StatusCode.NOT_FOUND)
    away.servable_name = next(n for n in listed if n.startswith("all-"))
    refused(lambda: call["RemoveServable"](away), grpc.StatusCode.ALREADY_EXISTS, "the version itself")


def discovery(protos, channel, generation):
    """First the state, then changes."""
    package_name, manager_name = {2: ("hydrosphere.discovery", "hydrosphere.manager"),
                                  3: ("hydrosphere.serving.discovery", "hydrosphere.serving.manager")}[generation]
    done = threading.Event()

    def empties():
        yield protos["google.protobuf.Empty"]()
        done.wait(60)

    def watch(method):
        return protos.call(channel, package_name + ".ServingDiscovery", method)(empties(), timeout=30)

    applications, servables, metrics = watch("WatchApplications"), watch("WatchServables"), watch("WatchMetricSpec")
    [pair] = next(applications).added
    assert pair.name == "pair" and pair.status == 2 and pair.pipeline[0].servable[0].weight == 100, pair
    assert not next(metrics).added
    first = next(servables)
    assert len(first.added) >= 3 and all(s.status == 3 for s in first.added), first
    request = protos[manager_name + ".DeployServableRequest"]()
    request.fullname.name, request.fullname.version = "twice", 1
    name = list(protos.call(channel, manager_name + ".ManagerService", "DeployServable")(request))[-1].name
    event = next(servables)
    assert [s.name for s in event.added] == [name] and not event.removedIdx, event
    protos.call(channel, manager_name + ".ManagerService", "RemoveServable")(protos[manager_name + ".RemoveServableRequest"](servable_name=name))
    event = next(servables)
    assert list(event.removedIdx) == [name] and not event.added, event
    done.set()
    for stream in (applications, servables, metrics):
        stream.cancel()


# --- TensorFlow Serving ---


def tensorflow_serving(channel):
    import tensorflow as tf
    from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc

    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "all"
    request.model_spec.signature_name = "serving_default"
    sent = {name: values(name, True) for name in LISTS}
    for name, array in sent.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    answer = stub.Predict(request)
    for name, array in sent.items():
        got = tf.make_ndarray(answer.outputs["y_" + name])
        assert same(got, array), name
    assert answer.model_spec.name == "all" and answer.model_spec.version.value == 1 and answer.model_spec.signature_name == "predict"
    request.output_filter.append("y_int8")
    assert list(stub.Predict(request).outputs) == ["y_int8"]
    request.output_filter.append("y_none")
    refused(lambda: stub.Predict(request), grpc.StatusCode.INVALID_ARGUMENT, "y_none")
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "twice"
    request.model_spec.version.value = 1
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(2.5, shape=[3]))
    assert list(stub.Predict(request).outputs["y"].float_val) == [5, 5, 5]
    request.model_spec.version.value = 7
    refused(lambda: stub.Predict(request), grpc.StatusCode.NOT_FOUND, "7")
    request.model_spec.version_label = "stable"
    refused(lambda: stub.Predict(request), grpc.StatusCode.NOT_FOUND)
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    metadata.model_spec.name = "twice"
    signatures = get_model_metadata_pb2.SignatureDefMap()
    answer = stub.GetModelMetadata(metadata)
    assert answer.metadata["signature_def"].Unpack(signatures)
    info = signatures.signature_def["predict"].inputs["x"]
    assert info.dtype == tf.float32.as_datatype_enum and info.tensor_shape.dim[0].size == -1, info
    metadata.metadata_field[0] = "other"
    refused(lambda: stub.GetModelMetadata(metadata), grpc.StatusCode.INVALID_ARGUMENT)
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "twice"
    [state] = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(status).model_version_status
    assert state.version == 1 and state.state == 30


def examples(channel):
    """Classify, Regress and MultiInference, on a model whose inputs are features."""
    import tensorflow as tf
    from tensorflow_serving.apis import classification_pb2, inference_pb2, prediction_service_pb2_grpc, regression_pb2

    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    model = LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True))
    x = load_iris().data[::50]

    def put_examples(request, rows):
        request.input.example_list.examples.extend(
            tf.train.Example(features=tf.train.Features(feature={"x": tf.train.Feature(float_list=tf.train.FloatList(value=row))})) for row in rows)

    request = classification_pb2.ClassificationRequest()
    request.model_spec.name, request.model_spec.signature_name = "iris", "predict_proba"
    put_examples(request, x)
    result = stub.Classify(request).result.classifications
    want = model.predict_proba(x.astype(np.float32))
    for row, probabilities in zip(result, want):
        assert [c.label for c in row.classes] == ["0", "1", "2"]
        assert np.allclose([c.score for c in row.classes], probabilities, atol=1e-6)
    request = regression_pb2.RegressionRequest()
    request.model_spec.name = "twice"
    for value in (1.0, 2.0):
        example = request.input.example_list_with_context.examples.add()
        example.features.feature["x"].float_list.value.append(value)
    assert [r.value for r in stub.Regress(request).result.regressions] == [2, 4]
    request.input.example_list_with_context.examples.add()
    refused(lambda: stub.Regress(request), grpc.StatusCode.INVALID_ARGUMENT, "x")
    several = inference_pb2.MultiInferenceRequest()
    put_examples(several, x)
    for _ in range(2):
        task = several.tasks.add(method_name="tensorflow/serving/classify")
        task.model_spec.name, task.model_spec.signature_name = "iris", "predict_proba"
    results = stub.MultiInference(several).results
    assert len(results) == 2 and len(results[1].classification_result.classifications) == len(x)


# --- Open Inference ---


def open_inference(address):
    import tritonclient.grpc as client

    triton = client.InferenceServerClient(address)
    assert triton.is_server_live() and triton.is_server_ready() and triton.is_model_ready("all")
    assert not triton.is_model_ready("nobody")
    assert triton.get_server_metadata().name == "firn"
    metadata = triton.get_model_metadata("twice")
    assert metadata.inputs[0].datatype == "FP32" and list(metadata.inputs[0].shape) == [-1] and list(metadata.versions) == ["1"]
    inputs, sent = [], {name: values(name, True) for name in LISTS}
    for name, array in sent.items():
        item = client.InferInput(name, array.shape, datatype(array))
        item.set_data_from_numpy(array)
        inputs.append(item)
    answer = triton.infer("all", inputs, request_id="9", outputs=[client.InferRequestedOutput("y_" + name) for name in sent])
    for name, array in sent.items():
        assert same(answer.as_numpy("y_" + name), array), name
    assert answer.get_response().id == "9" and answer.get_response().model_version == "1"
    index = {m.name: m.state for m in triton.get_model_repository_index().models}
    assert index["twice"] == "READY" and "pair" in index, index
    triton.unload_model("twice")
    assert not triton.is_model_ready("twice")
    triton.load_model("twice")
    assert triton.is_model_ready("twice")
    stream(client, triton)
    triton.close()


def datatype(array):
    from tritonclient.utils import np_to_triton_dtype

    return np_to_triton_dtype(array.dtype)


def stream(client, triton):
    """Answers in the order of requests; one that is wrong does not end the stream."""
    answers, got = [], threading.Semaphore(0)

    def callback(result, error):
        answers.append((result, error))
        got.release()

    triton.start_stream(callback)
    for i in range(50):
        item = client.InferInput("x", [1], "FP32")
        item.set_data_from_numpy(np.array([i], np.float32))
        triton.async_stream_infer("nobody" if i == 7 else "iris" if i == 8 else "pair" if i % 2 else "twice", [item], request_id=str(i))
    for _ in range(50):
        assert got.acquire(timeout=20), f"{len(answers)} answers"
    triton.stop_stream()
    for i, (result, error) in enumerate(answers):
        if i in (7, 8):
            assert error is not None, i
        else:
            assert error is None and result.as_numpy("y")[0] == 2 * i, (i, error)


def typed_contents(channel):
    """Contents that are typed are answered so."""
    protos = Protos(package("tritonclient==2.73.0"))
    infer = protos.call(channel, "inference.GRPCInferenceService", "ModelInfer")
    request = protos["inference.ModelInferRequest"](model_name="twice")
    item = request.inputs.add(name="x", datatype="FP32", shape=[2])
    item.contents.fp32_contents.extend([1, 2])
    answer = infer(request)
    assert list(answer.outputs[0].contents.fp32_contents) == [2, 4] and not answer.raw_output_contents
    item.shape[0] = 3
    refused(lambda: infer(request), grpc.StatusCode.INVALID_ARGUMENT, "2 elements, its shape asks for 3")
    item.datatype = "FP64"
    refused(lambda: infer(request), grpc.StatusCode.INVALID_ARGUMENT, "fp32_contents")
    item.ClearField("contents")
    item.contents.fp64_contents.extend([1, 2, 3])
    refused(lambda: infer(request), grpc.StatusCode.INVALID_ARGUMENT, "input 'x' is of float, not double")
    request.inputs[0].name = "z"
    refused(lambda: infer(request), grpc.StatusCode.INVALID_ARGUMENT, "z")


def main():
    published = {name: package(name) for name in ("hydro-serving-grpc==0.2.3", "hydro-serving-grpc==2.4.0", "hydro-serving-grpc==3.0.3",
                                                  "tensorflow-serving-api==2.21.0", "tritonclient==2.73.0", "python-rapidjson==1.25")}
    checks = Checks()
    for name, folder in published.items():
        if folder is None:
            print(f"SKIPPED {name} cannot be downloaded")
        elif not name.startswith("hydro"):
            sys.path.append(str(folder))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_store(folder)
        server = Server(folder / "store")
        channel = grpc.insecure_channel(server.address)
        try:
            for generation, version in ((1, "0.2.3"), (2, "2.4.0"), (3, "3.0.3")):
                wheel = published["hydro-serving-grpc==" + version]
                if not wheel:
                    continue
                protos = Protos(wheel)
                if generation < 3:
                    checks.run(f"generation {generation}: Predict", tensorflow_generation, protos, channel, generation)
                if generation > 1:
                    for function in (gateway, manager, discovery):
                        checks.run(f"generation {generation}: {function.__name__}", function, protos, channel, generation)
            if published["tensorflow-serving-api==2.21.0"]:
                checks.run("TensorFlow Serving", tensorflow_serving, channel)
                checks.run("TensorFlow Serving: examples", examples, channel)
            if published["tritonclient==2.73.0"]:
                checks.run("Open Inference: typed", typed_contents, channel)
            if published["tritonclient==2.73.0"] and published["python-rapidjson==1.25"]:
                checks.run("Open Inference: tritonclient", open_inference, server.address)
            channel.close()
        finally:
            if server.close() != 0:
                checks.failed += 1
                print("FAILED the server did not end well")
    print(f"gRPC services: {Checks.passed} passed, {checks.failed} failed")
    return Checks.failed > 0


if __name__ == "__main__":
    sys.exit(main())
