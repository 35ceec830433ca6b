"""Passwords, names, tokens and the keys of the login's limit."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.identity.commands import Claim
from tradewright.identity.passwords import HashCost, Passwords, password_problems
from tradewright.identity.sessions import clean_user_agent
from tradewright.identity.throttle import keys_of
from tradewright.identity.tokens import new_token, token_hash
from tradewright.identity.usernames import username_key, username_problems

CHEAP = HashCost(time_cost=1, memory_kib=8)
LONG = " ".join(str(number * number) for number in range(300))


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("owl mango th", None),
        ("owl mango t", "password.too_short"),
        ("пароль по-русски", None),
        (LONG[:64], None),
        (LONG[:1024], None),
        (LONG[:1025], "password.too_long"),
        ("x" * 12, "password.common"),
        ("x" * 1024, "password.common"),
    ],
)
def test_a_password_is_long_enough_and_not_what_is_tried_first(password: str, code: str | None) -> None:
    assert [problem.code for problem in password_problems(password, "ann")] == ([code] if code else [])


async def test_a_hash_is_argon2id_salted_and_matches_only_its_password() -> None:
    passwords = Passwords(CHEAP)
    one, two = await passwords.hash("correct horse battery"), await passwords.hash("correct horse battery")
    assert one.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert one != two
    assert await passwords.matches("correct horse battery", one)
    assert not await passwords.matches("Correct horse battery", one)
    assert not await passwords.matches("correct horse battery", "not a hash")
    assert not await passwords.matches("nobody has this password", None)


async def test_the_whole_of_a_long_password_counts() -> None:
    passwords = Passwords(CHEAP)
    encoded = await passwords.hash("x" * 1023 + "y")
    assert not await passwords.matches("x" * 1023 + "z", encoded)


async def test_the_default_cost_is_high_and_the_same_for_a_name_that_does_not_exist() -> None:
    passwords = Passwords()
    encoded = await passwords.hash("correct horse battery")

    async def cpu_seconds(candidate: str | None) -> float:
        """Of this process: what others do on the machine does not count."""
        began = time.process_time()
        assert not await passwords.matches("a wrong password", candidate)
        return time.process_time() - began

    known = min([await cpu_seconds(encoded) for _ in range(4)])
    unknown = min([await cpu_seconds(None) for _ in range(4)])
    assert "m=65536,t=3,p=1" in encoded
    assert known >= 0.05
    assert 0.6 < unknown / known < 1.7


@pytest.mark.parametrize("name", ["Jo", "ann.smith", "Анна", "a b", "me@example.org", "x" * 64, "李明"])
def test_ordinary_names_are_allowed(name: str) -> None:
    assert username_problems(name) == []


@pytest.mark.parametrize(
    "name", ["", "x", "x" * 65, " ann", "ann ", "-ann", "a\nb", "a\0b", "a\u202eb", "<b>", "a/b", "a\ud800b"]
)
def test_names_that_mislead_or_break_are_not(name: str) -> None:
    assert [problem.code for problem in username_problems(name)] == ["username.invalid"]


def test_names_that_look_the_same_are_the_same() -> None:
    assert username_key("ANN") == username_key(" ann ") == username_key("ａｎｎ")
    assert username_key("STRASSE") == username_key("straße")


@given(st.text())
def test_the_key_of_a_name_is_stable(name: str) -> None:
    assert username_key(username_key(name)) == username_key(name)


def test_tokens_are_long_distinct_and_found_by_hash() -> None:
    tokens = {new_token() for _ in range(1_000)}
    assert len(tokens) == 1_000
    assert {len(token) for token in tokens} == {43}
    assert len(token_hash(tokens.pop())) == 32
    token_hash("\ud800")  # whatever a cookie holds


def test_addresses_count_by_household() -> None:
    def address_key(address: str | None) -> str:
        return keys_of("ann", address)[1]

    assert address_key("2001:db8::1") == address_key("2001:db8::ffff:2")
    assert address_key("2001:db8::1") != address_key("2001:db8:0:1::1")
    assert address_key("::ffff:10.0.0.1") == address_key("10.0.0.1")
    assert address_key("10.0.0.1") != address_key("10.0.0.2")
    assert address_key("fe80::1%eth0") == address_key("fe80::2")
    assert len({address_key(None), address_key("testclient"), address_key("10.0.0.1")}) == 3


def test_a_claim_does_not_show_its_secrets() -> None:
    shown = repr(Claim(token="tok-secret", username="Ann", password="pass-secret", language="en"))
    assert "secret" not in shown


def test_a_user_agent_is_kept_printable_and_short() -> None:
    assert clean_user_agent("Firefox\x1b[31m\n/130" + "x" * 999) == ("Firefox[31m/130" + "x" * 999)[:256]
