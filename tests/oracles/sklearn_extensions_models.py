"""Models of packages that extend scikit-learn: (name, function that gives the fitted model and the parts to ask, options)."""

import importlib
import itertools

import numpy as np
import pandas as pd

CASES, MISSING = [], {}


def package(name):
    """The module, or None and a line in MISSING."""
    try:
        return importlib.import_module(name)
    except Exception as error:  # not there, or of no use beside the others
        MISSING[name] = str(error).splitlines()[0]
        return None


def case(name, make, **options):
    CASES.append((name, make, options))


def people(missing=False, rows=200, seed=0):
    """A table of text, whole and real numbers, and a target of 0 and 1."""
    r = np.random.RandomState(seed)
    x = pd.DataFrame({"job": r.choice(["clerk", "farmer", "cook", "smith"], rows, p=[0.4, 0.3, 0.25, 0.05]), "age": r.randint(18, 70, rows),
                      "town": r.choice(["Ulm", "Köln", "Bonn"], rows), "size": r.choice([1, 2, 5], rows), "pay": r.normal(10, 3, rows)})
    x = x.astype({"job": object, "town": object})
    if missing:
        x.loc[r.rand(rows) < 0.1, "job"] = np.nan
        x.loc[r.rand(rows) < 0.1, "pay"] = np.nan
    y = pd.Series((r.rand(rows) < np.where(x["town"] == "Ulm", 0.7, 0.3)).astype(int))
    return x, y


def strange(x):
    """Rows with a category that nobody has seen, and one that is missing."""
    unknown, missing = x.iloc[:6].copy(), x.iloc[:6].copy()
    unknown.loc[unknown.index[2], "job"] = "pilot"
    missing.loc[missing.index[3], "job"] = np.nan
    return [unknown, missing]


# --- category_encoders ---

ce = package("category_encoders")


def encoder(name, missing, options):
    def make():
        x, y = people(missing)
        return getattr(ce, name)(cols=["job", "town", "size"], **options).fit(x, y), [x, *strange(x)]

    return make


UNSUPERVISED = {"OrdinalEncoder": [{}], "OneHotEncoder": [{}, {"use_cat_names": True}], "BaseNEncoder": [{"base": 2}, {"base": 3, "drop_invariant": True}],
                "BinaryEncoder": [{}], "GrayEncoder": [{}], "SumEncoder": [{}], "HelmertEncoder": [{}], "PolynomialEncoder": [{}],
                "BackwardDifferenceEncoder": [{}]}
SUPERVISED = {"TargetEncoder": [{}, {"smoothing": 2.0, "min_samples_leaf": 5}], "WOEEncoder": [{}], "MEstimateEncoder": [{"m": 3.0}],
              "JamesSteinEncoder": [{"model": "independent"}, {"model": "pooled"}], "LeaveOneOutEncoder": [{}], "CatBoostEncoder": [{}, {"a": 0.5}]}
COUNTS = [{}, {"normalize": True}, {"min_group_size": 15}, {"normalize": True, "min_group_size": 0.1}, {"handle_unknown": 7}, {"min_group_size": 15, "min_group_name": "few"},
          {"handle_unknown": {"job": 3, "town": "error"}}]

if ce:
    for name, variants in {**UNSUPERVISED, **SUPERVISED}.items():
        for options, missing in itertools.product(variants, (False, True)):
            for how in itertools.product(("value", "return_nan", "error"), repeat=2):
                if not (missing and how[1] == "error"):
                    case(f"{name} {options} {'gaps ' if missing else ''}{'/'.join(how)}", encoder(name, missing, {**options, "handle_unknown": how[0], "handle_missing": how[1]}))
    for handling in ({"handle_unknown": "indicator"}, {"handle_missing": "indicator"}, {"handle_missing": "ignore"}):
        case(f"OneHotEncoder {handling}", encoder("OneHotEncoder", False, handling))
    for options, missing in itertools.product(COUNTS, (False, True)):
        for how in ({}, {"handle_missing": "return_nan"}, {"handle_unknown": "error"}, {"handle_unknown": "return_nan"}):
            case(f"CountEncoder {options} {'gaps ' if missing else ''}{how}", encoder("CountEncoder", missing, {**how, **options}))


# --- sklearn2pmml: with statsmodels below it ---

pmml = package("sklearn2pmml")
sm = package("statsmodels.api")


def numbers(classes=0, rows=150, seed=1):
    r = np.random.RandomState(seed)
    x = pd.DataFrame(r.normal(size=(rows, 4)), columns=["a", "b", "c", "d"])
    eta = x.to_numpy() @ [0.5, -0.3, 0.8, 0.1] + r.normal(0, 0.5, rows)
    return x, pd.Series(eta if not classes else np.digitize(eta, np.quantile(eta, np.linspace(0, 1, classes + 1)[1:-1])))


def regression(model, target=lambda y: y, intercept=True, **options):
    def make():
        from sklearn2pmml.statsmodels import StatsModelsRegressor

        x, y = numbers()
        given = options.pop("family_of", None)
        init = {"family": given()} if given else {}
        return StatsModelsRegressor(model, fit_intercept=intercept, **init, **options).fit(x.to_numpy(), target(y.to_numpy())), [x.to_numpy()[:20], x.to_numpy()[:1]]

    return make


def classification(model, classes, **options):
    def make():
        from sklearn2pmml.statsmodels import StatsModelsClassifier

        x, y = numbers(classes)
        given = options.pop("family_of", None)
        init = {"family": given()} if given else {}
        return StatsModelsClassifier(model, **init, **options).fit(x.to_numpy(), y.to_numpy()), [x.to_numpy()[:20]]

    return make


def results(name, target):
    def make():
        x, y = numbers()
        x = sm.add_constant(x.to_numpy())
        return getattr(sm, name)(target(y.to_numpy()).astype(float), x).fit(), [x[:20]]

    return make


def ordinal(distribution, classes):
    def make():
        from sklearn2pmml.statsmodels import StatsModelsOrdinalClassifier
        from statsmodels.miscmodels.ordinal_model import OrderedModel

        x, y = numbers(classes)
        labels = pd.Series(pd.Categorical([f"level {v}" for v in y], categories=[f"level {v}" for v in range(classes)], ordered=True))
        return StatsModelsOrdinalClassifier(OrderedModel, distr=distribution).fit(x.to_numpy(), labels, method="bfgs", disp=0), [x.to_numpy()[:20]]

    return make


if pmml and sm:
    for name, target in (("OLS", lambda y: y), ("Logit", lambda y: y > 0), ("Probit", lambda y: y > 0), ("Poisson", np.exp), ("NegativeBinomial", lambda y: np.floor(np.exp(y))),
                         ("GLM", lambda y: y), ("MNLogit", lambda y: np.digitize(y, [-0.5, 0.5])), ("RLM", lambda y: y)):
        case(f"statsmodels {name} results", results(name, target), methods=["predict"])
    positive = lambda y: np.exp(y)  # noqa: E731
    counts = lambda y: np.floor(np.exp(y))  # noqa: E731
    below = lambda y: 1 / (1 + np.exp(-y))  # noqa: E731
    F, L = sm.families, sm.families.links
    for name in ("OLS", "WLS", "GLS", "QuantReg", "RLM"):
        case(f"statsmodels {name}", regression(getattr(sm, name)))
    case("statsmodels OLS without intercept", regression(sm.OLS, intercept=False))
    case("statsmodels Poisson", regression(sm.Poisson, counts))
    case("statsmodels NegativeBinomial", regression(sm.NegativeBinomial, counts))
    for family, link, target in ((F.Gaussian, L.Identity, lambda y: y), (F.Gaussian, L.Log, positive), (F.Poisson, L.Log, counts), (F.Poisson, L.Sqrt, counts),
                                 (F.Gamma, L.Log, positive), (F.Gamma, L.InversePower, lambda y: 1 / (10 + y)), (F.InverseGaussian, L.Log, positive),
                                 (F.Tweedie, L.Log, positive), (F.NegativeBinomial, L.Log, counts), (F.Binomial, L.CLogLog, below), (F.Binomial, L.LogLog, below),
                                 (F.Binomial, L.Cauchy, below), (F.Binomial, L.Probit, below)):
        case(f"statsmodels GLM {family.__name__} {link.__name__}", regression(sm.GLM, target, family_of=lambda family=family, link=link: family(link())))
    case("statsmodels GLM Binomial", classification(sm.GLM, 2, family_of=F.Binomial))
    case("statsmodels Logit", classification(sm.Logit, 2))
    case("statsmodels Probit", classification(sm.Probit, 2))
    case("statsmodels MNLogit", classification(sm.MNLogit, 4))
    for distribution, classes in itertools.product(("logit", "probit"), (2, 3, 5)):
        case(f"statsmodels OrderedModel {distribution} {classes}", ordinal(distribution, classes))


# --- sklearn2pmml's own ---


def leaves(name, gbdt, linear, classes):
    def make():
        from sklearn2pmml import ensemble

        x, y = numbers(classes)
        return getattr(ensemble, name)(gbdt, linear).fit(x.to_numpy(), y.to_numpy()), [x.to_numpy()[:20]]

    return make


def mlp(layer):
    def make():
        from sklearn.neural_network import MLPRegressor
        from sklearn2pmml.neural_network import MLPTransformer

        x, _ = numbers()
        return MLPTransformer(MLPRegressor(hidden_layer_sizes=(7, 5), activation="tanh", max_iter=50, random_state=0), layer).fit(x.to_numpy()), [x.to_numpy()[:20]]

    return make


def chosen(name, steps, classes, **options):
    def make():
        from sklearn2pmml import ensemble

        x, y = numbers(classes)
        return getattr(ensemble, name)(steps(), **options).fit(x.to_numpy(), y.to_numpy()), [x.to_numpy()[:30], x.to_numpy()[:1]]

    return make


def linked(function):
    def make():
        from sklearn.linear_model import LinearRegression
        from sklearn.tree import DecisionTreeRegressor
        from sklearn2pmml.ensemble import EstimatorChain, Link

        x, y = numbers()
        return (EstimatorChain([("one", Link(DecisionTreeRegressor(max_depth=3, random_state=0), [function]), "True"), ("two", LinearRegression(), "True")])
                .fit(x.to_numpy(), np.stack([y, -y + x["a"]], 1)), [x.to_numpy()[:20]])

    return make


if pmml:
    from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    case("GBDTLM GradientBoosting", leaves("GBDTLMRegressor", GradientBoostingRegressor(n_estimators=9, random_state=0), LinearRegression(), 0))
    case("GBDTLM ExtraTrees", leaves("GBDTLMRegressor", ExtraTreesRegressor(n_estimators=5, max_depth=3, random_state=0), LinearRegression(), 0))
    case("GBDTLR GradientBoosting", leaves("GBDTLRClassifier", GradientBoostingClassifier(n_estimators=9, random_state=0), LogisticRegression(), 2))
    case("GBDTLR forest", leaves("GBDTLRClassifier", RandomForestClassifier(n_estimators=5, max_depth=3, random_state=0), LogisticRegression(), 3))
    for layer in (-1, 1, 2):
        case(f"MLPTransformer {layer}", mlp(layer))
    case("SelectFirstRegressor", chosen("SelectFirstRegressor", lambda: [("a", LinearRegression(), "X[0] > 0.5"), ("b", DecisionTreeRegressor(max_depth=3, random_state=0), "X[1] <= 0 and X[0] < 0"),
                                                                         ("c", LinearRegression(), "True")], 0))
    case("SelectFirstRegressor, not all", chosen("SelectFirstRegressor", lambda: [("a", LinearRegression(), "X[0] > 0"), ("b", DecisionTreeRegressor(max_depth=3, random_state=0), "X[0] <= 0")], 0))
    case("SelectFirstClassifier", chosen("SelectFirstClassifier", lambda: [("a", DecisionTreeClassifier(max_depth=3, random_state=0), "X[2] > 0"), ("b", LogisticRegression(), "True")], 2))
    case("EstimatorChain, one answer", chosen("EstimatorChain", lambda: [("a", LinearRegression(), "True"), ("b", DecisionTreeRegressor(max_depth=3, random_state=0), "X[0] > 0")], 0, multioutput=False), methods=["predict"])
    for function in ("predict", "apply"):
        case(f"EstimatorChain, {function} linked", linked(function), methods=["predict"])


POSITIVE = "def positive(a, b):\n    # one of the two\n    if a > 0:\n        return b\n    elif a < -1 and b < 0:\n        return 0.25\n    else:\n        if b > 0:\n            return scaled(a)\n        return 0.125\n"
SCALED = "def scaled(a):\n\treturn (a - 0.5) / 2\n"


def expressed(name, classes, *arguments):
    def make():
        from sklearn2pmml import expression
        from sklearn2pmml.util import Expression

        given = [{k: Expression(*v) for k, v in a.items()} if isinstance(a, dict) else Expression(*a) if isinstance(a, tuple) else a for a in arguments]
        x, y = numbers(classes)
        return getattr(expression, name)(*given).fit(x, y), [x.iloc[:40], x.iloc[:1]]

    return make


def ruled(rules, default):
    def make():
        from sklearn2pmml.ruleset import RuleSetClassifier

        x, y = numbers()
        return RuleSetClassifier(rules, default), [x.iloc[:40]]

    return make


if pmml:
    two = ("positive(X['a'], X['b'])", [POSITIVE, SCALED])
    for how in ("none", "exp"):
        case(f"ExpressionRegressor {how}", expressed("ExpressionRegressor", 0, ("0.5 * X['a'] - scaled(X['b']) * 3", [SCALED]), how), methods=["predict"])
    case("ExpressionRegressor of branches", expressed("ExpressionRegressor", 0, two, "none"), methods=["predict"])
    for how, place in itertools.product(("none", "logit"), (0, 1)):
        case(f"ExpressionClassifier {how} {place}", expressed("ExpressionClassifier", 2, {place: two}, how), methods=["predict", "predict_proba"])
    for how in ("simplemax", "softmax"):
        case(f"ExpressionClassifier {how}", expressed("ExpressionClassifier", 3, {0: two, 1: ("X['c'] ** 2",), 2: ("0.5 if X['d'] > 0 else X['a']",)}, how), methods=["predict", "predict_proba"])
    case("RuleSetClassifier", ruled([("X['a'] > 0.5 and X['b'] < 0", "high"), ("X['c'] >= 1", "other")], "low"))
    case("RuleSetClassifier of all", ruled([("X['a'] > 0", 3), ("X['a'] <= 0", 1)], None))


# --- scikit-lego, NGBoost, treeple, optbinning ---

lego = package("sklego.meta")
ngboost = package("ngboost")
treeple = package("treeple")
optbinning = package("optbinning")


def fitted(make_estimator, classes, **more):
    def make():
        x, y = numbers(classes)
        if "target" in more:
            y = more["target"](y)
        return make_estimator().fit(x.to_numpy(), y.to_numpy()), [x.to_numpy()[:30], x.to_numpy()[:1]]

    return make


if lego:
    from sklearn.cluster import KMeans
    from sklearn.ensemble import IsolationForest

    for name, estimator, function in (("KMeans", KMeans(n_clusters=3, n_init=2, random_state=0), "predict"), ("tree", DecisionTreeRegressor(max_depth=3), "apply"),
                                      ("IsolationForest", IsolationForest(n_estimators=5, random_state=0), "decision_function"), ("LogisticRegression", LogisticRegression(), "predict")):
        case(f"EstimatorTransformer {name} {function}", fitted(lambda estimator=estimator, function=function: lego.EstimatorTransformer(estimator, function), 2))
    for calibrated in (False, True):
        case(f"OrdinalClassifier {calibrated}", fitted(lambda calibrated=calibrated: lego.OrdinalClassifier(LogisticRegression(), use_calibration=calibrated), 4))

if ngboost:
    from ngboost import distns

    for name, target in (("Normal", None), ("Laplace", None), ("LogNormal", np.exp), ("Exponential", np.exp), ("Poisson", lambda y: np.floor(np.exp(y)))):
        options = {"target": target} if target else {}
        case(f"NGBRegressor {name}", fitted(lambda name=name: ngboost.NGBRegressor(Dist=getattr(distns, name), n_estimators=12, col_sample=0.7, verbose=False, random_state=0), 0, **options), methods=["predict"])
    for classes in (2, 4):
        case(f"NGBClassifier {classes}", fitted(lambda classes=classes: ngboost.NGBClassifier(Dist=distns.k_categorical(classes), n_estimators=12, verbose=False, random_state=0), classes),
             methods=["predict", "predict_proba"])

if treeple:
    from treeple import ensemble, tree

    for name, classes in (("ObliqueDecisionTreeClassifier", 3), ("ObliqueDecisionTreeRegressor", 0)):
        case(f"treeple {name}", fitted(lambda name=name: getattr(tree, name)(random_state=0, feature_combinations=3.0), classes), methods=["predict", "predict_proba"][: 1 + bool(classes)])
    for name, classes in (("ObliqueRandomForestClassifier", 3), ("ObliqueRandomForestRegressor", 0)):
        case(f"treeple {name}", fitted(lambda name=name: getattr(ensemble, name)(7, max_depth=5, random_state=0, feature_combinations=2.5), classes), methods=["predict", "predict_proba"][: 1 + bool(classes)])


def binned(target, missing, codes=None, **params):
    def make():
        x, y = people(missing, 400)
        columns = ["age", "pay", "job", "town", "size"]
        if target == "continuous":
            y = y + x["age"] / 10
        if target == "multiclass":
            columns, y = ["age", "pay", "size"], y + (x["age"] > 40)
        x = x[columns]
        process = optbinning.BinningProcess(columns, categorical_variables=[c for c in ("job", "town") if c in columns], special_codes=codes,
                                            binning_transform_params={c: params for c in columns} if params else None).fit(x, y.to_numpy())
        return process, [x.iloc[:40], *(strange(x) if "job" in columns else [])]

    return make


def scorecard(missing):
    def make():
        x, y = people(missing, 400)
        x = x[["age", "pay", "job", "town"]]
        process = optbinning.BinningProcess(list(x.columns), categorical_variables=["job", "town"])
        return optbinning.Scorecard(process, LogisticRegression()).fit(x, y), [x.iloc[:40], *strange(x)]

    return make


if optbinning:
    for target, missing in itertools.product(("binary", "continuous", "multiclass"), (False, True)):
        case(f"BinningProcess {target} {'gaps' if missing else ''}", binned(target, missing))
    case("BinningProcess event_rate", binned("binary", True, metric="event_rate"))
    case("BinningProcess special codes", binned("binary", True, [18, 19, 20]))
    case("BinningProcess weighted", binned("multiclass", False, metric="weighted_mean_woe"))
    for missing in (False, True):
        case(f"Scorecard {'gaps' if missing else ''}", scorecard(missing), methods=["predict", "predict_proba"])


# --- interpret ---

glassbox = package("interpret.glassbox")


def machine(name, classes, interactions):
    def make():
        x, y = people(True, 300)
        x = x.astype({"size": str})
        if not classes:
            y = x["age"] + y
        if classes == 3:
            y = y + (x["age"] > 40)
        model = getattr(glassbox, name)(interactions=interactions, outer_bags=2, max_rounds=40, n_jobs=1).fit(x, y)
        return model, [x.iloc[:40], *strange(x)]

    return make


if glassbox:
    for interactions in (0, 3):
        case(f"ExplainableBoostingRegressor {interactions}", machine("ExplainableBoostingRegressor", 0, interactions), methods=["predict"])
        case(f"ExplainableBoostingClassifier {interactions}", machine("ExplainableBoostingClassifier", 2, interactions), methods=["predict", "predict_proba"])
    case("ExplainableBoostingClassifier of 3", machine("ExplainableBoostingClassifier", 3, 0), methods=["predict", "predict_proba"])
    case("ExplainableBoostingRegressor log", machine("ExplainableBoostingRegressor", 0, 0), methods=["predict"])
