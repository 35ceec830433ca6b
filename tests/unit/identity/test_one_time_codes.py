"""One-time and recovery codes, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tradewright.core.ids import UserId
from tradewright.identity.recovery import code_hash, looks_like_recovery, new_code
from tradewright.identity.totp import STEP_S, matched_step

# RFC 6238, appendix B: the secret "12345678901234567890", the last six of the eight digits.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RFC_CODES = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
]
USER = UserId(UUID(int=1))


@pytest.mark.parametrize(("at_s", "code"), RFC_CODES)
def test_codes_are_those_of_the_standard(at_s: int, code: str) -> None:
    assert matched_step(RFC_SECRET, code, datetime.fromtimestamp(at_s, UTC)) == at_s // STEP_S


@pytest.mark.parametrize(("late_s", "fits"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_code_fits_its_own_step_and_the_one_on_either_side(late_s: int, fits: bool) -> None:
    at_s, code = RFC_CODES[3]
    found = matched_step(RFC_SECRET, code, datetime.fromtimestamp(at_s, UTC) + timedelta(seconds=late_s))
    assert found == (at_s // STEP_S if fits else None)


@pytest.mark.parametrize("code", ["", "00592", "0059240", "00592x", "٠٠٥٩٢٤", "-05924", "005924\n"])
def test_what_is_not_six_digits_is_no_code(code: str) -> None:
    assert matched_step(RFC_SECRET, code, datetime.fromtimestamp(RFC_CODES[3][0], UTC)) is None


def test_a_recovery_code_is_the_same_however_it_is_typed() -> None:
    code = "1abcd-efgh2-jkmn3-pqrst-uvwxy"
    for typed in ("1ABCDEFGH2JKMN3PQRSTUVWXY", " labcd efgh2 jkmn3 pqrst uvwxy ", code.upper()):
        assert looks_like_recovery(typed)
        assert code_hash(USER, typed) == code_hash(USER, code)
    assert code_hash(UserId(UUID(int=2)), code) != code_hash(USER, code)
    assert not looks_like_recovery("123456")


def test_recovery_codes_are_long_and_never_the_same() -> None:
    made = {new_code() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(len(code) == 29 and looks_like_recovery(code) for code in made)
