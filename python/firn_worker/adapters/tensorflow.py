# SPDX-License-Identifier: Apache-2.0
"""TensorFlow: SavedModels (their signatures), TensorFlow Lite, and frozen graphs (by the tensors that the contract names)."""
import os

from firn_worker import adapter, values


class SavedModel(adapter.Loaded):
    def __init__(self, loaded):
        self.tf = adapter.need("tensorflow", "TensorFlow models")
        self.loaded = loaded

    def contract(self):
        made = []
        for name, function in sorted(self.loaded.signatures.items()):
            if name == "__saved_model_init_op":
                continue
            inputs = function.structured_input_signature[1]
            outputs = function.structured_outputs
            if not hasattr(outputs, "keys"):
                outputs = {"output_%d" % i: spec for i, spec in enumerate(outputs)}
            made.append(adapter.signature(name, *[[tensor_field(key, specs[key]) for key in sorted(specs)]
                                                  for specs in (inputs, outputs)]))
        return made

    def predict(self, signature, inputs):
        function = self.loaded.signatures[signature.name]
        specs = function.structured_input_signature[1]
        given = {name: self.tf.constant(value, dtype=specs[name].dtype) for name, value in inputs.items()}
        result = function(**given)
        return {name: plain(part) for name, part in result.items()}


class Lite(adapter.Loaded):
    def __init__(self, path):
        self.interpreter = adapter.need("tensorflow", "TensorFlow Lite models").lite.Interpreter(model_path=path)
        self.inputs = {short(row["name"]): row for row in self.interpreter.get_input_details()}
        self.outputs = {short(row["name"]): row for row in self.interpreter.get_output_details()}

    def contract(self):
        def fields(rows):
            return [adapter.field(name, row["dtype"], row["shape_signature"]) for name, row in rows.items()]
        return [adapter.signature("predict", fields(self.inputs), fields(self.outputs))]

    def predict(self, signature, inputs):
        for name, value in inputs.items():
            self.interpreter.resize_tensor_input(self.inputs[name]["index"], values.numpy.shape(value))
        self.interpreter.allocate_tensors()
        for name, value in inputs.items():
            self.interpreter.set_tensor(self.inputs[name]["index"], values.numpy.asarray(value))
        self.interpreter.invoke()
        return {name: self.interpreter.get_tensor(row["index"]) for name, row in self.outputs.items()}


class Graph(adapter.Loaded):
    """A frozen graph: fields are called like its tensors, "x" or "x:0"."""

    def __init__(self, path, signatures):
        tf = adapter.need("tensorflow", "TensorFlow models")
        definition = tf.compat.v1.GraphDef()
        with open(path, "rb") as file:
            definition.ParseFromString(file.read())
        whole = tf.compat.v1.wrap_function(lambda: tf.compat.v1.import_graph_def(definition, name=""), [])
        self.tf = tf
        self.functions = {s.name: whole.prune([tensor(whole, f.name) for f in s.inputs],
                                              [tensor(whole, f.name) for f in s.outputs]) for s in signatures}

    def predict(self, signature, inputs):
        given = [self.tf.constant(inputs[field.name]) for field in signature.inputs]
        result = self.functions[signature.name](*given)
        return {field.name: plain(part) for field, part in zip(signature.outputs, result)}


def tensor(function, name):
    return function.graph.as_graph_element(name if ":" in name else name + ":0")


def tensor_field(name, spec):
    shape = None if spec.shape.rank is None else [-1 if n is None else n for n in spec.shape.as_list()]
    return adapter.field(name, "string" if spec.dtype.name == "string" else spec.dtype.name.replace(
        "float32", "float").replace("float64", "double").replace("float16", "half"), shape)


def plain(part):
    return part.numpy() if hasattr(part, "numpy") else part


def short(name):
    return name.split(":")[0].replace("serving_default_", "")


def load(model):
    tf = adapter.need("tensorflow", "TensorFlow models")
    for root, _, names in os.walk(model.files):
        if "saved_model.pb" in names:
            return SavedModel(tf.saved_model.load(root))
    path = model.path(".tflite", ".pb")
    with open(path, "rb") as file:
        lite = file.read(8)[4:] == b"TFL3"
    return Lite(path) if lite else Graph(path, model.signatures)
