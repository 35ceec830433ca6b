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
        typer.Option(
            help="synthetic (or synthetic:600 for so many contracts), replay:FILE@category:SYMBOL (once per file), "
            "or mirror (mirror@category:SYMBOL once per listing) for Bybit's own prices. [default: synthetic]"
        ),
    ] = None,
    market_from: Annotated[
        str | None, typer.Option("--from", help="Where the market begins: ISO 8601 or Unix milliseconds.")
    ] = None,
    mirror_rest: Annotated[
        str, typer.Option(help="Where a mirror reads public data; regional hosts differ.")
    ] = "https://api.bybit.com",
    mirror_stream: Annotated[
        str, typer.Option(help="Where a mirror listens, without the category.")
    ] = "wss://stream.bybit.com/v5/public",
    fault_seed: Annotated[
        int | None, typer.Option(help="Draws faults on purpose: lost calls, late answers, dead sockets.")
    ] = None,
    queue: Annotated[
        str, typer.Option(help="When resting orders fill: through (only strictly beyond their price) or queue.")
    ] = "through",
    ip_limit: Annotated[int, typer.Option(help="Calls of one address per five seconds; 0 for no limit.", min=0)] = 600,
    limit_factor: Annotated[int, typer.Option(help="Times Bybit's budgets per account; 0 for no limit.", min=0)] = 1,
    order_delay: Annotated[int, typer.Option(help="Milliseconds from an order's answer to its effect.", min=0)] = 30,
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
        if queue not in ("through", "queue"):
            raise ValueError(f"--queue {queue!r} is not one of through, queue.")
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
        mirror_rest=mirror_rest,
        mirror_stream=mirror_stream,
        fault_seed=fault_seed,
        queue="queue" if queue == "queue" else "through",
        ip_limit=ip_limit,
        limit_factor=limit_factor,
        order_delay_ms=order_delay,
    )
    raise typer.Exit(run_exchange(config))
