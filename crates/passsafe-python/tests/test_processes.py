"""Clients that go to other processes: by fork, by pickle, and while others use them.

A child of `fork` has copies of the parent's runtime, connection and locks, and shares what is
behind them with the parent. It must use none of it, and must not take it away either.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import select
import socket
import threading
from collections.abc import Callable, Iterator
from multiprocessing.context import BaseContext
from multiprocessing.pool import MaybeEncodingError  # type: ignore[attr-defined]
from typing import Any

import passsafe
import pytest
from conftest import (
    COSTLY,
    PASSWORD,
    PATIENCE,
    Listen,
    Start,
    always,
    problem,
    resident,
    wait_until,
)
from passsafe import Client

pytestmark = [
    # What Python 3.12 warns of is what is tested.
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]

FORK = multiprocessing.get_context("fork")


def fetches(client: Client) -> bool:
    return client.password() == PASSWORD


def in_child(work: Callable[[], object]) -> object:
    """What `work` gives or raises in a forked child that ends as Python programs do."""
    receiver, sender = FORK.Pipe(False)

    def report() -> None:
        try:
            sender.send(work())
        except Exception as error:  # noqa: BLE001
            sender.send(error)

    child = FORK.Process(target=report)
    child.start()
    sender.close()
    assert receiver.poll(PATIENCE), "the child does not come to an end"
    result = receiver.recv()
    child.join(PATIENCE)
    assert child.exitcode == 0
    return result


class Relay:
    """Stands between clients and a safe, and counts their connections."""

    def __init__(self, listen: Listen, safe: Start) -> None:
        self._listener = listen(self._handle)
        name = f"localhost:{self._listener.port}"
        self._safe = safe(arguments=["--allow-host", name])

    def _handle(self, near: socket.socket) -> None:
        port = int(self._safe.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as far:
            to = {near: far, far: near}
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    data = ready.recv(65_536)
                    if not data:
                        near.close()
                        return
                    to[ready].sendall(data)

    def client(self) -> Client:
        return Client(self._safe.passphrase, self._safe.token, self._listener.url)

    @property
    def connections(self) -> int:
        return self._listener.accepted


def test_parent_and_children_have_a_connection_each(listen: Listen, safe: Start) -> None:
    relay = Relay(listen, safe)
    client = relay.client()
    assert fetches(client) and fetches(client)
    assert relay.connections == 1
    for children in range(1, 4):
        assert in_child(lambda: [fetches(client), fetches(client)]) == [True, True]
        assert fetches(client)
        assert relay.connections == 1 + children


def test_a_child_that_drops_the_client_leaves_the_parents_connection(
    listen: Listen, safe: Start
) -> None:
    relay = Relay(listen, safe)
    clients = [relay.client()]
    assert fetches(clients[0])

    def drop(*uses: Callable[[Client], bool]) -> bool:
        used = all(use(clients[0]) for use in uses)
        clients.clear()
        gc.collect()
        return used

    assert in_child(drop) is True
    assert fetches(clients[0])
    assert in_child(lambda: drop(fetches)) is True
    assert fetches(clients[0])
    # The parent's own, and that of the child that fetched.
    assert relay.connections == 2


def test_a_grandchild_fetches(safe: Start) -> None:
    client = safe().client()
    assert fetches(client)
    assert in_child(lambda: fetches(client) and in_child(lambda: fetches(client))) is True
    assert in_child(lambda: in_child(lambda: fetches(client)) and fetches(client)) is True
    assert fetches(client)


def test_a_child_derives_the_key_if_the_parent_has_not(safe: Start) -> None:
    client = safe().client()
    assert in_child(lambda: fetches(client)) is True
    assert in_child(lambda: fetches(client) and fetches(client)) is True
    assert fetches(client)


@contextlib.contextmanager
def busy(client: Client, threads: int) -> Iterator[list[object]]:
    """Has threads use the client all the while."""
    over, faults = threading.Event(), list[object]()

    def use() -> None:
        try:
            while not over.is_set():
                assert fetches(client)
                assert client.status().state == "open"
        except BaseException as error:  # noqa: BLE001
            faults.append(error)

    running = [threading.Thread(target=use) for _ in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield faults
    finally:
        over.set()
        for thread in running:
            thread.join(PATIENCE)
    assert not faults


def test_children_fetch_while_threads_of_the_parent_do(safe: Start) -> None:
    client = safe().client()
    with busy(client, threads=4):
        for _ in range(40):
            assert in_child(lambda: fetches(client) and fetches(client)) is True


def test_a_child_does_not_wait_for_a_derivation_of_the_parents(listen: Listen) -> None:
    """The thread that derives holds a lock, and the child has no such thread."""
    client = Client(
        "zoom", 1, listen(always(problem("403 Forbidden", "wrong_passphrase"), COSTLY)).url
    )
    before, ended = resident(), []

    def derive() -> None:
        with pytest.raises(passsafe.WrongPassphrase):
            client.password()
        ended.append(True)

    deriving = threading.Thread(target=derive)
    deriving.start()
    wait_until(lambda: resident() > before + 200 * 1024 * 1024)
    assert not ended
    assert isinstance(in_child(client.password), passsafe.WrongPassphrase)
    deriving.join(PATIENCE)
    assert ended


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("before", [True, False])
def test_pool_workers_fetch_for_themselves(safe: Start, method: str, before: bool) -> None:
    client = safe().client()
    if before:
        assert fetches(client)
    context: BaseContext = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        assert pool.map(fetches, [client] * 4) == [True] * 4
    assert fetches(client)


def raises(client: Client) -> Any:
    return client.password()


def test_a_workers_exception_comes_home(safe: Start) -> None:
    it = safe()
    wrong = Client(it.passphrase, it.wrong_token, it.url)
    with FORK.Pool(1) as pool, pytest.raises(passsafe.InvalidToken, match="two more") as raised:
        pool.apply(raises, [wrong])
    assert raised.value.attempts_left == 2


def test_a_worker_cannot_send_a_password_home(safe: Start) -> None:
    with FORK.Pool(1) as pool:
        with pytest.raises(MaybeEncodingError, match="Pickle the client"):
            pool.apply(raises, [safe().client()])
