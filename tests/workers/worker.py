#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Python side of workers alone, against a server's side in Python; with every python3.X of the machine that
FIRN_PYTHONS names (this one and Debian's when it names none). The last line is "worker: N passed, N failed"."""
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap

from harness import Worker, WorkerFault, frame

try:
    import numpy as np
except ImportError:
    np = None

X = {"name": "x", "dtype": "double", "shape": [-1, 2]}
Y = {"name": "y", "dtype": "double", "shape": [-1]}


def signature(name, inputs, outputs):
    return {"name": name, "inputs": inputs, "outputs": outputs}


def field(name, dtype, *shape):
    return {"name": name, "dtype": dtype, "shape": list(shape)}


CASES = []


def case(source, *signatures, **more):
    """A function that gets a worker with this func_main.py."""
    def add(function):
        CASES.append((function.__name__, textwrap.dedent(source), list(signatures), function, more))
        return function
    return add


def fails(worker, inputs, text, name=None, status=frame.FAILED):
    try:
        got = worker.run(inputs, name)
    except WorkerFault as why:
        assert text in str(why), "\"%s\" is not in \"%s\"" % (text, why)
        assert why.status == status, why.status
        worker.ping()
        return
    raise AssertionError("no fault, but %r" % (got,))


@case("""
    import hydro_serving_grpc as hs
    def infer(x):
        import numpy as np
        data = np.array(x.double_val).reshape([dim.size for dim in x.tensor_shape.dim])
        y = hs.TensorProto(dtype=hs.DT_DOUBLE, double_val=data.sum(axis=1).flatten(),
                           tensor_shape=hs.TensorShapeProto(dim=[hs.TensorShapeProto.Dim(size=-1)]))
        return hs.PredictResponse(outputs={"y": y})
    """, signature("infer", [X], [Y]), numpy=True)
def messages_of_the_first_generation(worker):
    assert worker.run({"x": [[1.0, 2.0], [3.0, 4.0]]})["y"].tolist() == [3, 7]


@case("""
    from hydro_serving_grpc.tf.types_pb2 import DT_BOOL, DT_HALF, DT_STRING, DT_COMPLEX64, DT_INT8
    from hydro_serving_grpc.tf.tensor_pb2 import TensorProto
    from hydro_serving_grpc.tf.api import predict_pb2
    def detect(result, h, s, c, i):
        print(result)
        response = predict_pb2.PredictResponse()
        response.outputs["result"].CopyFrom(result)
        response.outputs["anomaly"].CopyFrom(TensorProto(dtype=DT_BOOL, bool_val=[any(v < 0.05 for v in result.double_val)]))
        response.outputs["h"].CopyFrom(h)
        response.outputs["s"].CopyFrom(TensorProto(dtype=DT_STRING, string_val=[v + b"!" for v in s.string_val], tensor_shape=s.tensor_shape))
        response.outputs["c"].CopyFrom(c)
        response.outputs["i"].CopyFrom(TensorProto(dtype=DT_INT8, int_val=[v - 100 for v in i.int_val], tensor_shape=i.tensor_shape))
        return response
    """, signature("detect", [field("result", "double", -1), field("h", "half", 2), field("s", "string", 2),
                              field("c", "complex64", 2), field("i", "int8", 2)],
                   [field("result", "double", -1), field("anomaly", "bool"), field("h", "half", 2),
                    field("s", "string", 2), field("c", "complex64", 2), field("i", "int8", 2)]), numpy=True)
def messages_of_every_kind(worker):
    inputs = {"result": [0.5, 0.01], "h": [1.5, -2.0], "s": ["a", "é"], "c": [1 + 2j, 3j], "i": [1, -2]}
    got = worker.run(inputs)
    assert got["result"].tolist() == [0.5, 0.01] and bool(got["anomaly"]) and got["h"].tolist() == [1.5, -2]
    assert got["s"].tolist() == ["a!", "é!"] and got["c"].tolist() == [1 + 2j, 3j] and got["i"].tolist() == [-99, -102]
    assert any("double_val: 0.01" in line for line in worker.log), worker.log
    inputs["i"] = [-100, 0]
    fails(worker, inputs, "output \"i\" is a message with a number that has no room, the contract says int8")


@case("""
    from tensorflow_serving.apis import predict_pb2
    from tensorflow_serving.apis.model_pb2 import ModelSpec
    class Given:                                     # what of protobuf's own classes a copy reads
        DESCRIPTOR = None
        def __init__(self, **fields):
            self.__dict__.update(fields)
        def HasField(self, name):
            return name in self.__dict__
    class Dim(Given): pass
    class TensorShapeProto(Given): pass
    class TensorProto(Given): pass
    def infer(x):
        assert x.dtype == 2 and [dim.size for dim in x.tensor_shape.dim] == [2, 2], x
        assert ModelSpec(name="m").name == "m"
        response = predict_pb2.PredictResponse()
        response.outputs["y"].CopyFrom(TensorProto(
            dtype=2, double_val=[sum(x.double_val[:2]), sum(x.double_val[2:])],
            tensor_shape=TensorShapeProto(dim=[Dim(size=2)], unknown_rank=False)))
        response.outputs["n"].CopyFrom(TensorProto(dtype=9, int64_val=[4], tensor_shape=TensorShapeProto(dim=[])))
        return response
    """, signature("infer", [X], [Y, field("n", "int64")]), numpy=True)
def messages_of_tensorflow_serving(worker):
    got = worker.run({"x": [[1.0, 2.0], [3.0, 4.0]]})
    assert got["y"].tolist() == [3, 7] and int(got["n"]) == 4 and got["n"].shape == (), got


@case("""
    import numpy as np
    def scale(x, by):
        x *= by                      # in place, as some do
        return {"y": x.sum(axis=1), "n": len(x), "mean": float(x.mean()), "names": ["a", "bc"]}
    def missing(s):
        assert s[1] is None
        return {"s": [None if v else "was missing" for v in s]}
    def scalars(a, b, s, flag):
        assert isinstance(s, str)
        return {"a": int(a) + 1, "b": b, "s": s.upper(), "flag": not flag}
    """, signature("scale", [X, field("by", "double")],
                   [Y, field("n", "int64"), field("mean", "float"), field("names", "string", 2)]),
      signature("scalars", [field("a", "int32"), field("b", "float"), field("s", "string"), field("flag", "bool")],
                [field("a", "int64"), field("b", "float"), field("s", "string"), field("flag", "bool")]),
      signature("missing", [field("s", "string", -1)], [field("s", "string", -1)]), numpy=True)
def values_of_the_third_generation(worker):
    got = worker.run({"x": [[1.0, 2.0], [3.0, 4.0]], "by": 2.0})
    assert got["y"].tolist() == [6, 14] and got["n"] == 2 and got["mean"] == 5 and got["names"].tolist() == ["a", "bc"]
    got = worker.run({"a": 41, "b": 0.5, "s": "größe", "flag": True}, "scalars")
    assert (got["a"], got["b"], got["s"], bool(got["flag"])) == (42, 0.5, "GRÖSSE", False)
    assert worker.run({"s": ["a", None]}, "missing")["s"].tolist() == [None, "was missing"]
    assert worker.run({"x": np.zeros((0, 2)), "by": 1.0})["y"].shape == (0,)


@case("""
    def double(n, words):
        return {"n": [2 * v for v in n], "words": [w + w for w in words], "one": 1}
    """, signature("double", [field("n", "int32", -1), field("words", "string", -1)],
                   [field("n", "int64", -1), field("words", "string", -1), field("one", "double")]))
def lists_do_without_numpy(worker):
    got = worker.run({"n": [1, 2, 3], "words": ["a", "é"]})
    assert list(got["n"]) == [2, 4, 6] and list(got["words"]) == ["aa", "éé"] and got["one"] == 1


@case("""
    import sys
    class Bad: pass
    def wrong(how):
        return {"nothing": lambda: None, "names": lambda: {"z": 1.0}, "more": lambda: {"y": [1.0], "z": 2},
                "text": lambda: {"y": "text"}, "float": lambda: {"y": [1.5], "n": 1}, "shape": lambda: {"y": [[1.0]]},
                "ragged": lambda: {"y": [[1.0], 2.0]}, "object": lambda: {"y": Bad()}, "none": lambda: {"y": [None]},
                "raise": lambda: 1 // 0, "exit": lambda: sys.exit(3), "memory": lambda: bytearray(1 << 62),
                "long": lambda: (_ for _ in ()).throw(ValueError("é" * 100000)), "tuple": lambda: (1, 2),
                "ok": lambda: {"y": [1.0]}, "bool": lambda: {"y": [True]}}[how]()
    """, signature("wrong", [field("how", "string")], [Y]))
def what_is_wrong_is_said(worker):
    for how, text, status in [
            ("nothing", "function \"wrong\": it returned None, not a dict", frame.FAILED),
            ("names", "it returned no \"y\", but \"z\"", frame.FAILED),
            ("more", "it returned \"z\", which the contract does not have (it has \"y\")", frame.FAILED),
            ("text", "output \"y\" is a str, the contract says double of shape [-1]", frame.FAILED),
            ("shape", "output \"y\" is a list of shape [1,1], the contract says double of shape [-1]", frame.FAILED),
            ("ragged", "output \"y\" is a list of lists that differ in", frame.FAILED),
            ("object", "output \"y\" is a Bad", frame.FAILED),
            ("none", "output \"y\" is a list with None in it", frame.FAILED),
            ("bool", "output \"y\" is a list with a bool in it", frame.FAILED),
            ("raise", "function \"wrong\" raised ZeroDivisionError: ", frame.FAILED),
            ("exit", "function \"wrong\" called sys.exit(3) (src/func_main.py:", frame.FAILED),
            ("memory", "function \"wrong\" raised MemoryError", frame.NO_MEMORY),
            ("long", "raised ValueError: éé", frame.FAILED), ("tuple", "it returned a tuple", frame.FAILED)]:
        fails(worker, {"how": how}, text, status=status)
        assert list(worker.run({"how": "ok"})["y"]) == [1]
    assert any("Traceback" in line for line in worker.log)


@case("""
    import numpy as np
    def typed(how):
        return {"y": {"float32": np.zeros(2, "f4"), "int": np.array([1]), "big": np.array([1.0, 2.0], ">f8"),
                      "strided": np.arange(6.0)[::2], "object": np.array([1.0, 2], object),
                      "scalar": np.float64(1)}[how]}
    """, signature("typed", [field("how", "string")], [Y]), numpy=True)
def arrays_have_their_type(worker):
    fails(worker, {"how": "float32"}, "output \"y\" is float32 of shape [2], the contract says double of shape [-1]")
    fails(worker, {"how": "int"}, "output \"y\" is int64 of shape [1]")
    fails(worker, {"how": "scalar"}, "output \"y\" is double of shape scalar")
    assert worker.run({"how": "big"})["y"].tolist() == [1, 2]
    assert worker.run({"how": "strided"})["y"].tolist() == [0, 2, 4]
    assert worker.run({"how": "object"})["y"].tolist() == [1, 2]


@case("""
    kept = []
    def keep(x):
        kept.append(x[:1])
        return {"y": [float(k.sum()) for k in kept]}
    def same(x):
        return {"x": x}
    """, signature("keep", [X], [Y]), signature("same", [X], [X]), numpy=True)
def a_kept_input_does_not_change(worker):
    want = []
    for i in range(5):
        assert worker.run({"x": [[i, i], [7.0, 7.0]]}, "same")["x"].tolist() == [[i, i], [7, 7]]
        want.append(2 * i)
        assert worker.run({"x": [[i, i], [7.0, 7.0]]}, "keep")["y"].tolist() == want, i


@case("""
    calls = []
    def many(n):
        calls.append(1)
        return {"y": list(range(int(n))), "calls": len(calls)}
    """, signature("many", [field("n", "int64")], [field("y", "double", -1), field("calls", "int64")]))
def results_grow_and_run_once(worker):
    got = worker.run({"n": 300000})
    assert len(got["y"]) == 300000 and got["y"][299999] == 299999 and got["calls"] == 1
    assert worker.run({"n": 3})["calls"] == 2


@case("""
    import os, subprocess, sys
    print("loading")
    def noisy(n):
        for i in range(int(n)):
            print("line %d of something that is said again and again" % i)
        sys.stdout.buffer.write(b"bytes \\xff\\n")
        sys.stderr.write("no end of line")
        os.write(1, b"past the log")
        subprocess.call(["echo", "a child"])
        if os.fork() == 0:
            print("from the child")
            os._exit(0)
        os.wait()
        return {"n": 1}
    """, signature("noisy", [field("n", "int64")], [field("n", "int64")]))
def printing_breaks_nothing(worker):
    assert worker.run({"n": 20000})["n"] == 1
    text = "".join(worker.log)
    assert len(text) > 900000 and "loading" in text and "bytes \\xff" in text and "no end of line" in text
    assert "from the child" not in text
    assert worker.run({"n": 1})["n"] == 1
    assert worker.close() == 0
    assert b"past the log" in worker.outside and b"a child" in worker.outside


@case("""
    def f(**kwargs):
        return {"out-put": kwargs["educational-num"] + 1}
    """, signature("f", [field("educational-num", "int64")], [field("out-put", "int64")]))
def names_that_are_no_identifiers(worker):
    assert worker.run({"educational-num": 1})["out-put"] == 2


@case("""
    import glob, os, pathlib, shutil, tempfile
    import helper, other
    data = open("data.txt").read()
    with open(file="/model/files/data.txt") as file:
        assert file.read() == data == pathlib.Path("/model/files/data.txt").read_text()
    assert os.path.getsize(b"/model/files/data.txt") == 3 and "data.txt" in os.listdir("/model/files")
    assert glob.glob("/model/files/*.txt") == ["/model/files/data.txt"] and not os.path.exists("/model/filesystem")
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree("/model/files/src", os.path.join(place, "copy"))
        assert os.path.exists(os.path.join(place, "copy", "helper.py"))
    def f(x):
        return {"x": x + len(data) + helper.ONE + other.TWO}
    """, signature("f", [field("x", "int64")], [field("x", "int64")]),
      files={"src/helper.py": "ONE = 1", "data.txt": "abc", "src/lib/other.py": "TWO = 2"})
def files_are_where_they_were(worker):
    assert worker.run({"x": 0})["x"] == 6


def broken(name, source, signatures, text, status=frame.FAILED, **more):
    """A worker that must refuse to load."""
    CASES.append((name, textwrap.dedent(source), signatures, (text, status), more))


F = [signature("f", [X], [Y])]
broken("import_raises", "import nothing_of_this_name", F, "loading the model raised", )
broken("import_exits", "import sys; sys.exit(4)", F, "loading the model called sys.exit(4) (src/func_main.py:1)")
broken("syntax", "def f(:", F, "loading the model raised SyntaxError")
broken("no_function", "def g(x): pass", F, "src/func_main.py has no function \"f\"", frame.UNSUPPORTED)
broken("no_such_type", "def f(x): pass", [signature("f", [field("x", "resource", 1)], [Y])],
       "field \"x\" of \"f\" is resource, which cannot be given to Python", frame.UNSUPPORTED)
broken("no_such_adapter", "", F, "there is no adapter \"../main\" (there are ",
       frame.NOT_FOUND, adapter="../main")


def play(python, name, source, signatures, check, more, folder):
    files = pathlib.Path(folder, "model", "files")
    (files / "src" / "lib").mkdir(parents=True)
    (files / "src" / "func_main.py").write_text(source)
    for path, text in more.get("files", {}).items():
        (files / path).write_text(text)
    if isinstance(check, tuple):
        try:
            Worker(files, signatures, more.get("adapter", "function"), python)
        except WorkerFault as why:
            assert check[0] in str(why) and why.status == check[1], "%s: %s" % (why.status, why)
            return
        raise AssertionError("it loaded")
    worker = Worker(files, signatures, more.get("adapter", "function"), python, more.get("options"))
    check(worker)
    if worker.socket.fileno() >= 0:
        worker.ping()
        assert worker.close() == 0


def main():
    passed = failed = 0
    for python in os.environ.get("FIRN_PYTHONS", sys.executable + ":/usr/bin/python3").split(":"):
        has = subprocess.run([python, "-c", "import numpy"], stderr=subprocess.DEVNULL).returncode == 0
        for name, source, signatures, check, more in CASES:
            if more.get("numpy") and not (has and np):
                print("SKIPPED %s with %s: no numpy" % (name, python))
                continue
            with tempfile.TemporaryDirectory() as folder:
                try:
                    play(python, name, source, signatures, check, more, folder)
                    passed += 1
                except Exception as why:
                    failed += 1
                    print("FAILED %s with %s: %s: %s" % (name, python, type(why).__name__, str(why)[:1000]))
    print("worker: %d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


sys.exit(main())
