"""Secrets that do not show themselves.

A notebook stores the ``repr`` of a cell's last value, and tracebacks show that of variables: here
it tells nothing, not even the length. To everything that takes text or bytes, drivers above all,
they are the value: ``str(x)``, ``f'{x}'``, ``x == y``, ``x.encode()``.

What is derived by adding, slicing or a method is plain ``str`` or ``bytes`` again, with ``odbc()``
as the exception.
"""

from __future__ import annotations

from typing import Any, NoReturn, SupportsIndex

_MASK = "<secret, masked>"
_NO_PICKLE = (
    "A secret is not pickled, because it would be stored or sent in the clear. "
    "Pickle the client, and have each worker fetch for itself; "
    "or take the plain value, str(secret) or bytes(secret), if you mean it."
)


class _Unpicklable:
    """What would be stored or sent in the clear."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(_NO_PICKLE)

    def __reduce__(self) -> NoReturn:
        raise TypeError(_NO_PICKLE)

    def __getnewargs__(self) -> NoReturn:
        raise TypeError(_NO_PICKLE)


class SecretText(_Unpicklable, str):
    """Text whose ``repr`` is masked."""

    __slots__ = ()

    def __repr__(self) -> str:
        return _MASK

    def odbc(self) -> SecretText:
        """The text in braces, as the value of a keyword in an ODBC connection string.

        >>> f'DRIVER=PostgreSQL;UID=ana;PWD={client.password().odbc()}'
        """
        return SecretText("{" + self.replace("}", "}}") + "}")

    def __copy__(self) -> SecretText:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SecretText:
        return self


class SecretBytes(_Unpicklable, bytes):
    """Bytes whose ``repr`` and ``str`` are masked."""

    __slots__ = ()

    def __repr__(self) -> str:
        return _MASK

    # That of bytes is their repr.
    __str__ = __repr__

    def __copy__(self) -> SecretBytes:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SecretBytes:
        return self
