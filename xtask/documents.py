"""Every code block of every document, run: a step of the gate, by `xtask/src/documents.rs`.

The language of a block says how. What no machine of the tests can run says so in the document
itself, in the words *not run by the tests*, beside the block; what other tests run stands in a
list here. A block that is neither fails, so that no example can rot.

Examples name credentials: a safe with these, on the port that they name, is open while a block
is run, in a network of its own. Rust is built as a reader's programs, with the dependencies that
the documents tell him to write down, which doctests would not show. Console blocks are typed
into a terminal: trycmd starts programs without one, holds no safe open between them, and has no
pipes.
"""

import contextlib
import fcntl
import json
import os
import pwd
import re
import shutil
import socket
import struct
import subprocess
import sys
import tomllib
from pathlib import Path

import pexpect
import pytest

ROOT = Path(__file__).parents[1]
BUILT, READER = Path(os.environ["PASSSAFE_BUILT"]), ROOT / "target" / "documents"
NOT_RUN = "not run by the tests"
RUN_BY = {  # a document's blocks in a language: the test that runs them, and what it says
    ("docs/python.md", "python"): ("crates/passsafe-python/tests/test_recipes.py", '"python.md"'),
    ("docs/cli.md", "console"): ("crates/passsafe-cli/tests/it/help.rs", "fn the_examples_work()"),
}
# Installing takes a network that is not ours; the steps "packages" and "tests in Python" do it.
# That a chore exists is tested where the chores are defined.
NOT_TYPED = ("cargo install ", "pip install ", "maturin ", "git clone ", "cargo xtask ")
SECRET = "S3kr!t"
README = ("8051", "crudely explode kilogram detached overdrive unlit", "936265")
PROTOCOL = ("41763", "chug clarity trimming skeptic occupancy snowfield", "135498")
OPEN = r'token +\d{3} \d{3}\s|"expires_at":"[^\n]*\n'
VARIES = (  # from run to run, and is not compared: colours, words that are drawn, days, numbers
    (r"\x1b\[[0-9;?]*[A-Za-z]", ""),
    (r'(passphrase"?[: ]+"?)[a-z-]+(?: [a-z-]+){5}', r"\1W"),
    (r'("(?:salt|nonce|commitment|ciphertext|user)":")[^"]*', r"\1…"),
    (r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d+ [A-Z][a-z]{2} ", "D "),
    (r"\d+", "N"),
    (r"\s+", " "),
)


def blocks():
    """Path, line, language and code of each that is run here."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True)
    for path in sorted(listed.stdout.split()):
        text = (ROOT / path).read_text("utf-8")
        for block in re.finditer(r"^( *)```(.*)\n((?s:.*?))^\1```$", text, re.M):
            before = text[: block.start()].rstrip().rpartition("\n\n")[2]
            behind = text[block.end() :].lstrip().partition("\n\n")[0]
            beside = " ".join(f"{before}\n{behind}".lower().split())
            line, language = text.count("\n", 0, block.start()) + 1, block[2]
            if test := RUN_BY.get((path, language)):
                assert test[1] in (ROOT / test[0]).read_text("utf-8"), f"{test[0]}: not {path}?"
            elif NOT_RUN not in beside and language not in ("", "text"):
                yield pytest.param(path, line, language, block[3], id=f"{path}:{line}")


BLOCKS = list(blocks())


@pytest.mark.parametrize(("path", "line", "language", "code"), BLOCKS)
def test_block(path, line, language, code, scene, request):
    if language == "rust":
        request.getfixturevalue("reader")
    RUN[language](scene(path), code, program(path, line))


@pytest.fixture(scope="session")
def scene(tmp_path_factory):
    """That of a document, in a network that has loopback and nothing else."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x49))  # SIOCSIFFLAGS, up
    scenes = {}

    def of(path):
        if path not in scenes:
            close()
            scenes[path] = Scene(path, tmp_path_factory.mktemp("document"))
        return scenes[path]

    def close():
        any(scene.close() for scene in scenes.values())

    yield of
    close()


class Scene:
    """What a document's blocks are run in, where each finds what those before it have left."""

    def __init__(self, path, folder):
        self.folder, self.python, self.safe = folder, "", None
        self.port, self.passphrase, self.token = PROTOCOL if "protocol" in path else README
        self.url = f"http://localhost:{self.port}"
        (folder / "passsafe").symlink_to(BUILT / "passsafe")
        (folder / "node_modules").symlink_to(ROOT / "target/tools/node/node_modules")
        (folder / "psql").write_text(f"#!/bin/sh\n[ \"$PGPASSWORD\" = '{SECRET}' ]\n")
        (folder / "psql").chmod(0o755)

    def environment(self, **more):
        path = f"{self.folder}:{os.environ['PATH']}"
        return dict(PATH=path, HOME=str(self.folder), TERM="xterm", NO_COLOR="1", PW=SECRET, **more)

    def serve(self):
        """Opens the safe whose credentials the document names, unless it is open still."""
        with contextlib.suppress(OSError):
            return socket.create_connection(("127.0.0.1", int(self.port))).close()
        self.close()
        user = pwd.getpwuid(os.geteuid()).pw_name
        safe = [BUILT / "examples" / "chosen_credentials", user, self.port]
        safe += [self.passphrase, self.token, SECRET]
        self.safe = subprocess.Popen(safe, stdout=subprocess.PIPE)
        assert self.safe.stdout.readline(), "no safe was opened"

    def close(self):
        safe, self.safe = self.safe, None
        if safe:
            safe.kill()
            safe.communicate()

    def prints(self, *command):
        """What a program prints that finds the credentials in its environment."""
        credentials = dict(PASSSAFE_URL=self.url, PASSSAFE_TOKEN=self.token)
        environment = self.environment(**credentials, PASSSAFE_PASSPHRASE=self.passphrase)
        self.serve()
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True)
        assert (done.returncode, done.stderr.decode()) == (0, "")
        return done.stdout.decode()

    def shows(self, *command):
        assert SECRET in self.prints(*command)


def console(scene, code, _):
    """Each line that is shown must be shown, in this order, and an error where one is."""
    typed = re.findall(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", code, re.M)
    assert typed and code.startswith("$ "), "it shows no command, or an answer before one"
    if re.search('^ *passphrase  |"passphrase":', code, re.M):
        scene.close()  # It opens a safe itself.
    else:
        scene.serve()
    for command, shown in typed:
        if not command.startswith(NOT_TYPED):
            said, status = in_a_terminal(scene, command, shown)
            assert (status != 0) == ("\nerror:" in f"\n{shown}"), f"status {status}: {said}"
            rest = iter(loosely(said))
            for line in loosely(shown):
                pieces = ".*".join(re.escape(piece.strip()) for piece in line.split("…"))
                assert any(re.search(pieces, it) for it in rest), f"not said: {line}\n{said}"


def in_a_terminal(scene, command, shown):
    """Types a command, and answers what it asks until it ends or serves."""
    minutes = re.search(r"^Minutes.*\]: (.*)$", shown, re.M)
    answers = {
        r"Minutes to serve[^\n]*\]: ?": minutes[1] if minutes else "",
        r"Password[^\n:]*: ?": SECRET,
        r"Passphrase[^\n:]*: ?": scene.passphrase,
        r"Token[^\n:]*: ?": scene.token,
    }
    command = command.replace("cargo run --release --bin passsafe", "passsafe")
    environment = scene.environment(url=scene.url, token=scene.token)
    bash = ["--noprofile", "--norc", "-c", command]
    bash = pexpect.spawn("bash", bash, cwd=scene.folder, env=environment, encoding="utf-8")
    said, found = "", 0
    while found < len(answers):
        found = bash.expect([*answers, OPEN, pexpect.EOF], timeout=60)
        said += bash.before + (bash.after if bash.after is not pexpect.EOF else "")
        if found < len(answers):
            bash.sendline(list(answers.values())[found])
    serves = found == len(answers)
    bash.close(force=True)
    return said, 0 if serves else bash.exitstatus


def loosely(text):
    for pattern, instead in VARIES[:-1]:
        text = re.sub(pattern, instead, text)
    lines = (re.sub(*VARIES[-1], line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def python(scene, code, _):
    """A block without a call is what the next one is about: both are run as one."""
    scene.python += code
    said = scene.prints(sys.executable, "-c", scene.python)
    assert SECRET in said or "\nprint(" not in scene.python


@pytest.fixture(scope="session")
def reader():
    """The programs of the Rust blocks, in a package that stands in this workspace's place."""
    sources = READER / "src" / "bin"
    shutil.rmtree(READER, ignore_errors=True)
    sources.mkdir(parents=True)
    needs = {}
    for path, line, language, code in (block.values for block in BLOCKS):
        if language == "rust":
            (sources / f"{program(path, line)}.rs").write_text(code, "utf-8")
        elif language == "toml":
            needs |= dict(line.split(" = ", 1) for line in code.splitlines() if " = " in line)
    workspace = (ROOT / "Cargo.toml").read_text("utf-8")
    ours = [name for name in needs if name.startswith("passsafe-")]
    (READER / "Cargo.toml").write_text(
        '[package]\nname = "reader"\nedition = "2024"\n[workspace]\n[dependencies]\n'
        + "".join(f"{name} = {need}\n" for name, need in needs.items())
        + "[patch.crates-io]\n"
        + "".join(f'{name}.path = "{ROOT / "crates" / name}"\n' for name in ours)
        # As the tests have built what is needed here too.
        + workspace[workspace.index("[profile.dev]") : workspace.index("[profile.release]")]
    )
    shutil.copy(ROOT / "Cargo.lock", READER)
    cargo = ["cargo", "build", "--quiet", "--offline", "--target-dir", BUILT.parent]
    subprocess.run([*cargo, "--manifest-path", READER / "Cargo.toml"], cwd=ROOT, check=True)


def program(path, line):
    return re.sub(r"\W", "_", f"{path}_{line}").lower()


def values(_scene, code, _):
    """One value, or one a line."""
    rest = code.strip()
    while rest:
        rest = rest[json.JSONDecoder().raw_decode(rest)[1] :].lstrip()


RUN = {
    "console": console,
    "javascript": lambda scene, code, _: scene.shows("node", "--input-type=module", "-e", code),
    "json": values,
    "python": python,
    "r": lambda scene, code, _: scene.shows("Rscript", "-e", code),
    "rust": lambda scene, _, name: scene.prints(BUILT / name),
    "toml": lambda _scene, code, _: tomllib.loads(code),
}
