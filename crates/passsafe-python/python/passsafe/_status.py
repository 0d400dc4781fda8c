"""Where a safe is in its life."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Status:
    """What a safe says about itself, to everybody who may connect."""

    state: str
    """``open``, ``locked``, ``spent``, ``expired`` or ``closed``; ``unknown`` if it is newer."""

    expires_in_seconds: int
    """Whole seconds until the end; 0 once it is over."""

    attempts_left: int
    """How many wrong tokens may still come."""

    proofs_left: int
    """How many wrong passphrases may still come."""
