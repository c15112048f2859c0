"""Small ONNX models that ONNX Runtime answers too: external data, functions, ai.onnx.ml.

CASES: (name, make) or (name, make, right). make(folder) writes a model there and returns (path, inputs by
name); the path may be the folder. right(path, inputs, answers of ONNX Runtime) -> the right answers, where
ONNX Runtime departs from the specification.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
ROWS, COLUMNS = 37, 5


def table(name, missing=False):
    """Quarters, so that values meet thresholds exactly. -> FP32 [ROWS, COLUMNS]"""
    random = np.random.RandomState(sum(map(ord, name)))
    x = (random.randint(-12, 13, (ROWS, COLUMNS)) / 4).astype(np.float32)
    if missing:
        x[random.rand(ROWS, COLUMNS) < 0.2] = np.nan
    return x


def written(folder, graph, opsets, functions=(), **keywords):
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(d, v) for d, v in opsets], functions=functions, ir_version=10)
    path = folder / "model.onnx"
    onnx.save(model, path, **keywords)
    return path


# ---------------------------------------------------------------- where ONNX Runtime departs
def reference(path, inputs):
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(str(path)).run(None, inputs)


def reference_labels(path, inputs, answers):
    """Weights for both of two classes: ONNX Runtime looks at the second score alone and answers 0 or 1 whatever the
    labels are; the class of the highest score is right."""
    return [reference(path, inputs)[0], answers[1]]


def softmax_by_number(path, inputs, answers):
    """ai.onnx.ml 5 numbers SOFTMAX 1 and LOGISTIC 2, ONNX Runtime the other way round; the reference evaluator
    leaves the scores as they are."""
    powers = np.exp(reference(path, inputs)[0].astype(np.float64))
    return [(powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)]


def logistic_by_number(path, inputs, answers):
    return [(1 / (1 + np.exp(-reference(path, inputs)[0].astype(np.float64)))).astype(np.float32)]


# ---------------------------------------------------------------- ai.onnx.ml
def ml(name, op, outputs, x, version=3, **attributes):
    """A case of one node. outputs: (type, shape) each."""

    def make(folder):
        kind = helper.np_dtype_to_tensor_dtype(x.dtype) if x.dtype.kind != "O" else STRING
        names = [f"y{i}" for i in range(len(outputs))]
        node = helper.make_node(op, ["x"], names, domain="ai.onnx.ml", **attributes)
        graph = helper.make_graph(
            [node], "g", [helper.make_tensor_value_info("x", kind, ["N", *x.shape[1:]])],
            [helper.make_tensor_value_info(n, t, s) for n, (t, s) in zip(names, outputs)])
        return written(folder, graph, [("", 17), ("ai.onnx.ml", version)]), {"x": x}

    return name, make


class Forest:
    """Random trees as the lists of attributes of TreeEnsembleRegressor and TreeEnsembleClassifier."""

    def __init__(self, name, trees, depth, mode, heads):
        self.random = np.random.RandomState(sum(map(ord, name)) + 1)
        self.mode, self.heads = mode, heads
        self.nodes = {k: [] for k in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids", "missing_value_tracks_true")}
        self.leaves = {k: [] for k in ("treeids", "nodeids", "ids", "weights")}
        for tree in range(trees):
            self.count = 0
            self.grow(tree, depth)

    def grow(self, tree, depth):
        node, self.count = self.count, self.count + 1
        leaf = depth == 0 or (node and self.random.rand() < 0.2)
        mode = "LEAF" if leaf else self.mode if isinstance(self.mode, str) else self.mode[self.random.randint(len(self.mode))]
        row = [tree, node, self.random.randint(COLUMNS), self.random.randint(-12, 13) / 4, mode, 0, 0, self.random.randint(2)]
        at = len(self.nodes["nodeids"])
        for key, value in zip(self.nodes, row):
            self.nodes[key].append(value)
        if leaf:
            for head in self.heads(self.random):
                for key, value in zip(self.leaves, (tree, node, head, float(self.random.randn()))):
                    self.leaves[key].append(value)
        else:
            self.nodes["truenodeids"][at] = self.grow(tree, depth - 1)
            self.nodes["falsenodeids"][at] = self.grow(tree, depth - 1)
        return node

    def attributes(self, prefix):
        return {**{f"nodes_{k}": v for k, v in self.nodes.items()}, **{f"{prefix}_{k}": v for k, v in self.leaves.items()}}


def regressor(mode, aggregate, targets, missing=False, base=None):
    name = f"tree regressor {mode} {aggregate} {targets} targets" + (" missing" if missing else "") + (" base" if base else "")
    forest = Forest(name, 7, 4, mode, lambda r: range(targets) if r.rand() < 0.7 else [r.randint(targets)])
    extra = {"base_values": base} if base else {}
    return ml(name, "TreeEnsembleRegressor", [(FLOAT, ["N", targets])], table(name, missing), n_targets=targets,
              aggregate_function=aggregate, **forest.attributes("target"), **extra)


def classifier(classes, post, labels, one_head=False, base=None):
    name = f"tree classifier {classes} classes {post} {labels}" + (" one head" if one_head else "") + (" base" if base else "")
    forest = Forest(name, 6, 4, "BRANCH_LEQ", lambda r: [0] if one_head else range(classes))
    if labels == "strings":
        extra, kind = {"classlabels_strings": [f"class {i}" for i in range(classes)]}, STRING
    else:
        extra, kind = {"classlabels_int64s": [3 * i - 1 for i in range(classes)]}, INT64
    if base:
        extra["base_values"] = base
    case = ml(name, "TreeEnsembleClassifier", [(kind, ["N"]), (FLOAT, ["N", classes])], table(name), post_transform=post,
              **forest.attributes("class"), **extra)
    return (*case, reference_labels) if classes == 2 and not one_head else case


def trees5(targets, aggregate, post, mode):
    """TreeEnsemble of ai.onnx.ml 5: trees of random depth, leaves and splits in tables of their own."""
    name = f"tree ensemble v5 {targets} targets {aggregate} {post} mode {mode}"
    random = np.random.RandomState(sum(map(ord, name)))
    nodes = {k: [] for k in ("featureids", "splits", "modes", "truenodeids", "trueleafs", "falsenodeids", "falseleafs")}
    leaves = {"targetids": [], "weights": []}

    def child(depth):
        if depth == 0 or random.rand() < 0.2:
            leaves["targetids"].append(random.randint(targets))
            leaves["weights"].append(float(random.randn()))
            return len(leaves["weights"]) - 1, 1
        return grow(depth), 0

    def grow(depth):
        at = len(nodes["splits"])
        for key, value in zip(nodes, (random.randint(COLUMNS), random.randint(-12, 13) / 4, mode, 0, 0, 0, 0)):
            nodes[key].append(value)
        nodes["truenodeids"][at], nodes["trueleafs"][at] = child(depth - 1)
        nodes["falsenodeids"][at], nodes["falseleafs"][at] = child(depth - 1)
        return at

    roots = [grow(4) for _ in range(6)]
    floats = {"nodes_splits": nodes.pop("splits"), "leaf_weights": leaves.pop("weights")}
    modes = numpy_helper.from_array(np.array(nodes.pop("modes"), np.uint8), "nodes_modes")
    case = ml(name, "TreeEnsemble", [(FLOAT, ["N", targets])], table(name), version=5, n_targets=targets, aggregate_function=aggregate,
              post_transform=post, tree_roots=roots, nodes_modes=modes, leaf_targetids=leaves["targetids"],
              **{f"nodes_{k}": v for k, v in nodes.items()},
              **{k: numpy_helper.from_array(np.array(v, np.float32), k) for k, v in floats.items()})
    return (*case, (None, softmax_by_number, logistic_by_number)[post]) if post else case


def linear_classifier(classes, post, labels):
    name = f"linear classifier {classes} classes {post} {labels}"
    random = np.random.RandomState(sum(map(ord, name)))
    kind = STRING if labels == "strings" else INT64
    key = "classlabels_strings" if labels == "strings" else "classlabels_ints"
    values = [f"class {i}" if labels == "strings" else 2 * i + 5 for i in range(classes)]
    return ml(name, "LinearClassifier", [(kind, ["N"]), (FLOAT, ["N", classes])], table(name), post_transform=post,
              coefficients=random.randn(classes * COLUMNS).tolist(), intercepts=random.randn(classes).tolist(), multi_class=0, **{key: values})


def linear_regressor(targets, intercepts):
    name = f"linear regressor {targets} targets" + (" intercepts" if intercepts else "")
    random = np.random.RandomState(sum(map(ord, name)))
    extra = {"intercepts": random.randn(targets).tolist()} if intercepts else {}
    return ml(name, "LinearRegressor", [(FLOAT, ["N", targets])], table(name), targets=targets,
              coefficients=random.randn(targets * COLUMNS).tolist(), **extra)


WORDS = np.array([["red"], ["green"], ["blue"], ["green"], ["unknown"]], dtype=object)
NUMBERS = np.array([[1], [4], [9], [1], [7]], np.int64)
SCALES = ([1.5, -2, 0, 0.25, 100], [0.5, 2, 1, -3, 0.001])


def encoders():
    known = {"strings": ["red", "green", "blue"], "int64s": [1, 4, 9], "floats": [0.5, 1.5, 2.5]}
    default = {"strings": "other", "int64s": -7, "floats": -0.25}
    asked = {"strings": WORDS, "int64s": NUMBERS, "floats": np.array([[1.5], [0.5], [2.5], [3.5]], np.float32)}
    kinds = {"strings": STRING, "int64s": INT64, "floats": FLOAT}
    singular = {"strings": "string", "int64s": "int64", "floats": "float"}
    for a in known:
        for b in known:
            if a != b or a != "int64s":  # ONNX Runtime has no kernel from int64 to int64 with lists
                yield ml(f"label encoder {a} to {b}", "LabelEncoder", [(kinds[b], ["N", 1])], asked[a], version=2,
                         **{f"keys_{a}": known[a], f"values_{b}": known[b], f"default_{singular[b]}": default[b]})


def one_hot(x, zeros, **categories):
    kind = next(iter(categories))
    asked = x if zeros else x[:4]  # without zeros an unknown category is an error
    return ml(f"one-hot {kind}" + (" zeros" if zeros else ""), "OneHotEncoder", [(FLOAT, None)], asked, zeros=zeros, **categories)


# ---------------------------------------------------------------- gradients
def by_differences(path, inputs):
    """The gradients of the sum of y, from y itself at neighbouring places."""
    from onnx.reference import ReferenceEvaluator

    model = onnx.load(path)
    gradient = model.graph.node.pop()
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.DOUBLE, None))
    del model.graph.output[1:]
    evaluator, step, wants = ReferenceEvaluator(model), 1e-5, []
    total = lambda values: float(np.sum(evaluator.run(None, values)[0]))
    for name in gradient.input:
        want = np.zeros_like(inputs[name])
        for at in np.ndindex(want.shape):
            above, below = ({**inputs, name: inputs[name].copy()} for _ in range(2))
            above[name][at] += step
            below[name][at] -= step
            want[at] = (total(above) - total(below)) / (2 * step)
        wants.append(want)
    return list(gradient.output), wants


by_differences.alone = True


def gradient(name, nodes, **shapes):
    """The gradients of y, made by the nodes, by every input."""

    def make(folder):
        random = np.random.RandomState(sum(map(ord, name)))
        inputs = {n: random.rand(*shape) + 0.5 for n, shape in shapes.items()}
        made = [helper.make_node(op, takes.split(), [gives]) for op, takes, gives in nodes]
        made.append(helper.make_node("Gradient", list(shapes), [f"d{n}" for n in shapes], domain="ai.onnx.preview.training", xs=list(shapes), y="y"))
        graph = helper.make_graph(made, "g", [helper.make_tensor_value_info(n, TensorProto.DOUBLE, s) for n, s in shapes.items()],
                                  [helper.make_tensor_value_info(f"d{n}", TensorProto.DOUBLE, s) for n, s in shapes.items()])
        return written(folder, graph, [("", 17), ("ai.onnx.preview.training", 1)]), inputs

    return name, make, by_differences


# ---------------------------------------------------------------- sparse tensors
def sparse(name, linear, as_constant):
    """Sparse weights, as initializer or as Constant; indices of one number, or one for each axis."""

    def make(folder):
        x, places = table(name), np.array([[0, 1], [2, 0], [4, 2]])
        values = np.array([0.5, -2, 1.25], np.float32)
        indices = places[:, 0] * 3 + places[:, 1] if linear else places
        stored = helper.make_sparse_tensor(numpy_helper.from_array(values, "w"), numpy_helper.from_array(indices.astype(np.int64), "i"), [COLUMNS, 3])
        nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
        if as_constant:
            nodes.insert(0, helper.make_node("Constant", [], ["w"], sparse_value=stored))
        graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", FLOAT, ["N", COLUMNS])], [helper.make_tensor_value_info("y", FLOAT, ["N", 3])],
                                  sparse_initializer=[] if as_constant else [stored])
        return written(folder, graph, [("", 17)]), {"x": x}

    return name, make


# ---------------------------------------------------------------- external data, functions
def external(name, location, one_file):
    """Weights beside the model, or in a folder: then firn is given the whole folder."""

    def make(folder):
        random = np.random.RandomState(5)
        x = random.randn(3, 40).astype(np.float32)
        weights = [numpy_helper.from_array(random.randn(40, 30).astype(np.float32), "w"), numpy_helper.from_array(random.randn(30).astype(np.float32), "b")]
        graph = helper.make_graph(
            [helper.make_node("Gemm", ["x", "w", "b"], ["h"]), helper.make_node("Tanh", ["h"], ["y"])], "g",
            [helper.make_tensor_value_info("x", FLOAT, ["N", 40])], [helper.make_tensor_value_info("y", FLOAT, ["N", 30])], weights)
        if location and "/" in location:
            (folder / location).parent.mkdir()
        path = written(folder, graph, [("", 17)], save_as_external_data=True, all_tensors_to_one_file=one_file, location=location, size_threshold=0)
        if path.stat().st_size > 3000:
            raise ValueError("the weights are not external")
        return folder if location and "/" in location else path, {"x": x}

    return name, make


def function(name, nested):
    """A function with an attribute; nested: called by another one."""

    def make(folder):
        x = table(name)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
        step = helper.make_node("LeakyRelu", ["a"], ["b"])
        reference = step.attribute.add()
        reference.name, reference.ref_attr_name, reference.type = "alpha", "slope", onnx.AttributeProto.FLOAT
        inner = helper.make_function("own", "Leaky", ["a"], ["c"], [step, helper.make_node("Add", ["b", "a"], ["c"])], opsets, ["slope"])
        outer = helper.make_function("own", "Twice", ["p"], ["q"], [
            helper.make_node("Leaky", ["p"], ["r"], domain="own", slope=0.5),
            helper.make_node("Leaky", ["r"], ["q"], domain="own", slope=-0.25)], opsets)
        call = helper.make_node("Twice", ["x"], ["y"], domain="own") if nested else helper.make_node("Leaky", ["x"], ["y"], domain="own", slope=0.125)
        graph = helper.make_graph([call], "g", [helper.make_tensor_value_info("x", FLOAT, ["N", COLUMNS])], [helper.make_tensor_value_info("y", FLOAT, ["N", COLUMNS])])
        return written(folder, graph, [("", 17), ("own", 1)], functions=[inner, outer] if nested else [inner]), {"x": x}

    return name, make


COMPARISONS = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
CASES = [
    external("external data, one file", "weights.bin", True),
    external("external data, a folder", "data/weights.bin", True),
    external("external data, a file each", None, False),
    sparse("sparse initializer, pairs", False, False),
    sparse("sparse initializer, linear", True, False),
    sparse("sparse constant", False, True),
    gradient("gradient of products", [("MatMul", "a b", "p"), ("Tanh", "p", "q"), ("Mul", "q c", "r"), ("Add", "r q", "y")], a=(3, 4), b=(4, 2), c=(2,)),
    gradient("gradient of quotients", [("Div", "a b", "p"), ("Exp", "p", "q"), ("Sub", "q b", "r"), ("Neg", "r", "s"), ("Sigmoid", "s", "y")], a=(2, 3), b=(1, 3)),
    gradient("gradient of roots", [("Sqrt", "a", "p"), ("Log", "p", "q"), ("Sum", "q p b", "r"), ("Relu", "r", "s"), ("Identity", "s", "y")], a=(2, 1, 3), b=(4, 1)),
    function("function", False),
    function("functions, nested", True),
    *(regressor(m, "SUM", 1) for m in COMPARISONS),
    *(regressor("BRANCH_LEQ", a, 3) for a in ("SUM", "AVERAGE", "MIN", "MAX")),
    regressor("BRANCH_LEQ", "SUM", 1, missing=True),
    regressor("BRANCH_LT", "SUM", 2, base=[0.5, -1.25]),
    *(classifier(n, p, kind) for n in (2, 4) for p in ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO") for kind in ("strings", "integers")),
    *(classifier(2, p, kind, one_head=True) for p in ("NONE", "LOGISTIC") for kind in ("strings", "integers")),
    classifier(2, "LOGISTIC", "integers", one_head=True, base=[0.75]),
    classifier(2, "NONE", "strings", one_head=True, base=[-1.5]),
    classifier(4, "SOFTMAX", "strings", base=[0.5, -0.5, 0.25, 1]),
    # aggregate: average, sum, min, max; transform: none, softmax, logistic; mode: leq, lt, gte, gt
    *(trees5(*numbers) for numbers in ((1, 1, 0, 0), (3, 1, 1, 0), (1, 1, 2, 1), (2, 0, 0, 3), (2, 2, 0, 0), (2, 3, 0, 2))),
    *(linear_classifier(n, p, kind) for n in (2, 3) for p in ("NONE", "SOFTMAX", "LOGISTIC") for kind in ("strings", "integers")),
    *(linear_regressor(t, i) for t in (1, 3) for i in (False, True)),
    ml("scaler", "Scaler", [(FLOAT, ["N", COLUMNS])], table("scaler"), offset=SCALES[0], scale=SCALES[1]),
    ml("scaler, one value", "Scaler", [(FLOAT, ["N", COLUMNS])], table("scaler"), offset=[1.5], scale=[0.3]),
    ml("scaler of integers", "Scaler", [(FLOAT, ["N", 1])], NUMBERS, offset=[2.0], scale=[0.5]),
    *(ml(f"normalizer {n}", "Normalizer", [(FLOAT, ["N", COLUMNS])], table(n), norm=n) for n in ("MAX", "L1", "L2")),
    *encoders(),
    *(one_hot(WORDS, z, cats_strings=["red", "green", "blue"]) for z in (0, 1)),
    *(one_hot(NUMBERS, z, cats_int64s=[9, 4, 1]) for z in (0, 1)),
]
