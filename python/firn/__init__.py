# SPDX-License-Identifier: Apache-2.0
"""firn: put a trained model under a name, get it back, let the server predict.

    import firn
    om = firn.connect()                        # a server of its own over ./firn-store
    om.models.put(estimator, "shop/churn")
    om.runtime.model("shop/churn").predict(X)

Only the standard library is needed; numpy, pandas and the frameworks are used when they are there.
"""

from .errors import (Conflict, Failed, FirnError, Internal, InvalidInput, NotFound, TooLarge,
                     Unavailable, Unsupported)

TYPE_CHECKING = False  # typing's, which takes a while to import
if TYPE_CHECKING:
    from typing import Any, Optional
    from .client import Client

__version__ = "0.1.0"
__all__ = ["connect", "save_model", "Client", "FirnError", "NotFound", "InvalidInput", "Conflict",
           "TooLarge", "Unsupported", "Unavailable", "Failed", "Internal"]


def connect(url: "Optional[str]" = None, store: "Optional[str]" = None, timeout: float = 60.0,
            ca: "Optional[str]" = None, workers: "Optional[bool]" = None) -> "Client":
    """A client of the server at `url` ("http://127.0.0.1:8080"; or the environment's FIRN_URL).
    `ca`: the file of the authorities that an https server's certificate must come from (FIRN_CA,
    or those of the system).

    Without one, a server is started for this process over the folder `store` (FIRN_STORE, or
    ./firn-store) and ended with it. `workers`: may it run code of models, in its sandbox (or
    FIRN_WORKERS=on)?"""
    from .client import Client
    return Client.connect(url, store, timeout, ca, workers)


def save_model(type: str, model: "Any", file: str, inputs: "Any" = None,
               outputs: "Any" = None) -> "Any":
    """Write `model` as an archive of 0Mind, `file` with the type as extension; see firn.archive."""
    from .archive import save_model as save
    return save(type, model, file, inputs, outputs)


def __getattr__(name: str) -> "Any":
    if name == "Client":
        from .client import Client
        return Client
    raise AttributeError("module 'firn' has no attribute '%s'" % name)
