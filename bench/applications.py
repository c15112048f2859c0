#!/usr/bin/env python3
"""Applications over the real server: are variants drawn in true proportion, do sticky keys stay, what do
shadows that hang or crash cost, and does a request fail while applications are updated?

    bench/applications.py [--requests 100000] [--updates 30]

The last line is "N passed, N failed". Models are ONNX files written here: y = x + N.
"""
import json
import math
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
FIRN = os.environ.get("FIRN", str(ROOT / "build" / "firn"))
WEIGHTS = (70, 20, 10)
failed = passed = 0


def option(name, default):
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


def check(what, good, detail):
    global failed, passed
    print(f"{'ok    ' if good else 'FAILED'}  {what}: {detail}", flush=True)
    passed, failed = passed + good, failed + (not good)


# --- ONNX by hand ---

def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name, dtype, dims, raw):
    return b"".join(field(1, d) for d in dims) + field(2, dtype) + field(8, name) + field(9, raw)


def value_info(name, dtype, dims):
    shape = b"".join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, dtype) + field(2, shape)))


def node(op, inputs, outputs, attributes=b""):
    return b"".join(field(1, i) for i in inputs) + b"".join(field(2, o) for o in outputs) + field(4, op) + attributes


def graph(nodes, inputs, outputs, constants=()):
    return (b"".join(field(1, n) for n in nodes) + field(2, "g") + b"".join(field(5, c) for c in constants)
            + b"".join(field(11, i) for i in inputs) + b"".join(field(12, o) for o in outputs))


def model(graph_bytes):
    return field(1, 8) + field(8, field(2, 17)) + field(7, graph_bytes)


DOUBLE, INT64, BOOL = 11, 7, 9
X, Y = value_info("x", DOUBLE, ["n"]), value_info("y", DOUBLE, ["n"])


def adding(number):
    constant = tensor("c", DOUBLE, [1], struct.pack("<d", number))
    return model(graph([node("Add", ["x", "c"], ["y"])], [X], [Y], [constant]))


def hanging():
    """A loop that never ends."""
    one = tensor("one", DOUBLE, [1], struct.pack("<d", 1))
    body = graph([node("Identity", ["go"], ["on"]), node("Add", ["v", "one"], ["w"])],
                 [value_info("i", INT64, []), value_info("go", BOOL, []), value_info("v", DOUBLE, ["n"])],
                 [value_info("on", BOOL, []), value_info("w", DOUBLE, ["n"])], [one])
    trips = tensor("trips", INT64, [], struct.pack("<q", 1 << 62))
    attribute = field(5, field(1, "body") + field(6, body) + field(20, 5))
    return model(graph([node("Loop", ["trips", "", "x"], ["y"], attribute)], [X], [Y], [trips]))


def crashing():
    """An index that is not there, of every request."""
    index = tensor("k", INT64, [1], struct.pack("<q", 1000000))
    return model(graph([node("Gather", ["x", "k"], ["y"])], [X], [Y], [index]))


# --- a server and its clients ---

class Server:
    def __init__(self, folder):
        self.store = folder + "/store"
        self.process = subprocess.Popen([FIRN, "serve", "--store", self.store, "--http", "127.0.0.1:0"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().split()[1]
        self.port = int(self.url.rsplit(":", 1)[1])

    def firn(self, *arguments, text=None):
        done = subprocess.run([FIRN, *arguments, "--server", self.url], input=text, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"firn {' '.join(arguments)}: {done.stderr}")

    def application(self, name, variants):
        rows = "\n".join(f"    - {{model: {m}, {'shadow: true' if w is None else f'weight: {w}'}}}" for m, w in variants)
        self.firn("apply", "-f", "-", text=f"kind: Application\nname: {name}\npipeline:\n  -\n{rows}\n")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


class Client:
    """Requests one after another, or `depth` at once, on one connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def request(self, name, value, headers=""):
        body = json.dumps({"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [value]}]})
        return f"POST /v2/models/{name}/infer HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode()

    def answer(self):
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, rest = self.buffer.split(b"\r\n\r\n", 1)
        size = int(re.search(rb"content-length: *(\d+)", head.lower())[1])
        while len(rest) < size:
            self.more()
            rest = self.buffer.split(b"\r\n\r\n", 1)[1]
        self.buffer = rest[size:]
        return int(head[9:12]), rest[:size]

    def more(self):
        got = self.socket.recv(1 << 16)
        if not got:
            raise ConnectionError("closed")
        self.buffer += got

    def variant(self, name, value=0, headers=""):
        """Which variant answered: y - x."""
        self.socket.sendall(self.request(name, value, headers))
        return self.number(value)

    def number(self, value):
        status, body = self.answer()
        if status != 200:
            raise ValueError(body)
        return round(float(re.search(rb'"data":\[([^\]]*)', body)[1]) - value)


def wait_for(port, name):
    client = Client(port)
    for _ in range(1000):
        client.socket.sendall(client.request(name, 0))
        if client.answer()[0] == 200:
            return
        time.sleep(0.01)
    sys.exit(f"{name} does not get ready")


# --- the questions ---

def p_of_chi_square_two(chi):
    """Of two degrees of freedom."""
    return math.exp(-chi / 2)


def proportions(server, requests):
    best = 0
    for _ in range(3):  # p is uniform: below 0.01 once in a hundred
        client, counts = Client(server.port), [0, 0, 0]
        one = client.request("split", 0)
        for begin in range(0, requests, 100):
            client.socket.sendall(one * min(100, requests - begin))
            for _ in range(min(100, requests - begin)):
                counts[client.number(0) - 1] += 1
        chi = sum((c - requests * w / 100) ** 2 / (requests * w / 100) for c, w in zip(counts, WEIGHTS))
        best = max(best, p_of_chi_square_two(chi))
        if best > 0.01:
            break
    check(f"{requests} requests over 70/20/10", best > 0.01, f"{counts}, chi-square p = {best:.3f}")


def sticky(server, keys=500):
    clients = [Client(server.port) for _ in range(4)]
    first = {k: clients[0].variant("split", 0, f"Firn-Sticky: user-{k}\r\n") for k in range(keys)}
    moved = sum(first[k] != c.variant("split", r, f"Firn-Sticky: user-{k}\r\n")
                for r, c in enumerate(clients) for k in range(keys))
    shares = [sum(v == n for v in first.values()) for n in (1, 2, 3)]
    check("sticky keys", not moved, f"{keys} keys, {keys * len(clients)} more requests, {moved} moved; shares {shares}")


def percentile(times, share):
    return sorted(times)[int(len(times) * share)]


def shadows(server, kind, blocks=40, block=500):
    """Blocks in turn, without and with the shadow: each has its 99th percentile, and the median of the blocks
    counts. Whoever else uses the machine moves it too, so the best of three counts."""
    client, wrong = Client(server.port), 0
    for _ in range(3):
        tails = {"plain": [], kind: []}
        for turn in range(2 * blocks):
            name, times = ("plain", kind)[turn % 2], []
            for i in range(block):
                begin = time.perf_counter()
                wrong += client.variant(name, i) != 1
                times.append(time.perf_counter() - begin)
            tails[name].append(percentile(times, 0.99))
        plain, with_shadow = (percentile(tails[n], 0.5) * 1e6 for n in ("plain", kind))
        if with_shadow < plain * 1.1:
            break
    check(f"a shadow that is {kind}", not wrong and with_shadow < plain * 1.1,
          f"p99 {plain:.0f} us without, {with_shadow:.0f} us with ({with_shadow / plain - 1:+.1%}), {wrong} wrong answers")


def updates(server, count):
    """Two graphs in turn under load from four connections: every answer is of one of them."""
    done, bad, answered = threading.Event(), [], [0] * 4

    def load(index):
        client = Client(server.port)
        while not done.is_set():
            try:
                if client.variant("moving", index) not in (1, 2):
                    bad.append("a wrong answer")
                answered[index] += 1
            except (ValueError, ConnectionError) as error:
                bad.append(str(error))
                client = Client(server.port)

    threads = [threading.Thread(target=load, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for i in range(count):
        if i % 3 == 2:
            server.firn("rollback", "moving")
        else:
            server.application("moving", [(f"add:{2 - i % 2}", 100)])
    done.set()
    for t in threads:
        t.join()
    check(f"{count} updates and rollbacks under load", not bad, f"{sum(answered)} requests, {len(bad)} failed{': ' + bad[0] if bad else ''}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        try:
            files = {"add1": adding(1), "add2": adding(2), "add3": adding(3), "hang": hanging(), "crash": crashing()}
            for name, data in files.items():
                path = f"{folder}/{name}.onnx"
                pathlib.Path(path).write_bytes(data)
                server.firn("upload", path, "--name", name[:-1] if name.startswith("add") else name)
            server.application("split", [(f"add:{n + 1}", w) for n, w in enumerate(WEIGHTS)])
            server.application("plain", [("add:1", 100)])
            server.application("hanging", [("add:1", 100), ("hang:1", None)])
            server.application("crashing", [("add:1", 100), ("crash:1", None)])
            server.application("moving", [("add:1", 100)])
            for name in ("split", "plain", "hanging", "crashing", "moving"):
                wait_for(server.port, name)
            proportions(server, option("--requests", 100000))
            sticky(server)
            shadows(server, "crashing")
            shadows(server, "hanging")
            updates(server, option("--updates", 30))
        finally:
            code = server.stop()
        check("the server ends well", code == 0, f"exit {code}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
