# SPDX-License-Identifier: Apache-2.0
"""The client as coroutines: each call runs on a thread, with the same arguments and results.

    await om.aio.models.list()
    await om.aio.runtime.model("shop/churn").predict(X)"""

import asyncio
import functools
from typing import TYPE_CHECKING, Any, Callable

from .datasets import Datasets
from .models import Models
from .runtime import Model, Runtime, Script
from .scripts import Scripts

if TYPE_CHECKING:
    from typing import Concatenate, Coroutine, ParamSpec, TypeVar
    from .client import Client
    P = ParamSpec("P")
    R = TypeVar("R")
    S = TypeVar("S")


def _coroutine(method: "Callable[Concatenate[S, P], R]"
               ) -> "Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]":
    """A method of the object behind, awaited."""

    @functools.wraps(method)
    async def call(self: Any, /, *args: "P.args", **kwargs: "P.kwargs") -> "R":
        work = functools.partial(method, self._inner, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(None, work)

    return call


class _Async:
    def __init__(self, inner: Any):
        self._inner = inner


class AsyncModels(_Async):
    metadata = _coroutine(Models.metadata)
    exists = _coroutine(Models.exists)
    list = _coroutine(Models.list)
    revisions = _coroutine(Models.revisions)
    put = _coroutine(Models.put)
    get = _coroutine(Models.get)
    alias = _coroutine(Models.alias)
    drop = _coroutine(Models.drop)


class AsyncDatasets(_Async):
    metadata = _coroutine(Datasets.metadata)
    exists = _coroutine(Datasets.exists)
    list = _coroutine(Datasets.list)
    revisions = _coroutine(Datasets.revisions)
    put = _coroutine(Datasets.put)
    get = _coroutine(Datasets.get)
    drop = _coroutine(Datasets.drop)


class AsyncScripts(_Async):
    metadata = _coroutine(Scripts.metadata)
    exists = _coroutine(Scripts.exists)
    list = _coroutine(Scripts.list)
    revisions = _coroutine(Scripts.revisions)
    put = _coroutine(Scripts.put)
    get = _coroutine(Scripts.get)
    drop = _coroutine(Scripts.drop)


class AsyncModel(_Async):
    contract = _coroutine(Model.contract)
    predict = _coroutine(Model.predict)
    predict_proba = _coroutine(Model.predict_proba)
    decision_function = _coroutine(Model.decision_function)
    transform = _coroutine(Model.transform)
    call = _coroutine(Model.call)
    score = _coroutine(Model.score)
    fit = _coroutine(Model.fit)
    partial_fit = _coroutine(Model.partial_fit)


class AsyncScript(_Async):
    run = _coroutine(Script.run)


class AsyncRuntime(_Async):
    job = _coroutine(Runtime.job)
    jobs = _coroutine(Runtime.jobs)
    result = _coroutine(Runtime.result)

    def model(self, name: str) -> AsyncModel:
        return AsyncModel(self._inner.model(name))

    def script(self, name: str) -> AsyncScript:
        return AsyncScript(self._inner.script(name))


class AsyncClient:
    def __init__(self, client: "Client"):
        self.models = AsyncModels(client.models)
        self.datasets = AsyncDatasets(client.datasets)
        self.scripts = AsyncScripts(client.scripts)
        self.runtime = AsyncRuntime(client.runtime)
