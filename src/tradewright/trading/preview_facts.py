"""What an account brings to the preview of an order: position, margin, fees, what is available. Read, never written.

Lives here: `PreviewFacts` and its query. Not here: the maths (`core.preview`), the prices (`market`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.core.instrument import Instrument, Side
from tradewright.core.order import FeeRates
from tradewright.core.preview import Holding, Means
from tradewright.core.rule_parts import Standing
from tradewright.trading.queries import require_account, symbol
from tradewright.trading.views import available_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewFacts:
    """`hedged`: two legs are held, None: nobody has looked. `available` is in the coin that an order of this side
    costs; `must_ask`: the exchange should be asked of the symbol's leverage and fees, which are not known or old."""

    held: Holding
    hedged: bool | None
    standing: Standing
    means: Means
    available: Decimal | None
    must_ask: bool


async def preview_facts(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    instrument: Instrument,
    side: Side,
    position_index: int = 0,
) -> PreviewFacts:
    """What is known now, in hedge mode of the leg with that index. Raises `NotFound` for an account of another
    workspace."""
    account = await require_account(connection, workspace_id, account_id)
    known, must_ask = await symbol(connection, workspace_id, account_id, instrument.id)
    found = await connection.execute(
        text(
            "SELECT side, size, entry_price, coalesce(value, size * coalesce(mark_price, entry_price), 0) AS value"
            " FROM positions WHERE account_id = :account AND workspace_id = :workspace AND category = :category"
            " AND symbol = :symbol AND position_index = :index"
        ),
        {
            "index": position_index,
            "account": account_id,
            "workspace": workspace_id,
            "category": instrument.id.category,
            "symbol": instrument.id.symbol,
        },
    )
    row = found.mappings().one_or_none()
    held = Holding() if row is None else Holding(side=row["side"], size=row["size"], entry_price=row["entry_price"])
    leverage = None if known["leverage"] is None else Decimal(known["leverage"])
    fees = None
    if known["maker_rate"] is not None and known["taker_rate"] is not None:
        fees = FeeRates(
            maker=Decimal(known["maker_rate"]), taker=Decimal(known["taker_rate"]), assumed=known["fees_assumed"]
        )
    is_linear = instrument.id.category == "linear"
    was_read = account["reconciled_at"] is not None
    standing = Standing(
        position_side=held.side if is_linear else None,
        position_size=held.size if is_linear and was_read else None,
        position_value=(Decimal(0) if row is None else row["value"]) if is_linear and was_read else None,
        leverage=leverage if is_linear else None,
    )
    means = Means(
        fees=fees,
        leverage=leverage if is_linear else None,
        margin_mode=account["margin_mode"],
        equity=account["total_equity"],
    )
    if is_linear:
        available = account["total_available"]
    else:
        coin = instrument.base_coin if side == "Sell" else instrument.quote_coin
        available = await _available(connection, workspace_id, account_id, coin) if was_read else None
    return PreviewFacts(
        held=held,
        hedged=None if known["position_mode"] is None else known["position_mode"] == "hedge",
        standing=standing,
        means=means,
        available=available,
        must_ask=must_ask,
    )


async def _available(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId, coin: str
) -> Decimal:
    found = await connection.execute(
        text("SELECT * FROM balances WHERE account_id = :account AND workspace_id = :workspace AND coin = :coin"),
        {"account": account_id, "workspace": workspace_id, "coin": coin},
    )
    row = found.mappings().one_or_none()
    return Decimal(0) if row is None else available_of(row)
