# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 with keep-alive over plain sockets: one connection a thread, kept between requests.

The standard library's client costs more than a small prediction does."""

import socket
import threading
from typing import Any, Callable, Dict, Iterable, Optional, Tuple, Union
from urllib.parse import urlsplit

from .errors import Deadline, Unavailable, from_answer
from .pieces import PIECE

Body = Union[bytes, Iterable[bytes]]
Sink = Callable[[bytes], object]  # is given pieces of an answer
HEAD_BYTES_MAX = 64 << 10


class Answer:
    """Status, headers (lower case) and body of an answer."""
    __slots__ = ("code", "headers", "body")

    def __init__(self, code: int, headers: Dict[str, str], body: bytes):
        self.code, self.headers, self.body = code, headers, body

    def json(self) -> Any:
        import json
        return json.loads(self.body)


class Connection:
    """Requests to one server, from any thread."""

    def __init__(self, url: str, timeout: float = 60.0, ca: Optional[str] = None):
        parts = urlsplit(url if "//" in url else "http://" + url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("%r is no URL of a server: http://HOST:PORT" % url)
        self.secure = parts.scheme == "https"
        self.host, self.port = parts.hostname, parts.port or (443 if self.secure else 80)
        self.prefix = parts.path.rstrip("/")
        self.timeout = timeout
        self._tls = None
        if self.secure:
            import ssl
            self._tls = ssl.create_default_context(cafile=ca)
            self._tls.set_alpn_protocols(["http/1.1"])
        self.url = "%s://%s:%d%s" % (parts.scheme, self.host, self.port, self.prefix)
        self._slots = threading.local()
        self._head = "Host: %s:%d\r\n" % (self.host, self.port)

    # --- sockets ---

    @property
    def _local(self) -> "_Slot":
        try:
            return self._slots.slot
        except AttributeError:
            self._slots.slot = _Slot()
            return self._slots.slot

    def _open(self) -> socket.socket:
        try:
            sock = socket.create_connection((self.host, self.port), self.timeout)
        except OSError as error:
            raise Unavailable("cannot reach %s" % self.url, str(error),
                              "is the server running? `firn serve`") from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            return sock
        try:
            return self._tls.wrap_socket(sock, server_hostname=self.host)
        except OSError as error:
            sock.close()
            raise Unavailable("cannot agree with %s on TLS" % self.url, str(error),
                              "does the server listen with --https, and is its certificate "
                              "trusted? (ca=FILE, FIRN_CA)") from error

    def close(self) -> None:
        """Close this thread's connection."""
        self._local.close()

    # --- requests ---

    def request(self, method: str, path: str, body: Optional[Body] = None,
                headers: Optional[Dict[str, str]] = None,
                write: Optional[Sink] = None, patience: float = 0) -> Answer:
        """Send and wait. `body`: bytes, or pieces of bytes (sent in chunks). `write` is given the
        pieces of a good answer's body instead of keeping it. `patience`: seconds that the server
        may need for this, where that is more than the timeout. Raises what the server says."""
        head = "%s %s%s HTTP/1.1\r\n%s" % (method, self.prefix, path, self._head)
        for name, value in (headers or {}).items():
            head += "%s: %s\r\n" % (name, value)
        if isinstance(body, (bytes, bytearray, memoryview)):
            head += "Content-Length: %d\r\n" % len(body)
        elif body is not None:
            head += "Transfer-Encoding: chunked\r\n"
        elif method in ("POST", "PUT"):
            head += "Content-Length: 0\r\n"
        first = (head + "\r\n").encode("latin-1")
        streamed = body is not None and not isinstance(body, (bytes, bytearray, memoryview))
        if streamed and self._local.sock is not None and _was_closed(self._local.sock):
            self.close()  # as pieces cannot be sent once more
        kept = self._local.sock is not None
        try:
            answer = self._exchange(method, first, body, write, patience)
        except (_Closed, BrokenPipeError, ConnectionResetError) as error:
            # A kept connection may have been closed meanwhile; only then is it safe to ask again.
            again = kept and (isinstance(error, _Closed) or not self._local.begun)
            self.close()
            if not again or (body is not None and not isinstance(body, (bytes, bytearray))):
                raise Unavailable("the server closed the connection", str(error) or None) from error
            answer = self._exchange(method, first, body, write, patience)
        if answer.code >= 400:
            raise from_answer(answer.code, answer.body)
        return answer

    def _exchange(self, method: str, head: bytes, body: Optional[Body],
                  write: "Optional[Sink]", patience: float) -> Answer:
        sock = self._local.sock
        if sock is None:
            sock = self._local.sock = self._open()
        self._local.begun = False
        if patience > self.timeout:
            sock.settimeout(patience)
        try:
            if body is None:
                sock.sendall(head)
            elif isinstance(body, (bytes, bytearray, memoryview)):
                if len(body) <= 16 << 10:
                    sock.sendall(head + bytes(body))
                else:
                    sock.sendall(head)
                    sock.sendall(body)
            else:
                try:
                    self._send_chunks(sock, head, body)
                except (BrokenPipeError, ConnectionResetError):
                    return self._early(sock, method)
            return self._receive(sock, method, write)
        except socket.timeout as error:
            self.close()
            raise Deadline("no answer from %s in %g seconds"
                           % (self.url, max(self.timeout, patience))) from error
        except (ConnectionResetError, BrokenPipeError, _Closed):
            raise
        except BaseException:
            self.close()
            raise
        finally:
            if patience > self.timeout and self._local.sock is not None:
                sock.settimeout(self.timeout)

    def _early(self, sock: socket.socket, method: str) -> Answer:
        """Why a server would not take all of a body."""
        try:
            answer = self._receive(sock, method, None)
        except (Unavailable, OSError) as error:
            raise _Closed("while it was sent to") from error
        self.close()
        return answer

    @staticmethod
    def _send_chunks(sock: socket.socket, head: bytes, pieces: Iterable[bytes]) -> None:
        sock.sendall(head)
        for piece in pieces:
            if piece:
                sock.sendall(b"%x\r\n" % len(piece) + piece + b"\r\n")
        sock.sendall(b"0\r\n\r\n")

    def _receive(self, sock: socket.socket, method: str,
                 write: "Optional[Sink]") -> Answer:
        data = bytearray()
        while True:
            end = data.find(b"\r\n\r\n")
            if end >= 0:
                code, headers = _parse_head(bytes(data[:end]))
                del data[:end + 4]
                if code != 100:
                    break
                continue
            piece = sock.recv(PIECE)
            if not piece:
                raise _Closed("in the middle of a head" if data else "")
            self._local.begun = True
            data += piece
            if len(data) > HEAD_BYTES_MAX + PIECE:
                raise Unavailable("the server's answer has too large a head")
        sink = write if write is not None and code < 400 else None
        whole = bytearray()
        take = sink or whole.extend
        if method == "HEAD" or code in (204, 304):
            pass
        elif headers.get("transfer-encoding") == "chunked":
            self._receive_chunks(sock, data, take)
        elif "content-length" in headers:
            self._receive_sized(sock, data, int(headers["content-length"]), take)
        else:
            headers["connection"] = "close"
            while True:
                if data:
                    take(bytes(data))
                data = bytearray(sock.recv(PIECE))
                if not data:
                    break
        if headers.get("connection") == "close":
            self.close()
        return Answer(code, headers, bytes(whole))

    @staticmethod
    def _receive_sized(sock: socket.socket, data: bytearray, left: int,
                       take: "Sink") -> None:
        if data:
            take(bytes(data[:left]))
            left -= len(data)
        while left > 0:
            piece = sock.recv(min(left, 1 << 20))
            if not piece:
                raise Unavailable("the connection was closed in the middle of an answer")
            take(piece)
            left -= len(piece)

    @staticmethod
    def _receive_chunks(sock: socket.socket, data: bytearray,
                        take: "Sink") -> None:
        def more() -> None:
            piece = sock.recv(PIECE)
            if not piece:
                raise Unavailable("the connection was closed in the middle of an answer")
            data.extend(piece)

        while True:
            while b"\r\n" not in data:
                more()
            line = data.index(b"\r\n")
            size = int(bytes(data[:line]).split(b";")[0], 16)
            while len(data) < line + 2 + size + 2:
                more()
            if size == 0:
                return
            take(bytes(data[line + 2:line + 2 + size]))
            del data[:line + 2 + size + 2]


class _Closed(Exception):
    pass


def _was_closed(sock: socket.socket) -> bool:
    """Has the server something to say to a connection that asks nothing? That is its end."""
    import select
    return bool(select.select([sock], [], [], 0)[0])


class _Slot:
    """The socket of one thread, closed when the thread ends."""

    def __init__(self) -> None:
        self.sock: Optional[socket.socket] = None
        self.begun = False  # the answer

    def close(self) -> None:
        sock, self.sock = self.sock, None
        if sock is not None:
            sock.close()

    __del__ = close


def _parse_head(head: bytes) -> Tuple[int, Dict[str, str]]:
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():
        raise Unavailable("this is no HTTP server: it answered %r" % lines[0][:100])
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return int(words[1]), headers
