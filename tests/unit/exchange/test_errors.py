"""Every class of answer to a command ends in the error that says what to do next; what is not known is unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tradewright.core.errors import (
    ClockRejected,
    DuplicateLinkId,
    ExchangeError,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Trace,
)
from tradewright.exchange.bybit.errors import command_error

ANSWERED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def error_of(code: int | None, status: int = 200) -> ExchangeError:
    trace = Trace(answered_at=ANSWERED_AT, http_status=status, ret_code=code, ret_msg="text")
    return command_error(trace, retry_at=ANSWERED_AT + timedelta(seconds=1))


# Written out again from Bybit's list of codes, so that a slip in the table shows.
REFUSED = """
    10001 10003 10004 10005 10007 10008 10009 10024 10027 10010 10017 10020 10028 10029 33004 -2015 10404 30208 30209
    30228 110023 110042 34040 110001 110003 110004 110006 110007 110012 110014 110044 110045 110051 110052 110053 110008
    110009 110020 110061 110010 110011 110046 110039 110040 110013 110085 110086 110089 110090 110015 110036 110038
    110017 110018 110019 110032 110021 110022 110024 110028 110025 110026 110027 110029 110034 110043 110054 110060
    110063 110066 110074 110064 110071 110073 3400045 110076 110077 110079 110092 110093 110094 110095 110100 110103
    110101 110108 110109 110118 110119 170355 110120 110121 110123 110125 110132 3100116 3100198 3200300 170033 170131
    170105 170115 170117 170121 170130 170201 170124 170136 170137 170140 170148 170341 170381 170382 170132 170134
    170192 170194 170203 170204 170371 170372 170139 170142 170190 170143 170213 170144 170191 170212 170145 170151
    170157 170159 170210 170217 170218 170313 170810 181008 181010 182200 182205
"""
UNKNOWN = """
    429 10000 10014 10016 10019 10403 10429 20003 20006 40004 500000 5004
    170001 170005 170007 170032 170146 170147 170149 170150 170234 170310
"""


@pytest.mark.parametrize("code", [int(word) for word in REFUSED.split()])
def test_a_judged_and_refused_command_did_not_happen(code: int) -> None:
    assert type(error_of(code)) is Refused


@pytest.mark.parametrize("code", [int(word) for word in UNKNOWN.split()])
def test_an_ambiguous_answer_is_unknown_never_failed(code: int) -> None:
    assert type(error_of(code)) is OutcomeUnknown


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
