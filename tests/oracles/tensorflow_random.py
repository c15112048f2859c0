#!/usr/bin/env python3
"""Every operator that firn serves with random types, attributes, shapes (empty and scalar ones too) and special values, as TensorFlow
registers it, beside `firn predict`.

    scripts/python tests/oracles/tensorflow_random.py --cases 3000            seeds 0 to 2999
    scripts/python tests/oracles/tensorflow_random.py --cases 300 TopKV2 Pack these operators
    scripts/python tests/oracles/tensorflow_random.py --seed 1234             one, with what it was

What TensorFlow refuses is skipped. It works in a process of its own, for some of
its checks end it, and some of its kernels never do.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1")

import argparse
import collections
import subprocess
import tempfile
import threading
from pathlib import Path

import numpy as np

SHAPES = ((), (1,), (3,), (0,), (2, 3), (4, 4), (1, 3), (3, 1), (0, 3), (2, 0), (2, 3, 4), (2, 3, 3), (1, 1, 2), (2, 0, 3), (1, 4, 5, 3), (2, 4, 4, 2), (1, 3, 4, 4, 2))
FEW = ("axis", "axes", "reduction_indices", "dim", "dimension", "dims", "split_dim", "concat_dim", "shift")
INDICES = ("indices", "segment_ids", "ids", "seq_lengths", "permutation")
VECTORS = ("shape", "size", "sizes", "multiples", "begin", "end", "strides", "perm", "input_sizes", "output_shape", "dense_shape", "block_shape")
SCALARS = ("k", "depth", "n", "num_segments", "num_lower", "num_upper", "num_classes", "nbins", "limit", "delta", "start", "stop", "num")
LEFT_OUT = ("Random", "Stateless", "Multinomial", "Variable", "Placeholder", "Assign", "Read", "Print", "Assert", "While", "If", "Case", "PartitionedCall", "TensorList", "TensorArray",
            "Table", "Stack", "Quantized", "Dropout", "Iterator", "Dataset", "Summary", "Save", "Restore", "Enter", "Exit", "Merge", "Switch", "NextIteration", "LoopCond", "Const", "Barrier", "Parse",
            "Decode", "Encode", "BoostedTrees", "VarHandle", "Resource", "Shuffle", "SampleDistorted", "Truncated", "Parameterized", "EmptyTensor", "Candidate", "Fact", "Timestamp", "Empty", "RngSkip", "NoOp", "Sampler", "FFT", "RpcOp")


QUIET = 180  # seconds
KNOWN = {"BesselY1": "NaN of 0 in single precision alone", "Erf": "NaN of -infinity in double precision alone", "SerializeTensor": "numpy cuts NULs at the end of the bytes"}


class Draw:
    def __init__(self, seed):
        self.random = np.random.RandomState(seed)

    def chance(self, share=0.5):
        return self.random.rand() < share

    def pick(self, choices):
        choices = list(choices)
        return choices[self.random.randint(len(choices))]

    def integer(self, low, high):
        return int(self.random.randint(low, high + 1))

    def values(self, dtype, shape):
        """dtype: of TensorFlow."""
        kind = np.dtype(dtype.as_numpy_dtype) if dtype.name != "string" else np.dtype(object)
        if dtype.name == "string":
            return np.array([self.pick((b"a", b"b", b"", b"ab", b"12", b"-3.5", "Zürich".encode(), b"A b", b"x,y")) for _ in range(int(np.prod(shape)))], object).reshape(shape)
        if dtype.is_bool:
            return np.asarray(self.random.rand(*shape) < 0.5)
        if dtype.is_integer:
            x = np.asarray(self.random.randint(0 if dtype.is_unsigned else -7, 8, shape))
            if self.chance(0.2):
                info = np.iinfo(kind)
                return np.where(self.random.rand(*shape) < 0.3, np.array([info.min, info.max, 0, 1], kind)[self.random.randint(0, 4, shape)], x.astype(kind)).astype(kind)
            return x.astype(kind)
        x = np.asarray(self.random.randint(-6, 7, shape) / 2.0 if self.chance(0.3) else self.random.randn(*shape) * self.pick((1, 1, 3)))
        if self.chance(0.2):
            x = np.where(self.random.rand(*shape) < 0.25, np.array([np.nan, np.inf, -np.inf, -0.0, 0.0])[self.random.randint(0, 5, shape)], x)
        if dtype.is_complex:
            x = x + 1j * np.asarray(self.random.randn(*shape))
        return np.asarray(x).astype(kind)


def like(d, shape):
    shape = [n if d.chance(0.6) else 1 for n in shape]
    return tuple(shape[d.integer(0, len(shape)) if d.chance(0.3) else 0 :])


def types_of(d, definition, allowed):
    types = {}
    for attribute in definition.attr:
        if attribute.type == "type":
            choices = allowed(definition, attribute)
            common = [t for t in choices if t.name in ("float32", "int32", "int64")]
            types[attribute.name] = d.pick(common if common and d.chance(0.5) else choices)
    return types


def attributes_of(d, definition, rank):
    chosen = {}
    for attribute in definition.attr:
        if attribute.name in ("N", "num", "num_split", "container", "shared_name", "_output_shapes") or any(attribute.name == a.number_attr for a in definition.input_arg):
            continue
        values = attribute.allowed_values.list
        if attribute.HasField("default_value") and not d.chance(0.6):
            continue
        if attribute.type == "bool":
            chosen[attribute.name] = d.chance()
        elif attribute.type == "string" and values.s:
            chosen[attribute.name] = d.pick(v.decode() for v in values.s)
        elif attribute.type == "int":
            chosen[attribute.name] = d.integer(-rank - 1, rank + 1) if "axis" in attribute.name or "dim" in attribute.name else d.integer(int(attribute.minimum) if attribute.has_minimum else -1, 4)
        elif attribute.type == "float":
            chosen[attribute.name] = float(np.float32(d.random.randn()))
        elif attribute.type == "list(int)":
            spatial = d.integer(1, 3)
            chosen[attribute.name] = d.pick(([1, spatial, spatial, 1], [1, 2, spatial, 1], [1, 1, 1, 1], [1, 1, 2, 2, 1], [1, 1, 1, 1, 1], [d.integer(-rank, rank - 1) if rank else 0], []))
        elif attribute.type == "string" and not attribute.HasField("default_value"):
            chosen[attribute.name] = d.pick(("", "a", "NHWC", "float32"))
    return chosen


def argument(d, name, dtype, base, K):
    rank = len(base)
    if dtype.is_integer and name in FEW:
        value = np.array(d.integer(-rank, max(rank - 1, 0)), dtype.as_numpy_dtype) if d.chance(0.6) else np.array(d.random.permutation(max(rank, 1))[: d.integer(0, rank)], dtype.as_numpy_dtype)
        return K(value, dtype.as_numpy_dtype) if d.chance(0.7) else value
    if dtype.is_integer and name in SCALARS:
        value = np.array(d.integer(0, 5), dtype.as_numpy_dtype)
        return K(value, dtype.as_numpy_dtype) if d.chance(0.7) else value
    if dtype.is_integer and name in VECTORS:
        value = np.array([d.integer(-1 if name in ("size", "begin", "end", "strides", "shape") else 0, 4) for _ in range(rank)] if not name == "perm" else d.random.permutation(rank), dtype.as_numpy_dtype)
        return K(value, dtype.as_numpy_dtype) if d.chance(0.7) else value
    if dtype.is_integer and name in ("paddings", "crops"):
        value = np.array(d.random.randint(0, 3, (rank, 2)), dtype.as_numpy_dtype)
        return K(value, dtype.as_numpy_dtype) if d.chance(0.7) else value
    shape = base if d.chance(0.6) else like(d, base) if d.chance(0.6) else d.pick(SHAPES)
    if dtype.is_integer and name in INDICES:
        if name == "segment_ids":
            shape = base[: d.integer(1, max(rank, 1))]
        value = np.asarray(d.random.randint(-1 if d.chance(0.2) else 0, 3, shape)).astype(dtype.as_numpy_dtype)
        return np.sort(value, 0) if name == "segment_ids" and value.ndim and d.chance(0.7) else value
    return d.values(dtype, shape)


def make(seed, operators):
    import tensorflow as tf
    from tensorflow.python.framework import op_def_registry
    from tensorflow_cases.operators import K, OpCase, allowed

    d = Draw(seed)
    name = d.pick(operators)
    definition = op_def_registry.get(name)
    types = types_of(d, definition, allowed)
    base = d.pick(SHAPES)
    arguments = {}
    for arg in definition.input_arg:
        if arg.type_list_attr:
            return None
        dtype = types[arg.type_attr] if arg.type_attr else tf.as_dtype(arg.type)
        if dtype in (tf.resource, tf.variant) or dtype.name not in ("float32 float64 float16 bfloat16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64 complex128 string"):
            return None
        if arg.number_attr:
            count = d.integer(1, 3)
            arguments[arg.name] = [argument(d, arg.name, dtype, base, K) if d.chance(0.3) else d.values(dtype, base) for _ in range(count)]
        else:
            arguments[arg.name] = argument(d, arg.name, dtype, base, K)
    # What Python calls otherwise is an attribute to OpCase: constants.
    attributes = attributes_of(d, definition, len(base))
    case = OpCase(name, {**arguments, **attributes}, dynamic=d.pick((None, None, "dims", "rank")))
    case.own_types = {k: v for k, v in types.items() if k not in {a.type_attr for a in definition.input_arg}}
    case.arguments.update(case.own_types)
    return case


def described(case):
    def shown(v):
        if isinstance(v, list) and v and hasattr(v[0], "dtype"):
            return [shown(x) for x in v]
        if hasattr(v, "value"):
            v = v.value
            return f"K{v.dtype}{list(v.shape)}{v.tolist()}"
        if hasattr(v, "dtype") and hasattr(v, "shape"):
            return f"{v.dtype}{list(v.shape)}" + (f"{v.tolist()}" if v.size < 13 else "")
        return getattr(v, "name", v)

    return f"{case.op}({', '.join(f'{k}={shown(v)}' for k, v in case.arguments.items())}) {case.dynamic or ''}"


def operators_served(words):
    import tensorflow_operators
    from tensorflow.python.framework import op_def_registry

    found = sorted(n for n in tensorflow_operators.rows() & tensorflow_operators.on_cpu() if op_def_registry.get(n) is not None)
    if words:
        return [n for n in found if n in words]
    return [n for n in found if n not in KNOWN and not any(w in n for w in LEFT_OUT) and op_def_registry.get(n).input_arg]


def worker(first, last, words, speak):
    import tensorflow as tf  # before this folder, where other names lie, is on the path

    sys.path.append(HERE)
    from tensorflow_cases.operators import NotInTensorFlow
    import importlib.util

    spec = importlib.util.spec_from_file_location("tensorflow_oracle", os.path.join(HERE, "tensorflow.py"))
    tensorflow_oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tensorflow_oracle)

    operators = operators_served(words)
    for seed in range(first, last):
        print(f"AT {seed}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            try:
                case = make(seed, operators)
                if case is None:
                    raise NotInTensorFlow("kinds")
            except Exception as error:
                print(f"skipped - {type(error).__name__}: {error}".replace("\n", " ")[:200], flush=True)
                continue
            if speak:
                print(described(case))
            try:
                question = case.write(Path(folder))[0]
            except Exception as error:
                print(f"skipped {case.op} {type(error).__name__}", flush=True)
                if speak:
                    print(error)
                continue
            try:
                outcome, sentence = tensorflow_oracle.ask(case, question, Path(folder))
            except Exception as error:
                outcome, sentence = "wrong", f"{type(error).__name__}: {error}"
            if sentence.startswith("exit 2:"):  # it takes the input for a bad one; TensorFlow makes do, or makes NaN of it
                outcome = "refused"
            if speak:
                print(question[3])
            print(f"{outcome} {case.op} seed {seed}: {sentence} | {described(case)[:500] if outcome == 'wrong' else ''}".replace("\n", " "), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--worker", type=int)
    given = parser.parse_args()
    if given.seed is not None:
        worker(given.seed, given.seed + 1, given.words, True)
        return 0
    if given.worker is not None:
        worker(given.first, given.first + given.cases, given.words, False)
        return 0
    sys.path.append(HERE)
    from common import tally

    count, refused, right, at, end = collections.Counter(), collections.Counter(), collections.Counter(), given.first, given.first + given.cases
    while at < end:
        command = [sys.executable, os.path.abspath(__file__), "--worker", "1", "--first", str(at), "--cases", str(end - at), *given.words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            watch = None
            for line in process.stdout:
                watch and watch.cancel()
                watch = threading.Timer(QUIET, process.kill)
                watch.daemon = True
                watch.start()
                outcome, _, rest = line.strip().partition(" ")
                if outcome == "AT":
                    at = int(rest) + 1
                    continue
                count[outcome] += 1
                op = rest.split(" ")[0]
                right[op] += outcome == "right"
                if outcome == "wrong":
                    print("FAILED", rest, flush=True)
                elif outcome == "refused":
                    refused[op + ":" + rest.partition("cause:")[2].partition("fix:")[0][:110]] += 1
        watch and watch.cancel()
        count["crashed"] += process.returncode != 0
        if process.returncode == 0:
            break
    for sentence, number in refused.most_common():
        print(f"refused {number} {sentence}")
    print("compared:", len([o for o in right if right[o]]), "operators; ends of TensorFlow:", count["crashed"])
    tally("random TensorFlow operators", count["right"], count["refused"], count["wrong"], count["skipped"])
    print(f"tensorflow-random: {count['right']} passed, {count['wrong']} failed")
    return int(count["wrong"] > 0 or not count["right"])


if __name__ == "__main__":
    sys.exit(main())
