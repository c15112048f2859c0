# SPDX-License-Identifier: Apache-2.0
"""Errors of the server as exceptions: what went wrong, why, and what usually helps."""

from typing import Optional


class FirnError(Exception):
    """The base of all. `status` is the server's word for it, `cause` and `fix` may be None."""

    status = "internal error"

    def __init__(self, message: str, cause: Optional[str] = None, fix: Optional[str] = None):
        super().__init__(message)
        self.message, self.cause, self.fix = message, cause, fix

    def __str__(self) -> str:
        lines = [self.message]
        if self.cause:
            lines.append("cause: " + self.cause)
        if self.fix:
            lines.append("fix:   " + self.fix)
        return "\n".join(lines)


class InvalidInput(FirnError, ValueError):
    status = "invalid input"


class NotFound(FirnError, LookupError):
    status = "not found"


class Conflict(FirnError):
    status = "conflict"


class TooLarge(FirnError, ValueError):
    status = "limit exceeded"


class Unsupported(FirnError):
    status = "unsupported"


class Unavailable(FirnError, ConnectionError):
    status = "unavailable"


class Deadline(FirnError, TimeoutError):
    status = "deadline exceeded"


class Failed(FirnError):
    """The model's own code is at fault."""
    status = "the model failed"


class Internal(FirnError):
    status = "internal error"


_BY_STATUS = {kind.status: kind for kind in (InvalidInput, NotFound, Conflict, TooLarge, Unsupported,
                                             Unavailable, Deadline, Failed, Internal)}
_BY_CODE = {400: InvalidInput, 404: NotFound, 409: Conflict, 413: TooLarge, 422: Unsupported,
            503: Unavailable, 504: Deadline}


def from_answer(code: int, body: bytes) -> FirnError:
    """The exception for an answer of HTTP status `code`."""
    import json
    try:
        said = json.loads(body)
    except ValueError:
        said = {}
    if not isinstance(said, dict):
        said = {}
    kind = _BY_STATUS.get(str(said.get("status"))) or _BY_STATUS.get(str(said.get("cause"))) or \
        _BY_CODE.get(code, Internal)
    message = said.get("error") or "the server answered %d" % code
    return kind(str(message), said.get("cause"), said.get("fix"))
