"""Fetches a password from a passsafe safe and opens it here, in the calling program.

Somebody ran ``passsafe``, typed a password and was shown a passphrase and a token::

    from passsafe import Client

    client = Client('crudely explode kilogram detached overdrive unlit', 936265)
    with pyodbc.connect(conn_str.format(client.password())) as conn:
        ...

In a notebook, ``%load_ext passsafe`` and ``safe = %passsafe`` ask for both.
"""

from ._client import Client
from ._errors import (
    Closed,
    DamagedRecord,
    Denied,
    Expired,
    ForeignListener,
    InvalidToken,
    MaxInvalidTokens,
    NoConsent,
    NoCredentials,
    NotASafe,
    NotText,
    OtherSafe,
    PasssafeError,
    Refused,
    SafeOver,
    SafeTimeout,
    SafeUnavailable,
    Spent,
    UnknownSecret,
    UsageError,
    WrongPassphrase,
)
from ._jupyter import load_ipython_extension
from ._masked import SecretBytes, SecretText
from ._passsafe import __version__
from ._status import Status

__all__ = [
    "__version__",
    "Client",
    "Closed",
    "DamagedRecord",
    "Denied",
    "Expired",
    "ForeignListener",
    "InvalidToken",
    "MaxInvalidTokens",
    "NoConsent",
    "NoCredentials",
    "NotASafe",
    "NotText",
    "OtherSafe",
    "PasssafeError",
    "Refused",
    "SafeOver",
    "SafeTimeout",
    "SafeUnavailable",
    "SecretBytes",
    "SecretText",
    "Spent",
    "Status",
    "UnknownSecret",
    "UsageError",
    "WrongPassphrase",
    "load_ipython_extension",
]

# Tracebacks and pickles name things as people import them.
for _name in __all__:
    if isinstance(globals()[_name], type):
        globals()[_name].__module__ = __name__
