#!/usr/bin/env python3
"""Every estimator that scikit-learn lists, as it comes and with other parameters, beside `firn predict`.

    scripts/python tests/oracles/sklearn_survey.py             all of sklearn.utils.all_estimators()
    scripts/python tests/oracles/sklearn_survey.py KNN Svc     those whose names hold a word
    scripts/python tests/oracles/sklearn_survey.py --refused   what firn refuses, with its reasons

A class is fitted on the first kind of data that it takes. What it refuses at prediction firn must not answer.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]  # sklearn.py lies beside this file

import inspect
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
import joblib
import numpy as np
from sklearn import linear_model, naive_bayes, preprocessing, svm, tree
from sklearn.utils import all_estimators

sys.path.append(HERE)
import sklearn_models as models
from common import Refused, differs, predict, tally, wanted

warnings.filterwarnings("ignore")
np.seterr(all="ignore")
METHODS = ("predict", "predict_proba", "decision_function", "transform", "score_samples")
REST = {  # what a class must be told
    "estimator": lambda: linear_model.LogisticRegression(), "base_estimator": lambda: linear_model.LogisticRegression(),
    "estimators": lambda: [("a", linear_model.LogisticRegression()), ("b", naive_bayes.GaussianNB())],
    "transformers": lambda: [("a", preprocessing.StandardScaler(), [0, 1])], "transformer_list": lambda: [("a", preprocessing.StandardScaler())],
    "steps": lambda: [("a", preprocessing.StandardScaler()), ("b", linear_model.LogisticRegression())],
    "param_grid": lambda: {"C": [0.1, 1]}, "param_distributions": lambda: {"C": [0.1, 1]}, "dictionary": lambda: np.eye(models.WIDTH)[:3],
}
REGRESSING = {
    "estimator": lambda: linear_model.Ridge(), "base_estimator": lambda: linear_model.Ridge(),
    "estimators": lambda: [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=3))], "param_grid": lambda: {"alpha": [0.1, 1]},
    "param_distributions": lambda: {"alpha": [0.1, 1]},
}
MORE = {  # parameters to ask for besides none; keys are class names
    "AffinityPropagation": [{"damping": 0.8}],
    "Birch": [{"n_clusters": None}, {"threshold": 2.0, "n_clusters": 2}],
    "BayesianGaussianMixture": [{"n_components": 3}, {"n_components": 3, "covariance_type": "diag"}],
    "CountVectorizer": [{"analyzer": "char", "ngram_range": (1, 3)}, {"analyzer": "char_wb", "ngram_range": (2, 4)}, {"strip_accents": "ascii"},
                        {"strip_accents": "unicode"}],
    "FactorAnalysis": [{"n_components": 2}],
    "FastICA": [{"n_components": 3}, {"n_components": 3, "whiten": "arbitrary-variance"}],
    "GaussianMixture": [{"n_components": 3}, {"n_components": 3, "covariance_type": "tied"}, {"n_components": 3, "covariance_type": "diag"},
                        {"n_components": 3, "covariance_type": "spherical"}],
    "GaussianProcessClassifier": [{}],
    "GaussianProcessRegressor": [{"normalize_y": True, "alpha": 0.1}],
    "HashingVectorizer": [{"n_features": 64}, {"n_features": 64, "norm": None, "alternate_sign": False}],
    "KBinsDiscretizer": [{"encode": "ordinal", "strategy": "kmeans"}],
    "KernelDensity": [{"kernel": k} for k in ("tophat", "epanechnikov", "exponential", "linear", "cosine")],
    "KernelPCA": [{"kernel": k, "n_components": 2} for k in ("rbf", "poly", "sigmoid", "cosine")],
    "KernelRidge": [{"kernel": k, "gamma": 0.001} for k in ("rbf", "poly", "sigmoid", "laplacian")],  # of larger values sums lose digits
    "KNNImputer": [{"n_neighbors": 2}, {"weights": "distance"}, {"add_indicator": True}],
    "LinearDiscriminantAnalysis": [{"solver": "lsqr"}, {"solver": "eigen", "shrinkage": "auto"}],
    "LocalOutlierFactor": [{"novelty": True}, {"novelty": True, "n_neighbors": 5, "contamination": 0.1, "metric": "manhattan"}],
    "MultiOutputClassifier": [{}],
    "NearestCentroid": [{"metric": "manhattan"}, {"shrink_threshold": 0.3}],
    "NMF": [{"n_components": 2}],
    "NuSVC": [{"probability": True, "nu": 0.3}],
    "Nystroem": [{"n_components": 20, "kernel": k} for k in ("rbf", "poly", "laplacian")],
    "OneClassSVM": [{"kernel": "linear"}],
    "OneVsOneClassifier": [{"estimator": svm.LinearSVC(random_state=0)}, {"estimator": naive_bayes.GaussianNB()}],
    "OneVsRestClassifier": [{"estimator": svm.LinearSVC(random_state=0)}],
    "OutputCodeClassifier": [{"estimator": svm.LinearSVC(random_state=0), "random_state": 0}],
    "PolynomialCountSketch": [{"degree": 3, "coef0": 1}],
    "QuadraticDiscriminantAnalysis": [{"reg_param": 0.1}],
    "QuantileTransformer": [{"n_quantiles": 30}, {"n_quantiles": 30, "output_distribution": "normal"}],
    "RadiusNeighborsClassifier": [{"radius": 60.0, "outlier_label": 0}, {"radius": 60.0, "weights": "distance", "outlier_label": "most_frequent"}],
    "RadiusNeighborsRegressor": [{"radius": 60.0}],
    "SVC": [{"probability": True}, {"probability": True, "kernel": "linear"}],
    "SplineTransformer": [{"degree": d, "extrapolation": e} for d, e in ((2, "linear"), (3, "periodic"), (1, "continue"), (3, "error"))]
    + [{"include_bias": False, "knots": "quantile", "n_knots": 4}],
    "TfidfVectorizer": [{"analyzer": "char", "ngram_range": (1, 2)}, {"strip_accents": "unicode", "analyzer": "char_wb", "ngram_range": (3, 3)}],
}


def shifted():
    x, y, a, _ = models.counts()
    return x, y, a, None


def labels_many():
    x, y, a, _ = models.three()
    return x, np.stack([y == 0, y == 2, x[:, 1] > 5], 1).astype(int), a, None


def one_column():
    x, r = models.numbers(3)
    return x[:, :1], x[:, 0] * 2 + r.randn(len(x)), models.ask(x[:, :1], r), None


HERE_DATA = {"shifted": shifted, "labels_many": labels_many, "one_column": one_column}
DATA = ("three", "binary", "line", "lines", "positive", "shifted", "labels_many", "one_column", "codes", "texts")


def data_of(name):
    return HERE_DATA[name]() if name in HERE_DATA else getattr(models, name)()


def made(estimator, parameters, regress):
    needed = {}
    for name, parameter in inspect.signature(estimator.__init__).parameters.items():
        if name in ("self",) or parameter.default is not parameter.empty or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        source = REGRESSING if regress and name in REGRESSING else REST
        if name in source:
            needed[name] = source[name]()
    if "random_state" in inspect.signature(estimator.__init__).parameters:
        needed["random_state"] = 0
    return estimator(**{**needed, **parameters})


def fitted(name, estimator, parameters):
    """On the first kind of data that it takes: (model, what to ask, kind of data)."""
    first = [d for d in DATA if (d == "texts") == ("Vectorizer" in name and "Dict" not in name)]
    regress = "Regress" in name
    if regress:
        first = ["line"] + first
    if name in ("KNNImputer", "SimpleImputer", "MissingIndicator"):
        first = ["gaps"]
    fault = "nothing fits"
    for data in first:
        try:
            x, y, asked, _ = data_of(data)
            np.random.seed(0)
            return made(estimator, parameters, regress).fit(x, y), asked, data
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
    raise ValueError(fault.splitlines()[0])


def dense(value):
    return value.toarray() if hasattr(value, "toarray") else np.asarray(value)


def ask(model, method, asked, folder):
    """(outcome, reason): right, refused, wrong or skipped."""
    try:
        want = dense(getattr(model, method)(asked))
        if want.dtype.kind == "O" and want.ndim and not isinstance(want.flat[0], str):
            return "skipped", "an array of objects"
    except Exception as error:
        want = error
    np.save(Path(folder) / "x.npy", np.asarray(asked))
    try:
        got = predict(Path(folder) / "model", [Path(folder) / "x.npy"], method)[method]
    except Refused as refusal:
        return ("right" if isinstance(want, Exception) else "refused"), " ".join(line[7:] for line in refusal.args[1].splitlines() if line.startswith("cause"))
    if isinstance(want, Exception):
        return "wrong", f"scikit-learn refuses: {str(want)[:100]}"
    atol = 1e-12 if type(model).__name__ != "RBFSampler" else 1e-10  # cosines of angles of 1e5
    if method == "transform" and want.dtype.kind == "f":
        atol = max(atol, 1e-12 * float(np.nanmax(np.abs(want), initial=0)))
    fault = differs(got, want, 1e-6 if want.dtype == np.float32 else 1e-8, atol)
    return ("wrong", fault) if fault else ("right", "")


def work(case):
    name, estimator, parameters = case
    title = name + ("" if not parameters else f" {parameters}")
    try:
        model, asked, data = fitted(name, estimator, parameters)
    except Exception as error:
        return [(title, "", "skipped", f"{error}")]
    answers = []
    with tempfile.TemporaryDirectory() as folder:
        joblib.dump(model, Path(folder) / "model")
        for method in METHODS:
            if not hasattr(model, method):
                continue
            try:
                answers.append((title, f"{method} {data}", *ask(model, method, asked, folder)))
            except Exception as error:
                answers.append((title, f"{method} {data}", "wrong", f"{type(error).__name__}: {error}"))
            if answers[-1][2] == "refused" and len(asked) > 20:  # rows apart from the extreme ones
                outcome = ask(model, method, asked[:20], folder)
                if outcome[0] != "refused":
                    answers[-1] = (title, f"{method} {data}, 20 rows", *outcome)
    return answers


def main():
    arguments = sys.argv[1:]
    cases = [(name, estimator, parameters) for name, estimator in all_estimators() for parameters in [{}, *MORE.get(name, [])]]
    counts = dict.fromkeys(("right", "refused", "wrong", "skipped"), 0)
    with ProcessPoolExecutor(2) as pool:
        for answers in pool.map(work, wanted(cases, arguments)):
            for title, method, outcome, why in answers:
                counts[outcome] += 1
                if outcome == "wrong" or (outcome in ("refused", "skipped") and "--refused" in arguments):
                    print(f"{outcome.upper() if outcome == 'wrong' else outcome} {title}: {method}: {why}", flush=True)
    tally("scikit-learn survey", **counts)
    print(f"sklearn-survey: {counts['right']} passed, {counts['wrong']} failed")
    return int(counts["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main())
