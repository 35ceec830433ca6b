"""`tradewright exchange`: the simulated exchange as a process of its own.

Lives here: its options. Not here: the exchange (`simulator`). `app` registers the command.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(application: typer.Typer) -> None:
    application.command("exchange")(exchange_command)


def exchange_command(
    environment: Annotated[
        str, typer.Option(help="What it plays: sim, demo, testnet or live. Demo has fewer endpoints, as Bybit's.")
    ] = "sim",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 9300,
    state: Annotated[Path | None, typer.Option(help="Folder that keeps keys, orders and the market.")] = None,
    market: Annotated[
        list[str] | None,
        typer.Option(help="synthetic, or replay:FILE@category:SYMBOL (once per recording). [default: synthetic]"),
    ] = None,
    market_from: Annotated[
        str | None, typer.Option("--from", help="Where the market begins: ISO 8601 or Unix milliseconds.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic market.")] = 1,
    speed: Annotated[float, typer.Option(help="Market seconds per wall second.")] = 1.0,
    key: Annotated[str | None, typer.Option(help="API key that may trade; made if not given.")] = None,
    secret: Annotated[str | None, typer.Option(help="Its secret.")] = None,
    fund: Annotated[
        list[str] | None,
        typer.Option(help="COIN=AMOUNT paid in on the first start, may be repeated. [default: USDT=100000]"),
    ] = None,
) -> None:
    """Serve a simulated Bybit V5 exchange; prints one JSON line with its addresses when ready."""
    # Imported here, so that the other commands stay quick and the supervisor small.
    from tradewright.simulator import SimulatorConfig, parse_fund, run_exchange
    from tradewright.simulator.environments import environment_of

    if (key is None) != (secret is None):
        raise typer.BadParameter("--key and --secret belong together.")
    try:
        funds = tuple(parse_fund(text) for text in fund or ["USDT=100000"])
        environment_of(environment)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    config = SimulatorConfig(
        environment=environment,
        host=host,
        port=port,
        state=state,
        market=tuple(market or ["synthetic"]),
        market_from=market_from,
        seed=seed,
        speed=speed,
        key=key,
        secret=secret,
        funds=funds,
    )
    raise typer.Exit(run_exchange(config))
