#!/usr/bin/env python3
"""What a worker costs beside the same call within Python: bench/worker.c, with an environment that has numpy."""
import subprocess
import sys

import environment

environment.enter("requirements.txt")
sys.exit(subprocess.run([environment.ROOT / "build/release/bench/worker", sys.prefix], cwd=environment.ROOT).returncode)
