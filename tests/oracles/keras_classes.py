"""Every class of keras.layers: what firn makes of it. keras.py prints the table and checks it against the cases."""

import inspect

from keras import layers as L

# Why a class has no case: what it is, or what holds it.
REFUSED = {
    "FlaxLayer": "code: a module of Flax",
    "JaxLayer": "code: a function of JAX",
    "Lambda": "code: a function of Python",
    "TFSMLayer": "a SavedModel elsewhere",
    "TorchModuleWrapper": "code: a module of PyTorch",
    "Layer": "code: the base of all",
    "Wrapper": "code: the base of wrappers",
}
ELSEWHERE = {
    "Hashing": "keras_text.py", "HashedCrossing": "keras_text.py", "IntegerLookup": "keras_text.py", "StringLookup": "keras_text.py", "TextVectorization": "keras_text.py",
    "InputLayer": "every case", "InputSpec": "no layer", "GRUCell": "RNN", "LSTMCell": "RNN", "SimpleRNNCell": "RNN", "StackedRNNCells": "RNN",
    "Equalization": "Keras 3.15 cannot call it in a model", "MaxNumBoundingBoxes": "images pass",
}
# Keras 3.15 cannot save them: "cannot pickle 'module' object".
UNSAVED = "RandomBrightness RandomColorDegeneration RandomPosterization RandomSaturation RandomSharpness Solarization".split()


def classes():
    """Name -> class, each once."""
    seen = {}
    for name in sorted(dir(L)):
        value = getattr(L, name)
        if inspect.isclass(value) and value not in seen.values():
            seen[name] = value
    return seen


def table(used):
    """(name, "served" or "refused" or "missing", how it is known); used: names of the classes in cases that passed."""
    rows = []
    for name, cls in classes().items():
        if name in REFUSED:
            rows.append((name, "refused", REFUSED[name]))
        elif name in used or cls.__name__ in used:
            rows.append((name, "served", "a case"))
        elif name in ELSEWHERE:
            rows.append((name, "served", ELSEWHERE[name]))
        elif name in UNSAVED:
            rows.append((name, "served", "nothing in inference; Keras 3.15 cannot save it"))
        else:
            rows.append((name, "missing", "no case that passes"))
    return rows
