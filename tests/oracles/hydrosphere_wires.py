"""Every wire of Hydrosphere beside each other, by tables: numbers of every type and what is refused of them, fields that
hold others, builds under way, and all that the manager may be given that is wrong, each with the status of its wire.

The clients of gRPC are the published protos of generations 1, 2 and 3. SHOW=yes prints what each row was answered."""

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.append(sys.path.pop(0))  # onnx.py and tensorflow.py of this folder are not those packages

import grpc
import numpy as np
from onnx import TensorProto, helper

from common import FIRN
from grpc_services import LISTS, NAMES, NUMPY, SHAPES, firn, put, save, values
from published import Protos, package

passed = failed = 0
SHOW = bool(os.environ.get("SHOW"))


def check(name, good, *told):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if SHOW or not good:
        print("ok" if good else "FAILED", name, *(str(item)[:300] for item in told))


class Server:
    def __init__(self, folder, *options):
        variables = {name: value for name, value in os.environ.items() if not name.startswith("FIRN_WORKER")}
        self.process = subprocess.Popen([str(FIRN), "serve", "--store", str(folder / "store"), "--http", "127.0.0.1:0", "--workers", "on", *options],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=variables)
        self.url = self.process.stdout.readline().split()[1]
        self.channel = grpc.insecure_channel(self.url.split("//")[1])

    def ask(self, method, path, body=None, headers=None):
        """(status, answer)"""
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        body = body.encode() if isinstance(body, str) else body
        request = urllib.request.Request(self.url + path, body, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                status, told = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            status, told = error.code, error.read().decode()
        return status, json.loads(told) if told[:1] in ("{", "[") else told

    def close(self):
        self.channel.close()
        self.process.terminate()
        return self.process.wait(60)


def packed(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            content = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def form(payload, parts):
    body = b""
    for name, value in parts.items():
        body += b"--edge\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n" % (name.encode(), value if isinstance(value, bytes) else value.encode())
    body += b"--edge\r\nContent-Disposition: form-data; name=\"payload\"; filename=\"m.tgz\"\r\n\r\n" + payload + b"\r\n--edge--\r\n"
    return body, {"Content-Type": "multipart/form-data; boundary=edge"}


# --- the wires of predictions: each asks `model`, whose application is "app-" + model, with {field: JSON} ---

def rest(path):
    def ask(server, model, fields):
        return server.ask("POST", path.format(model=model, signature=SIGNATURES.get(model, "predict")), fields)
    return ask


SIGNATURES = {}
JSON_WIRES = {
    "generation 1, serve": rest("/api/v1/applications/serve/app-{model}/{signature}"),
    "generation 1, gateway": rest("/gateway/applications/app-{model}/{signature}"),
    "application": rest("/gateway/application/app-{model}"),
    "servable": rest("/gateway/servable/{model}:1"),
}


def grpc_wires(published):
    """name: (protos, generation, service, method, message, fields, what names the model)"""
    rows = [(1, "PredictionService", "hydrosphere.tensorflow.serving.PredictRequest", "inputs"), (2, "PredictionService", "hydrosphere.tensorflow.serving.PredictRequest", "inputs"),
            (2, "GatewayService", "hydrosphere.serving.gateway.ServablePredictRequest", "data"), (3, "GatewayService", "hydrosphere.serving.gateway.GatewayPredictRequest", "data")]
    for generation, service, message, inputs in rows:
        protos = published.get(generation)
        if protos:
            yield f"generation {generation}, {service}", (protos, generation, service, message, inputs)


def grpc_request(wire, model):
    protos, generation, service, message, inputs = wire
    request = protos[message]()
    if service == "PredictionService":
        request.model_spec.name = model
        if generation == 1:
            request.model_spec.signature_name = SIGNATURES.get(model, "predict")
    else:
        setattr(request, "servable_name" if generation == 2 else "name", model + ":1")
    return request, getattr(request, inputs)


def grpc_call(server, wire, request):
    """(code, details or outputs)"""
    protos, _, service, message, _ = wire
    name = {"PredictionService": "tensorflow.serving.PredictionService", "GatewayService": "hydrosphere.serving.gateway.GatewayService"}[service]
    answers = [n for n in ("hydrosphere.tensorflow.serving.PredictResponse", "hydrosphere.serving.runtime.PredictResponse") if protos.has(n)]
    call = server.channel.unary_unary(f"/{name}/" + ("Predict" if service == "PredictionService" else "PredictServable"),
                                      request_serializer=lambda r: r.SerializeToString(), response_deserializer=protos[answers[0]].FromString)
    try:
        return "OK", call(request, timeout=120).outputs
    except grpc.RpcError as error:
        return error.code().name, error.details()


# --- numbers ---

WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FRACTIONS = ("float16", "float", "double")
RAGGED = ["[[1,2],[3]]", "[[1,2,3],[4]]", "[[1,2],3]", "[1,[2,3]]", "[[[1,2]],[[3,4]]]", "[[1],[2]]", "[[1,2,3],[4,5,6]]", "{\"a\":1}",
          "[[1,2],[3,{}]]", "[[1,2],[3,[]]]"]


def good_of(name):
    """JSON of [2,2], and the JSON of the answer."""
    if name in WHOLE:
        limits = np.iinfo(name)
        return f"[[{limits.min},{limits.max}],[0,1.0]]", [[int(limits.min), int(limits.max)], [0, 1]]
    if name == "bool":
        return "[[true,false],[false,true]]", [[True, False], [False, True]]
    if name == "string":
        return "[[\"\",\"gr\\u00fcn\"],[\"\\\"\",\"a\"]]", [["", "grün"], ["\"", "a"]]
    small = {"float16": "6e-8", "float": "1e-45", "double": "5e-324"}[name]
    large = {"float16": "65504", "float": "3.4028235e38", "double": "1.7976931348623157e308"}[name]
    kind = {"float16": np.float16, "float": np.float32, "double": np.float64}[name]
    return f"[[\"NaN\",\"-Infinity\"],[{small},-{large}]]", [["NaN", "-Infinity"], [kind(small), -kind(large)]]


def bad_of(name):
    """Elements that are none of the type."""
    if name in WHOLE:
        limits = np.iinfo(name)
        return [str(int(limits.max) + 1), str(int(limits.min) - 1), "1.5", "\"1\"", "true", "null", "1e30", "\"NaN\"", "{}"]
    if name == "bool":
        return ["1", "0", "\"true\"", "null", "0.5", "{}"]
    if name == "string":
        return ["1", "true", "0.5", "{}"]
    return ["\"1\"", "true", "null", "{}", "\"nan\"", "1e400"] + {"float16": ["70000"], "float": ["1e39"]}.get(name, [])


def close(got, want):
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(map(close, got, want))
    if isinstance(want, np.floating):
        return isinstance(got, (int, float)) and type(want)(got) == want
    return got == want and isinstance(got, bool) == isinstance(want, bool)


def json_numbers(server):
    good = {NAMES[t]: good_of(NAMES[t]) for t in NUMPY}
    for wire, ask in JSON_WIRES.items():
        def body(name=None, value=None):
            return "{" + ",".join(f"\"{n}\":{value if n == name else text}" for n, (text, _) in good.items()) + "}"

        status, answer = ask(server, "all", body())
        check(f"{wire}: every type", status == 200 and all(close(answer["y_" + n], want) for n, (_, want) in good.items()), status, answer)
        for name in good:
            for value in [f"[[{element},{element}],[{element},{element}]]" for element in bad_of(name)] + RAGGED:
                status, answer = ask(server, "all", body(name, value))
                check(f"{wire}: {name} of {value}", status == 400 and name in answer.get("information", ""), status, answer)
        for text in ("", "{", "[]", "7", "{\"float\":1,\"float\":2}", body()[:-1] + ",\"more\":1}", body("float", "NaN"), body("float", "01"), body("float", "+1")):
            status, answer = ask(server, "all", text)
            check(f"{wire}: {text[:20]}", status == 400 and set(answer) == {"error", "information"}, status, answer)


def shaped(tensor, generation, dims):
    tensor.ClearField("tensor_shape")
    tensor.tensor_shape.SetInParent()
    SHAPES[generation](tensor.tensor_shape, dims)


def grpc_numbers(server, published):
    other = {"int_val": "int64_val", "int64_val": "int_val"}
    for name, wire in grpc_wires(published):
        generation = wire[1]

        def refused(what, dtype, change):
            request, inputs = grpc_request(wire, "all")
            for n in LISTS:
                put(inputs[n], n, values(n, True))
                shaped(inputs[n], generation, [2, 2])
            change(inputs[dtype], LISTS[dtype][0])
            code, told = grpc_call(server, wire, request)
            check(f"{name}: {dtype}, {what}", code == "INVALID_ARGUMENT" and dtype in str(told), code, told)

        def extend(tensor, field, value):
            tensor.ClearField(field)
            getattr(tensor, field).extend(value)

        for dtype, (field, code) in LISTS.items():
            refused("too few", dtype, lambda t, f: shaped(t, generation, [3, 2]))
            refused("too many", dtype, lambda t, f: shaped(t, generation, [1, 2]))
            refused("another rank", dtype, lambda t, f: shaped(t, generation, [1, 2, 2]))
            refused("two free dimensions", dtype, lambda t, f: shaped(t, generation, [-1, -1]))
            refused("a dimension of -2", dtype, lambda t, f: shaped(t, generation, [-2, 2]))
            refused("no dtype", dtype, lambda t, f: setattr(t, "dtype", 0))
            refused("values of another list", dtype,
                    lambda t, f: (t.ClearField(f), getattr(t, other.get(f, "int_val")).extend([1] * 4)))
            refused("another dtype", dtype, lambda t, f: (t.ClearField(f), setattr(t, "dtype", 2 if t.dtype != 2 else 1),
                                                          getattr(t, "double_val" if t.dtype == 2 else "float_val").extend([1] * 4)))
            if dtype in ("int8", "int16", "uint8", "uint16"):
                limits = np.iinfo(dtype)
                refused("out of range above", dtype, lambda t, f: extend(t, f, [int(limits.max) + 1] * 4))
                refused("out of range below", dtype, lambda t, f: extend(t, f, [int(limits.min) - 1] * 4))


# --- fields that hold others ---

PEOPLE = """kind: Model
name: {name}
model-type: python:3.6
contract:
  infer:
    inputs:
      person:
        fields:
          age: {{shape: scalar, type: double}}
          name: {{shape: scalar, type: string}}
          pets:
            shape: [-1]
            fields:
              legs: {{shape: scalar, type: int64}}
              size: {{shape: [2], type: float}}
      x: {{shape: [-1], type: int64}}
    outputs:
      told:
        fields:
          text: {{shape: scalar, type: string}}
          each:
            shape: [-1]
            fields:
              legs: {{shape: scalar, type: int64}}
              area: {{shape: scalar, type: float}}
      y: {{shape: [-1], type: int64}}
"""
# with dicts, and with messages as the first generation's functions
DICTS = """def infer(person, x):
    return {"told": {"text": "%s is %g" % (person["name"], person["age"]),
                     "each": [{"legs": p["legs"], "area": p["size"][0] * p["size"][1]} for p in person["pets"]]}, "y": x + 1}
"""
MESSAGES = """import hydro_serving_grpc as hs
def infer(person, x):
    [given] = person.map_val
    each = hs.TensorProto(dtype=hs.DT_MAP, tensor_shape=hs.TensorShapeProto(dim=[hs.TensorShapeProto.Dim(size=-1)]))
    for pet in given.subtensors["pets"].map_val:
        made = each.map_val.add().subtensors
        made["legs"].CopyFrom(pet.subtensors["legs"])
        width, height = pet.subtensors["size"].float_val
        made["area"].CopyFrom(hs.TensorProto(dtype=hs.DT_FLOAT, float_val=[width * height]))
    name, age = given.subtensors["name"].string_val[0].decode(), given.subtensors["age"].double_val[0]
    told = hs.TensorProto(dtype=hs.DT_MAP)
    fields = told.map_val.add().subtensors
    fields["text"].CopyFrom(hs.TensorProto(dtype=hs.DT_STRING, string_val=[("%s is %g" % (name, age)).encode()]))
    fields["each"].CopyFrom(each)
    y = hs.TensorProto(dtype=hs.DT_INT64, int64_val=[v + 1 for v in x.int64_val],
                       tensor_shape=hs.TensorShapeProto(dim=[hs.TensorShapeProto.Dim(size=-1)]))
    return hs.PredictResponse(outputs={"told": told, "y": y})
"""
PETS = [(4, [2.0, 3.0]), (2, [1.0, 0.5])]
PERSON = {"person": {"age": 3, "name": "Ann", "pets": [{"legs": legs, "size": size} for legs, size in PETS]}, "x": [1, 2]}
TOLD = {"told": {"text": "Ann is 3", "each": [{"legs": 4, "area": 6.0}, {"legs": 2, "area": 0.5}]}, "y": [2, 3]}
# what is wrong with the map "person", and a word of the answer
WRONG_MAPS = [
    ("no map", "{\"person\":3,\"x\":[1]}", "person"), ("a list", "{\"person\":[{}],\"x\":[1]}", "person"),
    ("not all of it", "{\"person\":{\"age\":1,\"name\":\"a\"},\"x\":[1]}", "\"pets\""),
    ("more than it has", "{\"person\":{\"age\":1,\"name\":\"a\",\"pets\":[],\"z\":1},\"x\":[1]}", "\"z\""),
    ("a field twice", "{\"person\":{\"age\":1,\"age\":1,\"name\":\"a\",\"pets\":[]},\"x\":[1]}", "twice"),
    ("another type", "{\"person\":{\"age\":\"1\",\"name\":\"a\",\"pets\":[]},\"x\":[1]}", "person.age"),
    ("ragged", "{\"person\":{\"age\":1,\"name\":\"a\",\"pets\":[{\"legs\":1,\"size\":[1,2]},{\"legs\":1,\"size\":[1]}]},\"x\":[1]}", "person.pets.size"),
    ("another shape", "{\"person\":{\"age\":1,\"name\":\"a\",\"pets\":[{\"legs\":1,\"size\":[1]}]},\"x\":[1]}", "person.pets.size"),
    ("nothing", "{\"x\":[1]}", "person"),
]


def put_one(tensor, generation, dtype, array):
    put(tensor, dtype, array)
    shaped(tensor, generation, list(array.shape))


def put_person(tensor, generation):
    tensor.dtype = 27
    tensor.tensor_shape.SetInParent()
    person = tensor.map_val.add().subtensors
    put_one(person["age"], generation, "double", np.array(3.0))
    put_one(person["name"], generation, "string", np.array(b"Ann", object))
    person["pets"].dtype = 27
    shaped(person["pets"], generation, [len(PETS)])
    for legs, size in PETS:
        pet = person["pets"].map_val.add().subtensors
        put_one(pet["legs"], generation, "int64", np.array(legs))
        put_one(pet["size"], generation, "float", np.array(size, np.float32))
    return person


def of_message(tensor):
    if tensor.dtype == 27:
        maps = [{key: of_message(item.subtensors[key]) for key in item.subtensors} for item in tensor.map_val]
        shape = tensor.tensor_shape
        return maps if len(shape.dim if hasattr(shape, "dim") else shape.dims) else maps[0]
    [field] = [f for f in ("float_val", "double_val", "string_val", "int64_val") if len(getattr(tensor, f))]
    items = [v.decode() if isinstance(v, bytes) else v for v in getattr(tensor, field)]
    shape = tensor.tensor_shape
    return items if len(shape.dim if hasattr(shape, "dim") else shape.dims) else items[0]


def maps(server, published):
    for model in ("dicts", "messages"):
        for wire, ask in JSON_WIRES.items():
            status, answer = ask(server, model, PERSON)
            check(f"{wire}: {model}", (status, answer) == (200, TOLD), status, answer)
            for what, body, word in WRONG_MAPS:
                status, answer = ask(server, model, body)
                check(f"{wire}: {model}, {what}", status == 400 and word in answer["information"], status, answer)
        for name, wire in grpc_wires(published):
            def call(change=None):
                request, inputs = grpc_request(wire, model)
                put_one(inputs["x"], wire[1], "int64", np.array([1, 2]))
                person = put_person(inputs["person"], wire[1])
                if change:
                    change(inputs, person)
                return grpc_call(server, wire, request)

            code, told = call()
            check(f"{name}: {model}", code == "OK" and {key: of_message(told[key]) for key in told} == TOLD, code, told)
            for what, change, word in [
                ("no map", lambda i, p: (i["person"].Clear(), put_one(i["person"], wire[1], "double", np.array(1.0))), "person"),
                ("several maps", lambda i, p: i["person"].map_val.add(), "person"),
                ("a map for a tensor", lambda i, p: (i["x"].Clear(), put_person(i["x"], wire[1])), "'x'"),
                ("not all of it", lambda i, p: p.pop("pets") if hasattr(p, "pop") else p.__delitem__("pets"), "\"pets\""),
                ("more than it has", lambda i, p: put_one(p["z"], wire[1], "double", np.array(1.0)), "\"z\""),
                ("another type", lambda i, p: (p["age"].Clear(), put_one(p["age"], wire[1], "float", np.array(1.0, np.float32))), "person.age"),
                ("fewer than its shape", lambda i, p: shaped(p["pets"], wire[1], [3]), "pets"),
                ("another shape", lambda i, p: put_one(p["pets"].map_val[0].subtensors["size"], wire[1], "float", np.array([1], np.float32)), "size"),
                ("nothing", lambda i, p: i.__delitem__("person"), "person"),
            ]:
                code, told = call(change)
                check(f"{name}: {model}, {what}", code == "INVALID_ARGUMENT" and word in str(told), code, told)


# --- builds under way ---

def builds(server, published):
    signature = {"signatureName": "predict", "inputs": [{"name": "x", "dtype": "DT_DOUBLE", "shape": {"dims": [-1]}}],
                 "outputs": [{"name": "y", "dtype": "DT_DOUBLE", "shape": {"dims": [-1]}}]}
    for generation, states in ((2, ("Assembling", "Failed")), (3, (2, 0))):
        protos = published.get(generation)
        if not protos:
            continue
        service = {2: "hydrosphere.manager", 3: "hydrosphere.serving.manager"}[generation]
        metadata = {"name": f"slow{generation}", "runtime": {"name": "a/image", "tag": "1"}, "modelSignature": signature, "installCommand": "sleep 2; exit 3"}
        status, version = server.ask("POST", "/api/v2/model/upload", *form(packed({"src/func_main.py": "def predict(x):\n    return {'y': x}\n"}),
                                                                            {"metadata": json.dumps(metadata)}))
        check(f"generation {generation}: a build", (status, version.get("status")) == (200, "Assembling"), status, version)
        get, every = protos.call(server.channel, service + ".ManagerService", "GetVersion"), protos.call(server.channel, service + ".ManagerService", "GetAllVersions")
        for state in states:
            until = time.monotonic() + 60
            while True:
                told = get(protos[service + ".GetVersionRequest"](id=version["id"]))
                if told.status == state or time.monotonic() > until:
                    break
                time.sleep(0.2)
            predict = told.signature if generation == 3 else told.contract.predict
            check(f"generation {generation}: GetVersion of a build, {state}", told.status == state and predict.inputs[0].name == "x" and told.image.name == f"slow{generation}", told)
            listed = {v.id: v.status for v in every(protos["google.protobuf.Empty"]())}
            check(f"generation {generation}: GetAllVersions, {state}", listed.get(version["id"]) == state, listed)


# --- what the manager is given that is wrong ---

SERVING = "kind: Model\nname: {name}\nmodel-type: python:3.6\ncontract:\n  predict:\n    inputs:\n      x: {{shape: [-1], type: double}}\n    outputs:\n      y: {{shape: [-1], type: double}}\n"
FUNCTION = "def predict(x):\n    return {'y': x}\n"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(8))
# what is wrong; files; status of REST, exit code of the command line; a word
UPLOADS = [
    ("a manifest with tabs", {"serving.yaml": "kind: Model\nname: bad\ncontract:\n\tpredict: {}\n", "src/func_main.py": FUNCTION}, 400, 2, "tab"),
    ("anchors that explode", {"serving.yaml": "kind: Model\nname: bad\n" + BOMB, "src/func_main.py": FUNCTION}, 400, 2, "serving.yaml"),
    ("a payload that leaves the folder", {"serving.yaml": SERVING.format(name="bad") + "payload: [../../etc]\n", "src/func_main.py": FUNCTION}, 400, 2, "leaves"),
    ("an unknown type", {"serving.yaml": SERVING.format(name="bad").replace("double", "dubble"), "src/func_main.py": FUNCTION}, 400, 2, "dubble"),
    ("a function that is not there", {"serving.yaml": SERVING.format(name="bad").replace("predict", "infer"), "src/func_main.py": FUNCTION}, 409, 4, "infer"),
    ("a function without that input", {"serving.yaml": SERVING.format(name="bad"), "src/func_main.py": FUNCTION.replace("(x)", "(z)")}, 409, 4, "\"x\""),
    ("a contract that contradicts the file", {"serving.yaml": SERVING.format(name="bad"), "model.onnx": None}, 409, 4, "float"),
    ("a model that is none", {"serving.yaml": SERVING.format(name="bad"), "model.onnx": b"\x08\x08" + b"\xff" * 40}, (400, 422), (2, 6), ""),
]
IRIS_GRAPH = "\"executionGraph\":{\"stages\":[%s]}"


def upload_wires(server, folder):
    def second(files):
        metadata = json.dumps({"name": "bad", "runtime": {"name": "a/image", "tag": "1"}})
        return server.ask("POST", "/api/v2/model/upload", *form(packed(files), {"metadata": metadata}))

    def first(files):
        return server.ask("POST", "/api/v1/model/upload", *form(packed(files), {"model_name": "bad", "model_type": "python:3.6"}))

    def line(files):
        at = Path(tempfile.mkdtemp(dir=folder)) / "bad"
        for name, content in files.items():
            (at / name).parent.mkdir(parents=True, exist_ok=True)
            (at / name).write_bytes(content.encode() if isinstance(content, str) else content)
        done = subprocess.run([str(FIRN), "upload", str(at), "--server", server.url], capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr
    return {"generation 2 and 3": second, "generation 1": first, "command line": line}


def uploads(server, folder):
    onnx = (folder / "twice.onnx").read_bytes()
    before = server.ask("GET", "/api/v2/model/version")[1]
    for wire, send in upload_wires(server, folder).items():
        for what, files, status, code, word in UPLOADS:
            files = {name: onnx if content is None else content for name, content in files.items()}
            got, told = send(files)
            want = code if wire == "command line" else status
            message = told if isinstance(told, str) else told.get("information" if wire == "generation 1" else "message", "")
            check(f"upload, {wire}: {what}", (got in want if isinstance(want, tuple) else got == want) and word in message and message, got, told)
    after = server.ask("GET", "/api/v2/model/version")[1]
    check("upload: no version was made", [v["id"] for v in after] == [v["id"] for v in before], [v["model"] for v in after])


def applications(server, folder, ids):
    """Weights, stages and versions that are wrong: refused, and the application stays as it was."""
    def graph(*stages):
        return {"stages": [{"modelVariants": [{"modelVersionId": i, "weight": w} for i, w in stage]} for stage in stages]}

    def graph_1(*stages):
        return {"stages": [{"services": [{"runtimeId": 0, "modelVersionId": i, "weight": w, "signatureName": SIGNATURES["twice"]} for i, w in stage]} for stage in stages]}

    names = {i: name for name, i in ids.items()}

    def yaml(*stages):
        text = "kind: Application\nname: kept\npipeline:\n"
        for stage in stages:
            text += "  -\n" + "".join(f"    - {{model: \"{names.get(i, 'nobody')}:1\", weight: {w}}}\n" for i, w in stage)
        return text

    def line(*stages):
        (folder / "bad.yaml").write_text(yaml(*stages))
        done = subprocess.run([str(FIRN), "apply", "-f", str(folder / "bad.yaml"), "--server", server.url], capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr

    wires = {"generation 2 and 3": lambda *s: server.ask("PUT", "/api/v2/application", {"name": "kept", "executionGraph": graph(*s)}),
             "generation 1": lambda *s: server.ask("PUT", "/api/v1/applications", {"name": "kept", "executionGraph": graph_1(*s)}),
             "command line": line}
    status, kept = server.ask("POST", "/api/v2/application", {"name": "kept", "executionGraph": graph([(ids["twice"], 100)])})
    check("an application", status == 200, kept)
    rows = [("weights of 90", [[(ids["twice"], 60), (ids["twice"], 30)]], 400, 2, "90"), ("weights of 110", [[(ids["twice"], 100), (ids["twice"], 10)]], 400, 2, "110"),
            ("a negative weight", [[(ids["twice"], 130), (ids["twice"], -30)]], 400, 2, ""),
            ("an input that nobody makes", [[(ids["twice"], 100)], [(ids["all"], 100)]], 400, 2, "nobody makes"),
            ("variants that differ", [[(ids["twice"], 50), (ids["all"], 50)]], 400, 2, ""),
            ("a version that is not there", [[(99999, 100)]], 404, 3, ""), ("no stages", [], 400, 2, "")]
    for wire, send in wires.items():
        for what, stages, status, code, word in rows:
            got, told = send(*stages)
            check(f"application, {wire}: {what}", got == (code if wire == "command line" else status) and word in str(told), got, told)
            again = server.ask("GET", "/api/v2/application/kept")[1]
            check(f"application, {wire}: {what}: it stays", again["executionGraph"] == kept["executionGraph"], again)


# A function that fails when x is negative: its answer's status, the code of gRPC, a word. What the model's own code does is
# 500; a process that is gone is 503, since the next one may answer; one that is too slow 504; and no memory 503.
FAILED, GONE = (500, "INTERNAL"), (503, "UNAVAILABLE")
FUNCTIONS = {
    "names": ("def predict(x):\n    return {'z' if x[0] < 0 else 'y': x}\n", *FAILED, "\"z\""),
    "dtype": ("def predict(x):\n    return {'y': x.astype('int8') if x[0] < 0 else x}\n", *FAILED, "int8"),
    "shape": ("def predict(x):\n    return {'y': x.reshape(1, -1) if x[0] < 0 else x}\n", *FAILED, "shape"),
    "nothing": ("def predict(x):\n    return None if x[0] < 0 else {'y': x}\n", *FAILED, "None"),
    "raises": ("def predict(x):\n    if x[0] < 0:\n        raise KeyError('gone')\n    return {'y': x}\n", *FAILED, "KeyError"),
    "exits": ("import sys\ndef predict(x):\n    if x[0] < 0:\n        sys.exit(3)\n    return {'y': x}\n", *FAILED, "sys.exit(3)"),
    "memory": ("def predict(x):\n    if x[0] < 0:\n        raise MemoryError('much')\n    return {'y': x}\n", 503, "RESOURCE_EXHAUSTED", "MemoryError"),
    "dies": ("import os\ndef predict(x):\n    if x[0] < 0:\n        os._exit(3)\n    return {'y': x}\n", *GONE, "exit status 3"),
    "crashes": ("import ctypes\ndef predict(x):\n    if x[0] < 0:\n        ctypes.string_at(0)\n    return {'y': x}\n", *GONE, "signal 11"),
    "loads": ("raise RuntimeError('not today')\ndef predict(x):\n    return {'y': x}\n", *FAILED, "not today"),
    "prints": ("def predict(x):\n    print('word ' * 1000000)\n    return {'y': x}\n", 200, "OK", ""),
}
# of a server whose workers have little time
SLOW = {"hangs": ("import time\ndef predict(x):\n    if x[0] < 0:\n        time.sleep(100)\n    return {'y': x}\n", 504, "DEADLINE_EXCEEDED", "did not answer")}


def open_inference(server, model, value):
    return server.ask("POST", f"/v2/models/{model}/infer", {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [value]}]})


def open_inference_grpc(protos):
    infer = "inference.GRPCInferenceService", "ModelInfer"

    def ask(server, model, value):
        request = protos["inference.ModelInferRequest"](model_name=model)
        request.inputs.add(name="x", datatype="FP64", shape=[1]).contents.fp64_contents.append(value)
        try:
            return "OK", protos.call(server.channel, *infer)(request, timeout=120)
        except grpc.RpcError as error:
            return error.code().name, error.details()
    return ask


def hydrosphere_grpc(wire):
    def ask(server, model, value):
        request, inputs = grpc_request(wire, model)
        put_one(inputs["x"], wire[1], "double", np.array([value]))
        return grpc_call(server, wire, request)
    return ask


def hydrosphere_rest(ask):
    return lambda server, model, value: ask(server, model, {"x": [value]})


def function_wires(published):
    """name: (is it gRPC?, call of (server, model, value))"""
    wires = {name: (False, hydrosphere_rest(ask)) for name, ask in JSON_WIRES.items()}
    wires["Open Inference"] = False, open_inference
    wires["TensorFlow Serving"] = False, lambda server, model, value: server.ask("POST", f"/v1/models/{model}:predict", {"inputs": {"x": [value]}})
    wires.update((name, (True, hydrosphere_grpc(wire))) for name, wire in grpc_wires(published))
    triton = package("tritonclient==2.73.0")
    if triton:
        wires["Open Inference over gRPC"] = True, open_inference_grpc(Protos(triton))
    else:
        print("SKIPPED tritonclient==2.73.0 cannot be downloaded")
    return wires


def functions(server, published, table):
    """Each wire tells of each failure with one status, and answers the request after it."""
    for name, (is_grpc, ask) in function_wires(published).items():
        for model, (_, status, code, word) in table.items():
            want = code if is_grpc else status
            got, told = ask(server, model, -1.5)
            check(f"{name}: a function that {model}", got == want and word in str(told), got, told)
            if model != "loads":
                got, told = ask(server, model, 1.5)
                check(f"{name}: a function that {model}, the next request", got == ("OK" if is_grpc else 200), got, told)


def slow_functions(folder, published):
    server = Server(folder / "slow", "--set", "worker_request_ms=1500")
    try:
        make(server, folder, {name: (SERVING, source) for name, (source, *_) in SLOW.items()})
        functions(server, published, SLOW)
    finally:
        check("the server with little time ends with 0", server.close() == 0)


# --- profiles of training data, beside numpy ---

def near(got, want):
    if want is None or got is None or not np.isfinite(want):
        return got is None and (want is None or not np.isfinite(want))
    return abs(got - want) <= 1e-9 * max(1, abs(want))


def profile_of(column):
    """What Sonar's profile is to say of a column, NaN where nothing is; the histogram by the number of its bars."""
    with np.errstate(all="ignore"):
        values = column[np.isfinite(column)].astype(np.float64)
        n, mean = len(values), values.mean()
        centred = values - mean
        deviation, median = values.std(ddof=1) if n > 1 else np.nan, np.median(values)
        fourth = (centred ** 4).mean() / (centred ** 2).mean() ** 2 - 3 if len(set(values)) > 1 else np.nan
        low, q1, q3, high = np.quantile(values, [0.05, 0.25, 0.75, 0.95])
        return {"commonStatistics": {"count": len(column), "distinctCount": len(set(values)), "missing": len(column) - n},
                "quantileStatistics": {"min": values.min(), "max": values.max(), "median": median, "percentile5": low, "percentile95": high, "q1": q1, "q3": q3,
                                       "range": values.max() - values.min(), "interquartileRange": q3 - q1},
                "descriptiveStatistics": {"standardDeviation": deviation, "variationCoef": 100 * deviation / mean if mean else np.nan, "kurtosis": fourth, "mean": mean,
                                          "skewness": 3 * (mean - median) / deviation if deviation > 0 else np.nan,
                                          "variance": values.var(ddof=1) if n > 1 else np.nan}}, values


def profiles(server, ids):
    """CSV of columns that differ in all that matters; every number of their profiles."""
    random = np.random.default_rng(5)
    rows = 500
    columns = {"double_0": random.normal(3, 2, rows), "double_1": np.where(random.random(rows) < 0.3, np.nan, random.exponential(1e-9, rows)),
               "float_0": np.full(rows, 2.5), "float_1": random.choice([0.0, 1.0], rows, p=[0.9, 0.1]), "int64_0": random.integers(-10**12, 10**12, rows).astype(float),
               "int8_0": np.r_[7.0, np.full(rows - 1, np.nan)], "uint8_1": random.integers(0, 256, rows).astype(float)}
    lines = [",".join(["string_0", *columns, "nobody"])]
    lines += [",".join(["word", *("" if np.isnan(c[i]) else repr(float(c[i])) for c in columns.values()), "1"]) for i in range(rows)]
    version = ids["all"]
    status, answer = server.ask("POST", f"/monitoring/profiles/batch/{version}", "\n".join(lines) + "\n", {"Content-Type": "text/csv"})
    check("training data", (status, answer) == (200, "ok"), status, answer)
    status, fields = server.ask("GET", f"/monitoring/fields/{version}")
    check("fields of training data", fields == sorted(columns), status, fields)
    for name, column in columns.items():
        status, answer = server.ask("GET", f"/monitoring/profiles/{version}/{name}")
        got = answer["training"]
        want, values = profile_of(column)
        for group, numbers in want.items():
            wrong = {key: (got[group].get(key), number) for key, number in numbers.items() if not near(got[group].get(key), number)}
            check(f"profile of {name}: {group}", not wrong and set(got[group]) == set(numbers), wrong)
        histogram = got["histogram"]
        if values.max() > values.min():
            frequencies, edges = np.histogram(values, bins=histogram["bars"])
            check(f"profile of {name}: histogram", histogram["frequencies"] == list(frequencies) and all(map(near, histogram["bins"], edges[:-1]))
                  and histogram["bars"] > 1, histogram)
        else:
            check(f"profile of {name}: histogram", (histogram["frequencies"], histogram["bins"]) == ([len(values)], [values[0]]), histogram)


# --- all of it ---

def prepare(server, folder):
    """The models: the ids of their versions."""
    save(folder / "all.onnx", [(NAMES[t], t, ["n", 2]) for t in NUMPY], [("y_" + NAMES[t], t, ["n", 2]) for t in NUMPY],
         [helper.make_node("Identity", [NAMES[t]], ["y_" + NAMES[t]]) for t in NUMPY])
    save(folder / "twice.onnx", [("x", TensorProto.FLOAT, ["n"])], [("y", TensorProto.FLOAT, ["n"])], [helper.make_node("Add", ["x", "x"], ["y"])])
    sources = {"dicts": (PEOPLE, DICTS), "messages": (PEOPLE, MESSAGES), **{name: (SERVING, source) for name, (source, *_) in FUNCTIONS.items()}}
    return make(server, folder, sources, {"all": folder / "all.onnx", "twice": folder / "twice.onnx"})


def make(server, folder, sources, models=()):
    """Upload them, each with an application: the ids of their versions."""
    models = dict(models)
    for name, (manifest, source) in sources.items():
        models[name] = folder / name
        (models[name] / "src").mkdir(parents=True)
        (models[name] / "src" / "func_main.py").write_text(source)
        (models[name] / "serving.yaml").write_text(manifest.format(name=name))
    ids = {}
    for name, path in models.items():
        firn("upload", path, "--name", name, "--server", server.url)
        version = server.ask("GET", f"/api/v2/model/version/{name}/1")[1]
        ids[name], SIGNATURES[name] = version["id"], version["modelSignature"]["signatureName"]
        status, answer = server.ask("POST", "/api/v2/application", {"name": "app-" + name, "executionGraph": {"stages": [{"modelVariants": [
            {"modelVersionId": version["id"], "weight": 100}]}]}})
        check(f"application of {name}", status == 200, answer)
    return ids


def main():
    published = {}
    for generation, version in ((1, "0.2.3"), (2, "2.4.0"), (3, "3.0.3")):
        folder = package("hydro-serving-grpc==" + version)
        if folder:
            published[generation] = Protos(folder)
        else:
            print(f"SKIPPED hydro-serving-grpc=={version} cannot be downloaded")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Server(folder)
        try:
            ids = prepare(server, folder)
            json_numbers(server)
            grpc_numbers(server, published)
            maps(server, published)
            builds(server, published)
            uploads(server, folder)
            applications(server, folder, ids)
            profiles(server, ids)
            functions(server, published, FUNCTIONS)
            slow_functions(folder, published)
        finally:
            check("the server ends with 0", server.close() == 0)
    print(f"hydrosphere wires: {passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
