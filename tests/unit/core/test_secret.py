"""Text that is typed once is shown by nothing but the one method that says so."""

from __future__ import annotations

import copy
import pickle

import pytest

from tradewright.connections.change_model import NewKey
from tradewright.connections.model import Credentials
from tradewright.core.secret import SecretText

TEXT = "s3cret-s3cret"


def test_a_secret_shows_itself_to_nobody_who_does_not_ask_for_it() -> None:
    secret = SecretText(TEXT)
    credentials = Credentials.of("key-of-somebody", TEXT, f"socks5://u:{TEXT}@proxy:1080")
    shown = [
        f"{secret} {secret!r} {secret!s} {secret:>40}",
        "%s %r" % (secret, secret),  # noqa: UP031
        repr({"secret": [secret]}),
        repr(credentials),
        str(credentials),
        repr(NewKey("key-of-somebody", secret)),
    ]
    assert not any(TEXT in each or "key-of-somebody" in each for each in shown), shown
    assert secret.reveal() == TEXT
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copied(secret)
    with pytest.raises(TypeError):
        hash(secret)


def test_two_secrets_are_equal_by_their_text() -> None:
    assert SecretText(TEXT) == SecretText(TEXT)
    assert SecretText(TEXT) != SecretText(TEXT + " ")
    assert SecretText(TEXT) != TEXT
    assert not SecretText("")
