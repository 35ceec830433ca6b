"""How uvicorn serves the application: its limits and what it must not say.

Lives here: `server_config`, `listening_socket`. Not here: on which addresses, and their life (the composition root).
"""

from __future__ import annotations

import socket
from pathlib import Path

import uvicorn
from fastapi import FastAPI

STREAM_MESSAGE_BYTES_MAX = 65_536
HEADER_BYTES_MAX = 32_768
CONNECTIONS_MAX = 2_000
SHUTDOWN_S = 2
UNREAD_S_MAX = 60  # how long a peer may leave what was sent to it untaken


def server_config(application: FastAPI, *, cert: Path | None = None, key: Path | None = None) -> uvicorn.Config:
    """For `uvicorn.Server(config).serve(sockets=[…])`. Logs are ours alone, and no header names the server.

    With a certificate and its key it speaks https, by TLS 1.2 at least, which is Python's own least.
    """
    return uvicorn.Config(
        application,
        http="httptools",
        ws="websockets-sansio",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=SHUTDOWN_S,
        h11_max_incomplete_event_size=HEADER_BYTES_MAX,
        ws_max_size=STREAM_MESSAGE_BYTES_MAX,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        ws_per_message_deflate=False,
        ssl_certfile=cert,
        ssl_keyfile=key,
    )


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket for `serve(sockets=[…])`; port 0 takes a free one. Raises `OSError` when the address is taken.

    The protocol is named because asyncio switches Nagle's algorithm off only on sockets that say TCP: without it every
    answer, which leaves in two writes, waits 40 ms for the other side's delayed acknowledgement. A peer that no longer
    reads is dropped by the system after a minute, because closing alone would wait for it to take what is buffered.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_S_MAX * 1000)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
