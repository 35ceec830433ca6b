"""The side of a ticked client that is the same for all: market events in, and when each began.

Lives here: the events, what each order is of, and the talk with the measuring process (`rows_ticks`). Only the standard
library, because a peer's process has an environment of its own. A client reads a line `N`, handles N ticks one after
another, and answers `{"began_ns": […], "cpu_s": …}`; the loopback exchange knows when each arrived.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator

KEY, SECRET = "bench-key-0123456789", "bench-secret-0123456789abcdef0123456789"
SYMBOL, QUANTITY = "BTCUSDT", "0.010"
TOPIC = f"publicTrade.{SYMBOL}"


def frames() -> Iterator[bytes]:
    """Trades as the exchange pushes them, each of another price and number."""
    number = 0
    while True:
        number += 1
        trade = {"T": 1_700_000_000_000 + number, "s": SYMBOL, "S": "Buy", "v": "0.001", "L": "PlusTick"}
        trade |= {"p": f"{60_000 + number % 500}.50", "i": f"{number:08x}-0000-4000-8000-000000000000"}
        trade |= {"BT": False, "RPI": False, "seq": number}
        push = {"topic": TOPIC, "type": "snapshot", "ts": trade["T"], "data": [trade]}
        yield json.dumps(push, separators=(",", ":")).encode()


def serve(handle: Callable[[int], list[int]], prepare: Callable[[int], None] = lambda _count: None) -> None:
    """Answers the measuring process until it closes our input. `handle` does N ticks and says when each began;
    `prepare` does before what is not measured."""
    print("ready", flush=True)
    for line in sys.stdin:
        prepare(int(line))
        cpu_from_s = time.process_time()
        began = handle(int(line))
        print(json.dumps({"began_ns": began, "cpu_s": time.process_time() - cpu_from_s}), flush=True)
