# SPDX-License-Identifier: Apache-2.0
"""Theano: a pickled compiled function. Loading unpickles and compiles it anew: only inside the sandbox, and without a C
compiler, which is not there, by Theano's own operations."""
import os

from firn_worker import adapter, tables, values

SUFFIXES = (".pkl", ".pickle", ".save", ".theano")
FLAGS = "cxx=,device=cpu,base_compiledir=" + os.path.join(os.environ.get("TMPDIR", "/tmp"), "theano")


class Function(adapter.Loaded):
    def __init__(self, function):
        self.function = function
        self.inputs = [part.variable for part in function.maker.inputs if not part.shared and not part.implicit]
        self.outputs = [part.variable for part in function.maker.outputs]

    def contract(self):
        return [adapter.signature("predict", fields(self.inputs, "input"), fields(self.outputs, "output"))]

    def predict(self, signature, inputs):
        given = [values.numpy.asarray(inputs[field.name], dtype=variable.type.dtype)
                 for field, variable in zip(signature.inputs, self.inputs)]
        return tables.outputs(signature, self.function(*given))


def fields(variables, word):
    made = []
    for i, variable in enumerate(variables):
        name = variable.name or (word if len(variables) == 1 else "%s_%d" % (word, i))
        made.append(adapter.field(name, variable.type.dtype, [1 if one else -1 for one in variable.type.broadcastable]))
    return made


def load(model):
    os.environ["THEANO_FLAGS"] = FLAGS
    adapter.need("theano", "Theano models")
    import pickle
    with open(model.path(*SUFFIXES), "rb") as file:
        function = pickle.load(file)
    if not hasattr(function, "maker"):
        raise values.ValueFault("the pickle holds %s, not a compiled function" % type(function).__name__)
    return Function(function)
