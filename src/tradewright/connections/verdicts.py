"""What the exchange's answer about a key means for its connection.

Lives here: `judge` (what the key may do), `warnings_of` and `verdict_of` (an answer that is none). Pure.
Not here: asking (`checks`).
The rule of the table: a connection is refused only where the exchange has said why, in the envelope that only it
writes (`trace.ret_code`); everything else is asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tradewright.connections.model import ADDRESS_BLOCKED, READ_ONLY, ShownFacts
from tradewright.core.environment import Environment
from tradewright.core.errors import ExchangeError
from tradewright.core.fault import Fault
from tradewright.core.order import KeyFacts
from tradewright.exchange.bybit.codec import categories_of


@dataclass(frozen=True, slots=True)
class Good:
    """The key is what it should be."""


@dataclass(frozen=True, slots=True)
class RefusedKey:
    """The key is not taken. `for_good`: it cannot become right, or must not be kept, so it is wiped."""

    fault: Fault
    for_good: bool


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing is known of the key; asked again, at the earliest after `pause_s`."""

    fault: Fault
    pause_s: float = 0.0


Verdict = Good | RefusedKey | NoAnswer

EXPIRY_NEAR = timedelta(days=7)
_BLOCKED_PAUSE_S = 600.0  # what the exchange wants after it blocked an address
_FOR_GOOD = True
_LATER_PERHAPS = False
# retCode → our code, and whether the key is wiped. Bybit's own words stay beside it.
_REFUSALS: Mapping[int, tuple[str, bool]] = {
    10003: ("connection.key_unknown", _FOR_GOOD),  # wrong key, or one of another environment
    10004: ("connection.secret_wrong", _FOR_GOOD),
    10007: ("connection.secret_wrong", _FOR_GOOD),
    33004: ("connection.key_expired", _FOR_GOOD),
    -2015: ("connection.key_expired", _FOR_GOOD),
    10005: ("connection.permission_missing", _LATER_PERHAPS),
    10010: ("connection.ip_not_bound", _LATER_PERHAPS),
    10008: ("connection.account_banned", _LATER_PERHAPS),
    10027: ("connection.account_banned", _LATER_PERHAPS),
    10009: ("connection.region_refused", _LATER_PERHAPS),
    10024: ("connection.region_refused", _LATER_PERHAPS),
    10020: ("connection.not_unified", _LATER_PERHAPS),
    10028: ("connection.not_unified", _LATER_PERHAPS),
}


def judge(facts: KeyFacts, now: datetime) -> Good | RefusedKey:
    """Whether a key with these facts is taken; what is most dangerous is said first. One that may only read is: its
    account is watched, and nothing is sent for it."""
    if facts.may_withdraw:
        return RefusedKey(Fault("connection.may_withdraw"), _FOR_GOOD)
    if facts.expires_at is not None and facts.expires_at <= now:
        return RefusedKey(Fault("connection.key_expired", {"at": facts.expires_at.isoformat()}), _FOR_GOOD)
    if not categories_of(facts.permissions):
        return RefusedKey(Fault("connection.permission_missing"), _LATER_PERHAPS)
    if not facts.is_unified:
        return RefusedKey(Fault("connection.not_unified"), _LATER_PERHAPS)
    return Good()


def warnings_of(facts: ShownFacts, environment: Environment, now: datetime) -> tuple[Fault, ...]:
    """What a person should know of a key that is taken: it works, and could be safer or will end."""
    found = [Fault(READ_ONLY)] if facts.read_only else []
    if facts.expires_at is not None and facts.expires_at - now <= EXPIRY_NEAR:
        left = max(facts.expires_at - now, timedelta(0))
        params = {"at": facts.expires_at.isoformat(), "days": str(left.days)}
        found.append(Fault("connection.expires_soon", params))
    if environment != "sim" and (not facts.ips or "*" in facts.ips):
        found.append(Fault("connection.ip_unbound"))
    if any("transfer" in name.lower() for names in facts.permissions.values() for name in names):
        found.append(Fault("connection.may_transfer"))
    return tuple(found)


def verdict_of(error: ExchangeError, environment: Environment) -> RefusedKey | NoAnswer:
    """What a question that was not answered as hoped says of the key."""
    trace = error.trace
    said = {"exchange_code": str(trace.ret_code)} if trace.ret_code else {}
    known = None if trace.ret_code is None else _REFUSALS.get(trace.ret_code)
    if known is not None:
        code, for_good = known
        # The simulated exchange knows other accounts for each market that it may run: with that one the key is good.
        for_good = for_good and environment != "sim"
        return RefusedKey(Fault(code, said, trace.ret_msg or None), for_good)
    if trace.http_status == 401:
        # Without an answer in the exchange's own form, whoever stands in between may have said it: nothing is wiped.
        return NoAnswer(Fault("connection.unauthorized", {"http_status": "401"}))
    if trace.http_status == 403:
        # An address that asked too often, or a country that is not served: it looks the same.
        return NoAnswer(Fault(ADDRESS_BLOCKED, {"http_status": "403"}), _BLOCKED_PAUSE_S)
    if error.code == "link.proxy":
        return NoAnswer(Fault("connection.proxy_failed", {"cause": error.code}, str(error)))
    status = {"http_status": str(trace.http_status)} if trace.http_status else {}
    return NoAnswer(Fault("connection.unreachable", {**said, **status}, str(error)))
