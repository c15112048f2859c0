"""The interpreter of the benches: a virtual environment of its own, made on first use."""

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def make(requirements, folder):
    """build/FOLDER with what bench/REQUIREMENTS lists; its path, or None when it cannot be installed."""
    wanted, venv = ROOT / "bench" / requirements, ROOT / "build" / folder
    stamp = venv / "requirements.txt"
    if stamp.exists() and filecmp.cmp(wanted, stamp, shallow=False):
        return venv
    print(f"installing bench/{requirements} into build/{folder}", file=sys.stderr, flush=True)
    for command in ([sys.executable, "-m", "venv", venv], [venv / "bin" / "pip", "install", "-q", "--disable-pip-version-check", "-r", wanted]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"not installed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            return None
    shutil.copy(wanted, stamp)
    return venv


def enter(requirements, folder="bench-venv"):
    """Run this script in that environment."""
    venv = make(requirements, folder)
    if not venv:
        sys.exit(f"error: bench/{requirements} cannot be installed")
    python = str(venv / "bin" / "python")
    if Path(sys.prefix) != venv:
        os.execv(python, [python, *sys.argv])
