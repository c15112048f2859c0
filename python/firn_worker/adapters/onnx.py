# SPDX-License-Identifier: Apache-2.0
"""ONNX models, by ONNX Runtime."""
from firn_worker import adapter, values

TYPES = {"float": "float", "double": "double", "float16": "half"}


class Session(adapter.Loaded):
    def __init__(self, session):
        self.session = session

    def contract(self):
        made = [[field(value) for value in side] for side in (self.session.get_inputs(), self.session.get_outputs())]
        return [adapter.signature("predict", *made)] if all(all(side) for side in made) else []

    def predict(self, signature, inputs):
        given = {name: values.numpy.asarray(value) for name, value in inputs.items() if value is not None}
        names = [field.name for field in signature.outputs]
        return dict(zip(names, self.session.run(names, given)))


def field(value):
    """None for a sequence or a map."""
    if not value.type.startswith("tensor("):
        return None
    kind = value.type[len("tensor("):-1]
    return adapter.field(value.name, TYPES.get(kind, kind), [n if isinstance(n, int) else -1 for n in value.shape])


def load(model):
    runtime = adapter.need("onnxruntime", "ONNX models")
    return Session(runtime.InferenceSession(model.path(".onnx", ".pb"), providers=["CPUExecutionProvider"]))
