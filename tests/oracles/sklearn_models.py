"""The table of scikit-learn models that firn is compared on. A case is a line:

    (name, estimator, data, options)

data names a function below that gives (X for fit, y, X to ask, column names or None). Options:
    save      how it is saved: pickle0 .. pickle5, joblib, zlib, gzip, bz2, lzma, xz, skops (default joblib)
    rtol      relative tolerance (1e-9)
    sparse    fit on a scipy.sparse matrix
    frame     ask with a table whose columns have names
    atol      absolute tolerance (1e-12)
    without   a method that is not asked
    near      do not ask of the row a million away: cancellation leaves few digits there
    no_middles  do not ask of rows half way between two that were seen: which is nearer is not defined
    float32   fit and ask in float32 (rtol 1e-5: scikit-learn itself computes some of it in float32)
"""

import warnings

import numpy as np
warnings.filterwarnings("ignore")
from sklearn.cluster import AffinityPropagation, Birch, BisectingKMeans, FeatureAgglomeration, KMeans, MeanShift, MiniBatchKMeans
from sklearn.covariance import EllipticEnvelope
from sklearn.cross_decomposition import PLSSVD
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA, FactorAnalysis, FastICA, KernelPCA, LatentDirichletAllocation, MiniBatchSparsePCA, SparsePCA, TruncatedSVD
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.ensemble import (ExtraTreesClassifier, ExtraTreesRegressor, GradientBoostingClassifier, GradientBoostingRegressor,
                              HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier,
                              RandomForestRegressor, RandomTreesEmbedding, VotingClassifier, VotingRegressor)
from sklearn.feature_selection import GenericUnivariateSelect, SelectFdr, SelectFpr, SelectFromModel, SelectFwe
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, ExpSineSquared, Matern, RationalQuadratic, WhiteKernel
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.kernel_approximation import AdditiveChi2Sampler, Nystroem, RBFSampler
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (ARDRegression, BayesianRidge, ElasticNet, ElasticNetCV, HuberRegressor, Lars, Lasso, LassoCV,
                                  LassoLars, LinearRegression, LogisticRegression, LogisticRegressionCV, MultiTaskLasso,
                                  PassiveAggressiveClassifier, Perceptron, PoissonRegressor, Ridge, RidgeClassifier, RidgeCV,
                                  SGDClassifier, SGDRegressor, TheilSenRegressor, TweedieRegressor)
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, LocalOutlierFactor, NearestCentroid, NeighborhoodComponentsAnalysis, RadiusNeighborsClassifier, RadiusNeighborsRegressor
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neural_network import BernoulliRBM, MLPClassifier, MLPRegressor
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (Binarizer, FunctionTransformer, MaxAbsScaler, MinMaxScaler, Normalizer, OneHotEncoder,
                                   OrdinalEncoder, PolynomialFeatures, QuantileTransformer, RobustScaler, SplineTransformer, StandardScaler)
from sklearn.semi_supervised import LabelPropagation, LabelSpreading
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

ROWS, WIDTH = 120, 5


def numbers(seed=0):
    r = np.random.RandomState(seed)
    x = r.randn(ROWS, WIDTH) * [1, 10, 0.1, 3, 1] + [0, 5, 0, -100, 0.5]
    return x, r


def ask(x, r):
    """Rows seen, new, extreme, and exactly on values that thresholds are made of."""
    middle = (x[:10] + x[10:20]) / 2
    return np.vstack([x[:20], middle, r.randn(20, x.shape[1]) * 3, np.zeros((1, x.shape[1])), np.full((1, x.shape[1]), 1e6)])


def binary(labels=(0, 1)):
    x, r = numbers(1)
    y = np.array(labels)[(x[:, 0] + x[:, 2] * 5 + 0.3 * r.randn(ROWS) > 0).astype(int)]
    return x, y, ask(x, r), None


def three(labels=(0, 1, 2)):
    x, r = numbers(2)
    y = np.array(labels)[np.digitize(x[:, 0] + 0.2 * r.randn(ROWS), [-0.5, 0.6])]
    return x, y, ask(x, r), None


def words():
    return three(("apple", "bean", "corn"))


def yes_no():
    return binary(("no", "yes"))


def truth():
    return binary((False, True))


def labels():
    """Several at once."""
    x, y, a, _ = three()
    return x, np.stack([y == 0, y == 2, x[:, 1] > 5], 1).astype(int), a, None


def floats():
    return three((0.0, 1.0, 7.0))


def negative():
    return binary((-1, 1))


def line():
    x, r = numbers(3)
    return x, x @ [1, -0.5, 3, 0.01, 0] + 0.1 * r.randn(ROWS), ask(x, r), None


def lines():
    x, r = numbers(4)
    return x, np.stack([x[:, 0] * 2, x[:, 1] - x[:, 2]], 1) + 0.1 * r.randn(ROWS, 2), ask(x, r), None


def positive():
    x, r = numbers(5)
    return x, np.exp(0.3 * x[:, 0] + 0.1 * r.randn(ROWS)), x[:40], None


def counts():
    x, y, a, _ = three()
    return np.abs(np.round(x)), y, np.abs(np.round(a[:50])), None


def gaps():
    x, y, a, _ = binary()
    r = np.random.RandomState(6)
    x, a = x.copy(), a.copy()
    x[r.rand(*x.shape) < 0.15] = np.nan
    a[r.rand(*a.shape) < 0.15] = np.nan
    return x, y, a, None


def gaps_new():
    """Rows to ask that were not seen."""
    x, y, a, _ = gaps()
    return x, y, a[20:50] + 0.01, None


def gaps_empty():
    x, y, a, _ = gaps_new()
    x = x.copy()
    x[:, 3] = np.nan
    return x, y, a, None


def gaps_number():
    x, y, a, _ = gaps_new()
    return np.nan_to_num(x, nan=-7), y, np.nan_to_num(a, nan=-7), None


def gap_line():
    x, _, a, _ = gaps()
    return x, np.nan_to_num(x)[:, 0] * 2, a, None


def codes():
    """Categories as whole numbers."""
    r = np.random.RandomState(7)
    x = r.randint(0, 5, (ROWS, 3)).astype(float)
    return x, (x[:, 0] > 2).astype(int), r.randint(0, 5, (40, 3)).astype(float), None


def constant():
    x, y, a, _ = binary()
    x = x.copy()
    x[:, 1] = 3
    return x, y, a, None


def one_class():
    x, r = numbers(8)
    return x, np.zeros(ROWS, int), ask(x, r), None


def table():
    import pandas as pd

    r = np.random.RandomState(9)
    x = pd.DataFrame({"age": r.randint(18, 80, ROWS).astype(float), "income": r.lognormal(8, 1, ROWS),
                      "city": r.choice(["Oslo", "Bern", "Lima", "Zürich"], ROWS), "plan": r.choice(["a", "b"], ROWS)})
    y = np.where((x["age"] > 45) ^ (x["city"] == "Lima"), "stay", "leave")
    x.loc[3, "age"] = np.nan
    return x, y, x.iloc[:40].copy(), list(x.columns)


SENTENCES = [
    "The quick brown fox jumps over the lazy dog", "A lazy dog sleeps; the fox does not.", "Quick, quick! said the fox - and ran",
    "I'd say it's 3.5 times more_or_less, e-mail me at fox@dog.example", "Zürich, ÉCOLE Öl straße naïve café", "Привет МИР, это лиса",
    "καλημέρα κόσμε Ω", "漢字 かな 狐 x² ½ ①②", "cafe\u0301 nai\u0308ve \u200bzero\u00a0width\u3000wide", "🦊 fox🦊dog 👍🏽", "a b c d", "fox fox fox dog",
    "don\u2019t \u201cquote\u201d \u2026 dots", "tab\tnew\nline\r\nend", "ǅ Ǆ Ⱥ ẞ K Å", "१२३ ٣٤ 五",
]


def texts():
    r = np.random.RandomState(12)
    words = sorted({w for s in SENTENCES for w in s.split()})
    made = [" ".join(r.choice(words, r.randint(1, 12))) for _ in range(60)]
    x = np.array(SENTENCES + made)
    y = np.array(["fox" in s for s in x]).astype(int)
    return x, y, np.array(SENTENCES[::-1] + made[:10] + ["", " ", "unseen words only", "FOX Fox fOx"]), None


def named():
    import pandas as pd

    x, y, a, _ = words()
    names = [f"f{i}" for i in range(WIDTH)]
    return pd.DataFrame(x, columns=names), y, pd.DataFrame(a, columns=names), names


def columns(*steps):
    return ColumnTransformer(list(steps))


NUMBERS = Pipeline([("impute", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
CASES = []


def case(name, estimator, data, **options):
    CASES.append((name, estimator, data, options))


# --- scalers, encoders, imputers, features ---
for name, scaler in {
    "StandardScaler": StandardScaler(), "StandardScaler-no-mean": StandardScaler(with_mean=False),
    "StandardScaler-no-std": StandardScaler(with_std=False), "MinMaxScaler": MinMaxScaler(),
    "MinMaxScaler-range-clip": MinMaxScaler((-1, 2), clip=True), "MaxAbsScaler": MaxAbsScaler(), "RobustScaler": RobustScaler(),
    "RobustScaler-unit": RobustScaler(quantile_range=(10, 90), unit_variance=True), "RobustScaler-plain": RobustScaler(with_centering=False),
    "Normalizer-l2": Normalizer(), "Normalizer-l1": Normalizer("l1"), "Normalizer-max": Normalizer("max"),
    "Binarizer": Binarizer(threshold=0.3), "PolynomialFeatures": PolynomialFeatures(2),
    "PolynomialFeatures-3": PolynomialFeatures(3, interaction_only=True, include_bias=False),
    "PolynomialFeatures-range": PolynomialFeatures((2, 3)), "PCA": PCA(3), "PCA-whiten": PCA(2, whiten=True), "PCA-share": PCA(0.9),
    "TruncatedSVD": TruncatedSVD(2, random_state=0), "FunctionTransformer": FunctionTransformer(),
    "FunctionTransformer-log1p": make_pipeline(MaxAbsScaler(), FunctionTransformer(np.exp)),
}.items():
    case(name, scaler, "binary")
for name in ("StandardScaler", "MinMaxScaler", "RobustScaler", "PCA"):
    case(f"{name}-constant", {c[0]: c[1] for c in CASES}[name], "constant")
case("StandardScaler-gaps", StandardScaler(), "gaps")
case("MinMaxScaler-gaps", MinMaxScaler(), "gaps")
case("StandardScaler-sparse", StandardScaler(with_mean=False), "binary", sparse=True)
case("MaxAbsScaler-sparse", MaxAbsScaler(), "binary", sparse=True)
case("StandardScaler-named", StandardScaler(), "named", frame=True)
for strategy in ("mean", "median", "most_frequent", "constant"):
    case(f"SimpleImputer-{strategy}", SimpleImputer(strategy=strategy, fill_value=-1 if strategy == "constant" else None), "gaps")
case("SimpleImputer-indicator", SimpleImputer(add_indicator=True), "gaps")
case("SimpleImputer-zero", SimpleImputer(missing_values=0), "codes")
for name, encoder in {
    "OneHotEncoder": OneHotEncoder(), "OneHotEncoder-dense": OneHotEncoder(sparse_output=False), "OneHotEncoder-drop": OneHotEncoder(drop="first"),
    "OneHotEncoder-binary": OneHotEncoder(drop="if_binary"), "OneHotEncoder-ignore": OneHotEncoder(handle_unknown="ignore"),
    "OneHotEncoder-infrequent": OneHotEncoder(min_frequency=25, handle_unknown="infrequent_if_exist"),
    "OneHotEncoder-most": OneHotEncoder(max_categories=3), "OrdinalEncoder": OrdinalEncoder(),
    "OrdinalEncoder-unknown": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-7),
}.items():
    case(name, encoder, "codes")
    case(f"{name}-table", columns(("c", encoder, ["city", "plan"])), "table", frame=True)

for name, transformer in {
    "QuantileTransformer": QuantileTransformer(n_quantiles=40), "QuantileTransformer-normal": QuantileTransformer(n_quantiles=100, output_distribution="normal"),
    "SplineTransformer": SplineTransformer(), "SplineTransformer-quantile": SplineTransformer(n_knots=6, knots="quantile", degree=2, include_bias=False),
    "SplineTransformer-linear": SplineTransformer(extrapolation="linear", degree=4), "SplineTransformer-continue": SplineTransformer(extrapolation="continue", degree=1),
    "SplineTransformer-periodic": SplineTransformer(extrapolation="periodic"), "SplineTransformer-periodic-0": SplineTransformer(extrapolation="periodic", degree=0),
    "SplineTransformer-periodic-few": SplineTransformer(extrapolation="periodic", degree=2, n_knots=4, include_bias=False),
}.items():
    for data in ("binary", "constant", "codes"):
        if not (data == "constant" and "Spline" in name):
            case(f"{name}-{data}", transformer, data, rtol=1e-8)
case("QuantileTransformer-gaps", QuantileTransformer(n_quantiles=50), "gaps")
case("SplineTransformer-Ridge", make_pipeline(SplineTransformer(), Ridge()), "line")
for name, options in {"": {}, "-1": {"n_neighbors": 1}, "-all": {"n_neighbors": 1000}, "-distance": {"weights": "distance", "n_neighbors": 3}, "-indicator": {"add_indicator": True}}.items():
    case(f"KNNImputer{name}", KNNImputer(**options), "gaps_new")
case("KNNImputer-keep", KNNImputer(keep_empty_features=True), "gaps_empty")
case("KNNImputer-drop", KNNImputer(), "gaps_empty")
case("KNNImputer-number", KNNImputer(missing_values=-7), "gaps_number")
case("KNNImputer-tree", make_pipeline(KNNImputer(), DecisionTreeClassifier(random_state=0)), "gaps_new")
for name, options in {"": {}, "-few": {"n_neighbors": 3, "contamination": 0.1}, "-manhattan": {"metric": "manhattan"}, "-brute": {"algorithm": "brute"},
                      "-minkowski": {"p": 3, "n_neighbors": 40}}.items():
    case(f"LocalOutlierFactor{name}", LocalOutlierFactor(novelty=True, **options), "three", no_middles=True)

for name, model in {
    **{f"GaussianMixture-{c}": GaussianMixture(3, covariance_type=c, random_state=0) for c in ("full", "tied", "diag", "spherical")},
    **{f"BayesianGaussianMixture-{c}": BayesianGaussianMixture(n_components=3, covariance_type=c, random_state=0, max_iter=20) for c in ("full", "tied", "diag", "spherical")},
    "BayesianGaussianMixture-distribution": BayesianGaussianMixture(n_components=2, weight_concentration_prior_type="dirichlet_distribution", random_state=0),
    "FactorAnalysis": FactorAnalysis(2, random_state=0), "FastICA": FastICA(3, random_state=0), "FastICA-plain": FastICA(whiten=False, random_state=0),
    "SparsePCA": SparsePCA(2, random_state=0, max_iter=20), "MiniBatchSparsePCA": MiniBatchSparsePCA(2, random_state=0, max_iter=20),
    "GaussianRandomProjection": GaussianRandomProjection(3, random_state=0), "SparseRandomProjection": SparseRandomProjection(3, density=0.4, random_state=0),
    "NeighborhoodComponentsAnalysis": NeighborhoodComponentsAnalysis(2, random_state=0, max_iter=10),
}.items():
    case(name, model, "three", rtol=1e-8)  # a row a million away leaves fewer digits

SCALED = StandardScaler()
for name, model in {
    **{f"KernelPCA-{k}": KernelPCA(2, kernel=k) for k in ("linear", "rbf", "poly", "sigmoid", "cosine")},
    **{f"Nystroem-{k}": Nystroem(n_components=15, kernel=k, random_state=0) for k in ("rbf", "laplacian", "sigmoid")},
    "RBFSampler": RBFSampler(n_components=20, random_state=0), "BernoulliRBM": BernoulliRBM(4, random_state=0, n_iter=2),
    "LabelPropagation": LabelPropagation(gamma=1), "LabelSpreading": LabelSpreading(gamma=0.5),
    "BisectingKMeans": BisectingKMeans(5, random_state=0), "MeanShift": MeanShift(bandwidth=2), "AffinityPropagation": AffinityPropagation(damping=0.9, random_state=0),
    "Birch": Birch(n_clusters=3), "Birch-subclusters": Birch(n_clusters=None, threshold=1.0), "FeatureAgglomeration": FeatureAgglomeration(3),
    "EllipticEnvelope": EllipticEnvelope(random_state=0),
}.items():
    # the root of a difference of products that should be 0; a score that is drawn at random
    more = {"atol": 1e-7} if "Birch" in name else {"without": "score_samples"} if "RBM" in name else {}
    case(name, make_pipeline(SCALED, model), "three", rtol=1e-7, near=True, **more)
for name, kernel in {
    "": None, "-rbf": RBF([1.0, 2, 3, 1, 1]) + WhiteKernel(0.1), "-matern": ConstantKernel(2.0) * Matern(nu=1.5), "-matern-half": Matern(nu=0.5) + WhiteKernel(0.2),
    "-matern-five": Matern(nu=2.5) + WhiteKernel(0.2), "-quadratic": RationalQuadratic(alpha=0.7) + WhiteKernel(0.1), "-dot": DotProduct() ** 2 + WhiteKernel(1.0),
    "-periodic": ExpSineSquared(periodicity=3.0) * RBF() + WhiteKernel(0.5),
}.items():
    for data in ("line", "lines"):
        case(f"GaussianProcessRegressor{name}-{data}", make_pipeline(SCALED, GaussianProcessRegressor(kernel, alpha=0.01, optimizer=None, normalize_y=bool(name))), data, rtol=1e-7, near=True)
for kernel in ("linear", "rbf", "poly", "sigmoid", "laplacian", "cosine"):
    for data in ("line", "lines"):
        case(f"KernelRidge-{kernel}-{data}", make_pipeline(SCALED, KernelRidge(kernel=kernel)), data, rtol=1e-7, near=True)
for method in ("predict", "predict_proba", "decision_function"):
    case(f"ClassifierChain-{method}", ClassifierChain(LogisticRegression(max_iter=2000), order=[2, 0, 1], chain_method=method), "labels")
case("PLSSVD", PLSSVD(2), "lines", rtol=1e-8)

for name, options in {"": {}, "-three": {"n_components": 3, "learning_method": "online", "doc_topic_prior": 0.5}}.items():
    case(f"LatentDirichletAllocation{name}", LatentDirichletAllocation(random_state=0, max_iter=3, **options), "counts", rtol=1e-7)
    case(f"LatentDirichletAllocation{name}-texts", make_pipeline(CountVectorizer(), LatentDirichletAllocation(random_state=0, max_iter=3, **options)), "texts", rtol=1e-7)
for name, kernel in {"": None, "-matern": 2.0 * Matern(nu=1.5), "-dot": DotProduct() + RBF() + WhiteKernel(0.1)}.items():
    for data in ("binary", "three", "yes_no"):
        for mode in ("one_vs_rest", "one_vs_one"):
            case(f"GaussianProcessClassifier{name}-{data}-{mode}", make_pipeline(SCALED, GaussianProcessClassifier(kernel, optimizer=None, multi_class=mode)), data,
                 rtol=1e-6, near=True, **({"without": "predict_proba"} if (data, mode) == ("three", "one_vs_one") else {}))
VOTERS = [("a", LogisticRegression(max_iter=2000)), ("b", GaussianNB()), ("c", DecisionTreeClassifier(max_depth=3, random_state=0))]
for voting in ("soft", "hard"):
    case(f"VotingClassifier-{voting}", VotingClassifier(VOTERS, voting=voting), "words")
case("VotingRegressor", VotingRegressor([("a", Ridge()), ("b", DecisionTreeRegressor(max_depth=3, random_state=0))]), "line")
case("RandomTreesEmbedding", RandomTreesEmbedding(5, max_depth=3, random_state=0), "three")

# --- linear models ---
for name, model in {
    "LinearRegression": LinearRegression(), "LinearRegression-no-intercept": LinearRegression(fit_intercept=False), "Ridge": Ridge(),
    "RidgeCV": RidgeCV(), "Lasso": Lasso(0.01), "LassoCV": LassoCV(cv=3), "ElasticNet": ElasticNet(0.01), "ElasticNetCV": ElasticNetCV(cv=3),
    "Lars": Lars(), "LassoLars": LassoLars(0.01), "BayesianRidge": BayesianRidge(), "ARDRegression": ARDRegression(),
    "HuberRegressor": HuberRegressor(max_iter=1000), "TheilSenRegressor": TheilSenRegressor(random_state=0),
    "SGDRegressor": make_pipeline(StandardScaler(), SGDRegressor(random_state=0)), "LinearSVR": LinearSVR(random_state=0, max_iter=5000),
    "DecisionTreeRegressor": DecisionTreeRegressor(random_state=0), "DecisionTreeRegressor-mae": DecisionTreeRegressor(criterion="absolute_error"),
    "ExtraTreeRegressor": ExtraTreeRegressor(random_state=0), "RandomForestRegressor": RandomForestRegressor(9, random_state=0),
    "ExtraTreesRegressor": ExtraTreesRegressor(9, random_state=0), "GradientBoostingRegressor": GradientBoostingRegressor(n_estimators=20),
    "GradientBoostingRegressor-huber": GradientBoostingRegressor(n_estimators=10, loss="huber"),
    "GradientBoostingRegressor-zero": GradientBoostingRegressor(n_estimators=10, init="zero"),
    "HistGradientBoostingRegressor": HistGradientBoostingRegressor(max_iter=20), "HistGradientBoostingRegressor-mae": HistGradientBoostingRegressor(max_iter=10, loss="absolute_error"),
    "MLPRegressor": make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(8, 4), max_iter=60, random_state=0)),
    "SVR": make_pipeline(StandardScaler(), SVR()), "SVR-poly": make_pipeline(StandardScaler(), SVR(kernel="poly")),
}.items():
    case(name, model, "line")
for name, model in {"LinearRegression": LinearRegression(), "Ridge": Ridge(), "MultiTaskLasso": MultiTaskLasso(0.01),
                    "DecisionTreeRegressor": DecisionTreeRegressor(max_depth=4), "RandomForestRegressor": RandomForestRegressor(5),
                    "MLPRegressor": MLPRegressor(hidden_layer_sizes=(6,), max_iter=30)}.items():
    case(f"{name}-targets", model, "lines")
for name, model in {"PoissonRegressor": PoissonRegressor(), "TweedieRegressor": TweedieRegressor(power=1.5), "TweedieRegressor-normal": TweedieRegressor(power=0),
                    "HistGradientBoostingRegressor-poisson": HistGradientBoostingRegressor(loss="poisson", max_iter=10)}.items():
    case(name, model, "positive")

# --- classifiers, over the kinds of labels ---
CLASSIFIERS = {
    "LogisticRegression": make_pipeline(StandardScaler(), LogisticRegression()),
    "LogisticRegression-balanced": LogisticRegression(class_weight="balanced", max_iter=2000),
    "LogisticRegressionCV": make_pipeline(StandardScaler(), LogisticRegressionCV(cv=3)),
    "LogisticRegression-ovr": OneVsRestClassifier(LogisticRegression(max_iter=2000)), "RidgeClassifier": RidgeClassifier(),
    "SGDClassifier": make_pipeline(StandardScaler(), SGDClassifier(random_state=0)),
    "SGDClassifier-log": make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=0)),
    "SGDClassifier-huber": make_pipeline(StandardScaler(), SGDClassifier(loss="modified_huber", random_state=0)),
    "Perceptron": Perceptron(random_state=0), "PassiveAggressiveClassifier": PassiveAggressiveClassifier(random_state=0),
    "LinearSVC": make_pipeline(StandardScaler(), LinearSVC(random_state=0)), "DecisionTreeClassifier": DecisionTreeClassifier(random_state=0),
    "DecisionTreeClassifier-3": DecisionTreeClassifier(max_depth=3, criterion="entropy", class_weight="balanced"),
    "ExtraTreeClassifier": ExtraTreeClassifier(random_state=0), "RandomForestClassifier": RandomForestClassifier(11, random_state=0),
    "ExtraTreesClassifier": ExtraTreesClassifier(11, random_state=0, max_depth=12), "GradientBoostingClassifier": GradientBoostingClassifier(n_estimators=12),
    "HistGradientBoostingClassifier": HistGradientBoostingClassifier(max_iter=12), "GaussianNB": GaussianNB(),
    "MLPClassifier": make_pipeline(StandardScaler(), MLPClassifier((7,), max_iter=60, random_state=0)),
    "MLPClassifier-tanh": make_pipeline(StandardScaler(), MLPClassifier((5, 4), activation="tanh", max_iter=40, random_state=0)),
    "SVC": make_pipeline(StandardScaler(), SVC()), "SVC-linear-ovo": SVC(kernel="linear", decision_function_shape="ovo"),
    "SVC-sigmoid": make_pipeline(StandardScaler(), SVC(kernel="sigmoid")), "NuSVC": make_pipeline(StandardScaler(), NuSVC(nu=0.3)),
    "BernoulliNB": BernoulliNB(), "QuadraticDiscriminantAnalysis": QuadraticDiscriminantAnalysis(),
    "QuadraticDiscriminantAnalysis-regularised": QuadraticDiscriminantAnalysis(reg_param=0.2, priors=None), "NearestCentroid": NearestCentroid(),
    "NearestCentroid-manhattan": NearestCentroid(metric="manhattan"), "NearestCentroid-shrunk": NearestCentroid(shrink_threshold=0.4),
    "NearestCentroid-priors": NearestCentroid(priors="empirical"), "OneVsOneClassifier": OneVsOneClassifier(LinearSVC(random_state=0)),
    "OneVsOneClassifier-proba": OneVsOneClassifier(GaussianNB()), "OneVsOneClassifier-scaled": make_pipeline(StandardScaler(), OneVsOneClassifier(LogisticRegression())),
    "OutputCodeClassifier": OutputCodeClassifier(LogisticRegression(max_iter=2000), code_size=3, random_state=1),
    "OutputCodeClassifier-proba": OutputCodeClassifier(GaussianNB(), code_size=2, random_state=0),
    "SVC-proba": make_pipeline(StandardScaler(), SVC(probability=True, random_state=0)), "SVC-linear-proba": SVC(kernel="linear", probability=True, random_state=0),
    "NuSVC-proba": make_pipeline(StandardScaler(), NuSVC(nu=0.2, kernel="poly", probability=True, random_state=0)),
}
for name, model in CLASSIFIERS.items():
    for data in ("binary", "three"):
        # a million away: the digits that a difference of scores leaves
        case(f"{name}-{data}", model, data, **({"rtol": 1e-7} if "Centroid" in name else {}))
for name in ("LogisticRegression", "RandomForestClassifier", "GradientBoostingClassifier", "GaussianNB", "MLPClassifier", "SVC", "SVC-proba", "OneVsOneClassifier",
             "NearestCentroid", "QuadraticDiscriminantAnalysis", "OutputCodeClassifier"):
    for data in ("words", "yes_no", "truth", "floats", "negative"):
        case(f"{name}-{data}", CLASSIFIERS[name], data)
case("GradientBoostingClassifier-exponential", GradientBoostingClassifier(n_estimators=10, loss="exponential"), "binary")
case("DecisionTreeClassifier-one-class", DecisionTreeClassifier(), "one_class")
case("RandomForestClassifier-one-class", RandomForestClassifier(3), "one_class")
case("GaussianNB-one-class", GaussianNB(), "one_class")
for name, model in {"DecisionTreeClassifier": DecisionTreeClassifier(max_depth=5), "RandomForestClassifier": RandomForestClassifier(7, random_state=0),
                    "ExtraTreesClassifier": ExtraTreesClassifier(7, random_state=0), "HistGradientBoostingClassifier": HistGradientBoostingClassifier(max_iter=12)}.items():
    case(f"{name}-gaps", model, "gaps")
case("HistGradientBoostingRegressor-gaps", HistGradientBoostingRegressor(max_iter=12), "gap_line")
case("RandomForestRegressor-gaps", RandomForestRegressor(7), "gap_line")
case("HistGradientBoostingClassifier-categories", HistGradientBoostingClassifier(max_iter=10, categorical_features=[0, 2]), "codes")
case("MultinomialNB", MultinomialNB(), "counts")
case("ComplementNB", ComplementNB(), "counts")
case("CategoricalNB", CategoricalNB(min_categories=7), "codes")
for name, model in {"tree": DecisionTreeClassifier(random_state=0), "forest": RandomForestClassifier(7, random_state=0), "linear": LogisticRegression(max_iter=2000)}.items():
    case(f"SelectFromModel-{name}", SelectFromModel(model), "three")
    case(f"SelectFromModel-{name}-median", make_pipeline(SelectFromModel(model, threshold="1.1*median", max_features=3), GaussianNB()), "binary")
for name, chooser in {"SelectFpr": SelectFpr(alpha=1e-4), "SelectFdr": SelectFdr(), "SelectFwe": SelectFwe()}.items():
    case(name, chooser, "three")
for mode, param in {"percentile": 50, "k_best": 2, "fpr": 1e-4, "fdr": 0.05, "fwe": 0.05}.items():
    case(f"GenericUnivariateSelect-{mode}", GenericUnivariateSelect(mode=mode, param=param), "three")
case("OneClassSVM", make_pipeline(StandardScaler(), OneClassSVM()), "binary")
case("KMeans", KMeans(4, n_init=2, random_state=0), "binary")
case("MiniBatchKMeans", MiniBatchKMeans(3, n_init=1, random_state=0), "binary")

for name, options in {"": {}, "-brute": {"algorithm": "brute"}, "-ball": {"algorithm": "ball_tree"}, "-distance": {"weights": "distance"},
                      "-manhattan": {"p": 1}, "-minkowski": {"p": 3, "n_neighbors": 7},
                      "-chebyshev": {"metric": "chebyshev", "n_neighbors": 1}, "-brute-l1": {"metric": "l1", "algorithm": "brute"}}.items():
    case(f"KNeighborsRegressor{name}", KNeighborsRegressor(**options), "line", no_middles=True)
    for data in ("binary", "three"):
        case(f"KNeighborsClassifier{name}-{data}", KNeighborsClassifier(**options), data, no_middles=True)
for data in ("words", "yes_no", "truth", "floats", "one_class"):
    case(f"KNeighborsClassifier-{data}", KNeighborsClassifier(), data, no_middles=True)
case("KNeighborsRegressor-targets", KNeighborsRegressor(4), "lines", no_middles=True)
for name, options in {"": {"radius": 3.0}, "-small": {"radius": 0.9}, "-ball": {"radius": 3.0, "algorithm": "ball_tree"}, "-distance": {"radius": 3.0, "weights": "distance"},
                      "-manhattan": {"radius": 4.0, "p": 1}, "-minkowski": {"radius": 2.5, "p": 3}, "-chebyshev": {"radius": 2.0, "metric": "chebyshev"}}.items():
    case(f"RadiusNeighborsRegressor{name}", RadiusNeighborsRegressor(**options), "line")
    for label in (0, 7, "most_frequent"):
        case(f"RadiusNeighborsClassifier{name}-{label}", RadiusNeighborsClassifier(**options, outlier_label=label), "three")
case("RadiusNeighborsClassifier-words", RadiusNeighborsClassifier(2.0, outlier_label="none"), "words")
case("RadiusNeighborsRegressor-brute", RadiusNeighborsRegressor(2.0, algorithm="brute"), "line")
case("RadiusNeighborsRegressor-targets", RadiusNeighborsRegressor(2.0), "lines")
for steps, interval in ((1, None), (2, None), (3, None), (5, 0.3)):
    case(f"AdditiveChi2Sampler-{steps}", AdditiveChi2Sampler(sample_steps=steps, sample_interval=interval), "counts")

# --- composition ---
case("FeatureUnion", FeatureUnion([("s", StandardScaler()), ("p", PCA(2))]), "binary")
case("FeatureUnion-weights", FeatureUnion([("s", StandardScaler()), ("p", PCA(2)), ("d", "drop")], transformer_weights={"p": 10}), "binary")
case("FeatureUnion-passthrough", make_pipeline(FeatureUnion([("x", "passthrough"), ("p", PCA(2))]), LinearRegression()), "line")
case("Pipeline-passthrough", Pipeline([("a", "passthrough"), ("b", StandardScaler()), ("c", Ridge())]), "line")
case("ColumnTransformer-ints", columns(("a", StandardScaler(), [0, 2]), ("b", "passthrough", [1]), ("c", "drop", [3])), "binary")
case("ColumnTransformer-slice", columns(("a", MinMaxScaler(), slice(0, 3)), ("b", StandardScaler(), [-1])), "binary")
case("ColumnTransformer-mask", columns(("a", StandardScaler(), [True, False, True, False, False])), "binary")
case("ColumnTransformer-rest", ColumnTransformer([("a", StandardScaler(), [1])], remainder="passthrough"), "binary")
case("ColumnTransformer-rest-scaled", ColumnTransformer([("a", "passthrough", [4])], remainder=StandardScaler()), "binary")
MIXED = columns(("n", NUMBERS, ["age", "income"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["city", "plan"]))
case("mixed", MIXED, "table", frame=True)
case("mixed-logistic", make_pipeline(MIXED, LogisticRegression(max_iter=1000)), "table", frame=True)
case("mixed-forest", make_pipeline(MIXED, RandomForestClassifier(9, random_state=0)), "table", frame=True)
case("mixed-boosting", make_pipeline(MIXED, GradientBoostingClassifier(n_estimators=9)), "table", frame=True)
case("mixed-selector", make_pipeline(columns(("n", NUMBERS, make_column_selector(dtype_include=float)), ("c", OrdinalEncoder(), make_column_selector(dtype_exclude=float))),
                                     DecisionTreeClassifier(max_depth=4)), "table", frame=True)
case("mixed-weights", ColumnTransformer([("n", NUMBERS, ["age", "income"]), ("c", OneHotEncoder(), ["city"])], transformer_weights={"n": 0.5}), "table", frame=True)

# --- ways to save, sparse, float32, names ---
BASIC = make_pipeline(StandardScaler(), LogisticRegression())
for save in ("pickle0", "pickle1", "pickle2", "pickle3", "pickle4", "pickle5", "joblib", "zlib", "gzip", "bz2", "lzma", "xz", "skops"):
    case(f"saved-{save}", BASIC, "words", save=save)
    case(f"saved-forest-{save}", RandomForestClassifier(4, random_state=0), "yes_no", save=save)
    if save != "pickle5":
        case(f"saved-table-{save}", make_pipeline(MIXED, Ridge()), "table_line", save=save, frame=True)
for name, model in {"LogisticRegression": LogisticRegression(max_iter=2000), "Ridge": Ridge(solver="sparse_cg"), "RandomForestClassifier": RandomForestClassifier(5),
                    "MLPClassifier": MLPClassifier((4,), max_iter=20), "SVC": SVC(), "LinearSVC": LinearSVC(), "SGDClassifier": SGDClassifier()}.items():
    case(f"{name}-sparse", model, "binary", sparse=True)
for name, model in {"StandardScaler": StandardScaler(), "LogisticRegression": BASIC, "RandomForestClassifier": RandomForestClassifier(5, random_state=0),
                    "KMeans": KMeans(3, n_init=1, random_state=0), "PCA": PCA(2), "MLPClassifier": CLASSIFIERS["MLPClassifier"],
                    "GradientBoostingClassifier": GradientBoostingClassifier(n_estimators=5), "LinearRegression": LinearRegression()}.items():
    # scikit-learn's own products of float32 lose more digits where columns differ by orders of magnitude
    case(f"{name}-float32", model, "binary", float32=True, rtol=1e-3 if name == "PCA" else 1e-5)
for name in ("LogisticRegression", "RandomForestClassifier", "HistGradientBoostingClassifier", "GaussianNB"):
    case(f"{name}-named", CLASSIFIERS[name], "named", frame=True)

for name, options in {
    "": {}, "-binary": {"binary": True}, "-case": {"lowercase": False}, "-12": {"ngram_range": (1, 2)}, "-23": {"ngram_range": (2, 3)},
    "-english": {"stop_words": "english", "ngram_range": (1, 3)}, "-stop": {"stop_words": ["fox", "the"], "ngram_range": (1, 2)},
    "-short": {"token_pattern": r"(?u)\b\w+\b"}, "-few": {"max_features": 20, "min_df": 2},
    "-char": {"analyzer": "char", "ngram_range": (1, 4)}, "-char-3": {"analyzer": "char", "ngram_range": (3, 3), "lowercase": False},
    "-char_wb": {"analyzer": "char_wb", "ngram_range": (1, 5)}, "-char_wb-6": {"analyzer": "char_wb", "ngram_range": (6, 7), "strip_accents": "unicode"},
    "-ascii": {"strip_accents": "ascii"}, "-unicode": {"strip_accents": "unicode", "ngram_range": (1, 2)},
    "-char-ascii": {"analyzer": "char", "strip_accents": "ascii", "ngram_range": (2, 2), "stop_words": None},
}.items():
    case(f"CountVectorizer{name}", CountVectorizer(**options), "texts")
    if not {"max_features", "min_df"} & set(options):
        case(f"HashingVectorizer{name}", HashingVectorizer(n_features=97, **options), "texts", save="pickle2")
    case(f"TfidfVectorizer{name}", TfidfVectorizer(**options), "texts", save="pickle4")
for name, options in {"l1": {"norm": "l1"}, "none": {"norm": None}, "sublinear": {"sublinear_tf": True}, "rough": {"smooth_idf": False},
                      "tf": {"use_idf": False}}.items():
    case(f"TfidfVectorizer-{name}", TfidfVectorizer(**options), "texts")
    if name != "rough":  # divides by zero
        case(f"TfidfTransformer-{name}", TfidfTransformer(**options), "counts")
    case(f"CountVectorizer-TfidfTransformer-{name}", make_pipeline(CountVectorizer(), TfidfTransformer(**options)), "texts")
for name, options in {"wide": {"n_features": 1 << 16}, "l1": {"n_features": 64, "norm": "l1"}, "plain": {"n_features": 50, "norm": None},
                      "unsigned": {"n_features": 33, "alternate_sign": False, "norm": None}, "binary": {"n_features": 20, "binary": True}}.items():
    case(f"HashingVectorizer-{name}", HashingVectorizer(**options), "texts")
case("HashingVectorizer-LogisticRegression", make_pipeline(HashingVectorizer(n_features=256, analyzer="char_wb", ngram_range=(2, 3)), LogisticRegression()), "texts")
case("HashingVectorizer-TfidfTransformer", make_pipeline(HashingVectorizer(n_features=128, norm=None, alternate_sign=False), TfidfTransformer()), "texts")
case("TfidfVectorizer-LogisticRegression", make_pipeline(TfidfVectorizer(), LogisticRegression()), "texts")
case("TfidfVectorizer-MultinomialNB", make_pipeline(CountVectorizer(), MultinomialNB()), "texts")
case("TfidfVectorizer-skops", make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LinearSVC(random_state=0)), "texts", save="skops")
case("TfidfVectorizer-SVD", make_pipeline(TfidfVectorizer(), TruncatedSVD(3, random_state=0), RandomForestClassifier(5, random_state=0)), "texts")
case("SimpleImputer-text", make_pipeline(columns(("city", SimpleImputer(missing_values="Lima", strategy="most_frequent"), ["city"])), OneHotEncoder(sparse_output=False)),
     "table", frame=True)
case("TfidfVectorizer-column", make_pipeline(columns(("text", TfidfVectorizer(), "text"), ("number", StandardScaler(), ["size"])), LogisticRegression()),
     "texts_and_numbers", frame=True)


def texts_and_numbers():
    import pandas as pd

    def frame(x):
        return pd.DataFrame({"text": x, "size": [float(len(s)) for s in x]})

    x, y, a, _ = texts()
    keep = [bool(s.strip()) for s in a]
    return frame(x), y, frame(a[keep]), ["text", "size"]


def table_line():
    x, _, a, names = table()
    return x, np.nan_to_num(x["age"]) * 2 + (x["city"] == "Lima"), a, names


# --- what scikit-learn refuses must be refused: (name, estimator, data, input that it refuses) ---
REFUSALS = [
    ("NaN-LogisticRegression", BASIC, "binary", lambda a: np.where(np.arange(a.shape[1]) == 1, np.nan, a)),
    ("inf-StandardScaler", StandardScaler(), "binary", lambda a: np.where(np.arange(a.shape[1]) == 1, np.inf, a)),
    ("NaN-GradientBoosting", GradientBoostingClassifier(n_estimators=3), "binary", lambda a: np.where(np.arange(a.shape[1]) == 0, np.nan, a)),
    ("huge-RandomForest", RandomForestClassifier(3), "binary", lambda a: a + 1e39),
    ("NaN-PCA", PCA(2), "binary", lambda a: a * np.nan),
    ("NaN-KMeans", KMeans(2, n_init=1), "binary", lambda a: a * np.nan),
    ("NaN-GaussianNB", GaussianNB(), "binary", lambda a: a * np.nan),
    ("NaN-MLP", CLASSIFIERS["MLPClassifier"], "binary", lambda a: a * np.nan),
    ("unknown-OneHotEncoder", OneHotEncoder(), "codes", lambda a: a + 10),
    ("unknown-OrdinalEncoder", OrdinalEncoder(), "codes", lambda a: a + 0.5),
    ("negative-AdditiveChi2Sampler", AdditiveChi2Sampler(), "counts", lambda a: a - 1e-9),
    ("alone-RadiusNeighborsClassifier", RadiusNeighborsClassifier(2.0), "three", lambda a: a + 100),
    ("width-LogisticRegression", BASIC, "binary", lambda a: a[:, :3]),
    ("width-RandomForest", RandomForestClassifier(3), "binary", lambda a: np.hstack([a, a])),
]
