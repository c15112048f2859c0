# SPDX-License-Identifier: Apache-2.0
"""om.runtime: let the server compute."""

import threading
from typing import Any, Dict, Optional
from urllib.parse import quote

from . import tensors
from .contract import Signature, Version
from .errors import Deadline, Unsupported
from .models import Models, split


class Runtime:
    def __init__(self, models: Models):
        self._models = models

    def model(self, name: str) -> "Model":
        """The model `name` ("name", "name:3", "name@alias", "name^"), ready to predict."""
        return Model(self._models, name)


class Model:
    """Functions of a model on the server. A result has `get()`, which gives it once more, so that
    code reads the same for `wait=False`, where the result is a Pending."""

    def __init__(self, models: Models, name: str):
        self._models, self.name = models, name
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
        return self.call("predict_proba", x, wait)

    def decision_function(self, x: Any, wait: bool = True) -> Any:
        return self.call("decision_function", x, wait)

    def transform(self, x: Any, wait: bool = True) -> Any:
        return self.call("transform", x, wait)

    def call(self, signature: Optional[str], x: Any, wait: bool = True) -> Any:
        """Any signature by its name; None: the first."""
        wanted = self.contract().signature(signature)
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
        return result(next(iter(values.values())), signature.outputs[0].classes)

    def score(self, x: Any, y: Any) -> float:
        """Accuracy of a classifier, R2 of a regressor, of the predictions for x."""
        import numpy
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


class Results(dict):
    """Several outputs by name."""

    def get(self, name: Any = None, default: Any = None) -> Any:
        return self if name is None or isinstance(name, (int, float)) else super().get(name, default)


class _List(list):
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
