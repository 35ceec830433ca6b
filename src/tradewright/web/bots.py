"""Asking for strategies, bots and runs: what is looked up before a command, outside of its transaction.

Lives here: reading a spec, its params, the instrument; who acts. Not here: the routes (`routes_strategies`,
`routes_bots`, `routes_runs`), the commands (`bots`). A check of a spec takes milliseconds to a second, and is done and
counted where every other is (`specs`).
"""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request

from tradewright.bots.deeds import Actor
from tradewright.bots.model import AuthorKind, BotSettings, Limits
from tradewright.bots.settings_rules import settings_problems
from tradewright.bots.start_facts import StartFacts, read_start_facts
from tradewright.bots.starting import Looked
from tradewright.bots.strategies import NewSpec
from tradewright.bots.strategy_queries import spec_text
from tradewright.core.environment import Environment
from tradewright.core.errors import InvalidInput, NotFound, NotReady, Problem
from tradewright.core.ids import AccountId
from tradewright.core.instrument import Category, Instrument, InstrumentId
from tradewright.core.money import parse_decimal, plain
from tradewright.identity.model import Principal
from tradewright.market.markets import NoMarket
from tradewright.strategy.check import Checked, check_text
from tradewright.strategy.templates import TEMPLATES, template_text
from tradewright.trading import queries
from tradewright.web.auth import caller_of
from tradewright.web.parts import WebParts
from tradewright.web.schemas.bots import BotSettingsBody
from tradewright.web.schemas.strategies import NewStrategy


def actor_of(request: Request, parts: WebParts, caller: Principal) -> Actor:
    return Actor(
        workspace_id=caller.membership.workspace_id,
        user_id=caller.user.id,
        ip=caller_of(request).ip,
        clock=parts.clock,
        ids=parts.ids,
    )


def text_of(body: NewStrategy) -> tuple[str, AuthorKind]:
    """Raises `InvalidInput` where it names both a text and a template, or neither, or a template that is none."""
    match body.text, body.template:
        case str(text), None:
            return text, "user"
        case None, str(name) if name in TEMPLATES:
            return template_text(name), "template"
        case None, str(name):
            params = {"value": name, "allowed": ", ".join(TEMPLATES)}
            raise InvalidInput([Problem("backtest.template_unknown", "template", params)])
        case _:
            raise InvalidInput([Problem("backtest.one_of", "text")])


async def new_spec(
    parts: WebParts, actor: Actor, version_id: UUID, text: str, author: AuthorKind, message: str
) -> NewSpec:
    """Raises `InvalidInput` for a text that is no strategy, and what asking the desk raises."""
    checked = await parts.specs.ask(actor.user_id, parts.clock, lambda: check_text(text))
    if checked.strategy is None:
        raise InvalidInput([Problem("strategy.spec_wrong", "text", _first_fault(checked))])
    strategy = checked.strategy
    return NewSpec(
        version_id=version_id,
        text=text,
        sha256=strategy.sha256,
        spec_name=strategy.name,
        author=author,
        message=message,
    )


async def settings_of(parts: WebParts, actor: Actor, body: BotSettingsBody) -> BotSettings:
    """What a bot is to be given, with everything checked that can be without starting it. Raises `InvalidInput`."""
    async with parts.engine.connect() as connection:
        text = await spec_text(connection, actor.workspace_id, body.spec_version_id)
        if text is None:
            raise InvalidInput([Problem("bot.spec_version_unknown", "settings.spec_version_id")])
        try:
            account = await queries.require_account(connection, actor.workspace_id, AccountId(body.account_id))
        except NotFound:
            raise InvalidInput([Problem("bot.account_unknown", "settings.account_id")]) from None
    settings = BotSettings(
        spec_version_id=body.spec_version_id,
        account_id=body.account_id,
        category=body.category,
        symbol=body.symbol,
        capital=parse_decimal(body.capital),
        limits=Limits(
            max_loss=parse_decimal(body.limits.max_loss),
            max_position=None if body.limits.max_position is None else parse_decimal(body.limits.max_position),
            max_orders_a_minute=body.limits.max_orders_a_minute,
        ),
        duration_ms=body.duration_ms,
        at_end=body.at_end,
        params={param.name: parse_decimal(param.value) for param in body.params},
    )
    checked = await checked_with(parts, actor, text, settings)
    if checked.strategy is None:
        raise InvalidInput([Problem("bot.params_wrong", "settings.params", _first_fault(checked))])
    instrument = instrument_of(parts, account["environment"], settings.category, settings.symbol)
    problems = settings_problems(settings, checked.strategy, instrument)
    if problems:
        raise InvalidInput(problems)
    return settings


async def look_up(parts: WebParts, actor: Actor, bot_id: UUID) -> Looked:
    """What a start needs to know beside the database. Raises `NotFound`, `BotIsDraft`, `BotIsArchived`."""
    async with parts.engine.connect() as connection:
        facts = await read_start_facts(connection, actor.workspace_id, bot_id, real_trading=parts.settings.real_trading)
    return Looked(facts=facts, checked=await _checked(parts, actor, facts), instrument=_instrument(parts, facts))


async def checked_with(parts: WebParts, actor: Actor, text: str, settings: BotSettings) -> Checked:
    params = {name: plain(value) for name, value in settings.params.items()}
    return await parts.specs.ask(actor.user_id, parts.clock, lambda: check_text(text, settings=params))


def instrument_of(parts: WebParts, environment: Environment, category: Category, symbol: str) -> Instrument | None:
    """None where its exchange lists no such thing. Raises `NotReady` while the list has not been read, or the market of
    an account that has just come is not followed yet."""
    try:
        return parts.markets.of(environment).instruments.require(InstrumentId(category, symbol))
    except NoMarket:
        raise NotReady(f"the market of {environment} is not followed here yet; try again shortly") from None
    except NotFound:
        return None


async def _checked(parts: WebParts, actor: Actor, facts: StartFacts) -> Checked:
    return await checked_with(parts, actor, facts.spec_text, facts.settings)


def _instrument(parts: WebParts, facts: StartFacts) -> Instrument | None:
    """Of an account that rests nobody follows the market, and its rest alone speaks against a start."""
    try:
        return instrument_of(parts, facts.environment, facts.settings.category, facts.settings.symbol)
    except NotReady:
        if facts.is_resting:
            return None
        raise


def _first_fault(checked: Checked) -> dict[str, str]:
    return {"count": str(len(checked.errors)), "text": checked.errors[0].message}
