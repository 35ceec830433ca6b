"""The simulated exchange as a process of its own, for clients of others that run threads or processes themselves.

Lives here: starting and ending it, its control endpoints. Not here: any client of it.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

PATIENCE_S = 60.0
KEY, SECRET = "client-key", "client-secret"
FUNDS = ("USDT=1000000", "USDC=1000000", "BTC=20", "ETH=200")
# Budgets of calls a hundred times Bybit's, for tests that are about something else.
UNHURRIED = ("--limit-factor", "100", "--ip-limit", "0")


@dataclass(frozen=True, slots=True)
class ExchangeProcess:
    """A running exchange. `ready` is the line it printed: `rest`, `ws_public`, `ws_private`, `ws_trade`, …"""

    ready: dict[str, Any]
    key: str = KEY

    @property
    def rest(self) -> str:
        return str(self.ready["rest"])

    def pause(self) -> None:
        """The market stands still from now on: what two calls tell can be compared. Orders still happen."""
        self.move(do="pause")

    def resume(self) -> None:
        self.move(do="resume")

    def step(self, *, seconds: float) -> None:
        """A paused market goes on by so much market time and stands still again."""
        self.move(do="step", seconds=seconds)

    def jump(self, coin: str, fraction: str) -> None:
        """All listings of a coin move by this fraction at once; it shows in the trades to come."""
        self._post("/sim/faults", {"kind": "price_jump", "base_coin": coin, "fraction": fraction})

    def move(self, **command: Any) -> dict[str, Any]:
        return self._post("/sim/market", command)

    def _post(self, path: str, command: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            self.rest + path,
            data=json.dumps(command).encode(),
            headers={"X-Sim-Key": self.key, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return dict(json.loads(answer.read()))


def exchange_process(*options: str, funds: Sequence[str] = FUNDS) -> contextlib.AbstractContextManager[ExchangeProcess]:
    """The exchange with money of several coins and the keys that the suites have."""
    command = [sys.executable, "-m", "tradewright.simulator", "--port", "0", "--key", KEY, "--secret", SECRET]
    return started([*command, *(part for fund in funds for part in ("--fund", fund)), *options])


@contextlib.contextmanager
def started(command: Sequence[str]) -> Iterator[ExchangeProcess]:
    """Runs until the block ends. What it says on its error stream is shown when it does not end well."""
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, f"the exchange did not start: {_text(errors)}"
            yield ExchangeProcess(json.loads(line), key=command[command.index("--key") + 1])
        finally:
            alive = process.poll() is None
            process.terminate()
            code = process.wait(PATIENCE_S)
        assert alive, f"the exchange ended by itself: {_text(errors)}"
        assert code == 0, f"the exchange ended with {code}: {_text(errors)}"


def _text(errors: Any) -> str:
    errors.seek(0)
    return str(errors.read()[-3000:])
