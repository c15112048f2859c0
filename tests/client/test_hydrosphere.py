# SPDX-License-Identifier: Apache-2.0
"""Hydrosphere's manager over REST: every route that its clients know, by a table, and what goes on
while a version is built. The clients themselves are in tests/oracles/hydrosphere_clients.py."""

import contextlib
import http.client
import io
import json
import os
import subprocess
import tarfile
import tempfile
import threading
import time
import unittest

from firn.embedded import find_program

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COLUMNS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
FLOWER = {name: [value] for name, value in zip(COLUMNS, [5.1, 3.5, 1.4, 0.2])}
VERSION = {"id", "image", "created", "finished", "modelVersion", "modelSignature", "modelContract",
           "runtime", "model", "status", "installCommand", "metadata", "monitoringConfiguration",
           "applications", "isExternal"}
APPLICATION = {"id", "name", "status", "signature", "executionGraph", "kafkaStreaming", "message",
               "metadata"}
SERVABLE = {"modelVersionId", "status", "statusMessage", "fullName", "metadata",
            "deploymentConfigurationName"}
METRIC = {"id", "name", "modelVersionId", "config"}
BUILD_INFO = {"name", "version", "scalaVersion", "sbtVersion", "gitCurrentBranch", "gitCurrentTags",
              "gitHeadCommit"}
VERSION_1 = {"id", "imageName", "imageTag", "imageSHA256", "created", "modelName", "modelVersion",
             "modelType", "model", "modelContract", "applications", "dataProfileTypes"}
TASK_1 = {"id", "startedAt", "request", "status", "logsUrl", "result", "finishedAt"}
APPLICATION_1 = {"id", "name", "executionGraph", "kafkaStreaming", "contract", "namespace"}
SERVICE_1 = {"id", "serviceName", "modelVersionId", "modelVersion", "runtime", "statusText", "configParams"}
RUNTIME_1 = {"id", "name", "version", "suitableModelType", "tags", "configParams"}
MONITORING_ERROR = {"error", "message", "errors"}
SPEC = {"name": "watch", "modelVersionId": 1, "config": {
    "modelVersionId": 1, "threshold": 1.5, "thresholdCmpOperator": {"kind": "<="}}}
GRAPH = {"stages": [{"modelVariants": [{"modelVersionId": 1, "weight": 100}]}]}
GRAPH_1 = {"stages": [{"services": [{"runtimeId": 0, "modelVersionId": 1, "weight": 100,
                                     "signatureName": "predict"}]}]}

# method, path, body, status, keys of the answer (a list: of each item; a text: the answer itself;
# None: not looked at). In order: each row may need what those before it made. Version 1 is iris.
ROUTES = [
    ("GET", "/health", None, 200, "OK"),
    ("GET", "/gateway/health", None, 200, "OK"),
    ("GET", "/api/buildinfo", None, 200, BUILD_INFO),
    ("GET", "/gateway/buildinfo", None, 200, BUILD_INFO),
    ("GET", "/monitoring/buildinfo", None, 200, BUILD_INFO),
    ("GET", "/api/v2/model", None, 200, [{"id", "name"}]),
    ("GET", "/api/v2/model/1", None, 200, {"id", "name"}),
    ("GET", "/api/v2/model/99", None, 404, {"error", "message"}),
    ("GET", "/api/v2/model/version", None, 200, [VERSION]),
    ("GET", "/api/v2/model/version/iris/1", None, 200, VERSION),
    ("GET", "/api/v2/model/version/iris/2", None, 404, {"error", "message"}),
    ("GET", "/api/v2/model/version/1/logs", None, 200, None),
    ("GET", "/api/v2/model/version/99/logs", None, 404, {"error", "message"}),
    ("POST", "/api/v2/externalmodel", {"name": "elsewhere", "signature": {
        "signatureName": "predict",
        "inputs": [{"name": "x", "dtype": "DT_DOUBLE", "shape": {"dims": [-1]}}],
        "outputs": [{"name": "y", "dtype": "DT_DOUBLE", "shape": {"dims": [-1]}}]}}, 200, VERSION),
    ("POST", "/api/v2/externalmodel", {"name": "nothing"}, 400, {"error", "message"}),
    ("POST", "/api/v2/application", {"name": "app", "executionGraph": GRAPH}, 200, APPLICATION),
    ("POST", "/api/v2/application", {"name": "app", "executionGraph": GRAPH}, 409, {"error", "message"}),
    ("PUT", "/api/v2/application", {"name": "app", "executionGraph": GRAPH}, 200, APPLICATION),
    ("GET", "/api/v2/application", None, 200, [APPLICATION]),
    ("GET", "/api/v2/application/app", None, 200, APPLICATION),
    ("GET", "/api/v2/application/none", None, 404, {"error", "message"}),
    ("GET", "/api/v2/application/generateInputs/app", None, 200, set(COLUMNS)),
    ("POST", "/gateway/application/app", FLOWER, 200, {"predict"}),
    ("POST", "/gateway/servable/iris:1", FLOWER, 200, {"predict"}),
    ("POST", "/gateway/application/none", FLOWER, 404, {"error", "information"}),
    ("POST", "/gateway/application/app", {}, 400, {"error", "information"}),
    ("POST", "/api/v2/servable", {"modelName": "iris", "version": 1}, 200, SERVABLE),
    ("GET", "/api/v2/servable", None, 200, [SERVABLE]),
    ("GET", "/api/v2/servable/none", None, 404, {"error", "message"}),
    ("GET", "/api/v2/servable/none/logs", None, 404, {"error", "message"}),
    ("POST", "/api/v2/deployment_configuration", {"name": "big"}, 200, {"name"}),
    ("GET", "/api/v2/deployment_configuration", None, 200, [{"name"}]),
    ("GET", "/api/v2/deployment_configuration/big", None, 200, {"name"}),
    ("DELETE", "/api/v2/deployment_configuration/big", None, 200, {"name"}),
    ("GET", "/api/v2/deployment_configuration/big", None, 404, {"error", "message"}),
    ("GET", "/api/v2/hostSelector", None, 200, [set()]),
    ("POST", "/api/v2/hostSelector", {"name": "xeon"}, 422, {"error", "message"}),
    ("GET", "/api/v2/hostSelector/xeon", None, 404, {"error", "message"}),
    ("DELETE", "/api/v2/hostSelector/xeon", None, 404, {"error", "message"}),
    ("POST", "/api/v2/monitoring/metricspec", SPEC, 200, METRIC),
    ("POST", "/api/v2/monitoring/metricspec", dict(SPEC, modelVersionId=99), 404, {"error", "message"}),
    ("GET", "/api/v2/monitoring/metricspec", None, 200, [METRIC]),
    ("GET", "/api/v2/monitoring/metricspec/modelversion/1", None, 200, [METRIC]),
    ("GET", "/api/v2/monitoring/metricspec/999", None, 404, {"error", "message"}),
    # the monitoring
    ("GET", "/monitoring/profiles/batch/1/status", None, 200, {"kind"}),
    ("GET", "/monitoring/profiles/batch/99/status", None, 404, MONITORING_ERROR),
    ("GET", "/monitoring/fields/1", None, 200, [set()]),
    ("GET", "/monitoring/fields/99", None, 404, MONITORING_ERROR),
    ("GET", "/monitoring/profiles/1/petal_width_0", None, 200, {"training", "production"}),
    ("GET", "/monitoring/profiles/99/petal_width_0", None, 404, MONITORING_ERROR),
    ("GET", "/monitoring/training_data?modelVersionId=1", None, 200, [set()]),
    ("GET", "/monitoring/training_data?modelVersionId=99", None, 404, MONITORING_ERROR),
    ("GET", "/monitoring/training_data?modelVersionId=x", None, 400, MONITORING_ERROR),
    ("GET", "/monitoring/training_data", None, 400, MONITORING_ERROR),
    ("GET", "/monitoring/training_data/1", None, 404, MONITORING_ERROR),
    ("POST", "/monitoring/profiles/batch/1", "a,b\n1,2\n", 200, "ok"),
    ("GET", "/monitoring/training_data/1", None, 200, "a,b\n1,2\n"),
    ("POST", "/monitoring/profiles/batch/99", "a,b\n1,2\n", 404, MONITORING_ERROR),
    ("POST", "/monitoring/profiles/batch/1/s3", {"path": "s3://a/b"}, 422, MONITORING_ERROR),
    ("GET", "/monitoring/checks/all/1?limit=1&offset=0", None, 501, MONITORING_ERROR),
    ("GET", "/monitoring/checks/1?from=a&to=b", None, 501, MONITORING_ERROR),
    ("GET", "/monitoring/checks/5f0c0", None, 501, MONITORING_ERROR),
    ("GET", "/monitoring/checks/aggregates/1?limit=1&offset=0", None, 501, MONITORING_ERROR),
    ("GET", "/monitoring/checks/subsample/1?size=2", None, 501, MONITORING_ERROR),
    ("GET", "/monitoring/checks/comparision/1/a/2", None, 501, MONITORING_ERROR),
    ("GET", "/monitoring/slow/checks/1/a", None, 501, MONITORING_ERROR),
    # services that there are not
    ("GET", "/stat/buildinfo", None, 503, {"error", "message"}),
    ("GET", "/stat/health", None, 503, {"error", "message"}),
    ("GET", "/stat/support?model_version_id=1", None, 200, {"supported", "description"}),
    ("GET", "/stat/support?model_version_id=99", None, 404, {"error", "message"}),
    ("GET", "/stat/support", None, 400, {"error", "message"}),
    ("GET", "/stat/metrics?model_version_id=1", None, 501, {"error", "message"}),
    ("GET", "/stat/config", None, 501, {"error", "message"}),
    ("PUT", "/stat/config", {}, 501, {"error", "message"}),
    ("GET", "/rootcause/buildinfo", None, 503, {"error", "message"}),
    ("GET", "/rootcause/healthcheck", None, 503, {"error", "message"}),
    ("GET", "/rootcause/explanation?model_version_id=1", None, 501, {"error", "message"}),
    ("POST", "/rootcause/explanation", {"model_version_id": 1, "method": "rise"}, 501, {"error", "message"}),
    ("GET", "/rootcause/task_status?task_id=1", None, 501, {"error", "message"}),
    ("GET", "/rootcause/config?model_version_id=1", None, 501, {"error", "message"}),
    ("PATCH", "/rootcause/config?model_version_id=1", {"config": {}}, 501, {"error", "message"}),
    ("GET", "/visualization/buildinfo", None, 503, {"error", "message"}),
    ("GET", "/visualization/health", None, 503, {"error", "message"}),
    ("GET", "/visualization/supported?model_version_id=1", None, 200, {"supported", "message"}),
    ("POST", "/visualization/plottable_embeddings/umap?model_version_id=1", {}, 501, {"error", "message"}),
    ("GET", "/visualization/jobs?task_id=1", None, 501, {"error", "message"}),
    ("POST", "/visualization/jobs/umap?model_version_id=1", {}, 501, {"error", "message"}),
    ("GET", "/visualization/params/umap?model_version_id=1", None, 501, {"error", "message"}),
    ("POST", "/visualization/params/umap?model_version_id=1", {}, 501, {"error", "message"}),
    # unknown paths, and methods that are not for a path, in the words of each service
    ("GET", "/api/v2", None, 404, {"error", "message"}),
    ("GET", "/api/v2/nothing/here", None, 404, {"error", "message"}),
    ("POST", "/api/v2/model/version", {}, 405, {"error", "message"}),
    ("DELETE", "/api/v1/nothing", None, 404, {"error", "information"}),
    ("GET", "/api/v1/applications/serve/a/b", None, 405, {"error", "information"}),
    ("GET", "/gateway/nothing", None, 404, {"error", "information"}),
    ("GET", "/gateway/application/app", None, 405, {"error", "information"}),
    ("GET", "/monitoring/nothing", None, 404, MONITORING_ERROR),
    ("DELETE", "/monitoring/fields/1", None, 405, MONITORING_ERROR),
    ("GET", "/stat/nothing", None, 404, {"error", "message"}),
    ("GET", "/rootcause", None, 404, {"error", "message"}),
    ("GET", "/visualization/a/b/c", None, 404, {"error", "message"}),
    ("GET", "/api/nothing", None, 404, {"error", "status"}),
    ("GET", "/api/v1/task/a/b/c", None, 404, {"message"}),  # omega|ml's
    ("GET", "/api/v1/task/a", None, 405, {"message"}),
    ("GET", "/api/v1/script/a/b", None, 404, {"message"}),
    # the first generation
    ("GET", "/api/v1/model", None, 200, [{"model", "lastModelBuild", "lastModelVersion", "nextVersion"}]),
    ("GET", "/api/v1/model/1", None, 200, {"model", "lastModelVersion"}),
    ("PUT", "/api/v1/model", {"id": 1, "name": "other"}, 422, {"error", "information"}),
    ("GET", "/api/v1/model/build/1", None, 200, TASK_1),
    ("GET", "/api/v1/model/build/99", None, 404, {"error", "information"}),
    ("GET", "/api/v1/model/builds/1", None, 200, [TASK_1]),
    ("GET", "/api/v1/model/builds/1/last?maximum=1", None, 200, [TASK_1]),
    ("GET", "/api/v1/model/version", None, 200, [VERSION_1]),
    ("POST", "/api/v1/model/version", {"id": 1}, 422, {"error", "information"}),
    ("GET", "/api/v1/model/version/1/last?maximum=1", None, 200, [VERSION_1]),
    ("POST", "/api/v1/model/1/contract/text", "signatures {}", 422, {"error", "information"}),
    ("GET", "/api/v1/model/1/flatContract", None, 200, {"modelName", "signatures"}),
    ("GET", "/api/v1/model/version/1/flatContract", None, 200, {"modelName", "signatures"}),
    ("GET", "/api/v1/model/version/99/flatContract", None, 404, {"error", "information"}),
    ("GET", "/api/v1/model/generate/1/predict", None, 200, set(COLUMNS)),
    ("GET", "/api/v1/model/version/generate/1/predict", None, 200, set(COLUMNS)),
    ("POST", "/api/v1/applications", {"name": "old", "executionGraph": GRAPH_1}, 200, APPLICATION_1),
    ("PUT", "/api/v1/applications", {"name": "old", "executionGraph": GRAPH_1}, 200, APPLICATION_1),
    ("GET", "/api/v1/applications", None, 200, [APPLICATION_1]),
    ("GET", "/api/v1/applications/generateInputs/old/predict", None, 200, set(COLUMNS)),
    ("POST", "/api/v1/applications/serve/old/predict", FLOWER, 200, {"predict"}),
    ("POST", "/gateway/applications/old/predict", FLOWER, 200, {"predict"}),
    ("GET", "/gateway/applications", None, 200, [APPLICATION_1]),
    ("DELETE", "/api/v1/applications/old", None, 200, APPLICATION_1),
    ("GET", "/api/v1/runtime", None, 200, [RUNTIME_1]),
    ("POST", "/api/v1/runtime", {"name": "python", "version": "3.6", "modelTypes": ["python:3.6"],
                                 "tags": [], "configParams": {}}, 200, {"id", "status", "result"}),
    ("GET", "/api/v1/environment", None, 200, [{"id", "name", "placeholders"}]),
    ("POST", "/api/v1/environment", {"name": "gpu", "placeholders": []}, 200, {"id", "name"}),
    ("GET", "/api/v1/service", None, 200, [SERVICE_1]),
    ("POST", "/api/v1/service", {"serviceName": "mine", "runtimeId": 0, "modelVersionId": 1}, 200, SERVICE_1),
    ("POST", "/api/v1/service", {"serviceName": "mine", "runtimeId": 0}, 400, {"error", "information"}),
    ("GET", "/api/v1/service/fetchByModelId/1", None, 200, [SERVICE_1]),
    ("POST", "/api/v1/service/fetchByIds", [1, 2, 3, 4, 5, 6, 7, 8, 9], 200, [SERVICE_1]),
    ("GET", "/api/v1/service/99999", None, 404, {"error", "information"}),
    ("GET", "/api/v1/prometheus/services", None, 200, [{"targets", "labels"}]),
    ("GET", "/api/v1/prometheus/proxyMetrics", None, 200, None),
    ("POST", "/api/v1/profiler/batch/1/csv", "a,b\n1,2\n", 200, "ok"),
    # what uses a version keeps it, then all goes
    ("DELETE", "/api/v2/model/1", None, 409, {"error", "message"}),
    ("DELETE", "/api/v2/application/app", None, 200, APPLICATION),
]


def ask(address, method, path, body=None, headers=None, timeout=60):
    """Status and body, JSON where it is."""
    if body is not None and not isinstance(body, (str, bytes)):
        body, headers = json.dumps(body), dict(headers or {}, **{"Content-Type": "application/json"})
    with contextlib.closing(http.client.HTTPConnection(address, timeout=timeout)) as connection:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        told = answer.read().decode()
    return answer.status, json.loads(told) if told[:1] in ("{", "[") else told


def upload(address, name, files, **metadata):
    """POST /api/v2/model/upload."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    metadata = dict({"name": name, "runtime": {"name": "some/image", "tag": "1"}}, **metadata)
    body = (b"--edge\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n" +
            json.dumps(metadata).encode() + b"\r\n--edge\r\nContent-Disposition: form-data; "
            b"name=\"payload\"; filename=\"m.tar.gz\"\r\n\r\n" + packed.getvalue() + b"\r\n--edge--\r\n")
    return ask(address, "POST", "/api/v2/model/upload", body,
               {"Content-Type": "multipart/form-data; boundary=edge"})


class Events(threading.Thread):
    """Server-sent events as (seconds since it began, event, id, data) until the answer ends."""

    def __init__(self, address, path, **headers):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection(address, timeout=60)
        self.connection.request("GET", path, headers=headers)
        self.answer = self.connection.getresponse()
        self.events, self.began = [], time.monotonic()
        self.start()

    def run(self):
        event, number, data = None, None, None
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            for line in self.answer:
                key, _, value = line.decode().rstrip("\n").partition(": ")
                if key == "event":
                    event = value
                elif key == "id":
                    number = int(value)
                elif key in ("data", "data:"):
                    data = value
                elif not key and (event or data is not None):
                    self.events.append((time.monotonic() - self.began, event, number, data))
                    event, number, data = None, None, None

    def lines(self):
        return [data for _, event, _, data in self.events if not event]

    def wait_for(self, event, key, value, seconds=60):
        """The data of the event of that name with that member."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for _, name, _, data in list(self.events):
                if name == event and json.loads(data).get(key) == value:
                    return json.loads(data)
            time.sleep(0.05)
        raise AssertionError("no %s with %s %r among %s" % (
            event, key, value, [name for _, name, _, _ in self.events]))


FUNCTION = {"src/func_main.py": b"def predict(x):\n    return {'y': x}\n"}
SIGNATURE = {"signatureName": "predict",
             "inputs": [{"name": "x", "dtype": "DT_DOUBLE", "shape": {"dims": [-1]}}],
             "outputs": [{"name": "y", "dtype": "DT_DOUBLE", "shape": {"dims": [-1]}}]}


class Hydrosphere(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        # other tests name an environment; here each version has its own
        variables = {name: value for name, value in os.environ.items() if name != "FIRN_WORKER_ENVIRONMENT"}
        self.process = subprocess.Popen(
            [find_program(), "serve", "--store", folder.name, "--http", "127.0.0.1:0", "--workers", "on"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=variables)
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(lambda: self.assertEqual(self.process.wait(30), 0))
        self.addCleanup(self.process.terminate)
        self.address = self.process.stdout.readline().split("//")[1].split()[0]

    def iris(self):
        with open(os.path.join(ROOT, "examples", "iris.joblib"), "rb") as file:
            return upload(self.address, "iris", {"model.joblib": file.read()})

    def look(self, row, answer, keys):
        if isinstance(keys, str):
            self.assertEqual(answer, keys, row)
        elif isinstance(keys, list):
            self.assertIsInstance(answer, list, row)
            for item in answer:
                self.assertLessEqual(keys[0], set(item), row)
        elif keys is not None:
            self.assertLessEqual(keys, set(answer), row)

    def test_routes(self):
        status, version = self.iris()
        self.assertEqual((status, version["id"], version["status"]), (200, 1, "Released"))
        for row in ROUTES:
            method, path, body, wanted, keys = row
            status, answer = ask(self.address, method, path, body)
            self.assertEqual(status, wanted, (row, answer))
            self.look(row, answer, keys)

    def test_services(self):
        self.iris()
        made = ask(self.address, "POST", "/api/v1/service",
                   {"serviceName": "mine", "runtimeId": 0, "modelVersionId": 1})[1]
        self.assertEqual(made["serviceName"], "mine")
        path = "/api/v1/service/%d" % made["id"]
        self.assertEqual(ask(self.address, "GET", path)[1]["servable"], made["servable"])
        self.assertIn("predict", ask(self.address, "POST", "/gateway/servable/" + made["servable"], FLOWER)[1])
        found = ask(self.address, "POST", "/api/v1/service/fetchByIds", [made["id"]])[1]
        self.assertEqual([service["id"] for service in found], [made["id"]])
        self.assertEqual(ask(self.address, "DELETE", path)[0], 200)
        self.assertEqual(ask(self.address, "GET", path)[0], 404)
        own = ask(self.address, "GET", "/api/v1/service/fetchByModelId/1")[1]
        for service in own:  # a version's own name stays
            self.assertEqual(ask(self.address, "DELETE", "/api/v1/service/%d" % service["id"])[0], 409)

    def test_runtimes_of_an_application(self):
        """Kept as they were sent, and shown with the application that names them."""
        self.iris()
        runtime = {"name": "python", "version": "3.6", "modelTypes": ["python:3.6"], "tags": ["a"], "configParams": {"k": "v"}}
        made = ask(self.address, "POST", "/api/v1/runtime", runtime)[1]["result"]
        there = ask(self.address, "POST", "/api/v1/environment", {"name": "gpu", "placeholders": [1]})[1]
        services = [{"runtimeId": made["id"], "environmentId": there["id"], "modelVersionId": 1, "weight": 70, "signatureName": "predict"},
                    {"runtimeId": 0, "environmentId": 9999, "modelVersionId": 1, "weight": 20, "signatureName": "predict"},
                    {"runtimeId": 9999, "modelVersionId": 1, "weight": 10, "signatureName": "predict"}]
        status, answer = ask(self.address, "POST", "/api/v1/applications", {"name": "old", "executionGraph": {"stages": [{"services": services}]}})
        self.assertEqual(status, 200, answer)
        first, second, third = answer["executionGraph"]["stages"][0]["services"]
        self.assertEqual((first["runtime"], first["environment"]), (made, there))
        self.assertEqual((second["runtime"]["name"], second["environmentId"], second["environment"]), ("firn", 9999, None))
        self.assertEqual((third["runtimeId"], third["runtime"]), (9999, None))
        self.assertNotIn("environment", third)
        self.assertEqual(ask(self.address, "GET", "/api/v1/model/version")[1][0]["dataProfileTypes"],
                         dict({name: "NUMERICAL" for name in COLUMNS}, predict="CATEGORICAL"))

    def test_flat_contract(self):
        self.iris()
        flat = ask(self.address, "GET", "/api/v1/model/version/1/flatContract")[1]
        self.assertEqual(flat["modelName"], "iris")
        self.assertEqual([field["fieldName"] for field in flat["signatures"][0]["inputs"]], COLUMNS)
        self.assertEqual(flat["signatures"][0]["inputs"][0]["dataType"], "DT_DOUBLE")
        self.assertEqual(ask(self.address, "GET", "/api/v1/model/1/flatContract")[1], flat)

    def test_profiles_of_training_data(self):
        self.iris()
        rows = "sepal_length, petal_width_1,petal_width_0,petal_width_10,sepal_width,other\n" \
               "5,1,0,2,,7\n6,1,3,2,NaN,7\n10,1,,2,inf,7\n"
        self.assertEqual(ask(self.address, "POST", "/monitoring/profiles/batch/1", rows), (200, "ok"))
        status = ask(self.address, "GET", "/monitoring/profiles/batch/1/status")[1]
        self.assertEqual((status["kind"], status["bytes"]), ("Success", len(rows)))
        self.assertEqual(ask(self.address, "GET", "/monitoring/fields/1")[1],
                         ["petal_width_0", "petal_width_1", "petal_width_10", "sepal_length_0", "sepal_width_0"])
        [path] = ask(self.address, "GET", "/monitoring/training_data?modelVersionId=1")[1]
        self.assertEqual(ask(self.address, "GET", path), (200, rows))
        answer = ask(self.address, "GET", "/monitoring/profiles/1/sepal_length_0")[1]
        self.assertIsNone(answer["production"])
        profile = answer["training"]
        self.assertEqual((profile["name"], profile["modelVersionId"], profile["kind"]), ("sepal_length_0", 1, "NumericalProfile"))
        self.assertEqual(profile["commonStatistics"], {"count": 3, "distinctCount": 3, "missing": 0})
        quantiles = profile["quantileStatistics"]
        self.assertEqual([quantiles[key] for key in ("min", "max", "median", "q1", "q3", "range", "interquartileRange")],
                         [5, 10, 6, 5.5, 8, 5, 2.5])
        self.assertEqual((profile["descriptiveStatistics"]["mean"], profile["descriptiveStatistics"]["variance"]), (7, 7))
        histogram = profile["histogram"]
        self.assertEqual((sum(histogram["frequencies"]), len(histogram["bins"])), (3, histogram["bars"]))
        # by the name of the field, too, when that is one column; what is no number is missing
        self.assertEqual(ask(self.address, "GET", "/monitoring/profiles/1/sepal_length")[1], answer)
        missing = ask(self.address, "GET", "/monitoring/profiles/1/sepal_width")[1]["training"]
        self.assertEqual(missing["commonStatistics"], {"count": 3, "distinctCount": 0, "missing": 3})
        self.assertIsNone(missing["descriptiveStatistics"]["mean"])
        nothing = {"training": None, "production": None}
        for name in ("petal_width", "other", "predict", "nobody"):
            self.assertEqual(ask(self.address, "GET", "/monitoring/profiles/1/" + name)[1], nothing)
        # a large file, as a stream; then one that is no table
        large = "petal_width\n" + "".join("%d.5\n" % i for i in range(100000))
        self.assertEqual(ask(self.address, "POST", "/monitoring/profiles/batch/1", large), (200, "ok"))
        self.assertEqual(ask(self.address, "GET", path), (200, large))
        profile = ask(self.address, "GET", "/monitoring/profiles/1/petal_width")[1]["training"]
        self.assertEqual((profile["commonStatistics"]["distinctCount"], profile["quantileStatistics"]["median"]), (100000, 50000))
        self.assertEqual(ask(self.address, "POST", "/monitoring/profiles/batch/1", "a,b\n1\n"), (200, "ok"))
        status = ask(self.address, "GET", "/monitoring/profiles/batch/1/status")[1]
        self.assertEqual(status["kind"], "Failure")
        self.assertIn("line 2 has 1 cells", status["message"])
        status, answer = ask(self.address, "GET", "/monitoring/fields/1")
        self.assertEqual(status, 400, answer)
        self.assertIn("line 2 has 1 cells", answer["errors"][0])

    def test_events(self):
        self.iris()
        events = Events(self.address, "/api/v2/events")
        spec = ask(self.address, "POST", "/api/v2/monitoring/metricspec", SPEC)[1]
        ask(self.address, "POST", "/api/v2/deployment_configuration", {"name": "big", "deployment": {}})
        self.assertEqual(events.wait_for("MetricSpecUpdate", "id", spec["id"])["config"]["threshold"], 1.5)
        self.assertIn("deployment", events.wait_for("DeploymentConfigurationUpdate", "name", "big"))
        ask(self.address, "DELETE", "/api/v2/monitoring/metricspec/%d" % spec["id"])
        ask(self.address, "DELETE", "/api/v2/deployment_configuration/big")
        events.wait_for("MetricSpecRemove", "id", spec["id"])
        events.wait_for("DeploymentConfigurationRemove", "name", "big")

    def test_metrics_go_with_their_version(self):
        self.iris()
        events = Events(self.address, "/api/v2/events")
        spec = ask(self.address, "POST", "/api/v2/monitoring/metricspec", SPEC)[1]
        events.wait_for("MetricSpecUpdate", "id", spec["id"])
        self.assertEqual(ask(self.address, "DELETE", "/api/v2/model/1")[0], 200)
        events.wait_for("MetricSpecRemove", "id", spec["id"])
        events.wait_for("ModelRemove", "id", 1)

    def test_log_of_a_build(self):
        """Read while it grows; the version is Assembling, then Failed, and stays so."""
        events = Events(self.address, "/api/v2/events")
        status, version = upload(self.address, "rows", FUNCTION, modelSignature=SIGNATURE,
                                 installCommand="echo one; sleep 2; echo two; exit 3")
        self.assertEqual((status, version["status"], version["modelVersion"]), (200, "Assembling", 1))
        self.assertEqual(version["modelSignature"]["inputs"][0]["name"], "x")
        path = "/api/v2/model/version/%d/logs" % version["id"]
        log = Events(self.address, path)
        listed = ask(self.address, "GET", "/api/v2/model/version")[1]
        self.assertEqual([(v["id"], v["status"]) for v in listed], [(version["id"], "Assembling")])
        self.assertEqual(ask(self.address, "GET", "/api/v1/model/build/%d" % version["id"])[1]["status"], "Running")
        status, answer = upload(self.address, "rows", FUNCTION, modelSignature=SIGNATURE, installCommand="true; exit 4")
        self.assertEqual(status, 409, answer)
        log.join(60)
        self.assertEqual(log.events[-1][1], "EndOfStream")
        times = {data: when for when, _, _, data in log.events}
        self.assertGreater(times["two"] - times["one"], 1)  # as it was printed, not at the end
        self.assertIn("install-command ended with 3", log.lines()[-1])
        self.assertEqual(events.wait_for("ModelUpdate", "status", "Failed")["id"], version["id"])
        failed = ask(self.address, "GET", "/api/v2/model/version/rows/1")[1]
        self.assertEqual((failed["id"], failed["status"]), (version["id"], "Failed"))
        self.assertIsNotNone(failed["finished"])
        again = Events(self.address, path)
        again.join(60)
        self.assertEqual(again.lines(), log.lines())
        rest = Events(self.address, path, **{"Last-Event-ID": "2"})
        rest.join(60)
        self.assertEqual(rest.lines(), log.lines()[2:])
        task = ask(self.address, "GET", "/api/v1/model/build/%d" % version["id"])[1]
        self.assertEqual(task["status"], "Failed")
        self.assertIn("ended with 3", task["message"])
        # what needs the version is told so, and its number goes to the next upload
        self.assertIn("could not be built", ask(self.address, "POST", "/api/v2/monitoring/metricspec", dict(
            SPEC, modelVersionId=version["id"]))[1]["message"])
        following = self.iris()[1]
        self.assertGreater(following["id"], version["id"])

    def test_log_of_a_build_for_hs_3(self):
        """hs 3 looks at nothing but the log: one of a build that fails is broken off, once."""
        status, version = upload(self.address, "rows", FUNCTION, modelSignature=SIGNATURE,
                                 metadata={"hydrosphere.cli.version": "3.0.3"}, installCommand="echo one; exit 3")
        self.assertEqual((status, version["status"]), (200, "Assembling"))
        path = "/api/v2/model/version/%d/logs" % version["id"]
        with contextlib.closing(http.client.HTTPConnection(self.address, timeout=60)) as connection:
            connection.request("GET", path)
            with self.assertRaises(http.client.IncompleteRead) as broken:
                connection.getresponse().read()
        self.assertIn(b"data: failed: install-command ended with 3", broken.exception.partial)
        self.assertNotIn(b"EndOfStream", broken.exception.partial)
        again = Events(self.address, path)
        again.join(60)
        self.assertEqual(again.events[-1][1], "EndOfStream")

    def test_metrics_of_a_manifest(self):
        self.iris()
        manifest = ("kind: Model\nname: rows\nruntime: a/image:1\ncontract:\n  predict:\n    inputs:\n"
                    "      x: {shape: [-1], type: double}\n    outputs:\n      y: {shape: [-1], type: double}\n"
                    "monitoring:\n  - name: far\n    config: {monitoring-model: 'iris:1', threshold: 3.5, operator: '<='}\n"
                    "  - name: gone\n    config: {monitoring-model: 'nobody:1', threshold: 1, operator: '>'}\n")
        events = Events(self.address, "/api/v2/events")
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(os.path.join(folder, "src"))
            for name, text in (("serving.yaml", manifest), ("src/func_main.py", FUNCTION["src/func_main.py"].decode())):
                with open(os.path.join(folder, name), "w") as file:
                    file.write(text)
            subprocess.run([find_program(), "upload", folder, "--server", "http://" + self.address],
                           check=True, capture_output=True)
        far, gone = ask(self.address, "GET", "/api/v2/monitoring/metricspec")[1]
        self.assertEqual((far["name"], far["config"]["modelVersionId"], far["config"]["threshold"],
                          far["config"]["thresholdCmpOperator"]), ("far", 1, 3.5, {"kind": "LessEq"}))
        self.assertEqual((gone["name"], gone["config"]["modelVersionId"], gone["config"]["servable"]), ("gone", None, None))
        path = "/api/v2/monitoring/metricspec/%d" % far["id"]
        self.assertEqual(ask(self.address, "GET", path)[1]["name"], "far")
        self.assertEqual(events.wait_for("MetricSpecUpdate", "id", far["id"])["name"], "far")
        of_version = ask(self.address, "GET", "/api/v2/monitoring/metricspec/modelversion/%d" % far["modelVersionId"])[1]
        self.assertEqual([metric["id"] for metric in of_version], [far["id"], gone["id"]])
        status, answer = ask(self.address, "DELETE", path)
        self.assertEqual(status, 409, answer)
        self.assertIn("declared by the manifest", answer["message"])
        self.assertEqual(ask(self.address, "GET", "/api/v2/monitoring/metricspec/-1")[0], 404)

    def test_what_needs_a_build_waits_for_it(self):
        version = upload(self.address, "rows", FUNCTION, modelSignature=SIGNATURE, installCommand="sleep 1")[1]
        self.assertEqual(version["status"], "Assembling")
        status, answer = ask(self.address, "POST", "/api/v2/application", {"name": "app", "executionGraph": {
            "stages": [{"modelVariants": [{"modelVersionId": version["id"], "weight": 100}]}]}})
        self.assertEqual(status, 200, answer)
        self.assertEqual(ask(self.address, "POST", "/gateway/application/app", {"x": [1]})[1], {"y": [1.0]})
        version = upload(self.address, "rows", FUNCTION, modelSignature=SIGNATURE, installCommand="sleep 1; exit 5")[1]
        status, answer = ask(self.address, "POST", "/api/v2/servable", {"modelName": "rows", "version": version["modelVersion"]})
        self.assertEqual(status, 409, answer)
        self.assertIn("could not be built: install-command ended with 5", answer["message"])


if __name__ == "__main__":
    unittest.main()
