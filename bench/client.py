#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Python client: what it adds to the engine.

    scripts/python bench/client.py

import, wheel       against their limits; the import's is processor time
predict             om.runtime.model(name).predict(row) of a small model, from call to result
omega|ml's REST     the same model by PUT /api/v1/model/NAME/predict over one connection, asked by a
                    socket (what the server takes), by firn's client, and by Python's http.client, whose
                    own parser is most of that; omega|ml itself takes 79 ms (measured in one process
                    with its database emulated)
image batch         602 kB of float32 in and out; the engine is the server's predict_seconds

Times are medians, the lowest of five; `above` is what is left of the round trip without the engine."""

import glob
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[0] = os.path.join(ROOT, "python")  # not this folder: sklearn.py lies in it
os.environ.setdefault("FIRN_PROGRAM", os.path.join(ROOT, "build", "firn"))
OMEGAML_MS = 79.0


def show(what, value, limit, unit):
    print("%-44s %10.1f %-3s limit %6.1f  %s"
          % (what, value, unit, limit, "ok" if value <= limit else "MISSED"))


def import_ms():
    code = "import time; t = time.process_time(); import firn; print(time.process_time() - t)"
    env = dict(os.environ, PYTHONPATH=os.path.join(ROOT, "python"))
    return min(float(subprocess.run([sys.executable, "-c", code], capture_output=True, env=env,
                                    check=True).stdout) for _ in range(10)) * 1e3


def wheel_kb():
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "python")
        shutil.copytree(os.path.join(ROOT, "python"), source,
                        ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
        subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder,
                        source], check=True)
        return os.path.getsize(glob.glob(folder + "/*.whl")[0]) / 1e3


def median_us(call, count):
    """The lowest of five medians: other work on the machine only adds."""
    medians = []
    for _ in range(5):
        times = []
        for _ in range(count // 5):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
        medians.append(statistics.median(times))
    return min(medians) * 1e6


def engine_us(om, call, count):
    """The mean of the server's own time of these calls."""
    def read():
        text = om.connection.request("GET", "/metrics").body.decode()
        return [sum(float(v) for v in re.findall(r"^firn_predict_seconds_%s\S* (\S+)$" % end,
                                                 text, re.M)) for end in ("sum", "count")]
    before = read()
    for _ in range(count):
        call()
    after = read()
    return (after[0] - before[0]) / max(after[1] - before[1], 1) * 1e6


def small(om):
    import numpy
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    x, y = load_iris(return_X_y=True)
    om.models.put(LogisticRegression(max_iter=500).fit(x, y), "iris")
    model, row = om.runtime.model("iris"), numpy.asarray(x[:1])
    call = lambda: model.predict(row)
    show("predict, p50", median_us(call, 3000), 250, "us")
    body = json.dumps({"columns": ["a", "b", "c", "d"], "data": [row[0].tolist()]})
    path, headers = "/api/v1/model/iris/predict", {"Content-Type": "application/json"}
    head = "PUT %s HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    request = (head % (path, len(body)) + body).encode()
    plain = socket.create_connection((om.connection.host, om.connection.port))
    kept = http.client.HTTPConnection(om.connection.host, om.connection.port)

    def by_socket():
        plain.sendall(request)
        assert plain.recv(65536).startswith(b"HTTP/1.1 200")

    def by_firn():
        om.connection.request("PUT", path, body.encode(), headers)

    def by_library():
        kept.request("PUT", path, body, headers)
        kept.getresponse().read()
    for call, name in ((by_socket, "a socket"), (by_firn, "firn's client"), (by_library, "http.client")):
        took = median_us(call, 2000)
        show("omega|ml's REST by %s, p50" % name, took, OMEGAML_MS, "us")  # 1,000 times less
        print("%-44s %10.0f times less than omega|ml's %g ms" % ("", OMEGAML_MS * 1e3 / took,
                                                                OMEGAML_MS))
    plain.close()
    kept.close()


def image(om):
    import numpy
    from onnx import TensorProto, helper
    shape = ["n", 224, 224, 3]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "twice",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)])
    om.models.put(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), "twice")
    model = om.runtime.model("twice")
    batch = numpy.random.default_rng(1).random((1, 224, 224, 3)).astype("f")
    call = lambda: model.predict(batch)
    took, engine = median_us(call, 300), engine_us(om, call, 100)
    print("%-34s %10.1f us, of which the engine %.1f us" % ("image batch, 602 kB in and out", took,
                                                           engine))
    show("image batch, above the engine", (took - engine) / 1e3, 3, "ms")


def main():
    import firn
    show("import firn", import_ms(), 60, "ms")
    show("wheel", wheel_kb(), 150, "kB")
    store = tempfile.mkdtemp(prefix="firn-bench-")
    try:
        with firn.connect(store=store) as om:
            small(om)
            image(om)
    finally:
        shutil.rmtree(store)


main()
