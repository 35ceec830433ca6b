"""Which passwords are among those that are tried first."""

from __future__ import annotations

import random
import string
import time

import pytest

from tradewright.identity.common_passwords import is_common

COMMON = """
123456789012 password1234 Password1234! passwordpassword qwertyuiop123 iloveyou1234 P@ssw0rd2024!
P@ssw0rd12345 abcabcabcabc aaaaaaaaaaaa abcdefghijkl 123123123123 qwerty123456 1q2w3e4r5t6y football2024
letmein12345 Welcome2024!! adminadmin12 administrator tradewright1 Tradewright2026 bybitbybit12 bitcoin12345
dragon123456 monkeymonkey trustno1trustno1 asdfghjkl123 zxcvbnm12345 1qaz2wsx3edc йцукенгшщзхъ пароль123456
hunter2hunter2 correcthorsebatterystaple passw0rdpassw0rd charlie123456 december2024! 987654321098
changeme1234 secret123456
"""
OTHERS = (
    "correct horse battery",
    "long enough 123",
    "violet lamp runs",
    "owl mango thirty",
    "wet socks at noon",
    "мой кот ест рыбу",
    "i like blue elephants",
    "xk7-Qm2p-ZZ1v",
    "kfjeiwoqpzmx",
)


@pytest.mark.parametrize("password", COMMON.split())
def test_what_guessers_begin_with_is_refused(password: str) -> None:
    assert is_common(password, "nobody in it")


@pytest.mark.parametrize("password", OTHERS)
def test_words_that_have_nothing_to_do_with_each_other_are_taken(password: str) -> None:
    assert not is_common(password, "ann")


@pytest.mark.parametrize("password", ["annsmith2024", "AnnSmith!!!!", "ann.smith.99", "smithann1999", "Ann Smith 12"])
def test_the_own_name_with_little_beside_it_is_refused(password: str) -> None:
    assert is_common(password, "Ann.Smith")


def test_random_passwords_are_not_taken_for_common_ones() -> None:
    """Of those that a password manager makes, the shortest that is allowed."""
    rng = random.Random(1)
    letters = string.ascii_letters + string.digits
    made = ["".join(rng.choice(letters) for _ in range(12)) for _ in range(1_000)]
    assert [each for each in made if is_common(each, "ann")] == []


def test_the_longest_ones_cost_little() -> None:
    """CPU of this process: what others do on the machine does not count."""
    long = " ".join(str(number * number) for number in range(300))[:1024]
    began = time.process_time()
    assert not is_common(long, "ann")
    assert is_common("ab" * 512, "ann")
    assert time.process_time() - began < 1
