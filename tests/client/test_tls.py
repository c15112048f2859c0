# SPDX-License-Identifier: Apache-2.0
"""firn serve --https: the clients that people use, and those that misbehave."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import numpy
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import firn

PROGRAM = os.environ["FIRN_PROGRAM"]


def make_certificate(folder, name, subject="localhost"):
    """A certificate that is its own authority, and its key."""
    certificate, key = os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=" + subject, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key


class Server:
    def __init__(self, *arguments, **environment):
        self.process = subprocess.Popen([PROGRAM, "serve", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env={**os.environ, **environment})
        words = self.process.stdout.readline().split()
        self.urls = {word.split(":")[0]: word for word in words if "://" in word}
        self.port = int(self.urls["https"].rsplit(":", 1)[1])

    def close(self):
        self.process.terminate()
        code = self.process.wait(30)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


def shake(port, context, host="localhost"):
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname=host)


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="firn-tls-")
        cls.certificate, cls.key = make_certificate(cls.folder, "one")
        cls.server = Server("--store", cls.folder + "/store", "--https", "127.0.0.1:0", "--http", "127.0.0.1:0",
                            "--certificate", cls.certificate, "--key", cls.key, FIRN_HANDSHAKE_TIMEOUT_MS="700")
        cls.url = cls.server.urls["https"]
        x, y = load_iris(return_X_y=True)
        cls.x, cls.model = x, LogisticRegression(max_iter=500).fit(x, y)
        with cls.connect() as om:
            om.models.put(cls.model, "iris")

    @classmethod
    def tearDownClass(cls):
        code = cls.server.close()
        shutil.rmtree(cls.folder)
        assert code == 0, code

    @classmethod
    def connect(cls):
        return firn.connect(cls.url, ca=cls.certificate)

    def context(self, *protocols):
        context = ssl.create_default_context(cafile=self.certificate)
        if protocols:
            context.set_alpn_protocols(protocols)
        return context

    def metric(self, name):
        page = subprocess.run(["curl", "-s", self.server.urls["http"] + "/metrics"], capture_output=True, text=True, check=True).stdout
        return sum(float(line.split()[-1]) for line in page.splitlines() if line.startswith(name))

    def test_python_client(self):
        with self.connect() as om:
            self.assertEqual(list(om.runtime.model("iris").predict(self.x)), list(self.model.predict(self.x)))
            self.assertEqual(om.models.metadata("iris").number, 1)
        with self.assertRaises(firn.Unavailable) as caught:
            firn.connect(self.url).models.list()
        self.assertIn("TLS", str(caught.exception))

    def test_curl_speaks_both(self):
        body = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": list(self.x[0])}]})
        for option, version in (("--http1.1", "1.1"), ("--http2", "2")):
            done = subprocess.run(["curl", "-sS", option, "--cacert", self.certificate, "-w", "\n%{http_version}", "-d", body,
                                   self.url + "/v2/models/iris/infer"], capture_output=True, text=True)
            answer, _, spoken = done.stdout.rpartition("\n")
            self.assertEqual((done.returncode, spoken), (0, version), done.stderr)
            self.assertIn("outputs", json.loads(answer), answer)
        done = subprocess.run(["curl", "-sS", self.url + "/v2"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 60)  # not trusted
        done = subprocess.run(["curl", "-sS", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", "--cacert", self.certificate,
                               self.url + "/v2"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 35, done.stderr)

    def test_commands(self):
        """The program as a client: list, upload; and of whom it does not trust it says so."""
        def run(*arguments, **environment):
            return subprocess.run([PROGRAM, *arguments, "--server", self.url], capture_output=True, text=True,
                                  env={**os.environ, **environment}, timeout=60)
        trusted = run("list", FIRN_CA=self.certificate)
        self.assertEqual(trusted.returncode, 0, trusted.stderr)
        self.assertIn("iris", trusted.stdout)
        path = os.path.join(self.folder, "more.csv")
        with open(path, "w") as file:
            file.write("a,b\n1,2\n")
        self.assertNotEqual(run("upload", path, "--name", "more", FIRN_CA=self.certificate).returncode, 7)
        refused = run("list")
        self.assertEqual(refused.returncode, 7)
        self.assertIn("self-signed certificate", refused.stderr)
        self.assertIn("FIRN_CA", refused.stderr)

    def test_protocols(self):
        for offered, chosen in ((("h2", "http/1.1"), "h2"), (("http/1.1",), "http/1.1"), ((), None), (("x", "http/1.1"), "http/1.1")):
            with shake(self.server.port, self.context(*offered)) as sock:
                self.assertEqual(sock.selected_alpn_protocol(), chosen)
                self.assertIn(sock.version(), ("TLSv1.2", "TLSv1.3"))
                if chosen != "h2":
                    sock.sendall(b"GET /v2 HTTP/1.1\r\nHost: a.example\r\n\r\n")
                    self.assertTrue(sock.recv(20).startswith(b"HTTP/1.1 200"))
                else:  # which is not HTTP/1.1 then
                    sock.sendall(b"GET /v2 HTTP/1.1\r\nHost: a.example\r\n\r\n")
                    self.assertNotIn(b"HTTP/1.1", sock.recv(100))
        with self.assertRaises(OSError):
            shake(self.server.port, self.context("spdy/3")).recv(1)

    def test_grpc(self):
        try:
            import grpc
        except ImportError:
            self.skipTest("grpcio is missing")
        credentials = grpc.ssl_channel_credentials(open(self.certificate, "rb").read())
        with grpc.secure_channel("127.0.0.1:%d" % self.server.port, credentials) as channel:
            ready = channel.unary_unary("/inference.GRPCInferenceService/ServerReady")
            for _ in range(50):
                self.assertEqual(ready(b"", timeout=10), b"\x08\x01")
        with grpc.secure_channel("127.0.0.1:%d" % self.server.port, grpc.ssl_channel_credentials()) as channel:
            with self.assertRaises(grpc.RpcError) as caught:
                channel.unary_unary("/inference.GRPCInferenceService/ServerReady")(b"", timeout=5)
            self.assertIs(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)

    def test_large_bodies_and_uploads(self):
        """Bodies of many records, both ways, in one piece and in chunks, whole with the head and not."""
        rows = numpy.random.default_rng(0).normal(size=(60000, 4))
        with self.connect() as om:
            self.assertTrue((om.runtime.model("iris").predict(rows) == self.model.predict(rows)).all())
        path = os.path.join(self.folder, "large.bin")
        with open(path, "wb") as file:
            file.write(os.urandom(9 << 20))
        import joblib
        small = os.path.join(self.folder, "small.joblib")
        joblib.dump(self.model, small)
        for option in ("--http1.1", "--http2"):
            for source, code in ((small, "20."), (path, "422")):
                done = subprocess.run(["curl", "-sS", option, "--cacert", self.certificate, "-T", source,
                                       "-w", "\n%{http_code}", self.url + "/api/models/again?file=m.joblib"],
                                      capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertRegex(done.stdout.rpartition("\n")[2], code, done.stdout)

    def test_slow_reader(self):
        """An answer that the client takes in small pieces comes whole."""
        rows = numpy.random.default_rng(1).normal(size=(40000, 4))
        body = json.dumps({"inputs": [{"name": "x", "shape": list(rows.shape), "datatype": "FP64", "data": rows.ravel().tolist()}]}).encode()
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(30)
        sock.connect(("127.0.0.1", self.server.port))
        with self.context().wrap_socket(sock, server_hostname="localhost") as secure:
            secure.sendall(b"POST /v2/models/iris/infer HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            time.sleep(0.5)
            got = b""
            while True:
                piece = secure.recv(3000)
                if not piece:
                    break
                got += piece
        head, _, answer = got.partition(b"\r\n\r\n")
        self.assertIn(b"200", head.split(b"\r\n")[0])
        outputs = {o["name"]: o for o in json.loads(answer)["outputs"]}
        self.assertIn([40000], [o["shape"][:1] for o in outputs.values()])

    def test_plain_to_the_port(self):
        with socket.create_connection(("127.0.0.1", self.server.port), 10) as sock:
            sock.sendall(b"GET /v2 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while True:
                piece = sock.recv(1000)
                if not piece:
                    break
                answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertIn(b"400", head)
        self.assertIn(b"Content-Length: %d" % len(body), head)
        self.assertIn("https", json.loads(body)["error"])
        for bad in (os.urandom(300), b"\x16\x03\x01\xff\xff" + os.urandom(300), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x80" * 50):
            with socket.create_connection(("127.0.0.1", self.server.port), 10) as sock:
                sock.sendall(bad)
                try:
                    while sock.recv(1000):
                        pass
                except ConnectionError:
                    pass
        with socket.create_connection(("127.0.0.1", int(self.server.urls["http"].rsplit(":", 1)[1])), 10) as sock:
            with self.assertRaises(OSError):  # TLS to the plain port
                self.context().wrap_socket(sock, server_hostname="localhost")
        self.assertGreaterEqual(self.metric('firn_tls_handshakes_total{result="plain"}'), 1)

    def test_slow_handshakes(self):
        """Silent ones are closed, and cost nobody else anything meanwhile."""
        before = self.metric('firn_timeouts_total{what="handshake"}')
        begun = time.monotonic()
        silent = [socket.create_connection(("127.0.0.1", self.server.port), 10) for _ in range(20)]
        for sock in silent[10:]:
            sock.sendall(b"\x16\x03\x01\x02\x00\x01")
        with self.connect() as om:
            self.assertTrue(om.models.exists("iris"))
        for sock in silent:
            with sock:
                self.assertEqual(sock.recv(10), b"")
        self.assertLess(time.monotonic() - begun, 5)
        self.assertGreaterEqual(self.metric('firn_timeouts_total{what="handshake"}') - before, 20)

    def test_handshake_in_pieces(self):
        """A ClientHello byte by byte, and clients that leave in the middle of anything."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self.context("http/1.1").wrap_bio(incoming, outgoing, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", self.server.port), 10) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def push(pieces):
                data = outgoing.read()
                for at in range(0, len(data), pieces):
                    sock.sendall(data[at:at + pieces])

            while True:
                try:
                    client.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    push(7)
                    incoming.write(sock.recv(16384))
            client.write(b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
            push(1)
            got = b""
            while got.count(b"HTTP/1.1 200") < 3:
                try:
                    got += client.read(4096)
                except ssl.SSLWantReadError:
                    incoming.write(sock.recv(16384))
            client.write(b"GET /v2 HTTP/1.1\r\n")
            half = outgoing.read()
            sock.sendall(half[:len(half) - 3])
        for cut in (1, 5, 100, 200):
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            client = self.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
            with self.assertRaises(ssl.SSLWantReadError):
                client.do_handshake()
            with socket.create_connection(("127.0.0.1", self.server.port), 10) as sock:
                sock.sendall(outgoing.read()[:cut])
        with self.connect() as om:
            self.assertTrue(om.models.exists("iris"))

    def test_spoiled_records(self):
        """A record that was changed on its way ends the connection, and nothing else."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", self.server.port), 10) as sock:
            while True:
                try:
                    client.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
                    incoming.write(sock.recv(16384))
            sock.sendall(outgoing.read())
            client.write(b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n")
            record = bytearray(outgoing.read())
            record[-1] ^= 1
            sock.sendall(record)
            try:
                while True:
                    piece = sock.recv(1000)
                    if not piece:
                        break
                    self.assertNotIn(b"HTTP/", piece)
            except ConnectionError:
                pass

    def test_many_at_once(self):
        """Threads that connect, predict and leave."""
        failures = []

        def work():
            try:
                for _ in range(5):
                    with self.connect() as om:
                        for _ in range(5):
                            om.runtime.model("iris").predict(self.x[:3])
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


class Certificates(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="firn-tls-")
        self.addCleanup(shutil.rmtree, self.folder)

    def test_read_again(self):
        """SIGHUP: connections to come see the new certificate, open ones live on, a bad one is refused."""
        certificate, key = make_certificate(self.folder, "one")
        server = Server("--store", self.folder + "/store", "--https", "127.0.0.1:0", "--certificate", certificate, "--key", key)
        self.addCleanup(server.close)
        self.assertNotIn("http", server.urls)

        def seen():
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with shake(server.port, context) as sock:
                return sock.getpeercert(True)

        first = seen()
        with firn.connect(server.urls["https"], ca=certificate) as om:
            self.assertEqual(om.models.list("*"), [])
            second = make_certificate(self.folder, "two")
            shutil.copy(second[1], key)
            shutil.copy(second[0], certificate)
            server.process.send_signal(signal.SIGHUP)
            self.assertIn("again", server.process.stderr.readline())
            self.assertEqual(om.models.list("*"), [])
        self.assertNotEqual(seen(), first)
        with open(key, "w") as file:
            file.write("no key")
        server.process.send_signal(signal.SIGHUP)
        self.assertIn("the old certificate stays", server.process.stderr.readline())
        self.assertNotEqual(seen(), first)

    def test_bad_files(self):
        certificate, key = make_certificate(self.folder, "one")
        other = make_certificate(self.folder, "two")[1]
        locked = os.path.join(self.folder, "locked.key")
        subprocess.run(["openssl", "ec", "-in", key, "-aes128", "-passout", "pass:x", "-out", locked], check=True, capture_output=True)
        for arguments, why in ((("--certificate", self.folder + "/none.pem", "--key", key), "No such file"),
                               (("--certificate", certificate, "--key", other), "key values mismatch"),
                               (("--certificate", certificate), "as its key"),
                               (("--certificate", key, "--key", key), "as a certificate"),
                               (("--certificate", certificate, "--key", locked), "without a password"),
                               (("--key", key), "needs --certificate")):
            done = subprocess.run([PROGRAM, "serve", "--store", self.folder + "/store", "--https", "127.0.0.1:0", *arguments],
                                  capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(why, done.stderr)


if __name__ == "__main__":
    unittest.main()
