"""The wallet row, the same in account/wallet-balance and on the wallet stream.

Lives here: account totals in USD and one entry per coin. Not here: margin itself (`margin`).
Every coin counts in the equity and in the margin balance; the haircut is taken off what is available. In isolated
margin the rates and sums over the account mean nothing and are "", as Bybit allows.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from tradewright.simulator.accounts.account import Coin
from tradewright.simulator.accounts.collateral import ratio_of
from tradewright.simulator.accounts.margin import MarginView, rounded
from tradewright.simulator.accounts.positions import ZERO
from tradewright.simulator.accounts.settings import Settings, borrowed, is_collateral
from tradewright.simulator.texts import plain

NO_SETTINGS: Final[Settings] = MappingProxyType({})
_CROSS_ONLY = (
    "accountIMRate",
    "accountIMRateByMp",
    "accountMMRate",
    "accountMMRateByMp",
    "totalMarginBalance",
    "totalAvailableBalance",
    "totalInitialMargin",
    "totalInitialMarginByMp",
    "totalMaintenanceMargin",
    "totalMaintenanceMarginByMp",
)


def wallet_row(coins: Iterable[Coin], margin: MarginView, settings: Settings = NO_SETTINGS) -> dict[str, Any]:
    """Rates are fractions of the margin balance less the haircut. A coin's wallet balance has what is borrowed in it,
    the account's has not.
    """
    initial_rate, maintenance_rate = _rate(margin.initial, margin.backing), _rate(margin.maintenance, margin.backing)
    initial, maintenance = plain(rounded(margin.initial)), plain(rounded(margin.maintenance))
    row = {
        "accountType": "UNIFIED",
        "accountIMRate": initial_rate,
        "accountIMRateByMp": initial_rate,
        "accountMMRate": maintenance_rate,
        "accountMMRateByMp": maintenance_rate,
        "accountLTV": "0",
        "totalEquity": plain(rounded(margin.equity)),
        "totalWalletBalance": plain(rounded(margin.wallet)),
        "totalMarginBalance": plain(rounded(margin.balance)),
        "totalAvailableBalance": plain(rounded(max(margin.available, ZERO))),
        "totalPerpUPL": plain(rounded(margin.unrealised)),
        "totalInitialMargin": initial,
        "totalInitialMarginByMp": initial,
        "totalMaintenanceMargin": maintenance,
        "totalMaintenanceMarginByMp": maintenance,
        "coin": [_coin(coin, margin, settings) for coin in coins],
    }
    if margin.mode == "ISOLATED_MARGIN":
        row |= dict.fromkeys(_CROSS_ONLY, "")
    return row


def _coin(coin: Coin, margin: MarginView, settings: Settings) -> dict[str, Any]:
    """`availableToWithdraw` stays "": the real one is dead, and a stale figure there misleads clients."""
    part = margin.coin(coin.coin)
    debt = borrowed(settings, coin.coin)
    return {
        "coin": coin.coin,
        "equity": plain(part.equity),
        "usdValue": plain(rounded(part.equity * part.price)),
        "walletBalance": plain(coin.balance + debt),
        "free": "",
        "locked": plain(part.locked),
        "spotHedgingQty": "0",
        "borrowAmount": plain(max(-coin.balance, debt)),  # also losses beyond the coin's own balance
        "spotBorrow": plain(debt),
        "accruedInterest": "0",
        "availableToBorrow": "",
        "availableToWithdraw": "",
        "totalOrderIM": plain(part.order_initial),
        "totalPositionIM": plain(part.position_initial),
        "totalPositionMM": plain(part.maintenance),
        "unrealisedPnl": plain(part.unrealised),
        "cumRealisedPnl": plain(coin.realised),
        "bonus": "0",
        "marginCollateral": ratio_of(coin.coin) > 0,
        "collateralSwitch": is_collateral(settings, coin.coin),
        "colRes": "-1",
    }


def _rate(part: Decimal, whole: Decimal) -> str:
    return plain((part / whole).quantize(Decimal("0.0001"))) if whole > 0 else "0"
