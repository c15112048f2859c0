#!/usr/bin/env python3
"""A registry that lies, stalls and redirects: each time a clear error that names the object, nothing stored, no
credentials where they do not belong. The last line is "hostile: N passed, N failed"."""
import base64
import concurrent.futures
import gzip
import json
import os
import pathlib
import socket
import ssl
import subprocess
import time

from common import EXAMPLES, FIRN, environment, firn, folder, free_port, missing, sha256
from layers import layer
from liar import (MODEL, SEEN, Home, Image, Registry, a_byte_more, another_range, answers, bytes_of, count, drip,
                  drip_headers, endless, for_ever_continue, many_headers, short, silent, stall, start)


def lies(home):
    layer_digest = Image().fields["layers"][0]["digest"]
    other = b"y" * len(layer([("model/files/model.joblib", MODEL)])[0])
    home.refused("a layer with other bytes", start(layer=answers(200, other)), layer_digest, "other bytes")
    home.refused("a configuration with other bytes", start(config=answers(200, b"{}" + b" " * (len(
        Image().blobs[Image().config_digest]) - 2))), Image().config_digest, "other bytes")
    home.refused("a manifest with other bytes", start(manifest=answers(200, b'{"schemaVersion":2}')), "sha256:00",
                 "other bytes", reference="m/m@sha256:" + "0" * 64)
    home.refused("a longer layer", start(layer=answers(200, other + b"more")), layer_digest, "longer than")
    home.refused("a shorter layer", start(layer=answers(200, other[:100])), layer_digest, "ends at byte 100")
    home.refused("a body that is cut off", start(layer=short), layer_digest)
    home.refused("an endless layer", start(layer=endless), layer_digest, "longer than")
    home.refused("an endless manifest", start(manifest=endless), "manifest 1", "more than 4194304 bytes")
    home.refused("a manifest called by another digest", start(manifest=lambda handler: handler.answer(
        200, Image().manifest, Content_Type=Image.type, Docker_Content_Digest="sha256:" + "0" * 64)), "manifest 1",
                 "other bytes")
    home.refused("an endless configuration", start(config=endless), Image().config_digest, "longer than")
    home.refused("a stalled layer", start(layer=stall), layer_digest, "no progress for 2 s")
    home.refused("a layer that goes on elsewhere", start(layer=another_range), layer_digest)
    home.refused("a layer said to be of another length", start(layer=answers(200, other, length=len(other) + 5)), layer_digest)
    home.refused("a packed manifest", start(manifest=answers(200, gzip.compress(Image().manifest), Content_Encoding="gzip")),
                 "manifest 1")
    home.refused("a layer without content", start(layer=answers(204)), layer_digest)
    home.refused("a layer that is not modified", start(layer=answers(304)), layer_digest)
    home.refused("a registry that says nothing", start(ping=silent), "no progress for 2 s")
    home.refused("a layer that is not there", start(layer=answers(404)), layer_digest, "answer 404")
    home.refused("failures on end", start(layer=answers(503)), layer_digest, "answer 503")
    home.refused("too many headers", start(manifest=many_headers), "headers")
    home.refused("no such tag", start(manifest=answers(
        404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown \\u001b[31m"}]}')), "manifest 1", "MANIFEST_UNKNOWN")
    home.refused("something else than a registry", start(ping=answers(200, b"hi"), manifest=answers(200, b"<html>")),
                 "manifest 1")


def wires(home):
    """HTTP that is none, or says two things at once."""
    layer_digest = Image().fields["layers"][0]["digest"]
    size = len(layer([("model/files/model.joblib", MODEL)])[0])
    for what, raw in [
            ("no HTTP", b"SSH-2.0-OpenSSH_9\r\n"), ("HTTP 0.9", b"x" * 100), ("HTTP without a status", b"HTTP/1.1 \r\n\r\n"),
            ("a status that is no number", b"HTTP/1.1 abc OK\r\n\r\n"), ("nothing at all", b""),
            ("a negative length", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n" + b"y" * size),
            ("a length that overflows", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n" + b"y" * size),
            ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nyyyyyyy"),
            ("chunks without end", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nyyyyy\r\n"),
            ("a chunk of no size", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nyyyyy\r\n0\r\n\r\n"),
            ("a header without end", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300000)]:
        home.refused(f"a layer with {what}", start(layer=bytes_of(raw)), layer_digest)
    home.refused("a layer in connections of a byte", start(layer=a_byte_more), layer_digest)
    home.refused("headers that drip", start(manifest=drip_headers), "manifest 1", "no progress for 2 s")
    home.refused("a registry that says \"go on\" without end", start(manifest=for_ever_continue), "headers")


def waits(home):
    """Retry-After, sane and not."""
    layer_digest = Image().fields["layers"][0]["digest"]
    for status, after, words in [(429, "86400", "answer 429 (it wants to be asked again in 86400 s)"), (503, "61", "in 61 s"),
                                 (429, "9223372036854775807", "in 9223372036854775807 s"), (503, "-5", "answer 503"),
                                 (503, "99999999999999999999", "answer 503"), (503, "soon", "answer 503"),
                                 (429, "Fri, 31 Dec 9999 23:59:59 GMT", "answer 429"), (503, "1", "in 1 s")]:
        begin = time.time()
        home.refused(f"{status}, again after {after[:30]}", start(layer=answers(status, Retry_After=after)), layer_digest, words)
        count.check(f"{status}, {after[:30]}: nobody waits for that", time.time() - begin < 10)
    home.refused("a registry that is away for a day", start(ping=answers(503, Retry_After="86400")), "registry 127.0.0.1",
                 "in 86400 s")
    server = start()

    def away_once(handler):
        del server.lies["layer"]
        return handler.answer(429, Retry_After="1")

    server.lies["layer"] = away_once
    begin = time.time()
    done = home.pull(server)
    server.shutdown()
    count.check("one that was busy is asked again, when it said", done.returncode == 0 and time.time() - begin >= 1, done.stderr)


def token_loops(home):
    """Tokens that lead to more tokens."""
    def challenge(port, path="token", **more):
        return answers(401, WWW_Authenticate=f'Bearer realm="http://127.0.0.1:{port}/{path}",service="s"', **more)

    for what, word, token in [
            ("wants a token itself", "answer 401", lambda port: challenge(port)),
            ("sends to itself", "more than 5 redirects", lambda port: answers(307, Location=f"http://127.0.0.1:{port}/token")),
            ("is busy for a day", "in 86400 s", lambda port: answers(429, Retry_After="86400")),
            ("fails on end", "answer 500", lambda port: answers(500))]:
        server = start()
        server.lies.update(ping=challenge(server.server_port), token=token(server.server_port))
        home.refused(f"a token server that {what}", server, "token of", word)
        count.check(f"a token server that {what}: it is not asked for ever", server.asked < 20, str(server.asked))
    for kind in ("manifest", "layer"):
        server = start(token=answers(200, b'{"token":"t"}'))
        server.lies[kind] = challenge(server.server_port)
        home.refused(f"a token that is never good for a {kind}", server, "refuses the credentials")
        count.check(f"no token for a {kind}: it is not asked for ever", server.asked < 20, str(server.asked))


def secure(home):
    """From https nothing leads to plain http: not a layer, a token, or what is uploaded."""
    if missing("openssl"):
        print("SKIPPED registries over TLS: no openssl")
        return
    key, certificate = home.path / "key.pem", home.path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    key, "-out", certificate, "-days", "2", "-subj", "/CN=firn test", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    victim = start()
    plain = f"http://127.0.0.1:{victim.server_port}"
    store = home.path / "whole"
    firn("upload", EXAMPLES / "iris.joblib", "--store", store, home=home.path)

    def begins(handler):
        return handler.answer(202, Location=f"{plain}/v2/m/m/blobs/uploads/1")

    for what, words, lies in [
            ("a layer", "from https to plain http", {"layer": answers(307, Location=f"{plain}/blob")}),
            ("a manifest", "from https to plain http", {"manifest": answers(302, Location=f"{plain}/blob")}),
            ("a token", "without TLS", {"ping": answers(401, WWW_Authenticate=f'Bearer realm="{plain}/token"')}),
            ("a file", "no URL of http", {"layer": answers(307, Location="file:///etc/passwd")})]:
        server = start(context=context, **lies)
        home.refused(f"https: {what} without TLS", server, words, hosts=f"hosts:\n  127.0.0.1:{server.server_port}:\n"
                     f"    ca: {certificate}\n")
    server = start(context=context, layer=answers(404), config=answers(404), other=begins)
    home.settings.write_text(f"stall-seconds: 2\nattempts: 2\nhosts:\n  127.0.0.1:{server.server_port}:\n    ca: {certificate}\n")
    done = firn("push", "iris", f"127.0.0.1:{server.server_port}/m/m", "--store", store, "--registries", home.settings,
                home=home.path, check=False, timeout=60)
    server.shutdown()
    count.check("https: an upload without TLS", done.returncode not in (0, 1) and "from https to plain http" in done.stderr,
                done.stderr)
    count.check("nobody was asked without TLS", not victim.asked)
    good = start(context=context)
    done = home.pull(good, hosts=f"hosts:\n  127.0.0.1:{good.server_port}:\n    ca: {certificate}\n")
    good.shutdown(), victim.shutdown()
    count.check("https: an honest one", done.returncode == 0, done.stderr)


def full(home):
    """A disk that is full while a layer comes: said, nothing stays, and the store goes on."""
    if os.geteuid() or missing("unshare", "mount"):
        print("SKIPPED a full disk: not root")
        return
    big = start(Image([layer([("model/files/model.joblib", MODEL), ("other", os.urandom(8 << 20))])]))
    small = start()
    home.settings.write_text("stall-seconds: 5\nattempts: 2\n")
    home.store.mkdir()

    def pull(server):
        return f"{FIRN} pull 127.0.0.1:{server.server_port}/m/m:1 --name m --store {home.store} --registries {home.settings}"

    script = (f"mount -t tmpfs -o size=4m none {home.store} && {{ {pull(big)}; echo exit $?; find {home.store}/tmp "
              f"{home.store}/blobs -type f; {pull(small)}; echo exit $?; {FIRN} verify --store {home.store}; }}")
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, timeout=60,
                          env=environment(home.path))
    big.shutdown(), small.shutdown()
    if "exit" not in done.stdout:
        print("SKIPPED a full disk: " + done.stderr.strip()[-200:])
        return
    said = done.stdout.split("exit ")
    count.check("a disk that is full", "No space left" in done.stderr and not said[1].startswith(("0", "1")),
                done.stdout + done.stderr)
    count.check("a disk that is full: nothing stays", str(home.store) not in said[1].split("version")[0], said[1])
    count.check("a smaller image fits after it", said[2].startswith("0") and "agrees" in said[2], done.stdout + done.stderr)


def drips(home):
    layer_digest = Image().fields["layers"][0]["digest"]
    home.refused("a layer that drips", start(layer=drip), layer_digest, "no progress for 2 s")
    home.refused("a manifest that drips", start(manifest=drip), "manifest 1", "no progress for 2 s")


def token_servers(home):
    victim = start()
    away = f"http://127.0.0.1:{victim.server_port}/secret"
    for what, lie, word in [
            ("an endless token", endless, "token"), ("a token that drips", drip, "no progress for 2 s"),
            ("a token server that says nothing", silent, "no progress for 2 s"),
            ("a token server that sends to a file", answers(307, Location="file:///etc/passwd"), "no URL of http"),
            ("a token server that sends to this machine", answers(307, Location=away), "address of this machine")]:
        both = start(token=lie)
        both.lies["ping"] = (lambda port: lambda handler: handler.answer(
            401, WWW_Authenticate=f'Bearer realm="http://127.0.0.1:{port}/token",service="s"'))(both.server_port)
        home.refused(what, both, word, hosts=f"hosts:\n  127.0.0.1:{both.server_port}:\n    username: ci\n"
                     "    password: s3cret\n")
        count.check(f"{what}: nobody else is asked", not victim.asked)
    victim.shutdown()


def manifests(home):
    one = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": sha256(b"x"), "size": 1}
    huge = Image().changed(config={"digest": sha256(b"c"), "size": 1 << 50})
    for what, image, word in [
            ("no JSON", Image(manifest=b"{"), "manifest 1"), ("an array", Image(manifest=b"[]"), "not an object"),
            ("deep nesting", Image(manifest=b'{"a":' + b"[" * 100000), "manifest 1"),
            ("schema version 1", Image(manifest=b'{"schemaVersion":1}'), "schema version 2"),
            ("no layers", Image().changed(layers=None), "no list of layers"),
            ("1,000 layers", Image().changed(layers=[one] * 1000), "more than 128"),
            ("a layer of a negative size", Image().changed(layers=[{**one, "size": -1}]), "no size"),
            ("a layer of 8 EiB", Image().changed(layers=[{**one, "size": (1 << 63) - 1}]), "more than 1099511627776"),
            ("a digest of another kind", Image().changed(layers=[{**one, "digest": "sha512:00"}]), "no sha256"),
            ("a digest with a path in it", Image().changed(layers=[{**one, "digest": "sha256:../../../../etc/passwd"}]),
             "no sha256"), ("an immense configuration", huge, "more than 4194304"),
            ("a configuration that is no JSON", Image(config=b"nothing"), "configuration"),
            ("an index in an index", Image(manifest=json.dumps({"schemaVersion": 2, "manifests": [
                {"digest": sha256(b"x"), "size": 1}]}).encode()), "other bytes")]:
        home.refused(f"a manifest with {what}", start(image), word)


def layers(home):
    import tarfile
    wide = [(f"model/files/{i}", b"") for i in range(100100)]
    cases = [
        ("escapes", "leaves the root", [layer([("model/files/../../../../tmp/x", b"1")])]),
        ("is a symbolic link", "symbolic link", [layer([("model/files/m", None, tarfile.SYMTYPE, "/etc/passwd")])]),
        ("is a hard link", "hard link", [layer([("model/files/m", None, tarfile.LNKTYPE, "/etc/passwd")])]),
        ("is a device", "device", [layer([("model/files/m", None, tarfile.BLKTYPE, "")])]),
        ("is a pipe", "device", [layer([("model/files/m", None, tarfile.FIFOTYPE, "")])]),
        ("has 100,100 files", "more than 100000 members", [layer(wide, "gzip")]),
        ("has one file twice", "twice", [layer([("model/files/m", b"1"), ("model/files/m", b"2")])]),
        ("is no tar", "broken tar", [(b"x" * 2000, "application/vnd.oci.image.layer.v1.tar")]),
        ("is broken gzip", "gzip", [(layer([("m", MODEL)], "gzip")[0][:200], "application/vnd.oci.image.layer.v1.tar+gzip")]),
        ("is a bomb", "", [(gzip.compress(gzip.compress(b"\0" * (1 << 26), 9) * 50, 9), "x")]),
        ("unpacks to nothing that is a model", "no known format", [layer([("model/files/model.joblib", b"\0" * 5000)])])]
    for what, word, made in cases:
        home.refused(f"a layer that {what}", start(Image(made)), word)
    labels = {"org.opencontainers.image.title": "../../x", "io.firn.format": "sklearn-joblib", "io.firn.framework": "s",
              "io.firn.framework.version": "1", "io.firn.contract.digest": sha256(b"[]")}
    for what, word, entries, changed in [
            ("without a contract", "no /model/contract.json", [("model/files/model.joblib", MODEL)], {}),
            ("with another contract", "not the one that its label names",
             [("model/contract.json", b"{}"), ("model/files/model.joblib", MODEL)], {}),
            ("with a contract of another model", "contract",
             [("model/contract.json", b"[]"), ("model/files/model.joblib", MODEL)], {}),
            ("that is an application", "application", [("model/contract.json", b"[]"), ("model/files/model", MODEL)],
             {"io.firn.format": "firn-application"}),
            ("with an immense contract", "", [("model/contract.json", b" " * (9 << 20)), ("model/files/m", MODEL)], {})]:
        made = layer(entries)
        config = json.dumps({"config": {"Labels": {**labels, **changed}}, "rootfs": {
            "type": "layers", "diff_ids": [sha256(made[0])]}}).encode()
        home.refused(f"an image like ours {what}", start(Image([made], config)), word)


def leaks(home):
    """Where requests go, and what goes with them."""
    victim = start()
    secret = base64.b64encode(b"ci:s3cret").decode()

    def credentials(server, more=""):
        return f"hosts:\n  127.0.0.1:{server.server_port}:\n    username: ci\n    password: s3cret\n{more}"

    def run(what, server, *words, refused=True, **more):
        del SEEN[:]
        if refused:
            home.refused(what, server, *words, **more)
        return [seen for seen in SEEN if seen[0] == victim.server_port]

    away = f"http://127.0.0.1:{victim.server_port}"
    reached = run("a layer elsewhere on this machine", start(layer=answers(307, Location=f"{away}/secret")),
                  "address of this machine")
    count.check("it was not asked", not reached, str(reached))
    reached = run("the link's own addresses", start(layer=answers(307, Location="http://169.254.169.254/latest")),
                  "address of this machine")
    for address in ("http://[::1]:1/", "http://[::ffff:127.0.0.1]:1/", "http://0.0.0.0:1/", "http://2130706433:1/"):
        run(f"a redirect to {address}", start(layer=answers(307, Location=address)), "address of this machine")
    for scheme in ("file:///etc/passwd", "gopher://127.0.0.1:1/x", "ftp://203.0.113.1/"):
        run(f"a redirect to {scheme}", start(layer=answers(307, Location=scheme)), "no URL of http")
    loop = start()
    loop.lies["layer"] = lambda handler: handler.answer(307, Location=handler.path)
    run("redirects without end", loop, "more than 5 redirects")
    run("a redirect to nowhere", start(layer=answers(307)), "leads nowhere")

    def guarded(handler):
        if handler.headers.get("Authorization") == f"Basic {secret}":
            return handler.answer(200, b"{}")
        return handler.answer(401, WWW_Authenticate='Basic realm="x"')

    server = start(ping=guarded, layer=answers(307, Location=f"{away}/blob"))
    named = credentials(server, f"  127.0.0.1:{victim.server_port}:\n    plain-http: true\n")
    reached = run("a redirect to another host that the user named", server, "answer 404", hosts=named)
    count.check("it gets no credentials", reached and not any(seen[2] for seen in reached), str(reached))
    tokens = start()
    tokens.lies["ping"] = answers(401, WWW_Authenticate=f'Bearer realm="{away}/token",service="s"')
    reached = run("tokens at another host", tokens, "would get the password", hosts=credentials(tokens))
    count.check("the other host gets no password", not reached, str(reached))
    loop = start(ping=answers(401, WWW_Authenticate='Basic realm="x"'))
    run("401 without end", loop, "refuses the credentials", hosts=credentials(loop))
    both = start()
    both.lies["token"] = answers(200, b'{"token":"t"}')
    both.lies["ping"] = lambda handler: handler.answer(
        401, WWW_Authenticate=f'Bearer realm="http://127.0.0.1:{both.server_port}/token",service="s"')
    run("tokens that are never accepted", both, "refuses the credentials")
    for what, body in [("no JSON", b"x"), ("no token", b"{}"), ("a token with a line end", b'{"token":"a\\r\\nX: y"}'),
                       ("an immense one", b'{"token":"' + b"a" * (1 << 20) + b'"}')]:
        both = start(token=answers(200, body))
        both.lies["ping"] = (lambda port: lambda handler: handler.answer(
            401, WWW_Authenticate=f'Bearer realm="http://127.0.0.1:{port}/token"'))(both.server_port)
        run(f"a token answer with {what}", both, "token")
    for realm in ("http://user:pass@127.0.0.1:1/token", "http://127.0.0.1:99999/token", "http:///token", "//127.0.0.1/token",
                  "http://127.0.0.1 /token", "HTTP://[::1/token", "javascript:x", "http://169.254.169.254/latest/api/token"):
        server = start(ping=answers(401, WWW_Authenticate=f'Bearer realm="{realm}",service="s"'))
        run(f"tokens at {realm}", server, "registry", hosts=credentials(server))
    for challenge in ("", "Digest x", "Bearer", 'Bearer realm="', 'Bearer realm="file:///etc/passwd"', "Bearer realm=" +
                      "x" * 3000):
        server = start(ping=answers(401, **({"WWW_Authenticate": challenge} if challenge else {})))
        run(f"the challenge {challenge[:30]!r}", server, "registry")
    victim.shutdown()


def broken_line(home):
    """Connections that break: a large layer arrives in the end, an upload goes on where it was."""
    data = layer([("model/files/model.joblib", MODEL), ("other", b"z" * 3000000)])
    server = start(Image([data]))

    def dropping(handler):
        first = int((handler.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
        handler.send_response(206 if first else 200)
        if first:
            handler.send_header("Content-Range", f"bytes {first}-{len(data[0]) - 1}/{len(data[0])}")
        handler.send_header("Content-Length", str(len(data[0]) - first))
        handler.end_headers()
        handler.wfile.write(data[0][first:first + 1000000])
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    server.lies["layer"] = dropping
    done = home.pull(server)
    count.check("a layer over connections that break", done.returncode == 0, done.stderr)

    def from_the_start(handler):
        del server.lies["layer"]
        dropping(handler)

    server.lies["layer"] = from_the_start
    home.store = home.path / "again"
    done = home.pull(server)
    count.check("a registry without ranges", done.returncode == 0, done.stderr)
    server.shutdown()


def resumed(home):
    """A registry that keeps what came of a part that broke off: the upload goes on there, nothing is sent twice."""
    store, model = home.path / "whole", home.path / "model"
    model.mkdir()
    (model / "model.joblib").write_bytes(MODEL)
    with open(model / "weights.bin", "wb") as file:
        file.truncate(150 << 20)
    firn("upload", model, "--name", "large", "--store", store, home=home.path)
    server = start(layer=answers(404), config=answers(404))
    got, breaks, sizes = bytearray(), [70 << 20, 100 << 20], []

    class Whole(Registry):
        def do_PATCH(self):
            first = int(self.headers["Content-Range"].split("-")[0])
            left = int(self.headers["Content-Length"])
            if first != len(got):
                return self.answer(416)
            while left:
                piece = self.rfile.read(min(left, 1 << 20))
                got.extend(piece)
                left -= len(piece)
                if breaks and len(got) >= breaks[0]:
                    breaks.pop(0)
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return None
            return self.answer(202, Location="/v2/m/m/blobs/uploads/1", Range=f"0-{len(got) - 1}")

        def do_POST(self):
            del got[:]
            self.answer(202, Location="/v2/m/m/blobs/uploads/1")

        def do_PUT(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if "digest=" in self.path:
                sizes.append((len(got), sha256(bytes(got)), self.path.split("digest=")[1].replace("%3A", ":")))
            self.answer(201)

        def do_GET(self):
            if "/uploads/" in self.path:
                return self.answer(204, Range=f"0-{len(got) - 1}")
            return Registry.do_GET(self)

    server.RequestHandlerClass = Whole
    home.settings.write_text("stall-seconds: 20\n")
    done = firn("push", "large", f"127.0.0.1:{server.server_port}/m/m", "--store", store, "--registries", home.settings,
                home=home.path, check=False, timeout=60)
    server.shutdown()
    count.check("an upload goes on where it broke off", done.returncode == 0 and not breaks, done.stderr)
    count.check("what came is the layer", sizes and sizes[0][1] == sizes[0][2], str(sizes))


def creeping(home):
    """A registry that says after each failure that it has one byte more: the upload ends."""
    store, model = home.path / "whole", home.path / "model"
    model.mkdir()
    (model / "model.joblib").write_bytes(MODEL)
    with open(model / "weights.bin", "wb") as file:
        file.truncate(65 << 20)
    firn("upload", model, "--name", "large", "--store", store, home=home.path)
    server = start(layer=answers(404), config=answers(404))
    has = [0]

    class Creeping(Registry):
        def do_PATCH(self):
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

        def do_POST(self):
            self.answer(202, Location="/v2/m/m/blobs/uploads/1")

        def do_GET(self):
            self.server.asked += 1
            if "/uploads/" in self.path:
                has[0] += 1
                return self.answer(204, Range=f"0-{has[0]}")
            return Registry.do_GET(self)

    server.RequestHandlerClass = Creeping
    home.settings.write_text("stall-seconds: 2\nattempts: 3\n")
    done = firn("push", "large", f"127.0.0.1:{server.server_port}/m/m", "--store", store, "--registries", home.settings,
                home=home.path, check=False, timeout=60)
    server.shutdown()
    count.check("an upload that gets on by a byte", done.returncode not in (0, 1) and has[0] < 10,
                f"exit {done.returncode}, {has}: {done.stderr}")


def uploads(home):
    """A registry that misbehaves while it is written to."""
    store = home.path / "whole"
    firn("upload", EXAMPLES / "iris.joblib", "--store", store, home=home.path)

    def upload(method, answer):
        def other(handler):
            if handler.command == method:
                return answer(handler)
            return handler.answer(202, Location="/v2/m/m/blobs/uploads/1")
        return other

    absent = {"layer": answers(404), "config": answers(404)}
    for what, words, lie in [
            ("an upload that leads nowhere", "not where to upload", upload("POST", answers(202))),
            ("an upload to this machine's own services", "address of this machine",
             upload("POST", answers(202, Location="http://127.0.0.1:1/x"))),
            ("an upload that is refused", "DENIED", upload("PUT", answers(
                403, b'{"errors":[{"code":"DENIED","message":"no"}]}'))),
            ("an upload that fails on end", "answer 500", upload("PUT", answers(500))),
            ("an upload that is busy for a day", "in 86400 s", upload("PUT", answers(429, Retry_After="86400"))),
            ("an upload that stalls", "no progress", upload("PUT", silent))]:
        server_lies = {**absent, "other": lie}
        server = start(**server_lies)
        home.settings.write_text("stall-seconds: 2\nattempts: 2\n")
        done = firn("push", "iris", f"127.0.0.1:{server.server_port}/m/m", "--store", store, "--registries",
                    home.settings, home=home.path, check=False, timeout=60)
        server.shutdown()
        count.check(what, done.returncode not in (0, 1) and words in done.stderr, done.stderr)
    server = start(other=upload("PUT", answers(201)), layer=answers(404), config=answers(404),
                   manifest=answers(201, Docker_Content_Digest="sha256:" + "0" * 64))
    done = firn("push", "iris", f"127.0.0.1:{server.server_port}/m/m", "--store", store, home=home.path, check=False)
    server.shutdown()
    count.check("a registry that has it as another one", "as another one" in done.stderr, done.stderr)
    shown = firn("show", "iris", "--store", store, home=home.path).stdout
    count.check("no push is remembered", "pushed" not in shown, shown)
    done = firn("push", "iris", f"127.0.0.1:{free_port()}/m/m", "--store", store, "--registries", home.settings,
                home=home.path, check=False)
    count.check("no registry at all", done.returncode == 7 and "registry 127.0.0.1" in done.stderr, done.stderr)


def main():
    with folder() as name, concurrent.futures.ThreadPoolExecutor() as pool:
        runs = {}
        for run in (lies, drips, wires, waits, token_servers, token_loops, secure, full, manifests, layers, leaks, broken_line,
                    resumed, creeping, uploads):
            place = pathlib.Path(name, run.__name__)
            place.mkdir()
            runs[run.__name__] = pool.submit(run, Home(place))
        for name, run in runs.items():
            count.check(name, not run.exception(), repr(run.exception()))
    count.done()


main()
