"""Types of arming: that a live account may open positions, until when, by whom, and what ends it early.

Lives here: `Arming`, why one ends (`ArmingEnd`, `over`), what must be set beforehand, the phrase that is typed, the
errors. Values in, values out. Not here: rows (`store`), the check at the send (`gate`), who may ask (`web.arming`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from tradewright.core.errors import Conflict
from tradewright.core.ids import AccountId, UserId, WorkspaceId
from tradewright.core.money import parse_decimal, plain
from tradewright.core.risk import LIMIT_NAMES, Level, LimitName, Limits, default_limits, loosened, tightest

ARMED_FOR = timedelta(days=1)  # unless its owner says otherwise
ARMED_FOR_MAX = timedelta(days=30)
ARMED_FOR_MIN = timedelta(seconds=5)
# What must be said of the account itself before real money moves; a default is nobody's decision.
LIMITS_NEEDED: tuple[LimitName, ...] = ("order_notional", "position_notional", "daily_loss")
LIVE_WORDS: Mapping[str, str] = {"en": "LIVE", "ru": "ЛАЙВ"}

# Why an arming is over. The first two were asked for by a person; the rest is a lapse.
ArmingEnd = Literal[
    "disarmed",
    "rearmed",  # another one took its place
    "expired",
    "real_trading_off",  # the installation does not allow it any more
    "killed",  # a latch came over the account, whether or not it was released since
    "key_changed",  # another key, or the exchange says something else of it
    "limits_loosened",  # whatever allows more than when it was armed
    "role_changed",  # who armed it is no owner of the workspace any more
]
ASKED_ENDS: frozenset[ArmingEnd] = frozenset({"disarmed", "rearmed"})


class NotLive(Conflict):
    """Only an account for real money is armed; the others trade without."""

    code = "arming.not_live"


class RealTradingOff(Conflict):
    """Who runs the machine has not allowed real trading."""

    code = "account.real_trading_off"


class ArmingConflict(Conflict):
    """The arming's id was used for something else."""

    code = "arming.conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySeen:
    """The key of an account's connection: `mark` is another one after a rotation and after a check that found other
    permissions, addresses or another expiry. None of it is secret."""

    connection_id: UUID
    name: str
    state: str
    mark: str
    is_read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Arming:
    """As it is stored. `limits` are those in force when it was armed: whatever allows more ends it. Orders by hand that
    are worth more than `confirm_above` (quote coin) are typed once more."""

    id: UUID
    workspace_id: WorkspaceId
    account_id: AccountId
    armed_by: UserId
    armed_at: datetime
    armed_until: datetime
    confirm_above: Decimal
    limits: Limits
    key_mark: str
    ended_at: datetime | None = None
    ended_why: ArmingEnd | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An account's arming with all that may end it, read in one moment. `left_s` is by the database's clock."""

    arming: Arming | None
    left_s: float
    role: str | None  # in the workspace, of who armed it; None: no member any more, or disabled
    armed_by_name: str | None
    key: KeySeen | None
    is_killed: bool
    levels: Sequence[tuple[Level, Limits]]

    @property
    def limits(self) -> Limits:
        return tightest(self.levels).limits


def over(standing: Standing, *, real_trading: bool) -> ArmingEnd | None:
    """Why the arming does not count any more; None: it does. What is worst is said first."""
    arming = standing.arming
    assert arming is not None, "whoever asks has one"
    if standing.is_killed:
        return "killed"
    if not real_trading:
        return "real_trading_off"
    if standing.key is None or standing.key.mark != arming.key_mark:
        return "key_changed"
    if standing.role != "owner":
        return "role_changed"
    if loosened(arming.limits, standing.limits):
        return "limits_loosened"
    return "expired" if standing.left_s <= 0 else None


def unset_limits(levels: Sequence[tuple[Level, Limits]]) -> list[LimitName]:
    """Those that nobody has decided for the account itself, or where the default decides all the same."""
    own = next((limits for level, limits in levels if level == "account"), Limits())
    decided, usual = tightest(levels).limits, default_limits("live")
    return [name for name in LIMITS_NEEDED if own.amount(name) is None or decided.amount(name) == usual.amount(name)]


def phrase(name: str, language: str) -> str:
    """What is typed to arm the account of a connection: it names which."""
    return f"{LIVE_WORDS[language]} {name}"


def phrases(name: str) -> Mapping[str, str]:
    """By language; any of them counts, as the page may be read in another one than its user's."""
    return {language: phrase(name, language) for language in LIVE_WORDS}


def key_mark(
    connection_id: UUID, key_id: object, changed_at: datetime | None, key_shown: str, facts: Mapping[str, Any] | None
) -> str:
    """One line for a key and what the exchange says of it; in whatever order the exchange names permissions.
    `changed_at`: when another key, region or proxy last took the place of the one before."""
    changed = None if changed_at is None else changed_at.timestamp()
    seen = json.dumps([str(connection_id), str(key_id), changed, key_shown, _ordered(facts)], sort_keys=True)
    return hashlib.sha256(seen.encode()).hexdigest()


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _ordered(each) for name, each in value.items()}
    return sorted(map(_ordered, value), key=str) if isinstance(value, list) else value


def limits_as_json(limits: Limits) -> dict[str, Any]:
    said: dict[str, Any] = {
        name: plain(value) for name in LIMIT_NAMES if name != "symbols" and (value := limits.amount(name)) is not None
    }
    if limits.symbols is not None:
        said["symbols"] = sorted(limits.symbols)
    return said


def limits_of_json(stored: Mapping[str, Any]) -> Limits:
    """A limit that a later version does not know any more is none of it."""
    amounts = {name: parse_decimal(stored[name]) for name in LIMIT_NAMES if name != "symbols" and name in stored}
    symbols = frozenset(stored["symbols"]) if "symbols" in stored else None
    return Limits(**amounts, symbols=symbols)
