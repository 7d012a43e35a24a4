"""A pooler between a client and Postgres, as small as one can be: it speaks for the server and lends out sessions."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

import psycopg

ENCRYPTION = (80877103, 80877104)  # what libpq asks for first, when it may
HELLO = (("server_version", "18.0"), ("client_encoding", "UTF8"), ("standard_conforming_strings", "on"))


class Pooler:
    """Lends its sessions with ``url``; with ``sessions`` each client keeps one, else for one transaction only."""

    def __init__(self, url: str, *, sessions: bool) -> None:
        self._url, self._sessions = url, sessions
        self._shared, self._lock = psycopg.connect(url, autocommit=True), threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._held: list[psycopg.Connection] = [self._shared]
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()

    @property
    def url(self) -> str:
        user, database = self._url.rpartition("@")[0], self._url.rpartition("/")[2]
        return f"{user}@127.0.0.1:{self._listening.getsockname()[1]}/{database}"

    def close(self) -> None:
        self._listening.close()
        for session in self._held:
            session.pgconn.finish()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._client, args=(client,), daemon=True).start()

    def _client(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, EOFError):
            while True:
                (size,) = struct.unpack("!i", _exactly(client, 4))
                (code,) = struct.unpack("!i", _exactly(client, size - 4)[:4])
                if code not in ENCRYPTION:
                    break
                client.sendall(b"N")
            said = b"".join(_message(b"S", f"{key}\0{value}\0".encode()) for key, value in HELLO)
            client.sendall(_message(b"R", b"\0" * 4) + said + _message(b"K", b"\0\0\7\7key!") + _message(b"Z", b"I"))
            session, lock = self._shared, self._lock
            if self._sessions:
                session, lock = psycopg.connect(self._url, autocommit=True), threading.Lock()
                self._held.append(session)
            server = socket.socket(fileno=session.fileno())
            server.setblocking(True)
            self._lend(client, server, lock)

    def _lend(self, client: socket.socket, server: socket.socket, lock: threading.Lock) -> None:
        try:
            while True:
                first = _read(client)
                with lock:
                    state = self._exchange(first, client, server)
                    while state != b"I":
                        state = self._exchange(_read(client), client, server)
        finally:
            server.detach()

    def _exchange(self, first: tuple[bytes, bytes], client: socket.socket, server: socket.socket) -> bytes:
        """Pass on what the client asks, and what the server answers; gives the state of the transaction."""
        (kind, body) = first
        while True:
            if kind == b"X":
                raise EOFError
            server.sendall(_message(kind, body))
            if kind in (b"Q", b"S"):
                break
            kind, body = _read(client)
        while True:
            kind, body = _read(server)
            client.sendall(_message(kind, body))
            if kind == b"Z":
                return body


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _read(one: socket.socket) -> tuple[bytes, bytes]:
    kind = _exactly(one, 1)
    (size,) = struct.unpack("!i", _exactly(one, 4))
    return kind, _exactly(one, size - 4)


def _exactly(one: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        piece = one.recv(count - len(found))
        if not piece:
            raise EOFError
        found += piece
    return found


@contextlib.contextmanager
def pooler(url: str, *, sessions: bool) -> Iterator[str]:
    made = Pooler(url, sessions=sessions)
    try:
        yield made.url
    finally:
        made.close()
