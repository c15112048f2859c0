"""More of ai.onnx.ml that ONNX Runtime answers too: support vectors, columns, categories, tensors of labels."""

import numpy as np
from onnx import TensorProto, ValueInfoProto, helper, numpy_helper

from onnx_models import COLUMNS, NUMBERS, WORDS, ml, table, written

FLOAT, DOUBLE, INT64, STRING = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.STRING
KERNELS = {"LINEAR": [0.0, 0.0, 0.0], "POLY": [0.2, 0.7, 3.0], "RBF": [0.3, 0.0, 0.0], "SIGMOID": [0.1, -0.3, 0.0]}


def svm_regressor(kernel, one_class=0, linear=False):
    name = f"svm regressor {kernel}" + (" one class" if one_class else "") + (" coefficients" if linear else "")
    random, vectors = np.random.RandomState(sum(map(ord, name))), 7
    if linear:
        weights = {"coefficients": random.randn(COLUMNS).tolist(), "rho": [0.4]}
    else:
        weights = {"n_supports": vectors, "support_vectors": random.randn(vectors * COLUMNS).tolist(),
                   "coefficients": random.randn(vectors).tolist(), "rho": [-0.7]}
    return ml(name, "SVMRegressor", [(FLOAT, ["N", 1])], table(name), kernel_type=kernel, kernel_params=KERNELS[kernel], one_class=one_class, **weights)


def svm_classifier(kernel, classes, labels, probabilities):
    name = f"svm classifier {kernel} {classes} classes {labels}" + (" probabilities" if probabilities else "")
    random, pairs = np.random.RandomState(sum(map(ord, name))), classes * (classes - 1) // 2
    counts = [2 + i for i in range(classes)]
    values = {"classlabels_strings": [f"class {i}" for i in range(classes)]} if labels == "strings" else {"classlabels_ints": [3 * i + 1 for i in range(classes)]}
    if probabilities:
        values |= {"prob_a": (-1 - random.rand(pairs)).tolist(), "prob_b": random.randn(pairs).tolist()}
    width = classes if probabilities or classes == 2 else pairs
    return ml(name, "SVMClassifier", [(STRING if labels == "strings" else INT64, ["N"]), (FLOAT, ["N", width])], table(name), kernel_type=kernel,
              kernel_params=KERNELS[kernel], vectors_per_class=counts, support_vectors=random.randn(sum(counts) * COLUMNS).tolist(),
              coefficients=random.randn((classes - 1) * sum(counts)).tolist(), rho=random.randn(pairs).tolist(), post_transform="NONE", **values)


def several(name, op, inputs, output, initial=(), **attributes):
    """One node of several inputs; those of `initial` are initializers."""

    def make(folder):
        names = list(inputs)
        node = helper.make_node(op, names, ["y"], domain="ai.onnx.ml", **attributes)
        graph = helper.make_graph(
            [node], "g",
            [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), list(v.shape)) for n, v in inputs.items() if n not in initial],
            [helper.make_tensor_value_info("y", *output)], [numpy_helper.from_array(inputs[n], n) for n in initial])
        return written(folder, graph, [("", 17), ("ai.onnx.ml", 3)]), {n: v for n, v in inputs.items() if n not in initial}

    return name, make


def of_map(name, op, pairs, output, **attributes):
    """One node that takes a map: to firn two inputs, its keys and its values."""

    def make(folder):
        words = isinstance(next(iter(pairs)), str)
        info = ValueInfoProto(name="x")
        info.type.map_type.key_type = STRING if words else INT64
        info.type.map_type.value_type.tensor_type.elem_type = FLOAT
        graph = helper.make_graph([helper.make_node(op, ["x"], ["y"], domain="ai.onnx.ml", **attributes)], "g", [info],
                                  [helper.make_tensor_value_info("y", output, None)])
        keys = np.array(list(pairs), object if words else np.int64)
        return written(folder, graph, [("", 15), ("ai.onnx.ml", 1)]), {"x.keys": keys, "x.values": np.array(list(pairs.values()), np.float32)}

    return name, make


def holes(name):
    x = table(name).copy()
    x[0, 0] = x[1, 2] = np.nan
    x[2, 1] = -5
    return x


def tensor(values, name):
    return numpy_helper.from_array(np.array(values), name)


WHOLE = np.array([[3, -1, 3, 8], [0, 3, -2, 1]], np.int64)
CASES = [
    *(svm_regressor(k) for k in KERNELS),
    svm_regressor("RBF", one_class=1),
    svm_regressor("LINEAR", linear=True),
    *(svm_classifier(k, 2, "integers", False) for k in KERNELS),
    *(svm_classifier("RBF", n, kind, p) for n in (2, 3, 5) for kind in ("strings", "integers") for p in (False, True)),
    ml("imputer of NaN", "Imputer", [(FLOAT, ["N", COLUMNS])], holes("imputer"), imputed_value_floats=[0.5 * i for i in range(COLUMNS)], replaced_value_float=float("nan")),
    ml("imputer of a number", "Imputer", [(FLOAT, ["N", COLUMNS])], holes("number"), imputed_value_floats=[7.0], replaced_value_float=-5.0),
    ml("imputer of integers", "Imputer", [(INT64, ["N", 4])], WHOLE, imputed_value_int64s=[10, 20, 30, 40], replaced_value_int64=3),
    ml("binarizer", "Binarizer", [(FLOAT, ["N", COLUMNS])], table("binarizer"), threshold=0.25),
    ml("category mapper to numbers", "CategoryMapper", [(INT64, ["N", 1])], WORDS, version=1, cats_strings=["red", "blue"], cats_int64s=[4, -2], default_int64=9),
    ml("category mapper to strings", "CategoryMapper", [(STRING, ["N", 1])], NUMBERS, version=1, cats_strings=["one", "nine"], cats_int64s=[1, 9], default_string="none"),
    several("array feature extractor", "ArrayFeatureExtractor", {"x": table("extractor"), "i": np.array([[2, 0, 2]], np.int64)}, (FLOAT, None), ["i"]),
    several("feature vectorizer", "FeatureVectorizer", {"a": table("one")[:, :2], "b": table("two")[:, :3]}, (FLOAT, ["N", 5]), inputdimensions=[2, 3]),
    ml("label encoder of tensors", "LabelEncoder", [(DOUBLE, ["N", 1])], NUMBERS.astype(np.float64), version=4, keys_tensor=tensor([1.0, 9.0], "k"),
       values_tensor=tensor([0.25, -3.5], "v"), default_tensor=tensor([100.0], "d")),
    ml("label encoder, a tensor of integers", "LabelEncoder", [(TensorProto.INT16, ["N", 1])], WORDS, version=4, keys_strings=["red", "blue"],
       values_tensor=tensor(np.array([7, 300], np.int16), "v"), default_tensor=tensor(np.array([-1], np.int16), "d")),
    ml("scaler of doubles", "Scaler", [(FLOAT, ["N", COLUMNS])], table("doubles").astype(np.float64), offset=[1.5], scale=[0.3]),
    ml("normalizer of zeros", "Normalizer", [(FLOAT, ["N", COLUMNS])], np.zeros((3, COLUMNS), np.float32), norm="L2"),
    ml("linear regressor, logistic", "LinearRegressor", [(FLOAT, ["N", 2])], table("logistic"), targets=2, post_transform="LOGISTIC",
       coefficients=table("weights").ravel()[: 2 * COLUMNS].tolist(), intercepts=[0.5, -0.25]),
    of_map("dict vectorizer of strings", "DictVectorizer", {"a": 4, "c": 8, "zz": 3}, FLOAT, string_vocabulary=["a", "b", "c", "d"]),
    of_map("dict vectorizer of integers", "DictVectorizer", {2: 4, 9: 8}, FLOAT, int64_vocabulary=[5, 2, 9]),
    *(of_map(f"cast map, {form} {size}, {to}", "CastMap", {2: 1.5, 5: -2.5, 0: 3.7}, output, map_form=form, max_map=size, cast_to=to)
      for form, size in (("DENSE", 1), ("SPARSE", 7), ("SPARSE", 4)) for to, output in (("TO_FLOAT", FLOAT), ("TO_STRING", STRING), ("TO_INT64", INT64))),
]
