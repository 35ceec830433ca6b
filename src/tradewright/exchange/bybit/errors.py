"""Bybit's answers, sorted by what the caller does next.

Lives here: the table of `retCode` and HTTP status for commands, and the making of the typed error.
Not here: reads, where everything but a whole answer is `ExchangeUnavailable` (`rest`).

The rule of the table: a code is *refused* (or later, done, gone, stop: all of them definite) only where Bybit's
documentation says that the request was judged and turned down. A code that is not in the table is *unknown*: the order
may exist, and a question costs less than a second order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal, assert_never

from tradewright.core.errors import (
    AccountStopped,
    ClockRejected,
    DuplicateLinkId,
    ExchangeError,
    ExchangeUnavailable,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Trace,
)
from tradewright.exchange.bybit.address import IP_BAN


class ProxyUnavailable(ExchangeUnavailable):
    """A read failed at the connection's proxy; the exchange was not reached."""

    code = "link.proxy"


Verdict = Literal["refused", "later", "done", "gone", "stop", "rate_limited", "clock", "duplicate", "unknown"]

# What is done after each, in a sentence: for the reference of the documentation.
MEANINGS: Mapping[Verdict, str] = MappingProxyType(
    {
        "refused": "Judged and turned down; it did not happen. Told, and not tried again.",
        "later": "Turned down for now; it did not happen. Told; whoever wants it asks again.",
        "done": "There is nothing to do: it is as it was asked to be. Counts as done for what it is about.",
        "gone": "There is no such live order. A cancel or an amend reads its order before it says so.",
        "stop": "The key or the account itself is refused: nothing that adds exposure is sent until the key was checked"
        " again or a person says to go on.",
        "rate_limited": "Refused for the limit, not executed. Sent again once the limit resets, three times at most.",
        "clock": "The timestamp was outside the window, so it was not executed. The exchange's clock is read once, or"
        " twice if the answer was slow, and it is signed anew, three times at most.",
        "duplicate": "An order with this client id exists: an earlier attempt got through. It is looked for, and no"
        " other is sent.",
        "unknown": "It may have happened. It counts as exposure until evidence says what became of it; every code that"
        " is not listed is this.",
    }
)
DEFINITE: frozenset[Verdict] = frozenset({"refused", "later", "done", "gone", "stop"})

# Parameters, permissions, money, limits, modes: judged before anything was executed.
_REFUSED = (
    *(10001, 10017, 10029, 10404, 30208, 30209, 30228, 3400045, 3100116, 3100198, 3200300),
    *(110003, 110004, 110006, 110007, 110009, 110011, 110012, 110013, 110014, 110015),
    *(110017, 110018, 110019, 110020, 110021, 110022, 110023, 110024, 110028, 110029),
    *(110032, 110036, 110038, 110039, 110040, 110042, 110044, 110045, 110046),
    *(110051, 110052, 110053, 110054, 110055, 110056, 110057, 110058, 110059, 110060, 110061, 110064),
    *(110073, 110076, 110077, 110085, 110086, 110089, 110090, 110092, 110093),
    *(110094, 110095, 110096, 110097, 110098, 110099, 110100, 110101, 110103, 110108, 110109, 110118, 110119),
    *(110120, 110121),
    *(170033, 170105, 170115, 170116, 170117, 170121, 170124, 170130, 170131, 170132, 170133, 170134, 170136),
    *(170137, 170140, 170145, 170148, 170151, 170157, 170159),
    *(170192, 170193, 170194, 170201, 170203, 170204, 170210, 170217, 170218, 170313, 170341),
    *(170355, 170371, 170372, 170381, 170382, 170810, 181008, 181009, 181010),
    *(182200, 182201, 182202, 182203, 182204, 182205),
)
_LATER = (110063, 110066, 110071, 110074, 110079, 170144, 170191, 170212)
_DONE = (20001, 34040, 110010, 110025, 110026, 110027, 110034, 110043, 170142, 170190)
_GONE = (110001, 110008, 170139, 170143, 170213)
_STOP = (
    *(10003, 10004, 10005, 10007, 10008, 10009, 10010, 10020, 10024, 10027, 10028, 33004, -2015),
    *(110123, 110124, 110125, 110132),
)
# Of these, what is said of the key or the account as a whole, whatever is asked. The others may be about the one
# question: a key that may not read transfers trades all the same.
_STOP_OF_READS = frozenset({10003, 10007, 10008, 10009, 10010, 10024, 10027, 33004, -2015})
_RATE_LIMITED = (10006, 10018, 170222)
_CLOCK = (-1, 10002, 10021)
_DUPLICATE = (110072, 170141, 110030, 12141, 30001)
# Listed although the default says the same, so that the table names every class that Bybit documents.
_UNKNOWN = (
    *(429, 5004, 10000, 10014, 10016, 10019, 10403, 10429, 20003, 20006, 40004, 500000),
    *(170001, 170005, 170007, 170032, 170146, 170147, 170149, 170150, 170234, 170310),
)


def _table(*classes: tuple[Verdict, Iterable[int]]) -> Mapping[int, Verdict]:
    table: dict[int, Verdict] = {}
    for verdict, codes in classes:
        for code in codes:
            assert code not in table, f"retCode {code} is listed twice"
            table[code] = verdict
    return MappingProxyType(table)


VERDICTS = _table(
    ("refused", _REFUSED),
    ("later", _LATER),
    ("done", _DONE),
    ("gone", _GONE),
    ("stop", _STOP),
    ("rate_limited", _RATE_LIMITED),
    ("clock", _CLOCK),
    ("duplicate", _DUPLICATE),
    ("unknown", _UNKNOWN),
)

# Statuses with which the edge turned the request down before any engine saw it. Everything else is unknown.
HTTP_VERDICTS: Mapping[int, Verdict] = {400: "refused", 401: "refused", 403: "rate_limited", 404: "refused"}


def is_refusal_of_read(trace: Trace) -> bool:
    """Whether a read was judged and turned down: the environment or the key has no such thing.

    Here a code that is not in the table is a refusal: nothing happened, and asking again would bring the same.
    """
    if trace.http_status != 200:
        return trace.http_status == 404
    return trace.ret_code not in (None, 0) and VERDICTS.get(trace.ret_code or 0, "refused") in DEFINITE


def is_judged(trace: Trace) -> bool:
    """Whether a read was answered with a code that says, by the table, that the question was judged and turned down.

    Narrower than `is_refusal_of_read`: what is not in the table is not known, and nothing is concluded from it."""
    return trace.http_status == 200 and VERDICTS.get(trace.ret_code or 0) in DEFINITE


def stops_account(trace: Trace) -> bool:
    """Whether the answer to a signed read says that the key or the account itself is refused."""
    return trace.http_status in (200, 401) and trace.ret_code in _STOP_OF_READS


def command_error(trace: Trace, *, retry_at: datetime | None) -> ExchangeError:
    """The error of a command that was answered with `trace`: by its HTTP status if that is not 200, else by `retCode`.

    `retry_at` is the exchange's own statement of when it takes the next request, if it made one.
    """
    if trace.http_status is not None and trace.http_status != 200:
        verdict = HTTP_VERDICTS.get(trace.http_status, "unknown")
        if trace.http_status == 403 and trace.answered_at is not None:
            retry_at = trace.answered_at + IP_BAN
        text = f"Bybit answered HTTP {trace.http_status}"
    else:
        verdict = VERDICTS.get(trace.ret_code, "unknown") if trace.ret_code is not None else "unknown"
        text = f"Bybit answered {trace.ret_code}: {trace.ret_msg[:200]}"
    match verdict:
        case "refused" | "later" | "done" | "gone":
            return Refused(text, trace)
        case "stop":
            return AccountStopped(text, trace)
        case "rate_limited":
            return RateLimited(text, trace, retry_at=retry_at)
        case "clock":
            return ClockRejected(text, trace)
        case "duplicate":
            return DuplicateLinkId(text, trace)
        case "unknown":
            return OutcomeUnknown(f"{text}; whether it took effect must be asked", trace)
        case _:
            assert_never(verdict)
