"""`tradewright run`: the whole installation on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the command line was told; None where it was not, so that settings decide."""

    host: str | None
    port: int | None
    home: Path | None
    market: str | None
    market_from: str | None
    seed: int | None
    speed: str | None
    open_browser: bool | None
    tls_cert: Path | None
    tls_key: Path | None
    behind_proxy: str | None
    insecure_lan: bool | None
    verbose: bool


def register(application: typer.Typer, start: Callable[[RunOptions], None]) -> None:
    @application.command()
    def run(
        host: str | None = typer.Option(None, help="Address to listen on [TRADEWRIGHT_HOST, 127.0.0.1]"),
        port: int | None = typer.Option(None, help="Port of the page [TRADEWRIGHT_PORT, 8787]"),
        home: Path | None = typer.Option(None, help="Folder of all data [TRADEWRIGHT_HOME, ~/.tradewright]"),
        market: list[str] | None = typer.Option(
            None,
            help="synthetic, replay:FILE@category:SYMBOL (once per recording), or mirror, Bybit's own prices with play "
            "money [TRADEWRIGHT_MARKET, synthetic]",
        ),
        market_from: str | None = typer.Option(
            None, "--from", help="Where a replay begins, ISO 8601 or Unix ms [TRADEWRIGHT_FROM]"
        ),
        seed: int | None = typer.Option(None, help="Seed of the synthetic market [TRADEWRIGHT_SEED, 1]"),
        speed: str | None = typer.Option(None, help="Market seconds in a second [TRADEWRIGHT_SPEED, 1]"),
        browser: bool | None = typer.Option(None, help="Open the page in the browser [TRADEWRIGHT_OPEN_BROWSER, yes]"),
        tls_cert: Path | None = typer.Option(
            None, help="Certificate to serve https with, beyond this machine [TRADEWRIGHT_TLS_CERT]"
        ),
        tls_key: Path | None = typer.Option(None, help="Its key [TRADEWRIGHT_TLS_KEY]"),
        behind_proxy: str | None = typer.Option(
            None, help="Address or network of the https proxy in front [TRADEWRIGHT_BEHIND_PROXY]"
        ),
        insecure_lan: bool | None = typer.Option(
            None, "--insecure-lan", help="Serve plain http to a network that may read it [TRADEWRIGHT_INSECURE_LAN, no]"
        ),
        verbose: bool = typer.Option(False, "--verbose", "-v", help="Show every part's log, not only HOME/log"),
    ) -> None:
        """Start everything: database, simulated exchange, worker and page. Ctrl-C stops it."""
        start(
            RunOptions(
                host=host,
                port=port,
                home=home,
                market=",".join(market) if market else None,
                market_from=market_from,
                seed=seed,
                speed=speed,
                open_browser=browser,
                tls_cert=tls_cert,
                tls_key=tls_key,
                behind_proxy=behind_proxy,
                insecure_lan=insecure_lan,
                verbose=verbose,
            )
        )
