"""What the tests of images share: programs, a registry, counting."""
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FIRN = pathlib.Path(os.environ.get("FIRN", ROOT / "build" / "firn")).resolve()
EXAMPLES = ROOT / "examples"


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
