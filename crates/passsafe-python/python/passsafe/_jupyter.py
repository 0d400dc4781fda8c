"""``%load_ext passsafe``, and then ``safe = %passsafe``."""

from __future__ import annotations

from typing import Any

from . import _environment
from ._client import Client
from ._errors import UsageError


def load_ipython_extension(ipython: Any) -> None:
    """Adds the line magic ``%passsafe``."""
    ipython.register_magic_function(passsafe, magic_kind="line")


def passsafe(line: str) -> Client:
    """A client: ``safe = %passsafe``.

    With the variables of ``Client.from_env()`` if the credentials are there, else with what is
    typed at two hidden prompts. ``%passsafe URL`` asks for those of the safe at that address.
    """
    words = line.split()
    if not words:
        return Client.from_env() if _environment.has_credentials() else Client.ask()
    if len(words) > 1 or "://" not in words[0]:
        # Neither word may be repeated: perhaps they are a passphrase.
        raise UsageError(
            "%passsafe takes the address of a safe or nothing. "
            "Type passphrase and token where it asks for them, not into the notebook."
        )
    return Client.ask(words[0])
