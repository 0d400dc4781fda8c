"""Secrets that do not show themselves, and are the value all the same."""

from __future__ import annotations

import copy
import json
import pickle
import pprint

import pytest
from passsafe import SecretBytes, SecretText

VALUE = "S3kr!t;{}'\" ä"
MASK = "<secret, masked>"


@pytest.fixture
def text() -> SecretText:
    return SecretText(VALUE)


@pytest.fixture
def data() -> SecretBytes:
    return SecretBytes(VALUE.encode())


def test_whatever_shows_an_object_shows_a_mask(text: SecretText, data: SecretBytes) -> None:
    for secret in (text, data):
        assert repr(secret) == MASK
        assert f"{secret!r}" == MASK
        assert "%r" % secret == MASK
        assert ascii(secret) == MASK
        assert repr([secret, {"a": secret}]) == f"[{MASK}, {{'a': {MASK}}}]"
        assert str((secret,)) == f"({MASK},)"
        assert pprint.pformat([secret]) == f"[{MASK}]"
    assert str(data) == f"{data!s}" == "{}".format(data) == MASK


def test_the_mask_tells_no_length() -> None:
    assert repr(SecretText()) == repr(SecretText("long" * 99)) == repr(SecretBytes()) == MASK


def test_whatever_takes_text_sees_the_value(text: SecretText) -> None:
    assert str(text) == f"{text}" == "{}".format(text) == "%s" % text == format(text) == VALUE
    assert type(str(text)) is str
    assert f"{text:>20}" == f"{VALUE:>20}"
    assert text == VALUE and VALUE == text and hash(text) == hash(VALUE)
    assert text in {VALUE} and {VALUE: 1}[text] == 1
    assert text.encode() == VALUE.encode() and bytes(text, "utf-8") == VALUE.encode()
    assert ";".join([text, "a"]) == f"{VALUE};a"
    assert json.loads(json.dumps(text)) == VALUE
    assert isinstance(text, str) and len(text) == len(VALUE) and text[0] == "S"


def test_whatever_takes_bytes_sees_the_value(data: SecretBytes) -> None:
    assert data == VALUE.encode() and bytes(data) == VALUE.encode() and type(bytes(data)) is bytes
    assert data.decode() == VALUE and b"%s" % data == VALUE.encode()
    assert hash(data) == hash(VALUE.encode())
    assert bytes(memoryview(data)) == VALUE.encode()


def test_odbc_braces_and_doubles(text: SecretText) -> None:
    assert text.odbc() == "{S3kr!t;{}}'\" ä}"
    assert SecretText("}}").odbc() == "{}}}}}"
    assert SecretText().odbc() == "{}"
    assert repr(text.odbc()) == MASK


def test_secrets_are_not_pickled(text: SecretText, data: SecretBytes) -> None:
    for secret in (text, data):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="Pickle the client"):
                pickle.dumps({"a": [secret]}, protocol)
        assert copy.copy(secret) is secret and copy.deepcopy([secret])[0] is secret
    assert pickle.loads(pickle.dumps(str(text))) == VALUE


def test_attributes_cannot_be_added(text: SecretText, data: SecretBytes) -> None:
    for secret in (text, data):
        with pytest.raises(AttributeError):
            secret.note = VALUE  # type: ignore[union-attr]
