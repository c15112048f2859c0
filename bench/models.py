"""The models of the benches: fixed seeds, no downloads."""

import numpy as np


def tabular(count=4000, seed=0):
    random = np.random.RandomState(seed)
    x = random.randn(count, 20)
    y = (x[:, 0] + 0.5 * x[:, 1] * x[:, 2] + 0.3 * random.randn(count) > 0).astype(int)
    return x, y


def rows(count):
    return np.ascontiguousarray(tabular(count, 7)[0])


def logistic():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression()).fit(*tabular())


def forest():
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(100, max_depth=8, random_state=0).fit(*tabular())


def estimators():
    return {"logistic": logistic, "forest": forest}


def to_onnx(estimator):
    """-> bytes, without the ZipMap of the probabilities"""
    from skl2onnx import to_onnx as convert
    from skl2onnx.common.data_types import FloatTensorType

    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    return convert(estimator, initial_types=[("x", FloatTensorType([None, 20]))], options={id(last): {"zipmap": False}}, target_opset=17).SerializeToString()
