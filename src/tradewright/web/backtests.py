"""Asking for a backtest: what is looked at before a job is queued, so that what cannot run is told at once.

Lives here: reading the strategy, its settings, and whether its candles are there. Not here: the routes
(`routes_backtests`), quotas and the queue (`backtests`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from tradewright.backtests.commands import add_backtest, known_backtest
from tradewright.backtests.model import (
    SIM_BARS_MAX,
    SIM_BARS_USUAL,
    Actor,
    Asked,
    Given,
    NewBacktest,
    Quota,
    require_settings,
)
from tradewright.backtests.queries import Row
from tradewright.core.errors import InvalidInput, Problem
from tradewright.core.instrument import InstrumentId
from tradewright.core.money import plain
from tradewright.identity.quota_model import Key
from tradewright.identity.quotas import said
from tradewright.market.history.faults import BadCandles
from tradewright.market.history.funding_store import FundingStore
from tradewright.market.history.manifest import Manifest, read_manifest
from tradewright.market.history.series import Series
from tradewright.market.history.store import DataStore
from tradewright.strategy.check import check_text
from tradewright.strategy.model import Strategy
from tradewright.strategy.templates import TEMPLATES, template_text
from tradewright.strategy.timeframe import length_ms, open_of
from tradewright.web.parts import WebParts
from tradewright.web.schemas.backtests import NewBacktest as NewBacktestBody

SERIES_SHOWN_MAX = 1_000


async def ask_backtest(parts: WebParts, actor: Actor, body: NewBacktestBody) -> Row:
    """The queued backtest, or the one that was asked for with this id before, as it is now.

    Raises `InvalidInput`, what `backtests.commands.add_backtest` raises, and what asking the simulated exchange for its
    time raises.
    """
    asked = asked_of(body)
    digest = asked.digest()
    async with parts.engine.connect() as connection:
        known = await known_backtest(connection, actor.workspace_id, body.id, digest)
    if known is not None:
        return known
    strategy = await _strategy(parts, actor, body, asked)
    require_settings(asked, strategy)
    try:
        series = asked.series(strategy)
    except ValueError as error:
        raise InvalidInput([Problem("backtest.symbol_unkept", "text", {"text": str(error)})]) from None
    if asked.from_ms is not None and asked.to_ms is not None and asked.from_ms >= asked.to_ms:
        raise InvalidInput([Problem("input.range", "from_ms", {"maximum": str(asked.to_ms - 1)})])
    if asked.origin == "sim":
        asked = await _bounded_by_market(parts, asked, series)
    else:
        await asyncio.to_thread(require_data, parts.candles, asked, strategy)
    new = NewBacktest(id=body.id, asked=asked, digest=digest, strategy=strategy, series=series)
    async with parts.engine.begin() as connection:
        quota = quota_with(parts.backtest_quota, await said(connection, actor.workspace_id))
        return await add_backtest(connection, actor, new, quota)


def quota_with(usual: Quota, set_here: Mapping[Key, Decimal]) -> Quota:
    """The installation's quota with what its operator has set for the workspace."""
    names: Mapping[Key, str] = {
        ("user", "backtests_waiting"): "waiting_of_user",
        ("workspace", "backtests_waiting"): "waiting_of_workspace",
        ("user", "backtest_cpu_s_a_day"): "cpu_s_a_day_of_user",
        ("workspace", "backtest_cpu_s_a_day"): "cpu_s_a_day_of_workspace",
    }
    return replace(usual, **{name: int(set_here[key]) for key, name in names.items() if key in set_here})


def asked_of(body: NewBacktestBody) -> Asked:
    """Raises `InvalidInput` where it names both a text and a template, or neither, or a template that is none."""
    return Asked(
        text=_text_of(body),
        params={param.name: param.value for param in body.params},
        origin=body.origin,
        from_ms=body.from_ms,
        to_ms=body.to_ms,
        fill_gaps=body.fill_gaps,
        fine=body.fine,
        funding=body.funding,
        settings=Given(**body.settings.model_dump()),
    )


def _text_of(body: NewBacktestBody) -> str:
    match body.text, body.template:
        case str(text), None:
            return text
        case None, str(name) if name in TEMPLATES:
            return template_text(name)
        case None, str(name):
            params = {"value": name, "allowed": ", ".join(TEMPLATES)}
            raise InvalidInput([Problem("backtest.template_unknown", "template", params)])
        case _:
            raise InvalidInput([Problem("backtest.one_of", "text")])


def require_data(store: DataStore, asked: Asked, strategy: Strategy) -> None:
    """Candles, and where they are asked for finer ones and funding. Raises `InvalidInput` with the next step."""
    series, fine = asked.series(strategy), asked.fine_series(strategy)
    require_candles(store, asked, series)
    if fine is not None:  # they need not cover everything: a bar without them is walked as it is
        _manifest_of(store, asked, fine, "fine")
    if asked.funding and not FundingStore(store.root).path(series).exists():
        params = {"series": str(series.folder), "command": funding_command_for(series, asked.from_ms)}
        raise InvalidInput([Problem("backtest.no_funding", "funding", params)])


def _manifest_of(store: DataStore, asked: Asked, series: Series, field: str) -> Manifest:
    try:
        manifest = read_manifest(store.path(series).with_suffix(".json"))
    except BadCandles as bad:
        raise InvalidInput([Problem("backtest.candles_unreadable", field, {"text": str(bad)})]) from None
    if manifest is None:
        params = {"series": str(series), "command": command_for(series, asked.from_ms)}
        raise InvalidInput([Problem("backtest.no_candles", field, params)])
    return manifest


def require_candles(store: DataStore, asked: Asked, series: Series) -> None:
    """By the manifest alone: the run reads the candles themselves. Raises `InvalidInput` with the next step."""
    manifest = _manifest_of(store, asked, series, "origin")
    begin = manifest.from_ms if asked.from_ms is None else asked.from_ms
    end = manifest.to_ms if asked.to_ms is None else asked.to_ms
    if not manifest.from_ms <= begin < end <= manifest.to_ms:
        params = {
            "series": str(series),
            "from": _shown(manifest.from_ms),
            "to": _shown(manifest.to_ms),
            "command": command_for(series, min(begin, manifest.from_ms)),
        }
        field = "from_ms" if not manifest.from_ms <= begin < manifest.to_ms else "to_ms"
        raise InvalidInput([Problem("backtest.candles_outside", field, params)])


def command_for(series: Series, from_ms: int | None) -> str:
    """How a person gets these candles."""
    kind = f" --category {series.category} --timeframe {series.timeframe}"
    return f"tradewright data download --symbol {series.symbol}{kind}{_span_of(series, from_ms)}"


def funding_command_for(series: Series, from_ms: int | None) -> str:
    """How a person gets the funding rates of its contract."""
    return f"tradewright data funding --symbol {series.symbol}{_span_of(series, from_ms)}"


def _span_of(series: Series, from_ms: int | None) -> str:
    begin = "2024-01-01" if from_ms is None else f"{_moment(from_ms):%Y-%m-%d}"
    return f" --from {begin}{' --environment testnet' if series.origin == 'testnet' else ''}"


async def stored_series(store: DataStore) -> list[dict[str, object]]:
    """Each as `web.schemas.backtests.CandleSeries`; of what cannot be read nothing is told."""
    found = await asyncio.to_thread(store.all)
    told = [_series(series, manifest) for series, manifest in found if manifest is not None]
    return told[:SERIES_SHOWN_MAX]


def _series(series: Series, manifest: Manifest) -> dict[str, object]:
    return {
        "category": series.category,
        "symbol": series.symbol,
        "timeframe": series.timeframe,
        "origin": series.origin,
        "from_ms": manifest.from_ms,
        "to_ms": manifest.to_ms,
        "bars": manifest.bars,
        "gaps": manifest.gaps,
    }


async def _strategy(parts: WebParts, actor: Actor, body: NewBacktestBody, asked: Asked) -> Strategy:
    checked = await parts.specs.ask(actor.user_id, parts.clock, lambda: check_text(asked.text, settings=asked.params))
    if checked.strategy is None:
        params = {"count": str(len(checked.errors)), "text": checked.errors[0].message}
        field = "text" if body.template is None else "params"
        raise InvalidInput([Problem("backtest.spec_wrong", field, params)])
    return checked.strategy


async def _bounded_by_market(parts: WebParts, asked: Asked, series: Series) -> Asked:
    """With both ends, by the simulated exchange's own time, which may be of another year, and its listing's steps."""
    length = length_ms(series.timeframe)
    now_ms = open_of(await parts.markets.of("sim").clock.now_ms(), series.timeframe)
    to_ms = now_ms if asked.to_ms is None else min(asked.to_ms, now_ms)
    fine_length = length if asked.fine is None else length_ms(asked.fine)
    usual_ms = min(SIM_BARS_USUAL * length, SIM_BARS_MAX // 2 * fine_length)
    usual_ms -= usual_ms % length
    from_ms = max(0, to_ms - usual_ms) if asked.from_ms is None else asked.from_ms
    if from_ms >= to_ms:
        raise InvalidInput([Problem("input.range", "from_ms", {"maximum": str(max(0, to_ms - 1))})])
    bars = (to_ms - from_ms) // fine_length
    if bars > SIM_BARS_MAX:
        params = {"value": str(bars), "maximum": str(SIM_BARS_MAX)}
        field = "from_ms" if asked.fine is None else "fine"
        raise InvalidInput([Problem("backtest.too_many_bars", field, params)])
    return msgspec.structs.replace(asked, from_ms=from_ms, to_ms=to_ms, settings=_with_filters(parts, asked, series))


def _with_filters(parts: WebParts, asked: Asked, series: Series) -> Given:
    """What was not given of the listing's own steps and minima, where this process knows the listing."""
    given = asked.settings
    listed = parts.markets.of("sim").instruments.get(InstrumentId(series.category, series.symbol))
    if listed is None:
        return given
    return msgspec.structs.replace(
        given,
        tick_size=given.tick_size or plain(listed.tick_size),
        qty_step=given.qty_step or plain(listed.quantity_step),
        min_qty=given.min_qty or plain(listed.min_quantity),
        min_notional=given.min_notional or plain(listed.min_notional),
    )


def _moment(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1_000, UTC)


def _shown(time_ms: int) -> str:
    return f"{_moment(time_ms):%Y-%m-%d %H:%M} UTC"
