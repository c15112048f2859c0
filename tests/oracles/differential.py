#!/usr/bin/env python3
"""Random graphs through firn's reference kernels, its fast kernels and ONNX Runtime: all must agree.

    scripts/python tests/oracles/differential.py --graphs 10000     seeds 0 to 9999
    scripts/python tests/oracles/differential.py --seed 1234        one graph, every value compared
    scripts/python tests/oracles/differential.py --graphs 500 --first 20000

Agreement is |a - b| <= r |b| + s max|b| with NEAR (+ a quantisation step behind a quantised product). Graphs are
asked BATCH at a time, as one model; one that is refused or differs is looked at alone.
"""

import argparse
import itertools
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]  # onnx.py lies beside this file

import numpy as np
from onnx import numpy_helper

sys.path.append(HERE)
from common import Refused, predict_files
from onnx_values import why
from random_graphs import DOUBLE, FLOAT, FLOAT16, RandomGraph, model_of

BATCH = 40
NEAR = {FLOAT: (2e-4, 2e-5), DOUBLE: (1e-9, 1e-10), FLOAT16: (2e-2, 2e-2)}  # relative to an element, to the largest one
WAYS = {  # name -> options of `firn predict`
    "reference": ["--reference", "--passes-off", "all"],
    "reference, passes": ["--reference"],
    "avx2": ["--isa", "avx2"],
    "portable": ["--isa", "portable"],
    "fast": ["--threads", "1"],
    "fast, 3 threads": ["--threads", "3"],
}


def ask(path, files, options):
    """Outputs by name, or a sentence."""
    try:
        return predict_files(path, files, options)
    except Refused as refusal:
        return why(refusal.args[1])


def ask_runtime(path, inputs):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        names = [o.name for o in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs)))
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]


def differs(a, b, quantum, kind):
    """A sentence, or None. b is the reference."""
    if a.shape != b.shape:
        return f"shape {list(a.shape)} is not {list(b.shape)}"
    if not b.size:
        return None
    if a.dtype != b.dtype:
        return f"{a.dtype} is not {b.dtype}"
    a, b, (rtol, atol) = a.astype(np.float64), b.astype(np.float64), NEAR[kind]
    finite = np.abs(b[np.isfinite(b)])
    limit = rtol * np.abs(b) + atol * (finite.max() if finite.size else 0) + quantum * 1.05 + 1e-6
    with np.errstate(all="ignore"):
        wrong = ~((np.abs(a - b) <= limit) | (a == b) | (np.isnan(a) & np.isnan(b)))
    if not wrong.any():
        return None
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"{int(wrong.sum())} of {b.size} elements, first {list(at)}: {a[at]:.9g} is not {b[at]:.9g}"


def answers(graphs, every_value=False):
    """{way: outputs by name, or a sentence}"""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model_of(graphs, every_value).SerializeToString())
        inputs, files = {}, []
        for graph in graphs:
            for name, array in graph.inputs.items():
                file = Path(folder) / f"{name}.pb"
                file.write_bytes(numpy_helper.from_array(array, name).SerializeToString())
                inputs[name] = array
                files.append(f"{name}={file}")
        got = {way: ask(path, files, options) for way, options in WAYS.items()}
        # Nothing makes ONNX Runtime abort in some operators; its Softmax of large halves is off by 0.2.
        if not graphs[0].empty and graphs[0].type != FLOAT16:
            got["ONNX Runtime"] = ask_runtime(path, inputs)
        return got


def faults_of(graph, got, every_value=False):
    """Sentences."""
    faults, base = [], got["reference"]
    if isinstance(got.get("ONNX Runtime"), str):  # it has no such kernel
        got = {way: outputs for way, outputs in got.items() if way != "ONNX Runtime"}
    if graph.empty and isinstance(base, str):
        return []  # an operator that needs an element
    if isinstance(base, str):
        return [f"seed {graph.seed}: refused: {base}"]
    for way, outputs in got.items():
        if isinstance(outputs, str):
            faults.append(f"seed {graph.seed}: {way}: {outputs}")
            continue
        for value in graph.values[len(graph.inputs):] if every_value else graph.outputs:
            fault = differs(outputs[value.name], base[value.name], value.quantum if way != "reference" else 0, graph.type)
            if fault:
                op = next(n.op_type for n in graph.nodes if value.name in n.output)
                faults.append(f"seed {graph.seed}: {way}: {value.name} ({op}): {fault}")
                break
    return faults


def work(seeds):
    """-> faults of these seeds"""
    graphs, suspects = [RandomGraph(s) for s in seeds], []
    # by type: ONNX Runtime refuses a model that holds one operator it has no kernel for
    for kind, empty in itertools.product(NEAR, (False, True)):
        some = [g for g in graphs if g.type == kind and g.empty == empty]
        got = answers(some) if some else {}
        refused = any(isinstance(outputs, str) for way, outputs in got.items() if kind == FLOAT or way != "ONNX Runtime")
        suspects += [g for g in some if refused or faults_of(g, got)]
    return [fault for g in suspects for fault in faults_of(g, answers([g]))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--graphs", type=int, default=400)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    if arguments.seed is not None:
        graph = RandomGraph(arguments.seed)
        for node in graph.nodes:
            print(node.op_type, list(node.input), "->", list(node.output))
        faults = faults_of(graph, answers([graph], True), True)
        print("\n".join(faults) or "all agree")
        return int(bool(faults))
    seeds = range(arguments.first, arguments.first + arguments.graphs)
    batches, failed, begin = [seeds[i : i + BATCH] for i in range(0, len(seeds), BATCH)], set(), time.time()
    with ProcessPoolExecutor(2) as pool:
        for faults in pool.map(work, batches):
            for fault in faults:
                print(f"FAILED {fault}", flush=True)
                failed.add(fault.split(":")[0])
    print(f"{len(seeds)} graphs in {time.time() - begin:.0f} s")
    print(f"differential: {len(seeds) - len(failed)} passed, {len(failed)} failed")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
