"""Risk limits for the page: those in force with what is used of them, and the setting of one level.

Lives here: `limits_state`, `put_limits`, `touched`, what an order would touch. Not here: the verdict (`core.risk`), the
owner's count (`trading.risk`): this process reads the same tables and judges by the same function, a moment later.
"""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.environment import Environment
from tradewright.core.errors import InvalidInput, NotFound, NotReady, Problem
from tradewright.core.ids import AccountId
from tradewright.core.instrument import InstrumentId
from tradewright.core.money import parse_decimal, plain, rounded
from tradewright.core.risk import (
    LIMIT_NAMES,
    LIMITS_KEPT,
    Asked,
    Effective,
    Level,
    LimitName,
    Limits,
    Verdict,
    default_limits,
    judge,
    merged,
    tightest,
)
from tradewright.core.risk_loosening import loosened
from tradewright.core.risk_prices import PriceView
from tradewright.identity.model import Principal
from tradewright.market.markets import MarketData
from tradewright.trading import queries
from tradewright.trading.risk.exposure import Exposure
from tradewright.trading.risk.holdings import read_holdings
from tradewright.trading.risk.prices import quotes_of
from tradewright.trading.risk.rule import usage
from tradewright.trading.risk.store import LimitValue, read_day, set_limits, stored_levels
from tradewright.web.auth import require_role
from tradewright.web.confirmations import loosening_must_be_confirmed
from tradewright.web.errors import Forbidden
from tradewright.web.parts import WebParts
from tradewright.web.schemas.limits import LimitsBody
from tradewright.web.step_up import require_step_up

_SHOWN = Decimal("0.0001")
_USED_MOST = Decimal(1_000_000)  # percent: beyond it nobody compares
_WIDEST = Decimal(10) ** 15
_SHOWN_FROM = Decimal(50)  # percent of a limit that an order would use: below nobody needs to hear of it


async def limits_state(parts: WebParts, caller: Principal, account_id: AccountId) -> dict[str, Any]:
    """The answer of `LimitsState`. Raises `NotFound` for a foreign account."""
    workspace_id = caller.membership.workspace_id
    async with parts.engine.connect() as connection:
        account = await queries.require_account(connection, workspace_id, account_id)
        levels = await stored_levels(connection, workspace_id, account_id, account["environment"])
        market = _market(parts, account["environment"])
        exposure = await exposure_of(parts, connection, account_id, market)
    effective = tightest(levels)
    used = usage(exposure, lambda instrument: _prices(market, instrument), parts.clock.monotonic())
    return {
        "limits": [
            {
                "name": name,
                "allowed": _text(effective.limits.amount(name)),
                "level": effective.level(name),
                "used": _text(rounded(used[name], _SHOWN)) if name in used else None,
            }
            for name in LIMIT_NAMES
            if name != "symbols"
        ],
        "symbols": _symbols(effective.limits),
        "symbols_level": effective.level("symbols"),
        "levels": [_level(level, limits) for level, limits in levels],
    }


async def put_limits(
    parts: WebParts, caller: Principal, account_id: AccountId, body: LimitsBody, *, ip: str | None
) -> dict[str, Any]:
    """Sets what one level says, and answers as `limits_state`. Raises `InvalidInput`, `NotFound`, `Forbidden`, and
    where something would be allowed that the level did not allow `InvalidInput` until it is confirmed, then
    `StepUpRequired`.

    Setting limits needs the owner of the workspace, those of the installation its operator.
    """
    require_role(caller, "owner")
    if body.level == "installation" and not caller.user.is_operator:
        raise Forbidden("the installation's own limits need its operator; set those of the workspace or the account")
    workspace_id = caller.membership.workspace_id
    async with parts.engine.begin() as connection:
        account = await queries.require_account(connection, workspace_id, account_id)
        values = _values(body, account["environment"])
        said = dict(await stored_levels(connection, workspace_id, account_id, account["environment"]))[body.level]
        base = default_limits(account["environment"]) if body.level == "installation" else Limits()
        after = merged(base, values)
        if looser := loosened(said, after):
            loosening_must_be_confirmed(looser, said, after, account["environment"], body.confirmations)
            await require_step_up(parts, caller)
        await set_limits(
            connection,
            level=body.level,
            workspace_id=workspace_id,
            account_id=account_id,
            values=values,
            removed=[name for name in LIMIT_NAMES if name not in values],
            user_id=caller.user.id,
            ip=ip,
            clock=parts.clock,
            ids=parts.ids,
        )
    return await limits_state(parts, caller, account_id)


def _values(body: LimitsBody, environment: Environment) -> dict[LimitName, LimitValue]:
    problems: list[Problem] = []
    values: dict[LimitName, LimitValue] = {}
    for place, setting in enumerate(body.limits):
        path = f"limits.{place}.value"
        if setting.value is None:
            if body.level != "installation":
                problems.append(Problem("limits.only_above", path))
            elif setting.name in LIMITS_KEPT:
                problems.append(Problem("limits.needed", path, {"name": setting.name}))
            values[setting.name] = None
            continue
        value = parse_decimal(setting.value)
        if not 0 < value <= _WIDEST:
            params = {"name": setting.name, "minimum": "0", "value": setting.value}
            problems.append(Problem("limits.below", path, params))
        values[setting.name] = value
    if body.symbols is not None:
        values["symbols"] = frozenset(body.symbols)
    if problems:
        raise InvalidInput(problems)
    return values


async def exposure_of(
    parts: WebParts, connection: AsyncConnection, account_id: AccountId, market: MarketData | None
) -> Exposure:
    """What counts as exposure, by the tables as they are now."""

    def base_coin_of(instrument: InstrumentId) -> str | None:
        listed = None if market is None else market.instruments.get(instrument)
        return None if listed is None else listed.base_coin

    exposure = Exposure(base_coin_of)
    exposure.load(await read_holdings(connection, account_id), parts.clock.monotonic())
    exposure.held.day = await read_day(connection, account_id, parts.clock.now().astimezone(UTC).date())
    return exposure


async def touched(
    parts: WebParts, caller: Principal, account_id: AccountId, market: MarketData, asked: Asked, prices: PriceView
) -> list[dict[str, Any]]:
    """The limits that an order would touch, those that forbid it first: each with how much of it would be used."""
    workspace_id = caller.membership.workspace_id
    async with parts.engine.connect() as connection:
        levels = await stored_levels(connection, workspace_id, account_id, market.environment)
        exposure = await exposure_of(parts, connection, account_id, market)
    verdict = judged(exposure, asked, prices, market, tightest(levels), parts.clock.monotonic())
    shown = [
        {
            "name": one.name,
            "used_percent": None if used is None else _text(rounded(used, _SHOWN)),
            "blocks": one.is_over,
        }
        for one in verdict.measures
        if (used := _used_percent(one.value, one.allowed)) is not None or one.is_over
        if one.is_over or (used is not None and used >= _SHOWN_FROM)
    ]
    return sorted(shown, key=lambda one: not one["blocks"])


def judged(
    exposure: Exposure, asked: Asked, prices: PriceView, market: MarketData, effective: Effective, now_s: float
) -> Verdict:
    exposed = exposure.exposed(asked, None, prices, lambda instrument: _prices(market, instrument), now_s)
    return judge(asked, exposed, prices, effective)


def _used_percent(value: Decimal | str, allowed: Decimal | str) -> Decimal | None:
    if isinstance(value, str) or isinstance(allowed, str) or not allowed:
        return None
    return min(value * 100 / allowed, _USED_MOST)


def _market(parts: WebParts, environment: Environment) -> MarketData | None:
    try:
        return parts.markets.of(environment)
    except (NotFound, NotReady):
        return None


def _prices(market: MarketData | None, instrument: InstrumentId) -> PriceView | None:
    """What this process happens to watch; for the rest the exchange's last valuation stands."""
    ticker = None if market is None else market.hub(instrument.category).ticker(instrument)
    return None if ticker is None else PriceView(quotes=quotes_of(ticker), link_age_s=0.0, quote_age_s=0.0)


def _level(level: Level, limits: Limits) -> dict[str, Any]:
    return {
        "level": level,
        "limits": [
            {"name": name, "value": plain(value)}
            for name in LIMIT_NAMES
            if name != "symbols" and (value := limits.amount(name)) is not None
        ],
        "symbols": _symbols(limits),
    }


def _symbols(limits: Limits) -> list[str] | None:
    return None if limits.symbols is None else sorted(limits.symbols)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
