"""What type checkers are told, against what is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import passsafe

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
    client.close_safe()
except InvalidToken as error:
    assert_type(error.attempts_left, int | None)
"""


def check(folder: Path, *command: str) -> None:
    """Apart from the package's sources, so that what is installed is checked."""
    ended = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, cwd=folder
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_package_is_well_typed(tmp_path: Path) -> None:
    check(tmp_path, "mypy", "--strict", "--package", "passsafe")


def test_what_it_gives_is_typed(tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(USE)
    check(tmp_path, "mypy", "--strict", "--python-version=3.11", "use.py")


def test_the_stubs_say_what_is_there(tmp_path: Path) -> None:
    check(tmp_path, "mypy.stubtest", "passsafe._passsafe")


def test_the_tests_are_well_typed(tmp_path: Path) -> None:
    files = sorted(str(it) for it in Path(__file__).parent.glob("*.py"))
    lenient = ["--ignore-missing-imports", "--allow-untyped-calls"]
    check(tmp_path, "mypy", "--strict", *lenient, *files)


def test_the_package_is_marked_as_typed() -> None:
    assert (PACKAGE / "py.typed").is_file() and (PACKAGE / "_passsafe.pyi").is_file()
