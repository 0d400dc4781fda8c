"""A PostgreSQL of the tests' own: password authentication (SCRAM) over TCP, a free port, a
folder that goes with it. PostgreSQL refuses to run as root; then it runs as the account
that its package makes."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, LiteralString

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

HOST = "127.0.0.1"
NAME = "sales"
OWNER = "owner"
"""The superuser, who makes the other roles."""


class Database:
    """Started when made; stopped, and gone from the disk, by `stop`."""

    def __init__(self) -> None:
        self._account = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="passsafe-postgres-"))
        self._password = secrets.token_urlsafe()
        self.port = _free_port()
        try:
            self._make()
            self._server, self._log = self._start()
            self._run("postgres", SQL("create database {}").format(Identifier(NAME)))
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def role(self, name: str, password: str) -> None:
        """Gives the role `name` this password, and makes it first if need be."""
        exists = self._run(NAME, SQL("select 1 from pg_roles where rolname = %s"), [name])
        verb = SQL("alter" if exists else "create")
        statement = SQL("{} role {} login password {}")
        self._run(NAME, statement.format(verb, Identifier(name), Literal(password)))

    def table(self, name: str, statement: LiteralString) -> None:
        """Makes a table that every role may read."""
        table = Identifier(name)
        self._run(NAME, SQL("create table {} as {}").format(table, SQL(statement)))
        self._run(NAME, SQL("grant select on {} to public").format(table))

    def cut_connections(self) -> None:
        """Ends everybody's connection but its own."""
        self._run(
            NAME,
            SQL(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where pid <> pg_backend_pid() and backend_type = 'client backend'"
            ),
        )

    def stop(self) -> None:
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(timeout=30)
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(
        self, name: str, statement: SQL | Composed, values: Sequence[str] = ()
    ) -> list[tuple[object, ...]]:
        with psycopg.connect(
            host=HOST,
            port=self.port,
            dbname=name,
            user=OWNER,
            password=self._password,
            require_auth="scram-sha-256",
            autocommit=True,
        ) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def _make(self) -> None:
        password_file = self._folder / "password"
        password_file.write_text(self._password)
        if self._account:
            os.chown(self._folder, self._account.pw_uid, self._account.pw_gid)
            os.chown(password_file, self._account.pw_uid, self._account.pw_gid)
        subprocess.run(
            [
                *self._command("initdb"),
                f"--username={OWNER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._as_account(),
        )
        password_file.unlink()

    def _start(self) -> tuple[subprocess.Popen[str], IO[str]]:
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "log_min_messages": "warning",
        }
        server = subprocess.Popen(
            [
                *self._command("postgres"),
                *(f"-c{name}={value}" for name, value in settings.items()),
            ],
            stderr=subprocess.PIPE,
            text=True,
            **self._as_account(),
        )
        assert server.stderr
        said = []
        for line in server.stderr:
            said.append(line)
            if "ready to accept connections" in line:
                return server, server.stderr
        raise RuntimeError(f"PostgreSQL did not start:\n{''.join(said)}")

    def _command(self, name: str) -> list[str]:
        # Debian keeps them off the PATH; the newest one there is.
        there = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=_version)
        program = str(there[-1]) if there else shutil.which(name)
        if program is None:
            raise RuntimeError(f"{name} is not there: install PostgreSQL's server")
        return [program, "-D", str(self._folder / "data")]

    def _as_account(self) -> dict[str, Any]:
        settings: dict[str, Any] = {"cwd": self._folder, "env": {**os.environ, "LC_ALL": "C"}}
        if self._account:
            settings |= {
                "user": self._account.pw_uid,
                "group": self._account.pw_gid,
                "extra_groups": [],
            }
        return settings


def _version(program: Path) -> int:
    return int(program.parent.parent.name)


def _free_port() -> int:
    # PostgreSQL cannot be handed a socket, nor does it take port 0.
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])
