"""A database with a table of sales, and the recipes of the page."""

from collections.abc import Iterator

import pytest
from database import Database


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    database = Database()
    try:
        database.table(
            "sales",
            "select * from (values ('north', 1200), ('south', 950)) as sales (region, total)",
        )
        yield database
    finally:
        database.stop()
