#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write tests/ops/onnx/*.txt: small node tests of the onnx package as text cases (tests/op_case.h).

    python3 tests/ops/make.py       # needs the package onnx; the one that made them is in each file

A node becomes a case when it stands alone, holds only tensors and no more than NUMBERS_MAX numbers;
of each operator, the first CASES_MAX with different attributes, types or ranks.
"""
import collections
import pathlib
import warnings

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases

NUMBERS_MAX, CASES_MAX = 130, 14
FOLDER = pathlib.Path(__file__).parent / "onnx"
DTYPES = {1: "float", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
          8: "string", 9: "bool", 10: "half", 11: "double", 12: "uint32", 13: "uint64",
          16: "bfloat16", 17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2",
          20: "float8e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4e2m1",
          24: "float8e8m0", 25: "uint2", 26: "int2", 27: "float6e2m3", 28: "float6e3m2"}
FLOATS = {1, 10, 11, 16, 17, 18, 19, 20, 23, 24, 27, 28}
# Cases whose values hang on how roundings follow each other: softmax in bfloat16, sums of float
# that should be 0.
SKIPPED = {"test_attention_4d_causal_bf16", "test_attention_4d_padded_kv_bf16",
           "test_attention_4d_causal_padded_kv_bf16", "test_attention_3d_causal_bf16",
           "test_dft_inverse", "test_dft_inverse_opset19"}
# Operators that are not there, or draw.
OPERATORS_SKIPPED = {"Bernoulli", "OptionalGetElement", "OptionalHasElement", "RandomUniformLike",
                     "ImageDecoder", "FlexAttention"}


def quoted(value):
    value = value.encode() if isinstance(value, str) else bytes(value)
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else "\\x%02x" % b
                         for b in value) + '"'


def number(value, code):
    if code == 8:
        return quoted(value)
    if code not in FLOATS:
        return str(int(value))
    value = float(value)
    return "%.17g" % value if code == 11 else "%.9g" % value


def tensor(array, code):
    flat = np.asarray(array).reshape(-1)
    shape = "[" + ",".join(str(d) for d in np.shape(array)) + "]"
    return " ".join([DTYPES[code], shape] + [number(v, code) for v in flat.tolist()])


def attribute(a):
    kind = {AttributeProto.INT: "int", AttributeProto.FLOAT: "float", AttributeProto.STRING: "string",
            AttributeProto.TENSOR: "tensor", AttributeProto.INTS: "ints",
            AttributeProto.FLOATS: "floats", AttributeProto.STRINGS: "strings"}[a.type]
    value = {"int": lambda: str(a.i), "float": lambda: "%.9g" % a.f, "string": lambda: quoted(a.s),
             "tensor": lambda: tensor(numpy_helper.to_array(a.t), a.t.data_type),
             "ints": lambda: " ".join(map(str, a.ints)),
             "floats": lambda: " ".join("%.9g" % f for f in a.floats),
             "strings": lambda: " ".join(map(quoted, a.strings))}[kind]()
    return f"attribute {a.name} {kind} {value}".rstrip()


def case(test):
    """The text of a case and what makes it different from others, or None."""
    graph = test.model.graph
    node = graph.node[0]
    inputs, outputs = test.data_sets[0]
    if len(graph.node) != 1 or graph.initializer or test.model.functions:
        return None
    named = dict(zip([i.name for i in graph.input], zip(inputs, graph.input)))
    results = dict(zip([o.name for o in graph.output], zip(outputs, graph.output)))
    opset = {o.domain: o.version for o in test.model.opset_import}[node.domain]
    lines = [f"case {test.name}", f"op {node.domain + ':' if node.domain else ''}{node.op_type} {opset}"]
    lines += [attribute(a) for a in node.attribute]
    count, kind = 0, [tuple(sorted((a.name, str(a)) for a in node.attribute))]
    for word, names, known in (("in", node.input, named), ("out", node.output, results)):
        for name in names:
            if not name:
                lines.append(word + " none")
                continue
            value, info = known[name]
            code = info.type.tensor_type.elem_type
            if isinstance(value, TensorProto):
                value, code = numpy_helper.to_array(value), value.data_type
            if value is None or isinstance(value, (list, dict)) or code not in DTYPES:
                return None
            count += np.size(value)
            kind.append((code, np.ndim(value)))
            lines.append(f"{word} {tensor(value, code)}")
    if count > NUMBERS_MAX or test.name in SKIPPED or node.op_type in OPERATORS_SKIPPED:
        return None
    lines.append(f"near {test.rtol:g} {test.atol:g}")
    return node, "\n".join(lines) + "\n", str(kind)


def main():
    warnings.filterwarnings("ignore")
    texts, kinds = collections.defaultdict(list), collections.defaultdict(set)
    for test in sorted(collect_testcases(None), key=lambda t: t.name):
        try:
            made = case(test)
        except (KeyError, AttributeError, TypeError):  # sequences, graphs, types we do not have
            continue
        if not made:
            continue
        node, text, kind = made
        if kind not in kinds[node.op_type] and len(texts[node.op_type]) < CASES_MAX:
            kinds[node.op_type].add(kind)
            texts[node.op_type].append(text)
    FOLDER.mkdir(exist_ok=True)
    for name, cases in texts.items():
        head = f"# made by tests/ops/make.py from onnx {onnx.__version__}; do not edit\n\n"
        (FOLDER / f"{name}.txt").write_text(head + "\n".join(cases))
    print(sum(map(len, texts.values())), "cases of", len(texts), "operators")


if __name__ == "__main__":
    main()
