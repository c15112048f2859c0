"""What the tests of images share: programs, a registry, counting."""
import contextlib
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FIRN = pathlib.Path(os.environ.get("FIRN", ROOT / "build" / "firn")).resolve()
EXAMPLES = ROOT / "examples"
STANDALONE = FIRN.parent / "firn-standalone"

IRIS = {"inputs": [{"name": n, "shape": [3], "datatype": "FP64", "data": d} for n, d in [
    ("sepal_length", [6.3, 5.1, 5.9]), ("sepal_width", [3.3, 3.5, 3.0]), ("petal_length", [6.0, 1.4, 4.2]),
    ("petal_width", [2.5, 0.2, 1.5])]]}


class Count:
    def __init__(self, name):
        self.name, self.passed, self.failed = name, 0, 0

    def check(self, what, good, why=""):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {what}" + (f": {why}" if why else ""))
        return good

    def done(self):
        print(f"{self.name}: {self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed or not self.passed else 0)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def environment(home, **more):
    """Nothing of the user's own registries or settings."""
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith(("FIRN_", "XDG_", "DOCKER_", "REGISTRY_")) and not k.lower().endswith("_proxy")}
    return {**kept, "HOME": str(home), **more}


def firn(*arguments, home, check=True, timeout=120, **more):
    done = subprocess.run([FIRN, *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                          env=environment(home, **more), stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise AssertionError(f"firn {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def wait_for(url, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.read()
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{url} does not answer")


@contextlib.contextmanager
def registry(folder, htpasswd=None, tls=None, token=None):
    """Debian's docker-registry on a free port; "host:port"."""
    port = free_port()
    lines = ["version: 0.1", "storage:", "  filesystem:", f"    rootdirectory: {folder}/data", "  delete:",
             "    enabled: true", "http:", f"  addr: 127.0.0.1:{port}"]
    if tls:
        lines += ["  tls:", f"    certificate: {tls[0]}", f"    key: {tls[1]}"]
    if htpasswd:
        lines += ["auth:", "  htpasswd:", "    realm: test", f"    path: {htpasswd}"]
    if token:
        lines += ["auth:", "  token:"] + [f"    {k}: {v}" for k, v in token.items()]
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    config = pathlib.Path(folder, "config.yml")
    config.write_text("\n".join(lines) + "\n")
    log = open(pathlib.Path(folder, "log"), "w")
    process = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log, env=environment(folder))
    try:
        end = time.time() + 15
        while time.time() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        log.close()


def missing(*programs):
    return [p for p in programs if not shutil.which(p)]


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def folder():
    return tempfile.TemporaryDirectory(prefix="firn-images-")


def digest(text):
    return re.search(r"digest +(sha256:[0-9a-f]{64})", text).group(1)


class Server:
    """firn serve, or a command like it, until the end of the block."""

    def __init__(self, command, url, env):
        self.command, self.url, self.env = command, url, env

    def __enter__(self):
        self.process = subprocess.Popen([str(c) for c in self.command], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=self.env)
        try:
            wait_for(self.url + "/v2/health/ready")
        except AssertionError:
            self.process.kill()
            raise AssertionError(self.process.stdout.read().decode())
        return self.url

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        finally:
            self.process.kill()


def unpack(home, layout, tag):
    """The bundle that umoci makes of an image, and what it would start."""
    bundle = home / f"bundle-{tag}"
    subprocess.run(["umoci", "unpack", "--rootless", "--image", f"{layout}:{tag}", bundle], check=True,
                   capture_output=True, env=environment(home))
    return bundle, json.loads((bundle / "config.json").read_text())["process"]


def arguments(config, port):
    return [f"127.0.0.1:{port}" if c == "0.0.0.0:8080" else c for c in config["args"]]


CONTAINED = ["bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--clearenv"]


@functools.cache
def bwrap_works():
    done = subprocess.run([*CONTAINED, "--ro-bind", "/", "/", "--", "true"], capture_output=True, text=True)
    if done.returncode:
        print("SKIPPED bwrap, without it: " + done.stderr.strip())
    return done.returncode == 0


def contained(bundle, config, port):
    """Start it with nothing of the host but its network: no /proc, /dev or /tmp, nothing that can be written."""
    if not bwrap_works():
        root = bundle / "rootfs"
        return ["env", "-i", *config["env"], root / "firn", *[str(root) + c if c == "/model" else c for c in arguments(
            config, port)[1:]]]
    variables = [x for v in config["env"] for x in ("--setenv", *v.split("=", 1))]
    return [*CONTAINED, "--ro-bind", bundle / "rootfs", "/", *variables, "--", *arguments(config, port)]
