#!/usr/bin/env python3
"""A standalone image in container engines: podman, as root and without it, crun and runc. What the kernel or its rights
forbid on this machine is said, and found out with the server's `help`, so that a server that does not start is no
excuse. The last line is "engines: N passed, N failed"."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import time

from common import (EXAMPLES, IRIS, ROOT, STANDALONE, Count, environment, firn, folder, free_port, missing, post, unpack,
                    wait_for)
from layout import Layout
from pythons import python_base

count = Count("engines")
IMAGE = "docker.io/alone/iris:1"
USER = 65500  # who is nobody in particular
# Limits as they are: raising them needs a right that a test may not have.
FREE = ["--network", "host", "--cgroups", "disabled", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"]
HARD = ["--cap-drop", "all", "--security-opt", "no-new-privileges"]
STRICT = ["--read-only", "--read-only-tmpfs=false", "--user", "1000660000:0", *HARD]
# crun wants version 2 of control groups alone, which a mount namespace can show it.
UNIFIED = ["unshare", "--mount", "sh", "-c", "umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; exec \"$@\"",
           "sh"]


def first_line(done):
    return next((line for line in (done.stderr + done.stdout).splitlines()[::-1] if line.strip()), f"exit {done.returncode}")


def run(command, home, timeout=180):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=timeout, env=environment(home),
                          cwd=home)


def answers(what, url, want, name="iris", asked=IRIS):
    wait_for(url + f"/v2/models/{name}/ready", 60)
    got = post(url + f"/v2/models/{name}/infer", asked)
    count.check(f"{what}: the same answer", got == want, str(got))


def podman(what, home, archive, prefix, options, want, image=IMAGE, arguments=(), **asked):
    """load, run, ask, stop."""
    base = [*prefix, "podman", "--storage-driver", "vfs", "--root", home / "storage", "--runroot", home / "run",
            "--cgroup-manager", "cgroupfs", "--runtime", "crun"]
    done = run([*base, "load", "-q", "-i", archive], home)
    if not done.returncode:
        done = run([*base, "run", "--rm", *FREE, *options, "--entrypoint", "/firn", image, "help"], home)
    if done.returncode:
        print(f"SKIPPED {what}: {first_line(done)}")
        return None
    port = free_port()
    done = run([*base, "run", "-d", "--name", "t", *FREE, *options, image, "--http", f"127.0.0.1:{port}", "--set",
                "io_threads=1", *arguments], home)
    try:
        count.check(f"{what}: it starts", done.returncode == 0, done.stderr)
        answers(what, f"http://127.0.0.1:{port}", want, **asked)
        said = run([*base, "logs", "t"], home)
        begin = time.time()
        run([*base, "stop", "-t", "20", "t"], home)
        took = time.time() - begin
        state = run([*base, "inspect", "--format", "{{.State.ExitCode}}", "t"], home).stdout.strip()
        count.check(f"{what}: it ends when it is asked to", state == "0" and took < 15, f"exit {state} after {took:.0f} s")
        return said.stdout + said.stderr
    except AssertionError:
        done = run([*base, "logs", "t"], home)
        print(done.stdout + done.stderr)
        raise
    finally:
        run([*base, "rm", "-f", "-t", "0", "t"], home)


def runtime(name, home, bundle, config, prefix, want):
    """The bundle that umoci made, with limits and control groups left alone."""
    port = free_port()
    bundle_of = home / name
    bundle_of.mkdir()
    (bundle_of / "rootfs").symlink_to(bundle / "rootfs")

    def write(arguments):
        process = {**config["process"], "terminal": False, "args": arguments}
        process.pop("rlimits", None)
        linux = {**config["linux"], "namespaces": [n for n in config["linux"]["namespaces"] if n["type"] not in (
            "network", "user")]}
        linux.pop("uidMappings", None), linux.pop("gidMappings", None)
        (bundle_of / "config.json").write_text(json.dumps({**config, "process": process, "linux": linux, "root": {
            "path": str(bundle / "rootfs"), "readonly": True}}))

    base = [*prefix, name, *(["--cgroup-manager=disabled"] if name == "crun" else []), "--root", home / f"{name}-state"]
    write(["/firn", "help"])
    done = run([*base, "run", "--bundle", bundle_of, f"firn-help-{os.getpid()}"], home)
    if done.returncode:
        print(f"SKIPPED {name}: {first_line(done)}")
        return
    write([f"127.0.0.1:{port}" if a == "0.0.0.0:8080" else a for a in config["process"]["args"]])
    started = subprocess.Popen([str(c) for c in [*base, "run", "--bundle", bundle_of, f"firn-{os.getpid()}"]], cwd=home,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(home))
    try:
        answers(name, f"http://127.0.0.1:{port}", want)
        run([*base, "kill", f"firn-{os.getpid()}", "TERM"], home)
        count.check(f"{name}: it ends when it is asked to", started.wait(20) == 0)
    finally:
        if started.poll() is None:
            run([*base, "kill", f"firn-{os.getpid()}", "KILL"], home)
            with contextlib.suppress(subprocess.TimeoutExpired):
                started.wait(5)
        run([*base, "delete", "-f", f"firn-{os.getpid()}"], home)


PLUS = "docker.io/alone/plus:1"
CODE = "import numpy\n\n\ndef add(x):\n    return {'y': numpy.asarray(x) + 1}\n"
SERVING = """kind: Model
name: plus
payload: [src/]
contract:
  name: add
  inputs: {x: {shape: [-1], type: int64}}
  outputs: {y: {shape: [-1], type: int64}}
"""


def on_a_base(home):
    """A Python model on a base image that is this machine's Python and numpy: as the image's own user without a sandbox,
    as the operator says; and with one, as root of the container."""
    venv = next((place for place in (os.environ.get("VIRTUAL_ENV"), ROOT / "build/venv") if place and not subprocess.run(
        [f"{place}/bin/python3", "-c", "import numpy"], capture_output=True).returncode), None)
    if not venv:
        print("SKIPPED podman with a Python model: no Python with numpy (VIRTUAL_ENV)")
        return
    (home / "plus/src").mkdir(parents=True)
    (home / "plus/src/func_main.py").write_text(CODE)
    (home / "plus/serving.yaml").write_text(SERVING)
    firn("upload", home / "plus", "--store", home / "store", home=home)
    done = firn("push", "plus", f"oci:{home}/layout:plus", "--standalone", "--base", python_base(Layout(home / "base"), venv),
                "--store", home / "store", home=home, check=False, FIRN_PYTHON=str(ROOT / "python"))
    if not count.check("a Python model is pushed on a real base", done.returncode == 0, done.stderr):
        return
    archive = home / "plus.tar"
    subprocess.run(["skopeo", "copy", "-q", f"oci:{home}/layout:plus", f"docker-archive:{archive}:{PLUS}"], check=True,
                   env=environment(home))
    want = {"model_name": "plus", "model_version": "1", "outputs": [{"name": "y", "datatype": "INT64", "shape": [2], "data": [
        42, 1]}]}
    asked = {"name": "plus", "asked": {"inputs": [{"name": "x", "datatype": "INT64", "shape": [2], "data": [41, 0]}]}}
    said = podman("podman on a base", home / "rooted", archive, UNIFIED, ["--read-only", *HARD], want, PLUS, (
        "--set", "worker_sandbox=0"), **asked)
    count.check("podman on a base: it says that there is no sandbox", said is None or "WITHOUT a sandbox" in said, str(said))
    said = podman("podman on a base, with a sandbox", home / "rooted", archive, UNIFIED, ["--user", "0:0"], want, PLUS, **asked)
    layers = [line for line in (said or "").splitlines() if line.startswith(("own user", "system calls", "privileges"))]
    count.check("podman on a base: its sandbox", said is None or len(layers) == 3 and all("  yes" in line or " yes:" in line
                                                                                        for line in layers), str(said))


def main():
    absent = missing("skopeo", "umoci", "unshare") + ([] if STANDALONE.exists() else [STANDALONE.name])
    if absent or os.geteuid():
        print("SKIPPED container engines: " + ("no " + ", ".join(absent) if absent else "not root"))
        print("engines: 0 passed, 0 failed")
        return
    with folder() as name:
        home = pathlib.Path(name)
        home.chmod(0o755)
        firn("upload", EXAMPLES / "iris.joblib", "--store", home / "store", home=home)
        firn("push", "iris", f"oci:{home}/layout:iris", "--standalone", "--store", home / "store", home=home)
        archive = home / "iris.tar"
        subprocess.run(["skopeo", "copy", "-q", f"oci:{home}/layout:iris", f"docker-archive:{archive}:{IMAGE}"], check=True,
                       env=environment(home))
        archive.chmod(0o644)
        predicted = firn("predict", "iris", "--store", home / "store", "--input", EXAMPLES / "iris.csv", home=home).stdout
        want = {"model_name": "iris", "model_version": "1", "outputs": [{"name": "predict", "datatype": "BYTES", "shape": [
            3], "data": ["virginica", "setosa", "versicolor"]}]}
        count.check("the answer is one of the model", "virginica" in predicted)
        bundle, _ = unpack(home, home / "layout", "iris")
        config = json.loads((bundle / "config.json").read_text())
        rootless = home / "rootless"
        rootless.mkdir()
        (rootless / "run").mkdir(mode=0o700)
        for place in (rootless, rootless / "run"):
            os.chown(place, USER, USER)
        person = [*UNIFIED, "env", f"HOME={rootless}", f"XDG_RUNTIME_DIR={rootless}/run", "setpriv", f"--reuid={USER}",
                  f"--regid={USER}", "--clear-groups"]
        (home / "rooted").mkdir()
        steps = [("crun", lambda: runtime("crun", home, bundle, config, UNIFIED, want)),
                 ("runc", lambda: runtime("runc", home, bundle, config, [], want)),
                 ("podman", lambda: podman("podman", home / "rooted", archive, UNIFIED, STRICT, want)),
                 # without ranges in /etc/subuid only user 0 of the container is somebody
                 ("podman", lambda: podman("podman without root", rootless, archive, person, ["--user", "0"], want)),
                 ("podman", lambda: on_a_base(home))]
        for program, step in steps:
            if not shutil.which(program):
                print(f"SKIPPED {program}: it is not installed")
                continue
            try:
                step()
            except (AssertionError, subprocess.SubprocessError, OSError) as error:
                count.check(program, False, repr(error)[:2000])
        with contextlib.suppress(OSError, ValueError):  # the process by which podman keeps a stranger's namespace
            os.kill(int((rootless / "run/libpod/tmp/pause.pid").read_text()), 15)
    count.done()


main()
