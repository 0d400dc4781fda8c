"""Credentials from variables, by the rules of the command ``passsafe``.

Nothing else of the package reads the environment.
"""

from __future__ import annotations

import os
import select
import time
from typing import Any

from ._errors import NoCredentials, UsageError
from ._masked import SecretBytes, SecretText

_URL = "PASSSAFE_URL"
_PASSPHRASE = "PASSSAFE_PASSPHRASE"
_PASSPHRASE_FILE = "PASSSAFE_PASSPHRASE_FILE"
_TOKEN = "PASSSAFE_TOKEN"
_USER = "PASSSAFE_USER"
_OWNER = "PASSSAFE_OWNER"

_MAX_FILE = 64 * 1024
"""Bytes; far above six words. Keeps a mistaken path from being read to its end."""

_PATIENCE = 5.0
"""Seconds that a file may take: a FIFO that nobody writes to would keep us for ever."""


def has_credentials() -> bool:
    """Whether any variable holds one; a client from the environment needs both."""
    return any(name in os.environ for name in (_PASSPHRASE, _PASSPHRASE_FILE, _TOKEN))


def address() -> dict[str, Any]:
    """What the environment says of the safe itself, as keyword arguments of a client."""
    names = {"host": _URL, "user": _USER, "owner": _OWNER}
    return {key: os.environ[name] for key, name in names.items() if name in os.environ}


def credentials() -> tuple[SecretText, SecretText]:
    """Passphrase and token, masked for the sake of tracebacks."""
    passphrase = _passphrase()
    if passphrase is None:
        raise NoCredentials(
            f"There is no passphrase. Set {_PASSPHRASE} or {_PASSPHRASE_FILE}, or use Client.ask()."
        )
    if _TOKEN not in os.environ:
        raise NoCredentials(f"There is no token. Set {_TOKEN}, or use Client.ask().")
    return passphrase, SecretText(os.environ[_TOKEN])


def _passphrase() -> SecretText | None:
    if _PASSPHRASE in os.environ and _PASSPHRASE_FILE in os.environ:
        raise UsageError(f"{_PASSPHRASE} and {_PASSPHRASE_FILE} are both set. Unset one of them.")
    if _PASSPHRASE_FILE in os.environ:
        return _passphrase_file(os.environ[_PASSPHRASE_FILE])
    if _PASSPHRASE in os.environ:
        return SecretText(os.environ[_PASSPHRASE])
    return None


def _passphrase_file(path: str) -> SecretText:
    try:
        content = _read(path)
        if len(content) > _MAX_FILE:
            reason = "it is longer than 64 KiB"
        else:
            try:
                return SecretText(content.decode())
            except UnicodeDecodeError:
                reason = "it is not UTF-8"
    except (OSError, ValueError) as error:
        # Of an OSError the reason alone: who set the variable knows the path.
        reason = getattr(error, "strerror", None) or str(error)
    # Outside of the handlers: UnicodeDecodeError holds the bytes.
    raise NoCredentials(
        f"The file that {_PASSPHRASE_FILE} names cannot be read: {reason}. "
        "Check its path and permissions."
    )


def _read(path: str) -> SecretBytes:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    file = os.open(path, flags)
    try:
        content = SecretBytes()
        until = time.monotonic() + _PATIENCE
        while len(content) <= _MAX_FILE:
            # Windows waits for sockets only, and has no files that keep one waiting.
            if os.name == "posix":
                ready, _, _ = select.select([file], [], [], max(0.0, until - time.monotonic()))
                if not ready:
                    raise TimeoutError(f"nothing came from it within {_PATIENCE:.0f} s")
            more = SecretBytes(os.read(file, _MAX_FILE + 1))
            if not more:
                break
            content = SecretBytes(content + more)
        return content
    finally:
        os.close(file)
