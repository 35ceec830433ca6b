"""What the way of an order costs while backtests run: a whole installation, measured in turns (promise O2).

`python -m campaigns.beside BACKTESTS ORDERS` (or `make backtests-beside BACKTESTS=20 ORDERS=300`). ORDERS are placed
while nothing else runs, and ORDERS while BACKTESTS at once are kept running, in ROUNDS turns each, so that what else
the machine does falls on both. An order is a limit order far from the market: from the request until its answer, which
comes once the exchange has acknowledged it; it is cancelled before the next one. Each user's quota is set aside.
The bound is the promise's: the ninety-ninth percentile at most twice that without backtests, and at most 100 ms. The
line tells the machine's load beside. Lives here: the turns and the bound.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from integration.backtests.kit import LONG_SPEC, make_store
from support.installation import Installation, installed, wait_for

P99_TIMES_MAX: Final = 2.0
P99_MS_MAX: Final = 100.0
ROUNDS: Final = 3
_BETWEEN_S: Final = 0.02  # orders come one after the other, as a person's or a bot's do
_LOOK_S: Final = 0.2


@dataclass(slots=True)
class Measured:
    """Milliseconds of each order, and how many backtests ran when it was sent; backtests that ended meanwhile."""

    alone_ms: list[float] = field(default_factory=list)
    beside_ms: list[float] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    finished: int = 0
    failed: int = 0
    load: list[float] = field(default_factory=list)

    def problems(self) -> list[str]:
        alone, beside = percentile(self.alone_ms, 99), percentile(self.beside_ms, 99)
        wrong = []
        if beside > P99_TIMES_MAX * alone:
            wrong.append(f"p99 is {beside:.1f} ms beside backtests and {alone:.1f} ms alone: more than twice")
        if beside > P99_MS_MAX:
            wrong.append(f"p99 is {beside:.1f} ms beside backtests; at most {P99_MS_MAX:.0f} ms are promised")
        if self.failed:
            wrong.append(f"{self.failed} backtests failed")
        return wrong

    def line(self, backtests: int, orders: int) -> str:
        parts = [
            f"{name}_ms p50={percentile(spans, 50):.1f} p99={percentile(spans, 99):.1f} max={max(spans):.1f}"
            for name, spans in (("alone", self.alone_ms), ("beside", self.beside_ms))
        ]
        return (
            f"backtests-beside backtests={backtests} orders={orders} {' '.join(parts)}"
            f" running={min(self.running)}..{max(self.running)} ended={self.finished}"
            f" load={max(self.load):.1f} cores={os.cpu_count()}"
        )


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many per cent are not above."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * percent // 100) - 1)]


def run(backtests: int, orders: int) -> Measured:
    measured = Measured()
    environment = {
        "TRADEWRIGHT_BACKTESTS_AT_ONCE": str(backtests),
        "TRADEWRIGHT_BACKTESTS_PLACE": "last",
        "TRADEWRIGHT_BACKTESTS_WAITING": str(backtests + 4),
        "TRADEWRIGHT_BACKTEST_CPU_S_A_DAY": "8640000",
    }
    with installed(environment=environment) as running:
        make_store(running.home / "data")
        running.claim()
        account = running.account()
        running.widen_limits(account)
        price = str(int(Decimal(running.last_price()) * Decimal("0.8")))
        place(running, account, price)  # the first one opens connections
        for _ in range(ROUNDS):
            each = -(-orders // ROUNDS)
            measured.alone_ms += [place(running, account, price) for _ in range(each)]
            with kept_running(running, backtests, measured) as count:
                for _ in range(each):
                    measured.running.append(count())
                    measured.beside_ms.append(place(running, account, price))
                measured.load.append(os.getloadavg()[0])
    return measured


def place(running: Installation, account: str, price: str) -> float:
    """Milliseconds until the answer says that the exchange has it. It is cancelled afterwards."""
    began_s = time.monotonic()
    intent_id, status, answer = running.limit(account, price)
    spent_ms = 1_000 * (time.monotonic() - began_s)
    assert status == 200, answer
    order_id = running.until(account, intent_id, "working")["order"]["id"]
    running.cancel(account, order_id)
    time.sleep(_BETWEEN_S)
    return spent_ms


@contextlib.contextmanager
def kept_running(running: Installation, backtests: int, measured: Measured) -> Iterator[Any]:
    """So many backtests at once, until the end; then they are cancelled. Gives what counts those that run now."""
    stop, now = threading.Event(), [0]
    live: set[str] = set()

    def keep() -> None:
        while not stop.is_set():
            rows = states(running)
            ended = {one for one in live if rows.get(one, "queued") not in ("queued", "running")}
            for one in ended:
                measured.finished += rows[one] == "finished"
                measured.failed += rows[one] == "failed"
                running.request("POST", f"/api/v1/backtests/{one}/remove", {})
            live.difference_update(ended)
            now[0] = sum(rows.get(one) == "running" for one in live)
            for _ in range(backtests + 2 - len(live)):
                live.add(ask(running))
            stop.wait(_LOOK_S)

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        wait_for(lambda: now[0] == backtests or None, f"{backtests} backtests run")
        yield lambda: now[0]
    finally:
        stop.set()
        keeper.join()
        for one in live:
            running.request("POST", f"/api/v1/backtests/{one}/cancel", {})
        wait_for(lambda: not set(states(running).values()) & {"queued", "running"} or None, "they are cancelled")


def ask(running: Installation) -> str:
    body = {"id": str(uuid.uuid4()), "text": LONG_SPEC}
    status, answer = running.request("POST", "/api/v1/backtests", body)
    assert status == 202, answer
    return str(body["id"])


def states(running: Installation) -> dict[str, str]:
    _, answer = running.request("GET", "/api/v1/backtests?limit=200")
    return {row["id"]: row["state"] for row in answer["backtests"]}


def main(arguments: Sequence[str]) -> int:
    backtests, orders = (int(arguments[0]), int(arguments[1])) if len(arguments) > 1 else (20, 300)
    measured = run(backtests, orders)
    print(measured.line(backtests, orders))
    for problem in measured.problems():
        print(problem)
    return 1 if measured.problems() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
