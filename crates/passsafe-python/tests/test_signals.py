"""Ctrl-C, other signals, and threads that are left behind.

The server sends the signals, at the moment that is meant.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import passsafe
import pytest
from conftest import (
    COSTLY,
    PATIENCE,
    WAIT,
    Listen,
    always,
    first_request,
    problem,
    request,
    resident,
    until_gone,
    wait_until,
)
from passsafe import Client

EXPIRED = problem("410 Gone", "expired")

LONG = 20.0
"""Seconds: a call that is not interrupted would be noticed."""

SOON = 1.0
"""Seconds. It is a twentieth; the rest is for a machine that is busy."""


class Sent:
    """When the signal was sent."""

    at = 0.0


def interrupting(
    sent: Sent, when: Callable[[socket.socket], None]
) -> Callable[[socket.socket], None]:
    def handle(connection: socket.socket) -> None:
        when(connection)
        sent.at = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)
        until_gone(connection)

    return handle


def asked(connection: socket.socket) -> None:
    request(connection)


def answered_in_part(connection: socket.socket) -> None:
    request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")


def told_to_wait(connection: socket.socket) -> None:
    request(connection)
    connection.sendall(WAIT)
    request(connection)


def threads() -> int:
    """Those of this process, but for ZeroMQ's: they end whenever a kernel's client is collected."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            names.append((task / "comm").read_text())
    return len([name for name in names if not name.startswith("ZMQ")])


@pytest.mark.parametrize("when", [asked, answered_in_part])
@pytest.mark.parametrize("verb", ["password", "names", "status", "remaining", "close_safe"])
def test_ctrl_c_interrupts_a_wait_for_an_answer(
    listen: Listen, when: Callable[[socket.socket], None], verb: str
) -> None:
    sent = Sent()
    client = Client("zoom", 1, listen(interrupting(sent, when)).url, timeout=LONG)
    with pytest.raises(KeyboardInterrupt):
        getattr(client, verb)()
    assert time.monotonic() - sent.at < SOON


def test_ctrl_c_interrupts_a_wait_for_the_owner(listen: Listen) -> None:
    sent = Sent()
    client = Client("zoom", 1, listen(interrupting(sent, told_to_wait)).url, timeout=LONG)
    with pytest.raises(KeyboardInterrupt):
        client.password()
    assert time.monotonic() - sent.at < SOON


def test_ctrl_c_interrupts_a_derivation_which_ends_by_itself(listen: Listen) -> None:
    sent, before, threads_before = Sent(), resident(), threads()

    def deriving(connection: socket.socket) -> None:
        first_request(connection)
        connection.sendall(COSTLY)
        wait_until(lambda: resident() > before + 200 * 1024 * 1024)

    client = Client("zoom", 1, listen(interrupting(sent, deriving)).url, timeout=LONG)
    with pytest.raises(KeyboardInterrupt):
        client.password()
    assert time.monotonic() - sent.at < SOON
    # That which accepts, and that which serves, are the listener's.
    assert threads() == threads_before + 3
    wait_until(lambda: threads() == threads_before + 2)


def test_a_handler_that_returns_does_not_end_a_call(listen: Listen) -> None:
    handled = threading.Event()

    def handle(connection: socket.socket) -> None:
        request(connection)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert handled.wait(PATIENCE)
        connection.sendall(EXPIRED)

    before = signal.signal(signal.SIGUSR1, lambda *_: handled.set())
    try:
        with pytest.raises(passsafe.Expired):
            Client("zoom", 1, listen(handle).url, timeout=LONG).password()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_what_a_handler_raises_comes_through_as_it_is(listen: Listen) -> None:
    class Alarm(Exception):
        pass

    def raising(*_: object) -> None:
        raise Alarm("it is late")

    def handle(connection: socket.socket) -> None:
        request(connection)
        os.kill(os.getpid(), signal.SIGUSR1)
        until_gone(connection)

    before = signal.signal(signal.SIGUSR1, raising)
    try:
        with pytest.raises(Alarm, match="it is late"):
            Client("zoom", 1, listen(handle).url, timeout=LONG).password()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_ctrl_c_is_the_main_threads_while_another_one_waits(listen: Listen) -> None:
    sent, raised, ended = Sent(), list[BaseException](), threading.Event()
    client = Client("zoom", 1, listen(interrupting(sent, asked)).url, timeout=2.0)

    def ask() -> None:
        try:
            client.password()
        except BaseException as error:  # noqa: BLE001
            raised.append(error)
        ended.set()

    waiting = threading.Thread(target=ask)
    with pytest.raises(KeyboardInterrupt):
        waiting.start()
        ended.wait(PATIENCE)
    assert ended.wait(PATIENCE)
    waiting.join()
    assert [type(it) for it in raised] == [passsafe.SafeTimeout]


def test_no_thread_is_left_behind(listen: Listen) -> None:
    before = threads()
    listener = listen(always(EXPIRED))
    client = Client("zoom", 1, listener.url)
    with pytest.raises(passsafe.Expired):
        client.password()
    # That which accepts, and that which serves the kept connection.
    assert threads() == before + 2


@pytest.mark.parametrize("ending", ["pass", "raise SystemExit(0)"])
def test_an_interpreter_ends_while_a_thread_waits(listen: Listen, ending: str) -> None:
    has_asked = threading.Event()

    def handle(connection: socket.socket) -> None:
        request(connection)
        has_asked.set()
        until_gone(connection)

    program = f"""
import sys, threading
from passsafe import Client
client = Client('zoom', 1, {listen(handle).url!r}, timeout={LONG})
threading.Thread(target=client.password, daemon=True).start()
sys.stdin.read()
{ending}
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert has_asked.wait(PATIENCE)
        said, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (0, b"")


def test_ctrl_c_ends_a_program_as_it_ends_any_other(listen: Listen) -> None:
    has_asked = threading.Event()

    def handle(connection: socket.socket) -> None:
        request(connection)
        has_asked.set()
        until_gone(connection)

    program = f"""
from passsafe import Client
Client('zoom', 1, {listen(handle).url!r}, timeout={LONG}).password()
"""
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) as process:
        assert has_asked.wait(PATIENCE)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGINT
    assert said.endswith(b"\nKeyboardInterrupt\n") or said.endswith(b"KeyboardInterrupt: \n")
