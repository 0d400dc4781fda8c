"""What type checkers are told, against what is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import passsafe
import pytest

PACKAGE = Path(passsafe.__file__).parent

USE = """
from datetime import timedelta
from typing import assert_type
from passsafe import Client, InvalidToken, SecretBytes, SecretText, Status

client = Client("six words", 936265, "http://localhost:8051", user="ana", timeout=5.0)
assert_type(client, Client)
assert_type(Client.ask("http://localhost:8051"), Client)
assert_type(Client.from_env(), Client)
assert_type(client.password(), SecretText)
assert_type(client.password().odbc(), SecretText)
assert_type(client.secret("api_key"), SecretText)
assert_type(client.secret_bytes("api_key"), SecretBytes)
assert_type(client.secrets("a", "b"), dict[str, SecretText])
assert_type(client.names(), list[str])
assert_type(client.status(), Status)
assert_type(client.remaining(), timedelta)
text: str = client.password()
data: bytes = client.secret_bytes("api_key")
try:
    client.close()
except InvalidToken as error:
    assert_type(error.attempts_left, int | None)
"""


def mypy(*arguments: str, module: str = "mypy") -> None:
    """With everything strict."""
    command = [sys.executable, "-m", module, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE.parent)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture
def cache(tmp_path: Path) -> str:
    return f"--cache-dir={tmp_path}"


def test_the_package_and_its_use_are_well_typed(tmp_path: Path, cache: str) -> None:
    use = tmp_path / "use.py"
    use.write_text(USE)
    mypy("--strict", "--python-version=3.11", cache, str(PACKAGE), str(use))


def test_the_stubs_say_what_is_there() -> None:
    mypy("passsafe._passsafe", module="mypy.stubtest")


def test_the_tests_are_well_typed(cache: str) -> None:
    files = sorted(str(it) for it in Path(__file__).parent.glob("*.py"))
    mypy("--strict", "--ignore-missing-imports", "--allow-untyped-calls", cache, *files)


def test_the_package_is_marked_as_typed() -> None:
    assert (PACKAGE / "py.typed").is_file() and (PACKAGE / "_passsafe.pyi").is_file()
