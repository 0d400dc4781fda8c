"""What a notebook shows of a client: how its safe is doing, and no secret.

Colours are those of the text around, so that it is readable on light and dark.
"""

from __future__ import annotations

import datetime
import html as markup
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import _passsafe
    from ._status import Status

_DOTS = {"open": "#2da44e", "unknown": "#bf8700"}
_OVER = "#cf222e"


def html(client: _passsafe.Client) -> str:
    """One line. Asks for a second at most, and never raises but for Ctrl-C."""
    try:
        status = client._glance()
        dot, words = _DOTS.get(status.state, _OVER), _sentence(status)
    except Exception:
        # To look at a client is no reason to fail, whatever is the matter.
        dot, words = _OVER, "not reachable"
    return (
        '<span style="display:inline-block;padding:.1em .7em;border:1px solid;'
        'border-radius:1em;line-height:1.5">'
        f'<span style="color:{dot}">&#9679;</span> <b>passsafe</b> '
        f'{markup.escape(words)} <span style="opacity:.7">{markup.escape(client.url)}</span>'
        "</span>"
    )


def _sentence(status: Status) -> str:
    if status.state != "open":
        return status.state
    left = datetime.timedelta(seconds=status.expires_in_seconds)
    until = datetime.datetime.now() + left
    return f"open until {until:%H:%M}, {_time(status.expires_in_seconds)} left"


def _time(seconds: int) -> str:
    count, unit = (seconds, "second") if seconds < 120 else (seconds // 60, "minute")
    return f"{count} {unit}{'' if count == 1 else 's'}"
