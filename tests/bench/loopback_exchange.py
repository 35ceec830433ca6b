"""The least that answers like Bybit: one fixed envelope for every request, on a free loopback port, in its own process.

Started by `rows_orders` as `python -m tests.bench.loopback_exchange`; prints its port and runs until its input closes.
It keeps when each order arrived, by the machine's monotonic clock; `GET /arrivals` tells them and forgets them.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

_LENGTH = re.compile(rb"content-length: (\d+)", re.I)
_arrivals_ns: list[int] = []


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET /arrivals"):
                told = json.dumps(_arrivals_ns).encode()
                _arrivals_ns.clear()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(told) + told)
                continue
            if length := _LENGTH.search(head):
                await reader.readexactly(int(length[1]))
            if head.startswith(b"POST /v5/order/create"):
                _arrivals_ns.append(time.monotonic_ns())  # with the last byte of its body
            now_ms = time.time_ns() // 1_000_000
            body = b'{"retCode":0,"retMsg":"OK","result":{"orderId":"1","orderLinkId":"2"},"retExtInfo":{},"time":%d}'
            body %= now_ms
            # A limit beyond what is measured: a client that spreads its calls over the seconds need not.
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Bapi-Limit: 1000000\r\n"
            writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body))
            writer.write(body)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
