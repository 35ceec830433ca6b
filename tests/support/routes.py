"""The web application's routes, made once for a process: making them is most of what a test's site would cost."""

from __future__ import annotations

import functools

from starlette.routing import BaseRoute

from tradewright.web.application import all_routes


@functools.cache
def shared_routes() -> tuple[BaseRoute, ...]:
    return tuple(all_routes())
