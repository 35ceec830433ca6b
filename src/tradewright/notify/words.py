"""A notification in words, for channels that show nothing else. The page has its own.

Lives here: `title_of`, `body_of`, `alive_text`, in English and Russian. No I/O. Texts are plain: no markup, no links.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tradewright.notify.model import KINDS, Kind

Language = Literal["en", "ru"]
_LENGTH_MAX = 900

# {count} is how many facts a line stands for; what is not known is left out with its sign before it.
_EN: Mapping[Kind, tuple[str, str]] = {
    "fill": (
        "Filled: {side} {quantity} {symbol} at {price}",
        "{count} fills on {symbol}: {side} {quantity} at {price} in the mean.",
    ),
    "liquidation": (
        "Liquidated: {side} {quantity} {symbol}",
        "The exchange closed {quantity} {symbol} at {price} by force.",
    ),
    "order_failed": ("Order failed: {side} {symbol}", "{count} × {side} {quantity} {symbol}: {status} ({code})."),
    "order_unknown": (
        "Order unknown for a minute: {symbol}",
        "Nobody knows whether it arrived. It counts as exposure until there is evidence.",
    ),
    "limit_hit": ("Limit reached: {code}", "{count} × {side} {quantity} {symbol} was refused by a limit ({code})."),
    "kill": ("KILL: trading is stopped", "Scope: {scope}. Positions are closed: {closes}."),
    "kill_released": ("Kill released", "Scope: {scope}. Trading may go on."),
    "account_stopped": (
        "The exchange has stopped an account",
        "Its code is {exchange_code}. Nothing opens until somebody resumes it.",
    ),
    "naked_position": ("Position without its stop: {symbol}", "{side} {symbol}, planned stop {stop}: {news}."),
    "drift": ("Differences wait for you: {count_open}", "What the exchange has and what we expected differ ({what})."),
    "ledger_break": ("The ledger does not tie out", "Our books and the exchange's records differ."),
    "link_lost": ("Link lost", "The account is not ready ({state}). Stops at the exchange stay."),
    "link_restored": ("Link restored", "It was away for {away_s} s."),
    "run": ("Bot {bot}: {state}", "{symbol}. {code}"),
    "run_failed": ("Bot {bot} has {state}", "{symbol}. {code}"),
    "bot_silent": ("Bot {bot} is silent", "Nothing was heard of it for {silent_s} s."),
    "price_alert": ("{symbol} is {direction} {price}", "{price_by} {seen}. {note}"),
}
_RU: Mapping[Kind, tuple[str, str]] = {
    "fill": (
        "Исполнено: {side} {quantity} {symbol} по {price}",
        "{symbol}, исполнений: {count}. {side} {quantity}, в среднем по {price}.",
    ),
    "liquidation": (
        "Ликвидация: {side} {quantity} {symbol}",
        "Биржа принудительно закрыла {quantity} {symbol} по {price}.",
    ),
    "order_failed": ("Заявка не прошла: {side} {symbol}", "{count} × {side} {quantity} {symbol}: {status} ({code})."),
    "order_unknown": (
        "Судьба заявки неизвестна минуту: {symbol}",
        "Неизвестно, дошла ли она. Пока нет доказательств, она считается риском.",
    ),
    "limit_hit": ("Достигнут лимит: {code}", "{count} × {side} {quantity} {symbol}: отказано по лимиту ({code})."),
    "kill": ("СТОП: торговля остановлена", "Область: {scope}. Позиции закрываются: {closes}."),
    "kill_released": ("Стоп снят", "Область: {scope}. Торговля может продолжаться."),
    "account_stopped": (
        "Биржа остановила счёт",
        "Её код: {exchange_code}. Новое не открывается, пока счёт не возобновят.",
    ),
    "naked_position": ("Позиция без стопа: {symbol}", "{side} {symbol}, плановый стоп {stop}: {news}."),
    "drift": ("Расхождения ждут решения: {count_open}", "То, что есть у биржи, отличается от ожидаемого ({what})."),
    "ledger_break": ("Книга не сходится", "Наши записи и записи биржи различаются."),
    "link_lost": ("Связь потеряна", "Счёт не готов ({state}). Стопы на бирже остаются."),
    "link_restored": ("Связь восстановлена", "Её не было {away_s} с."),
    "run": ("Бот {bot}: {state}", "{symbol}. {code}"),
    "run_failed": ("Бот {bot}: {state}", "{symbol}. {code}"),
    "bot_silent": ("Бот {bot} молчит", "О нём ничего не слышно {silent_s} с."),
    "price_alert": ("{symbol}: {direction} {price}", "{price_by} {seen}. {note}"),
}
_VALUES: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "Buy": "buy",
        "Sell": "sell",
        "yes": "yes",
        "no": "no",
        "above": "above",
        "below": "below",
        "last": "Last price",
        "mark": "Mark price",
        "running": "running",
        "repairing": "its stop is set again",
        "flattening": "it is being closed",
        "not_sent": "not sent",
        "not_placed": "not placed",
    },
    "ru": {
        "Buy": "покупка",
        "Sell": "продажа",
        "yes": "да",
        "no": "нет",
        "above": "выше",
        "below": "ниже",
        "last": "Последняя цена",
        "mark": "Цена маркировки",
        "running": "работает",
        "finished": "завершён",
        "stopped": "остановлен",
        "failed": "сбой",
        "halted": "прерван",
        "repairing": "стоп ставится снова",
        "flattening": "позиция закрывается",
        "refused": "отказано",
        "rejected": "отклонена биржей",
        "not_sent": "не отправлена",
        "not_placed": "не размещена",
        "account": "счёт",
        "workspace": "рабочее пространство",
        "installation": "вся установка",
        "connecting": "подключается",
        "reconciling": "сверяется",
        "degraded": "ограничена",
    },
}
_TRANSLATED = frozenset({"side", "closes", "direction", "price_by", "news", "status", "scope", "state"})
_STILL_UNREAD: Mapping[Language, str] = {"en": "Still unread: ", "ru": "Всё ещё не прочитано: "}


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What of a notification the words need."""

    kind: Kind
    params: Mapping[str, str]
    merged: int


def title_of(told: Told, language: Language, *, is_escalated: bool = False) -> str:
    words = (_RU if language == "ru" else _EN)[told.kind][0].format_map(_filled(told, language))
    return _short((_STILL_UNREAD[language] if is_escalated else "") + words)


def body_of(told: Told, language: Language) -> str:
    """With the account and its environment on a line of their own: demo money must not be taken for real."""
    words = (_RU if language == "ru" else _EN)[told.kind][1].format_map(_filled(told, language)).strip()
    if told.kind == "fill" and told.merged == 1:
        words = ""  # its title says it all
    account = told.params.get("account")
    environment = told.params.get("environment")
    place = _plain(" · ".join(each for each in (account, environment and environment.upper()) if each))
    return _short("\n".join(each for each in (words, place) if each) or "·")


def alive_text(language: Language, *, at: datetime, ready: int, accounts: int, unread: int) -> tuple[str, str]:
    """The message that says that the installation lives: (title, body)."""
    if language == "ru":
        return (
            "Tradewright работает",
            f"{at:%Y-%m-%d %H:%M}. Счетов готово: {ready} из {accounts}. Не прочитано: {unread}.",
        )
    return "Tradewright lives", f"{at:%Y-%m-%d %H:%M}. Accounts ready: {ready} of {accounts}. Unread: {unread}."


def test_text(language: Language) -> tuple[str, str]:
    if language == "ru":
        return "Tradewright: проверка", "Этот канал работает."
    return "Tradewright: a test", "This channel works."


def _filled(told: Told, language: Language) -> _Known:
    known = _VALUES[language]
    values = {name: known.get(value, value) if name in _TRANSLATED else value for name, value in told.params.items()}
    values["count_open"] = told.params.get("count", "?")
    return _Known({name: _plain(value) for name, value in values.items()} | {"count": str(told.merged)})


def _plain(value: str) -> str:
    """On one line, and without what turns the direction of writing or hides."""
    return "".join(letter if letter.isprintable() else " " for letter in str(value))[:200]


def _short(text: str) -> str:
    return text if len(text) <= _LENGTH_MAX else text[: _LENGTH_MAX - 1] + "…"


assert set(_EN) == set(_RU) == set(KINDS)
