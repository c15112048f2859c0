#!/usr/bin/env python3
"""All operators that TensorFlow registers, and what firn makes of them: served (a row in src/importers/tensorflow), refused
with a reason (model/op_reasons.def), without a kernel on the CPU, or missing.

    scripts/python tests/oracles/tensorflow_operators.py            counts, and the missing ones
    scripts/python tests/oracles/tensorflow_operators.py --all      a line each
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

import collections
import fnmatch
import re
from pathlib import Path

from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.framework import kernels

FOLDER = Path(HERE).parents[1] / "src" / "importers" / "tensorflow"


def registered():
    found = op_def_pb2.OpList.FromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return sorted(op.name for op in found.op)


def on_cpu():
    return {kernel.op for kernel in kernels.get_all_registered_kernels().kernel if kernel.device_type == "CPU"}


def rows():
    """Names in the tables; those of tensor arrays are there without their versions."""
    text = "".join(path.read_text() for path in FOLDER.rglob("*.c") if path.name not in ("effect.c", "ends.c"))
    found = set(re.findall(r'"([A-Z_][A-Za-z0-9_]*)"', text))
    found |= {"PlaceholderV2"}  # an input (model/effect.c)
    return found | {name + version for name in found if name.startswith("TensorArray") for version in ("V2", "V3")}


def main():
    served, cpu = rows(), on_cpu()
    reasons = re.findall(r'REASON\("([^"]+)", "([^"]+)"\)', (FOLDER / "model" / "op_reasons.def").read_text())
    counts, lists = collections.Counter(), collections.defaultdict(list)
    for name in registered():
        why = next((why for pattern, why in reasons if fnmatch.fnmatchcase(name, pattern)), None)
        state = "served" if name in served else f"refused: {why}" if why else "no kernel on the CPU" if name not in cpu else "missing"
        counts[state] += 1
        lists[state].append(name)
        if "--all" in sys.argv:
            print(f"{name:50} {state}")
    for state, count in counts.most_common():
        print(f"{count:5} {state}")
    print("missing:", *lists["missing"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
