#!/usr/bin/env python3
"""Every operator with every element type that the standard allows it, beyond what the node tests hold.

    scripts/python tests/oracles/onnx_types.py            all operators
    scripts/python tests/oracles/onnx_types.py Conv Gemm  some
    scripts/python tests/oracles/onnx_types.py --sample 3 every third case

For each type variable of an operator's newest version and each type that no node test gives it, one node test
is taken, its values are converted, and firn's answer is compared with the one of onnx.reference. Where the
reference cannot answer, firn must answer or refuse without a fault. Lists what firn refuses; a fault is a
wrong answer.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]  # onnx.py lies beside this file

import collections
import copy
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnx.defs
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.reference import ReferenceEvaluator

sys.path.append(HERE)
from common import tally
from onnx_values import answer, array, compare, why

warnings.filterwarnings("ignore")
TYPES = {f"tensor({TensorProto.DataType.Name(v).lower()})": v for v in TensorProto.DataType.values() if v}
TYPES |= {"tensor(bfloat16)": TensorProto.BFLOAT16, "tensor(double)": TensorProto.DOUBLE}
# Relative and absolute: the reference rounds at other places.
NEAR = {"float16": (2e-2, 2e-2), "bfloat16": (8e-2, 8e-2), "double": (1e-6, 1e-7), "float": (1e-3, 1e-5)}
SMALL_NEAR = (0.3, 0.3)  # 8 bits and fewer
CASES_EACH = 2
# (operator, variable, types or None for all): why there is nothing to compare.
LEFT_OUT = [
    ("LabelEncoder", "T1", None, "an attribute holds the type"),
    ("TfIdfVectorizer", "T", None, "an attribute holds the type"),
    ("Scan", "V", None, "a subgraph holds the type"),
    ("Loop", "V", None, "a subgraph holds the type"),
    ("SplitToSequence", "T", "complex", "JSON has no form for it"),
    ("OptionalGetElement", "O", "complex", "JSON has no form for it"),
    ("Bernoulli", "T1", None, "random"),
    ("BitCast", "T1", None, "the sizes must agree"),
    ("CastLike", "T2", "int uint e8m0", "the values hold NaN and infinities"),
]
# Answers of onnx.reference that are not the standard's.
REFERENCE_DIFFERS = {
    ("Resize", "T1", "complex64"): "it loses the imaginary parts",
    ("Resize", "T1", "complex128"): "it loses the imaginary parts",
    ("DequantizeLinear", "T1", "float8e4m3fnuz"): "it computes in that type",
    ("DequantizeLinear", "T1", "float8e5m2fnuz"): "it computes in that type",
    ("QuantizeLinear", "T3", "float8e4m3fnuz"): "it leaves the zero point out",
    ("QuantizeLinear", "T3", "float8e5m2fnuz"): "it leaves the zero point out",
    ("CenterCropPad", "T", "string"): "it fills with 0",
    ("Trilu", "T", "string"): "it fills with 0",
    ("STFT", "T1", "bfloat16"): "it sums in that type",
}


def left_out(op, variable, kind):
    return any(o == op and v == variable and (not k or any(word in kind for word in k.split())) for o, v, k, _ in LEFT_OUT)


def numpy_type(code):
    return np.dtype(helper.tensor_dtype_to_np_dtype(code)) if code != TensorProto.STRING else np.dtype(object)


def converted(value, code):
    """The values as another type, kept apart and small enough for it."""
    value = np.asarray(value)
    if value.dtype.kind in "OUS":
        value = np.arange(value.size, dtype=np.float32).reshape(value.shape)
    if value.dtype.kind == "V" or value.dtype.isbuiltin != 1:
        value = value.astype(np.float32)
    if code == TensorProto.STRING:
        return np.array([str(v) for v in value.ravel()], dtype=object).reshape(value.shape)
    kind = TensorProto.DataType.Name(code)
    if code in (TensorProto.COMPLEX64, TensorProto.COMPLEX128):
        return (value + 1j * value[..., ::-1] if value.ndim else value + 1j * value).astype(numpy_type(code))
    if value.dtype.kind == "f" and ("INT" in kind or code == TensorProto.BOOL):
        with np.errstate(all="ignore"):
            value = np.rint(np.nan_to_num(value, posinf=9, neginf=-9) * (5 if value.size and np.nanmax(np.abs(value)) < 3 else 1))
    if code == TensorProto.BOOL:
        return value.astype(np.int64) % 2 == 1
    if "UINT" in kind:
        value = np.abs(value)
    if "INT" in kind:
        bits = int("".join(c for c in kind if c.isdigit()))
        value = np.clip(value, -(2 ** min(bits - 1, 62)), 2 ** min(bits - 1, 62) - 1)
    return value.astype(numpy_type(code))


def formal(schema_formals, i):
    """The formal parameter of the i-th actual one."""
    return schema_formals[min(i, len(schema_formals) - 1)]


def schema_of(node):
    return onnx.defs.get_schema(node.op_type, domain=node.domain)


def inputs_of(test):
    """[(formal, name)] of the node's inputs that are inputs of the model."""
    node = test.model.graph.node[0]
    schema = schema_of(node)
    given = {i.name for i in test.model.graph.input}
    return [(formal(schema.inputs, i), name) for i, name in enumerate(node.input) if name in given]


def code_of(info):
    return info.type.tensor_type.elem_type if info.type.WhichOneof("value") == "tensor_type" else 0


def plan(tests):
    """[(operator, variable, type code, test)] for what no test covers."""
    covered, usable = collections.defaultdict(set), collections.defaultdict(list)
    for test in tests:
        nodes = test.model.graph.node
        if len(nodes) != 1 or test.model.functions:
            continue
        codes = {i.name: code_of(i) for i in test.model.graph.input}
        for parameter, name in inputs_of(test):
            key = nodes[0].domain, nodes[0].op_type, parameter.type_str
            covered[key].add(codes[name])
            if test not in usable[key]:
                usable[key].append(test)
    jobs = []
    for (domain, op, variable), cases in sorted(usable.items()):
        schema = onnx.defs.get_schema(op, domain=domain)
        allowed = next((t.allowed_type_strs for t in schema.type_constraints if t.type_param_str == variable), [])
        for name in allowed:
            code = TYPES.get(name)
            if code and code not in covered[domain, op, variable] and not left_out(op, variable, name):
                jobs += [(op, variable, code, test.name) for test in cases[:: max(1, len(cases) // CASES_EACH)][:CASES_EACH]]
    return jobs


TESTS = {}


def changed(job):
    """(model, inputs by name) with the type put in."""
    op, variable, code, name = job
    test = TESTS[name]
    model, node = copy.deepcopy(test.model), test.model.graph.node[0]
    schema = schema_of(node)
    values = dict(zip([i.name for i in model.graph.input], test.data_sets[0][0]))
    if any(v is None or isinstance(v, (list, dict)) for v in values.values()):
        return None, None
    values = {k: numpy_helper.to_array(v) if isinstance(v, TensorProto) else np.asarray(v) for k, v in values.items()}
    for parameter, name in inputs_of(test):
        if parameter.type_str == variable:
            values[name] = converted(values[name], code)
            next(i for i in model.graph.input if i.name == name).type.tensor_type.elem_type = code
    for i, info in enumerate(model.graph.output):
        if formal(schema.outputs, list(node.output).index(info.name)).type_str == variable:
            info.type.tensor_type.elem_type = code
        else:
            info.type.tensor_type.elem_type = TensorProto.UNDEFINED  # what follows from the types is firn's to say
        info.type.tensor_type.ClearField("shape")
    return model, values


def reference(model, values):
    try:
        wants = ReferenceEvaluator(model).run(None, values)
    except Exception:
        return None
    return wants if all(isinstance(w, np.ndarray | np.generic) for w in wants) else None


def as_declared(want, info):
    """The reference lets numpy choose the type of some outputs."""
    want = np.asarray(want)
    declared = numpy_type(code_of(info) or TensorProto.FLOAT)
    return want if want.dtype.kind in "OUS" or not code_of(info) or want.dtype == declared else want.astype(declared)


def run_case(job):
    """-> (outcome, sentence)"""
    try:
        model, values = changed(job)
        if model is None:
            return "skipped", ""
        wants = reference(model, values)
        complex_answer = any("COMPLEX" in TensorProto.DataType.Name(code_of(i)) for i in model.graph.output)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(model.SerializeToString())
            got, failure = answer(path, values, folder, as_files=complex_answer)
        if failure:
            return failure
        if wants is None or (job[0], job[1], TensorProto.DataType.Name(job[2]).lower()) in REFERENCE_DIFFERS:
            return "unknown", ""
        wants = [as_declared(want, info) for want, info in zip(wants, model.graph.output)]
        near = NEAR.get(TensorProto.DataType.Name(job[2]).lower(), NEAR["float"])
        if numpy_type(job[2]).itemsize == 1 and "FLOAT" in TensorProto.DataType.Name(job[2]):
            near = SMALL_NEAR
        fault = compare(got, [o.name for o in model.graph.output], wants, *near)
        return ("wrong", fault) if fault else ("right", "")
    except Exception as error:
        return "wrong", f"{type(error).__name__}: {error}"


def main():
    arguments, step = sys.argv[1:], 1
    if "--sample" in arguments:
        at = arguments.index("--sample")
        step = int(arguments[at + 1])
        del arguments[at : at + 2]
    wanted = [a for a in arguments if not a.startswith("-")]
    TESTS.update((t.name, t) for t in collect_testcases(None))
    jobs = [j for j in plan(TESTS.values()) if not wanted or j[0] in wanted][::step]
    count, refused = collections.Counter(), collections.defaultdict(lambda: collections.defaultdict(set))
    with ProcessPoolExecutor(2) as pool:
        for job, (outcome, sentence) in zip(jobs, pool.map(run_case, jobs, chunksize=4)):
            count[outcome] += 1
            kind = TensorProto.DataType.Name(job[2]).lower()
            if outcome == "wrong":
                print(f"FAILED {job[0]} {job[1]}={kind} ({job[3]}): {sentence}")
            if outcome == "refused":
                refused[job[0], job[1]][why(sentence).replace(kind, "TYPE")].add(kind)
    for (op, variable), reasons in sorted(refused.items()):
        for reason, kinds in reasons.items():
            print(f"refused {op} {variable}={','.join(sorted(kinds))}: {reason[:140]}")
    print(f"{count['unknown']} answered where the reference is silent")
    tally("types", count["right"] + count["unknown"], count["refused"], count["wrong"], count["skipped"])  # skipped: without tensors
    print(f"onnx-types: {count['right'] + count['unknown']} passed, {count['wrong']} failed")
    return int(count["wrong"] > 0 or not jobs)


if __name__ == "__main__":
    sys.exit(main())
