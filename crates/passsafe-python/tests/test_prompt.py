"""`Client.ask()` in a terminal, and without one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator

import pexpect
import pytest
from conftest import PASSWORD, PATIENCE, Safe, Start

PROGRAM = """
import sys
from passsafe import Client
client = Client.ask(sys.argv[1], user="ana")
print("length", len(client.password()))
"""

PLAIN = {**os.environ, "PYTHON_COLORS": "0"}

Terminal = Callable[[str], "pexpect.spawn[str]"]


@pytest.fixture
def it(safe: Start) -> Safe:
    return safe(user="ana")


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    started = []

    def start(url: str) -> pexpect.spawn[str]:
        child = pexpect.spawn(
            sys.executable, ["-c", PROGRAM, url], encoding="utf-8", timeout=PATIENCE, env=PLAIN
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def echoes(child: pexpect.spawn[str]) -> bool:
    return bool(termios.tcgetattr(child.child_fd)[3] & termios.ECHO)


def answer(child: pexpect.spawn[str], prompt: str, typed: str) -> None:
    child.expect_exact(prompt)
    assert child.waitnoecho(PATIENCE)
    child.sendline(typed)


def rest(child: pexpect.spawn[str]) -> str:
    child.expect(pexpect.EOF)
    child.wait()
    return child.before or ""


def test_what_is_typed_is_hidden(it: Safe, terminal: Terminal) -> None:
    child = terminal(it.url)
    shown = []
    for prompt, typed in (("Passphrase: ", it.passphrase), ("Token: ", it.token)):
        answer(child, prompt, typed)
        shown.append(child.before)
    shown.append(rest(child))
    assert child.exitstatus == 0 and echoes_after(child)
    assert f"length {len(PASSWORD)}" in shown[-1]
    assert it.token not in "".join(shown) and it.passphrase.split()[0] not in "".join(shown)


def echoes_after(child: pexpect.spawn[str]) -> bool:
    """The terminal is as it was; where it is gone with its last user, nothing is left to mend."""
    try:
        return echoes(child)
    except termios.error:
        return True


def test_a_token_that_is_none_is_asked_for_again(it: Safe, terminal: Terminal) -> None:
    child = terminal(it.url)
    answer(child, "Passphrase: ", "")
    child.expect_exact("The passphrase is empty.")
    answer(child, "Passphrase: ", it.passphrase)
    answer(child, "Token: ", "93626")
    child.expect_exact("A token is six digits.")
    answer(child, "Token: ", f"{it.token[:3]} {it.token[3:]}")
    assert f"length {len(PASSWORD)}" in rest(child)


def test_three_tries_are_enough(it: Safe, terminal: Terminal) -> None:
    child = terminal(it.url)
    answer(child, "Passphrase: ", it.passphrase)
    for _ in range(3):
        answer(child, "Token: ", "93626")
    assert "UsageError: A token is six digits" in rest(child)


@pytest.mark.parametrize("prompt", ["Passphrase: ", "Token: "])
def test_ctrl_c_leaves_the_terminal_as_it_was(it: Safe, terminal: Terminal, prompt: str) -> None:
    # A program that lives on, so that the terminal does.
    shell = pexpect.spawn("sh", encoding="utf-8", timeout=PATIENCE, env={**PLAIN, "PS1": "> "})
    shell.expect_exact("> ")
    shell.sendline(f"trap : INT; {sys.executable} -c '{PROGRAM}' {it.url}; echo status $?")
    if prompt != "Passphrase: ":
        answer(shell, "Passphrase: ", it.passphrase)
    shell.expect_exact(prompt)
    assert shell.waitnoecho(PATIENCE)
    shell.sendintr()
    shell.expect_exact("KeyboardInterrupt")
    shell.expect(r"status (\d+)")
    assert shell.match and shell.match[1] == str(128 + signal.SIGINT)
    assert echoes(shell)
    shell.close(force=True)


def test_the_end_of_input_ends_it(it: Safe, terminal: Terminal) -> None:
    child = terminal(it.url)
    child.expect_exact("Passphrase: ")
    assert child.waitnoecho(PATIENCE)
    child.sendeof()
    assert "NoCredentials: Nobody can be asked for the passphrase" in rest(child)


def test_nothing_is_asked_where_there_is_no_safe(terminal: Terminal) -> None:
    child = terminal("http://localhost:1")
    said = rest(child)
    assert "SafeUnavailable: There is no safe" in said and "Passphrase" not in said


def test_without_a_terminal_nothing_is_read(it: Safe) -> None:
    """What would be shown while it is typed is not asked for."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, it.url],
        input=f"{it.passphrase}\n{it.token}\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        start_new_session=True,
    )
    assert ended.returncode == 1 and ended.stdout == ""
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("passsafe.NoCredentials: Nobody can be asked")
    assert "PASSSAFE_PASSPHRASE" in last and it.passphrase not in ended.stderr
