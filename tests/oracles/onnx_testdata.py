#!/usr/bin/env python3
"""ONNX's stored test data (Debian's package libonnx-testdata, ONNX 1.12: 1,072 cases, opsets 1 to 17) through
firn in several configurations, with the official tolerances.

    scripts/python tests/oracles/onnx_testdata.py                    all cases, all configurations
    scripts/python tests/oracles/onnx_testdata.py conv lstm          those whose names hold a word
    scripts/python tests/oracles/onnx_testdata.py --only symbolic    one configuration
    scripts/python tests/oracles/onnx_testdata.py --sample 8         every eighth case

The folder is FIRN_ONNX_TESTDATA, or where the package puts it. Each case that is not passed is listed with
its reason. A fault is a wrong answer that KNOWN does not explain, or more cases not passed than MISSES_MAX.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]  # onnx.py lies beside this file

import collections
import re
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import onnx
from onnx import TensorProto, numpy_helper

sys.path.append(HERE)
from common import Refused, predict, tally
from onnx_values import array, compare, outcome_of, why

DATA = Path(os.environ.get("FIRN_ONNX_TESTDATA", "/usr/share/libonnx-testdata/data"))
SUITES = ("node", "simple", "pytorch-converted", "pytorch-operator")
CONFIGURATIONS = {  # name -> options of `firn predict`
    "reference": ["--reference"],
    "avx2": ["--isa", "avx2"],
    "avx512": ["--isa", "avx512"],
    "passes off": ["--passes-off", "all"],
    "symbolic": [],  # every dimension of every input is a name of its own
}
RTOL, ATOL = 1e-3, 1e-7
MISSES_MAX = 7  # of 1,072
TRUNCATED = "the stored answer truncates to bfloat16; the standard has said since that it rounds to nearest even"
DRAW = "the standard fixes no answer: another draw of random numbers is as right"
KNOWN = [  # pattern of the name, why firn's other answer stands
    (r"^test_bernoulli", DRAW),
    (r"^test_adam_multiple$", "the stored answer was made with an epsilon of 0.01, the model states none: 1e-6"),
    (r"^test_cast(like)?_(FLOAT|STRING)_to_BFLOAT16", TRUNCATED),
]


def parsed(path, type_proto):
    """A stored value of the type that the model states: a TensorProto, SequenceProto or OptionalProto."""
    kind = {"sequence_type": onnx.SequenceProto, "optional_type": onnx.OptionalProto}.get(type_proto.WhichOneof("value"), TensorProto)
    value = kind.FromString(path.read_bytes())
    if kind is TensorProto and type_proto.tensor_type.elem_type == TensorProto.BFLOAT16:
        value.data_type = TensorProto.BFLOAT16  # some are labelled uint16
    return value


def forget_dimensions(model):
    """Each dimension of each input gets a name of its own; what follows from them is not stated."""
    given = {i.name for i in model.graph.initializer}
    for i, info in enumerate(model.graph.input):
        if info.name in given or info.type.WhichOneof("value") != "tensor_type":
            continue
        for d, dim in enumerate(info.type.tensor_type.shape.dim):
            dim.dim_param = f"d{i}_{d}"
    for info in model.graph.output:
        if info.type.WhichOneof("value") == "tensor_type":
            info.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]


def correct_shapes(takes, values):
    """Two models state a shape that their stored input does not have: the input is right. -> changed?"""
    changed = False
    for info, value in zip(takes, values):
        stated = info.type.tensor_type.shape.dim
        if isinstance(value, TensorProto) and info.type.tensor_type.HasField("shape") and len(stated) != len(value.dims):
            info.type.tensor_type.ClearField("shape")
            changed = True
    return changed


def plain(value):
    """Stored value as onnx_values.compare wants it: nested lists of tensors, None for an absent one."""
    if isinstance(value, onnx.SequenceProto):
        return numpy_helper.to_list(value)
    if isinstance(value, onnx.OptionalProto):
        return numpy_helper.to_optional(value)
    return value


def run_set(folder, data, symbolic, options):
    """One model, one set of stored inputs and outputs. -> (outcome, sentence)"""
    model = onnx.load(folder / "model.onnx")
    initial = {i.name for i in model.graph.initializer}
    takes = [i for i in model.graph.input if i.name not in initial]
    values = [parsed(data / f"input_{i}.pb", info.type) for i, info in enumerate(takes)]
    wants = [plain(parsed(data / f"output_{i}.pb", info.type)) for i, info in enumerate(model.graph.output)]
    with tempfile.TemporaryDirectory() as scratch:
        path, files = folder / "model.onnx", []
        if symbolic:
            forget_dimensions(model)
        if correct_shapes(takes, values) or symbolic:
            path = Path(scratch) / "model.onnx"
            path.write_bytes(model.SerializeToString())
        for i, (info, value) in enumerate(zip(takes, values)):
            stored = Path(scratch) / f"input_{i}.pb"
            stored.write_bytes(value.SerializeToString())
            files.append(f"{info.name}={stored}")
        try:
            got = predict(path, files, options=options)
        except Refused as refusal:
            return outcome_of(refusal)
    fault = compare(got, [o.name for o in model.graph.output], wants, RTOL, ATOL)
    return ("wrong", fault) if fault else ("right", "")


def run_case(job):
    """-> (outcome, sentence)"""
    folder, configuration = job
    try:
        for data in sorted(folder.glob("test_data_set_*")):
            result = run_set(folder, data, configuration == "symbolic", CONFIGURATIONS[configuration])
            if result[0] != "right":
                return result
        return "right", ""
    except Exception as error:  # a broken case is a failed one
        return "wrong", f"{type(error).__name__}: {error}"


def known(name):
    return next((reason for pattern, reason in KNOWN if re.search(pattern, name)), None)


def cases_of(arguments, step):
    names = [(suite, folder) for suite in SUITES for folder in sorted((DATA / suite).iterdir()) if (folder / "model.onnx").is_file()]
    return [(s, f) for s, f in names if not arguments or any(a in f.name for a in arguments)][::step]


def run(cases, configuration, pool):
    """Prints; (right, faults)."""
    count, faults = collections.Counter(), 0
    missed = collections.defaultdict(list)  # reason -> names
    results = pool.map(run_case, [(folder, configuration) for _, folder in cases], chunksize=4)
    for (suite, folder), (outcome, sentence) in zip(cases, results):
        if outcome == "wrong" and known(folder.name):
            outcome, sentence = "open", known(folder.name)
        count[suite, outcome] += 1
        if outcome == "wrong":
            faults += 1
            print(f"FAILED {configuration}: {folder.name}: {sentence}")
        elif outcome != "right":
            missed[why(sentence)].append(folder.name)
    for reason, names in sorted(missed.items()):
        print(f"  not passed ({len(names)}): {reason}: {' '.join(names)}")
    right = 0
    for suite in SUITES:
        of = sum(count[suite, o] for o in ("right", "refused", "wrong", "open"))
        right += count[suite, "right"]
        print(f"  {suite}: {count[suite, 'right']} right, {count[suite, 'refused']} refused, {count[suite, 'wrong']} wrong, "
              f"{count[suite, 'open']} otherwise (of {of})")
    tally(configuration, right, *(sum(count[suite, outcome] for suite in SUITES) for outcome in ("refused", "wrong", "open")))
    if len(cases) - right > MISSES_MAX:
        faults += 1
        print(f"FAILED {configuration}: more than {MISSES_MAX} not passed")
    return right, faults


def main():
    arguments, options = sys.argv[1:], {}
    for name in ("--sample", "--only"):
        if name in arguments:
            at = arguments.index(name)
            options[name] = arguments[at + 1]
            del arguments[at : at + 2]
    if not (DATA / "node").is_dir():
        print(f"SKIPPED onnx_testdata: {DATA} is not there (Debian's libonnx-testdata, or FIRN_ONNX_TESTDATA)")
        return 0
    cases = cases_of(arguments, int(options.get("--sample", 1)))
    configurations = [options["--only"]] if "--only" in options else list(CONFIGURATIONS)
    if "avx512f" not in Path("/proc/cpuinfo").read_text() and "avx512" in configurations:
        print("SKIPPED avx512: this machine has none")
        configurations.remove("avx512")
    passed = failed = 0
    with ProcessPoolExecutor(2) as pool:
        for configuration in configurations:
            right, faults = run(cases, configuration, pool)
            passed, failed = passed + right, failed + faults
    print(f"onnx-testdata: {passed} passed, {failed} failed")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main())
