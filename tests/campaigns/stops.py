"""How long stopping takes and how long the next worker: a whole installation, measured over rounds (promises O6, O7).

`python -m campaigns.stops ROUNDS` (or `make stops ROUNDS=5`). In each round an account with a dozen orders and a
position is stopped with everything up, with the API dead and with the database dead; then the worker is frozen, and
what counts is when the next one has the account ready. The bounds are those of a machine that is not overloaded, so the
line tells the load too. The truth is the simulated exchange's own REST.
Lives here: the rounds and their bounds. Not here: the tests that hold the same with generous bounds in `make test`
(`integration/test_kill_switch`, `integration/test_harm_and_return`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from integration.test_harm_and_return import serves
from integration.test_kill_switch import command, loaded, open_orders, postmaster, released, size
from support.installation import Installation, installed, wait_for
from tradewright.process.beats import BEAT_EVERY_S

DOWN_MAX_S: Final = 5.0  # from the wish to the last order and position at the exchange
BACK_MAX_S: Final = 30.0  # from the last beat of a worker to the account's being ready under the next
ORDERS: Final = 12
_PATIENCE_S: Final = 180.0
_STOPS: Final = ("up", "api_dead", "database_dead")


@dataclass(slots=True)
class Measured:
    """Seconds of each round: `down` by what was dead, `back` of a frozen worker."""

    down: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in _STOPS})
    back: list[float] = field(default_factory=list)
    load: list[float] = field(default_factory=list)  # of the machine, at the end of each round

    def problems(self) -> list[str]:
        wrong = [
            f"with {name} it took {seconds:.1f} s until nothing was open; at most {DOWN_MAX_S:.0f} s are promised"
            for name, spans in self.down.items()
            for seconds in spans
            if seconds > DOWN_MAX_S
        ]
        return wrong + [
            f"the next worker was ready {seconds:.1f} s after the last beat; at most {BACK_MAX_S:.0f} s are promised"
            for seconds in self.back
            if seconds > BACK_MAX_S
        ]

    def line(self) -> str:
        down = " ".join(f"{name}={max(spans):.1f}" for name, spans in self.down.items())
        return (
            f"stops rounds={len(self.back)} down_s_max: {down} back_s_max={max(self.back):.1f}"
            f" load={max(self.load):.1f} cores={os.cpu_count()}"
        )


def run(rounds: int) -> Measured:
    measured = Measured()
    with installed() as running:
        running.claim()
        running.widen_limits(running.account())
        for _ in range(rounds):
            _round(running, measured)
            measured.load.append(os.getloadavg()[0])
    return measured


def _round(running: Installation, measured: Measured) -> None:
    for name in _STOPS:
        account = _furnish(running)
        measured.down[name].append(_stop(running, account, name))
        wait_for(lambda: serves(running) or None, f"ready after {name}", seconds=_PATIENCE_S)
        wait_for(lambda account=account: loaded(running, account) or None, "the spool is loaded", seconds=_PATIENCE_S)
        wait_for(lambda account=account: released(running, account) or None, "released", seconds=_PATIENCE_S)
    running.account()
    measured.back.append(_freeze(running))


def _furnish(running: Installation) -> str:
    """The account, ready, with resting orders and a position."""
    account = running.account()
    price = int(Decimal(running.last_price()) * Decimal("0.8"))
    resting = [running.limit(account, str(price + step))[0] for step in range(ORDERS)]
    running.until(account, resting[-1], "working")
    bought, _, _ = running.place(account)
    running.until(account, bought, "filled")
    wait_for(lambda: len(open_orders(running)) == ORDERS or None, "all of them are in the book")
    return account


def _stop(running: Installation, account: str, name: str) -> float:
    """Seconds from the wish until the exchange has nothing open; of the command line with its own start."""
    with _dead(running, name), ThreadPoolExecutor(max_workers=1) as beside:
        began_s = time.monotonic()
        asked = beside.submit(_ask_by_command if name == "api_dead" else _ask_by_api, running, account)
        wait_for(
            lambda: (not open_orders(running) and not size(running)) or None,
            f"nothing is open with {name}",
            seconds=_PATIENCE_S,
        )
        spent_s = time.monotonic() - began_s
        asked.result(_PATIENCE_S)
        return spent_s


def _ask_by_command(running: Installation, account: str) -> None:
    code, report = command(running, "--account", account, "--close")
    assert (code, report["reached"]) == (0, "worker"), report


def _ask_by_api(running: Installation, account: str) -> None:
    body = {"scope": "account", "account_id": account, "close_positions": True}
    status, answer = running.request("POST", "/api/v1/kill", body)
    assert (status, answer["reached"]) == (200, "worker"), answer


@contextlib.contextmanager
def _dead(running: Installation, name: str) -> Iterator[None]:
    if name == "up":
        yield
        return
    # While the database is dead the supervisor stands still: it would start it again at once.
    stopped = running.pid_of("api" if name == "api_dead" else "run")
    os.kill(stopped, signal.SIGSTOP)
    try:
        if name == "database_dead":
            os.kill(postmaster(running), signal.SIGKILL)
        yield
    finally:
        os.kill(stopped, signal.SIGCONT)


def _freeze(running: Installation) -> float:
    """Seconds from the last beat, which was at most one beat before the signal, until the account is ready again."""
    began_s = time.monotonic()
    old = running.kill("worker", number=signal.SIGSTOP)
    wait_for(lambda: running.pid_of("worker") != old or None, "another worker", seconds=_PATIENCE_S)
    wait_for(lambda: serves(running) or None, "ready under the next worker", seconds=_PATIENCE_S)
    running.account()
    return time.monotonic() - began_s + BEAT_EVERY_S


def main(arguments: Sequence[str]) -> int:
    measured = run(int(arguments[0]))
    problems = measured.problems()
    for problem in problems:
        print(problem, file=sys.stderr)
    print(measured.line())
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
