#!/usr/bin/env python3
"""Small seeds for the fuzz targets `onnx` and `sklearn`. Run: scripts/python tests/fuzz/make_models.py"""

import pickle
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

warnings.filterwarnings("ignore")
HERE = Path(__file__).parent / "corpus"
F = TensorProto.FLOAT


def save_onnx(name, nodes, inputs, outputs, constants=(), opset=17):
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs],
        [helper.make_tensor_value_info(n, t, s) for n, t, s in outputs],
        [numpy_helper.from_array(a, n) for n, a in constants])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)])
    model.ir_version = 8
    (HERE / "onnx" / f"{name}.onnx").write_bytes(model.SerializeToString())


def node(op, i, o, **a):
    return helper.make_node(op, i.split(), o.split(), **a)


def value(name, element=F, shape=None):
    return helper.make_tensor_value_info(name, element, shape)


def control_seeds():
    """Graphs in graphs, captures, sequences and optionals."""
    I, B = TensorProto.INT64, TensorProto.BOOL
    x, trip, go = ("x", F, ["n"]), ("trip", I, []), ("go", B, [])
    counting = [value("i", I, []), value("going", B, []), value("v")]
    grow = helper.make_graph([node("Concat", "v x", "w", axis=0), node("Identity", "going", "on"), node("Mul", "x x", "s")],
                             "grow", counting, [value("on", B, []), value("w"), value("s")])
    save_onnx("loop", [node("Loop", "trip go x", "y z", body=grow), node("Relu", "y", "r"), node("Add", "r r", "t"), node("Mul", "t t", "u")],
              [trip, go, x], [("u", F, None), ("z", F, None)])
    twice = helper.make_graph([node("Concat", "x x", "a", axis=0)], "twice", [], [value("a")])
    nested = helper.make_graph([node("If", "go", "b", then_branch=twice, else_branch=helper.make_graph([node("Relu", "x", "c")], "c", [], [value("c")]))],
                               "nested", [], [value("b")])
    save_onnx("branches", [node("If", "go", "y", then_branch=twice, else_branch=nested), node("NonZero", "y", "n"), node("Gather", "y n", "g"),
                           node("Relu", "g", "r"), node("Exp", "r", "e")], [go, x], [("e", F, None)])
    add = helper.make_graph([node("Add", "s e", "t"), node("Mul", "t c", "u")], "add", [value("s"), value("e")], [value("t"), value("u")])
    save_onnx("scan", [node("Scan", "s m", "t u", body=add, num_scan_inputs=1, scan_input_directions=[1], scan_input_axes=[1], scan_output_axes=[1])],
              [("s", F, [2]), ("m", F, [2, "n"])], [("t", F, None), ("u", F, None)], [("c", np.ones(2, np.float32))])
    half = helper.make_graph([node("Mul", "e c", "h")], "half", [value("e")], [value("h")])
    save_onnx("sequences", [node("SplitToSequence", "x", "s"), node("SequenceMap", "s", "h", body=half), node("SequenceInsert", "h x p", "k"),
                            node("SequenceErase", "k p", "l"), node("SequenceAt", "k p", "a"), node("ConcatFromSequence", "k", "y", axis=0),
                            node("SequenceLength", "l", "n"), node("Optional", "l", "o"), node("OptionalHasElement", "o", "f"),
                            node("OptionalGetElement", "o", "q")],
              [x], [("y", F, None), ("a", F, None), ("n", I, None), ("f", B, None)], [("c", np.float32(0.5)), ("p", np.int64(0))], opset=18)


def onnx_seeds():
    w = np.arange(6, dtype=np.float32).reshape(3, 2)
    x = [("x", F, ["n", 3])]
    image = [("x", F, [1, 2, 5, 5])]
    save_onnx("gemm", [node("Gemm", "x w b", "y"), node("Softmax", "y", "z")], x, [("z", F, ["n", 2])], [("w", w), ("b", w[0])])
    save_onnx("elementwise", [node("Mul", "x x", "a"), node("Sub", "a x", "b"), node("Where", "c b a", "y"), node("Greater", "a b", "c")][:2]
              + [node("Greater", "a b", "c"), node("Where", "c b a", "y")], x, [("y", F, None)])
    save_onnx("shapes", [node("Shape", "x", "s"), node("Gather", "s i", "g"), node("Concat", "g m", "t", axis=0), node("Reshape", "x t", "y"),
                         node("Transpose", "y", "z", perm=[1, 0]), node("Slice", "z o e", "q")], x, [("q", F, None)],
              [("i", np.array([1], np.int64)), ("m", np.array([-1], np.int64)), ("o", np.array([0], np.int64)), ("e", np.array([9], np.int64))])
    save_onnx("conv", [node("Conv", "x k", "c", pads=[1, 1, 1, 1], strides=[2, 2]), node("Relu", "c", "r"),
                       node("MaxPool", "r", "p", kernel_shape=[2, 2]), node("Flatten", "p", "y")], image, [("y", F, None)],
              [("k", np.ones((4, 2, 3, 3), np.float32))])
    save_onnx("reduce", [node("ReduceMean", "x", "m", axes=[1]), node("TopK", "x k", "v i"), node("ArgMax", "x", "a", axis=1),
                         node("Pad", "x p", "d"), node("Split", "x", "s1 s2 s3", axis=1)], x,
              [("m", F, None), ("v", F, None), ("a", TensorProto.INT64, None), ("d", F, None), ("s2", F, None)],
              [("k", np.array([2], np.int64)), ("p", np.array([0, 1, 0, 1], np.int64))])
    save_onnx("nonzero", [node("NonZero", "x", "i"), node("Transpose", "i", "t"), node("GatherND", "x t", "y"), node("Unique", "y", "u")], x, [("u", F, None)])
    save_onnx("lstm", [node("LSTM", "x w r", "y h c", hidden_size=2)], [("x", F, [3, 1, 2])], [("h", F, None)],
              [("w", np.ones((1, 8, 2), np.float32)), ("r", np.ones((1, 8, 2), np.float32))])
    save_onnx("quantise", [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "d"), node("Cast", "d", "y", to=TensorProto.FLOAT16)],
              x, [("y", TensorProto.FLOAT16, None)], [("s", np.array(0.5, np.float32)), ("z", np.array(3, np.uint8))])
    save_onnx("resize", [node("Resize", "x  s", "y", mode="linear")], image, [("y", F, None)], [("s", np.array([1, 1, 2, 2], np.float32))])
    save_onnx("trees", [node("TreeEnsembleClassifier", "x", "l p", domain="ai.onnx.ml", nodes_treeids=[0, 0, 0], nodes_nodeids=[0, 1, 2],
                             nodes_featureids=[1, 0, 0], nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_values=[0.5, 0, 0], nodes_truenodeids=[1, 0, 0],
                             nodes_falsenodeids=[2, 0, 0], class_treeids=[0, 0], class_nodeids=[1, 2], class_ids=[0, 1], class_weights=[1.0, 1.0],
                             classlabels_strings=["a", "b"], post_transform="NONE")], x, [("l", TensorProto.STRING, None), ("p", F, None)])


def sklearn_seeds():
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
    import pandas as pd

    rng = np.random.RandomState(0)
    x = rng.rand(30, 3)
    y = (x[:, 0] > x[:, 1]).astype(int)
    table = pd.DataFrame({"a": x[:, 0], "b": rng.choice(["u", "v"], 30)})
    mixed = ColumnTransformer([("n", StandardScaler(), ["a"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["b"])])
    models = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y),
        "mixed": make_pipeline(mixed, Ridge()).fit(table, x[:, 2]),
        "forest": RandomForestClassifier(2, max_depth=2, random_state=0).fit(x, np.where(y, "yes", "no")),
        "boosting": GradientBoostingClassifier(n_estimators=2, max_depth=2).fit(x, y),
        "hist": HistGradientBoostingRegressor(max_iter=2, max_leaf_nodes=4).fit(x, x[:, 2]),
        "bayes": make_pipeline(PolynomialFeatures(2), GaussianNB()).fit(x, y),
        "mlp": MLPClassifier((3,), max_iter=5).fit(x, y),
    }
    for name, model in models.items():
        for protocol in (0, 4) if name == "logistic" else (4,):
            (HERE / "sklearn" / f"{name}_{protocol}.pkl").write_bytes(pickle.dumps(model, protocol))


for folder in ("onnx", "sklearn"):
    (HERE / folder).mkdir(parents=True, exist_ok=True)
onnx_seeds()
control_seeds()
sklearn_seeds()
