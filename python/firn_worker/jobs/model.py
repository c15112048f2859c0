# SPDX-License-Identifier: Apache-2.0
"""A method of a stored model: fit and partial_fit make its next version, score and the others return a value."""
import os
import tempfile

from firn_worker import adapter, frame
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
        raise Fault(frame.UNSUPPORTED, "models of format %s have no method %s in jobs"
                    % (job.said.get("format"), method))
    result = function(x, y, **options) if method == "fit_transform" else function(x, **options)
    if method == "fit_transform":
        keep(job, loaded, model)
    return result.toarray() if hasattr(result, "toarray") else result


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
