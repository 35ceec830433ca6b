"""`limits.md`: request budgets, streams, and what an account can do."""

from __future__ import annotations

from dataclasses import asdict

from reference.text import page, table, words
from tradewright.exchange.bybit import address, stream, stream_link
from tradewright.exchange.bybit.environments import ENVIRONMENTS, SIMULATED_CAPABILITIES
from tradewright.exchange.bybit.limits import DOCUMENTED_PER_SECOND
from tradewright.exchange.bybit.priority import Priority, priority_of


def limits() -> str:
    everywhere = {"sim": SIMULATED_CAPABILITIES, **{name: facts.capabilities for name, facts in ENVIRONMENTS.items()}}
    names = list(asdict(SIMULATED_CAPABILITIES))
    return page(
        "Request budgets, streams and capabilities",
        "## Who goes first",
        "Within an endpoint and within the address the first in this list goes first; what each class may fill of the"
        f" address's share leaves room for those before it. Bybit takes {address.ADDRESS_CALLS} calls of one address in"
        f" {address.ADDRESS_WINDOW_S:g} seconds; the worker keeps within {address.OWNER_SHARE}, a process that only"
        f" reads the market within {address.PAGE_SHARE}.",
        table(
            ("Class", "fills at most"),
            ((f"`{priority.name.lower()}`", f"{address.part_of(priority):.0%}") for priority in Priority),
        ),
        "## Calls of one account in a second",
        "What Bybit documents at least; its headers replace it.",
        table(
            ("Path", "a second", "class"),
            (
                (f"`{path}`", most, f"`{priority_of(path, is_command=_is_command(path)).name.lower()}`")
                for path, most in DOCUMENTED_PER_SECOND.items()
            ),
        ),
        "An order that only reduces is of the class `reduce`; a kill's are of `kill`.",
        "## Streams",
        table(
            ("Rule", "Figure"),
            (
                ("ping", f"every {stream_link.PING_EVERY_S:g} s"),
                ("silence is noticed", f"within 30 s (after {stream_link.SILENCE_MAX_S:g} s without a frame)"),
                ("pause before another connection", f"{stream.BACKOFF_FIRST_S:g} to {stream.BACKOFF_MAX_S:g} s, drawn"),
                ("events that may wait for a reader", stream.QUEUE_MAX),
            ),
        ),
        "## What an account can do",
        "By environment; a key takes from it what it may not. `uncertain` ones nobody has seen refused yet.",
        table(
            ("Capability", *everywhere, "uncertain on"),
            (
                (
                    f"`{name}`",
                    *("yes" if getattr(able, name) else "no" for able in everywhere.values()),
                    words(place for place, facts in ENVIRONMENTS.items() if name in facts.uncertain),
                )
                for name in names
            ),
        ),
    )


def _is_command(path: str) -> bool:
    return path.split("/")[2:3] == ["order"] or "set-" in path or "switch-" in path or "apply-" in path
