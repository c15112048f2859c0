"""A registry with one image that is honest but for what a test says, and bodies that lie, stall and never end."""
import http.server
import json
import socket
import threading
import time

from common import EXAMPLES, Count, firn, sha256
from layers import layer

count = Count("hostile")
MODEL = (EXAMPLES / "iris.joblib").read_bytes()
SEEN = []  # (port, path, Authorization) of every request


class Registry(http.server.BaseHTTPRequestHandler):
    """An honest registry with one image m/m:1; what differs is in `server.lies`, by path or kind."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else b""
        self.server.asked += 1
        SEEN.append((self.server.server_port, self.path, self.headers.get("Authorization"), self.command))
        image, lies = self.server.image, self.server.lies
        kind = ("ping" if self.path == "/v2/" else "manifest" if "/manifests/" in self.path else
                "token" if self.path.startswith("/token") else "blob" if "/blobs/sha256:" in self.path else "other")
        if kind == "blob":
            kind = "config" if self.path.endswith(image.config_digest) else "layer"
        if kind in lies:
            return lies[kind](self)
        if kind == "ping":
            return self.answer(200, b"{}")
        if kind == "manifest" and self.command in ("GET", "HEAD"):
            return self.answer(200, image.manifest, Content_Type=image.type)
        data = image.blobs.get(self.path.rsplit("/", 1)[-1])
        if data is not None:
            return self.answer(200, data)
        return self.answer(404, b'{"errors":[{"code":"BLOB_UNKNOWN","message":"no such blob"}]}')

    do_HEAD = do_POST = do_PUT = do_PATCH = do_GET


class Image:
    type = "application/vnd.oci.image.manifest.v1+json"

    def __init__(self, layers=None, config=None, manifest=None):
        layers = layers or [layer([("model/files/model.joblib", MODEL)])]
        self.blobs = {sha256(data): data for data, _ in layers}
        config = config if config is not None else json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {
            "type": "layers", "diff_ids": [sha256(data) for data, _ in layers]}}).encode()
        self.config_digest = sha256(config)
        self.blobs[self.config_digest] = config
        self.fields = {"schemaVersion": 2, "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                                                      "digest": self.config_digest, "size": len(config)},
                       "layers": [{"mediaType": kind, "digest": sha256(data), "size": len(data)}
                                  for data, kind in layers]}
        self.manifest = manifest if manifest is not None else json.dumps(self.fields).encode()

    def changed(self, **fields):
        self.manifest = json.dumps({**self.fields, **fields}).encode()
        return self


class Listener(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # clients that had enough


def start(image=None, context=None, **lies):
    server = Listener(("127.0.0.1", 0), Registry)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    server.image, server.lies, server.asked = image or Image(), lies, 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Home:
    def __init__(self, path):
        self.path = path
        self.store = path / "store"
        self.settings = path / "registries.yaml"

    def pull(self, server, reference="m/m:1", hosts=""):
        self.settings.write_text(f"stall-seconds: 2\nattempts: 2\n{hosts}")
        return firn("pull", f"127.0.0.1:{server.server_port}/{reference}", "--name", "bad", "--store", self.store,
                    "--registries", self.settings, home=self.path, check=False, timeout=60)

    def refused(self, what, server, *words, **more):
        begin = time.time()
        done = self.pull(server, **more)
        took = time.time() - begin
        server.shutdown()
        good = done.returncode not in (0, 1) and all(w in done.stderr for w in words) and took < 30 \
            and "Sanitizer" not in done.stderr
        count.check(what, good, f"exit {done.returncode} after {took:.0f} s: {done.stderr}")
        left = list((self.store / "blobs" / "sha256").iterdir()) + list((self.store / "tmp").iterdir())
        count.check(f"{what}: nothing is stored", not left, str(left))


def endless(handler):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    try:
        while True:
            handler.wfile.write(piece)
    except OSError:
        pass


def stall(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    handler.wfile.write(b"x" * 10)
    handler.wfile.flush()
    time.sleep(15)


def silent(handler):
    time.sleep(15)


def short(handler):
    handler.answer(200, b"x" * 10, length=5000)
    handler.close_connection = True


def drip(handler):
    """A byte now and then."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    try:
        for _ in range(150):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.1)
    except OSError:
        pass


def another_range(handler):
    """Breaks off, then goes on elsewhere than it was asked to."""
    if not handler.headers.get("Range"):
        return short(handler)
    handler.send_response(206)
    handler.send_header("Content-Range", "bytes 4000-4009/5000")
    handler.send_header("Content-Length", "10")
    handler.end_headers()
    return handler.wfile.write(b"y" * 10)


def bytes_of(raw):
    """These bytes as the answer, then the end."""
    def answer(handler):
        handler.wfile.write(raw)
        handler.wfile.flush()
        handler.close_connection = True
    return answer


def drip_headers(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    try:
        for i in range(100):
            handler.wfile.write(b"X-%d: y\r\n" % i)
            handler.wfile.flush()
            time.sleep(0.1)
    except OSError:
        pass


def for_ever_continue(handler):
    try:
        while True:
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
    except OSError:
        pass


def a_byte_more(handler):
    """Goes on where it was asked to, for one byte."""
    first = int((handler.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
    handler.send_response(206 if first else 200)
    if first:
        handler.send_header("Content-Range", f"bytes {first}-4999/5000")
    handler.send_header("Content-Length", str(5000 - first))
    handler.end_headers()
    handler.wfile.write(b"z")
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def answers(status, body=b"", **headers):
    return lambda handler: handler.answer(status, body, **headers)


def many_headers(handler):
    handler.send_response(200)
    for i in range(4000):
        handler.send_header(f"X-{i}", "y" * 200)
    handler.send_header("Content-Length", "0")
    handler.end_headers()
