#!/usr/bin/env python3
"""ONNX as oracle: the node tests of the onnx package, and small models against ONNX Runtime.

    scripts/python tests/oracles/onnx.py               all cases
    scripts/python tests/oracles/onnx.py conv          those whose names hold a word
    scripts/python tests/oracles/onnx.py --sample 8    every eighth node case, all small models

A refusal of firn (exit code 6, with a reason) is counted by operator and is no fault unless more than
REFUSED_SHARE, MANY = 0.1, 250  # of at least so many cases
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]  # this file is called onnx

import collections
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from onnx.backend.test.case.node import collect_testcases

sys.path.append(HERE)
import onnx_ml_cases
import onnx_models
from common import tally, wanted
from onnx_values import answer, compare, stored_as, why

warnings.filterwarnings("ignore")
REFUSED_SHARE, MANY = 0.1, 250  # of at least so many cases
# Their stored answers are draws of NumPy's random numbers: any other draw is as right.
RANDOM = ("test_bernoulli",)
# Stored answers that were computed in single precision and stand where 0 is right.
ATOL = {"test_dft": 1e-6}
NODES = {}  # name -> onnx TestCase, filled before the workers are forked
SMALL = {name: rest for name, *rest in [*onnx_models.CASES, *onnx_ml_cases.CASES]}


def node_case(case):
    """-> (outcome, sentence): passed, refused, wrong or skipped."""
    test = NODES[case[0]]
    if any(word in test.name for word in RANDOM):
        return "skipped", "random"
    inputs, wants = test.data_sets[0]
    names = [i.name for i in test.model.graph.input]
    outputs = [o.name for o in test.model.graph.output]
    inputs = [stored_as(info, value) for info, value in zip(test.model.graph.input, inputs)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(test.model.SerializeToString())
        got, failure = answer(path, dict(zip(names, inputs)), folder)
        if failure:
            return failure
        fault = compare(got, outputs, wants, test.rtol, max([test.atol] + [v for k, v in ATOL.items() if k in test.name]))
        return ("wrong", fault) if fault else ("passed", "")


def mapped(inputs, name):
    """ONNX Runtime takes a dict where firn takes keys and values."""
    return dict(zip(inputs[name + ".keys"].tolist(), inputs[name + ".values"].tolist()))


def small_case(case):
    """A model of onnx_models: ONNX Runtime says what is right."""
    import onnxruntime

    make, *right = SMALL[case[0]]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as questions:
        path, inputs = make(Path(folder))
        if right and getattr(right[0], "alone", False):  # ONNX Runtime has no such operator
            names, wants = right[0](path, inputs)
        else:
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3
            session = onnxruntime.InferenceSession(str(path / "model.onnx" if path.is_dir() else path), options, providers=["CPUExecutionProvider"])
            names = [o.name for o in session.get_outputs()]
            wants = session.run(names, {i.name: mapped(inputs, i.name) if i.type.startswith("map") else inputs[i.name] for i in session.get_inputs()})
            if right:
                wants = right[0](path, inputs, wants)
        got, failure = answer(path, inputs, questions)
        if failure:
            return failure
        fault = compare(got, names, wants, 1e-5, 1e-6)
        return ("wrong", fault) if fault else ("passed", "")


def work(case):
    try:
        return small_case(case) if case[0] in SMALL else node_case(case)
    except Exception as error:  # a broken case is a failed one
        return "wrong", f"{type(error).__name__}: {error}"


def operator(case):
    """What a refusal is listed under."""
    if case[0] in SMALL:
        return case[0]
    nodes = NODES[case[0]].model.graph.node
    return nodes[0].op_type if len(nodes) == 1 else case[0].removeprefix("test_").split("_")[0] + " (expanded)"


def run(name, cases):
    """Prints faults and refusals; (passed, faults)."""
    count, refused, reason = collections.Counter(), collections.Counter(), {}
    with ProcessPoolExecutor(2) as pool:
        for case, (outcome, sentence) in zip(cases, pool.map(work, cases, chunksize=4)):
            count[outcome] += 1
            if outcome == "wrong":
                print(f"FAILED {case[0]}: {sentence}")
            if outcome == "refused":
                refused[operator(case)] += 1
                reason[operator(case)] = why(sentence)
    for op, times in sorted(refused.items()):
        print(f"refused {op} ({times}): {reason[op]}")
    tally(name, count["passed"], count["refused"], count["wrong"], count["skipped"])  # skipped: without a fixed answer
    too_many = len(cases) >= MANY and count["refused"] > REFUSED_SHARE * len(cases)
    if too_many:
        print(f"FAILED {name}: more than {REFUSED_SHARE:.0%} refused")
    return count["passed"], count["wrong"] + too_many


def main():
    arguments, step = sys.argv[1:], 1
    if "--sample" in arguments:
        at = arguments.index("--sample")
        step = int(arguments[at + 1])
        del arguments[at : at + 2]
    NODES.update((c.name, c) for c in collect_testcases(None))
    nodes = wanted([(name,) for name in sorted(NODES)], arguments)[::step]
    passed, faults = run("node tests", nodes)
    small_passed, small_faults = run("small models", wanted([(name,) for name in SMALL], arguments))
    print(f"onnx: {passed + small_passed} passed, {faults + small_faults} failed")
    return int(faults + small_faults > 0 or passed + small_passed == 0)


if __name__ == "__main__":
    sys.exit(main())
