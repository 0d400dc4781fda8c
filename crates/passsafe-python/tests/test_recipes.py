"""The recipes of docs/python.md, each run as it stands, in a process of its own.

Only the address of the database is another one."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Start
from database import HOST, Database

PAGE = Path(__file__).parents[3] / "docs" / "python.md"
RECIPE = re.compile(r"^```python\n(?P<code>.*?)^```\n\n```text\n(?P<output>.*?)^```$", re.M | re.S)
BEGINNING = re.compile(r"^```python\n(?P<code>.*?)^```$", re.M | re.S)
# What a connection string or a URL could trip over, and a letter beyond ASCII.
PASSWORD = "p;w{o}r'd\" %41+ü"


def recipes() -> list[Any]:
    _, _, section = PAGE.read_text("utf-8").partition("\n## Recipes\n")
    titled = [part.partition("\n") for part in section.split("\n### ")[1:]]
    found = []
    for title, _, text in titled:
        for number, recipe in enumerate(RECIPE.finditer(text), 1):
            found.append(pytest.param(recipe["code"], recipe["output"], id=f"{title}-{number}"))
        assert text.count("```python") == len(RECIPE.findall(text)), f"{title}: code without output"
    return found


def beginning() -> str:
    _, _, section = PAGE.read_text("utf-8").partition("\n## Recipes\n")
    found = BEGINNING.search(section)
    assert found
    return found["code"]


@pytest.mark.parametrize(("code", "output"), recipes())
def test_recipe_prints_what_the_page_shows(
    code: str, output: str, safe: Start, database: Database, tmp_path: Path
) -> None:
    database.role("ana", PASSWORD)
    opened = safe(PASSWORD)
    script = tmp_path / "recipe.py"
    address = code.replace("db.example", HOST).replace("5432", str(database.port))
    script.write_text(beginning() + address, "utf-8")
    done = subprocess.run(
        [sys.executable, script],
        env=opened.environment,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert (done.stdout, done.stderr, done.returncode) == (output, "", 0)


def test_the_page_has_the_recipes_that_it_promises() -> None:
    assert len(recipes()) >= 7
