"""Topics of the browser stream: `account:<id>`, `ticker:<category>:<symbol>`, `candle:<…>:<symbol>:<interval>`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, get_args
from uuid import UUID

from tradewright.core.ids import AccountId
from tradewright.core.instrument import Category, InstrumentId
from tradewright.market.intervals import INTERVALS

TOPIC_LENGTH_MAX = 120


@dataclass(frozen=True, slots=True)
class AccountTopic:
    account_id: AccountId


@dataclass(frozen=True, slots=True)
class TickerTopic:
    instrument: InstrumentId


@dataclass(frozen=True, slots=True)
class CandleTopic:
    instrument: InstrumentId
    interval: str


Topic = AccountTopic | TickerTopic | CandleTopic


def parse_topic(text: str) -> Topic | None:
    """The topic of a name, or None when it is not one. One spelling each: an id in other letters is not the topic."""
    if len(text) > TOPIC_LENGTH_MAX:
        return None
    match text.split(":"):
        case ["account", account]:
            return _account_topic(account)
        case ["ticker", category, symbol] if _is_instrument(category, symbol):
            return TickerTopic(InstrumentId(cast("Category", category), symbol))
        case ["candle", category, symbol, interval] if _is_instrument(category, symbol) and interval in INTERVALS:
            return CandleTopic(InstrumentId(cast("Category", category), symbol), interval)
        case _:
            return None


def _account_topic(text: str) -> AccountTopic | None:
    try:
        account = UUID(text)
    except ValueError:
        return None
    return AccountTopic(AccountId(account)) if str(account) == text else None


def _is_instrument(category: str, symbol: str) -> bool:
    return category in get_args(Category) and symbol.isascii() and symbol.isalnum() and len(symbol) <= 32
