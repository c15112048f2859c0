# SPDX-License-Identifier: Apache-2.0
"""om.runtime: let the server compute."""

import threading
from typing import Any, Dict, List, Optional, Tuple
from urllib.parse import quote

from . import jobs, tensors
from .contract import Signature, Version
from .errors import Deadline, Unavailable, Unsupported
from .models import Models, split


class Runtime:
    def __init__(self, models: Models, datasets: Any = None, jobs: Any = None):
        self._models, self._datasets, self._jobs = models, datasets, jobs

    def model(self, name: str) -> "Model":
        """The model `name` ("name", "name:3", "name@alias", "name^"), ready to predict."""
        return Model(self._models, name, self)

    def script(self, name: str) -> "Script":
        """The script `name` ("name", "name@3"), ready to run."""
        return Script(self, name)

    def job(self, id: Any) -> Any:
        """The job of that number."""
        return self._jobs.job(id)

    def jobs(self, state: Optional[str] = None, name: Optional[str] = None, limit: int = 100) -> Any:
        """Jobs, newest first. `state`: queued, running, done, failed or cancelled."""
        return self._jobs.list(state, name, limit)

    def result(self, id: Any, wait: bool = True, timeout: Optional[float] = None) -> Any:
        """The result of the job of that number; without `wait` the job."""
        job = self.job(id)
        return job.get(timeout) if wait else job


class Script:
    """A stored function on the server."""

    def __init__(self, runtime: Runtime, name: str):
        self._runtime, self.name = runtime, name

    def run(self, /, *args: Any, key: Optional[str] = None, timeout: Optional[float] = None,
            attempts: Optional[int] = None, wait: bool = False, **kwargs: Any) -> Any:
        """Run it with these arguments, as a job: .get() gives what it returns, .versions the models
        that it put. Arguments may be arrays, frames, texts, numbers, lists; jobs.DatasetName("x")
        is a data set of the server. `key`, `timeout` (seconds), `attempts`: see Jobs.submit."""
        job = self._runtime._jobs.submit({"script": self.name},
                                         {"args": jobs.many(args), "kwargs": jobs.named(kwargs)},
                                         key, timeout, attempts)
        return job.get() if wait else job


class Model:
    """Functions of a model on the server. A result has `get()`, which gives it once more, so that
    code reads the same for `wait=False`, where the result is a Pending. fit and partial_fit, and
    what only the framework itself can do, are jobs. A text as x or y names a data set."""

    def __init__(self, models: Models, name: str, runtime: Any = None):
        self._models, self.name, self._runtime = models, name, runtime
        self._contract: Optional[Version] = None

    def contract(self) -> Version:
        if self._contract is None:
            self._contract = self._models.metadata(self.name)
        return self._contract

    def predict(self, x: Any, wait: bool = True) -> Any:
        """The model's first signature, or the one called predict."""
        names = [s.name for s in self.contract().signatures]
        return self.call("predict" if "predict" in names else None, x, wait)

    def predict_proba(self, x: Any, wait: bool = True) -> Any:
        return self._native_or_job("predict_proba", x, wait)

    def decision_function(self, x: Any, wait: bool = True) -> Any:
        return self._native_or_job("decision_function", x, wait)

    def transform(self, x: Any, wait: bool = True) -> Any:
        return self._native_or_job("transform", x, wait)

    def _native_or_job(self, method: str, x: Any, wait: bool) -> Any:
        """A method that is no signature may still be one of the framework's object."""
        if self._runtime is None or any(s.name == method for s in self.contract().signatures):
            return self.call(method, x, wait)
        try:
            job = self.train(method, x)
        except Unavailable:  # no workers: the signature is what is missing
            self.contract().signature(method)
            raise
        return job.get() if wait else job

    def fit(self, /, x: Any, y: Any = None, wait: bool = False, into: Optional[str] = None,
            **options: Any) -> Any:
        """Train it from the beginning: a job whose result is the model's next version (`into`: of
        another model). `options` go to the framework; `job_key`, `job_timeout`, `job_attempts`
        to the job."""
        job = self.train("fit", x, y, into, **options)
        return job.get() if wait else job

    def partial_fit(self, /, x: Any, y: Any = None, wait: bool = False, into: Optional[str] = None,
                    **options: Any) -> Any:
        """Train it on; as fit."""
        job = self.train("partial_fit", x, y, into, **options)
        return job.get() if wait else job

    def train(self, method: str, x: Any, y: Any = None, into: Optional[str] = None,
              job_key: Optional[str] = None, job_timeout: Optional[float] = None,
              job_attempts: Optional[int] = None, **options: Any) -> Any:
        """Any method of the framework's object, as a job."""
        request = {"model": self.name, "method": method}
        if into:
            request["into"] = into
        name, which = split(self.name)
        if isinstance(which, int) or "@" in self.name and which.isdigit():
            request["model"] = self.contract().reference
        arguments = {"x": _data(x), "y": _data(y), "options": jobs.named(options)}
        return self._runtime._jobs.submit(request, arguments, job_key, job_timeout, job_attempts)

    def _value(self, x: Any) -> Any:
        """What a text names."""
        if isinstance(x, str) and self._runtime is not None and self._runtime._datasets is not None:
            return self._runtime._datasets.get(x)
        return x

    def call(self, signature: Optional[str], x: Any, wait: bool = True) -> Any:
        """Any signature by its name; None: the first."""
        wanted = self.contract().signature(signature)
        x = self._value(x)
        if not wait:
            return Pending(lambda: self._run(wanted, x))
        return self._run(wanted, x)

    def _run(self, signature: Signature, x: Any) -> Any:
        body, headers = tensors.request(signature, x)
        name, which = split(self.name)
        path = "/v2/models/" + quote(name, safe="")
        if isinstance(which, int):  # name^ is a number for as long as this object lives
            which = str(self.contract().number)
        if which != "newest":
            path += "/versions/" + quote(which, safe="@")
        answer = self._models._connection.request("POST", path + "/infer", body, headers)
        values = tensors.answer(answer.headers, answer.body)
        if len(values) != 1:
            return Results(values)
        value = next(iter(values.values()))
        if hasattr(x, "iloc") and hasattr(x, "index"):
            return labelled(value, x, signature.outputs[0])
        return result(value, signature.outputs[0].classes)

    def score(self, /, x: Any, y: Any, wait: bool = True, **options: Any) -> Any:
        """Accuracy of a classifier, R2 of a regressor, of the predictions for x. With options, or
        without `wait`, the framework's own score, as a job."""
        import numpy
        if options or not wait:
            job = self.train("score", x, y, **options)
            return job.get() if wait else job
        x, y = self._value(x), self._value(y)
        kinds = [s for s in self.contract().signatures if s.name == "predict"]
        if not kinds or len(kinds[0].outputs) != 1:
            raise Unsupported("%s has no signature predict with one output" % self.name)
        truth = numpy.asarray(y)
        guess = numpy.asarray(self.predict(x)).reshape(truth.shape)
        if kinds[0].outputs[0].classes is not None or guess.dtype.kind in "OSUb":
            return float((guess == truth).mean())
        if guess.dtype.kind in "iu":
            raise Unsupported("the predictions of %s are whole numbers without classes" % self.name)
        spread = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
        return float((1 - ((truth - guess) ** 2).sum(axis=0) / spread).mean())


def _data(value: Any) -> Any:
    return jobs.DatasetName(value) if type(value) is str else value


_labelled_kinds: Any = None


def labelled(value: Any, x: Any, output: Any) -> Any:
    """A series or frame with the index of `x`; columns of probabilities are the classes."""
    global _labelled_kinds
    rows: Tuple[int, ...] = getattr(value, "shape", ())
    if len(rows) not in (1, 2) or rows[0] != len(x):
        return result(value, output.classes)
    if _labelled_kinds is None:
        import pandas

        class Series(pandas.Series):
            _metadata = ["classes"]
            classes: Any = None

            def get(self, key: Any = None, default: Any = None) -> Any:
                return self if key is None else super().get(key, default)

        class Frame(pandas.DataFrame):
            _metadata = ["classes"]
            classes: Any = None

            def get(self, key: Any = None, default: Any = None) -> Any:
                return self if key is None else super().get(key, default)

        _labelled_kinds = Series, Frame
    if len(rows) == 1:
        made = _labelled_kinds[0](value, index=x.index, name=output.name)
    else:
        fits = output.classes is not None and len(output.classes) == rows[1]
        made = _labelled_kinds[1](value, index=x.index, columns=output.classes if fits else None)
    made.classes = output.classes
    return made


class Results(Dict[str, Any]):
    """Several outputs by name."""

    def get(self, name: Any = None, default: Any = None) -> Any:
        return self if name is None or isinstance(name, (int, float)) else super().get(name, default)


class _List(List[Any]):
    classes: Any = None

    def get(self, timeout: Optional[float] = None) -> "_List":
        return self


_array_kind: Any = None


def result(value: Any, classes: Any) -> Any:
    """An array (a list without numpy) with get() and `classes`."""
    global _array_kind
    if isinstance(value, list):
        made = _List(value)
        made.classes = classes
        return made
    if not hasattr(value, "dtype"):
        return value
    if _array_kind is None:
        import numpy

        class Array(numpy.ndarray):
            classes: Any = None

            def __array_finalize__(self, other: Any) -> None:
                self.classes = getattr(other, "classes", None)

            def get(self, timeout: Optional[float] = None) -> Any:
                return self

        _array_kind = Array
    made = value.view(_array_kind)
    made.classes = classes
    return made


class Pending:
    """A result that is being computed."""

    def __init__(self, work: Any):
        self._done = threading.Event()
        self._state: Dict[str, Any] = {}
        threading.Thread(target=self._work, args=(work,), daemon=True).start()

    def _work(self, work: Any) -> None:
        try:
            self._state["value"] = work()
        except BaseException as error:  # handed to whoever asks
            self._state["error"] = error
        self._done.set()

    @property
    def status(self) -> str:
        if not self._done.is_set():
            return "PENDING"
        return "FAILURE" if "error" in self._state else "SUCCESS"

    def ready(self) -> bool:
        return self._done.is_set()

    def get(self, timeout: Optional[float] = None) -> Any:
        if not self._done.wait(timeout):
            raise Deadline("no result in %g seconds" % (timeout or 0))
        if "error" in self._state:
            raise self._state["error"]
        return self._state["value"]
