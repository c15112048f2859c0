# SPDX-License-Identifier: Apache-2.0
"""The client: `models` and `runtime` of one server."""

import os
from typing import TYPE_CHECKING, Any, Optional

from .connection import Connection
from .datasets import Datasets
from .jobs import Jobs
from .models import Models
from .runtime import Runtime
from .scripts import Scripts

if TYPE_CHECKING:
    from .aio import AsyncClient


class Client:
    """What firn.connect() gives. Thread-safe; use it as a context manager to end a server that was
    started for it."""

    def __init__(self, connection: Connection, server: Any = None):
        self.connection = connection
        self._server = server
        self.models = Models(connection)
        self.datasets = Datasets(connection)
        self.scripts = Scripts(connection)
        self.runtime = Runtime(self.models, self.datasets, Jobs(connection))

    @classmethod
    def connect(cls, url: Optional[str], store: Optional[str], timeout: float,
                ca: Optional[str] = None, workers: Optional[bool] = None) -> "Client":
        url = url or (None if store else os.environ.get("FIRN_URL"))
        if url:
            return cls(Connection(url, timeout, ca or os.environ.get("FIRN_CA")))
        from .embedded import Server
        server = Server(store or os.environ.get("FIRN_STORE") or "firn-store",
                        os.environ.get("FIRN_WORKERS") == "on" if workers is None else workers)
        return cls(Connection(server.url, timeout), server)

    @property
    def url(self) -> str:
        return self.connection.url

    @property
    def aio(self) -> "AsyncClient":
        """The same with coroutines: `await om.aio.models.list()`."""
        from .aio import AsyncClient
        return AsyncClient(self)

    def close(self) -> None:
        self.datasets.close()
        self.connection.close()
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *unused: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<firn %s>" % self.url
