#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Workers and installs where a machine gives less: the unit tests of workers, installs of strangers, and models that do what
they must not, run again in a container that forbids namespaces, mounts and landlock (tests/contained.c), and as a user without
rights. Needs root for both. The last line is "elsewhere: N passed, N failed".

    elsewhere.py                both places, in the container without whole models
    elsewhere.py contained      all of it in one of the places: contained, user"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
UNIT = ROOT / "build" / "asan" / "unit" / "workers"
NOBODY = 65534
# env: setpriv itself may still enter every folder
USER = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "env"]
COUNTS = re.compile(r"^[a-z -]*: (\d+) passed, (\d+) failed$", re.M)
UNIT_COUNTS = re.compile(r"\[  PASSED  \] (\d+) test")


def contained(folder):
    program = folder / "contained"
    done = subprocess.run([os.environ.get("CC", "cc"), "-O1", ROOT / "tests" / "contained.c", "-lseccomp", "-o", program],
                          capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [str(program)], {}


def user(folder):
    home = folder / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    return USER, {"HOME": str(home), "TMPDIR": str(home), "XDG_CACHE_HOME": str(home)}


def python_of(before, env):
    """This Python with its packages, or the machine's: (interpreter, folder of an environment with numpy or None). In both
    places workers are somebody else, who must reach it."""
    before = [*before, *USER] if before != USER else before
    for python, folder in ((sys.executable, sys.prefix), ("/usr/bin/python3", None)):
        probe = [*before, python, "-c", "import numpy" if folder else "import venv"]
        if not subprocess.run(probe, env=env, capture_output=True).returncode:
            return python, folder
    return None, None


def programs(place, python, environment):
    """What is run, in the order of what it takes, with what reads the counts of it."""
    for name in ("worker_test", "limits_test", "cgroup_test"):
        if (UNIT / name).exists():
            yield [str(UNIT / name)], UNIT_COUNTS
        else:
            print("SKIPPED the unit test %s: it is not built" % name)
    if not python:
        print("SKIPPED installs and Python models: there is no Python that may be run")
        return
    yield [python, str(ROOT / "tests/workers/installs.py"), "good", "spying"], COUNTS
    if place is contained and not sys.argv[1:]:
        return  # what they need has been looked at; half a minute
    given = ["FIRN_WORKER_ENVIRONMENT=" + environment] if environment else []  # else numpy is installed
    yield ["env", *given, python, str(ROOT / "tests/workers/python_models.py"), "wrong", "killed"], COUNTS


def run(place, before, program, counts, env, folder):
    """(passed, failed) of one program in an empty folder of its own."""
    folder.mkdir()
    if place is user:
        os.chown(folder, NOBODY, NOBODY)
    done = subprocess.run([*before, *program], cwd=folder, env=env, capture_output=True, text=True, timeout=900)
    said = done.stdout + done.stderr
    found = counts.findall(said)
    last = found[-1] if found else ("0", "1")
    good, bad = (int(last), 0) if isinstance(last, str) else map(int, last)
    bad = max(bad, int(done.returncode != 0 or not good))
    name = next(pathlib.Path(word).name for word in program if word.endswith((".py", "_test")))
    print("%s: %s: %d passed, %d failed" % (place.__name__, name, good, bad))
    print("".join(sorted({line + "\n" for line in said.splitlines() if line.startswith("SKIPPED")})) + (said[-6000:] if bad else ""), end="")
    return good, bad


def main():
    passed = failed = 0
    for place in (contained, user):
        if sys.argv[1:] and place.__name__ not in sys.argv[1:]:
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            folder.chmod(0o755)
            before, more = place(folder)
            # leaks are looked for by ptrace, which no container allows
            env = {**os.environ, "FIRN_ROOT": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "ASAN_OPTIONS": "detect_leaks=0", **more}
            for number, (program, counts) in enumerate(programs(place, *python_of(before, env))):
                good, bad = run(place, before, program, counts, env, folder / str(number))
                passed, failed = passed + good, failed + bad
    print("elsewhere: %d passed, %d failed" % (passed, failed))
    return bool(failed or not passed)


if os.geteuid() != 0:
    print("SKIPPED elsewhere: it needs root\nelsewhere: 0 passed, 0 failed")
    sys.exit(0)
sys.exit(main())
