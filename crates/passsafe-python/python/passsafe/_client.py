"""The client that people use: ours from Rust, and where its credentials come from."""

from __future__ import annotations

from operator import index
from typing import Any, SupportsIndex

from . import _badge, _environment, _passsafe, _prompt

_OLD_PROTOCOL = (
    "A client is not pickled by the protocols 0 and 1, which know no classes of other languages. "
    "Leave the protocol out, or take 2 or a later one."
)


class Client(_passsafe.Client):
    """Opens one safe, as often as needed until it is over.

    passphrase, token
        As ``passsafe`` shows them; the token also as an int, which is padded to six digits.
    host
        Address of the safe, ``http://HOST[:PORT]`` or ``unix:///PATH``; by default
        ``http://localhost:8051``.
    user
        The account that started the safe, where it is not the one that this program runs as: in
        containers and on remote workers.
    timeout
        Most seconds from connecting to the last byte of an answer.
    owner
        Name or number of the account that must be behind the port, where it is not this
        program's own; ``any_owner=True`` trusts any account's server.
    plain_http
        Allows ``host`` to be another machine, whose network then sees token and ciphertext.

    Nothing is sent before the first call, and nothing is kept after one but the key: each asks
    the safe again. Threads may share a client, forked children use it, and a pickle of it holds
    no password, but all that opens the safe.
    """

    __slots__ = ("__weakref__",)

    @classmethod
    def from_env(cls) -> Client:
        """A client with what ``PASSSAFE_PASSPHRASE`` or ``PASSSAFE_PASSPHRASE_FILE``,
        ``PASSSAFE_TOKEN``, ``PASSSAFE_URL``, ``PASSSAFE_USER`` and ``PASSSAFE_OWNER`` say.
        """
        address = _environment.address()
        passphrase, token = _environment.credentials()
        return cls(passphrase, token, **address)

    @classmethod
    def ask(
        cls,
        host: str | None = None,
        *,
        user: str | None = None,
        timeout: float = 5.0,
        owner: int | str | None = None,
        any_owner: bool = False,
        plain_http: bool = False,
    ) -> Client:
        """A client with what is typed at two hidden prompts, in a terminal or a notebook.

        Nothing is asked unless there is an open safe. What is not given is as ``PASSSAFE_URL``,
        ``PASSSAFE_USER`` and ``PASSSAFE_OWNER`` say.
        """
        given = {"host": host, "user": user, "owner": owner}
        set_ = _environment.address()
        if any_owner:
            set_.pop("owner", None)
        options = {
            **set_,
            **{key: value for key, value in given.items() if value is not None},
            "timeout": timeout,
            "any_owner": any_owner,
            "plain_http": plain_http,
        }
        cls("unasked", 0, **options).remaining()
        passphrase, token = _prompt.credentials()
        return cls(passphrase, token, **options)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        if index(protocol) < 2:
            raise TypeError(_OLD_PROTOCOL)
        return super().__reduce_ex__(protocol)

    def _repr_html_(self) -> str:
        return _badge.html(self)
