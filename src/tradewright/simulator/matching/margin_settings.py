"""What an account may change about its margin: leverage, margin mode, the margin of one isolated position.

Lives here: the rules of each change and its events. Not here: what margin is (`accounts.margin`, `accounts.isolated`),
reading the commands (`commands`, `rest.margins`).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import get_args

from tradewright.simulator.accounts import isolated, needs
from tradewright.simulator.accounts.events import (
    AutoMarginSet,
    LeverageSet,
    MarginMode,
    MarginModeSet,
    MarginMoved,
    PositionIndex,
)
from tradewright.simulator.accounts.positions import ZERO, Position
from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.market.model import Listing
from tradewright.simulator.market.risk_tiers import tier_at
from tradewright.simulator.matching.commands import SetLeverage
from tradewright.simulator.matching.ledger import Ledger
from tradewright.simulator.texts import plain

INDEXES: tuple[PositionIndex, ...] = get_args(PositionIndex)


def set_leverage(ledger: Ledger, command: SetLeverage, *, hedged: bool) -> None:
    """Set it for every position of the listing; the two legs of hedge mode may differ in isolated margin.

    Raises `ApiError` 10001 if the two sides differ where they must not, 110043 if nothing changes, 110013 above what
    the risk tier of the position and its orders allows, 110007 if the margin does not cover a lower leverage, 110011
    if a higher one would liquidate an isolated position at once.
    """
    sell = command.leverage if command.sell_leverage is None else command.sell_leverage
    is_isolated = ledger.account.margin_mode == "ISOLATED_MARGIN"
    if sell != command.leverage and not (hedged and is_isolated):
        raise bad_parameter("buy leverage must equal sell leverage in one-way mode and in cross margin")
    wanted = {index: sell if index == 2 else command.leverage for index in ((1, 2) if hedged else (0,))}
    legs = [ledger.account.position(command.symbol, index) for index in INDEXES if index in wanted]
    if all(leg.leverage == wanted[leg.index] for leg in legs):
        raise ApiError(RetCode.LEVERAGE_UNCHANGED, "leverage not modified")
    changed = [replace(leg, leverage=wanted[leg.index]) for leg in legs]
    for leg in changed:
        _check_tier(ledger, leg)
    after = ledger.margin_of({**ledger.account.positions, **{leg.key: leg for leg in changed}})
    lower = any(wanted[leg.index] < leg.leverage for leg in legs)
    if lower and after.free(ledger.specs[command.symbol].settle_coin) < 0:
        raise ApiError(RetCode.NOT_ENOUGH_MARGIN, "ab not enough for new leverage")
    if is_isolated and any(_is_liquidated(ledger, leg) for leg in changed):
        raise ApiError(RetCode.WOULD_LIQUIDATE, "Liquidation will be triggered immediately by this adjustment")
    if sell == command.leverage:  # so that the modes agree, whichever comes next
        known = [index for index in INDEXES if not index or (command.symbol, index) in ledger.account.positions]
        wanted |= dict.fromkeys(known, sell)
    at = ledger.moment()
    ledger.commit(
        [
            LeverageSet(symbol=command.symbol, leverage=wanted[index], position_index=index, at=at)
            for index in INDEXES
            if index in wanted
        ]
    )


def set_margin_mode(ledger: Ledger, mode: MarginMode) -> None:
    """Cross or isolated margin for the whole account; the present one is a success that changes nothing.

    Raises `ApiError` 3400045 with its reasons while there are positions or orders, or a coin is owed. Which of them
    Bybit would let pass is not verified.
    """
    account = ledger.account
    if mode == account.margin_mode:
        return
    reasons = []
    if any(position.size for position in account.positions.values()):
        reasons.append("There are open positions.")
    if account.has_live_orders:
        reasons.append("There are active orders.")
    if any(held.balance < 0 for held in account.coins.values()):
        reasons.append("There are liabilities.")
    if reasons:
        raise margin_mode_refused(*reasons)
    ledger.commit([MarginModeSet(mode=mode, at=ledger.moment())])


def margin_mode_refused(*reasons: str) -> ApiError:
    """3400045. Bybit gives each reason a code of its own; they are not documented, so it is the same here."""
    code = str(int(RetCode.MARGIN_MODE_FAILED))
    rows = [{"reasonCode": code, "reasonMsg": reason} for reason in reasons]
    return ApiError(RetCode.MARGIN_MODE_FAILED, "Set margin mode failed", result={"reasons": rows})


def add_margin(ledger: Ledger, listing: Listing, index: PositionIndex, amount: Decimal) -> None:
    """Add to what an isolated position has (settle coin), or take away from what was added (negative).

    Raises `ApiError` 110015 in cross margin, 110034 without a position, 110027 for nothing, 110014 if the wallet has
    not got it, 110011 if more is taken than was added or the position would be liquidated.
    """
    position = ledger.account.position(listing, index)
    if ledger.account.margin_mode != "ISOLATED_MARGIN":
        raise ApiError(RetCode.CROSS_POSITION, "The position is in cross margin mode")
    if not position.size:
        raise ApiError(RetCode.NO_POSITION, "There is no net position")
    if not amount:
        raise ApiError(RetCode.MARGIN_UNCHANGED, "Margin is not modified")
    settles = ledger.specs[listing].settle_coin
    free = ledger.margin_now().free(settles)
    if amount > free:
        raise ApiError(
            RetCode.NOT_ENOUGH_TO_ADD,
            f"Insufficient available balance to add additional margin: {plain(max(free, ZERO))} {settles} are free.",
        )
    changed = replace(position, added_margin=position.added_margin + amount)
    if changed.added_margin < 0 or _is_liquidated(ledger, changed):
        raise ApiError(RetCode.WOULD_LIQUIDATE, "Liquidation will be triggered immediately by this adjustment")
    ledger.commit([MarginMoved(symbol=listing, position_index=index, amount=amount, at=ledger.moment())])


def set_auto_add_margin(ledger: Ledger, listing: Listing, index: PositionIndex, *, on: bool) -> None:
    """Whether an isolated position takes margin from the wallet before it is liquidated.

    Raises `ApiError` 110076 in cross margin. The present state is a success that changes nothing.
    """
    if ledger.account.margin_mode != "ISOLATED_MARGIN":
        raise ApiError(RetCode.ONLY_ISOLATED, "Only isolated mode can set auto-add-margin")
    if ledger.account.position(listing, index).adds_margin != on:
        ledger.commit([AutoMarginSet(symbol=listing, position_index=index, on=on, at=ledger.moment())])


def _check_tier(ledger: Ledger, position: Position) -> None:
    """Whether a position and its orders may have this leverage."""
    terms = ledger.terms(position.symbol)
    listed = ledger.account.live.listed_of(position.key)
    value = max(needs.exposure(listed, position, side, terms.mark_price) for side in ("Buy", "Sell"))
    tier = tier_at(terms.tiers, value)
    if position.leverage > tier.max_leverage:
        raise ApiError(
            RetCode.LEVERAGE_OUT_OF_RANGE,
            f"Cannot set leverage due to risk limit level: {plain(value)} {terms.spec.settle_coin} allow up to "
            f"{plain(tier.max_leverage)}, not {plain(position.leverage)}.",
        )


def _is_liquidated(ledger: Ledger, position: Position) -> bool:
    """Whether an isolated position would be at its liquidation price."""
    terms = ledger.terms(position.symbol)
    if not position.size or not terms.tiers:
        return False
    price = isolated.liquidation_price(position, tier_at(terms.tiers, position.cost))
    return isolated.is_reached(position, price, terms.mark_price)
