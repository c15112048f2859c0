#!/usr/bin/env python3
"""Images and the programs of others: Debian's docker-registry, skopeo, umoci, bubblewrap.

push -> skopeo copy -> umoci unpack -> started under bwrap without a library of the host -> answers as the server
does; credentials, TLS, mounting, models out of images that others made, 2 GB in constant memory. The last line is
"images: N passed, N failed"."""
import base64
import contextlib
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from common import (EXAMPLES, FIRN, IRIS, STANDALONE, Count, Server, contained, digest, environment, firn, folder,
                    free_port, missing, post, registry, sha256, unpack, wait_for)

count = Count("images")


def tags(host, name):
    return json.loads(wait_for(f"http://{host}/v2/{name}/tags/list"))["tags"]


def journey(home, host, store):
    """The figure of the issue: pushed, copied, unpacked, started alone, the same answer."""
    firn("upload", EXAMPLES / "iris.joblib", "--store", store, home=home)
    stored = firn("show", "iris", "--store", store, home=home).stdout
    pushed = firn("push", "iris", f"{host}/models/iris", "--store", store, home=home).stdout
    count.check("the image has the version's digest", digest(pushed) == digest(stored))
    shown = firn("show", "iris", "--store", store, home=home).stdout
    count.check("show says where it was pushed", f"{host}/models/iris:1" in shown, shown)
    inspected = json.loads(subprocess.run(
        ["skopeo", "inspect", "--tls-verify=false", f"docker://{host}/models/iris:1"], check=True,
        capture_output=True, env=environment(home)).stdout)
    count.check("skopeo sees the same digest", inspected["Digest"] == digest(pushed))
    again = firn("push", "iris", f"{host}/models/iris:latest", "--store", store, home=home).stdout
    count.check("a second push sends nothing", "2 of 2 blobs were there" in again, again)
    mounted = firn("push", "iris", f"{host}/other/iris", "--store", store, home=home).stdout
    count.check("a layer is mounted from another repository", "1 of 2 blobs were there" in mounted, mounted)
    other = home / "other"
    firn("pull", f"{host}/models/iris:1", "--store", other, home=home)
    count.check("a pulled version has the same digest",
                digest(firn("show", "iris", "--store", other, home=home).stdout) == digest(stored))
    named = firn("pull", f"{host}/models/iris@{digest(pushed)}", "--name", "flowers", "--store", other, home=home)
    count.check("pull by digest under another name", "flowers:1" in named.stdout)
    again = firn("pull", f"{host}/models/iris:latest", "--store", other, home=home)
    count.check("an image that is there changes nothing", "unchanged" in again.stdout, again.stdout)
    count.check("the store is whole", "agrees" in firn("verify", "--store", other, home=home).stdout)
    return digest(stored)


def alone(command, at, home, want):
    with Server(command, at, environment(home)) as url:
        wait_for(url + "/v2/models/iris/ready")
        got = post(url + "/v2/models/iris/infer", IRIS)
        versioned = post(url + "/v2/models/iris/versions/1/infer", IRIS)
        metadata = json.loads(wait_for(url + "/v2/models/iris"))
    count.check("the image alone answers as the server does", got == want, f"{got} is not {want}")
    count.check("it knows which version it is", got["model_version"] == "1" and versioned == got)
    count.check("and of which framework", "sklearn" in json.dumps(metadata), json.dumps(metadata))


def standalone(home, host, store, stored):
    if not STANDALONE.exists():
        count.check("the static server is built (make standalone)", False)
        return
    pushed = firn("push", "iris", f"{host}/alone/iris:1", "--standalone", "--store", store, home=home).stdout
    again = firn("push", "iris", f"oci:{home}/layout:x", "--standalone", "--store", store, home=home).stdout
    count.check("a standalone image is the same each time", digest(pushed) == digest(again))
    layout = home / "copied"
    subprocess.run(["skopeo", "copy", "-q", "--preserve-digests", "--src-tls-verify=false", f"docker://{host}/alone/iris:1",
                    f"oci:{layout}:1"], check=True, env=environment(home))
    manifest = json.loads((layout / "blobs/sha256" / digest(pushed)[7:]).read_text())
    size = sum(layer["size"] for layer in manifest["layers"])
    print(f"standalone image: {size / 1e6:.1f} MB, {manifest['layers'][0]['size'] / 1e6:.1f} MB of it the server")
    count.check("server and scikit-learn model are at most 20 MB", size <= 20e6, str(size))
    bundle, config = unpack(home, layout, "1")
    port = free_port()
    variables = dict(v.split("=", 1) for v in config["env"])
    here = contained(bundle, config, port)
    shared = free_port()
    with Server([FIRN, "serve", "--store", store, "--http", f"127.0.0.1:{shared}"], f"http://127.0.0.1:{shared}",
                environment(home)) as url:
        wait_for(url + "/v2/models/iris/ready")
        want = post(url + "/v2/models/iris/infer", IRIS)
    alone(here, f"http://127.0.0.1:{port}", home, want)
    back = home / "back"
    firn("pull", f"{host}/alone/iris:1", "--store", back, home=home)
    count.check("the model out of a standalone image has its first digest",
                digest(firn("show", "iris", "--store", back, home=home).stdout) == stored)
    chrooted = free_port()
    if os.geteuid() == 0:
        command = [f"127.0.0.1:{chrooted}" if c == "0.0.0.0:8080" else c for c in config["args"]]
        with Server([shutil.which("chroot"), "--userspec=65532:65532", bundle / "rootfs", *command],
                    f"http://127.0.0.1:{chrooted}", variables) as url:
            wait_for(url + "/v2/models/iris/ready")
            count.check("and under chroot, as nobody", post(url + "/v2/models/iris/infer", IRIS) == want)
    else:
        print("SKIPPED chroot: not root")


def refused(home, host, what, words, *arguments, **more):
    done = firn(*arguments, home=home, check=False, **more)
    count.check(what, done.returncode not in (0, 1) and words in done.stderr, f"exit {done.returncode}: {done.stderr}")


def credentials(home, store):
    with_password = home / "htpasswd"
    line = subprocess.run(["htpasswd", "-Bbn", "ci", "s3cret"], capture_output=True, text=True).stdout \
        if shutil.which("htpasswd") else "ci:" + bcrypt_of("s3cret")
    with_password.write_text(line.strip() + "\n")
    with registry(home / "auth", htpasswd=with_password) as host:
        refused(home, host, "no credentials", "wants credentials", "push", "iris", f"{host}/a/iris", "--store", store)
        good, bad = home / "good.yaml", home / "bad.yaml"
        good.write_text(f"hosts:\n  {host}:\n    username: ci\n    password: s3cret\n")
        bad.write_text(f"hosts:\n  {host}:\n    username: ci\n    password: wrong\n")
        refused(home, host, "wrong credentials", "refuses the credentials", "push", "iris", f"{host}/a/iris", "--store",
                store, "--registries", bad)
        firn("push", "iris", f"{host}/a/iris", "--store", store, "--registries", good, home=home)
        firn("pull", f"{host}/a/iris:1", "--store", home / "authenticated", "--registries", good, home=home)
        count.check("push and pull with a password", True)
        docker = home / "docker"
        docker.mkdir()
        (docker / "config.json").write_text(json.dumps(
            {"auths": {host: {"auth": base64.b64encode(b"ci:s3cret").decode()}}}))
        firn("push", "iris", f"{host}/b/iris", "--store", store, home=home, DOCKER_CONFIG=str(docker))
        count.check("docker's login counts", True)
        (docker / "config.json").write_text(json.dumps({"auths": {host: {}}, "credsStore": "secretservice"}))
        refused(home, host, "docker's helper is named", "secretservice", "push", "iris", f"{host}/b/iris", "--store",
                store, DOCKER_CONFIG=str(docker))


def bcrypt_of(password):
    import crypt
    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)).replace("$2b$", "$2y$")


class Tokens:
    """A token server of the distribution project's kind: who has the password may do what he asks for."""

    def __init__(self, home):
        self.key, self.certificate = home / "token-key.pem", home / "token-certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out",
                        self.certificate, "-days", "2", "-subj", "/CN=tokens"], check=True, capture_output=True)
        der = subprocess.run(["openssl", "x509", "-in", self.certificate, "-outform", "der"], check=True,
                             capture_output=True).stdout
        self.chain, self.seen, tokens = base64.b64encode(der).decode(), [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
                password = self.headers.get("Authorization")
                tokens.seen.append((query, password))
                named = password == "Basic " + base64.b64encode(b"ci:s3cret").decode()
                kind, name, actions = query["scope"][0].split(":")
                allowed = actions.split(",") if named else ["pull"] if name.startswith("public/") else []
                body = json.dumps({"token": tokens.make(query["service"][0], kind, name, allowed)}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.host = f"127.0.0.1:{self.server.server_port}"

    def make(self, service, kind, name, actions):
        def part(value):
            return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

        now = int(time.time())
        signed = part({"typ": "JWT", "alg": "RS256", "x5c": [self.chain]}) + "." + part({
            "iss": "test", "sub": "ci", "aud": service, "exp": now + 300, "nbf": now - 10, "iat": now, "jti": "1",
            "access": [{"type": kind, "name": name, "actions": actions}]})
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=signed.encode(),
                                   check=True, capture_output=True).stdout
        return signed + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def tokens(home, store):
    server = Tokens(home)
    with registry(home / "tokens", token={"realm": f"http://{server.host}/token", "service": "test", "issuer": "test",
                                          "rootcertbundle": server.certificate}) as host:
        named, careless = home / "tokens.yaml", home / "careless.yaml"
        entry = f"hosts:\n  {host}:\n    username: ci\n    password: s3cret\n"
        careless.write_text(entry)
        named.write_text(f"{entry}    token-host: {server.host}\n  {server.host}:\n    plain-http: true\n")
        refused(home, host, "a token server on another host gets no password", "would get the password", "push", "iris",
                f"{host}/public/iris", "--store", store, "--registries", careless)
        firn("push", "iris", f"{host}/public/iris", "--store", store, "--registries", named, home=home)
        firn("pull", f"{host}/public/iris:1", "--store", home / "token-store", "--registries", named, home=home)
        count.check("push and pull with tokens", any("push" in q["scope"][0] and p for q, p in server.seen))
        anonymous = home / "anonymous.yaml"
        anonymous.write_text(f"hosts:\n  {server.host}:\n    plain-http: true\n")
        firn("pull", f"{host}/public/iris:1", "--store", home / "anonymous", "--registries", anonymous, home=home)
        count.check("anonymous pull with a token", server.seen[-1][1] is None)
        refused(home, host, "anonymous push", "credentials", "push", "iris", f"{host}/public/other", "--store", store,
                "--registries", anonymous)
    server.server.shutdown()


class Flaky:
    """Passes connections on to a registry, and breaks the one at hand when so many bytes went over it."""

    def __init__(self, host, breaks):
        self.target, self.breaks, self.moved = host.split(":"), breaks, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                ours, _ = self.listener.accept()
            except OSError:
                return
            theirs = socket.create_connection((self.target[0], int(self.target[1])))
            for a, b in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=self.move, args=(a, b), daemon=True).start()

    def move(self, a, b):
        try:
            while data := a.recv(1 << 18):
                b.sendall(data)
                self.moved += len(data)
                if self.breaks and self.moved >= self.breaks[0]:
                    self.moved = -self.breaks.pop(0) + self.moved
                    break
        except OSError:
            pass
        for s in (a, b):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)


def flaky(home, host):
    """300 MB over a line that breaks. docker-registry drops an upload whose part breaks off, so that
    it begins again; hostile.py has a registry where it goes on."""
    model, store = home / "flaky-model", home / "flaky-store"
    model.mkdir()
    shutil.copy(EXAMPLES / "iris.joblib", model / "model.joblib")
    with open(model / "weights.bin", "wb") as file:
        for i in range(300):
            file.write(bytes([i % 251]) * 1000000)
    firn("upload", model, "--name", "flaky", "--store", store, home=home)
    line = Flaky(host, [200 << 20])
    quick = home / "quick.yaml"
    quick.write_text(f"stall-seconds: 5\nhosts:\n  {line.host}:\n    plain-http: true\n  {host}:\n    plain-http: true\n")
    firn("push", "flaky", f"{line.host}/flaky/m", "--store", store, "--registries", quick, home=home)
    count.check("a push over a line that breaks", not line.breaks)
    line.moved, line.breaks = 0, [90 << 20, 50 << 20, 100 << 20]
    firn("pull", f"{line.host}/flaky/m:1", "--store", home / "flaky-back", "--registries", quick, home=home)
    count.check("a pull over a line that breaks", not line.breaks)
    count.check("it is whole", digest(firn("show", "flaky", "--store", store, home=home).stdout) ==
                digest(firn("show", "flaky", "--store", home / "flaky-back", home=home).stdout))
    line.listener.close()
    shutil.rmtree(store)
    shutil.rmtree(home / "flaky-back")
    shutil.rmtree(model)


def tls(home, store):
    key, certificate = home / "key.pem", home / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=firn test", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    with registry(home / "tls", tls=(certificate, key)) as host:
        refused(home, host, "an unknown authority", "TLS", "push", "iris", f"https://{host}/a/iris", "--store", store)
        trusted = home / "trusted.yaml"
        trusted.write_text(f"hosts:\n  {host}:\n    ca: {certificate}\n")
        firn("push", "iris", f"{host}/a/iris", "--store", store, "--registries", trusted, home=home)
        firn("pull", f"https://{host}/a/iris:1", "--store", home / "tls-store", "--registries", trusted, home=home)
        count.check("push and pull over TLS", True)
    refused(home, None, "plain http elsewhere", "plain http is refused", "push", "iris", "http://203.0.113.7/a/iris",
            "--store", store)


def peak(command, env):
    """Peak memory of a program in bytes: its VmHWM, looked at while it runs. (ru_maxrss would count this
    process too, from which it was forked.)"""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([str(c) for c in command], env=env, stdout=output, stderr=subprocess.STDOUT)
        most = 0
        while process.poll() is None:
            with open(f"/proc/{process.pid}/status") as status:
                found = re.search(r"VmHWM:\s*(\d+) kB", status.read())
            most = max(most, int(found[1]) * 1024 if found else 0)
            time.sleep(0.01)
        output.seek(0)
        if process.returncode:
            raise AssertionError(output.read().decode())
    return most


def large(home, host):
    """A version of 2 GB (sparse: the disk hardly notices) there and back."""
    bytes_of = int(os.environ.get("LARGE_BYTES", 2 << 30))
    model, store = home / "large", home / "large-store"
    model.mkdir()
    shutil.copy(EXAMPLES / "iris.joblib", model / "model.joblib")
    with open(model / "weights.bin", "wb") as file:
        file.truncate(bytes_of)
    (model / "serving.yaml").write_text("kind: Model\nname: large\npayload: [model.joblib, weights.bin]\n")
    env = environment(home)
    figures = {}
    figures["upload"] = peak([FIRN, "upload", model, "--store", store], env)
    figures["push"] = peak([FIRN, "push", "large", f"{host}/large/m", "--store", store], env)
    shutil.rmtree(store)
    figures["pull"] = peak([FIRN, "pull", f"{host}/large/m:1", "--store", store], env)
    shutil.rmtree(store)
    shutil.rmtree(model)
    print(f"{bytes_of / 2**30:.1f} GiB, peak memory: " +
          ", ".join(f"{k} {v / 2**20:.0f} MiB" for k, v in figures.items()))
    for what, value in figures.items():
        count.check(f"{what} of {bytes_of >> 20} MiB in constant memory", value < 128 << 20, f"{value >> 20} MiB")


def follow(home, host):
    """registry: in the user's file makes every upload a push."""
    store = home / "follow"
    settings = home / "follow.yaml"
    settings.write_text(f"registry: {host}/all\n")
    done = firn("upload", EXAMPLES / "iris.joblib", "--store", store, home=home, FIRN_REGISTRIES=str(settings))
    count.check("an upload is pushed to the default registry", f"{host}/all/iris:1" in done.stdout, done.stdout)
    count.check("it is there", tags(host, "all/iris") == ["1"])
    settings.write_text("registry: 127.0.0.1:1/all\nattempts: 1\n")
    done = firn("upload", EXAMPLES / "iris.joblib", "--name", "two", "--store", store, home=home,
                FIRN_REGISTRIES=str(settings))
    count.check("an upload outlives its registry", "two:1" in done.stdout and "not pushed" in done.stderr, done.stderr)


def served(home, host):
    """The server pushes and pulls, and pushes every upload when it is told a registry."""
    store, port = home / "served", free_port()
    env = environment(home)
    with Server([FIRN, "serve", "--store", store, "--http", f"127.0.0.1:{port}", "--registry", f"{host}/served"],
                f"http://127.0.0.1:{port}", env) as url:
        firn("upload", EXAMPLES / "iris.joblib", "--server", url, home=home)
        end = 100
        while end and f"{host}/served/iris:1" not in firn("show", "iris", "--server", url, home=home).stdout:
            threading.Event().wait(0.1)
            end -= 1
        count.check("the server pushes uploads", end > 0)
        pushed = firn("push", "iris", f"{host}/asked/iris", "--server", url, home=home).stdout
        count.check("the server pushes when asked", f"{host}/asked/iris:1" in pushed, pushed)
        pulled = firn("pull", f"{host}/asked/iris:1", "--name", "again", "--server", url, home=home).stdout
        count.check("the server pulls", "again:1" in pulled, pulled)
        refused(home, host, "but from nowhere else", "not one of", "pull", "203.0.113.7/x/y", "--server", url)


def main():
    absent = missing("docker-registry", "skopeo", "umoci", "bwrap", "openssl")
    if absent:
        print("SKIPPED images: no " + ", ".join(absent))
        print("images: 0 passed, 0 failed")
        return
    wanted = sys.argv[1:]
    with folder() as name, registry(pathlib.Path(name, "registry")) as host:
        home = pathlib.Path(name)
        store = home / "store"
        stored = journey(home, host, store)
        steps = {"standalone": lambda: standalone(home, host, store, stored), "credentials": lambda: credentials(
            home, store), "tls": lambda: tls(home, store), "tokens": lambda: tokens(home, store), "flaky": lambda: flaky(home, host), "follow": lambda: follow(
                home, host), "served": lambda: served(home, host), "large": lambda: large(home, host)}
        for step, run in steps.items():
            if wanted and step not in wanted:
                continue
            try:
                run()
            except (AssertionError, subprocess.SubprocessError, OSError) as error:
                count.check(step, False, str(error)[:2000])
    count.done()


main()
