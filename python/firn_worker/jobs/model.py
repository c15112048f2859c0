# SPDX-License-Identifier: Apache-2.0
"""A method of a stored model: fit and partial_fit make its next version, score and the others return a value."""
import os
import tempfile

from firn_worker import adapter, frame, values
from firn_worker.fault import Fault

WHAT = "the method"


def run(job):
    files = os.path.join(job.files, "model")
    model = adapter.Model(files)
    loaded = adapter.load(job.said["adapter"], model)
    method = job.request["method"]
    x = job.decode(job.arguments.get("x"))
    y = job.decode(job.arguments.get("y"))
    if y is None and isinstance(x, tuple) and len(x) == 2:
        x, y = x  # both of one virtual data set
    if hasattr(y, "iloc") and getattr(y, "ndim", 1) == 2 and y.shape[1] == 1:
        y = y.iloc[:, 0]  # the one column of a frame
    options = {name: job.decode(value) for name, value in (job.arguments.get("options") or {}).items()}
    if method in ("fit", "partial_fit"):
        told = getattr(loaded, method)(x, y, **options)
        keep(job, loaded, model)
        return told
    if method == "score":
        return loaded.score(x, y, **options)
    function = getattr(getattr(loaded, "estimator", None), method, None)
    if not callable(function):
        return by_signature(job, loaded, method, x)
    result = function(x, y, **options) if method == "fit_transform" else function(x, **options)
    if method == "fit_transform":
        keep(job, loaded, model)
    return result


def by_signature(job, loaded, method, x):
    """What no estimator has: a signature of that name, or the first for predict."""
    found = [values.Signature(row) for row in loaded.contract()]
    wanted = [signature for signature in found if signature.name == method] or found[:method == "predict"]
    if not wanted:
        raise Fault(frame.UNSUPPORTED, "models of format %s have no method %s in jobs" % (job.said.get("format"), method))
    fields = wanted[0].inputs
    if len(fields) == 1 and not isinstance(x, dict):
        given = {fields[0].name: x}
    elif hasattr(x, "keys"):
        given = {field.name: x[field.name] for field in fields if field.name in x}
    else:
        given = {}
    absent = [field.name for field in fields if field.name not in given]
    if absent:
        raise Fault(frame.INVALID_INPUT, "x has no \"%s\"" % "\", \"".join(absent))
    result = loaded.predict(wanted[0], {name: values.numpy.asarray(value) for name, value in given.items()})
    return next(iter(result.values())) if len(result) == 1 else dict(result)


def keep(job, loaded, model):
    """All files of the model, with what it has learnt."""
    folder = tempfile.mkdtemp(prefix="model-")
    made = adapter.save_version(loaded, model, folder)
    if job.said.get("single"):
        names = os.listdir(folder)
        if len(names) > 1 and isinstance(made, str):
            names = [os.path.basename(made)]
        folder = os.path.join(folder, names[0])
    job.version(folder)
