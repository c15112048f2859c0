# SPDX-License-Identifier: Apache-2.0
"""MXNet: a symbol with its parameters (NAME-symbol.json, NAME-0000.params)."""
import os

from firn_worker import adapter, values


class Block(adapter.Loaded):
    def __init__(self, mxnet, symbol, params, path=None):
        self.mxnet, self.symbol, self.path = mxnet, symbol, path
        known = {name.split(":", 1)[-1] for name in params}
        self.inputs = [name for name in symbol.list_inputs() if name not in known and not name.endswith("_label")]
        loss = [name for name in symbol.list_inputs() if name.endswith("_label") and name not in known]
        self.labels = loss
        self.args = {name.split(":", 1)[1]: value for name, value in params.items() if name.startswith("arg:")}
        self.auxiliary = {name.split(":", 1)[1]: value for name, value in params.items() if name.startswith("aux:")}
        self.bound = {}  # shapes of the inputs -> executor

    def contract(self):
        outputs = [name.replace("_output", "") for name in self.symbol.list_outputs()]
        return [adapter.signature("predict", [adapter.field(name, "float", None) for name in self.inputs],
                                  [adapter.field(name, "float", None) for name in outputs])]

    def executor(self, shapes):
        key = tuple(sorted(shapes.items()))
        if key not in self.bound:
            self.bound.clear()
            made = self.symbol.simple_bind(self.mxnet.cpu(), grad_req="null", **shapes)
            made.copy_params_from(self.args, self.auxiliary, allow_extra_params=True)
            self.bound[key] = made
        return self.bound[key]

    def predict(self, signature, inputs):
        nd = self.mxnet.nd
        made = self.executor({name: inputs[name].shape for name in self.inputs})
        results = made.forward(is_train=False, **{name: nd.array(inputs[name]) for name in self.inputs})
        return {field.name: part.asnumpy() for field, part in zip(signature.outputs, results)}


def load(model):
    mxnet = adapter.need("mxnet", "MXNet models")
    symbols = [path for path in model.paths() if path.endswith("symbol.json")]
    params = [path for path in model.paths() if path.endswith(".params")]
    if len(symbols) != 1 or len(params) != 1:
        raise values.ValueFault("a model is one ...-symbol.json and one .params, not %d and %d" % (len(symbols), len(params)))
    return Block(mxnet, mxnet.sym.load(symbols[0]), mxnet.nd.load(params[0]), os.path.dirname(symbols[0]))
