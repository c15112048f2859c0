# SPDX-License-Identifier: Apache-2.0
"""MLflow models of any flavour that pyfunc opens; the contract is the signature in MLmodel."""
import os

from firn_worker import adapter, tables, values

TYPES = {"boolean": "bool", "integer": "int32", "long": "int64", "float": "float", "double": "double",
         "string": "string"}


class PyFunc(adapter.Loaded):
    def __init__(self, model):
        self.model = model

    def contract(self):
        said = self.model.metadata.signature
        if said is None or said.inputs is None:
            return []
        inputs = fields(said.inputs, "x")
        outputs = fields(said.outputs, "predict") if said.outputs is not None else []
        return [adapter.signature("predict", inputs, outputs, not said.inputs.is_tensor_spec())] if outputs else []

    def predict(self, signature, inputs):
        said = self.model.metadata.get_input_schema()
        if said is not None and said.is_tensor_spec():
            given = inputs if said.has_input_names() else inputs[signature.inputs[0].name]
        elif len(signature.inputs) == 1 and values.numpy.ndim(inputs[signature.inputs[0].name]) > 1:
            given = inputs[signature.inputs[0].name]
        else:
            given = tables.frame(signature, inputs, [field.name for field in signature.inputs])
        result = self.model.predict(given)
        if hasattr(result, "columns"):
            return {str(name): result[name].to_numpy() for name in result.columns}
        if hasattr(result, "keys"):
            return {name: values.numpy.asarray(part) for name, part in result.items()}
        return tables.outputs(signature, values.numpy.asarray(result))


def fields(schema, default):
    if schema.is_tensor_spec():
        return [adapter.field(spec.name or default, spec.type, spec.shape) for spec in schema.inputs]
    made = []
    for i, column in enumerate(schema.inputs):
        kind = getattr(column.type, "name", "")
        if kind not in TYPES:
            return []
        made.append(adapter.field(str(column.name or ("%s_%d" % (default, i) if i else default)), TYPES[kind], [-1]))
    return made


def load(model):
    pyfunc = adapter.need("mlflow.pyfunc", "MLflow models")
    for root, _, names in os.walk(model.files):
        if "MLmodel" in names:
            return PyFunc(pyfunc.load_model(root))
    raise values.ValueFault("there is no MLmodel among the files")
