#!/usr/bin/env python3
"""Open Inference REST on a small model: what a request costs firn's server, and what others need for it.

    bench/serve.py [--rounds 3] [--seconds 2]

Servers run on core 0, wrk on core 1. CPU per request is (utime + stime of the server after - before) /
answered requests: it does not depend on who waits for whom. The servers take turns in every round and the
median and the minimum of the rounds are shown. Peers that cannot be installed are left out.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
sys.path.append(HERE)
import environment

environment.enter("requirements.txt")

import http.client
import json
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import joblib
from models import logistic, rows, to_onnx

FIRN = environment.ROOT / "build" / "firn"
TICK = os.sysconf("SC_CLK_TCK")
CONNECTIONS = (1, 32, 512)
ROUTE = "/v2/models/tiny/infer"


def option(name, default):
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A process on core 0 that answers the request at ROUTE."""

    def __init__(self, name, command, port, body, label, environ=None):
        self.name, self.port, self.body, self.label = name, port, body, label
        self.started = time.perf_counter()
        self.process = subprocess.Popen(["taskset", "-c", "0", *map(str, command)], env={**os.environ, **(environ or {})},
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def right(self):
        """Whether it answers now, with the label that scikit-learn gives."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", ROUTE, self.body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return json.loads(response.read())["outputs"][0]["data"] == [self.label] if response.status == 200 else False
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def ready(self, limit=60):
        """Seconds from exec to the first right answer."""
        while time.perf_counter() - self.started < limit:
            if self.right():
                return time.perf_counter() - self.started
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}")
            time.sleep(0.001)
        raise RuntimeError(f"{self.name} gives no right answer")

    def cpu(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def rss_mb(self):
        line = next(l for l in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if l.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def load(self, connections, seconds, body_file):
        """-> (CPU microseconds a request, p50, p99 in microseconds)"""
        before = self.cpu()
        done = subprocess.run(["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", Path(HERE) / "peers" / "post.lua",
                               f"http://127.0.0.1:{self.port}{ROUTE}"], env={**os.environ, "BODY": str(body_file)}, capture_output=True, text=True)
        spent = self.cpu() - before
        result = [l for l in done.stdout.splitlines() if l.startswith("RESULT")]
        if not result:
            raise RuntimeError(f"wrk: {done.stdout}{done.stderr}")
        requests, errors, p50, p99 = map(int, result[0].split()[1:])
        if errors or not requests:
            raise RuntimeError(f"{self.name} at {connections} connections: {errors} errors, {requests} answers")
        return spent / requests * 1e6, p50, p99

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def prepare(folder):
    """The model in all forms, the store, the request; -> (body, label)"""
    model = logistic()
    x = rows(1)
    joblib.dump(model, folder / "tiny.joblib")
    (folder / "tiny.onnx").write_bytes(to_onnx(model))
    subprocess.run([FIRN, "upload", folder / "tiny.joblib", "--name", "tiny", "--store", folder / "store"], check=True, stdout=subprocess.DEVNULL)
    data = [float(f"{v:.8g}") for v in x.ravel()]
    body = json.dumps({"inputs": [{"name": "x", "shape": [1, 20], "datatype": "FP64", "data": data}]}, separators=(",", ":")).encode()
    (folder / "body.json").write_bytes(body)
    return body, int(model.predict(x)[0])


def start_firn(folder, body, label):
    port = free_port()
    return Server("firn", [FIRN, "serve", "--store", folder / "store", "--http", f"127.0.0.1:{port}"], port, body, label)


def raw_answer(server):
    """The bytes firn answers with, headers included."""
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.sendall(f"POST {ROUTE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(server.body)}\r\n\r\n".encode() + server.body)
        s.settimeout(1)
        return s.recv(65536)


def start_peers(folder, firn):
    body, label = firn.body, firn.label
    (folder / "answer").write_bytes(raw_answer(firn))
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", folder / "raw_loop", Path(HERE) / "peers" / "raw_loop.c"], check=True)
    port = free_port()
    yield Server("raw loop", [folder / "raw_loop", port, folder / "answer"], port, body, label)
    port = free_port()
    command = [Path(sys.prefix) / "bin" / "uvicorn", "fastapi_app:app", "--app-dir", Path(HERE) / "peers", "--port", port, "--workers", "1", "--no-access-log", "--log-level", "warning"]
    yield Server("FastAPI + ONNX Runtime", command, port, body, label, {"MODEL": str(folder / "tiny.onnx")})
    venv = environment.make("requirements-mlserver.txt", "bench-mlserver")
    if venv:
        home, port = folder / "mlserver", free_port()
        home.mkdir()
        settings = {"debug": False, "host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "metrics_port": free_port(), "parallel_workers": 0}
        (home / "settings.json").write_text(json.dumps(settings))
        (home / "model-settings.json").write_text(json.dumps(
            {"name": "tiny", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"version": "1", "uri": str(folder / "tiny.joblib")}}))
        yield Server("MLServer", [venv / "bin" / "mlserver", "start", home], port, body, label, {"PATH": f"{venv / 'bin'}:{os.environ['PATH']}"})


def cold_starts(folder, body, label, times):
    seconds = []
    for _ in range(times):
        server = start_firn(folder, body, label)
        seconds.append(server.ready())
        server.stop()
    return seconds


def verdict(value, goal, met):
    return f"{value} (goal {goal}{'' if met else ': MISSED'})"


def report(figures, starts, rss, rounds):
    middle = lambda who, c, i: statistics.median(f[i] for f in figures[who, c])
    least = lambda who, c: min(f[0] for f in figures[who, c])
    names = list(dict.fromkeys(who for who, _ in figures))
    print(f"\nserver CPU in microseconds a request, median (minimum) of {rounds} interleaved rounds; load {os.getloadavg()[0]:.1f}")
    print(f"{'server':<26}" + "".join(f"{c:>12} conn." for c in CONNECTIONS) + "    at 512: p50 us   p99 us")
    for who in names:
        print(f"{who:<26}" + "".join(f"{middle(who, c, 0):>9.1f} ({least(who, c):6.1f})" for c in CONNECTIONS) + f"{middle(who, 512, 1):>18.0f}{middle(who, 512, 2):>9.0f}")
    goals = {"raw loop": 0.6, "FastAPI + ONNX Runtime": 25, "MLServer": 60}
    for who in names[1:]:
        for c in CONNECTIONS:
            ratio = middle(who, c, 0) / middle("firn", c, 0)
            best = least(who, c) / least("firn", c)
            # One connection costs a sleep and a wake-up a request, whoever serves: no goal there.
            shown = f"{ratio:.2f}" if c == 1 else verdict(f"{ratio:.2f}", goals[who], ratio >= goals[who])
            print(f"{who} / firn at {c} connections: {shown}; of minima {best:.2f}")
    tail = min(f[2] / f[1] for f in figures["firn", 512])
    print(f"p99 / p50 at 512 connections: {verdict(f'{tail:.1f}', '<= 5', tail <= 5)} (calmest round)")
    cold = statistics.median(starts) * 1e3
    print(f"cold start, exec to first right answer: median {verdict(f'{cold:.1f} ms', '<= 30 ms', cold <= 30)}, minimum {min(starts) * 1e3:.1f} ms of {len(starts)}")
    print(f"resident memory: {verdict(f'{rss[0]:.1f} MB', '<= 15 MB', rss[0] <= 15)} after the first answer, {rss[1]:.1f} MB after the load")


def main():
    rounds, seconds = option("--rounds", 3), option("--seconds", 2)
    servers, figures = [], {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        body, label = prepare(folder)
        starts = cold_starts(folder, body, label, 11)
        try:
            servers.append(start_firn(folder, body, label))
            servers[0].ready()
            rss = [servers[0].rss_mb()]
            for peer in start_peers(folder, servers[0]):
                servers.append(peer)
                peer.ready()
            for _ in range(rounds):
                for connections in CONNECTIONS:
                    for server in servers:
                        figures.setdefault((server.name, connections), []).append(server.load(connections, seconds, folder / "body.json"))
            rss.append(servers[0].rss_mb())
            if not all(server.right() for server in servers):
                raise RuntimeError("a server is wrong after the load")
        finally:
            for server in servers:
                server.stop()
        report(figures, starts, rss, rounds)


if __name__ == "__main__":
    main()
