"""A bot on a whole installation whose market is a replay that moves only when the test says so.

Lives here: a run from rows, moving the market point by point until everybody agrees on the last one, and what the run
told. Not here: starting the installation (`support.installation`).
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from support.installation import PATIENCE_S, Installation, installed, wait_for
from support.strategy_series import series
from tradewright.backtest.engine import run as backtest
from tradewright.backtest.result import Trade
from tradewright.backtest.settings import Settings
from tradewright.core.money import plain
from tradewright.strategy.check import check_text
from tradewright.strategy.prices import Filters

ROOT = Path(__file__).parents[3]
SAMPLE = "btcusdt-linear-1m-sample.csv.gz"
MINUTE_MS = 60_000
POINTS = 4  # of a bar: open, the two ends, close
POINT_S = 15
HISTORY_BARS = 1_500  # before the replay begins


class BotHome:
    """An installation, one account, and the runs that are put into its tables."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        installation.claim()
        installation.exchange_control("POST", "/sim/market", {"do": "pause"})
        self.account = installation.account()
        installation.widen_limits(self.account)

    # The database.

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        url = json.loads((self.installation.home / "database.json").read_text())["url"]
        with psycopg.connect(url, row_factory=dict_row, autocommit=True) as connection:
            yield connection

    def ask(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        with self.database() as connection:
            return connection.execute(sql, values).fetchall()

    def start(
        self,
        text: str,
        *,
        capital: str = "10000",
        max_loss: str = "5000",
        minutes: int = 600,
        at_end: str = "keep",
        max_position: str | None = None,
    ) -> uuid.UUID:
        """A run that was admitted this moment, as the commands and admission would leave it."""
        checked = check_text(text)
        assert checked.strategy is not None, checked.errors
        strategy, bot, spec, version, run = (uuid.uuid4() for _ in range(5))
        market = checked.strategy.market
        with self.database() as connection, connection.transaction():
            home = connection.execute(
                "SELECT a.workspace_id, u.id AS user_id FROM accounts a, users u WHERE a.id = %s", (self.account,)
            ).fetchone()
            assert home is not None
            workspace, user, now = home["workspace_id"], home["user_id"], datetime.now(UTC)
            connection.execute(
                "INSERT INTO strategies (id, workspace_id, name, created_by, created_at) VALUES (%s,%s,%s,%s,%s)",
                (strategy, workspace, checked.strategy.name, user, now),
            )
            connection.execute(
                "INSERT INTO spec_versions (id, workspace_id, strategy_id, number, text, sha256, name, author_kind,"
                " created_by, created_at) VALUES (%s,%s,%s,1,%s,%s,%s,'user',%s,%s)",
                (spec, workspace, strategy, text, checked.strategy.sha256, checked.strategy.name, user, now),
            )
            connection.execute(
                "INSERT INTO bots (id, workspace_id, name, state, current_version, created_by, created_at, updated_at)"
                " VALUES (%s,%s,%s,'ready',1,%s,%s,%s)",
                (bot, workspace, f"bot {bot}", user, now, now),
            )
            limits = {"max_loss": max_loss, "max_position": max_position, "max_orders_a_minute": 600}
            connection.execute(
                "INSERT INTO bot_versions (id, workspace_id, bot_id, number, spec_version_id, params, account_id,"
                " category, symbol, capital, limits, duration_ms, at_end, created_by, created_at)"
                " VALUES (%s,%s,%s,1,%s,'{}',%s,%s,%s,%s,%s,%s,%s,%s,%s)",
                (
                    version,
                    workspace,
                    bot,
                    spec,
                    self.account,
                    market.category,
                    market.symbol,
                    Decimal(capital),
                    Jsonb(limits),
                    minutes * MINUTE_MS,
                    at_end,
                    user,
                    now,
                ),
            )
            connection.execute(
                "INSERT INTO runs (id, workspace_id, bot_id, bot_version_id, number, account_id, environment, category,"
                " symbol, timeframe, state, started_by, created_at, admitted_at, duration_ms)"
                " VALUES (%s,%s,%s,%s,1,%s,'sim',%s,%s,%s,'starting',%s,%s,%s,%s)",
                (
                    run,
                    workspace,
                    bot,
                    version,
                    self.account,
                    market.category,
                    market.symbol,
                    market.timeframe,
                    user,
                    now,
                    now,
                    minutes * MINUTE_MS,
                ),
            )
            connection.execute("SELECT pg_notify('runs', %s)", (str(run),))
        return run

    def wish(self, run: uuid.UUID, **changes: Any) -> None:
        """As a command would: the columns of the row, and the hint."""
        columns = ", ".join(f"{name} = %({name})s" for name in changes)
        with self.database() as connection:
            connection.execute(f"UPDATE runs SET {columns} WHERE id = %(id)s", {**changes, "id": run})
            connection.execute("SELECT pg_notify('runs', %s)", (str(run),))

    # What is known of a run.

    def row(self, run: uuid.UUID) -> dict[str, Any]:
        return self.ask("SELECT * FROM runs WHERE id = %(run)s", run=run)[0]

    def until(self, run: uuid.UUID, *states: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            row = self.row(run)
            return row if row["state"] in states else None

        return wait_for(look, f"the run is {states}: {self.row(run)['state']} {self.events(run)[-5:]}")

    def events(self, run: uuid.UUID, *kinds: str) -> list[dict[str, Any]]:
        rows = self.ask("SELECT * FROM run_events WHERE run_id = %(run)s ORDER BY seq", run=run)
        return [row for row in rows if not kinds or row["kind"] in kinds]

    def trades(self, run: uuid.UUID) -> list[dict[str, Any]]:
        rows = self.ask("SELECT payload FROM run_trades WHERE run_id = %(run)s ORDER BY number", run=run)
        return [row["payload"] for row in rows]

    def position(self) -> Decimal:
        """At the exchange, signed."""
        rows = self.installation.exchange_get("/v5/position/list", category="linear", symbol="BTCUSDT")["list"]
        size = Decimal(rows[0]["size"] or "0") if rows else Decimal(0)
        return -size if rows and rows[0]["side"] == "Sell" else size

    def open_orders(self) -> list[dict[str, Any]]:
        found = self.installation.exchange_get("/v5/order/realtime", category="linear", symbol="BTCUSDT")["list"]
        return list(found)

    # The market.

    def now_ms(self) -> int:
        return int(self.installation.exchange_control("GET", "/sim/clock")["market_now_ms"])

    def step(self, seconds: int) -> int:
        """The market goes on by so much; returns its time."""
        answer = self.installation.exchange_control("POST", "/sim/market", {"do": "step", "seconds": seconds})
        return int(answer["market_now_ms"])

    def to_bar(self) -> None:
        """To the open of the next bar, so that points lie where the replay has them."""
        rest_ms = -self.now_ms() % MINUTE_MS
        if rest_ms:
            self.step(-(-rest_ms // 1_000))

    def play(self, run: uuid.UUID, bars: int, *, also: Callable[[], None] | None = None) -> None:
        """So many bars, point by point; at each everybody has done what follows from the one before."""
        for _ in range(bars * POINTS):
            now_ms = self.step(POINT_S)
            self.settle(run, now_ms)
            if also is not None:
                also()

    def settle(self, run: uuid.UUID, now_ms: int) -> None:
        """Until the run has decided on every bar that has closed, and nothing that it asked is under way."""
        closed_ms = now_ms // MINUTE_MS * MINUTE_MS - MINUTE_MS
        deadline, quiet = time.monotonic() + PATIENCE_S, 0
        while quiet < 2:
            with self.database() as connection:
                found = connection.execute(_UNSETTLED, {"run": run, "closed": closed_ms}).fetchone()
            assert found is not None
            quiet = quiet + 1 if not any(found.values()) else 0
            if time.monotonic() > deadline:
                raise AssertionError(f"the run does not settle at {now_ms}: {found} {self.events(run)[-6:]}")
            time.sleep(0.03)

    # The measure.

    def expected(self, run: uuid.UUID, text: str) -> list[Trade]:
        """The trades of the fast backtest over the bars of the run that were decided on, but for one that is open."""
        row = self.row(run)
        strategy = check_text(text).strategy
        assert strategy is not None
        first = min(event["payload"]["open_ms"] for event in self.events(run, "bar"))
        candles = series(SAMPLE)
        after = int(row["bar_open_ms"]) + 2 * MINUTE_MS
        keep = (candles.open_time_ms >= row["anchor"][strategy.market.timeframe]) & (candles.open_time_ms < after)
        from dataclasses import fields, replace

        columns = {
            one.name: getattr(candles, one.name)[keep] for one in fields(candles) if one.name not in ("timeframe",)
        }
        settings = Settings(
            slippage_bps=Decimal(0), from_ms=first, filters=self.filters(), equity=Decimal(row_capital(self, run))
        )
        found = backtest(strategy, replace(candles, **columns), settings)
        return [trade for trade in found.trades if trade.exit_reason != "end_of_data"]

    def filters(self) -> Filters:
        status, answer = self.installation.request("GET", "/api/v1/instruments?category=linear")
        assert status == 200, answer
        found = next(row for row in answer["instruments"] if row["symbol"] == "BTCUSDT")
        return Filters(
            tick_size=Decimal(found["tick_size"]),
            quantity_step=Decimal(found["quantity_step"]),
            min_quantity=Decimal(found["min_quantity"]),
            min_notional=Decimal(found["min_notional"]),
        )


_UNSETTLED = """
SELECT (SELECT count(*) FROM intents i WHERE i.run_id = %(run)s
           AND (i.state IN ('proposed', 'approved', 'sending', 'unknown')
                OR (i.state = 'acknowledged' AND i.kind = 'exits' AND i.applied_at IS NULL)
                OR (i.state = 'acknowledged' AND i.kind = 'place' AND i.order_type = 'Market'
                    AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.intent_id = i.id
                                       AND o.state IN ('filled', 'cancelled', 'rejected'))))) AS asked,
       (SELECT count(*) FROM runs r WHERE r.id = %(run)s AND r.ended_at IS NULL
           AND (r.bar_open_ms IS NULL OR r.bar_open_ms < %(closed)s)) AS undecided,
       (SELECT count(*) FROM executions e JOIN runs r ON r.id = %(run)s AND r.account_id = e.account_id
         WHERE e.recorded_at >= r.began_at AND e.exec_type = 'Trade' AND r.ended_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM run_events v WHERE v.run_id = r.id AND v.kind = 'fill'
                              AND v.payload->>'exec_id' = e.exec_id)) AS untold,
       (SELECT count(*) FROM run_events v WHERE v.run_id = %(run)s AND v.kind = 'intent'
           AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.id = v.intent_id)
           AND NOT EXISTS (SELECT 1 FROM run_events w WHERE w.run_id = v.run_id AND w.caused_by = v.seq)) AS unwritten,
       (SELECT count(*) FROM runs r WHERE r.id = %(run)s AND r.ended_at IS NULL
           AND (r.memory #>> '{machine,held,exit_reason}' IS NOT NULL
                OR r.memory #> '{machine,entries}' @> '[{"is_asked": false}]'
                OR r.memory #> '{machine,steps}' @> '[{"is_asked": false}]'
                OR r.memory #> '{machine,steps}' @> '[{"is_cancelled": true}]'
                OR r.memory #> '{machine,cells}' @> '[{"is_wanted": true, "is_asked": false}]'
                OR r.memory #> '{machine,cells}' @> '[{"is_asked": true, "is_cancelled": true}]')) AS wanted,
       (SELECT count(*) FROM runs r, positions p
         WHERE r.id = %(run)s AND p.account_id = r.account_id AND p.symbol = r.symbol AND r.ended_at IS NULL
           AND r.state <> 'stopping' AND r.totals->'position'->>'stop' IS NOT NULL
           AND (p.size = 0 OR p.stop_loss IS DISTINCT FROM CAST(r.totals->'position'->>'stop' AS numeric)
                OR p.take_profit <> CAST(r.totals->'position'->>'target' AS numeric))) AS bare
"""


def row_capital(home: BotHome, run: uuid.UUID) -> Decimal:
    found = home.ask(
        "SELECT v.capital FROM bot_versions v JOIN runs r ON r.bot_version_id = v.id WHERE r.id = %(run)s", run=run
    )
    return Decimal(found[0]["capital"])


def told(trade: Trade) -> dict[str, Any]:
    """A backtest's trade as a run tells its own, without money."""
    return {
        "side": "long" if trade.direction > 0 else "short",
        "qty": plain(trade.quantity),
        "entry_time": trade.entry_time_ms,
        "entry_price": plain(trade.entry_price),
        "exit_time": trade.exit_time_ms,
        "exit_price": plain(trade.exit_price),
        "exit_reason": trade.exit_reason,
        "bars": trade.bars,
    }


@contextmanager
def bot_home(*, environment: dict[str, str] | None = None) -> Iterator[BotHome]:
    replay = f"replay:{ROOT / 'tests/data' / SAMPLE}@linear:BTCUSDT"
    with installed("--market", replay, environment=environment) as installation:
        yield BotHome(installation)
