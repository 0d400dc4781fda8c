"""The verbs, against a real safe."""

from __future__ import annotations

import base64
import copy
import datetime
import importlib.metadata
import inspect
import os
import pickle
import threading
import weakref

import passsafe
import pytest
from conftest import PASSWORD, Safe, Start
from passsafe import Client, SecretBytes, SecretText, Status


def test_a_password_is_fetched_as_the_readme_shows(safe: Start) -> None:
    it = safe()
    client = Client(it.passphrase, it.token, it.url)
    assert client.password() == PASSWORD
    assert "PWD={}".format(client.password()) == f"PWD={PASSWORD}"
    assert isinstance(client.password(), SecretText)


@pytest.mark.parametrize("shape", ["{}", "{} ", "{0:.3} {1}", "{0:.3}-{1}", "int"])
def test_a_token_is_taken_as_people_have_it(safe: Start, shape: str) -> None:
    it = safe()
    token = int(it.token) if shape == "int" else shape.format(it.token, it.token[3:])
    assert Client(it.passphrase, token, it.url).password() == PASSWORD


def test_an_int_has_its_leading_zeros_back(safe: Start) -> None:
    """A tenth of all tokens starts with a zero; what is sent then is seen in the pickle."""
    client = Client("zoom", 42)
    assert b"000042" in pickle.dumps(client)


def test_all_verbs(safe: Start) -> None:
    it = safe()
    client = it.client()
    assert client.names() == ["password"]
    assert client.secret("password") == PASSWORD
    assert client.secret_bytes("password") == PASSWORD.encode()
    assert isinstance(client.secret_bytes("password"), SecretBytes)
    assert client.secrets("password") == {"password": PASSWORD}
    assert isinstance(client.secrets("password")["password"], SecretText)
    assert client.secrets() == {"password": PASSWORD}
    remaining = client.remaining()
    assert datetime.timedelta(minutes=4) < remaining <= datetime.timedelta(minutes=5)
    status = client.status()
    assert (status.state, status.attempts_left, status.proofs_left) == ("open", 3, 10)
    assert 240 < status.expires_in_seconds <= 300
    client.close_safe()
    assert it.process.wait(30) == 0


def test_the_version_is_that_of_the_package() -> None:
    assert passsafe.__version__ == importlib.metadata.version("passsafe-client")


def test_text_that_is_none_raises_and_its_bytes_come(safe: Start) -> None:
    client = safe(b"\xff\xfe;{}\n\n").client()
    for ask in (client.password, lambda: client.secret("password")):
        with pytest.raises(passsafe.NotText, match="secret_bytes"):
            ask()
    with pytest.raises(passsafe.NotText, match="secret_bytes"):
        client.secrets("password")
    assert client.secret_bytes("password") == b"\xff\xfe;{}\n"


def test_the_user_and_the_owner_are_taken_as_named(safe: Start) -> None:
    it = safe(user="ana")
    with pytest.raises(passsafe.WrongPassphrase, match="another user than"):
        it.client().password()
    assert it.client(user="ana").password() == PASSWORD
    assert it.client(user=b"ana", any_owner=True).password() == PASSWORD
    own = os.geteuid()
    assert it.client(user="ana", owner=own).password() == PASSWORD
    assert it.client(user="ana", owner=str(own)).password() == PASSWORD


def test_threads_share_a_client(safe: Start) -> None:
    client = safe().client()
    fetched: list[bool] = []

    def fetch() -> None:
        for _ in range(5):
            fetched.append(client.password() == PASSWORD)

    threads = [threading.Thread(target=fetch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fetched == [True] * 40


def spellings(secret: str) -> list[bytes]:
    """How a secret could stand in a file."""
    plain = [secret.encode(coding) for coding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le")]
    reversed_ = [it[::-1] for it in plain]
    # Base64 of what starts at another place looks different.
    shifted = [base64.b64encode(b"\0" * n + plain[0])[4:-4] for n in range(3)]
    escaped = [ascii(secret)[1:-1].encode(), plain[0].hex().encode()]
    # A few bytes occur by chance.
    return [it for it in plain + reversed_ + shifted + escaped if len(it) > 5]


def assert_opens(client: Client, it: Safe) -> None:
    assert client.password() == PASSWORD
    assert (client.url, client.user) == (it.client().url, it.client().user)


@pytest.mark.parametrize("protocol", [0, 1])
def test_a_pickle_of_an_old_protocol_is_refused_in_plain_words(protocol: int) -> None:
    with pytest.raises(TypeError, match="take 2 or a later one"):
        pickle.dumps([Client("zoom", 42)], protocol)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_opens_the_safe_and_holds_no_password(safe: Start, protocol: int) -> None:
    it = safe()
    client = it.client(timeout=7.0, any_owner=True, plain_http=True)
    before = pickle.dumps(client, protocol)
    assert it.passphrase.encode() in before, "the scan would not see it"
    assert client.password() == PASSWORD
    after = pickle.dumps(client, protocol)
    for spelling in spellings(PASSWORD):
        assert spelling not in before + after
    # The key has taken the passphrase's place.
    for spelling in spellings(it.passphrase):
        assert spelling not in after
    for pickled in (before, after):
        copied = pickle.loads(pickled)
        assert_opens(copied, it)
        assert pickle.dumps(copied, protocol) == after


def test_copies_open_the_safe(safe: Start) -> None:
    it = safe()
    client = it.client()
    for copied in (copy.copy(client), copy.deepcopy([client])[0]):
        assert copied is not client
        assert_opens(copied, it)
    assert_opens(client, it)
    assert_opens(copy.copy(client), it)


def test_a_subclass_stays_one() -> None:
    assert type(copy.copy(Sub("zoom", 1))) is Sub
    assert repr(Sub("zoom", 1)).startswith("<passsafe.Sub http://localhost:8051 for ")


class Sub(Client):
    pass


def test_a_client_shows_no_credential(safe: Start) -> None:
    it = safe()
    shown = repr(it.client(user="ana"))
    assert shown == f"<passsafe.Client {it.url} for ana>"
    for text in (shown, str(it.client()), it.client()._repr_html_()):
        assert it.passphrase not in text and it.token not in text and PASSWORD not in text


def test_the_signature_is_the_documented_one() -> None:
    assert str(inspect.signature(Client)) == (
        "(passphrase, token, host='http://localhost:8051', *, user=None, timeout=5.0, "
        "owner=None, any_owner=False, plain_http=False)"
    )
    client = Client("zoom", 1)
    assert client.url == "http://localhost:8051"
    assert weakref.ref(client)() is client


def test_a_status_cannot_be_changed_and_travels() -> None:
    status = Status("open", 5, 3, 10)
    assert pickle.loads(pickle.dumps(status)) == status
    with pytest.raises(AttributeError):
        status.state = "closed"  # type: ignore[misc]
