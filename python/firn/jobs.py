# SPDX-License-Identifier: Apache-2.0
"""Jobs of the server: training and scripts, which outlive requests, clients and servers."""

import html
import json
import tempfile
import time
import uuid
from typing import Any, Dict, Iterator, List, Optional, Tuple
from urllib.parse import quote

from . import data as kinds
from . import pieces
from .connection import Connection
from .contract import Version
from .errors import Deadline, FirnError, InvalidInput, Unavailable, _BY_STATUS, Internal

WAIT_MS = 10000  # of one question for a job's end; below any server's request_timeout_ms
SHOW_MS = 500  # the same when a bar is shown
ENDED = ("done", "failed", "cancelled")
# The words of Celery, which omega|ml's code asks for.
STATUS = {"queued": "PENDING", "running": "STARTED", "done": "SUCCESS", "failed": "FAILURE",
          "cancelled": "REVOKED"}


class DatasetName(str):
    """An argument that is a data set of the server, by its name."""


class Jobs:
    """Submits jobs and finds them."""

    def __init__(self, connection: Connection, models: Any = None):
        self._connection, self._models = connection, models

    def submit(self, request: Dict[str, Any], arguments: Dict[str, Any],
               key: Optional[str] = None, timeout: Optional[float] = None,
               attempts: Optional[int] = None) -> "Job":
        """`request` names what is run; of `arguments` lists and dicts hold values one level down.
        `key`: whoever submits the same with the same key gets the same job; `timeout` in seconds
        and `attempts` of the job, else the server's."""
        files = _Files()
        request = dict(request, arguments=files.encode_all(arguments))
        if timeout is not None:
            request["timeout_ms"] = max(1, int(timeout * 1000))
        if attempts is not None:
            request["attempts"] = attempts
        headers = {"Idempotency-Key": key or str(uuid.uuid4()), "Content-Type": "application/x-tar"}
        with files:
            # the key makes it safe to ask again when the answer was lost
            for last in (False, True):
                try:
                    answer = self._connection.request("POST", "/api/jobs", files.body(request),
                                                      headers)
                    break
                except Unavailable as error:
                    if last or "closed" not in error.message:
                        raise
        return Job(self, answer.json())

    def job(self, id: Any) -> "Job":
        """The job of that number. NotFound."""
        return Job(self, self._connection.request("GET", "/api/jobs/" + quote(str(id), safe="")).json())

    def list(self, state: Optional[str] = None, name: Optional[str] = None,
             limit: int = 100) -> "List[Job]":
        """Newest first. `state`: queued, running, done, failed or cancelled."""
        query = "?limit=%d" % limit
        if state:
            query += "&state=" + quote(state, safe="")
        if name:
            query += "&name=" + quote(name, safe="")
        answer = self._connection.request("GET", "/api/jobs" + query)
        return [Job(self, said) for said in answer.json()]


class Job:
    """One job. `get(timeout)` waits for its result; `status` is PENDING, STARTED, SUCCESS, FAILURE
    or REVOKED, `state` the server's word."""

    def __init__(self, jobs: Jobs, said: Dict[str, Any]):
        self._jobs, self.raw = jobs, said
        self.id: int = said["id"]

    # --- looking ---

    def refresh(self, wait_ms: int = 0) -> "Job":
        query = "?wait=%d" % wait_ms if wait_ms else ""
        self.raw = self._jobs._connection.request("GET", "/api/jobs/%d%s" % (self.id, query)).json()
        return self

    def _now(self) -> Dict[str, Any]:
        if self.raw["state"] not in ENDED:
            self.refresh()
        return self.raw

    @property
    def state(self) -> str:
        return str(self._now()["state"])

    @property
    def status(self) -> str:
        return STATUS[self.state]

    @property
    def progress(self) -> Optional[float]:
        """0 to 1; None when it does not say."""
        return self._now().get("progress")

    @property
    def name(self) -> str:
        return str(self.raw["name"])

    def ready(self) -> bool:
        return self.state in ENDED

    def successful(self) -> bool:
        return self.state == "done"

    @property
    def versions(self) -> List[Version]:
        """Those that it made; empty until it is done."""
        made = (self._now().get("result") or {}).get("versions") or []
        return [Version(self._jobs._connection.request(
            "GET", "/api/models/%s/versions/%d" % (quote(each["name"], safe=""),
                                                    each["version"])).json()) for each in made]

    # --- its result ---

    def get(self, timeout: Optional[float] = None, progress: Optional[bool] = None) -> Any:
        """Wait for the result (Deadline after `timeout` seconds). Of fit and partial_fit it is the
        new Version; what the job failed of is raised. `progress`: a bar on standard error; None:
        where that is a terminal."""
        self.wait(timeout, progress)
        said = self.raw
        if said["state"] != "done":
            raise self._error()
        if said.get("method") in ("fit", "partial_fit", "fit_transform") and self.versions:
            made = self.versions[0]
            if said["method"] != "fit_transform":
                return made
        return self._value((said.get("result") or {}).get("value"))

    def wait(self, timeout: Optional[float] = None, progress: Optional[bool] = None) -> "Job":
        """Until it has ended, however. Deadline."""
        from .progress import Steps
        until = None if timeout is None else time.monotonic() + timeout
        with Steps("%s %s" % (self.raw.get("method") or self.raw["kind"], self.name),
                   progress) as steps:
            while self.raw["state"] not in ENDED:
                left = WAIT_MS if until is None else int((until - time.monotonic()) * 1000)
                if left <= 0 and self.refresh().raw["state"] not in ENDED:
                    raise Deadline("job %d is %s after %g seconds"
                                   % (self.id, self.raw["state"], timeout or 0))
                if left > 0:
                    self.refresh(max(1, min(left, SHOW_MS if steps.shown else WAIT_MS)))
                steps.show(self.raw.get("progress"), self.raw.get("text") or self.raw["state"])
        return self

    def _error(self) -> FirnError:
        kind = _BY_STATUS.get(str(self.raw.get("status")), Internal)
        return kind("job %d %s: %s" % (self.id, self.raw["state"], self.raw.get("error")
                                       or "was cancelled"),
                    fix="its log tells more: .log(), or firn jobs log %d" % self.id)

    def _value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if "json" in value:
            return value["json"]
        if "dict" in value:
            return {key: self._value(each) for key, each in value["dict"].items()}
        for kind in (list, tuple):
            if kind.__name__ in value:
                return kind(self._value(each) for each in value[kind.__name__])
        from .datasets import Dataset
        answer = self._jobs._connection.request(
            "GET", "/api/jobs/%d/output/%s" % (self.id, quote(value["file"], safe="")))
        body = memoryview(answer.body)
        dataset = Dataset({"name": "result", "revision": 1, "format": value["format"], "digest": "",
                           "bytes": len(body), "metadata": value.get("metadata")})
        return kinds.unpack(kinds.Stored(dataset, [body]),
                            {"folder": lambda: tempfile.mkdtemp(prefix="firn-"),
                             "facts": lambda: dataset.facts})

    # --- following, ending ---

    def log(self) -> str:
        """What it printed."""
        path = "/api/jobs/%d/log" % self.id
        return self._jobs._connection.request("GET", path).body.decode("utf-8", "replace")

    def follow(self) -> Iterator[Dict[str, Any]]:
        """What happens, as it happens, until the job has ended: {"state"}, {"log"}, {"progress",
        "text"}, each with "time"."""
        events: List[Dict[str, Any]] = []
        rest = bytearray()

        def take(piece: bytes) -> None:
            rest.extend(piece)
            while b"\n\n" in rest:
                event, _, left = bytes(rest).partition(b"\n\n")
                rest[:] = left
                lines = [line[5:].strip() for line in event.split(b"\n") if line[:5] == b"data:"]
                if lines:
                    events.append(json.loads(b"\n".join(lines)))

        import queue
        import threading
        pipe: "queue.Queue[Any]" = queue.Queue()

        def read() -> None:
            try:
                def pass_on(piece: bytes) -> None:
                    take(piece)
                    while events:
                        pipe.put(events.pop(0))
                self._jobs._connection.request("GET", "/api/jobs/%d/log?follow" % self.id,
                                               write=pass_on)
                pipe.put(None)
            except BaseException as error:  # handed to whoever reads
                pipe.put(error)

        threading.Thread(target=read, daemon=True).start()
        while True:
            event = pipe.get()
            if event is None:
                return
            if isinstance(event, BaseException):
                raise event
            yield event

    def cancel(self) -> "Job":
        """Conflict: it has ended."""
        self.raw = self._jobs._connection.request("DELETE", "/api/jobs/%d" % self.id).json()
        return self

    def forget(self) -> None:
        """Remove it with its log and result; it must have ended."""
        self._jobs._connection.request("DELETE", "/api/jobs/%d?remove" % self.id)

    revoke = cancel

    # --- shown ---

    def __repr__(self) -> str:
        said = self.raw
        share = said.get("progress")
        return "<Job %d %s %s, %s%s>" % (self.id, said.get("method") or said["kind"], said["name"],
                                        said["state"], "" if share is None or said["state"] != "running"
                                        else " %d %%" % int(share * 100))

    def _repr_html_(self) -> str:
        rows = [(key, self.raw.get(key)) for key in ("state", "attempt", "progress", "text", "error",
                                                     "created", "started", "ended")]
        return "<b>job %d</b> %s %s<table>%s</table>" % (
            self.id, html.escape(str(self.raw.get("method") or self.raw["kind"])),
            html.escape(self.name),
            "".join("<tr><td>%s</td><td>%s</td></tr>" % (key, html.escape(str(value)))
                    for key, value in rows if value is not None))


class _Files:
    """What arguments are made of: files beside the request."""

    def __init__(self) -> None:
        self.files: List[Tuple[str, int, Any]] = []

    def encode_all(self, arguments: Dict[str, Any]) -> Dict[str, Any]:
        made: Dict[str, Any] = {}
        for name, value in arguments.items():
            if isinstance(value, _Many):
                made[name] = [self.encode(each) for each in value.values]
            elif isinstance(value, _Named):
                made[name] = {key: self.encode(each) for key, each in value.values.items()}
            elif value is not None:
                made[name] = self.encode(value)
        return made

    def encode(self, value: Any) -> Any:
        if isinstance(value, DatasetName):
            from .datasets import _arguments
            name, given = _arguments(value)
            name, bracket, columns = name.partition("[")
            said: Dict[str, Any] = {"dataset": name}
            if bracket:
                said["columns"] = columns.rstrip("]")
            if given:
                said["arguments"] = given
            return said
        if value is None or isinstance(value, (bool, int, str)) and type(value).__module__ == "builtins" \
                or isinstance(value, float) and value - value == 0:
            return {"json": value}
        if isinstance(value, tuple):
            value = list(value)
        packed = kinds.pack(value, {})
        name = str(len(self.files))
        spool: Any = tempfile.SpooledTemporaryFile(max_size=16 << 20)
        size = 0
        for piece in packed.pieces:
            spool.write(piece)
            size += len(piece)
        self.files.append((name, size, spool))
        facts = {key: each for key, each in packed.facts.items() if each is not None}
        return {"file": name, "format": packed.format, "metadata": facts}

    def body(self, request: Dict[str, Any]) -> Iterator[bytes]:
        """A tar."""
        try:
            text = json.dumps(request, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise InvalidInput("an argument is no plain value", str(error)) from error
        yield from pieces.tar_member("job.json", len(text), [text])
        for name, size, spool in self.files:
            spool.seek(0)
            yield from pieces.tar_member(name, size, pieces.of_file(spool))
        yield pieces.TAR_END

    def __enter__(self) -> "_Files":
        return self

    def __exit__(self, *unused: Any) -> None:
        for _, _, spool in self.files:
            spool.close()


class _Many:
    def __init__(self, values: Any):
        self.values = values


class _Named:
    def __init__(self, values: Dict[str, Any]):
        self.values = values


many, named = _Many, _Named
