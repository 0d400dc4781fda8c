"""Hidden questions, in a terminal and in a notebook.

What is typed is masked at once: a traceback shows the variables of these functions.
"""

from __future__ import annotations

import getpass
import sys
import warnings
from collections.abc import Callable

from . import _passsafe
from ._errors import NoCredentials, UsageError
from ._masked import SecretText

_TRIES = 3


def credentials() -> tuple[SecretText, SecretText]:
    """Passphrase and token, as a person types them."""
    passphrase = _ask("Passphrase", _passsafe.check_passphrase)
    return passphrase, _ask("Token", _passsafe.check_token)


def _ask(what: str, check: Callable[[str], None]) -> SecretText:
    tries = _TRIES
    while True:
        typed = _hidden(f"{what}: ")
        tries -= 1
        try:
            check(typed)
            return typed
        except UsageError as error:
            if tries == 0:
                raise
            print(error, file=sys.stderr)


def _hidden(prompt: str) -> SecretText:
    try:
        with warnings.catch_warnings():
            # Without a terminal, getpass warns and then reads what it would show.
            warnings.simplefilter("error", getpass.GetPassWarning)
            # By its full name: a notebook's kernel has put its own function there.
            return SecretText(getpass.getpass(prompt))
    except (getpass.GetPassWarning, EOFError):
        reason = "there is no terminal"
    except RuntimeError as error:
        # A notebook that is executed, not used.
        if type(error).__name__ != "StdinNotImplementedError":
            raise
        reason = "this notebook is run without a person"
    raise NoCredentials(
        f"Nobody can be asked for the {prompt.rstrip(': ').lower()}: {reason}. "
        "Set PASSSAFE_PASSPHRASE and PASSSAFE_TOKEN, and use Client.from_env()."
    )
