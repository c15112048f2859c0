#!/usr/bin/env python3
"""Standalone images of versions that need Python, on a base image: what a base must have, what lies in the image, an
answer of its worker. The last line is "bases: N passed, N failed"."""
import json
import os
import pathlib
import shutil
import subprocess
import tarfile

from common import ROOT, STANDALONE, Count, Server, digest, environment, firn, folder, free_port, missing, post, unpack, wait_for
from layers import layer
from layout import OCI, Layout

count = Count("bases")
CODE = "def add(x):\n    return {'y': x + 1}\n"
SERVING = """kind: Model
name: adder
payload: [src/]
contract:
  name: add
  inputs: {x: {shape: scalar, type: int64}}
  outputs: {y: {shape: scalar, type: int64}}
"""
SITE = "opt/py/lib/python3.11/site-packages/"
PYTHON = [("opt/py/bin/python3.11", b"elf"), ("opt/py/bin/python3", None, tarfile.SYMTYPE, "python3.11")]
NUMPY = [(SITE + "numpy-2.0.dist-info/METADATA", b"Name: numpy")]
IRIS = [(SITE + "Scikit_Learn-1.9.1.dist-info/METADATA", b""), (SITE + "requests-2.egg-info/PKG-INFO", b"")]
ENV = {"Env": ["PATH=/usr/bin:/opt/py/bin", "LANG=C.UTF-8"]}


def base(home, name, *layers, packed=None, **config):
    made = Layout(home / name)
    return made.tag(made.image([layer(list(entries), packed) for entries in layers], config={**{"config": ENV}, **config}))


def model(home, name, requirements=None):
    place = home / name
    (place / "src").mkdir(parents=True)
    (place / "src/func_main.py").write_text(CODE)
    (place / "serving.yaml").write_text(SERVING.replace("adder", name).replace("[src/]", "[src/, requirements.txt]"
                                                                              if requirements else "[src/]"))
    if requirements:
        (place / "requirements.txt").write_text(requirements)
    firn("upload", place, "--store", home / "store", home=home)


def push(home, name, on, *more, check=True):
    return firn("push", name, f"oci:{home}/layout:{name}", "--standalone", *(["--base", on] if on else []), *more, "--store",
                home / "store", home=home, check=check, FIRN_PYTHON=str(ROOT / "python"))


def refusals(home):
    done = push(home, "adder", None, check=False)
    count.check("a Python model needs a base", done.returncode == 6 and "--base" in done.stderr, done.stderr)
    done = firn("push", "adder", f"oci:{home}/layout:x", "--base", "oci:x", "--store", home / "store", home=home, check=False)
    count.check("a base is of standalone images", done.returncode == 2 and "--standalone only" in done.stderr, done.stderr)
    whited = [("opt/py/bin/.wh.python3", b"")]
    opaque = [(SITE + ".wh..wh..opq", b"")]
    for i, (what, words, name, layers, config) in enumerate([
            ("without Python", "no python3 in its PATH", "adder", [NUMPY], {}),
            ("with Python elsewhere", "no python3 in its PATH", "adder", [PYTHON + NUMPY], {"config": {}}),
            ("whose Python is whited out", "no python3 in its PATH", "adder", [PYTHON + NUMPY, whited], {}),
            ("without numpy", "/opt/py lacks numpy", "adder", [PYTHON], {}),
            ("whose packages are whited out", "lacks numpy", "adder", [PYTHON + NUMPY, opaque], {}),
            ("with another Python's numpy", "lacks numpy", "adder", [PYTHON + [("usr/lib/python3/numpy-2.dist-info/M", b"")]],
             {}),
            ("without a requirement", "lacks scikit-learn, Requests", "needs", [PYTHON + NUMPY], {}),
            ("with a requirement's namesake", "lacks scikit-learn", "needs",
             [PYTHON + NUMPY + [(SITE + "scikit_learn_extra-1.dist-info/M", b"")] + IRIS[1:]], {}),
            ("for another machine", "it is for s390x", "adder", [PYTHON + NUMPY], {"architecture": "s390x"}),
            ("that lies about its layers", "says 3 digests", "adder", [PYTHON + NUMPY], {"rootfs": {
                "type": "layers", "diff_ids": ["sha256:" + "1" * 64] * 3}}),
            ("with 127 layers", "more than 128", "adder", [PYTHON + NUMPY] + [[(f"x{i}", b"")] for i in range(126)], {}),
            ("with a PATH without an end", "its PATH has 5000 bytes", "adder", [PYTHON + NUMPY], {"config": {"Env": ["PATH=" + "/bin:" * 1000]}}),
            ("with variables that are none", "is no text", "adder", [PYTHON + NUMPY], {"config": {"Env": [7]}})]):
        done = push(home, name, base(home, f"bad-{i}", *layers, **config), check=False)
        count.check(f"a base {what}", done.returncode not in (0, 1) and words in done.stderr and "base image" in done.stderr
                    or words == "more than 128" and words in done.stderr, f"exit {done.returncode}: {done.stderr}")
    done = push(home, "adder", f"oci:{home}/nowhere:x", check=False)
    count.check("a base that is not there", done.returncode == 3, done.stderr)
    count.check("nothing is left behind", not any((home / "store/tmp").iterdir()))


def composed(home):
    """The layers of the base as they are, then firn's; the same twice; pulled back."""
    low, packed = base(home, "good", PYTHON, NUMPY + IRIS), base(home, "packed", PYTHON + NUMPY + IRIS, packed="gzip")
    first, again = push(home, "needs", low).stdout, push(home, "needs", low).stdout
    count.check("the same twice", digest(first) == digest(again))
    blobs = home / "layout/blobs/sha256"

    def read(d):
        return json.loads((blobs / d[7:]).read_text())

    manifest = read(digest(first))
    config = read(manifest["config"]["digest"])
    below = json.loads((home / "good/index.json").read_text())["manifests"][0]["digest"]
    there = json.loads((home / "good/blobs/sha256" / below[7:]).read_text())["layers"]
    count.check("the base's layers lie below", manifest["layers"][:2] == there and len(manifest["layers"]) == 5, str(manifest))
    count.check("its variables stay", config["config"]["Env"][:2] == ENV["Env"], str(config["config"]["Env"]))
    count.check("the Python is named", "FIRN_WORKER_ENVIRONMENT=/opt/py" in config["config"]["Env"])
    count.check("the base is named", config["config"]["Labels"]["org.opencontainers.image.base.digest"] == below)
    gzipped = read(digest(push(home, "needs", packed).stdout))
    config = read(gzipped["config"]["digest"])
    count.check("a packed layer stays so", gzipped["layers"][0]["mediaType"].endswith("+gzip") and config["rootfs"][
        "diff_ids"][0] != "" and len(config["rootfs"]["diff_ids"]) == len(gzipped["layers"]))
    back = home / "back"
    firn("pull", f"oci:{home}/layout:needs", "--store", back, home=home)
    count.check("pulled back with its digest", digest(firn("show", "needs", "--store", back, home=home).stdout) == digest(
        firn("show", "needs", "--store", home / "store", home=home).stdout))
    again = firn("pull", f"oci:{home}/layout:needs", "--store", back, home=home).stdout
    count.check("a second pull changes nothing", "unchanged" in again, again)
    (home / "app.yaml").write_text("kind: Application\nname: app\nsingular: {model: needs:1}\n")
    firn("apply", "-f", home / "app.yaml", "--store", home / "store", home=home)
    done = push(home, "app", base(home, "poor", PYTHON + NUMPY), check=False)
    count.check("an application needs what its versions need", "lacks scikit-learn, Requests" in done.stderr, done.stderr)


def python_with_numpy():
    for prefix in (os.environ.get("VIRTUAL_ENV"), ROOT / "build/venv"):
        if prefix and subprocess.run([f"{prefix}/bin/python3", "-c", "import numpy"], capture_output=True).returncode == 0:
            return pathlib.Path(prefix)
    return None


def answers(home):
    """What the image holds, started here on a Python of this machine in the place of the base's; an application, too."""
    prefix = python_with_numpy()
    if not prefix:
        print("SKIPPED a worker out of an image: no Python with numpy (VIRTUAL_ENV)")
        return
    here = str(prefix).lstrip("/")
    low = base(home, "here", [(f"{here}/bin/python3", b"elf"), (f"{here}/lib/python3.11/site-packages/numpy-2.dist-info/M",
                                                               b"")], config={"Env": [f"PATH={prefix}/bin"]})
    (home / "plus.yaml").write_text("kind: Application\nname: plus\nsingular: {model: adder:1}\n")
    firn("apply", "-f", home / "plus.yaml", "--store", home / "store", home=home)
    for name in ("adder", "plus"):
        push(home, name, low)
        bundle, config = unpack(home, home / "layout", name)
        root, port = bundle / "rootfs", free_port()
        variables = dict(v.split("=", 1) for v in config["env"])
        count.check(f"{name}: the base's Python is found", variables["FIRN_WORKER_ENVIRONMENT"] == str(prefix))
        variables.update(FIRN_PYTHON=f"{root}/share/firn/python", TMPDIR=str(home))
        command = [root / "firn", *[f"{root}/model" if c == "/model" else f"127.0.0.1:{port}" if c == "0.0.0.0:8080" else c
                                    for c in config["args"][1:]], "--set", "worker_sandbox=0"]
        with Server(command, f"http://127.0.0.1:{port}", variables) as url:
            wait_for(f"{url}/v2/models/{name}/ready", 40)
            got = post(f"{url}/v2/models/{name}/infer", {"inputs": [{"name": "x", "shape": [], "datatype": "INT64", "data": [
                41]}]})
            count.check(f"{name}: its worker answers", got["outputs"][0]["data"] == [42], str(got))


def chrooted(home):
    """Under chroot a stranger gets no user namespace: the server says so, and what can be done."""
    if os.geteuid():
        print("SKIPPED workers under chroot: not root")
        return
    root = home / "root"
    for place in (root / "store", root / "python"):
        place.mkdir(parents=True)
    shutil.copy(STANDALONE, root / "firn")
    shutil.copytree(ROOT / "python/firn_worker", root / "python/firn_worker")
    home.chmod(0o755), root.chmod(0o755), (root / "store").chmod(0o777)
    begin = ["chroot", "--userspec=65500:65500", root, "/firn", "serve", "--store", "/store", "--workers", "on", "--http"]
    done = subprocess.run([*begin, "127.0.0.1:0"], capture_output=True, text=True, timeout=20,
                          env=environment("/store", FIRN_PYTHON="/python"))
    count.check("under chroot it says why there are no workers", done.returncode == 7 and all(w in done.stderr for w in (
        '"own user"', "under chroot", "--set worker_sandbox=0")), f"exit {done.returncode}: {done.stderr}")
    port = free_port()
    with Server([*begin, f"127.0.0.1:{port}", "--set", "worker_sandbox=0"], f"http://127.0.0.1:{port}", environment(
            "/store", FIRN_PYTHON="/python")) as url:
        count.check("as it says, without a sandbox it starts", wait_for(f"{url}/v2/health/ready") is not None)


def main():
    absent = missing("umoci") + ([] if STANDALONE.exists() else [STANDALONE.name])
    if absent:
        print("SKIPPED images on a base: no " + ", ".join(absent))
        print("bases: 0 passed, 0 failed")
        return
    with folder() as name:
        home = pathlib.Path(name)
        model(home, "adder")
        model(home, "needs", "# what it needs\nnumpy>=1\n\nscikit-learn==1.9.1  # with a comment\n-i https://example.com\n"
              "requests[socks]; \npywin32; sys_platform == 'win32'\nRequests\n")
        for step in (refusals, composed, answers, chrooted):
            try:
                step(home)
            except (AssertionError, subprocess.SubprocessError, OSError, KeyError) as error:
                count.check(step.__name__, False, repr(error)[:2000])
    count.done()


main()
