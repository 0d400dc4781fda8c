"""What the drivers do with a password: whether it arrives, and whether it stays."""

import gc
import multiprocessing
from collections.abc import Callable, Iterator
from typing import Any

import passsafe
import psycopg
import pyodbc
import pytest
from conftest import Start
from database import HOST, NAME, Database
from sqlalchemy import Engine, create_engine, event, text

AWKWARD = [
    "a;b",
    ";",
    "{",
    "}",
    "{x}",
    "}};",
    "x}",
    "a}b;c{d'\"e",
    " before",
    "behind ",
    "a=b;UID=owner",
    "100%41+b",
    "back\\slash",
    "'",
    '"',
    "ünï¢ødé €",
    "日本語;}",
    "😀}",
]
Make = Callable[[passsafe.Client], Engine]
QUERY = text("select sum(total) from sales")
ODBC = "DRIVER={{PostgreSQL Unicode}};SERVER={};PORT={};DATABASE={};UID=ana;PWD={}"


@pytest.fixture(autouse=True)
def no_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyodbc, "pooling", False)


def odbc(database: Database, password: str) -> pyodbc.Connection:
    return pyodbc.connect(ODBC.format(HOST, database.port, NAME, password))


def count(connection: Any) -> int:
    return int(connection.execute("select count(*) from sales").fetchone()[0])


@pytest.mark.parametrize("password", AWKWARD)
def test_an_awkward_password_arrives(password: str, safe: Start, database: Database) -> None:
    database.role("ana", password)
    client = safe(password).client()
    with odbc(database, client.password().odbc()) as connection:
        assert count(connection) == 2
    with psycopg.connect(
        host=HOST, port=database.port, dbname=NAME, user="ana", password=client.password()
    ) as connection:
        assert count(connection) == 2


def test_a_semicolon_ends_a_password_that_is_not_escaped(safe: Start, database: Database) -> None:
    database.role("ana", "a;b")
    client = safe("a;b").client()
    with pytest.raises(pyodbc.OperationalError):
        odbc(database, client.password())


def test_the_database_does_look_at_the_password(safe: Start, database: Database) -> None:
    database.role("ana", "right")
    client = safe("far from right").client()
    with pytest.raises(pyodbc.OperationalError) as by_odbc:
        odbc(database, client.password().odbc())
    with pytest.raises(psycopg.OperationalError) as by_psycopg:
        psycopg.connect(
            host=HOST, port=database.port, dbname=NAME, user="ana", password=client.password()
        )
    # Nor do the drivers repeat it.
    assert "far from" not in f"{by_odbc.value!r} {by_psycopg.value!r}"


@pytest.fixture
def engine(database: Database) -> Iterator[Make]:
    """Makes engines as in the recipe: ``engine(client)``."""
    made = []

    def make(client: passsafe.Client) -> Engine:
        made.append(create_engine(f"postgresql+psycopg://ana@{HOST}:{database.port}/{NAME}"))

        @event.listens_for(made[-1], "do_connect")
        def connect(dialect: Any, record: Any, arguments: Any, parameters: Any) -> Any:
            return dialect.connect(*arguments, **{**parameters, "password": client.password()})

        return made[-1]

    yield make
    for engine in made:
        engine.dispose()


def test_an_engine_keeps_no_password(safe: Start, database: Database, engine: Make) -> None:
    database.role("ana", "not kept")
    with engine(safe("not kept").client()).connect() as connection:
        assert connection.execute(QUERY).scalar() == 2150
        assert keepers("not kept") == []
        kept = {"password": passsafe.SecretText("not kept")}
        assert keepers("not kept") == [kept]


def keepers(password: str) -> list[dict[Any, Any]]:
    """The dictionaries of this process that have the password among their values."""
    gc.collect()
    dictionaries = [thing for thing in gc.get_objects() if type(thing) is dict]
    return [thing for thing in dictionaries if password in strings(thing)]


def strings(dictionary: dict[Any, Any]) -> list[str]:
    return [value for value in list(dictionary.values()) if isinstance(value, str)]


def test_an_engine_asks_again_for_a_connection_that_it_lost(
    safe: Start, database: Database, engine: Make
) -> None:
    database.role("ana", "again and again")
    opened = safe("again and again")
    sales = engine(opened.client())
    with sales.connect() as connection:
        assert connection.execute(QUERY).scalar() == 2150
    database.cut_connections()
    sales.dispose()
    with sales.connect() as connection:
        assert connection.execute(QUERY).scalar() == 2150
    opened.close()
    sales.dispose()
    with pytest.raises(passsafe.PasssafeError):
        sales.connect()


def total(client: passsafe.Client, port: int) -> int:
    with psycopg.connect(
        host=HOST, port=port, dbname=NAME, user="ana", password=client.password()
    ) as connection:
        found = connection.execute("select sum(total) from sales").fetchone()
        return int(found[0]) if found else 0


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_workers_fetch_for_themselves(method: str, safe: Start, database: Database) -> None:
    database.role("ana", "work")
    client = safe("work").client()
    assert total(client, database.port) == 2150
    with multiprocessing.get_context(method).Pool(2) as pool:
        totals = pool.starmap(total, [(client, database.port)] * 8)
    assert totals == [2150] * 8
    assert total(client, database.port) == 2150
