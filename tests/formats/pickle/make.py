#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the pickles of this folder and, from the live Python objects, what a reader must find.

NAME.pickle goes with NAME.expect: one line a fact, tab-separated: path, fact, values. A path is
steps with '/': a number is an item of a sequence, any other word an attribute or a key.

    tensor      dtype, shape, elements     pickle_to_tensor
    elements    one description each       pickle_elements
    f64 i64 bool text none length class columns refused(tensor)

Needs numpy 2, scipy, pandas, joblib, scikit-learn and skops. numpy1_*: the same with the module names of numpy 1.
"""
import collections, datetime, decimal, functools, io, math, os, pickle, sys

HERE = os.path.dirname(os.path.abspath(__file__))


class Case:
    def __init__(self, name):
        self.name, self.lines = name, []

    def fact(self, path, kind, *values):
        self.lines.append("\t".join([path, kind] + [str(v) for v in values]))

    def write(self, data):
        with open(os.path.join(HERE, self.name), "wb") as f:
            f.write(data)
        with open(os.path.join(HERE, self.name + ".expect"), "w") as f:
            f.write("\n".join(self.lines) + "\n")


def number(value):
    value = float(value)
    return "nan" if math.isnan(value) else value.hex()


DTYPES = {"f": "float", "i": "int", "u": "uint", "b": "bool", "U": "string", "S": "string"}
NAMES = {"float16": "half", "float32": "float", "float64": "double"}


def describe(array):
    """dtype, shape, elements of what pickle_to_tensor must give."""
    import numpy as np
    array = np.asarray(array)
    shape = "[" + ",".join(str(d) for d in array.shape) + "]"
    if array.dtype.kind in "US":
        values = [v if isinstance(v, str) else v.decode("latin1") for v in array.ravel().tolist()]
        return ["string", shape] + values
    if array.dtype.kind == "b":
        return ["bool", shape] + [number(v) for v in array.ravel()]
    name = array.dtype.newbyteorder("=").name
    return [NAMES.get(name, name), shape] + [number(v) for v in array.ravel()]


def element(value):
    import numpy as np
    if value is None:
        return "none"
    if isinstance(value, (bool, np.bool_)):
        return "bool " + str(int(value))
    if isinstance(value, (int, np.integer)):
        return "int %d" % value
    if isinstance(value, (float, np.floating)):
        return "float " + number(value)
    if isinstance(value, str):
        return "text " + value
    return "other"


# --- plain Python ---

class Slotted:
    __slots__ = ("width", "name")


class Plain:
    pass


class Listed(list):
    pass


class Mapped(dict):
    pass


for cls in (Slotted, Plain, Listed, Mapped):
    cls.__module__ = "shop.shelf"
shop, shelf = type(sys)("shop"), type(sys)("shop.shelf")
for cls in (Slotted, Plain, Listed, Mapped):
    setattr(shelf, cls.__name__, cls)
sys.modules.update({"shop": shop, "shop.shelf": shelf})


def plain(protocol):
    case = Case("plain%d.pickle" % protocol)
    data = {
        "none": None, "true": True, "false": False, "zero": 0, "small": 200, "short": 40000,
        "int": -70000, "wide": 2 ** 40, "min": -2 ** 63, "huge": 2 ** 70, "float": 0.1,
        "inf": float("-inf"), "nan": float("nan"), "text": "l'\u00e9t\u00e9 \\u \U0001f600\n\\",
        "long": "x" * 300, "bytes": bytes(range(256)), "bytearray": bytearray(b"ab\xff"),
        "empty": b"", "list": [1, 2.5, None], "ints": [[1, 2, 3], [4, 5, 6]], "words": ("a", "bc"),
        "mixed": [1, "a"], "ragged": [[1], [2, 3]], "flags": [True, False], "nothing": [],
        "tuple1": (1,), "tuple4": (1, 2, 3, 4), "set": {1}, "frozen": frozenset(["a"]),
        "ordered": collections.OrderedDict([("b", 1), ("a", 2)]),
        "default": collections.defaultdict(list, {"k": [1]}), "counter": collections.Counter("aab"),
        "deque": collections.deque([1, 2], 5), "slice": slice(1, 2), "complex": 1j,
        "decimal": decimal.Decimal("1.5"), "date": datetime.date(2020, 1, 2),
    }
    thing, slotted, listed, mapped = Plain(), Slotted(), Listed([1, 2]), Mapped(k=3)
    thing.weight, thing.self = 2.5, thing
    slotted.width, slotted.name = 7, "plank"
    listed.extra = mapped.extra = 9
    data.update(thing=thing, slotted=slotted, listed=listed, mapped=mapped, thing_again=thing)
    if protocol < 2:
        del data["slotted"]

    case.fact("none", "none")
    for key in ("true", "false"):
        case.fact(key, "bool", int(data[key]))
    for key in ("zero", "small", "short", "int", "wide", "min"):
        case.fact(key, "i64", data[key])
    for key in ("huge", "float", "inf", "nan", "true", "small"):
        case.fact(key, "f64", number(data[key]))
    for key in ("long", "bytes", "empty"):
        value = data[key] if isinstance(data[key], bytes) else data[key].encode()
        case.fact(key, "hex", value.hex())
    case.fact("text", "hex", data["text"].encode().hex())
    case.fact("bytearray", "kind", "bytearray")
    case.fact("list", "length", 3)
    case.fact("list/1", "f64", number(2.5))
    case.fact("list", "tensor", *describe([1, 2.5, math.nan]))
    case.fact("ints", "tensor", "int64", "[2,3]", *[number(i) for i in range(1, 7)])
    case.fact("words", "tensor", *describe(["a", "bc"]))
    case.fact("flags", "tensor", *describe([True, False]))
    case.fact("nothing", "tensor", "double", "[0]")
    case.fact("int", "tensor", "int64", "[]", number(-70000))
    case.fact("mixed", "refused", "mixes")
    case.fact("ragged", "refused", "different lengths")
    case.fact("none", "refused", "None")
    case.fact("thing", "refused", "shop.shelf.Plain")
    case.fact("tuple1", "length", 1)
    case.fact("tuple4/3", "i64", 4)
    case.fact("set", "kind", "set")
    case.fact("set", "elements", "int 1")
    case.fact("frozen", "kind", "frozenset")
    case.fact("ordered/a", "i64", 2)
    case.fact("ordered", "length", 2)
    case.fact("default/k/0", "i64", 1)
    case.fact("counter/a", "i64", 2)
    case.fact("deque/1", "i64", 2)
    case.fact("slice", "class", "builtins", "slice")
    case.fact("complex", "class", "builtins", "complex")
    case.fact("thing", "class", "shop.shelf", "Plain")
    case.fact("thing/weight", "f64", number(2.5))
    case.fact("thing/self/self/weight", "f64", number(2.5))
    case.fact("thing_again/weight", "f64", number(2.5))
    if protocol >= 2:
        case.fact("slotted/width", "i64", 7)
        case.fact("slotted/name", "hex", b"plank".hex())
    case.fact("listed/1", "i64", 2)
    case.fact("listed/extra", "i64", 9)
    case.fact("mapped/k", "i64", 3)
    case.fact("mapped/extra", "i64", 9)
    case.fact("mapped", "class", "shop.shelf", "Mapped")
    names = ["shop.shelf." + n for n in ("Listed", "Mapped", "Plain", "Slotted")]
    if protocol < 2:
        names.remove("shop.shelf.Slotted")
    case.fact("", "executes", *names)
    case.fact("", "protocol", protocol if protocol >= 2 else 0)
    case.write(pickle.dumps(data, protocol))


# --- numpy ---

def arrays():
    import numpy as np
    grid = np.arange(6).reshape(2, 3)
    structured = np.zeros(3, dtype=[("left", "<i8"), ("value", ">f4"), ("flag", "u1")])
    structured["left"], structured["value"], structured["flag"] = [1, -1, 7], [0.5, 1, -2], [0, 1, 2]
    return {
        "f8": np.array([1.5, -0.0, np.nan]), "f4": np.array([[1.5], [2.5]], "f4"),
        "f2": np.array([0.5, 65504], "f2"), "big": np.array([1.5, 2.5], ">f8"),
        "i8": grid.astype("i8"), "i4": grid.astype(">i4"), "u2": grid.astype("u2"),
        "i1": np.array([-1, 127], "i1"), "u8": np.array([2 ** 63], "u8"),
        "bool": np.array([True, False, True]), "fortran": np.asfortranarray(grid * 1.5),
        "cube": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
        "scalar": np.array(2.5), "none": np.zeros((0, 4)), "U": np.array(["a", "\u00e9\U0001f600", ""]),
        "bigU": np.array(["ab"], ">U2"), "FU": np.asfortranarray(np.array([["a", "b"], ["c", "d"]])),
        "S": np.array([b"a\x00b", b"\xff", b""]), "structured": structured,
    }


def numpy_case(name, protocol):
    import numpy as np
    case = Case(name)
    data = arrays()
    for key, array in data.items():
        if array.dtype.fields:
            for field in array.dtype.names:
                case.fact(key, "field", field, *describe(array[field]))
            case.fact(key, "refused", "structured")
        elif array.dtype.kind == "S":
            case.fact(key, "tensor", "string", "[3]", "a\x00b", "\xff", "")
        else:
            case.fact(key, "tensor", *describe(array))
    extra = {
        "c8": np.array([1 + 2j], "c8"), "date": np.array(["2020-01-01"], "M8[D]"),
        "long": np.array([1], np.longdouble), "void": np.array([b"ab"], "V2"),
        "objects": np.array([1, 2.5, None], dtype=object), "words": np.array(["a", "b"], dtype=object),
        "grid": np.asfortranarray(np.array([["a", 1], [None, 2.0]], dtype=object)),
        "flags": np.array([True, False], dtype=object), "masked": np.ma.array([1, 2, 3], mask=[0, 1, 0]),
        "matrix": np.matrix([[1, 2], [3, 4]]), "f": np.float64(0.1), "f32": np.float32(0.5),
        "int": np.int64(-3), "yes": np.bool_(True), "str": np.str_("h\u00e9"), "one": np.array([[4.0]]),
        "list": [np.float64(1), np.float64(2)], "type": np.float32, "ufunc": np.log10,
        "dtype": np.dtype(">f4"), "partial": functools.partial(np.add, 1),
    }
    data.update(extra)
    case.fact("objects", "tensor", "double", "[3]", number(1), number(2.5), "nan")
    case.fact("words", "tensor", *describe(["a", "b"]))
    case.fact("flags", "tensor", *describe([True, False]))
    case.fact("grid", "refused", "mixes")
    case.fact("grid", "elements", *[element(v) for v in extra["grid"].ravel().tolist()])
    case.fact("i4", "elements", *["int %d" % i for i in range(6)])
    case.fact("fortran", "elements", *[element(v) for v in data["fortran"].ravel()])
    case.fact("U", "elements", *[element(str(v)) for v in data["U"]])
    case.fact("bool", "elements", *[element(v) for v in data["bool"]])
    case.fact("masked", "tensor", *describe(extra["masked"].data))
    case.fact("matrix", "tensor", *describe(extra["matrix"]))
    case.fact("list", "tensor", *describe([1.0, 2.0]))
    case.fact("date", "refused", "dates")
    case.fact("long", "refused", "extended")
    case.fact("void", "refused", "raw bytes")
    for key in ("f", "f32", "int", "yes", "one", "scalar"):
        case.fact(key, "f64", number(np.asarray(data[key]).ravel()[0]))
    case.fact("f", "tensor", *describe(extra["f"]))
    case.fact("int", "i64", -3)
    case.fact("one", "i64", 4)
    case.fact("yes", "bool", 1)
    case.fact("str", "hex", "h\u00e9".encode().hex())
    case.fact("type", "class", "numpy", "float32")
    case.fact("type", "dtype", "f4")
    case.fact("dtype", "dtype", "f4")
    case.fact("partial", "refused", "functools.partial")
    case.fact("", "executes", "functools.partial")
    dump = pickle.dumps(data, protocol)
    if name.startswith("numpy1"):
        dump = dump.replace(b"cnumpy._core.", b"cnumpy.core.")
    case.write(dump)


def npy_case():
    import numpy as np
    for key, array in arrays().items():
        if array.dtype.fields:
            continue
        case = Case("numpy_%s.npy" % key)
        file = io.BytesIO()
        np.save(file, array)
        values = describe(array)
        if array.dtype.kind == "S":
            values = ["string", "[3]", "a\x00b", "\xff", ""]
        case.fact("", "tensor", *values)
        case.write(file.getvalue())
    file = io.BytesIO()
    np.save(file, np.array([["a", "b"]], dtype=object), allow_pickle=True)
    case = Case("numpy_objects.npy")
    case.fact("", "tensor", "string", "[1,2]", "a", "b")
    case.write(file.getvalue())


# --- scipy, pandas, joblib ---

def scipy_case():
    import numpy as np
    from scipy import sparse
    dense = np.array([[0, 1.5, 0, 2], [0, 0, 0, 0], [3, 0, -1, 0], [0, 0, 0, 4]])
    case = Case("scipy.pickle")
    data = {f: getattr(sparse, f + "_matrix")(dense) for f in ("csr", "csc", "coo", "dia", "bsr", "lil")}
    data["bsr22"] = sparse.bsr_matrix(dense, blocksize=(2, 2))
    data["wide"] = sparse.dia_matrix(np.eye(2, 4) * 3)
    data["csr_array"] = sparse.csr_array(dense)
    data["ints"] = sparse.csr_matrix(np.array([[1, 0, 2]]))
    twice = sparse.coo_matrix(([1.0, 2.0], ([0, 0], [1, 1])), shape=(1, 2))
    data["twice"] = twice
    data["dok"] = sparse.dok_matrix(dense)
    for key, value in data.items():
        if key == "dok":
            case.fact(key, "refused", "dok_matrix")
        else:
            case.fact(key, "tensor", *describe(value.toarray().astype(float)))
    case.write(pickle.dumps(data, 4))


def pandas_case():
    import numpy as np
    import pandas as pd
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"], "c": [3, 4], "d": [5, 6]})
    frame["e"] = pd.Series(["u", "v"], dtype="category")
    data = {
        "index": pd.Index(["a", "b"], dtype=object), "ints": pd.Index([1, 2]), "range": pd.RangeIndex(5, 0, -2),
        "series": pd.Series([1.5, 2.5], index=["r", "s"]), "words": pd.Series(["x", None], dtype=object),
        "frame": frame, "numbers": pd.DataFrame(np.eye(2), columns=[7, 8]),
        "category": pd.Series(["b", "a", None, "b"], dtype="category"),
        "dtype": pd.CategoricalDtype(["p", "q"]), "masked": pd.array([1, None, 3], dtype="Int64"),
        "strings": pd.array(["a", "b"], dtype="string[python]"), "missing": pd.array(["a", None], dtype="string[python]"),
        "str": pd.Index(["a", "b"]), "dates": pd.to_datetime(pd.Series(["2020-01-01"])),
        "multi": pd.MultiIndex.from_tuples([("a", 1)]),
        "periods": pd.Series(pd.period_range("2020", periods=2, freq="D")),
    }
    case = Case("pandas.pickle")
    case.fact("index", "tensor", *describe(["a", "b"]))
    case.fact("ints", "tensor", *describe([1, 2]))
    case.fact("range", "tensor", *describe([5, 3, 1]))
    case.fact("series", "tensor", *describe([1.5, 2.5]))
    case.fact("series", "axis0", *describe(["r", "s"]))
    case.fact("words", "elements", "text x", "none")
    case.fact("words", "refused", "mixes")
    case.fact("frame", "columns", *frame.columns)
    case.fact("numbers", "columns", "7", "8")
    for i, column in enumerate(frame):
        case.fact("frame", "column%d" % i, *[element(v) for v in frame[column].tolist()])
    case.fact("category", "elements", "text b", "text a", "none", "text b")
    case.fact("dtype/categories", "tensor", *describe(["p", "q"]))
    case.fact("masked", "elements", "int 1", "none", "int 3")
    case.fact("masked", "tensor", "double", "[3]", number(1), "nan", number(3))
    case.fact("strings", "tensor", *describe(["a", "b"]))
    case.fact("missing", "refused", "mixes")
    case.fact("str", "tensor", *describe(["a", "b"]))
    case.fact("dates", "refused", "")
    case.fact("multi", "refused", "")
    case.fact("periods", "refused", "")
    case.fact("index", "class", "pandas", "Index")
    case.fact("", "executes")
    case.write(pickle.dumps(data, 5))


def joblib_case():
    import joblib
    import numpy as np
    for name, protocol in (("joblib.pickle", 4), ("joblib2.pickle", 2)):
        case = Case(name)
        inner = np.arange(4.0)
        objects = np.empty(3, dtype=object)
        objects[:] = ["a", inner, inner]
        data = {"a": np.arange(3), "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
                "objects": objects, "words": np.array(["x", "y"], dtype=object),
                "none": np.zeros((0, 2), "f4"), "after": 5, "same": [inner, inner],
                "structured": arrays()["structured"], "S": np.array([b"a"])}
        file = io.BytesIO()
        joblib.dump(data, file, protocol=protocol)
        for key in ("a", "fortran", "none"):
            case.fact(key, "tensor", *describe(data[key]))
        case.fact("words", "tensor", *describe(["x", "y"]))
        case.fact("same/1", "tensor", *describe(inner))
        case.fact("structured", "field", "value", *describe(data["structured"]["value"]))
        case.fact("S", "tensor", "string", "[1]", "a")
        case.fact("objects", "elements", "text a", "other", "other")
        case.fact("after", "i64", 5)
        case.fact("", "joblib")
        case.write(file.getvalue())


def skops_case():
    import numpy as np
    import scipy.sparse
    import skops.io
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
    from sklearn.tree import DecisionTreeClassifier
    data = {
        "none": None, "true": True, "int": 7, "huge": 2 ** 70, "float": 0.5, "nan": float("nan"),
        "text": "h\u00e9 \"q\"", "list": [1, 2.5], "tuple": (1, "a"), "set": {3}, "bytes": b"a\xff",
        "bytearray": bytearray(b"b"), "keys": {1: "i", 2.5: "f", "s": "t"}, "slice": slice(1, None),
        "default": collections.defaultdict(list, {"k": [1]}), "dtype": np.dtype("float32"),
        "ordered": collections.OrderedDict([("b", 1), ("a", 2)]), "type": np.float32,
        "ufunc": np.log10, "partial": functools.partial(np.add, 1), "scalar": np.int32(-3),
        "objects": np.array([["a", 1], [None, 2.5]], dtype=object), "names": np.array(["x", "y\u00e9"]),
        "words": np.array(["a", "b"], dtype=object), "grid": np.asfortranarray(np.eye(2, 3)),
        "sparse": scipy.sparse.csr_matrix(np.eye(3) * 2), "coo": scipy.sparse.coo_matrix(np.eye(2)),
        "dia": scipy.sparse.dia_matrix(np.eye(2)), "masked": np.ma.array([1, 2], mask=[0, 1]),
        "random": np.random.RandomState(0),
    }
    data["same"] = data["grid"]
    case = Case("values.skops")
    case.fact("none", "none")
    case.fact("true", "bool", 1)
    case.fact("int", "i64", 7)
    for key in ("huge", "float", "nan", "scalar"):
        case.fact(key, "f64", number(data[key]))
    case.fact("text", "hex", data["text"].encode().hex())
    case.fact("list", "tensor", *describe([1, 2.5]))
    case.fact("tuple/1", "hex", b"a".hex())
    case.fact("set", "elements", "int 3")
    case.fact("bytes", "hex", "61ff")
    case.fact("bytearray", "kind", "bytearray")
    case.fact("keys/s", "hex", b"t".hex())
    case.fact("keys", "length", 3)
    case.fact("slice", "class", "builtins", "slice")
    case.fact("default/k/0", "i64", 1)
    case.fact("default", "class", "collections", "defaultdict")
    case.fact("dtype", "dtype", "f4")
    case.fact("type", "dtype", "f4")
    case.fact("ordered/a", "i64", 2)
    case.fact("partial", "class", "functools", "partial")
    case.fact("objects", "elements", "text a", "int 1", "none", "float " + number(2.5))
    for key in ("names", "words", "grid", "same", "masked", "scalar"):
        value = data[key]
        case.fact(key, "tensor", *describe(value.data if key == "masked" else
                                           value.astype(str) if key == "words" else value))
    for key in ("sparse", "coo", "dia"):
        case.fact(key, "tensor", *describe(data[key].toarray()))
    case.fact("", "executes", "functools.partial")
    case.fact("", "protocol", 2)
    case.write(skops.io.dumps(data, compression=8))

    table = np.array([[1.0, 0], [2.0, 1], [3.0, 0], [5.0, 2]])
    columns = ColumnTransformer([("scale", StandardScaler(), [0]), ("hot", OneHotEncoder(), [1])])
    tree = DecisionTreeClassifier(max_depth=2, random_state=0)
    model = Pipeline([("columns", columns), ("log", FunctionTransformer(np.abs)), ("tree", tree)])
    model.fit(table, ["n", "n", "y", "y"])
    case = Case("model.skops")
    scaler, hot = columns.named_transformers_["scale"], columns.named_transformers_["hot"]
    case.fact("steps/0/1", "class", "sklearn", "ColumnTransformer")
    case.fact("steps/0/1/transformers_/0/1/mean_", "tensor", *describe(scaler.mean_))
    case.fact("steps/0/1/transformers_/1/1/categories_/0", "tensor", *describe(hot.categories_[0]))
    case.fact("steps/1/1/func", "class", "numpy", "absolute")
    case.fact("steps/2/1/classes_", "tensor", *describe(tree.classes_.astype(str)))
    case.fact("steps/2/1/tree_", "class", "sklearn.tree", "Tree")
    case.fact("steps/2/1/tree_/node_count", "i64", tree.tree_.node_count)
    case.fact("steps/2/1/tree_/values", "tensor", *describe(tree.tree_.value))
    case.fact("steps/2/1/tree_/nodes", "field", "threshold", *describe(tree.tree_.threshold))
    case.fact("", "executes")
    case.write(skops.io.dumps(model, compression=8))


def main():
    for protocol in range(6):
        plain(protocol)
    for protocol in (0, 2, 4, 5):
        numpy_case("numpy%d.pickle" % protocol, protocol)
    numpy_case("numpy1_2.pickle", 2)
    for make in (npy_case, scipy_case, pandas_case, joblib_case, skops_case):
        make()


main()
