# SPDX-License-Identifier: Apache-2.0
"""The client as coroutines: each call runs on a thread, with the same arguments and results.

    await om.aio.models.list()
    await om.aio.runtime.model("shop/churn").predict(X)"""

import asyncio
import functools
from typing import TYPE_CHECKING, Any, Callable, Generic

from .contract import Version
from .datasets import Dataset, Datasets
from .models import Models
from .named import Kept, Named
from .runtime import Model, Runtime, Script
from .scripts import Script as Stored, Scripts

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
        work = functools.partial(getattr(self._inner, method.__name__), *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(None, work)

    return call


class _Async:
    def __init__(self, inner: Any):
        self._inner = inner


class _AsyncNamed(_Async, Generic[Kept]):
    metadata = _coroutine(Named[Kept].metadata)
    exists = _coroutine(Named[Kept].exists)
    list = _coroutine(Named[Kept].list)
    revisions = _coroutine(Named[Kept].revisions)
    drop = _coroutine(Named[Kept].drop)


class AsyncModels(_AsyncNamed[Version]):
    put = _coroutine(Models.put)
    get = _coroutine(Models.get)
    alias = _coroutine(Models.alias)


class AsyncDatasets(_AsyncNamed[Dataset]):
    put = _coroutine(Datasets.put)
    get = _coroutine(Datasets.get)


class AsyncScripts(_AsyncNamed[Stored]):
    put = _coroutine(Scripts.put)
    get = _coroutine(Scripts.get)


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
