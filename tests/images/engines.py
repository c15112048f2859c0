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

from common import (EXAMPLES, IRIS, STANDALONE, Count, environment, firn, folder, free_port, missing, post, unpack,
                    wait_for)

count = Count("engines")
IMAGE = "docker.io/alone/iris:1"
USER = 65500  # who is nobody in particular
# Limits as they are: raising them needs a right that a test may not have.
FREE = ["--network", "host", "--cgroups", "disabled", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"]
STRICT = ["--read-only", "--read-only-tmpfs=false", "--user", "1000660000:0", "--cap-drop", "all", "--security-opt",
          "no-new-privileges"]
# crun wants version 2 of control groups alone, which a mount namespace can show it.
UNIFIED = ["unshare", "--mount", "sh", "-c", "umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; exec \"$@\"",
           "sh"]


def first_line(done):
    return next((line for line in (done.stderr + done.stdout).splitlines()[::-1] if line.strip()), f"exit {done.returncode}")


def run(command, home, timeout=60):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=timeout, env=environment(home),
                          cwd=home)


def answers(what, url, want):
    wait_for(url + "/v2/models/iris/ready")
    count.check(f"{what}: the same answer", post(url + "/v2/models/iris/infer", IRIS) == want)


def podman(what, home, archive, prefix, options, want):
    """load, run, ask, stop."""
    base = [*prefix, "podman", "--storage-driver", "vfs", "--root", home / "storage", "--runroot", home / "run",
            "--cgroup-manager", "cgroupfs", "--runtime", "crun"]
    done = run([*base, "load", "-q", "-i", archive], home)
    if not done.returncode:
        done = run([*base, "run", "--rm", *FREE, *options, "--entrypoint", "/firn", IMAGE, "help"], home)
    if done.returncode:
        print(f"SKIPPED {what}: {first_line(done)}")
        return
    port = free_port()
    done = run([*base, "run", "-d", "--name", "t", *FREE, *options, IMAGE, "--http", f"127.0.0.1:{port}", "--set",
                "io_threads=1"], home)
    try:
        count.check(f"{what}: it starts", done.returncode == 0, done.stderr)
        answers(what, f"http://127.0.0.1:{port}", want)
        begin = time.time()
        run([*base, "stop", "-t", "20", "t"], home)
        took = time.time() - begin
        state = run([*base, "inspect", "--format", "{{.State.ExitCode}}", "t"], home).stdout.strip()
        count.check(f"{what}: it ends when it is asked to", state == "0" and took < 15, f"exit {state} after {took:.0f} s")
    finally:
        print(run([*base, "logs", "t"], home).stdout.strip()) if count.failed else None
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
                 ("podman", lambda: podman("podman without root", rootless, archive, person, ["--user", "0"], want))]
        for program, step in steps:
            if not shutil.which(program):
                print(f"SKIPPED {program}: it is not installed")
                continue
            try:
                step()
            except (AssertionError, subprocess.SubprocessError, OSError) as error:
                count.check(program, False, repr(error)[:2000])
    count.done()


main()
