"""gRPC as grpcio, the client most people use, speaks it: calls, gzip, deadlines, cancellation, health, reflection,
streams, large messages, the end of a server. Messages are written by hand; no generated code is needed."""

import json
import signal
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from common import FIRN, ROOT
from google.protobuf import descriptor_pb2

INFER = "/inference.GRPCInferenceService/ModelInfer"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
HEALTH = "/grpc.health.v1.Health/"
REFLECTION = "/grpc.reflection.{}.ServerReflection/ServerReflectionInfo"
FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
LIMIT = 60
# The manager and discovery of Hydrosphere's generation 2: their messages are those of no file under proto/.
UNDESCRIBED = {"hydrosphere.manager.ManagerService", "hydrosphere.discovery.ServingDiscovery"}


# --- protocol buffers, as far as needed ---

def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(message):
    """[(number, value)]"""
    at, found = 0, []

    def number():
        nonlocal at
        value = shift = 0
        while True:
            value |= (message[at] & 127) << shift
            shift += 7
            at += 1
            if message[at - 1] < 128:
                return value

    while at < len(message):
        key = number()
        value = number()
        if key & 7 == 2:
            value, at = message[at:at + value], at + value
        found.append((key >> 3, value))
    return found


def first(message, number):
    return next((value for n, value in fields(message) if n == number), None)


# --- the server ---

class Server:
    def __init__(self, store, *settings):
        command = [FIRN, "serve", "--store", store, "--http", "127.0.0.1:0"]
        for setting in settings:
            command += ["--set", setting]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1].rsplit(":", 1)[1])
        self.channel = self.open()

    def open(self):
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        return grpc.insecure_channel(f"127.0.0.1:{self.port}", options)

    def call(self, path, message=b"", **options):
        return self.channel.unary_unary(path)(message, timeout=options.pop("timeout", LIMIT), **options)

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as page:
            return next(float(line.split()[-1]) for line in page.read().decode().splitlines() if line.startswith(name + " "))

    def stop(self):
        self.channel.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def upload(store, name):
    subprocess.run([FIRN, "upload", ROOT / "examples" / "iris.joblib", "--name", name, "--store", store], check=True, stdout=subprocess.DEVNULL)


def infer(rows):
    """A ModelInferRequest of rows, as raw contents."""
    message = field(1, "iris")
    for name in FEATURES:
        message += field(5, field(1, name) + field(2, "FP64") + field(3, varint(len(rows))))
    for column in range(4):
        message += field(7, struct.pack(f"<{len(rows)}d", *(row[column] for row in rows)))
    return message


def labels(reply):
    raw = first(reply, 6)
    if raw is None:
        return [value.decode() for number, value in fields(first(first(reply, 5), 5)) if number == 8]
    found, at = [], 0
    while at < len(raw):
        size = struct.unpack_from("<I", raw, at)[0]
        found.append(raw[at + 4:at + 4 + size].decode())
        at += 4 + size
    return found


def status_of(call):
    try:
        call()
    except grpc.RpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""


ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.1, 4.4, 1.4], [7.7, 2.6, 6.9, 2.3]]


def wait_until(condition, seconds=20):
    end = time.time() + seconds
    while not condition() and time.time() < end:
        time.sleep(0.02)
    return condition()


# --- the checks: each returns whether all is as it should be ---

def over_http(server, want):
    body = json.dumps({"inputs": [{"name": n, "datatype": "FP64", "shape": [3], "data": [row[i] for row in ROWS]} for i, n in enumerate(FEATURES)]})
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{server.port}/v2/models/iris/infer", body.encode(), {"Content-Type": "application/json"})) as reply:
        return json.load(reply)["outputs"][0]["data"] == want and want == ["setosa", "versicolor", "virginica"]


def unary(server, want):
    return all(labels(server.call(INFER, infer(ROWS))) == want for _ in range(20))


def packed(server, want):
    return labels(server.call(INFER, infer(ROWS * 3000), compression=grpc.Compression.Gzip)) == want * 3000


def other_packing(server, _):
    return status_of(lambda: server.call(INFER, infer(ROWS * 3000), compression=grpc.Compression.Deflate))[0] == grpc.StatusCode.UNIMPLEMENTED


def large(server, want):
    return labels(server.call(INFER, infer(ROWS * 200000))) == want * 200000  # 19 MB in


def too_large(server, want):
    return status_of(lambda: server.call(INFER, infer(ROWS * 800000)))[0] == grpc.StatusCode.RESOURCE_EXHAUSTED and unary(server, want)


def at_once(server, want):
    def some(_):
        with server.open() as channel:
            calls = [channel.unary_unary(INFER).future(infer(ROWS), timeout=LIMIT) for _ in range(100)]
            return all(labels(call.result()) == want for call in calls)
    with ThreadPoolExecutor(8) as pool:
        return all(pool.map(some, range(16)))


def errors(server, _):
    missing = status_of(lambda: server.call(INFER, field(1, "nié%")))
    broken = status_of(lambda: server.call(INFER, b"\xff\xff\xff"))
    unknown = status_of(lambda: server.call("/inference.GRPCInferenceService/Nothing"))
    return (missing[0] == grpc.StatusCode.NOT_FOUND and "nié%" in missing[1] and broken[0] == grpc.StatusCode.INVALID_ARGUMENT and
            unknown[0] == grpc.StatusCode.UNIMPLEMENTED)


def deadline(server, _):
    return status_of(lambda: server.call(INFER, infer(ROWS * 200000), timeout=0.001))[0] == grpc.StatusCode.DEADLINE_EXCEEDED


def cancellation(server, _):
    watches = [server.channel.unary_stream(HEALTH + "Watch")(b"", timeout=LIMIT) for _ in range(5)]
    ok = all(first(next(watch), 1) == 1 for watch in watches) and server.metric("firn_feeds") == 5
    for watch in watches:
        watch.cancel()
    return ok and wait_until(lambda: server.metric("firn_feeds") == 0)


def health(server, _):
    check = lambda name: first(server.call(HEALTH + "Check", field(1, name)), 1)
    return check("") == check("iris") == check("grpc.health.v1.Health") == 1 and status_of(lambda: check("none"))[0] == grpc.StatusCode.NOT_FOUND


def health_changes(server, _):
    watch = server.channel.unary_stream(HEALTH + "Watch")(field(1, "late"), timeout=LIMIT)
    if first(next(watch), 1) != 3:
        return False
    upload(server.store, "late")
    said = []
    while not said or said[-1] != 1:
        said.append(first(next(watch), 1))
    watch.cancel()
    return True


def reflection(server, _):
    for version in ("v1", "v1alpha"):
        questions = [field(7, ""), field(4, "grpc.health.v1.Health"), field(3, "grpc/health/v1/health.proto"), field(4, "no.Such")]
        replies = list(server.channel.stream_stream(REFLECTION.format(version))(iter(questions), timeout=LIMIT))
        names = {first(service, 1).decode() for _, service in fields(first(replies[0], 6))}
        files = [descriptor_pb2.FileDescriptorProto.FromString(first(first(reply, 4), 1)) for reply in replies[1:3]]
        if not {"grpc.health.v1.Health", f"grpc.reflection.{version}.ServerReflection"} <= names:
            return False
        if [f.name for f in files] != ["grpc/health/v1/health.proto"] * 2 or {m.name for m in files[0].service[0].method} != {"Check", "List", "Watch"}:
            return False
        if first(first(replies[3], 7), 1) != 5:
            return False
        undescribed = [name for name in names - UNDESCRIBED if first(next(server.channel.stream_stream(REFLECTION.format(version))(iter([field(4, name)]), timeout=LIMIT)), 4) is None]
        if undescribed:
            print(f"no file under proto/ describes {', '.join(sorted(undescribed))}")
            return False
    return True


def stream(server, want):
    requests = iter([infer(ROWS * (i % 5 + 1)) for i in range(100)])
    replies = list(server.channel.stream_stream(STREAM)(requests, timeout=LIMIT))
    return len(replies) == 100 and all(labels(first(reply, 2)) == want * (i % 5 + 1) for i, reply in enumerate(replies))


def ends(server, _):
    """Told to stop: streams end with UNAVAILABLE, what runs is finished, the process ends well."""
    watch = server.channel.unary_stream(HEALTH + "Watch")(b"", timeout=LIMIT)
    next(watch)
    found = []
    thread = threading.Thread(target=lambda: found.append(status_of(lambda: [None for _ in watch])[0]))
    thread.start()
    server.process.send_signal(signal.SIGTERM)
    thread.join(LIMIT)
    return found == [grpc.StatusCode.UNAVAILABLE] and server.process.wait(60) == 0


CHECKS = (over_http, unary, packed, other_packing, large, too_large, at_once, errors, deadline, cancellation, health, health_changes, reflection, stream, ends)


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        upload(store, "iris")
        server = Server(store)
        server.store = store
        try:
            want = labels(server.call(INFER, infer(ROWS)))
            for check in CHECKS:
                try:
                    ok = check(server, want)
                except (grpc.RpcError, OSError, subprocess.SubprocessError, StopIteration, TypeError) as error:
                    print(f"{check.__name__}: {str(error).splitlines()[:6]}")
                    ok = False
                if not ok:
                    print(f"grpc: {check.__name__} FAILED")
                passed, failed = passed + ok, failed + (not ok)
        finally:
            if server.process.poll() is None:
                server.stop()
    print(f"grpc: {passed} passed, {failed} failed")


if __name__ == "__main__":
    main()
