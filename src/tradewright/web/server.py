"""How uvicorn serves the application: its limits and what it must not say.

Lives here: `server_config`. Not here: sockets and their life (the composition root listens on 127.0.0.1 and ::1).
"""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI

STREAM_MESSAGE_BYTES_MAX = 65_536
HEADER_BYTES_MAX = 32_768
CONNECTIONS_MAX = 1_000
SHUTDOWN_S = 3


def server_config(application: FastAPI) -> uvicorn.Config:
    """For `uvicorn.Server(config).serve(sockets=[…])`. Logs are ours alone, and no header names the server."""
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
    )
