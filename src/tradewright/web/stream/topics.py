"""Topics of the browser stream: `account:<id>`, `run:<id>`, `runs` (those of the workspace), `notifications` (the
listener's own), and those of a market, which name its environment and instrument.

`ticker:<environment>:<category>:<symbol>`, `candle:<…>:<symbol>:<interval>`, `book:<…>:<symbol>`,
`trades:<…>:<symbol>`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, get_args
from uuid import UUID

from tradewright.core.environment import ENVIRONMENTS, Environment
from tradewright.core.ids import AccountId
from tradewright.core.instrument import Category, InstrumentId
from tradewright.market.intervals import INTERVALS

TOPIC_LENGTH_MAX = 120


@dataclass(frozen=True, slots=True)
class AccountTopic:
    account_id: AccountId


@dataclass(frozen=True, slots=True)
class RunTopic:
    run_id: UUID


@dataclass(frozen=True, slots=True)
class RunsTopic:
    """Of the workspace that the connection is about."""


@dataclass(frozen=True, slots=True)
class TickerTopic:
    environment: Environment
    instrument: InstrumentId


@dataclass(frozen=True, slots=True)
class CandleTopic:
    environment: Environment
    instrument: InstrumentId
    interval: str


@dataclass(frozen=True, slots=True)
class BookTopic:
    environment: Environment
    instrument: InstrumentId


@dataclass(frozen=True, slots=True)
class TradesTopic:
    environment: Environment
    instrument: InstrumentId


@dataclass(frozen=True, slots=True)
class NotificationsTopic:
    """Of whoever listens, in the workspace of their session."""


MarketTopic = TickerTopic | CandleTopic | BookTopic | TradesTopic
Topic = AccountTopic | RunTopic | RunsTopic | NotificationsTopic | MarketTopic


def parse_topic(text: str) -> Topic | None:
    """The topic of a name, or None when it is not one. One spelling each: an id in other letters is not the topic."""
    if len(text) > TOPIC_LENGTH_MAX:
        return None
    match text.split(":"):
        case ["account", account]:
            account_id = _id_of(account)
            return None if account_id is None else AccountTopic(AccountId(account_id))
        case ["run", run]:
            run_id = _id_of(run)
            return None if run_id is None else RunTopic(run_id)
        case ["runs"]:
            return RunsTopic()
        case ["notifications"]:
            return NotificationsTopic()
        case [kind, environment, category, symbol, *rest] if _is_instrument(environment, category, symbol):
            found = InstrumentId(cast("Category", category), symbol)
            return _market_topic(kind, cast("Environment", environment), found, rest)
        case _:
            return None


def _market_topic(kind: str, environment: Environment, instrument: InstrumentId, rest: list[str]) -> MarketTopic | None:
    match kind, rest:
        case "ticker", []:
            return TickerTopic(environment, instrument)
        case "candle", [interval] if interval in INTERVALS:
            return CandleTopic(environment, instrument, interval)
        case "book", []:
            return BookTopic(environment, instrument)
        case "trades", []:
            return TradesTopic(environment, instrument)
        case _:
            return None


def _id_of(text: str) -> UUID | None:
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None


def _is_instrument(environment: str, category: str, symbol: str) -> bool:
    return (
        environment in ENVIRONMENTS
        and category in get_args(Category)
        and symbol.isascii()
        and symbol.replace("-", "").isalnum()  # dated contracts have a dash
        and len(symbol) <= 32
    )
