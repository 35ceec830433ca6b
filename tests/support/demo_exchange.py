"""A simulated exchange that plays Bybit's demo environment, a process of its own, behind a proxy that wants a sign-in.

Lives here: `DemoExchange`, its keys, and the settings that make an installation take it for demo. Not here: what a test
does with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.proxies import RunningProxy, running_proxy

SIGN_IN = ("canary-proxy-user", "canary-proxy-password")


class DemoExchange:
    """`keys` has its pairs by name: trading, read_only, withdrawing."""

    def __init__(self, ready: dict[str, Any], keys: dict[str, Any], proxy: RunningProxy) -> None:
        self.ready = ready
        self.keys = keys
        self.uid = str(keys["uid"])
        self.proxy = proxy

    def environment(self) -> dict[str, str]:
        """Settings by which an installation finds it where it looks for demo."""
        return {
            "TRADEWRIGHT_HOSTS__DEMO__REST": self.ready["rest"],
            "TRADEWRIGHT_HOSTS__DEMO__PUBLIC_STREAM": self.ready["ws_public"],
            "TRADEWRIGHT_HOSTS__DEMO__PRIVATE_STREAM": self.ready["ws_private"],
        }

    def proxy_address(self) -> str:
        return self.proxy.url(f"{SIGN_IN[0]}:{SIGN_IN[1]}@")


@contextmanager
def demo_exchange(*arguments: str) -> Iterator[DemoExchange]:
    with tempfile.TemporaryDirectory(prefix="tw-demo-") as folder, _proxy_in_a_thread() as proxy:
        command = [sys.executable, "-m", "tradewright", "exchange", "--environment", "demo", "--port", "0"]
        process = subprocess.Popen(
            [*command, "--state", folder, "--seed", "5", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            keys = json.loads((Path(folder) / "keys.json").read_text())
            yield DemoExchange(ready, keys, proxy)
        finally:
            process.terminate()
            process.wait(timeout=60)


@contextmanager
def _proxy_in_a_thread() -> Iterator[RunningProxy]:
    started: list[tuple[RunningProxy, asyncio.AbstractEventLoop, asyncio.Event]] = []
    is_up = threading.Event()

    async def serve() -> None:
        async with running_proxy("http", SIGN_IN) as proxy:
            end = asyncio.Event()
            started.append((proxy, asyncio.get_running_loop(), end))
            is_up.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert is_up.wait(timeout=60)
    proxy, loop, end = started[0]
    try:
        yield proxy
    finally:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(end.set)
        thread.join(timeout=60)
