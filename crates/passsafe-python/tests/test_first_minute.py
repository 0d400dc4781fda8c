"""The first example of docs/python.md, as a stranger meets it: a fresh environment, the wheel
installed by one command, and a safe that a person opened in a terminal."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pexpect
import pytest
from database import HOST, Database

PAGE = Path(__file__).parents[3] / "docs" / "python.md"
SHOWN = "'crudely explode kilogram detached overdrive unlit', 936265"
PASSWORD = "S3kr!t"

Shown = tuple[str, str, str]


@pytest.fixture
def shown() -> Iterator[Shown]:
    """What the terminal shows: address, passphrase and token."""
    command = [os.environ["PASSSAFE_BINARY"], "serve", "--minutes", "5", "--port", "0"]
    terminal = pexpect.spawn(command[0], command[1:], encoding="utf-8", timeout=60)
    for _ in range(2):
        terminal.expect("Password.*: ")
        terminal.sendline(PASSWORD)
    terminal.expect(r"on (http://localhost:\d+)")
    url = terminal.match[1]
    terminal.expect(r"passphrase +([a-z -]+?)\s*\r\n")
    passphrase = terminal.match[1]
    terminal.expect(r"token +(\d{3} \d{3})")
    token = terminal.match[1]
    yield url, passphrase, token
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()


def test_the_first_example_prints_its_table(
    shown: Shown, database: Database, tmp_path: Path
) -> None:
    database.role("ana", PASSWORD)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(
        [
            *(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *(os.environ["PASSSAFE_TEST_WHEEL"], f"pyodbc=={version('pyodbc')}"),
        ],
        check=True,
    )
    url, passphrase, token = shown
    code, output = first_example()
    assert code.count(SHOWN) == 1
    code = code.replace(SHOWN, f"'{passphrase}', '{token}', '{url}'")
    code = code.replace("db.example", HOST).replace("5432", str(database.port))
    environment = {name: value for name, value in os.environ.items() if "PASSSAFE" not in name}
    done = subprocess.run(
        [python, "-c", code], env=environment, capture_output=True, encoding="utf-8", timeout=60
    )
    assert (done.stdout, done.stderr, done.returncode) == (output, "", 0)


def first_example() -> tuple[str, str]:
    page = PAGE.read_text("utf-8")
    found = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.S)
    assert found
    return found[1], found[2]
