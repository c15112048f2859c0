# SPDX-License-Identifier: Apache-2.0
"""A stored function. One whose first parameter is called `om` is given a client of this job: om.models.put(object, name)
makes a version when the job is done, om.progress(0.5, "half") says how far it is. firn.connect() gives it, too."""
import importlib
import inspect
import json
import os
import sys
import tempfile

from firn_worker import frame
from firn_worker.fault import Fault

WHAT = "the function"


def run(job):
    function = loaded(os.path.join(job.files, "script"))
    om = Om(job)
    sys.modules["firn"].connect = lambda *args, **kwargs: om
    args = [job.decode(value) for value in job.arguments.get("args") or []]
    kwargs = {name: job.decode(value) for name, value in (job.arguments.get("kwargs") or {}).items()}
    return call(function, om, args, kwargs)


def loaded(folder):
    with open(os.path.join(folder, "function.json"), encoding="utf-8") as file:
        name = json.load(file)["name"]
    from firn_worker import jobs
    jobs.client()
    source = os.path.join(folder, "src")
    os.chdir(folder)
    sys.path.insert(0, source)
    function = getattr(importlib.import_module("func_main"), name, None)
    if not callable(function):
        raise Fault(frame.INVALID_INPUT, "src/func_main.py binds no function %s" % name)
    return function


def call(function, om, args, kwargs):
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [parameter.name for parameter in parameters]
    if names[:1] == ["om"]:
        return function(om, *args, **kwargs)
    if "method" in names and "data" in names:  # as omega|ml calls what it keeps
        given = {"data": args[0] if args else None, "method": "run", "meta": None, "store": om, "tracking": None}
        every = any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters)
        given = {name: value for name, value in given.items() if every or name in names}
        return function(**dict(given, **kwargs))
    return function(*args, **kwargs)


class Om:
    """What of a client there is inside a job, which has no network."""

    def __init__(self, job):
        self.models = Models(job)
        self.datasets = Datasets(job)
        self._job = job

    def progress(self, share=None, text=""):
        """How far it is, 0 to 1 (None: unknown), and what it does."""
        self._job.channel.progress(share, text)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        pass

    def close(self):
        pass


class Put:
    """A version that will be there when the job is done."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return "<version of %s, when the job is done>" % self.name


class Models:
    def __init__(self, job):
        self._job = job

    def put(self, obj, name, alias=None, manifest=None, progress=None, **options):
        if isinstance(obj, (str, os.PathLike)):
            path = os.fspath(obj)
            if not os.path.exists(path):
                raise FileNotFoundError("there is no file or folder %r" % path)
        else:
            from firn import savers
            path = savers.save(obj, tempfile.mkdtemp(prefix="model-"), options)
        self._job.version(path, name, alias, manifest)
        return Put(name)

    def __getattr__(self, name):
        raise AttributeError("a job has no om.models.%s: it has no network" % name)


class Datasets:
    """Data sets that the job's arguments name."""

    def __init__(self, job):
        self._job = job

    def get(self, name, **options):
        if name not in (self._job.said.get("datasets") or {}):
            raise KeyError("the job was not given the data set %r: name it among its arguments" % name)
        return self._job.decode({"dataset": name})

    def __getattr__(self, name):
        raise AttributeError("a job has no om.datasets.%s: it has no network" % name)
