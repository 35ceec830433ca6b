"""What may be asked of trading that makes an order: place one, close a part of a position, reverse it.

Lives here: their validation and what a close or reverse becomes: a place like any other. A command writes an intent;
the account's owner acts on it. Not here: changes of what is there (`change_commands`), the insert itself (`asking`).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from tradewright.core.errors import Problem
from tradewright.core.ids import intent_of, link_id_of
from tradewright.core.instrument import Instrument
from tradewright.core.leg_rules import leg_problems
from tradewright.core.money import ZERO, plain
from tradewright.core.order import Exit, NewOrder
from tradewright.core.rule_parts import Quotes, Standing
from tradewright.identity.quota_spending import Spend
from tradewright.trading.asking import (
    Asked,
    Asker,
    available,
    existing,
    held_positions,
    listed,
    must_fit,
    standing_in,
    standing_of,
    write,
)
from tradewright.trading.bodies import CloseBody, PlaceBody, ReverseBody
from tradewright.trading.checks import MarketView, at_path, body_problems, order_problems
from tradewright.trading.model import HAND_VALIDITY, PROTECTING_VALIDITY, PositionChanged, SubmittedIntent
from tradewright.trading.queries import hedged
from tradewright.trading.views import Row

_ALL = Decimal(100)  # percent
_OF_SIZE = frozenset({"quantity", "symbol"})  # fields of a whole close that the caller cannot choose otherwise
REVERSE_SLIPPAGE_PERCENT = Decimal("0.5")  # a market order's bound when nobody says another: half of it opens


async def submit_place(asker: Asker, body: PlaceBody, market: MarketView) -> SubmittedIntent:
    """Asks for an order by hand. The same id and body again is the same intent; the caller commits.

    Raises `InvalidInput` (nothing is written), `NotFound` for a foreign account, `IntentConflict` for a used id.
    """
    known = await existing(asker, body)
    if known is not None:
        return known
    instrument = listed(market, body.symbol)
    standing = await _standing(asker, instrument, body, market.quotes)
    hedge = await hedged(asker.connection, asker.account_id, body.instrument)
    problems = leg_problems(instrument, body.position_index, body.side, reduce_only=body.reduce_only, hedged=hedge)
    must_fit(problems + body_problems(instrument, body, market.quotes, standing))
    spends = Spend(1, worth(body.order, market.quotes))
    return await write(asker, body, place_asked(body.order, "order.place", note=body.note, spends=spends))


async def submit_close(asker: Asker, body: CloseBody, market: MarketView) -> SubmittedIntent:
    """Asks to close a part of a position, at market or at a limit price, always reduce-only. In hedge mode the side
    says which of the two legs.

    All of it at market is never refused for its size: what no order may be of is closed whole by the exchange itself.
    Raises as `submit_place`; `PositionChanged` when there is no position of the side that the caller saw.
    """
    known = await existing(asker, body)
    if known is not None:
        return known
    held = await _held(asker, body)
    if not ZERO < body.percent <= _ALL:
        params = {"above": "0", "maximum": plain(_ALL), "value": plain(body.percent)}
        must_fit([Problem("close.percent_range", "percent", params)])
    whole = body.percent == _ALL
    instrument = market.instrument if whole and body.price is None else listed(market, body.symbol)
    part = held["size"]
    if instrument is not None and not whole:
        part = instrument.to_step_down(part * body.percent / _ALL)
    order = NewOrder(
        link_id=link_id_of(body.id),
        instrument=body.instrument,
        side="Sell" if body.side == "Buy" else "Buy",
        order_type="Market" if body.price is None else "Limit",
        quantity=part,
        price=body.price,
        time_in_force="IOC" if body.price is None else "GTC",
        reduce_only=True,
        slippage_percent=body.slippage_percent if body.price is None else None,
        position_index=held["position_index"],
    )
    if instrument is not None:
        problems = order_problems(instrument, order, market.quotes, standing_in(held))
        if whole and body.price is None:
            problems = [problem for problem in problems if problem.field not in _OF_SIZE]
        must_fit(at_path(problems, "quantity", "percent"))
    return await write(asker, body, place_asked(order, "order.close"))


async def submit_reverse(asker: Asker, body: ReverseBody, market: MarketView) -> SubmittedIntent:
    """Asks to turn a position into one of the same size on the other side, by one market order of twice its size.

    Raises as `submit_place`; `PositionChanged` when the position has not the side and size that the caller saw. The
    owner looks once more before it sends.
    """
    known = await existing(asker, body)
    if known is not None:
        return known
    instrument = listed(market, body.symbol)
    held = await _held(asker, body)
    if held["position_index"] != 0:
        must_fit([Problem("reverse.hedged", "symbol", {"symbol": body.symbol})])
    if held["size"] != body.size:
        raise PositionChanged(
            f"the position in {body.symbol} is {plain(held['size'])}, not {plain(body.size)} as the caller saw it;"
            " nothing was asked, look at it again"
        )
    order = NewOrder(
        link_id=link_id_of(body.id),
        instrument=body.instrument,
        side="Sell" if body.side == "Buy" else "Buy",
        order_type="Market",
        quantity=2 * body.size,
        price=None,
        time_in_force="IOC",
        reduce_only=False,
        slippage_percent=REVERSE_SLIPPAGE_PERCENT,
    )
    # Half of the order takes the position off, so the tier of its risk is the same as before.
    standing = replace(standing_in(held), leverage=None)
    must_fit(at_path(order_problems(instrument, order, market.quotes, standing), "quantity", "size"))
    spends = Spend(1, worth(order, market.quotes) / 2)  # the other half closes
    return await write(asker, body, place_asked(order, "order.reverse", spends=spends))


async def _held(asker: Asker, body: CloseBody | ReverseBody) -> Row:
    rows = [row for row in await held_positions(asker, body.instrument) if row["size"]]
    for row in rows:
        if row["side"] == body.side:
            return row
    side = rows[0]["side"] if rows else "flat"
    raise PositionChanged(
        f"the position in {body.symbol} is {side}, not {body.side} as the caller saw it; nothing was asked,"
        " look at it again"
    )


async def _standing(asker: Asker, instrument: Instrument, body: PlaceBody, quotes: Quotes) -> Standing:
    if instrument.id.category == "linear":
        # The estimated liquidation of what the position would become is the preview's; this one is of what is held.
        return replace(await standing_of(asker, instrument.id, body.position_index), liquidation_price=None)
    coin = instrument.base_coin if body.side == "Sell" else instrument.quote_coin
    return Standing(cost=_spot_cost(body, quotes), available=await available(asker, coin))


def _spot_cost(body: PlaceBody, quotes: Quotes) -> Decimal | None:
    """What a spot order takes of the coin it pays with, without the fee; None where no price is known."""
    price = body.price if body.price is not None else quotes.opposite(body.side)
    pays_in_unit = (body.side == "Buy") == (body.quantity_unit == "quote")
    if pays_in_unit:
        return body.quantity
    if price is None or price <= 0:
        return None
    return body.quantity * price if body.side == "Buy" else body.quantity / price


def worth(order: NewOrder, quotes: Quotes) -> Decimal:
    """What the order may come to in quote coin, by the dearest price it knows; zero where nobody knows one."""
    if order.quantity_unit == "quote":
        return order.quantity
    prices = [order.price, None if order.trigger is None else order.trigger.price]
    if order.order_type == "Market":
        prices += [quotes.mark, quotes.last, quotes.opposite(order.side)]
    return order.quantity * max((price for price in prices if price is not None), default=ZERO)


def place_asked(order: NewOrder, action: str, *, note: str | None = None, spends: Spend | None = None) -> Asked:
    """An order as it is written down, whoever asks for it."""
    columns: dict[str, Any] = {
        "side": order.side,
        "order_type": order.order_type,
        "time_in_force": order.time_in_force,
        "quantity": order.quantity,
        "price": order.price,
        "reduce_only": order.reduce_only,
        "quantity_unit": order.quantity_unit,
        "slippage_percent": order.slippage_percent,
        "note": note,
        "link_id": order.link_id,
        "position_index": order.position_index,
        **_leg("take_profit", order.take_profit),
        **_leg("stop_loss", order.stop_loss),
    }
    if order.trigger is not None:
        columns |= {
            "trigger_price": order.trigger.price,
            "trigger_by": order.trigger.by,
            "trigger_rises": order.trigger.rises,
        }
    return Asked(
        kind="place",
        instrument=order.instrument,
        reduces=order.reduce_only,
        validity=PROTECTING_VALIDITY if order.reduce_only else HAND_VALIDITY,
        action=action,
        object_kind="order",
        object_id=str(intent_of(order.link_id)),
        columns=columns,
        spends=spends,
    )


def _leg(name: str, leg: Exit | None) -> dict[str, Any]:
    if leg is None:
        return {}
    return {name: leg.trigger_price, f"{name}_by": leg.trigger_by, f"{name}_limit": leg.limit_price}
