"""pybit: a public trade in its socket's callback, an order of the same price out. Nothing is written down."""

from __future__ import annotations

import sys
import time

from pybit._websocket_stream import _V5WebSocketManager
from pybit.unified_trading import HTTP
from tick_loop import KEY, QUANTITY, SECRET, SYMBOL, TOPIC, frames, serve


def main(address: str) -> None:
    session = HTTP(api_key=KEY, api_secret=SECRET)
    session.endpoint = address
    pushes = frames()

    def on_trade(message: dict) -> None:  # type: ignore[type-arg]
        session.place_order(
            category="linear",
            symbol=SYMBOL,
            side="Buy",
            orderType="Limit",
            qty=QUANTITY,
            price=message["data"][0]["p"],
            timeInForce="GTC",
            orderLinkId=message["data"][0]["i"],
            positionIdx=0,
        )

    manager = _V5WebSocketManager.__new__(_V5WebSocketManager)  # without the connection that its constructor opens
    manager.data = {}
    manager.callback_directory = {TOPIC: on_trade}
    manager.callback = manager._handle_incoming_message

    def handle(count: int) -> list[int]:
        began: list[int] = []
        for _ in range(count):
            text = next(pushes).decode()
            began.append(time.monotonic_ns())
            manager._on_message(text)
        return began

    serve(handle)


if __name__ == "__main__":
    main(sys.argv[1])
