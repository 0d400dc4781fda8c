"""Credentials from variables, by the rules of the command."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import passsafe
import pytest
from conftest import PASSWORD, Safe, Start
from passsafe import Client

Set = Callable[..., None]


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Set:
    def set_(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"PASSSAFE_{name}", str(value))

    return set_


@pytest.fixture
def it(safe: Start) -> Safe:
    return safe(user="ana")


def test_all_variables(it: Safe, variables: Set) -> None:
    variables(URL=it.url, PASSPHRASE=it.passphrase, TOKEN=it.token, USER="ana", OWNER=os.geteuid())
    client = Client.from_env()
    assert (client.url, client.user, client.password()) == (it.url, "ana", PASSWORD)


def test_the_address_has_a_default(variables: Set) -> None:
    variables(PASSPHRASE="zoom", TOKEN="936-265")
    assert Client.from_env().url == "http://localhost:8051"


def test_a_passphrase_from_a_file(it: Safe, variables: Set, tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text(f" {it.passphrase.upper()}\n")
    variables(URL=it.url, PASSPHRASE_FILE=file, TOKEN=it.token, USER="ana")
    assert Client.from_env().password() == PASSWORD


def test_a_passphrase_from_a_pipe(it: Safe, variables: Set) -> None:
    reader, writer = os.pipe()
    with open(writer, "w") as file:
        file.write(it.passphrase)
    with open(reader):
        variables(URL=it.url, PASSPHRASE_FILE=f"/dev/fd/{reader}", TOKEN=it.token, USER="ana")
        assert Client.from_env().password() == PASSWORD


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"a" * (64 * 1024 + 1)])
def test_a_file_that_holds_no_passphrase(variables: Set, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(content)
    variables(PASSPHRASE_FILE=file, TOKEN="936265")
    with pytest.raises((passsafe.NoCredentials, passsafe.UsageError)) as raised:
        Client.from_env()
    assert raised.value.__context__ is None


@pytest.mark.parametrize("path", ["/no/such/file", "/", ""])
def test_a_file_that_cannot_be_read(variables: Set, path: str) -> None:
    variables(PASSPHRASE_FILE=path, TOKEN="936265")
    with pytest.raises(passsafe.NoCredentials, match="cannot be read: .*Check its path"):
        Client.from_env()


def test_a_fifo_that_nobody_writes_to(
    variables: Set, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setattr("passsafe._environment._PATIENCE", 0.2)
    variables(PASSPHRASE_FILE=tmp_path / "fifo", TOKEN="936265")
    started = time.monotonic()
    with pytest.raises(passsafe.NoCredentials, match="nothing came from it"):
        Client.from_env()
    assert time.monotonic() - started < 3


def test_an_endless_file_is_not_read_to_its_end(variables: Set) -> None:
    variables(PASSPHRASE_FILE="/dev/zero", TOKEN="936265")
    with pytest.raises(passsafe.NoCredentials, match="longer than 64 KiB"):
        Client.from_env()


def test_both_passphrases_are_an_error(variables: Set) -> None:
    variables(PASSPHRASE="zoom", PASSPHRASE_FILE="/dev/null", TOKEN="936265")
    with pytest.raises(passsafe.UsageError, match="both set"):
        Client.from_env()


def test_what_is_missing_is_named(variables: Set) -> None:
    with pytest.raises(passsafe.NoCredentials, match="PASSSAFE_PASSPHRASE"):
        Client.from_env()
    variables(PASSPHRASE="zoom")
    with pytest.raises(passsafe.NoCredentials, match="PASSSAFE_TOKEN"):
        Client.from_env()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKEN", "93626"),
        ("TOKEN", ""),
        ("PASSPHRASE", " "),
        ("PASSPHRASE", os.fsdecode(b"\xff")),
        ("URL", "http://example.org"),
        ("URL", ""),
        ("USER", ""),
        ("OWNER", "no such account"),
    ],
)
def test_a_variable_that_cannot_be_right(variables: Set, name: str, value: str) -> None:
    variables(PASSPHRASE="zoom", TOKEN="936265")
    variables(**{name: value})
    with pytest.raises(passsafe.UsageError):
        Client.from_env()


def test_an_account_name_that_is_not_utf8(variables: Set) -> None:
    variables(PASSPHRASE="zoom", TOKEN="936265", USER=os.fsdecode(b"\xff"))
    with pytest.raises(passsafe.UsageError, match="user"):
        Client.from_env()


def test_one_file_alone_reads_the_environment() -> None:
    package = Path(passsafe.__file__).parent
    reads = re.compile(r"os\.environ|getenv|from os")
    assert [it.name for it in package.glob("*.py") if reads.search(it.read_text())] == [
        "_environment.py"
    ]
