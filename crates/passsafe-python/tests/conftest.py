"""Real safes, and servers that only look like one."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import passsafe
import pytest
from database import Database

PASSWORD = "S3kr!t äöü"

PATIENCE = 30.0
"""Seconds until a test gives up on what it waits for."""


@dataclass(frozen=True)
class Safe:
    """A safe that is being served."""

    url: str
    passphrase: str
    token: str
    process: subprocess.Popen[bytes]

    @property
    def wrong_token(self) -> str:
        return f"{(int(self.token) + 1) % 1_000_000:06}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PASSSAFE_URL": self.url,
            "PASSSAFE_PASSPHRASE": self.passphrase,
            "PASSSAFE_TOKEN": self.token,
        }

    def client(self, **options: Any) -> passsafe.Client:
        return passsafe.Client(self.passphrase, self.token, self.url, **options)

    def close(self) -> None:
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0


Start = Callable[..., Safe]


@pytest.fixture(scope="session")
def binary() -> str:
    """The command ``passsafe``. Without it nothing here is worth running."""
    path = os.environ.get("PASSSAFE_BINARY")
    assert path and os.access(path, os.X_OK), "PASSSAFE_BINARY is not set to the built `passsafe`"
    return path


@pytest.fixture(autouse=True)
def without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of whoever runs the tests, except what they are for."""
    for name in [name for name in os.environ if name.startswith("PASSSAFE_")]:
        if name != "PASSSAFE_BINARY" and not name.startswith("PASSSAFE_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture
def safe(binary: str) -> Iterator[Start]:
    """Starts safes: ``safe(password, minutes=…, user=…, arguments=[…])``."""
    started = []

    def start(
        password: str | bytes = PASSWORD,
        *,
        minutes: int = 5,
        user: str | None = None,
        port: int | str = 0,
        arguments: list[str] | None = None,
    ) -> Safe:
        command = [binary, "serve", "--minutes", str(minutes), "--password-stdin", "--json"]
        command += ["--port", str(port), *(["--user", user] if user else []), *(arguments or [])]
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
            )
            started.append(process)
            assert process.stdin and process.stdout
            process.stdin.write(password.encode() if isinstance(password, str) else password)
            process.stdin.close()
            line = process.stdout.readline()
            process.stdout.close()
            said.seek(0)
            assert line, f"no safe was started: {said.read().decode()}"
        shown = json.loads(line)
        return Safe(shown["url"], shown["passphrase"], shown["token"], process)

    yield start
    for process in started:
        process.terminate()
    for process in started:
        process.wait(PATIENCE)


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    """A PostgreSQL with a table of sales."""
    database = Database()
    try:
        database.table(
            "sales",
            "select * from (values ('north', 1200), ('south', 950)) as sales (region, total)",
        )
        yield database
    finally:
        database.stop()


class Listener:
    """Accepts connections on a port of its own, and has each handled by a thread.

    That answers come at all shows that a waiting client has let go of Python's lock.
    """

    def __init__(self, handle: Callable[[socket.socket], None]) -> None:
        self._handle = handle
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.accepted = 0
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.accepted += 1
                self._connections.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # Clients go when they have seen enough.
        with contextlib.suppress(OSError):
            self._handle(connection)

    def close(self) -> None:
        for it in [self._socket, *self._connections]:
            with contextlib.suppress(OSError):
                it.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        # Not before: a thread may be about to use its connection.
        for it in [self._socket, *self._connections]:
            it.close()


Listen = Callable[[Callable[[socket.socket], None]], Listener]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Starts servers: ``listen(handle)``, with what is done with each connection."""
    started = []

    def start(handle: Callable[[socket.socket], None]) -> Listener:
        started.append(Listener(handle))
        return started[-1]

    yield start
    for listener in started:
        listener.close()


def answer(status: str, body: object, *headers: str) -> bytes:
    """An answer with a JSON body."""
    text = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(text)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + text


def problem(status: str, code: str, *headers: str) -> bytes:
    """A refusal."""
    body = {"code": code, "title": "no", "status": int(status.split()[0])}
    return answer(status, body, "Content-Type: application/problem+json", *headers)


def demand(memory_kib: int = 19_456, iterations: int = 1) -> bytes:
    """A safe's answer to a request without a proof."""
    kdf = {
        "algorithm": "argon2id",
        "version": 19,
        "memory_kib": memory_kib,
        "iterations": iterations,
        "parallelism": 1,
    }
    body = {"code": "proof_required", "title": "no", "status": 403, "kdf": kdf, "salt": "A" * 22}
    return answer("403 Forbidden", body, "Content-Type: application/problem+json")


COSTLY = demand(memory_kib=262_144, iterations=10)
"""What it demands takes seconds and 256 MiB to derive."""


LEAST = demand()


def first_request(connection: socket.socket) -> bytes:
    """A request's head; empty if the client has gone."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = connection.recv(4096)
        if not more:
            return b""
        head += more
    return head


def request(connection: socket.socket, demanded: bytes = LEAST) -> bytes:
    """The same; a proof is demanded of requests for the record that have none."""
    head = first_request(connection)
    while head.startswith(b"POST /v1/secret") and b"passsafe-proof: " not in head:
        connection.sendall(demanded)
        head = first_request(connection)
    return head


WAIT = problem("202 Accepted", "awaiting_consent", "Retry-After: 0")
"""The owner is being asked."""


def always(reply: bytes, demanded: bytes = LEAST) -> Callable[[socket.socket], None]:
    """Answers every request so."""

    def handle(connection: socket.socket) -> None:
        while request(connection, demanded):
            connection.sendall(reply)

    return handle


def until_gone(connection: socket.socket) -> None:
    """Reads and says nothing until the client is gone."""
    while connection.recv(4096):
        pass


def resident(process: int | str = "self") -> int:
    """Bytes of a process that are in memory."""
    with open(f"/proc/{process}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def wait_until(condition: Callable[[], bool]) -> None:
    """Looks again and again, as for what another process does there is no event."""
    timer = threading.Event()
    for _ in range(int(PATIENCE * 500)):
        if condition():
            return
        timer.wait(0.002)
    raise AssertionError("it never came true")
