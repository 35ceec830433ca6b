"""The simulated exchange as the ledger reads it, without sockets: real rows of real endpoints through the real codecs.

Lives here: `LedgerExchange`, a `LedgerGateway` on one engine; `spoil` changes rows on their way. Not here: HTTP itself
(`contract/test_ledger_on_simulator.py` goes through it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog

from tradewright.core.clock import from_milliseconds
from tradewright.core.errors import ExchangeUnavailable, Trace
from tradewright.core.order import Execution, RemotePosition, Wallet
from tradewright.core.transactions import ClosedPnl, Transaction
from tradewright.exchange.bybit import account, ledger_reads
from tradewright.exchange.bybit.orders import CATEGORIES, BybitOrderGateway
from tradewright.exchange.bybit.rest import Params, Reply
from tradewright.exchange.ports import ApiKey, Endpoints
from tradewright.simulator.faults.visibility import Visibility
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.rest.account import AccountEndpoints
from tradewright.simulator.rest.calls import Answer, Call
from tradewright.simulator.rest.past import PastEndpoints
from tradewright.simulator.rest.position import PositionEndpoints
from tradewright.simulator.rest.trade import TradeEndpoints
from tradewright.system import SystemClock

Row = dict[str, Any]
Spoil = Callable[[str, list[Row]], list[Row]]  # of a path's rows what is told instead


class LedgerExchange:
    """`wall_ms` is the exchange's clock. `down` refuses every read."""

    categories = CATEGORIES

    def __init__(self, engine: Engine, wall_ms: Callable[[], int]) -> None:
        self._wall_ms = wall_ms
        self.spoil: Spoil = lambda _path, rows: rows
        self.down = False
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        endpoints = [
            *PastEndpoints(engine).all(),
            *AccountEndpoints(engine).all(),
            *PositionEndpoints(engine).all(),
            *TradeEndpoints(engine, Visibility(), started_ms=0, memory_ms=None).all(),
        ]
        self._endpoints = {(each.method, each.path): each for each in endpoints}
        self.server_clock = self
        self._log = structlog.get_logger()
        self._orders = BybitOrderGateway(_nowhere, ApiKey("key", "secret"), clock=SystemClock(), log=self._log)
        self._orders._rest = self  # type: ignore[assignment]

    async def read(self, path: str, params: Params = (), *, signed: bool = False) -> Reply:
        if self.down:
            raise ExchangeUnavailable("the exchange is away", Trace())
        query = dict(params)
        self.asked.append((path, query))
        answer = self._endpoints["GET", path].handle(Call(params=dict(query), now_ms=self._wall_ms(), key=None))
        result = answer.result if isinstance(answer, Answer) else answer
        assert isinstance(result, dict)
        result = {**result, "list": self.spoil(path, result["list"])}
        return Reply(msgspec.Raw(msgspec.json.encode(result)), Trace(), str(self._wall_ms()))

    async def now(self) -> datetime:
        return from_milliseconds(self._wall_ms())

    async def server_time(self) -> datetime:
        return await self.now()

    async def transaction_log(self, since: datetime) -> Sequence[Transaction]:
        return await ledger_reads.transactions(self, self._log, since)  # type: ignore[arg-type]

    async def closed_pnl(self, since: datetime) -> Sequence[ClosedPnl]:
        return await ledger_reads.closed(self, self._log, since)  # type: ignore[arg-type]

    async def wallet(self) -> Wallet:
        return await account.wallet(self, self._log)  # type: ignore[arg-type]

    async def executions(self, since: datetime) -> Sequence[Execution]:
        return await self._orders.executions(since)

    async def positions(self) -> Sequence[RemotePosition]:
        return await self._orders.positions()


def _nowhere() -> Endpoints:
    raise AssertionError("nothing here goes through a socket")
