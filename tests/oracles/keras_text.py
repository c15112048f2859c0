#!/usr/bin/env python3
"""The layers of Keras that need TensorFlow (vocabularies, text, hashes) as oracle, saved as .keras and as .h5, beside `firn predict`.

    scripts/python tests/oracles/keras_text.py           all cases
    scripts/python tests/oracles/keras_text.py Hashing   those whose names hold a word
    scripts/python tests/oracles/keras_text.py --sample 4
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != HERE]
os.environ.update(KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3", TF_NUM_INTRAOP_THREADS="1", TF_ENABLE_ONEDNN_OPTS="0")

import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
try:
    import tensorflow as tf
except ImportError:
    sys.exit("SKIPPED keras_text: there is no tensorflow")
import keras
from keras import layers as L

sys.path.append(HERE)
from common import Refused, differs, predict, wanted

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
CASES = []
WORDS = ["red", "green", "blue", "[x]", "Größe"]
TEXTS = [["The quick, brown fox! The fox?"], [""], ["über  GRÖSSE\tRED; red-green  (blue)"], ["...  ,"], ["a b c d e f g h"]]
ARTICLE = ["the", "fox", "quick", "red", "über", "c", "d"]


def case(name, inputs, build, adapt=None):
    """inputs: arrays with a batch; build: inputs -> outputs; adapt: (layer, data)."""
    CASES.append((name, inputs, build))


def strings(*rows):
    return np.array(rows, dtype=object)


COLUMN = strings(["red"], ["blue"], ["Größe"], ["unseen"], [""], ["[UNK]"])
ROWS = strings(["red", "blue", "red"], ["", "unseen", "green"], ["other", "Größe", ""])
NUMBERS = np.array([[12, 36, 7], [0, -1, 1138], [42, 42, 5]], "int64")

for mode in ("int", "one_hot", "multi_hot", "count"):
    case(f"StringLookup {mode}", [COLUMN], lambda x, m=mode: L.StringLookup(vocabulary=WORDS, output_mode=m)(x))
    case(f"StringLookup {mode} oov 3", [COLUMN], lambda x, m=mode: L.StringLookup(vocabulary=WORDS, output_mode=m, num_oov_indices=3)(x))
    case(f"StringLookup {mode} mask", [ROWS], lambda x, m=mode: L.StringLookup(vocabulary=WORDS, output_mode=m, mask_token="")(x))
    case(f"StringLookup {mode} padded", [ROWS], lambda x, m=mode: L.StringLookup(vocabulary=WORDS, output_mode=m, max_tokens=9, pad_to_max_tokens=m != "int")(x))
    case(f"IntegerLookup {mode}", [NUMBERS], lambda x, m=mode: L.IntegerLookup(vocabulary=[12, 36, 1138, 42], output_mode=m)(x))
    case(f"IntegerLookup {mode} oov 2 mask", [NUMBERS], lambda x, m=mode: L.IntegerLookup(vocabulary=[12, 36, 1138, 42], output_mode=m, num_oov_indices=2, mask_token=0)(x))
    case(f"Hashing {mode}", [COLUMN], lambda x, m=mode: L.Hashing(7, output_mode=m)(x))
    case(f"Hashing {mode} salt mask", [COLUMN], lambda x, m=mode: L.Hashing(7, output_mode=m, salt=[133, 137], mask_value="")(x))
    case(f"Hashing {mode} integers", [NUMBERS], lambda x, m=mode: L.Hashing(5, output_mode=m, salt=3)(x))
    case(f"Discretization {mode}", [np.array([[-1.5, 1.0], [0.0, 3.5], [0.5, 2.0]], "float32")], lambda x, m=mode: L.Discretization([0.0, 0.5, 2.0], output_mode=m)(x))
case("Discretization integers", [NUMBERS], lambda x: L.Discretization([0, 12, 40])(x))
case("StringLookup special tokens given", [COLUMN], lambda x: L.StringLookup(vocabulary=["", "[UNK]", *WORDS], mask_token="")(x))
case("StringLookup tf_idf", [ROWS], lambda x: L.StringLookup(vocabulary=WORDS, output_mode="tf_idf", idf_weights=[0.1, 0.5, 0.7, 1.5, 2.0])(x))
case("StringLookup in vocabulary", [strings(["red"], ["blue"])], lambda x: L.StringLookup(vocabulary=WORDS, num_oov_indices=0)(x))
case("StringLookup salt", [COLUMN], lambda x: L.StringLookup(vocabulary=WORDS, num_oov_indices=4, salt=[1, 2])(x))
case("StringLookup inverted", [np.array([[0, 1, 2], [3, 7, 5]], "int64")], lambda x: L.StringLookup(vocabulary=WORDS, invert=True, mask_token="")(x))
case("IntegerLookup inverted", [np.array([[0, 1, 2], [3, 7, 5]], "int64")], lambda x: L.IntegerLookup(vocabulary=[12, 36, 1138, 42], invert=True)(x))
case("lookups there and back", [COLUMN], lambda x: L.StringLookup(vocabulary=WORDS, invert=True)(L.StringLookup(vocabulary=WORDS)(x)))
case("StringLookup, Embedding, Dense", [ROWS], lambda x: L.Dense(3)(L.Embedding(8, 4)(L.StringLookup(vocabulary=WORDS)(x))))
case("StringLookup multi_hot, Dense", [ROWS], lambda x: L.Dense(3)(L.StringLookup(vocabulary=WORDS, output_mode="multi_hot")(x)))
for mode in ("multi_hot", "one_hot", "count"):
    case(f"CategoryEncoding {mode}", [np.array([[0, 1, 1], [3, 2, 0]], "int64") if mode != "one_hot" else np.array([[1], [3]], "int64")], lambda x, m=mode: L.CategoryEncoding(4, output_mode=m)(x))
case("CategoryEncoding weights", [np.array([[0, 1, 1], [3, 2, 0]], "int64"), np.array([[0.5, 1.5, 2], [1, 0.25, 3]], "float32")],
     lambda x, w: L.CategoryEncoding(4, output_mode="count")(x, count_weights=w))
for mode in ("int", "one_hot"):
    case(f"HashedCrossing {mode}", [strings(["a"], ["b"], ["c"]), np.array([[1], [2], [30]], "int64")], lambda a, b, m=mode: L.HashedCrossing(9, output_mode=m)((a, b)))
case("HashedCrossing negative", [np.array([[1], [-2], [30]], "int64"), strings(["x"], [""], ["é"])], lambda a, b: L.HashedCrossing(1000)((a, b)))
case("Concatenate of both kinds", [ROWS, np.ones((3, 2), "float32")], lambda a, b: L.Dense(2)(L.Concatenate()([L.StringLookup(vocabulary=WORDS, output_mode="count")(a), b])))

T = strings(*TEXTS)
for mode in ("int", "multi_hot", "count"):
    for standardize in ("lower_and_strip_punctuation", "lower", "strip_punctuation", None):
        case(f"TextVectorization {mode} {standardize}", [T], lambda x, m=mode, s=standardize: L.TextVectorization(vocabulary=ARTICLE, output_mode=m, standardize=s)(x))
    case(f"TextVectorization {mode} characters", [T], lambda x, m=mode: L.TextVectorization(vocabulary=["a", "b", "r", "ü", "ö"], output_mode=m, split="character")(x))
    case(f"TextVectorization {mode} ngrams", [T], lambda x, m=mode: L.TextVectorization(vocabulary=["the", "the quick", "b c", "quick brown fox"], output_mode=m, ngrams=3)(x))
case("TextVectorization ngrams of 2 alone", [T], lambda x: L.TextVectorization(vocabulary=["the quick", "b c"], ngrams=(2,))(x))
case("TextVectorization padded", [T], lambda x: L.TextVectorization(vocabulary=ARTICLE, output_sequence_length=12)(x))
case("TextVectorization cut", [T], lambda x: L.TextVectorization(vocabulary=ARTICLE, output_sequence_length=3)(x))
case("TextVectorization whole", [T], lambda x: L.TextVectorization(vocabulary=ARTICLE, split=None)(x))
case("TextVectorization max_tokens", [T], lambda x: L.TextVectorization(vocabulary=ARTICLE, output_mode="multi_hot", max_tokens=12, pad_to_max_tokens=True)(x))
case("TextVectorization tf_idf", [T], lambda x: L.TextVectorization(vocabulary=ARTICLE, output_mode="tf_idf", idf_weights=[0.1, 0.5, 0.7, 1.5, 2.0, 0.3, 1.1])(x))


def adapted(layer, data):
    layer.adapt(data)
    return layer


case("TextVectorization adapted", [T], lambda x: adapted(L.TextVectorization(), T)(x))
case("TextVectorization adapted few", [T], lambda x: adapted(L.TextVectorization(max_tokens=6, output_sequence_length=5), T)(x))
case("TextVectorization adapted tf_idf", [T], lambda x: adapted(L.TextVectorization(output_mode="tf_idf"), T)(x))
case("StringLookup adapted", [COLUMN], lambda x: adapted(L.StringLookup(), COLUMN[:4])(x))
case("StringLookup adapted tf_idf", [ROWS], lambda x: adapted(L.StringLookup(output_mode="tf_idf"), ROWS)(x))
case("IntegerLookup adapted", [NUMBERS], lambda x: adapted(L.IntegerLookup(mask_token=0), NUMBERS)(x))
case("text to answer", [T], lambda x: L.Dense(2, activation="softmax")(L.GlobalAveragePooling1D()(L.Embedding(9, 4, mask_zero=True)(L.TextVectorization(vocabulary=ARTICLE, output_sequence_length=8)(x)))))


# --- FeatureSpace: columns of a table by their names, as one vector ---

TABLE = {
    "age": np.array([[31.0], [55], [18], [72], [40]], "float32"), "hours": np.array([[3.5], [0.5], [9], [4], [7.25]], "float32"),
    "city": strings(["Oslo"], ["Rome"], ["Lima"], ["Oslo"], ["Bonn"]), "code": np.array([[7], [3], [7], [12], [3]], "int64"),
}  # fmt: skip
SPACES = {
    "numbers": ({"age": "float_normalized", "hours": "float_rescaled", "code": "float"}, None),
    "buckets": ({"age": "float_discretized", "hours": "float_discretized"}, None),
    "categories": ({"city": "string_categorical", "code": "integer_categorical"}, None),
    "hashes": ({"city": "string_hashed", "code": "integer_hashed"}, None),
    "crosses": ({"city": "string_categorical", "code": "integer_categorical", "age": "float_normalized"}, [("city", "code"), ("code", "city")]),
}


def feature(kind, mode):
    F = keras.utils.FeatureSpace
    options = {"output_mode": mode} if kind not in ("float", "float_normalized", "float_rescaled") else {}
    if kind.endswith("hashed"):
        options["num_bins"] = 6
    if kind == "float_discretized":
        options["num_bins"] = 3
    return F.float_rescaled(scale=0.25, offset=1.0) if kind == "float_rescaled" else getattr(F, kind)(**options)


def feature_space(name, kinds, crosses, mode, output):
    """The space as a model of its own, and in front of a dense layer."""

    def make():
        space = keras.utils.FeatureSpace(
            features={key: feature(kind, mode) for key, kind in kinds.items()},
            crosses=[keras.utils.FeatureSpace.cross(feature_names=pair, crossing_dim=7) for pair in crosses or []],
            output_mode=output,
        )
        rows = {key: TABLE[key] for key in kinds}
        space.adapt(tf.data.Dataset.from_tensor_slices({key: tf.constant(value.tolist()) if value.dtype == object else value for key, value in rows.items()}).batch(5))
        encoded = space.get_encoded_features()
        if output == "concat":
            encoded = L.Dense(2)(encoded)
        return keras.Model(space.get_inputs(), encoded), rows

    SPACE_CASES.append((f"FeatureSpace {name} {mode} {output}", make))


SPACE_CASES = []
for space, (kinds, crosses) in SPACES.items():
    for mode in ("one_hot", "int"):
        if mode == "one_hot" or space not in ("numbers", "crosses"):
            feature_space(space, kinds, crosses, mode, "concat" if mode == "one_hot" else "dict")
feature_space("all", {"age": "float_normalized", "hours": "float_discretized", "city": "string_categorical", "code": "integer_hashed"}, [("city", "code")], "one_hot", "concat")


def work_space(case):
    name, make = case
    keras.utils.clear_session()
    model, rows = make()
    want = model({key: tf.constant(value.tolist()) if value.dtype == object else tf.constant(value) for key, value in rows.items()}, training=False)
    want = [np.asarray(want[key]) for key in sorted(want)] if isinstance(want, dict) else [np.asarray(want)]
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{key}={folder}/{key}.npy" for key in rows]
        for key, value in rows.items():
            np.save(f"{folder}/{key}.npy", value.astype(str) if value.dtype == object else value)
        for kind in ("model.keras", "model"):
            path = Path(folder) / kind
            model.save(path) if path.suffix else model.export(str(path), verbose=False)
            try:
                got = predict(path, files)
            except Refused as refused:
                faults.append(f"{kind}: {' '.join(str(refused.args[1]).split())}")
                continue
            got = list(got.values()) if len(got) < 2 else [got[key] for key in (model.output_names if path.suffix else sorted(got))]
            if len(got) != len(want):
                faults.append(f"{kind}: {len(got)} outputs, not {len(want)}")
            faults += [f"{kind}: {fault}" for fault in (differs(g, w, 1e-5, 1e-6) for g, w in zip(got, want)) if fault]
    return faults


def work(case):
    name, data, build = case
    keras.utils.clear_session()
    inputs = [keras.Input(x.shape[1:], dtype="string" if x.dtype == object else str(x.dtype), name=f"in{i}") for i, x in enumerate(data)]
    model = keras.Model(inputs, build(*inputs))
    given = [tf.constant([[str(v) for v in row] for row in x]) if x.dtype == object else tf.constant(x) for x in data]
    want = model(given if len(given) > 1 else given[0], training=False)
    want = want.numpy()
    want = np.vectorize(lambda b: b.decode(), otypes=[object])(want) if want.dtype == object else want
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        files = [f"in{i}={folder}/{i}.npy" for i in range(len(data))]
        for i, x in enumerate(data):
            np.save(f"{folder}/{i}.npy", x.astype(str) if x.dtype == object else x)
        for kind in ("keras", "h5"):
            if kind == "h5" and "adapted" in name:
                continue  # Keras leaves the vocabulary out
            path = Path(folder) / f"model.{kind}"
            model.save(path)
            try:
                got = next(iter(predict(path, files).values()))
            except Refused as refused:
                faults.append(f".{kind}: {' '.join(str(refused.args[1]).split())}")
                continue
            fault = differs(got, want, 1e-5, 1e-6)
            faults += [f".{kind}: {fault}"] if fault else []
    return faults


def main():
    arguments = sys.argv[1:]
    step = int(arguments.pop(arguments.index("--sample") + 1)) if "--sample" in arguments else 1
    passed = failed = 0
    for case in wanted([*SPACE_CASES, *CASES], arguments)[::step]:
        try:
            faults = work_space(case) if case in SPACE_CASES else work(case)
        except Exception as error:  # of Keras itself
            faults = [f"Keras: {error}"]
        passed += not faults
        failed += bool(faults)
        for fault in faults:
            print(f"FAILED {case[0]}: {fault}", flush=True)
    print(f"keras text: {passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
