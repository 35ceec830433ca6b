"""The wallet row, the same in account/wallet-balance and on the wallet stream.

Lives here: account totals in USD and one entry per coin. Not here: margin itself (`margin`). Play USDT is worth one
dollar. Every coin counts in the equity; only the collateral counts in the margin balance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from tradewright.simulator.accounts.account import Coin
from tradewright.simulator.accounts.margin import COLLATERAL, MarginView, rounded
from tradewright.simulator.accounts.positions import ZERO
from tradewright.simulator.texts import plain


def wallet_row(
    coins: Iterable[Coin],
    margin: MarginView,
    *,
    locked: Mapping[str, Decimal],
    usd_price: Callable[[str], Decimal],
) -> dict[str, Any]:
    """`locked` is what spot orders keep, by coin; `usd_price` gives a coin's worth in dollars, 0 when unknown. Rates
    are fractions of the margin balance.
    """
    held = list(coins)
    wallet_usd = sum((rounded(coin.balance * usd_price(coin.coin)) for coin in held), ZERO)
    return {
        "accountType": "UNIFIED",
        "accountIMRate": _rate(margin.initial, margin.equity),
        "accountIMRateByMp": _rate(margin.initial, margin.equity),
        "accountMMRate": _rate(margin.maintenance, margin.equity),
        "accountMMRateByMp": _rate(margin.maintenance, margin.equity),
        "accountLTV": "0",
        "totalEquity": plain(wallet_usd + margin.unrealised),
        "totalWalletBalance": plain(wallet_usd),
        "totalMarginBalance": plain(margin.equity),
        "totalAvailableBalance": plain(max(margin.available, ZERO)),
        "totalPerpUPL": plain(margin.unrealised),
        "totalInitialMargin": plain(margin.initial),
        "totalInitialMarginByMp": plain(margin.initial),
        "totalMaintenanceMargin": plain(margin.maintenance),
        "totalMaintenanceMarginByMp": plain(margin.maintenance),
        "coin": [_coin(coin, margin, locked.get(coin.coin, ZERO), usd_price(coin.coin)) for coin in held],
    }


def _coin(coin: Coin, margin: MarginView, locked: Decimal, price: Decimal) -> dict[str, Any]:
    """`availableToWithdraw` stays "": the real one is dead, and a stale figure there misleads clients."""
    settles = coin.coin == "USDT"
    unrealised = margin.unrealised if settles else ZERO
    equity = coin.balance + unrealised
    return {
        "coin": coin.coin,
        "equity": plain(equity),
        "usdValue": plain(rounded(equity * price)),
        "walletBalance": plain(coin.balance),
        "free": "",
        "locked": plain(locked),
        "spotHedgingQty": "0",
        "borrowAmount": plain(max(-coin.balance, ZERO)),  # losses beyond the coin's own balance
        "spotBorrow": "0",
        "accruedInterest": "0",
        "availableToBorrow": "",
        "availableToWithdraw": "",
        "totalOrderIM": plain(margin.order_initial) if settles else "0",
        "totalPositionIM": plain(margin.position_initial) if settles else "0",
        "totalPositionMM": plain(margin.maintenance) if settles else "0",
        "unrealisedPnl": plain(unrealised),
        "cumRealisedPnl": plain(coin.realised),
        "bonus": "0",
        "marginCollateral": coin.coin in COLLATERAL,
        "collateralSwitch": coin.coin in COLLATERAL,
        "colRes": "-1",
    }


def _rate(part: Decimal, whole: Decimal) -> str:
    return plain((part / whole).quantize(Decimal("0.0001"))) if whole > 0 else "0"
