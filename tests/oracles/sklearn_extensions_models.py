"""Models of packages that extend scikit-learn: (name, function that gives the fitted model and the parts to ask, options)."""

import importlib
import itertools

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

CASES, MISSING = [], {}


def package(name):
    """The module, or None and a line in MISSING."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        MISSING[name] = str(error)
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
