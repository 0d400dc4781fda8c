"""Real notebooks, run by a real kernel against a real safe, and what they hold when saved."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import PATIENCE, Start
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from passsafe import Client
from test_client import spellings

PASSWORD = "correct|horse:battery~staple"

pytestmark = [
    # Of the libraries that run kernels, not ours.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

LEAKS = [
    "password = safe.password()\npassword",
    "[password, (password, {'a': password}), {password}]",
    "safe.secret('password')",
    "safe.secret_bytes('password')",
    "safe.secrets('password')",
    "password.odbc()",
    "safe",
    "[safe, safe.status(), safe.remaining(), safe.names()]",
    "display(password); display({'p': password})",
    "print([password], repr(password), '%r' % password)",
    "import pprint; pprint.pprint([password])",
    "def connect(password, client):\n    secret = client.secret_bytes('password')\n"
    "    return password, secret, client, 1 / 0\nconnect(password, safe)",
    "import pickle; pickle.dumps(password)",
    "safe.secret('no_such_secret')",
    "safe.secret('')",
    "%xmode Verbose",
    "connect(password, safe)",
    "connect(safe.password(), client=safe)",
    "with_password = {'password': password, 'keys': [password]}\nconnect(**with_password)",
    "safe.secret('no_such_secret')",
    "%xmode Context",
    "import inspect; inspect.currentframe().f_globals['password']",
    "'the end', len(password)",
]
"""Cells that come near the password, each in a way that people do."""


def run(cells: list[str], path: Path, environment: dict[str, str] | None = None) -> str:
    """The notebook as it is saved after all cells have run."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(it) for it in cells])
    client = NotebookClient(notebook, timeout=PATIENCE, kernel_name="python3", allow_errors=True)
    client.execute(env=environment or {**os.environ})
    nbformat.write(notebook, path)
    return path.read_text()


def outputs(text: str) -> list[str]:
    """What each cell has said, without colours."""
    notebook = nbformat.reads(text, as_version=4)
    said = []
    for cell in notebook.cells:
        for output in cell.outputs:
            if output.output_type == "error":
                output.data = {"error": "\n".join(output.traceback)}
        parts = [it.get("text", "") + "".join(it.get("data", {}).values()) for it in cell.outputs]
        said.append(re.sub(r"\x1b\[[0-9;]*m", "", "".join(parts)))
    return said


def assert_holds_no(secret: str, text: str) -> None:
    lines = [it for it in text.encode().splitlines() if any(x in it for x in spellings(secret))]
    assert not lines, lines


def test_the_example_in_a_notebook(safe: Start, tmp_path: Path) -> None:
    it = safe(PASSWORD)
    typed = f"Client({it.passphrase!r}, {int(it.token)}, {it.url!r})"
    cells = ["from passsafe import Client", f"safe = {typed}", *LEAKS]
    saved = run(cells, tmp_path / "typed.ipynb")
    said = dict(zip(cells, outputs(saved), strict=True))
    assert_holds_no(PASSWORD, saved)
    # What was typed is there as often as it was typed.
    assert saved.count(it.passphrase) == 1
    assert "<secret, masked>" in said[LEAKS[0]]
    assert said[LEAKS[-1]] == f"('the end', {len(PASSWORD)})"
    assert (
        "in connect(password=<secret, masked>, client=<passsafe" in said["connect(password, safe)"]
    )
    assert "Pickle the client" in said["import pickle; pickle.dumps(password)"]
    assert "UnknownSecret" in said["safe.secret('no_such_secret')"]
    # Somebody who prints it, has it: the scan sees.
    with pytest.raises(AssertionError):
        assert_holds_no(PASSWORD, run([*cells, "print(password)"], tmp_path / "printed.ipynb"))


def test_the_badge_is_html_and_the_rest_is_text(safe: Start, tmp_path: Path) -> None:
    it = safe(PASSWORD)
    cells = [
        "from passsafe import Client",
        f"safe = Client({it.passphrase!r}, {it.token!r}, {it.url!r})\nsafe",
        "safe.close_safe()",
        "safe",
    ]
    said = outputs(run(cells, tmp_path / "badge.ipynb"))
    assert re.search(r"<b>passsafe</b> open until \d\d:\d\d, 4 minutes left", said[1])
    assert f"<passsafe.Client {it.url} for " in said[1]
    assert "<b>passsafe</b> not reachable" in said[3]
    assert it.token not in "".join(said) and it.passphrase not in "".join(said)


def test_the_magic_takes_what_the_environment_has(safe: Start, tmp_path: Path) -> None:
    it = safe(PASSWORD)
    cells = ["%load_ext passsafe", "safe = %passsafe", *LEAKS]
    saved = run(cells, tmp_path / "environment.ipynb", it.environment)
    assert outputs(saved)[-1] == f"('the end', {len(PASSWORD)})"
    for secret in (PASSWORD, it.passphrase, it.token):
        assert_holds_no(secret, saved)


@pytest.mark.parametrize("magic", ["", "Verbose"])
def test_a_variable_that_is_wrong_is_not_shown(safe: Start, tmp_path: Path, magic: str) -> None:
    it = safe(PASSWORD)
    cells = ["%load_ext passsafe", f"%xmode {magic or 'Context'}", "safe = %passsafe"]
    environment = {**it.environment, "PASSSAFE_TOKEN": "S3cretToken"}
    saved = run(cells, tmp_path / "wrong.ipynb", environment)
    assert "UsageError: A token is six digits" in outputs(saved)[-1]
    for secret in (it.passphrase, "S3cretToken"):
        assert_holds_no(secret, saved)


def test_a_notebook_without_a_person_says_so(safe: Start, tmp_path: Path) -> None:
    it = safe(PASSWORD)
    cells = ["%load_ext passsafe", f"safe = %passsafe {it.url}"]
    said = outputs(run(cells, tmp_path / "nobody.ipynb"))[-1]
    assert "NoCredentials: Nobody can be asked for the passphrase: this notebook is run" in said
    assert "PASSSAFE_PASSPHRASE" in said


def test_the_magic_takes_no_credentials(safe: Start, tmp_path: Path) -> None:
    it = safe(PASSWORD)
    cells = ["%load_ext passsafe", f"safe = %passsafe {it.passphrase}", f"%passsafe {it.token}"]
    said = outputs(run(cells, tmp_path / "arguments.ipynb"))
    for one in said[1:]:
        assert "UsageError: %passsafe takes the address of a safe or nothing" in one
    assert said[1].count(it.passphrase.split()[0]) <= 2, "repeated beyond the cell's own text"


class Person:
    """Runs cells in a kernel, and answers its questions."""

    def __init__(self) -> None:
        self.manager, self.kernel = start_new_kernel(kernel_name="python3")
        self.cells: list[Any] = []
        self.asked: list[tuple[str, bool]] = []

    def run(self, cell: str, *answers: str | None) -> str:
        left, messages = list(answers), list[Any]()

        def answer(message: Any) -> None:
            content = message["content"]
            self.asked.append((content["prompt"], content["password"]))
            typed = left.pop(0)
            if typed is None:
                self.manager.interrupt_kernel()
            else:
                self.kernel.input(typed)

        reply = self.kernel.execute_interactive(
            cell,
            allow_stdin=True,
            stdin_hook=answer,
            output_hook=messages.append,
            timeout=PATIENCE,
        )
        assert not left, "not all was asked for"
        types = ("stream", "error", "execute_result", "display_data")
        said = [nbformat.v4.output_from_msg(it) for it in messages if it["msg_type"] in types]
        self.cells.append(nbformat.v4.new_code_cell(cell, outputs=said))
        return str(reply["content"]["status"])

    def save(self, path: Path) -> str:
        nbformat.write(nbformat.v4.new_notebook(cells=self.cells), path)
        return path.read_text()

    def close(self) -> None:
        self.kernel.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def person() -> Iterator[Person]:
    it = Person()
    yield it
    it.close()


@pytest.mark.parametrize(
    "cells",
    [
        ["from passsafe import Client", "safe = Client.ask({url!r})"],
        ["%load_ext passsafe", "%xmode Verbose", "safe = %passsafe {url}"],
    ],
)
def test_what_a_person_types_is_nowhere_in_the_notebook(
    safe: Start, person: Person, tmp_path: Path, cells: list[str]
) -> None:
    it = safe(PASSWORD)
    for cell in cells[:-1]:
        assert person.run(cell) == "ok"
    ask = cells[-1].format(url=it.url)
    # First wrongly, in every way.
    assert person.run(ask, it.passphrase, *["S3cretToken"] * 3) == "error"
    assert person.run(ask, it.passphrase, None) == "error"
    assert person.run(ask, it.passphrase + " 0", it.token) == "ok"
    assert person.run("safe.password()") == "error"
    assert person.run(ask, it.passphrase, f"{it.token[:3]} {it.token[3:]}") == "ok"
    for cell in LEAKS:
        person.run(cell)
    assert all(hidden for _, hidden in person.asked)
    assert {prompt for prompt, _ in person.asked} == {"Passphrase: ", "Token: "}
    saved = person.save(tmp_path / "asked.ipynb")
    assert outputs(saved)[-1] == f"('the end', {len(PASSWORD)})"
    assert "WrongPassphrase" in saved and "KeyboardInterrupt" in saved and "UsageError" in saved
    for secret in (PASSWORD, it.passphrase, it.token, "S3cretToken"):
        assert_holds_no(secret, saved)
    assert f"{it.token[:3]} {it.token[3:]}" not in saved


def test_looking_at_a_client_takes_no_time(safe: Start) -> None:
    """A safe that hangs does not hold a notebook up."""
    it = safe(PASSWORD)
    it.process.send_signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        html = it.client(timeout=60.0)._repr_html_()
        assert time.monotonic() - started < 3
    finally:
        it.process.send_signal(signal.SIGCONT)
    assert "not reachable" in html


def test_the_badge_escapes_an_address() -> None:
    html = Client("zoom", 1, "unix:///<script>alert(1)</script>")._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html
