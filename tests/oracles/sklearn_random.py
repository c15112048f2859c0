#!/usr/bin/env python3
"""Random scikit-learn estimators with random parameters on random kinds of data, beside `firn predict`.

    scripts/python tests/oracles/sklearn_random.py --cases 1000          seeds 0 to 999
    scripts/python tests/oracles/sklearn_random.py --seed 77             one, with the estimator printed
    scripts/python tests/oracles/sklearn_random.py --cases 300 Stacking  estimators whose names hold a word

What scikit-learn cannot fit or answer is skipped; what it refuses at prediction firn must not answer.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]  # sklearn.py lies beside this file

import argparse
import collections
import pickle
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
import joblib
import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")
from sklearn import (calibration, cluster, compose, decomposition, discriminant_analysis, dummy, ensemble, feature_extraction, feature_selection, impute,
                     isotonic, linear_model, model_selection, multiclass, multioutput, naive_bayes, neighbors, neural_network, pipeline, preprocessing,
                     svm, tree)

sys.path.append(HERE)
from common import Refused, differs, predict, tally
from onnx_values import outcome_of, why

np.seterr(all="ignore")
METHODS = ("predict", "predict_proba", "decision_function", "transform", "score_samples")
ROWS = 90


class Draw:
    def __init__(self, seed):
        self.random = np.random.RandomState(seed)

    def chance(self, share=0.5):
        return self.random.rand() < share

    def pick(self, *choices):
        return choices[self.random.randint(len(choices))]

    def integer(self, low, high):
        return int(self.random.randint(low, high + 1))

    def some(self, **choices):
        """Each parameter with a chance of a half: a tuple of choices."""
        return {name: self.pick(*values) for name, values in choices.items() if self.chance()}


# --- estimators ---
CLASSIFIERS, REGRESSORS, TRANSFORMERS, OTHERS = {}, {}, {}, {}


def tree_options(d, classifier):
    return d.some(max_depth=(None, 1, 3, 6), min_samples_leaf=(1, 3, 0.05), max_leaf_nodes=(None, 4, 9), min_impurity_decrease=(0.0, 0.01),
                  criterion=("gini", "entropy", "log_loss") if classifier else ("squared_error", "friedman_mse", "absolute_error"), max_features=(None, 2, 0.7, "sqrt"),
                  ccp_alpha=(0.0, 0.01), random_state=(0, 1))


def forest_options(d, classifier):
    options = {"n_estimators": d.pick(1, 3, 7), **tree_options(d, classifier)}
    return {**options, **d.some(bootstrap=(True, False), n_jobs=(None, 2), **({"class_weight": (None, "balanced")} if classifier else {}))}


C = CLASSIFIERS
C["DecisionTree"] = lambda d: tree.DecisionTreeClassifier(**tree_options(d, True), **d.some(splitter=("best", "random"), class_weight=(None, "balanced")))
C["ExtraTree"] = lambda d: tree.ExtraTreeClassifier(**tree_options(d, True))
C["RandomForest"] = lambda d: ensemble.RandomForestClassifier(**forest_options(d, True))
C["ExtraTrees"] = lambda d: ensemble.ExtraTreesClassifier(**forest_options(d, True))
C["GradientBoosting"] = lambda d: ensemble.GradientBoostingClassifier(n_estimators=d.pick(1, 5), init=d.pick(None, None, "zero", C["Dummy"](d), C["GaussianNB"](d), linear_model.LogisticRegression()), **d.some(
    max_depth=(1, 2, 4), subsample=(0.7, 1.0), learning_rate=(0.1, 1.0), loss=("log_loss", "exponential"), n_iter_no_change=(None, 2)))
C["HistGradientBoosting"] = lambda d: ensemble.HistGradientBoostingClassifier(max_iter=d.pick(1, 6), **d.some(
    max_depth=(None, 2), max_leaf_nodes=(None, 5), min_samples_leaf=(3, 20), categorical_features=(None, [0], [1, 2], "from_dtype"), max_bins=(255, 10), early_stopping=(True, False),
    class_weight=(None, "balanced"), interaction_cst=(None, "no_interactions")))
C["LogisticRegression"] = lambda d: linear_model.LogisticRegression(**d.some(C=(1.0, 0.01, 100.0), fit_intercept=(True, False), solver=("lbfgs", "liblinear", "newton-cg", "saga"), class_weight=(None, "balanced"), max_iter=(5, 500)))
C["LogisticRegressionCV"] = lambda d: linear_model.LogisticRegressionCV(Cs=2, cv=2, **d.some(refit=(True, False), solver=("lbfgs", "liblinear")))
C["Ridge"] = lambda d: linear_model.RidgeClassifier(**d.some(alpha=(0.1, 10), fit_intercept=(True, False)))
C["RidgeCV"] = lambda d: linear_model.RidgeClassifierCV(**d.some(alphas=((0.1, 1),)))
C["SGD"] = lambda d: linear_model.SGDClassifier(random_state=0, max_iter=5, **d.some(
    loss=("hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron", "squared_error", "huber"), average=(False, True, 3), fit_intercept=(True, False), penalty=("l1", "elasticnet", None)))
C["Perceptron"] = lambda d: linear_model.Perceptron(random_state=0, **d.some(penalty=("l2", None), fit_intercept=(True, False)))
C["PassiveAggressive"] = lambda d: linear_model.PassiveAggressiveClassifier(random_state=0, **d.some(average=(True, False), loss=("hinge", "squared_hinge")))
C["LinearSVC"] = lambda d: svm.LinearSVC(random_state=0, max_iter=200, **d.some(fit_intercept=(True, False), multi_class=("ovr", "crammer_singer"), loss=("hinge", "squared_hinge"), intercept_scaling=(1, 5)))
C["SVC"] = lambda d: svm.SVC(**d.some(C=(0.1, 10), kernel=("linear", "rbf", "poly", "sigmoid"), gamma=("scale", "auto", 0.1), degree=(2, 3), coef0=(0.0, 1.0), decision_function_shape=("ovo", "ovr"), break_ties=(True, False), probability=(True, False), class_weight=(None, "balanced")))
C["NuSVC"] = lambda d: svm.NuSVC(nu=0.1, **d.some(kernel=("linear", "rbf"), decision_function_shape=("ovo", "ovr"), break_ties=(True, False)))
C["GaussianNB"] = lambda d: naive_bayes.GaussianNB(**d.some(var_smoothing=(1e-9, 0.1)))
C["BernoulliNB"] = lambda d: naive_bayes.BernoulliNB(**d.some(binarize=(0.0, 0.5, None, -1.0), alpha=(1.0, 0.1, 0.0), fit_prior=(True, False), force_alpha=(True, False)))
C["MultinomialNB"] = lambda d: naive_bayes.MultinomialNB(**d.some(alpha=(1.0, 0.1), fit_prior=(True, False)))
C["ComplementNB"] = lambda d: naive_bayes.ComplementNB(**d.some(norm=(True, False), alpha=(1.0, 0.1)))
C["CategoricalNB"] = lambda d: naive_bayes.CategoricalNB(**d.some(alpha=(1.0, 0.1), fit_prior=(True, False), min_categories=(None, 9)))
C["KNeighbors"] = lambda d: neighbors.KNeighborsClassifier(**d.some(n_neighbors=(1, 2, 5), weights=("uniform", "distance"), p=(1, 2, 3), metric=("minkowski", "manhattan", "euclidean", "chebyshev"), algorithm=("brute", "kd_tree", "ball_tree")))
C["MLP"] = lambda d: neural_network.MLPClassifier(max_iter=5, random_state=0, **d.some(hidden_layer_sizes=((3,), (4, 2), ()), activation=("identity", "logistic", "tanh", "relu")))
C["LDA"] = lambda d: discriminant_analysis.LinearDiscriminantAnalysis(**d.pick({}, {"solver": "lsqr"}, {"solver": "lsqr", "shrinkage": 0.3}, {"solver": "eigen"}, {"n_components": 1}, {"priors": None}))
C["QDA"] = lambda d: discriminant_analysis.QuadraticDiscriminantAnalysis(**d.some(reg_param=(0.0, 0.2)))
C["Dummy"] = lambda d: dummy.DummyClassifier(strategy=d.pick("most_frequent", "prior", "most_frequent", "stratified"))
C["AdaBoost"] = lambda d: ensemble.AdaBoostClassifier(n_estimators=d.pick(1, 4), **d.some(learning_rate=(0.5, 1.0), estimator=(None, tree.DecisionTreeClassifier(max_depth=2), C["LogisticRegression"](d))))
C["Bagging"] = lambda d: ensemble.BaggingClassifier(d.pick(None, small(d, C), small(d, C)), n_estimators=3, random_state=0, **d.some(max_features=(0.6, 1.0), bootstrap_features=(True, False), max_samples=(0.5, 1.0), bootstrap=(True, False)))
C["Voting"] = lambda d: ensemble.VotingClassifier([("a", small(d, C)), ("b", small(d, C)), ("c", d.pick("drop", small(d, C)))], **d.some(voting=("hard", "soft"), weights=(None, [1, 2, 0.5]), flatten_transform=(True, False)))
C["Stacking"] = lambda d: ensemble.StackingClassifier([("a", small(d, C)), ("b", small(d, C)), *([("c", "drop")] if d.chance(0.2) else [])], cv=2, **d.some(passthrough=(True, False), stack_method=("auto", "predict", "predict_proba"), final_estimator=(None, small(d, C))))
C["Calibrated"] = lambda d: calibration.CalibratedClassifierCV(small(d, C), cv=2, **d.some(method=("sigmoid", "isotonic"), ensemble=(True, False)))
C["OneVsRest"] = lambda d: multiclass.OneVsRestClassifier(small(d, C))
C["OneVsOne"] = lambda d: multiclass.OneVsOneClassifier(small(d, C))
C["OutputCode"] = lambda d: multiclass.OutputCodeClassifier(small(d, C), random_state=0)
C["GridSearch"] = lambda d: model_selection.GridSearchCV(small(d, C), {}, cv=2)
C["Tuned"] = lambda d: model_selection.TunedThresholdClassifierCV(small(d, C), cv=2, **d.some(scoring=("accuracy", "f1", "balanced_accuracy"), response_method=("auto", "predict_proba"), refit=(True,)))
C["Fixed"] = lambda d: model_selection.FixedThresholdClassifier(small(d, C), **d.some(threshold=("auto", 0.3, 0.0), response_method=("auto", "decision_function", "predict_proba")))
C["SelfTraining"] = None
C["NearestCentroid"] = lambda d: neighbors.NearestCentroid()
del C["SelfTraining"]

R = REGRESSORS
R["DecisionTree"] = lambda d: tree.DecisionTreeRegressor(**tree_options(d, False), **d.some(splitter=("best", "random")))
R["ExtraTree"] = lambda d: tree.ExtraTreeRegressor(**tree_options(d, False))
R["RandomForest"] = lambda d: ensemble.RandomForestRegressor(**forest_options(d, False))
R["ExtraTrees"] = lambda d: ensemble.ExtraTreesRegressor(**forest_options(d, False))
R["GradientBoosting"] = lambda d: ensemble.GradientBoostingRegressor(n_estimators=d.pick(1, 5), init=d.pick(None, None, "zero", linear_model.Ridge(), tree.DecisionTreeRegressor(max_depth=2)), **d.some(
    loss=("squared_error", "absolute_error", "huber", "quantile"), max_depth=(1, 3), alpha=(0.3, 0.9), subsample=(0.6, 1.0)))
R["HistGradientBoosting"] = lambda d: ensemble.HistGradientBoostingRegressor(max_iter=d.pick(1, 6), **d.some(
    loss=("squared_error", "absolute_error", "quantile", "poisson", "gamma"), quantile=(0.3, 0.7), categorical_features=(None, [0], [1, 2]), max_depth=(None, 2), monotonic_cst=(None, {0: 1}), min_samples_leaf=(3, 20)))
for name in ("LinearRegression", "Ridge", "RidgeCV", "Lasso", "ElasticNet", "Lars", "LassoLars", "OrthogonalMatchingPursuit", "BayesianRidge", "ARDRegression", "HuberRegressor", "LassoCV", "LarsCV",
             "LassoLarsIC", "MultiTaskLasso", "MultiTaskElasticNet"):
    R[name] = lambda d, kind=getattr(linear_model, name): kind(**({} if "positive" not in kind().get_params() else d.some(positive=(True, False))), **({"fit_intercept": d.chance()} if "fit_intercept" in kind().get_params() else {}))
R["SGD"] = lambda d: linear_model.SGDRegressor(random_state=0, max_iter=5, **d.some(average=(True, False), loss=("huber", "epsilon_insensitive")))
R["Theil"] = lambda d: linear_model.TheilSenRegressor(random_state=0, max_subpopulation=50)
R["RANSAC"] = lambda d: linear_model.RANSACRegressor(random_state=0, **d.some(estimator=(None, linear_model.Ridge(), tree.DecisionTreeRegressor(max_depth=2)), min_samples=(20,)))
R["Quantile"] = lambda d: linear_model.QuantileRegressor(alpha=0.01, **d.some(quantile=(0.3,), fit_intercept=(False,)))
R["Poisson"] = lambda d: linear_model.PoissonRegressor(**d.some(fit_intercept=(True, False)))
R["Gamma"] = lambda d: linear_model.GammaRegressor(**d.some(fit_intercept=(True, False)))
R["Tweedie"] = lambda d: linear_model.TweedieRegressor(**d.some(power=(0, 1, 1.5, 2, 3), link=("auto", "log", "identity")))
R["LinearSVR"] = lambda d: svm.LinearSVR(random_state=0, **d.some(fit_intercept=(True, False)))
R["SVR"] = lambda d: svm.SVR(**d.some(kernel=("linear", "rbf", "poly", "sigmoid"), gamma=("scale", "auto", 0.1), degree=(2, 3), coef0=(0.0, 1.0)))
R["NuSVR"] = lambda d: svm.NuSVR(**d.some(kernel=("linear", "rbf")))
R["KNeighbors"] = lambda d: neighbors.KNeighborsRegressor(**d.some(n_neighbors=(1, 2, 5), weights=("uniform", "distance"), p=(1, 2, 3), algorithm=("brute", "kd_tree")))
R["MLP"] = lambda d: neural_network.MLPRegressor(max_iter=5, random_state=0, **d.some(hidden_layer_sizes=((3,), (4, 2), ()), activation=("identity", "logistic", "tanh", "relu"), loss=("squared_error", "poisson")))
R["Dummy"] = lambda d: dummy.DummyRegressor(**d.pick({}, {"strategy": "median"}, {"strategy": "quantile", "quantile": 0.3}, {"strategy": "constant", "constant": 4.5}))
R["AdaBoost"] = lambda d: ensemble.AdaBoostRegressor(n_estimators=d.pick(1, 5), random_state=0, **d.some(loss=("linear", "square"), estimator=(None, linear_model.LinearRegression())))
R["Bagging"] = lambda d: ensemble.BaggingRegressor(d.pick(None, small(d, R)), n_estimators=3, random_state=0, **d.some(max_features=(0.6, 1.0), bootstrap_features=(True, False)))
R["Voting"] = lambda d: ensemble.VotingRegressor([("a", small(d, R)), ("b", small(d, R)), *([("c", "drop")] if d.chance(0.3) else [])], **({"weights": [2, 1, 1][: 2]} if False else {}))
R["Stacking"] = lambda d: ensemble.StackingRegressor([("a", small(d, R)), ("b", small(d, R))], cv=2, **d.some(passthrough=(True, False), final_estimator=(None, small(d, R))))
R["Transformed"] = lambda d: compose.TransformedTargetRegressor(small(d, R), **d.pick({}, {"func": np.log1p, "inverse_func": np.expm1}, {"transformer": preprocessing.StandardScaler()}, {"transformer": preprocessing.PowerTransformer()}, {"func": np.sqrt, "inverse_func": np.square, "check_inverse": False}))
R["Isotonic"] = lambda d: pipeline.make_pipeline(preprocessing.FunctionTransformer(), isotonic.IsotonicRegression())
R["MultiOutput"] = lambda d: multioutput.MultiOutputRegressor(small(d, R))
R["Chain"] = lambda d: multioutput.RegressorChain(small(d, R), **d.some(order=(None, [1, 0])))
R["PLS"] = None
del R["PLS"]

T = TRANSFORMERS
T["StandardScaler"] = lambda d: preprocessing.StandardScaler(**d.some(with_mean=(True, False), with_std=(True, False)))
T["MinMaxScaler"] = lambda d: preprocessing.MinMaxScaler(**d.some(feature_range=((0, 1), (-3, 2)), clip=(True, False)))
T["MaxAbsScaler"] = lambda d: preprocessing.MaxAbsScaler()
T["RobustScaler"] = lambda d: preprocessing.RobustScaler(**d.some(with_centering=(True, False), with_scaling=(True, False), quantile_range=((25, 75), (5, 60)), unit_variance=(True, False)))
T["Normalizer"] = lambda d: preprocessing.Normalizer(d.pick("l1", "l2", "max"))
T["Binarizer"] = lambda d: preprocessing.Binarizer(threshold=d.pick(0.0, 0.5, -1))
T["Polynomial"] = lambda d: preprocessing.PolynomialFeatures(**d.some(degree=(0, 1, 2, 3, (1, 2), (2, 3)), interaction_only=(True, False), include_bias=(True, False), order=("C", "F")))
T["Power"] = lambda d: preprocessing.PowerTransformer(**d.some(method=("yeo-johnson",), standardize=(True, False)))
T["Quantile"] = lambda d: preprocessing.QuantileTransformer(n_quantiles=10)
T["KBins"] = lambda d: preprocessing.KBinsDiscretizer(**d.some(n_bins=(2, 4), encode=("onehot", "onehot-dense", "ordinal"), strategy=("uniform", "quantile", "kmeans")))
T["Spline"] = lambda d: preprocessing.SplineTransformer(**d.some(n_knots=(3, 5), degree=(1, 2, 3), extrapolation=("constant", "linear", "continue", "periodic", "error"), knots=("uniform", "quantile"), include_bias=(True, False)))
T["OneHot"] = lambda d: preprocessing.OneHotEncoder(**d.some(drop=(None, "first", "if_binary"), handle_unknown=("error", "ignore", "infrequent_if_exist", "warn"), min_frequency=(None, 3, 0.1), max_categories=(None, 3), sparse_output=(True, False), dtype=(np.float64, np.float32, np.int64)))
T["Ordinal"] = lambda d: preprocessing.OrdinalEncoder(**d.pick({}, {"handle_unknown": "use_encoded_value", "unknown_value": -1}, {"handle_unknown": "use_encoded_value", "unknown_value": np.nan}, {"min_frequency": 3}, {"max_categories": 3, "handle_unknown": "use_encoded_value", "unknown_value": -1}, {"encoded_missing_value": -9}))
T["Target"] = lambda d: preprocessing.TargetEncoder(cv=2, **d.some(smooth=("auto", 5.0, 0.0)))
T["SimpleImputer"] = lambda d: impute.SimpleImputer(**d.some(strategy=("mean", "median", "most_frequent", "constant"), add_indicator=(True, False), keep_empty_features=(True, False), fill_value=(None, 7)))
T["MissingIndicator"] = lambda d: impute.MissingIndicator(**d.some(features=("all", "missing-only"), error_on_new=(True, False)))
T["KNNImputer"] = lambda d: impute.KNNImputer(n_neighbors=2)
T["PCA"] = lambda d: decomposition.PCA(**d.some(n_components=(1, 2, 0.9, None), whiten=(True, False), svd_solver=("full", "randomized", "covariance_eigh")))
T["IncrementalPCA"] = lambda d: decomposition.IncrementalPCA(2, **d.some(whiten=(True, False)))
T["TruncatedSVD"] = lambda d: decomposition.TruncatedSVD(2, random_state=0)
T["Function"] = lambda d: preprocessing.FunctionTransformer(d.pick(None, np.abs, np.exp, np.sin, np.floor, np.sign, np.square, np.negative, np.log1p), **d.some(validate=(True, False)))
T["Variance"] = lambda d: feature_selection.VarianceThreshold(d.pick(0.0, 0.5))
T["KBest"] = lambda d: feature_selection.SelectKBest(feature_selection.f_classif, k=d.pick(1, 2, "all", 3))
T["Percentile"] = lambda d: feature_selection.SelectPercentile(feature_selection.f_classif, percentile=d.pick(10, 40, 100, 60))
T["Fpr"] = lambda d: feature_selection.SelectFpr(**d.some(alpha=(0.5, 0.9, 1e-4)))
T["Fdr"] = lambda d: feature_selection.SelectFdr(**d.some(alpha=(0.5, 0.9, 1e-4)))
T["Fwe"] = lambda d: feature_selection.SelectFwe(**d.some(alpha=(0.5, 0.9, 1e-4)))
T["FromModel"] = lambda d: feature_selection.SelectFromModel(
    d.pick(tree.DecisionTreeClassifier(random_state=0), C["RandomForest"](d), C["ExtraTrees"](d), ensemble.GradientBoostingClassifier(n_estimators=4), C["LogisticRegression"](d), C["LinearSVC"](d),
           linear_model.LogisticRegression(penalty="l1", solver="liblinear"), C["Ridge"](d)),
    **d.some(threshold=("median", "mean", "0.5*mean", "1.25 * median", 0.1, -np.inf), max_features=(1, 2), norm_order=(1, 2, np.inf)))
T["RFE"] = lambda d: feature_selection.RFE(tree.DecisionTreeClassifier(random_state=0), n_features_to_select=d.pick(1, 2, None))
T["Sequential"] = lambda d: feature_selection.SequentialFeatureSelector(tree.DecisionTreeClassifier(random_state=0, max_depth=2), n_features_to_select=2, cv=2)
T["KMeans"] = lambda d: cluster.KMeans(d.pick(2, 4), n_init=1, random_state=0)
T["MiniBatchKMeans"] = lambda d: cluster.MiniBatchKMeans(3, n_init=1, random_state=0)
T["LDA"] = C["LDA"]
T["Union"] = lambda d: pipeline.FeatureUnion([("a", plain(d)), ("b", d.pick("passthrough", "drop", plain(d))), ("c", plain(d))], **d.some(transformer_weights=(None, {"a": 2.0}, {"c": -0.5, "a": 3})))
T["Columns"] = lambda d: compose.ColumnTransformer([("a", plain(d), d.pick([0], [1, 0], slice(0, 2), [True, False, True, False], [-1], slice(-2, None), slice(None, None, 2), np.array([2, 1]))),
                                                    ("b", d.pick("passthrough", "drop", plain(d)), d.pick([2], [3], [0], [], 1 if False else [1]))], **d.some(remainder=("drop", "passthrough", preprocessing.StandardScaler()), sparse_threshold=(0, 1.0), transformer_weights=(None, {"a": 2.5}), verbose_feature_names_out=(True, False)))
T["Embedding"] = None
del T["Embedding"]

OTHERS["IsolationForest"] = lambda d: ensemble.IsolationForest(n_estimators=5, random_state=0, **d.some(max_samples=(20, 1.0), contamination=("auto", 0.2), max_features=(0.6, 1.0), bootstrap=(True, False)))
OTHERS["OneClassSVM"] = lambda d: svm.OneClassSVM(**d.some(kernel=("rbf", "linear", "poly"), nu=(0.1, 0.5), gamma=("scale", "auto")))
OTHERS["SGDOneClass"] = lambda d: linear_model.SGDOneClassSVM(random_state=0)
OTHERS["LOF"] = lambda d: neighbors.LocalOutlierFactor(novelty=True)
OTHERS["Elliptic"] = None
del OTHERS["Elliptic"]

SMALL_C = ("DecisionTree", "LogisticRegression", "GaussianNB", "Ridge", "SGD", "KNeighbors", "RandomForest", "LinearSVC", "SVC", "Dummy", "BernoulliNB", "HistGradientBoosting", "GradientBoosting", "LDA", "MLP", "AdaBoost", "NuSVC")
SMALL_R = ("DecisionTree", "LinearRegression", "Ridge", "Lasso", "KNeighbors", "RandomForest", "SVR", "Dummy", "HistGradientBoosting", "GradientBoosting", "MLP", "AdaBoost", "HuberRegressor")
PLAIN = ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "Normalizer", "Binarizer", "Polynomial", "Power", "KBins", "SimpleImputer", "PCA", "Function", "Variance", "KBest", "Percentile", "FromModel", "RFE", "KMeans", "TruncatedSVD")


def small(d, kinds):
    made = kinds[d.pick(*(SMALL_C if kinds is C else SMALL_R))](d)
    return pipeline.make_pipeline(plain(d), made) if d.chance(0.15) else made


def plain(d):
    return T[d.pick(*PLAIN)](d)


# --- data ---
def table(d):
    """-> (X, rows to ask) as arrays of float64, four columns."""
    kind = d.pick("normal", "normal", "whole", "whole", "positive", "few", "constant", "gaps", "zeros")
    r = d.random
    x = r.randn(ROWS, 4) * [1, 10, 0.1, 3] + [0, 5, 0, -20]
    asked = np.vstack([x[:12], (x[:6] + x[6:12]) / 2, r.randn(12, 4) * 3, np.zeros((1, 4)), np.full((1, 4), 1e5), -np.full((1, 4), 7.5)])
    if kind in ("whole", "few", "zeros"):
        high = 5 if kind == "whole" else 3
        x, asked = r.randint(-high, high + 1, x.shape).astype(float), r.randint(-high - 1, high + 2, asked.shape).astype(float)
        if kind == "zeros":
            x[r.rand(*x.shape) < 0.6] = 0
    if kind in ("positive", "few"):
        x, asked = np.abs(x), np.abs(asked)
    if kind == "constant":
        x[:, d.integer(0, 3)] = 2.5
    if kind == "gaps":
        x[r.rand(*x.shape) < 0.1], asked[r.rand(*asked.shape) < 0.15] = np.nan, np.nan
        if d.chance(0.3):
            x[:, 2] = np.abs(np.nan_to_num(x[:, 2]))
    return kind, x, asked


def labels(d, x):
    score = np.nan_to_num(x) @ [1, 0.1, 3, 0.2] + 0.3 * d.random.randn(len(x))
    names = d.pick((0, 1), (0, 1), (-1, 1), (1, 2), ("no", "yes"), (False, True), (0.0, 1.0), (0, 1, 2), (0, 1, 2), (3, 7, 11), ("a", "bb", "c", "Ö"), (0.0, 2.0, 5.0), (-2, -1, 0, 5), (2**40, 2**41, 5))
    cuts = np.quantile(score, np.linspace(0, 1, len(names) + 1)[1:-1])
    y = np.array(names)[np.digitize(score, cuts)]
    if y.dtype.kind == "i" and d.chance(0.2):
        y = y.astype(d.pick(np.int32, np.int8, np.int64)) if np.abs(y).max() < 100 else y
    if y.dtype.kind == "U" and d.chance():
        y = y.astype(object)
    return y


def targets(d, x):
    y = np.nan_to_num(x) @ [1, -0.5, 3, 0.1] + 0.1 * d.random.randn(len(x))
    if d.chance(0.3):
        y = np.exp(0.2 * np.clip(y, -9, 9))
    elif d.chance(0.2):
        y = np.round(np.abs(y))
    return np.stack([y, y[::-1] * 2 + 1], 1) if d.chance(0.15) else y


def thresholds(model, found):
    """Those of the trees inside: [(feature, value)]."""
    inner = getattr(model, "tree_", None)
    if inner is not None and hasattr(inner, "threshold"):
        found += [(f, t) for f, t in zip(inner.feature, inner.threshold) if f >= 0][:4]
    for name in ("estimators_", "estimator_", "steps"):
        inside = getattr(model, name, None)
        for item in np.ravel(np.array(inside, object))[:4] if inside is not None else ():
            if hasattr(item, "get_params"):
                thresholds(item, found)
    return found


def make(seed, word):
    d = Draw(seed)
    family, kinds = d.pick(("C", C), ("C", C), ("R", R), ("T", T), ("T", T), ("O", OTHERS))
    names = [n for n in kinds if not word or word.lower() in n.lower()]
    if not names:
        return None
    name = d.pick(*names)
    estimator = kinds[name](d)
    if family in "CR" and d.chance(0.3):
        steps = [plain(d) for _ in range(d.integer(1, 2))]
        estimator = pipeline.Pipeline([*((f"s{i}", d.pick(s, s, s, "passthrough", None)) for i, s in enumerate(steps)), ("last", estimator)])
    kind, x, asked = table(d)
    if family == "R":
        y = targets(d, x)
    elif family == "T" and d.chance(0.3):
        y = (np.nan_to_num(x[:, 0]) > 0).astype(int)
    else:
        y = labels(d, x)
    options = {"how": d.pick("joblib", "pickle2", "pickle4", "pickle5"), "fit32": d.chance(0.15), "frame": d.chance(0.25), "ask": d.pick("float64", "float64", "float32", "int64"), "names": ["b", "a", "d", "c"], "pandas": d.chance(0.1)}
    return name, family, estimator, kind, x, y, asked, options


def work(job):
    """-> (estimator, outcome, sentence) each"""
    seed, word, speak = job
    try:
        made = make(seed, word)
        if made is None:
            return [("", "skipped", "")]
        name, family, estimator, kind, x, y, asked, options = made
        np.random.seed(0)
        to_fit = x.astype(np.float32) if options["fit32"] else x
        if options["frame"]:
            to_fit = pd.DataFrame(to_fit, columns=options["names"])
        if options["pandas"] and hasattr(estimator, "set_output") and options["frame"]:
            try:
                estimator.set_output(transform="pandas")
            except Exception:
                pass
        model = estimator.fit(to_fit, y)
    except Exception as error:
        if speak:
            print(type(error).__name__, error)
        return [("", "skipped", "")]
    label = f"seed {seed} {family} {str(estimator)!r} on {kind} {options}".replace("\\n", " ")
    label = " ".join(label.split())
    if speak:
        print(label)
    found = thresholds(model, [])
    if found and not np.isnan(asked).any():
        extra = np.repeat(asked[:1], 2 * len(found), 0)
        for i, (f, t) in enumerate(found):
            if f < 4:
                extra[2 * i, f], extra[2 * i + 1, f] = t, np.nextafter(np.float32(t), np.float32(np.inf))
        asked = np.vstack([asked, extra])
    if options["ask"] == "int64" and not np.isnan(asked).any() and kind in ("whole", "few", "zeros"):
        asked = asked.astype(np.int64)
    elif options["ask"] == "float32":
        asked = asked.astype(np.float32)
    return [(name, *check(model, method, asked, options, seed, label, speak)) for method in METHODS if has(model, method)]


def has(model, method):
    try:
        return hasattr(model, method)
    except Exception:
        return False


def check(model, method, asked, options, seed, label, speak):
    frame = options["frame"]
    question = pd.DataFrame(asked, columns=options["names"]) if frame else asked
    try:
        want = getattr(model, method)(question)
        refused = None
    except Exception as error:
        want, refused = None, f"{type(error).__name__}: {error}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        if options["how"] == "joblib":
            joblib.dump(model, path)
        else:
            path.write_bytes(pickle.dumps(model, int(options["how"][6:])))
        if frame:
            file = Path(folder) / "x.csv"
            question.to_csv(file, index=False, float_format="%.17g")
        else:
            file = Path(folder) / "x.npy"
            np.save(file, asked)
        try:
            got = predict(path, [file], method)[method]
        except Refused as refusal:
            outcome, sentence = outcome_of(refusal)
            if refused or outcome == "refused" or refusal.args[0] == 3:  # no such signature
                return "refused" if not refused else "agreed", why(sentence)
            return "wrong", f"{label} {method}: {sentence}"
        except Exception as error:
            return "wrong", f"{label} {method}: {type(error).__name__}: {error}"
    if speak:
        print(method, "firn", got[:9].tolist(), "scikit-learn", want if want is None else np.asarray(want[:9].toarray() if hasattr(want, "toarray") else want[:9]).tolist(), refused)
    if refused:
        return "answers", f"{label} {method}: scikit-learn refuses: {refused[:150]}"
    want = want.toarray() if hasattr(want, "toarray") else np.asarray(want)
    if want.dtype == object:
        try:
            want = want.astype(float)
        except Exception:
            want = want.astype(str).astype(object)
    loose = options["fit32"] or asked.dtype == np.float32
    atol = 1e-5 if loose else 1e-9
    if want.dtype.kind == "f" and want.size:
        finite = np.abs(want[np.isfinite(want)])
        atol *= 1 + (float(finite.max()) if finite.size else 0)
        if got.dtype.kind in "iu" or got.dtype.kind == "b":
            got = got.astype(float)
    elif got.dtype.kind == "f" and want.dtype.kind in "iub":
        want = want.astype(float)
    sentence = differs(got, want, 1e-4 if loose else 1e-7, atol)
    return ("wrong", f"{label} {method}: {sentence}") if sentence else ("right", "")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("word", nargs="?", default="")
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.seed is not None:
        for result in work((arguments.seed, arguments.word, True)):
            print(*result)
        return 0
    jobs = [(s, arguments.word, False) for s in range(arguments.first, arguments.first + arguments.cases)]
    count, refused = collections.Counter(), collections.Counter()
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for results in pool.map(work, jobs, chunksize=4):
            for name, outcome, sentence in results:
                count[outcome] += 1
                if outcome in ("wrong", "answers"):
                    print(f"{'FAILED' if outcome == 'wrong' else 'ANSWERS'} {name}: {sentence}", flush=True)
                if outcome == "refused":
                    refused[f"{name}: {sentence}"] += 1
    for sentence, number in refused.most_common(60):
        print(f"refused {number} {sentence}")
    tally("random estimators", count["right"] + count["agreed"], count["refused"], count["wrong"], count["skipped"])
    print(f"sklearn-random: {count['right'] + count['agreed']} passed, {count['wrong']} failed")
    return int(count["wrong"] > 0 or not count["right"])


if __name__ == "__main__":
    sys.exit(main())
