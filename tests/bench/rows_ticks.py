"""From a market event to the signed order on the wire: ours bare and with the durable intent, pybit, ccxt.

Each client is a process of its own and talks to the same bare server, which says when the last byte of an order
arrived; all share the machine's monotonic clock. They take turns, so that a noisy moment is everybody's. The peers
write nothing down. The database is set up as `tradewright run` sets it up, with its commits on the disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.harness import Figure, Result

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers are imported from their folder
from support.peers import peers_python
from tradewright.storage.embedded import EmbeddedPostgres
from tradewright.storage.migrate import upgrade

ROUNDS = 9
TICKS = 40  # a round; the owner reads at most 100 wishes at once
FOLDER = Path(__file__).parent
_OURS = {
    "bare": "tick to signed order on the wire, no durability",
    "own": "the same with the durable intent, as its owner opens it (one commit)",
    "owner": "the same of a wish that waits, its owner's part (one commit)",
    "hand": "the same by hand (three commits)",
}
# must and goal as ratios peer / ours: of p50, of CPU
_BARE, _DURABLE = (1 / 0.6, 1 / 0.3), (1.0, 1 / 0.8)


class Client:
    """One ticked process and what it has shown so far: µs from tick to arrival, and µs of CPU an order."""

    def __init__(self, running: subprocess.Popen[str], address: str) -> None:
        self._running, self._address = running, address
        self.to_wire_us: list[float] = []
        self.cpu_us: list[float] = []
        assert running.stdout is not None
        first = running.stdout.readline()
        assert first == "ready\n", f"a ticked client did not start: {first!r}"

    def tick(self, *, keep: bool) -> None:
        assert self._running.stdin is not None
        assert self._running.stdout is not None
        self._running.stdin.write(f"{TICKS}\n")
        self._running.stdin.flush()
        told = json.loads(self._running.stdout.readline())
        with urllib.request.urlopen(f"{self._address}/arrivals", timeout=10) as answer:
            arrived = json.load(answer)
        assert len(arrived) == TICKS, f"{len(arrived)} orders arrived of {TICKS}"
        if keep:
            self.to_wire_us += [(end - begin) / 1e3 for begin, end in zip(told["began_ns"], arrived, strict=True)]
            self.cpu_us.append(told["cpu_s"] / TICKS * 1e6)


def measured() -> tuple[list[Result], list[Figure]]:
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(_loopback())
        url = stack.enter_context(_database())
        clients = {
            mode: stack.enter_context(
                _client(address, sys.executable, "-m", "tests.bench.tick_ours", mode, address, url)
            )
            for mode in (*_OURS, "floor")
        }
        for peer, python in (("pybit", sys.executable), ("ccxt", str(peers_python()))):
            clients[peer] = stack.enter_context(_client(address, python, str(FOLDER / f"tick_{peer}.py"), address))
        for number in range(ROUNDS + 1):
            for client in clients.values():
                client.tick(keep=number > 0)
    return _summed(clients)


def _summed(clients: dict[str, Client]) -> tuple[list[Result], list[Figure]]:
    results: list[Result] = []
    figures: list[Figure] = []
    for peer in ("pybit", "ccxt"):
        for mode, row in _OURS.items():
            must, goal = _BARE if mode == "bare" else _DURABLE
            least = None if mode == "bare" else statistics.median(clients["floor"].to_wire_us)
            mine, theirs = clients[mode].to_wire_us, clients[peer].to_wire_us
            results.append(_result(f"{row}, p50", mine, theirs, peer, must, goal, least))
            cpu_goal = 1.0 if mode == "hand" else 2.0
            results.append(_result(f"{row}, CPU", clients[mode].cpu_us, clients[peer].cpu_us, peer, 1.0, cpu_goal))
    for mode in (*_OURS, "floor", "pybit", "ccxt"):
        late = statistics.quantiles(clients[mode].to_wire_us, n=100)[98]
        figures.append(Figure(f"tick to signed order on the wire, {mode}: p99", late, "µs"))
    return results, figures


def _result(
    row: str,
    ours: Sequence[float],
    peers: Sequence[float],
    peer: str,
    must: float,
    goal: float,
    least: float | None = None,
) -> Result:
    mine, theirs = statistics.median(ours), statistics.median(peers)
    return Result(
        row=row,
        ours=round(mine, 1),
        peer=round(theirs, 1),
        peer_name=peer,
        ratio=round(theirs / mine, 2),
        floor=None if least is None else round(least, 1),
        must=must,
        goal=goal,
        met=theirs / mine >= goal,
    )


@contextlib.contextmanager
def _client(address: str, *command: str) -> Iterator[Client]:
    # Without compiled files ccxt would take half a minute to start each time.
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=settings) as running:
        try:
            yield Client(running, address)
        finally:
            running.communicate()


@contextlib.contextmanager
def _loopback() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.bench.loopback_exchange"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.communicate()


@contextlib.contextmanager
def _database() -> Iterator[str]:
    """A server with the settings of the product, on the disk."""
    with tempfile.TemporaryDirectory(prefix="tw-bench-") as folder:
        os.chmod(folder, 0o755)  # started by root, PostgreSQL runs as another user
        server = EmbeddedPostgres(Path(folder) / "home", root_base=Path(folder) / "base")
        server.start()
        try:
            upgrade(server.url)
            yield server.url
        finally:
            server.stop(fast_s=2)


if __name__ == "__main__":
    from tests.bench.harness import table, table_of_figures

    judged, stated = measured()
    print(table(judged) + "\n\n" + table_of_figures(stated))
