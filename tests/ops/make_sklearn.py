#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cases of operators with what scikit-learn answers: scripts/python tests/ops/make_sklearn.py > tests/ops/scikit_learn.txt"""
import numpy as np
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.impute import KNNImputer
from sklearn.neighbors import LocalOutlierFactor
from sklearn.preprocessing import QuantileTransformer, SplineTransformer

NEAR = "near 1e-12 1e-15\n"


def numbers(values):
    return " ".join(f"{v:.17g}" for v in np.asarray(values, float).ravel())


def tensor(values):
    values = np.asarray(values, float)
    return f"double [{','.join(map(str, values.shape))}] {numbers(values)}"


def case(name, operator, attributes, inputs, out):
    lines = "".join(f"attribute {key} {value}\n" for key, value in attributes.items())
    print(f"case {name}\nop firn:{operator} 1\n{lines}{''.join(f'in {i}{chr(10)}' for i in inputs)}{out}")


def answers(values):
    return f"out {tensor(values)}\n{NEAR}"


def refuses(part):
    return f"out none\nfails {part}\n"


def quantiles():
    x = np.array([[0, 1], [1, 2], [2, 2], [4, 8.0]])
    asked = np.array([[-1, 2.0], [0.5, 5], [4, np.nan], [1, 1]])
    for normal in (0, 1):
        name = "normal" if normal else "uniform"
        model = QuantileTransformer(n_quantiles=4, output_distribution=name).fit(x)
        case(f"quantiles_{name}", "Quantiles", {"quantiles": f"tensor {tensor(model.quantiles_.T)}", "references": f"tensor {tensor(model.references_)}",
             "normal": f"int {normal}"}, [tensor(asked)], answers(model.transform(asked)))
    case("quantiles_of_other_columns", "Quantiles", {"quantiles": "tensor double [1,2] 0 1", "references": "tensor double [2] 0 1"},
         ["double [1,2] 1 2"], refuses("INVALID_INPUT 2 columns"))


def splines():
    x = np.linspace(0, 3, 7)[:, None]
    asked = np.array([[-1.0], [0.25], [3], [5]])
    for code, name in enumerate(("error", "constant", "linear", "continue", "periodic")):
        for bias in (True, False) if name == "constant" else (True,):
            model = SplineTransformer(degree=2, n_knots=4, extrapolation=name, include_bias=bias).fit(x)
            spline = model.bsplines_[0]
            rows = asked[1:3] if name == "error" else asked
            case(f"splines_{name}{'' if bias else '_without_the_last'}", "Splines", {"knots": f"tensor {tensor(spline.t[None])}", "degree": "int 2",
                 "columns": f"int {spline.c.shape[1]}", "extrapolation": f"int {code}", "drop_last": f"int {int(not bias)}"},
                 [tensor(rows)], answers(model.transform(rows)))
    case("splines_beyond_the_knots", "Splines", {"knots": f"tensor {tensor([[-2, -1, 0, 1, 2, 3, 4, 5]])}", "degree": "int 2", "columns": "int 5"},
         ["double [1,1] 9"], refuses("INVALID_INPUT row 0, column 0: 9 is beyond the knots"))


def neighbours():
    rows = np.array([[1, 2, np.nan], [3, np.nan, 5], [7, 8, 9], [0, 1, 4.0]])
    asked = np.array([[np.nan, 2.5, 4], [6, np.nan, np.nan], [1, 2, 3]])
    for weights in ("uniform", "distance"):
        model = KNNImputer(n_neighbors=2, weights=weights).fit(rows)
        case(f"neighbours_impute_{weights}", "NeighbourImpute", {"neighbours": "int 2", "weighted": f"int {int(weights == 'distance')}"},
             [tensor(asked), tensor(rows.T)], answers(model.transform(asked)))
    case("neighbours_impute_a_column_mean", "NeighbourImpute", {}, ["double [1,2] nan 3", "double [2,3] 2 4 nan nan nan 7"], "out double [1,2] 3 3\n")
    case("neighbours_impute_of_equally_near_ones", "NeighbourImpute", {"neighbours": "int 1"}, ["double [1,2] nan 3", "double [2,2] 5 6 2 4"],
         refuses("UNSUPPORTED row 0 is as far"))
    rows = np.array([[0, 0], [1, 0], [0, 1.5], [3, 3], [2, 1.0]])
    asked = np.array([[0.5, 0.25], [9, 9]])
    model = LocalOutlierFactor(n_neighbors=2, novelty=True).fit(rows)
    case("outlier_factor", "OutlierFactor", {"neighbours": "int 2"}, [tensor(asked), tensor(rows.T), tensor([model._distances_fit_X_[:, 1], model._lrd])],
         answers(model.score_samples(asked)))
    case("outlier_factor_of_too_few_rows", "OutlierFactor", {"neighbours": "int 3"}, ["double [1,1] 1", "double [1,2] 1 2", "double [2,2] 1 1 1 1"],
         refuses("INVALID_INPUT do not fit"))


def strings(values):
    return f"string [{len(values)}] " + " ".join(f'"{v}"' for v in values)


def tokens():
    for name, texts, model, more in (
        ("characters", ["ab  a", "b"], CountVectorizer(analyzer="char", ngram_range=(1, 2)), {"analyzer": "int 1", "ngrams": "ints 1 2"}),
        ("characters_within_words", ["ab  a", "b"], CountVectorizer(analyzer="char_wb", ngram_range=(3, 4)), {"analyzer": "int 2", "ngrams": "ints 3 4"}),
        ("words_without_accents", ["\u00e9t\u00e9 \u00bd", "na\u00efve"], CountVectorizer(strip_accents="unicode", token_pattern=r"\w+"), {"accents": "int 1"}),
        ("words_in_ascii", ["\u00e9t\u00e9 \u4e2d", "na\u00efve"], CountVectorizer(strip_accents="ascii"), {"accents": "int 2"}),
        ("hashes", ["the fox the dog", "fox"], HashingVectorizer(n_features=7, norm=None), {"signed": "int 1"}),
    ):
        counts = model.fit(texts).transform(texts).toarray()
        terms = {"features": "int 7"} if name == "hashes" else {"vocabulary": f"tensor {strings(model.get_feature_names_out())}"}
        case(f"tokens_{name}", "TokenCounts", {**terms, **more}, [strings(texts)], f"out {tensor(counts)}\n")


def topics():
    counts = np.array([[2, 0, 1, 0], [0, 3, 0, 1], [1, 1, 0, 4], [0, 0, 0, 0.0]])
    model = LatentDirichletAllocation(2, random_state=0, max_iter=5).fit(counts[:3])
    attributes = {"words": f"tensor {tensor(model.exp_dirichlet_component_)}", "prior": f"float {model.doc_topic_prior_}", "rounds": "int 100"}
    case("topics", "Topics", attributes, [tensor(counts)], answers(model.transform(counts)))
    case("topics_of_less_than_no_words", "Topics", attributes, ["double [1,4] 1 0 -1 0"], refuses("INVALID_INPUT row 0, column 2: -1 is below zero"))
    case("topics_of_other_words", "Topics", attributes, ["double [1,3] 1 0 1"], refuses("INVALID_INPUT 3 columns, but 4"))


print("# Written by tests/ops/make_sklearn.py: what scikit-learn answers\n")
quantiles()
splines()
neighbours()
tokens()
topics()
