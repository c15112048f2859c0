#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requirements of strangers: packages whose build does what it must not, installed by `firn upload --workers`. Nothing here
needs a network: the packages are folders of the model, their build back end is their own.
The last line is "installs: N passed, N failed"."""
import concurrent.futures
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FIRN = pathlib.Path(os.environ.get("FIRN", ROOT / "build" / "firn")).resolve()
PASSED, FAILED = [], []

MANIFEST = """kind: Model
name: {name}
{extra}
contract:
  infer:
    inputs:
      x: {{shape: [-1, 2], type: double}}
    outputs:
      y: {{shape: [-1], type: double}}
"""
FUNCTION = "def infer(x):\n    return {'y': [sum(row) for row in (x.tolist() if hasattr(x, 'tolist') else x)]}\n"
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
# A back end that makes an honest wheel once `act` has returned.
BACKEND = """
import os, sys, zipfile, time, socket, ctypes
def act():
{body}
def build_wheel(folder, settings=None, metadata=None):
    act()
    name = "stranger-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("stranger/__init__.py", "N = 1\\n")
        info = "stranger-1.0.dist-info/"
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: stranger\\nVersion: 1.0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""
TELL = """
    tell = []
    def try_(what, call):
        try:
            call()
            tell.append(what)
        except BaseException:
            pass
"""


def check(name, ok, shown=""):
    (PASSED if ok else FAILED).append(name)
    if not ok:
        print("FAILED %s: %s" % (name, str(shown)[-1500:]))


def model(folder, name, body=None, extra=""):
    place = pathlib.Path(folder, name)
    (place / "src").mkdir(parents=True)
    (place / "src" / "func_main.py").write_text(("import stranger\n" if body is not None else "") + FUNCTION)
    (place / "serving.yaml").write_text(MANIFEST.format(name=name, extra=extra))
    if body is not None:
        (place / "stranger").mkdir()
        (place / "stranger" / "pyproject.toml").write_text(PROJECT)
        (place / "stranger" / "backend.py").write_text(
            BACKEND.replace("{body}", textwrap.indent(textwrap.dedent(body), "    ") if body else "    pass"))
        (place / "requirements.txt").write_text("./stranger\n")
    return place


def upload(folder, place, **settings):
    env = dict(os.environ, PIP_NO_INDEX="1", PIP_CONFIG_FILE="/dev/null", SECRET_TOKEN="xyzzy", HOME=str(folder),
               **{"FIRN_" + key.upper(): str(value) for key, value in settings.items()})
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "FIRN_WORKER_ENVIRONMENT"):
        env.pop(name, None)
    began = time.monotonic()
    done = subprocess.run([str(FIRN), "upload", str(place), "--store", str(folder / "store"), "--workers"],
                          capture_output=True, text=True, timeout=300, env=env)
    return done.returncode, done.stdout + done.stderr, time.monotonic() - began


def left_processes(folder):
    """Command lines, or working folders, below this test's folder."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            line = pathlib.Path("/proc", entry, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = os.readlink("/proc/%s/cwd" % entry)
        except OSError:
            continue
        if str(folder) + "/" in line or (where + "/").startswith(str(folder) + "/"):
            found.append(line)
    return found


def left_files(folder):
    place = folder / "store" / "environments"
    return [n for n in (os.listdir(place) if place.exists() else []) if n.endswith((".building", ".scratch", ".tmp"))]


def contained(folder, name, body, words, extra="", **settings):
    """The upload fails, says why by name, soon, and leaves neither processes nor files."""
    code, text, took = upload(folder, model(folder, name, body, extra), **settings)
    check(name + " is refused", code != 0 and "error: cannot upload the model" in text, (code, text))
    for word in words:
        check("%s: says %s" % (name, word), any(w in text for w in word.split(" | ")), text)
    check(name + " ends soon", took < 120, took)
    time.sleep(0.3)
    check(name + " leaves no process", not left_processes(folder), left_processes(folder))
    check(name + " leaves no files", not left_files(folder), left_files(folder))


def contained_all(folder, cases):
    """Three at a time, each in a folder of its own."""
    def one(case):
        own = folder / case[0]
        own.mkdir()
        contained(own, *case[:3], **(case[3] if len(case) > 3 else {}))

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(one, cases))


def good(folder):
    code, text, _ = upload(folder, model(folder, "good", ""))
    check("a package of the model is installed", code == 0 and "good:1" in text, text)
    made = [p for p in (folder / "store" / "environments").iterdir() if p.is_dir()]
    owners = {p.lstat().st_uid for m in made for p in m.rglob("*")}
    check("the environment is firn's own", owners == {os.geteuid()}, owners)
    check("everybody may read it, nobody else write", all(p.is_symlink() or p.stat().st_mode & 0o022 == 0 and
                                                          p.stat().st_mode & 0o444 == 0o444 for m in made for p in m.rglob("*")))
    done = subprocess.run([str(FIRN), "show", "good", "--log", "--store", str(folder / "store")], capture_output=True, text=True)
    check("the log is kept", "pip install -r requirements.txt" in done.stdout, done.stdout + done.stderr)
    request = folder / "x.json"
    request.write_text('{"inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [1, 2, 3, 4]}]}')
    done = subprocess.run([str(FIRN), "predict", "good:1", "--store", str(folder / "store"), "--workers", "--input", request],
                          capture_output=True, text=True, env=dict(os.environ, HOME=str(folder)))
    check("and a worker imports it", done.returncode == 0 and "7" in done.stdout, done.stdout + done.stderr)


def collected(folder):
    """firn gc: what a version needs stays, as does what is new, being built or run; the rest goes."""
    def gc():
        done = subprocess.run([str(FIRN), "gc", "--store", str(folder / "store")], capture_output=True, text=True)
        check("gc ends well", done.returncode == 0, done.stdout + done.stderr)
        return {p.name for p in place.iterdir() if p.is_dir()}

    def old(name):
        os.utime(place / name, (1, 1))

    place = folder / "store" / "environments"
    upload(folder, model(folder, "kept", None, "install-command: echo kept"))
    before = {p.name for p in place.iterdir() if p.is_dir()}
    upload(folder, model(folder, "unwanted", None, "install-command: echo unwanted"))
    unwanted, = {p.name for p in place.iterdir() if p.is_dir()} - before
    for name in before:
        old(name)
    check("gc keeps what versions need", gc() == before | {unwanted})
    subprocess.run([str(FIRN), "delete", "unwanted", "--all", "--store", str(folder / "store")], check=True, capture_output=True)
    check("gc keeps what is new", gc() == before | {unwanted})
    old(unwanted)
    running = subprocess.Popen([str(place / unwanted / "bin" / "python3"), "-c", "input()"], stdin=subprocess.PIPE)
    time.sleep(0.5)
    check("gc keeps what runs", gc() == before | {unwanted})
    running.communicate(b"\n")
    with open(place / (unwanted + ".lock"), "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (place / (unwanted + ".scratch")).mkdir()
        check("gc keeps what is being built", gc() == before | {unwanted, unwanted + ".scratch"})
    check("gc removes the rest", gc() == before, gc())


def spying(folder):
    store = folder / "store"
    secret = folder / "secret.txt"
    secret.write_text("secret")
    secret.chmod(0o644)
    body = TELL + f"""
    try_("store", lambda: os.listdir({str(store)!r} + "/blobs"))
    try_("rows", lambda: open({str(store)!r} + "/store.db"))
    try_("index", lambda: open({str(store)!r} + "/index.json"))
    try_("secret", lambda: open({str(secret)!r}))
    try_("home", lambda: open("/etc/shadow"))
    try_("variable", lambda: os.environ["SECRET_TOKEN"])
    try_("parent", lambda: open("/proc/%d/environ" % {os.getpid()}))
    try_("write usr", lambda: open("/usr/strange", "w"))
    try_("write python", lambda: open(os.path.join(os.path.dirname(os.__file__), "strange.py"), "w"))
    try_("write model", lambda: open({str(folder)!r} + "/spying/src/func_main.py", "a"))
    def listen():
        s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
    try_("listen", listen)
    try_("packets", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    try_("kernel ciphers", lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET))
    try_("set id", lambda: os.setuid(0) if os.getuid() else 1 / 0)
    try_("namespace", lambda: 1 / (ctypes.CDLL(None).unshare(0x10000000) == 0))
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()       # this it may
    raise SystemExit("it reached %s" % tell)
    """
    # Where neither mounts nor landlock are there, what every user may read is read; the store is closed.
    code, text, _ = upload(folder, model(folder, "layers", None, "install-command: echo layers"))
    lines = [line for line in text.splitlines() if "in a sandbox without" in line and "files (" in line and "landlock (" in line]
    contained(folder, "spying", body, ["it reached ['secret']" if lines else "it reached []", "ended with 1"])


def violent(folder):
    server = subprocess.Popen(["sleep", "300"])
    body = TELL + """
    import signal
    for pid in [os.getppid(), *range(2, 400000)]:
        if pid != os.getpid():
            try_(str(pid), lambda: os.kill(pid, signal.SIGKILL))
    raise SystemExit("it killed the parent")
    """
    contained(folder, "kills_parents", body, ["install -r requirements.txt"])
    check("processes of others live", server.poll() is None)
    server.kill()
    server.wait()


def has_cgroup(folder):
    """Are there control groups? The first line of a build's log says what is missing."""
    code, text, _ = upload(folder, model(folder, "groups", None, "install-command: echo groups"))
    missing = [line for line in text.splitlines() if "in a sandbox without" in line and "cgroup" in line]
    if missing:
        print("SKIPPED memory of the kernel that installs take: " + missing[0])
    return not missing


def greedy(folder):
    contained_all(folder, [
    ("forks_without_end", """
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.05)
    """, ["pip install -r requirements.txt did not end in time", "stranger"], {"worker_install_ms": 25000}),
    ("never_ends", "while True: time.sleep(1)", ["did not end in time", "stranger"], {"worker_install_ms": 25000}),
    ("fills_the_disk", """
    n = 0
    while True:
        with open("/%s/f%d" % (os.environ["TMPDIR"], n), "wb") as f:
            f.write(bytes(1 << 20))
        n += 1
        time.sleep(0.005)
    """, ["was ended because it wrote", "more than 143 (worker_install_disk_max)"], {"worker_install_disk_max": 150000000}),
    ("one_large_file", """
    with open(os.environ["TMPDIR"] + "/f", "wb") as f:
        while True:
            f.write(bytes(1 << 20))
    """, ["File too large | more than 143 (worker"], {"worker_install_disk_max": 150000000}),
    ("nests_folders", """
    for n in range(3000):
        os.mkdir("d"); os.chdir("d")
    time.sleep(20)
    """, ["nested deeper than"]),
    ("takes_memory", """
    held = []
    while True:
        held.append(bytearray(16 << 20))
    """, ["emory"], {"worker_memory_max": 300000000}),
    ("takes_memory_together", """
    for n in range(12):
        if not os.fork():
            held = bytearray(os.urandom(1) * (60 << 20))
            time.sleep(60)
    time.sleep(60)
    """, ["out of memory, as it took"], {"worker_memory_max": 300000000}),
    *([] if not has_cgroup(folder) else [("takes_page_tables", """
    import mmap
    m = mmap.mmap(-1, 1 << 41, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, mmap.PROT_READ)
    for at in range(0, 1 << 41, 2 << 20):
        m[at]
    """, ["out of memory, as it took more than 286 MiB"], {"worker_memory_max": 300000000})]),
    ])


def left_behind(folder):
    place = model(folder, "leaves_daemons", None,
                  "install-command: (trap '' HUP TERM; setsid sleep 600 < /dev/null > /dev/null 2>&1 &) ; sleep 600 & echo done")
    code, text, took = upload(folder, place)
    check("a command that leaves daemons ends", code == 0 and took < 60, (code, text, took))
    time.sleep(0.3)
    check("the daemons do not stay", not left_processes(folder), left_processes(folder))
    contained(folder, "changes_python", None, ["changed which Python the environment is of"],
              extra='install-command: echo "home = /var/x" > "$VIRTUAL_ENV/pyvenv.cfg"')
    contained(folder, "links_python", None, ["changed which Python"],
              extra='install-command: ln -sf /bin/sh "$VIRTUAL_ENV/bin/python3"')
    place = model(folder, "odd_files", None,
                  'install-command: cd "$VIRTUAL_ENV" && mkfifo build.log.tmp && cp /bin/true su && chmod 6777 su && ln -s / root')
    code, text, _ = upload(folder, place)
    check("odd files do not fail it", code == 0, text)
    odd = [p for p in (folder / "store" / "environments").glob("*/su")]
    check("no set-id program stays", odd and all(p.stat().st_mode & 0o7777 == 0o755 for p in odd), odd)
    check("no pipe stays", not list((folder / "store" / "environments").glob("*/build.log.tmp")))
    contained(folder, "fails", None, ["install-command ended with 7", "why not"], extra="install-command: echo why not; exit 7")


def main():
    with tempfile.TemporaryDirectory(prefix="firn-installs-") as name:
        folder = pathlib.Path(name).resolve()
        folder.chmod(0o755)
        text = subprocess.run([str(FIRN), "upload", model(folder, "probe", None), "--store", folder / "store", "--workers"],
                              capture_output=True, text=True).stderr
        if "sandbox" in text and "error" in text:
            print("SKIPPED installs in a sandbox: " + text.strip().splitlines()[-1])
        else:
            wanted = sys.argv[1:]
            for test in (good, collected, spying, violent, greedy, left_behind):
                if not wanted or test.__name__ in wanted:
                    test(folder)
        for path in sorted(folder.glob("store/environments/*.failed.log")) if os.environ.get("SHOW_LOGS") else []:
            print(path.read_text())
        shutil.rmtree(folder / "store", ignore_errors=True)
    print("installs: %d passed, %d failed" % (len(PASSED), len(FAILED)))
    return bool(FAILED)


sys.exit(main())
