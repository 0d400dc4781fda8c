"""Bad input, safes that refuse, and servers that are none: the right exception, soon."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import select
import socket
import time
from multiprocessing.connection import Connection
from typing import Any

import passsafe
import pytest
from conftest import (
    PASSWORD,
    WAIT,
    Listen,
    Start,
    always,
    answer,
    demand,
    problem,
    request,
    until_gone,
)
from passsafe import Client


class Odd:
    def __index__(self) -> int:
        raise ZeroDivisionError

    def __str__(self) -> str:
        raise ZeroDivisionError


ODD: list[Any] = [
    None,
    1.5,
    float("nan"),
    b"zoom",
    ["zoom"],
    ("a",),
    {},
    object(),
    Odd(),
    True,
    int,
]
HUGE = [-1, 1_000_000, 2**31, 2**32, 2**64, -(2**64), 10**400]
TEXTS = ["", " ", "\x00", "\ud800", "\udcff", "a" * 100_000, "９３６２６５", "\u202e"]


@pytest.mark.parametrize("passphrase", [*ODD, 5, *HUGE])
def test_a_passphrase_of_another_type_is_refused(passphrase: Any) -> None:
    with pytest.raises(TypeError, match="passphrase must be str, not "):
        Client(passphrase, 1)


@pytest.mark.parametrize("passphrase", ["", " \t\n", "\ud800", "zoom \udcff"])
def test_a_passphrase_that_is_none_is_refused(passphrase: str) -> None:
    with pytest.raises(passsafe.UsageError, match="six words|surrogate") as raised:
        Client(passphrase, 1)
    assert raised.value.__cause__ is None and raised.value.__context__ is None


@pytest.mark.parametrize("token", [it for it in ODD if not isinstance(it, Odd)])
def test_a_token_of_another_type_is_refused(token: Any) -> None:
    with pytest.raises(TypeError, match="token must be str or int, not "):
        Client("zoom", token)


@pytest.mark.parametrize("token", [*HUGE, *TEXTS, "93626", "9362655", "93626x", "-12345", Odd()])
def test_a_token_that_is_none_is_refused(token: Any) -> None:
    with pytest.raises(passsafe.UsageError, match="no attempt was used|surrogate"):
        Client("zoom", token)


@pytest.mark.parametrize("host", [it for it in ODD if it is not None] + HUGE)
def test_a_host_of_another_type_is_refused(host: Any) -> None:
    with pytest.raises(TypeError, match="host must be str, not "):
        Client("zoom", 1, host)


@pytest.mark.parametrize(
    "host",
    [
        *TEXTS,
        "localhost",
        "localhost:8051",
        "ftp://localhost",
        "https://localhost:8051",
        "http://",
        "http://localhost:0x50",
        "http://localhost:99999",
        "http://ana:S3kr!t@localhost:8051",
        "http://localhost:8051?token=936265",
        "http://localhost:8051#a",
        "http://[::1",
        "unix://relative",
        "unix:///" + "a" * 200,
        "http://example.org:8051",
    ],
)
def test_a_host_that_is_none_is_refused_and_not_repeated(host: str) -> None:
    with pytest.raises(passsafe.UsageError) as raised:
        Client("zoom", 1, host)
    assert "S3kr!t" not in str(raised.value) and "936265" not in str(raised.value)


def test_plain_http_to_another_machine_wants_to_be_asked_for() -> None:
    with pytest.raises(passsafe.UsageError, match="plain_http=True"):
        Client("zoom", 1, "http://example.org")
    client = Client("zoom", 1, "http://example.org", plain_http=True)
    assert client.url == "http://example.org"
    assert copy.copy(client).url == client.url


@pytest.mark.parametrize("user", ["", "\x00", "a" * 256, "\ud800", b"", b"a\x00b"])
def test_a_user_that_is_none_is_refused(user: Any) -> None:
    with pytest.raises(passsafe.UsageError):
        Client("zoom", 1, user=user)


@pytest.mark.parametrize("user", [1, 1.5, ["ana"], True, object()])
def test_a_user_of_another_type_is_refused(user: Any) -> None:
    with pytest.raises(TypeError, match="user must be str or bytes, not "):
        Client("zoom", 1, user=user)


@pytest.mark.parametrize("timeout", [0, 0.0, -1, float("nan"), float("inf"), 1e300, 10**400, -0.0])
def test_a_timeout_that_is_none_is_refused(timeout: float) -> None:
    with pytest.raises(passsafe.UsageError, match="positive number of seconds"):
        Client("zoom", 1, timeout=timeout)


@pytest.mark.parametrize("timeout", ["5", b"5", True, [5], object()])
def test_a_timeout_of_another_type_is_refused(timeout: Any) -> None:
    with pytest.raises(TypeError, match="timeout must be float, not "):
        Client("zoom", 1, timeout=timeout)


@pytest.mark.parametrize("owner", ["", "no such account", "\x00", "\ud800", "-1", *HUGE[:1], 2**32])
def test_an_owner_that_is_none_is_refused(owner: Any) -> None:
    with pytest.raises(passsafe.UsageError):
        Client("zoom", 1, owner=owner)


@pytest.mark.parametrize("owner", [True, 1.5, b"root", ["root"]])
def test_an_owner_of_another_type_is_refused(owner: Any) -> None:
    with pytest.raises(TypeError, match="owner must be str or int, not "):
        Client("zoom", 1, owner=owner)


def test_one_owner_and_all_exclude_each_other() -> None:
    with pytest.raises(passsafe.UsageError, match="not both"):
        Client("zoom", 1, owner="root", any_owner=True)


@pytest.mark.parametrize("name", ["", "no name", "1a", "\x00", "\ud800", "a" * 65, "ä"])
def test_a_name_that_is_none_is_refused(safe: Start, name: str) -> None:
    client = Client("zoom", 1, "http://localhost:1")
    for ask in (client.secret, client.secret_bytes, client.secrets):
        with pytest.raises(passsafe.UsageError):
            ask(name)


@pytest.mark.parametrize("name", [*ODD, 5])
def test_a_name_of_another_type_is_refused(name: Any) -> None:
    client = Client("zoom", 1, "http://localhost:1")
    for ask in (client.secret, client.secret_bytes, client.secrets):
        with pytest.raises(TypeError, match="name must be str, not "):
            ask(name)


def test_nothing_refused_locally_uses_an_attempt(safe: Start) -> None:
    it = safe()
    for token in ("93626", -1, 10**9, ""):
        with pytest.raises(passsafe.UsageError):
            Client(it.passphrase, token, it.url)
    with pytest.raises(passsafe.UsageError):
        it.client().secret("no name")
    assert it.client().status().attempts_left == 3


def test_wrong_tokens_are_counted_and_lock(safe: Start) -> None:
    it = safe()
    wrong = Client(it.passphrase, it.wrong_token, it.url)
    for left, hint in ((2, "two more wrong tokens lock"), (1, "one more wrong token locks")):
        with pytest.raises(passsafe.InvalidToken, match=hint) as raised:
            wrong.password()
        assert raised.value.attempts_left == left
    with pytest.raises(passsafe.MaxInvalidTokens, match="locked for good"):
        wrong.password()
    for ask in (it.client().password, it.client().remaining, it.client().close_safe):
        with pytest.raises(passsafe.MaxInvalidTokens, match="Start a new one"):
            ask()
    assert it.client().status().state == "locked"


def test_a_typo_in_the_passphrase_is_pointed_at(safe: Start) -> None:
    it = safe()
    words = it.passphrase.split()
    words[3] = words[3][:-1] + "0"
    with pytest.raises(passsafe.WrongPassphrase, match="Word 4 is not on the word list"):
        Client(" ".join(words), it.token, it.url).password()
    with pytest.raises(passsafe.WrongPassphrase, match="as user"):
        Client("zoom zoom zoom zoom zoom zoom", it.token, it.url).password()
    assert it.client().status().attempts_left == 3


def test_a_name_that_the_safe_has_not(safe: Start) -> None:
    client = safe().client()
    with pytest.raises(passsafe.UnknownSecret) as raised:
        client.secret("api_key")
    assert isinstance(raised.value, KeyError)
    assert str(raised.value) == "The safe holds no secret named api_key. Ask names() what it holds."
    with pytest.raises(passsafe.UnknownSecret):
        client.secrets("password", "api_key")


def test_no_safe_there(safe: Start) -> None:
    it = safe()
    client = it.client()
    assert client.password() == PASSWORD
    it.close()
    for ask in (client.password, client.names, client.status, client.remaining, client.close_safe):
        with pytest.raises(passsafe.SafeUnavailable, match="There is no safe at") as raised:
            ask()
        assert isinstance(raised.value, ConnectionError)


def test_another_safe_in_its_place(safe: Start) -> None:
    first = safe()
    client = first.client()
    assert client.password() == PASSWORD
    first.close()
    second = safe(port=first.url.rpartition(":")[2])
    copied = Client(first.passphrase, second.token, second.url)
    with pytest.raises((passsafe.InvalidToken, passsafe.OtherSafe)):
        client.password()
    with pytest.raises(passsafe.WrongPassphrase):
        copied.password()


@pytest.mark.parametrize(
    ("reply", "error", "hint"),
    [
        (problem("410 Gone", "expired"), passsafe.Expired, "Start a new one"),
        (problem("410 Gone", "spent"), passsafe.Spent, "Start a new one"),
        (problem("410 Gone", "closed"), passsafe.Closed, "Start a new one"),
        (problem("423 Locked", "locked"), passsafe.MaxInvalidTokens, "Start a new one"),
        (problem("401 No", "invalid_token"), passsafe.InvalidToken, "Check the six digits"),
        (problem("403 No", "denied"), passsafe.Denied, "'y' allows it"),
        (problem("421 No", "wrong_host"), passsafe.Refused, "--allow-host"),
        (problem("403 No", "something_new"), passsafe.Refused, "update passsafe-client"),
        (answer("200 OK", {"version": 1}), passsafe.NotASafe, "Check the port"),
        (answer("200 OK", [[]] * 9999), passsafe.NotASafe, "Check the port"),
        (
            answer("302 Found", {}, "Location: http://localhost:1"),
            passsafe.NotASafe,
            "Check the port",
        ),
        (answer("200 OK", "x" * 300_000), passsafe.NotASafe, "Check the port"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", passsafe.NotASafe, "Check the port"),
        (b"SSH-2.0-OpenSSH_10.0\r\n", passsafe.NotASafe, "Check the port"),
        (b"\x00\xff" * 9999, passsafe.NotASafe, "Check the port"),
    ],
)
def test_what_a_server_can_answer(
    listen: Listen, reply: bytes, error: type[Exception], hint: str
) -> None:
    def handle(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(reply)
        connection.shutdown(socket.SHUT_WR)
        until_gone(connection)

    client = Client("zoom", 1, listen(handle).url)
    with pytest.raises(error, match=hint) as raised:
        client.password()
    assert isinstance(raised.value, passsafe.PasssafeError)
    assert str(raised.value).endswith(".")


def test_the_wait_for_an_owner_is_told_and_comes_to_an_end(
    listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    def handle(connection: socket.socket) -> None:
        for reply in (WAIT, WAIT, problem("403 No", "denied")):
            request(connection)
            connection.sendall(reply)
        until_gone(connection)

    with pytest.raises(passsafe.Denied, match="'y' allows it"):
        Client("zoom", 1, listen(handle).url).password()
    told = [(it.name, it.levelname, it.getMessage()) for it in caplog.records]
    waits = "waiting: the safe's terminal asks whether to allow this"
    assert told == [("passsafe", "WARNING", waits)]


def test_a_server_that_hangs_up(listen: Listen) -> None:
    def at_once(connection: socket.socket) -> None:
        connection.close()

    def when_asked(connection: socket.socket) -> None:
        request(connection)
        connection.close()

    for handle in (at_once, when_asked):
        client = Client("zoom", 1, listen(handle).url)
        with pytest.raises(passsafe.SafeUnavailable, match="--allow-user"):
            client.password()


def dripping(connection: socket.socket) -> None:
    request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while not select.select([connection], [], [], 0.01)[0]:
        connection.sendall(b"x")


@pytest.mark.parametrize("handle", [until_gone, dripping])
def test_a_server_that_never_comes_to_an_end(listen: Listen, handle: Any) -> None:
    client = Client("zoom", 1, listen(handle).url, timeout=0.3)
    for ask in (client.password, client.status, client.remaining, client.close_safe):
        started = time.monotonic()
        with pytest.raises(passsafe.SafeTimeout, match="No answer within 300ms") as raised:
            ask()
        assert 0.3 <= time.monotonic() - started < 3
        assert isinstance(raised.value, TimeoutError) and isinstance(raised.value, ConnectionError)


def record(body: object) -> bytes:
    return answer("200 OK", body, "Content-Type: application/json", "Passsafe-Expires-In: 9")


@pytest.mark.parametrize("body", [{}, None, [], "x", {"version": 1, "kdf": {}}])
def test_an_answer_that_is_no_record(listen: Listen, body: object) -> None:
    with pytest.raises(passsafe.NotASafe):
        Client("zoom", 1, listen(always(record(body))).url).password()


def test_a_record_of_another_version_or_of_an_absurd_cost(listen: Listen) -> None:
    version_2 = record({"version": 2})
    for server in (always(version_2), always(version_2, demand(memory_kib=2**30))):
        with pytest.raises(passsafe.DamagedRecord, match="start a new one"):
            Client("zoom", 1, listen(server).url).password()


def squat(port: Connection, received: Connection) -> None:
    """Listens as another account, and tells what it was sent."""
    os.setgid(65_534)
    os.setuid(65_534)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port.send(server.getsockname()[1])
        with server.accept()[0] as connection:
            received.send(connection.recv(99))


def test_another_accounts_listener_is_sent_nothing() -> None:
    assert os.geteuid() == 0, "root alone can start another account's listener"
    fork = multiprocessing.get_context("fork")
    (port, tell_port), (received, tell_received) = fork.Pipe(False), fork.Pipe(False)
    squatter = fork.Process(target=squat, args=(tell_port, tell_received))
    squatter.start()
    url = f"http://localhost:{port.recv()}"
    with pytest.raises(passsafe.ForeignListener, match="pass owner='nobody'") as raised:
        Client("zoom", 1, url).password()
    assert received.recv() == b""
    squatter.join()
    assert "(uid 65534). Nothing was sent" in str(raised.value)
    assert isinstance(raised.value, passsafe.SafeUnavailable)


ALL = [
    it
    for it in vars(passsafe).values()
    if isinstance(it, type) and issubclass(it, passsafe.PasssafeError)
]


@pytest.mark.parametrize("error", ALL)
def test_an_exception_travels_with_its_message(error: type[passsafe.PasssafeError]) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(error("What. And now."), protocol))
        assert type(again) is error and str(again) == "What. And now."


def test_an_invalid_token_travels_with_its_count() -> None:
    again = pickle.loads(pickle.dumps(passsafe.InvalidToken("no", 2)))
    assert (str(again), again.attempts_left) == ("no", 2)


def test_the_exceptions_are_what_else_they_are() -> None:
    assert len(ALL) == 21
    for error, also in [
        (passsafe.UsageError, ValueError),
        (passsafe.UnknownSecret, KeyError),
        (passsafe.NotText, ValueError),
        (passsafe.SafeUnavailable, ConnectionError),
        (passsafe.SafeTimeout, TimeoutError),
        (passsafe.NotASafe, passsafe.SafeUnavailable),
        (passsafe.Expired, passsafe.SafeOver),
        (passsafe.MaxInvalidTokens, passsafe.SafeOver),
    ]:
        assert issubclass(error, also) and issubclass(error, passsafe.PasssafeError)
