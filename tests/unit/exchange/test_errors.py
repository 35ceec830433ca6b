"""Every class of answer to a command ends in the error that says what to do next; what is not known is unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from support.documented_codes import committed, documented
from tradewright.core.errors import (
    AccountStopped,
    ClockRejected,
    DuplicateLinkId,
    ExchangeError,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Trace,
)
from tradewright.exchange.bybit.errors import VERDICTS, command_error
from tradewright.trading.submission import TOO_LATE_CODES

ANSWERED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def error_of(code: int | None, status: int = 200) -> ExchangeError:
    trace = Trace(answered_at=ANSWERED_AT, http_status=status, ret_code=code, ret_msg="text")
    return command_error(trace, retry_at=ANSWERED_AT + timedelta(seconds=1))


# What each of the documentation's actions may become. The first letters decide; the rest are its own words.
DEFINITE = {"refused", "later", "done", "gone", "stop"}
ALLOWED = {
    "X": {"stop"},
    "F": {"refused"},
    "N": {"gone"},
    "D": {"done"},
    "T": {"clock"},
    "Q": {"unknown", "duplicate"},
    "reconnect": {"unknown"},
    "-": {"unknown"},
    "R after X-Bapi": {"rate_limited"},
    "R \u2265 10 min": {"rate_limited"},
    "R short": {"later"},
    "R later": {"later"},
    "R slow": {"unknown"},  # in the flood nobody knows which of the requests ran
    "R": {"unknown", "rate_limited", "refused"},
}
TYPES = {
    "stop": AccountStopped,
    "rate_limited": RateLimited,
    "clock": ClockRejected,
    "duplicate": DuplicateLinkId,
    "unknown": OutcomeUnknown,
    **dict.fromkeys(("refused", "later", "done", "gone"), Refused),
}
CODES = committed()


def allowed(action: str) -> set[str]:
    return ALLOWED[max((known for known in ALLOWED if action.startswith(known)), key=len)]


@pytest.mark.parametrize("code", CODES)
def test_every_documented_code_becomes_what_its_action_says(code: int) -> None:
    verdict = VERDICTS[code]
    assert verdict in allowed(CODES[code]), f"{code}: {CODES[code]}"
    assert type(error_of(code)) is TYPES[verdict]


def test_the_committed_codes_are_those_of_the_documentation() -> None:
    found = documented()
    if found is None:
        pytest.skip("the documentation is not here")
    assert found == CODES


def test_nothing_is_definite_that_the_documentation_does_not_call_so() -> None:
    invented = {code: verdict for code, verdict in VERDICTS.items() if code not in CODES}
    assert set(invented.values()) <= {"duplicate", "unknown"}, invented
    assert len(CODES) == 193


@pytest.mark.parametrize("code", sorted(code for code, verdict in VERDICTS.items() if verdict == "unknown"))
def test_an_ambiguous_answer_is_unknown_never_failed(code: int) -> None:
    assert not isinstance(error_of(code), Refused)


def test_what_a_cancel_calls_too_late_is_what_is_gone_or_done_of_orders() -> None:
    of_settings = {34040, 110025, 110026, 110027, 110034, 110043, 20001}
    expected = {code for code, verdict in VERDICTS.items() if verdict in ("gone", "done")} - of_settings
    assert expected == TOO_LATE_CODES


@pytest.mark.parametrize("code", [1, 9, 10015, 10030, 110062, 110888, 170999, 999999, -7, 2**40])
def test_a_code_nobody_listed_is_unknown(code: int) -> None:
    assert type(error_of(code)) is OutcomeUnknown


@pytest.mark.parametrize("code", [110072, 170141, 110030, 12141, 30001])
def test_duplicate_client_id_means_an_earlier_attempt_got_through(code: int) -> None:
    assert type(error_of(code)) is DuplicateLinkId


@pytest.mark.parametrize("code", [-1, 10002, 10021])
def test_a_rejected_timestamp_is_its_own_error(code: int) -> None:
    assert type(error_of(code)) is ClockRejected


@pytest.mark.parametrize("code", [10006, 10018, 170222])
def test_rate_limit_carries_when_to_come_back(code: int) -> None:
    error = error_of(code)
    assert type(error) is RateLimited
    assert error.retry_at == ANSWERED_AT + timedelta(seconds=1)


@pytest.mark.parametrize("status", [301, 302, 402, 405, 408, 409, 418, 429, 500, 502, 503, 504, 520])
def test_any_other_http_status_is_unknown(status: int) -> None:
    assert type(error_of(None, status)) is OutcomeUnknown
    assert type(error_of(0, status)) is OutcomeUnknown, "a body that says accepted does not outweigh the status"


@pytest.mark.parametrize("status", [400, 401, 404])
def test_the_edge_refuses_what_never_reached_an_engine(status: int) -> None:
    assert type(error_of(None, status)) is Refused


def test_http_403_means_ten_minutes_of_silence() -> None:
    error = error_of(None, 403)
    assert type(error) is RateLimited
    assert error.retry_at == ANSWERED_AT + timedelta(minutes=10)


def test_the_error_keeps_the_exchanges_own_words() -> None:
    error = error_of(110007)
    assert (error.trace.ret_code, error.trace.ret_msg) == (110007, "text")
    assert "110007" in str(error)
