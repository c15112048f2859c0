#!/usr/bin/env python3
"""TensorFlow as oracle: operators alone as frozen graphs, tf.Module SavedModels, exports of Keras and of
Estimators, beside `firn predict`.

    scripts/python tests/oracles/tensorflow.py                     all cases
    scripts/python tests/oracles/tensorflow.py --only reduce sort  the families named
    scripts/python tests/oracles/tensorflow.py MatMul LSTM         those whose names hold a word
    scripts/python tests/oracles/tensorflow.py --sample 8          every eighth case of each family
    --refused FILE     what firn refuses, by operator, written there
    --part K/N         every N-th family, the K-th and on
    --keep FOLDER      the models and questions of the cases stay there

A family is a file of tensorflow_cases/: its `cases()` yields objects with `name`, `operator`, and
`write(folder)`, which builds the model, runs it and returns [(path, signature, inputs, answers)]. Whole
numbers and text must agree exactly. A refusal (exit code 6, with a reason) is counted by operator; it is
a fault only where more than REFUSED_SHARE of a family of MANY is refused.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]  # this file is called tensorflow
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="", KERAS_BACKEND="tensorflow", OMP_NUM_THREADS="1")

import argparse
import collections
import importlib
import re
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf

sys.path.append(HERE)
from common import Refused, part_of, predict, predict_files, tally
from onnx_values import outcome_of, why, write_input
from tensorflow_cases.operators import OpCase
from tensorflow_contract import contract_fault

warnings.filterwarnings("ignore")
tf.get_logger().setLevel("ERROR")
REFUSED_SHARE, MANY = 0.05, 100
NOT_FAMILIES = ("operators", "savedmodel", "__init__")
RTOL = {"float32": 1e-5, "float64": 1e-9, "float16": 2.0**-9, "bfloat16": 2.0**-6, "complex64": 1e-5, "complex128": 1e-9}


def families():
    names = sorted(path.stem for path in (Path(HERE) / "tensorflow_cases").glob("*.py"))
    return [name for name in names if name not in NOT_FAMILIES]


def plain(value):
    """What firn prints of TensorFlow's value."""
    if value.dtype.kind in "OSU":
        return np.array([v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in value.ravel()], object).reshape(value.shape)
    return value.astype(np.float32) if value.dtype.name == "bfloat16" else value


def parts(value):
    return (value.real, value.imag) if value.dtype.kind == "c" else (value,)


def number_fault(got, want, rtol, near, whole):
    """rtol: of the largest finite value of `whole`, whose part `want` may be; near: of each value."""
    got, want = got.astype(np.float64), want.astype(np.float64)
    size = np.abs(whole[np.isfinite(whole)]).astype(np.float64)
    with np.errstate(all="ignore"):
        limit = rtol * np.abs(want) + 1e-7 * (rtol >= 1e-5) if near else rtol * (size.max() if size.size else 1) + 1e-30
        right = (np.abs(got - want) <= limit) | (got == want) | (np.isnan(got) & np.isnan(want))
    right &= np.isfinite(got) == np.isfinite(want)
    if right.all():
        return None
    at = tuple(np.argwhere(~right)[0])
    return f"element {list(map(int, at))} of {list(want.shape)}: {got[at]:.9g} is not {want[at]:.9g} ({int((~right).sum())} differ)"


def fault_of(got, stored, rtol, near):
    """A sentence, or None."""
    want = plain(stored)
    if got.shape != want.shape:
        return f"shape {list(got.shape)} is not {list(want.shape)}"
    if want.dtype == object or got.dtype.kind in "OUS":
        got = got.astype(object)
        if want.dtype != object:
            return "text is no number"
    elif got.dtype != want.dtype:
        return f"{got.dtype} is not {want.dtype}"
    if want.dtype.kind in "fc":
        rtol = rtol and max(rtol, RTOL[stored.dtype.name]) or RTOL[stored.dtype.name]
        return next((f for f in (number_fault(g, w, rtol, near, want) for g, w in zip(parts(got), parts(want))) if f), None)
    wrong = got != want
    if not wrong.any():
        return None
    at = tuple(np.argwhere(wrong)[0])
    return f"element {list(map(int, at))} of {list(want.shape)}: {got[at]!r} is not {want[at]!r} ({int(wrong.sum())} differ)"


def ask(case, question, folder):
    """(outcome, sentence): right, refused or wrong."""
    path, signature, inputs, wants = question
    try:
        files = [write_input(value, name, folder, i) for i, (name, value) in enumerate(inputs.items())]
        if getattr(case, "ordered", False):  # another file of the same model may have other names
            files = [file.partition("=")[2] for file in files]
        as_files = any(w.dtype.kind == "c" for w in wants.values())
        options = ["--signature", signature] if signature else []
        got = (predict_files if as_files else predict)(path, files, options=options)
    except Refused as refusal:
        return outcome_of(refusal)
    if getattr(case, "ordered", False) and len(got) == len(wants):
        got = dict(zip(wants, got.values()))
    if as_files:  # the names of files have no ":"
        got = {name: got.get(name) for name in wants if name in got}
    if not signature:  # of a bare graph every end is an output
        got = {name: got[name] for name in wants if name in got}
    if sorted(got) != sorted(wants):
        return "wrong", f"outputs {sorted(got)} are not {sorted(wants)}"
    for name, want in wants.items():
        want = np.asarray(want)
        if getattr(case, "shapes_only", False):
            fault = f"{name} shape {got[name].shape} {want.shape}" if got[name].shape != want.shape else None
        else:
            fault = fault_of(got[name], want, getattr(case, "rtol", None), getattr(case, "near", False))
        if not fault and getattr(case, "ranked", False) and (got[name].argmax(-1) != want.argmax(-1)).any():
            fault = "another class comes first"
        if fault:
            return "wrong", f"{name}: {fault}"
    return "right", ""


def ask_all(case, questions, folder):
    try:
        answers = [ask(case, question, folder) for question in questions]
    except Exception as error:  # a broken case is a failed one
        return "wrong", f"{type(error).__name__}: {error}"
    for outcome in ("wrong", "refused"):
        for question, (found, sentence) in zip(questions, answers):
            if found == outcome:
                return outcome, (f"{question[1]}: " if question[1] else "") + sentence
    fault = contract_fault(questions[0][0])
    return ("wrong", fault) if fault else ("right", "")


def sentence_of(error):
    """TensorFlow's own words, without where in the graph."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith((" ", "Detected", "Graph execution", "Node:", "Original stack"))]
    return (lines or [""])[0][:200]


class Family:
    def __init__(self, name):
        self.name, self.count = name, collections.Counter()
        self.broken = collections.defaultdict(list)
        self.built = set()


def culprit(case, sentence):
    """What a refusal is listed under."""
    found = re.findall(r"\((\w+)\):", sentence)
    return case.operator or (found[-1] if found else case.name)


def with_functions(cases):
    """And, once an operator of several outputs, inside a function."""
    seen = set()
    for case in cases:
        yield case
        called = case.in_function() if isinstance(case, OpCase) and case.operator not in seen and case.types == {} else None
        if called:
            seen.add(case.operator)
            yield called


def selected(name, given):
    module = importlib.import_module(f"tensorflow_cases.{name}")
    cases = [c for c in with_functions(module.cases()) if not given.words or any(w in f"{name}/{c.name}" for w in given.words)]
    if given.sample > 1 and hasattr(module, "IN_SAMPLE"):  # so many, the first; None: all
        return cases[: module.IN_SAMPLE]
    return cases[:: given.sample]


def run(name, given, refused):
    family = Family(name)

    def done(case, future):
        outcome, sentence = future.result()
        family.count[outcome] += 1
        if outcome == "wrong":
            print(f"FAILED {name}/{case.name}: {' '.join(sentence.split())}", flush=True)
        if outcome == "refused":
            refused[culprit(case, sentence)].append((f"{name}/{case.name}", why(sentence)))

    with ThreadPoolExecutor(2) as pool, tempfile.TemporaryDirectory() as temporary:
        waiting = collections.deque()
        for number, case in enumerate(selected(name, given)):
            folder = (given.keep or Path(temporary)) / name / f"{number}-{re.sub('[^A-Za-z0-9._=-]', '_', case.name)[:80]}"
            folder.mkdir(parents=True, exist_ok=True)
            try:
                questions = case.write(folder)
            except Exception as error:  # types without a kernel; arguments that TensorFlow rejects
                family.broken[case.operator].append(f"{case.name}: {type(error).__name__}: {sentence_of(error)}")
                continue
            family.built.add(case.operator)
            waiting.append((case, pool.submit(ask_all, case, questions, folder)))
            while len(waiting) > 8:
                done(*waiting.popleft())
        while waiting:
            done(*waiting.popleft())
    count = family.count
    print(f"{name}: {count['right']} right, {count['refused']} refused, {count['wrong']} wrong; {sum(map(len, family.broken.values()))} not in TensorFlow", flush=True)
    return family


def report(families, refused, given):
    passed = failed = 0
    for family in families:
        count = family.count
        for operator, sentences in family.broken.items():
            if operator is None:  # whole models: each is there for itself
                failed += len(sentences)
                print(*(f"FAILED {family.name}: TensorFlow does not run {sentence}" for sentence in sentences), sep="\n")
                continue
            if operator not in family.built and given.sample == 1 and not given.words:
                print(f"FAILED {family.name}/{operator}: TensorFlow runs none of its cases: {sentences[0]}")
                failed += 1
        all_of = sum(count.values())
        if all_of >= MANY and count["refused"] > REFUSED_SHARE * all_of:
            print(f"many refused: {family.name}")
        passed += count["right"]
        failed += count["wrong"]
    lines = [f"{len(cases):4} {operator}: {cases[0][1]}   [{cases[0][0]}]" for operator, cases in sorted(refused.items(), key=lambda item: (-len(item[1]), item[0]))]
    if given.refused:
        given.refused.write_text("\n".join(lines) + "\n")
    else:
        print("\n".join(f"refused {line}" for line in lines))
    total = collections.Counter()
    for family in families:
        total.update(family.count)
    print(f"all: {total['right']} right, {total['refused']} refused by {len(refused)} operators, {total['wrong']} wrong")
    tally("tensorflow", total["right"], total["refused"], total["wrong"], sum(len(s) for family in families for s in family.broken.values()))
    print(f"tensorflow: {passed} passed, {failed} failed")
    return int(failed > 0)


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("words", nargs="*")
    asked.add_argument("--only", nargs="+", default=[])
    asked.add_argument("--sample", type=int, default=1)
    asked.add_argument("--refused", type=Path)
    asked.add_argument("--keep", type=Path)
    arguments = sys.argv[1:]
    those = part_of(families(), arguments)
    given = asked.parse_args(arguments)
    given.words += [word for word in given.only if word not in families()]
    given.only = [name for name in given.only if name in families()]
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    refused = collections.defaultdict(list)
    found = [run(name, given, refused) for name in those if not given.only or name in given.only]
    return report(found, refused, given)


if __name__ == "__main__":
    sys.exit(main())
