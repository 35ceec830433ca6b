"""Where the files of an installation are below HOME, and of its simulated exchange's market.

Lives here: `Places`, a part of `Settings`. Not here: who reads and writes them; only `app` hands them on.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path


class Places:
    """All from `home`; the exchange's from the market that is wished, too."""

    home: Path
    market: str
    market_from: str | None
    seed: int
    audit_heads: Path | None

    @property
    def markets(self) -> tuple[str, ...]:
        """Each recording for itself, or the one word; as `tradewright exchange --market` takes them."""
        return one_by_one(self.market)

    @property
    def database_file(self) -> Path:
        """Where `run` writes the address of its own PostgreSQL, for its children and the command line."""
        return self.home / "database.json"

    @property
    def page_file(self) -> Path:
        """Where `run` writes by which address its page is reached, for the links that the command line makes."""
        return self.home / "run" / "page.json"

    @property
    def audit_heads_file(self) -> Path:
        """Where the heads of the audit trail's chains are written down, beside the database."""
        return self.audit_heads or self.home / "audit" / "heads.jsonl"

    @property
    def vault_home(self) -> Path:
        """Where the keyring for exchange keys is."""
        return self.home / "vault"

    @property
    def kill_home(self) -> Path:
        """Where the files of kill latches are."""
        return self.home / "kill"

    @property
    def spool_home(self) -> Path:
        """Where is written down what is done while the database is away."""
        return self.home / "spool"

    @property
    def data_home(self) -> Path:
        """Where candles for backtests are kept."""
        return self.home / "data"

    @property
    def control_socket(self) -> Path:
        """Where the worker of this HOME may be asked, also without a database."""
        return self.home / "run" / "worker.sock"

    @property
    def exchange_home(self) -> Path:
        return self.home / "exchange"

    @property
    def exchange_ready_file(self) -> Path:
        """Where the simulated exchange listens, with its read-only key; written by `run`."""
        return self.exchange_home / "ready.json"

    @property
    def exchange_state(self) -> Path:
        """Where the simulated exchange keeps this market's orders, keys and clock.

        Each market has a folder and an account of its own: an order book of 2022 and one of today have no orders in
        common. The synthetic market of the first seed, which most people meet, is in the folder itself.
        """
        if self.market == "synthetic" and self.seed == 1 and self.market_from is None:
            return self.exchange_home
        identity = f"{self.market} {self.market_from} {self.seed if self.market.startswith('synthetic') else ''}"
        name = re.sub(r"[^a-z0-9]+", "-", self.market_name.lower()).strip("-")[:40]
        return self.exchange_home / "markets" / f"{name}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"

    @property
    def market_name(self) -> str:
        """What the account on this market is called."""
        if self.market == "synthetic":
            return "Simulated" if self.seed == 1 else f"Simulated, seed {self.seed}"
        first, *others = self.markets
        if first.startswith("mirror"):
            return "Mirror of the real market"
        if first.startswith("synthetic:"):
            return f"Simulated, {first.removeprefix('synthetic:')} contracts"
        file = Path(first.removeprefix("replay:").partition("@")[0]).name
        name = f"Replay {file.removesuffix('.gz').removesuffix('.csv').removesuffix('.jsonl')}"
        return f"{name} and {len(others)} more" if others else name


def one_by_one(market: str) -> tuple[str, ...]:
    """Recordings are parted by commas or white space; one that stands in a name does not part it. So are mirrored
    listings.
    """
    return tuple(re.split(r"[,\s]+(?=replay:|mirror(?:@|$))", market.strip()))


def with_whole_path(market: str) -> str:
    if not market.startswith("replay:"):
        return market
    file, at, target = market.removeprefix("replay:").partition("@")
    return f"replay:{Path(file).expanduser().resolve()}{at}{target}"
