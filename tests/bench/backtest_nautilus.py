"""nautilus_trader's backtest of what `backtest_peers.py` runs: `python backtest_nautilus.py CANDLES [once]`.

Asked and answering as `backtest_peers.py`; signals are worked out before its loop, inside what is timed. Orders fill at
the close that decided them and not at the next open: bars are the same, prices those of the closes before them.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

from backtest_peers import CASH, FEE, answer, candles, signals, told
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("BYBIT")
_MINUTE_NS = 60_000_000_000


def instrument() -> CryptoPerpetual:
    return CryptoPerpetual(
        instrument_id=InstrumentId(Symbol("BTCUSDT"), VENUE),
        raw_symbol=Symbol("BTCUSDT"),
        base_currency=BTC,
        quote_currency=USDT,
        settlement_currency=USDT,
        is_inverse=False,
        price_precision=2,
        size_precision=3,
        price_increment=Price.from_str("0.01"),
        size_increment=Quantity.from_str("0.001"),
        margin_init=Decimal("0.01"),
        margin_maint=Decimal("0.005"),
        maker_fee=Decimal(str(FEE)),
        taker_fee=Decimal(str(FEE)),
        ts_event=0,
        ts_init=0,
    )


class Cross(Strategy):
    def __init__(self, traded: CryptoPerpetual, kind: BarType, frame: Any) -> None:
        super().__init__()
        self._traded, self._kind, self._frame = traded, kind, frame
        self._bar = -1
        self.fills: list[tuple[int, float]] = []

    def on_start(self) -> None:
        self._enter, self._leave = signals(self._frame["Close"])
        self._unit = self._traded.make_qty(1)
        self.subscribe_bars(self._kind)

    def on_bar(self, bar: Bar) -> None:
        self._bar += 1
        is_held = len(self.fills) % 2 == 1
        if (self._leave if is_held else self._enter)[self._bar]:
            side = OrderSide.SELL if is_held else OrderSide.BUY
            self.submit_order(self.order_factory.market(self._traded.id, side, self._unit))

    def on_order_filled(self, event: Any) -> None:
        self.fills.append((self._bar + 1, float(event.last_px)))


def of_nautilus(frame: Any) -> Any:
    traded = instrument()
    kind = BarType.from_str(f"{traded.id}-1-MINUTE-LAST-EXTERNAL")
    columns = frame[["Open", "High", "Low", "Close"]].rename(columns=str.lower).assign(volume=1e6)  # all of it fills
    bars = BarDataWrangler(kind, traded).process(columns.tz_localize("UTC"), ts_init_delta=_MINUTE_NS)

    def run() -> list[list[float]]:
        engine = BacktestEngine(
            BacktestEngineConfig(trader_id=TraderId("BENCH-001"), logging=LoggingConfig(bypass_logging=True))
        )
        engine.add_venue(
            venue=VENUE,
            oms_type=OmsType.NETTING,
            account_type=AccountType.MARGIN,
            base_currency=None,
            starting_balances=[Money(CASH, USDT)],
        )
        engine.add_instrument(traded)
        engine.add_data(bars)
        strategy = Cross(traded, kind, frame)
        engine.add_strategy(strategy)
        engine.run()
        fills = strategy.fills
        engine.dispose()
        return [told(*one, *other) for one, other in zip(fills[::2], fills[1::2], strict=False)]

    return run


if __name__ == "__main__":
    answer(of_nautilus(candles(sys.argv[1])))
