"""The exceptions: what happened, and in the message also what to do about it.

Each survives pickling with its attributes, because workers send theirs home.
"""

from __future__ import annotations


class PasssafeError(Exception):
    """A safe was not asked, did not answer, refused, or could not be opened."""


class UsageError(PasssafeError, ValueError):
    """An argument or a variable that cannot be right. Nothing was sent, no attempt used."""


class NoCredentials(PasssafeError):
    """There is no passphrase or token, and nobody to ask for it."""


class InvalidToken(PasssafeError):
    """The safe knows another token. This attempt counted."""

    attempts_left: int | None
    """How many wrong tokens may still come before the safe is locked, if it said so."""

    def __init__(self, message: str, attempts_left: int | None = None) -> None:
        super().__init__(message)
        self.attempts_left = attempts_left


class SafeOver(PasssafeError):
    """The safe will not open again, whoever asks. The next one has other credentials."""


class MaxInvalidTokens(SafeOver):
    """Three wrong tokens, or ten wrong passphrases, have locked the safe for good."""


class Expired(SafeOver):
    """The safe's time is up."""


class Spent(SafeOver):
    """The last allowed use was made."""


class Closed(SafeOver):
    """The safe was closed before its time."""


class Refused(PasssafeError):
    """The safe refused for another reason, such as a host name that is not its own."""


class Denied(PasssafeError):
    """The owner of the safe was asked and said no, or did not answer the safe in time."""


class NoConsent(PasssafeError, TimeoutError):
    """The owner of the safe has to allow each release, and did not answer for a minute."""


class WrongPassphrase(PasssafeError):
    """The safe was sealed with another passphrase, or for another user. Nothing was used up."""

    proofs_left: int | None
    """How many wrong passphrases may still come before the safe is locked, if it said so."""

    def __init__(self, message: str, proofs_left: int | None = None) -> None:
        super().__init__(message)
        self.proofs_left = proofs_left


class OtherSafe(PasssafeError):
    """This client has opened one safe, and now another one answers."""


class DamagedRecord(PasssafeError):
    """What the safe gave was changed on the way, or is of a newer version."""


class UnknownSecret(PasssafeError, KeyError):
    """The safe was opened, and has no secret of that name."""

    # KeyError shows its message quoted.
    __str__ = Exception.__str__


class NotText(PasssafeError, ValueError):
    """The secret is not UTF-8 text; ``secret_bytes`` gives it all the same."""


class SafeUnavailable(PasssafeError, ConnectionError):
    """Nothing answers there that a token could be sent to."""


class SafeTimeout(SafeUnavailable, TimeoutError):
    """No complete answer came in time."""


class NotASafe(SafeUnavailable):
    """Something answers there, and it is no safe."""


class ForeignListener(SafeUnavailable):
    """What listens there belongs to another account. Nothing was sent."""
