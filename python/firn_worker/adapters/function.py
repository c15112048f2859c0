# SPDX-License-Identifier: Apache-2.0
"""Python functions: src/func_main.py, a function for each signature, called with the inputs by name.

Three generations of handlers are known. The first and the early second get messages (TensorProto) and return a
PredictResponse; later ones get numpy arrays, or scalars, and return a dict. A field that holds others is a dict. options["calling"] is "messages",
"values" or "", for which the module decides: who imports hydro_serving_grpc gets messages."""
import importlib
import os
import sys

from firn_worker import maps, protos, values
from firn_worker.adapter import Loaded

COMPAT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "compat")


class Functions(Loaded):
    def __init__(self, model, module, messages):
        self.functions, self.messages = {}, messages
        for signature in model.signatures:
            function = getattr(module, signature.name, None)
            if not callable(function):
                raise values.ValueFault("src/func_main.py has no function \"%s\", which the contract names"
                                        % signature.name)
            self.functions[signature.name] = function

    def what(self, signature):
        return "function \"%s\"" % signature.name

    def predict(self, signature, inputs):
        inputs = {name: value for name, value in inputs.items() if value is not None}  # the function's own default
        if self.messages:
            inputs = protos.from_values(inputs, signature.inputs)
        elif maps.has_maps(signature.inputs):
            inputs = maps.nest(inputs, signature.inputs)
        result = self.functions[signature.name](**inputs)
        outputs = getattr(result, "outputs", None)
        if outputs is not None and hasattr(outputs, "keys"):
            result = outputs
        return protos.to_results(result, signature.outputs) if hasattr(result, "keys") else result


def load(model):
    source = os.path.join(model.files, "src")
    root = os.path.dirname(os.path.abspath(model.files))
    # As the runtimes had it: the model's folder, its sources, what they brought along. The stand-in comes last.
    for path in (root, source, os.path.join(source, "lib"), os.path.join(root, "lib"), COMPAT):
        if path not in sys.path:
            sys.path.append(path)
    sys.path.insert(0, source)
    module = importlib.import_module("func_main")
    calling = model.options.get("calling") or ""
    messages = calling == "messages" or (calling != "values" and protos.imported_by(module))
    return Functions(model, module, messages)
