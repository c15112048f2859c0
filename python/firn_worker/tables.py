# SPDX-License-Identifier: Apache-2.0
"""Models of rows of features: their inputs are one matrix, or a field for each column."""
from firn_worker import adapter, values


def inputs_of(features, names=None, dtype="double", dtypes=None):
    """The fields of `features` columns: by name where the model was trained on names, else one matrix "x".
    `dtypes`: of the columns, where they differ."""
    if names is None:
        return [adapter.field("x", dtype, [-1, features])]
    return [adapter.field(str(name), dtypes[i] if dtypes else dtype, [-1]) for i, name in enumerate(names)]


def matrix(signature, inputs):
    """The rows as one array: the matrix itself, or the columns side by side."""
    numpy = values.numpy
    if len(signature.inputs) == 1 and numpy.ndim(inputs[signature.inputs[0].name]) != 1:
        return numpy.asarray(inputs[signature.inputs[0].name])
    columns = [numpy.atleast_1d(inputs[field.name]) for field in signature.inputs]
    kinds = {column.dtype.kind for column in columns}
    if kinds <= set("biuf"):
        return numpy.column_stack(columns)
    return numpy.column_stack([column.astype(object) for column in columns])


def frame(signature, inputs, names):
    """The rows as a frame of pandas with these column names, in this order."""
    import pandas
    given = {field.name: values.numpy.atleast_1d(inputs[field.name]) for field in signature.inputs}
    if len(given) == 1 and next(iter(given.values())).ndim == 2:
        return pandas.DataFrame(next(iter(given.values())), columns=list(names))
    missing = [str(name) for name in names if str(name) not in given]
    if missing:
        raise values.ValueFault("the model has the column \"%s\", which is no input" % missing[0])
    return pandas.DataFrame({name: given[str(name)] for name in names}, columns=list(names))


def outputs(signature, parts):
    """{name: array} of what a method returned, in the contract's types where nothing is lost."""
    if not isinstance(parts, (list, tuple)) or len(signature.outputs) == 1:
        parts = [parts]
    if len(parts) != len(signature.outputs):
        raise values.ValueFault("it returned %d results, not %d" % (len(parts), len(signature.outputs)))
    return {field.name: fitted(part, field) for part, field in zip(parts, signature.outputs)}


def fitted(value, field):
    """In the field's type, where nothing is lost by that."""
    numpy = values.numpy
    value = numpy.asarray(value)
    name = values.DTYPES[field.dtype][2]
    if value.dtype.kind in "biuf" and name != "object" and value.dtype != name:
        with numpy.errstate(all="ignore"):
            other = value.astype(name)
        back = other.astype(value.dtype)
        if numpy.all((back == value) | ((back != back) & (value != value))):
            return other
    return value
