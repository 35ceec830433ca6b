"""Two small real proxies for tests: HTTP by CONNECT, and SOCKS5 (RFC 1928, 1929), each with an optional sign-in.

Lives here: `RunningProxy`, which says what it was asked and may be told to refuse. Not here: who uses it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

_CHUNK = 65_536


class RunningProxy:
    """`tunnels` holds `host:port` as it was asked for, in order; `refused` counts wrong sign-ins."""

    def __init__(self, kind: Literal["http", "socks5"], sign_in: tuple[str, str] | None) -> None:
        self.kind = kind
        self.tunnels: list[str] = []
        self.refused = 0
        self.reaches_target = True
        self.port = 0
        self._sign_in = sign_in
        self._tasks: set[asyncio.Task[None]] = set()

    def url(self, sign_in: str = "", scheme: str | None = None) -> str:
        """Its address, e.g. with `user:password@`."""
        return f"{scheme or self.kind}://{sign_in}127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            target = await (self._http(reader, writer) if self.kind == "http" else self._socks(reader, writer))
            if target is not None:
                await _pump_both(reader, writer, *target)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def end(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Pair | None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, authority, _version = head.split("\r\n")[0].split(" ")
        assert method == "CONNECT", head
        given = next((line for line in head.split("\r\n") if line.lower().startswith("proxy-authorization:")), "")
        if self._sign_in is not None:
            expected = base64.b64encode(":".join(self._sign_in).encode()).decode()
            if given.partition(":")[2].strip() != f"Basic {expected}":
                self.refused += 1
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
                return None
        target = await self._connect(authority)
        answer = b"HTTP/1.1 200 Connection established\r\n\r\n" if target else b"HTTP/1.1 502 Bad Gateway\r\n\r\n"
        writer.write(answer)
        await writer.drain()
        return target

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Pair | None:
        _version, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        wanted = 2 if self._sign_in else 0
        writer.write(bytes([5, wanted if wanted in methods else 0xFF]))
        if wanted not in methods:
            self.refused += 1
            return None
        if self._sign_in is not None:
            await reader.readexactly(1)
            user = await reader.readexactly((await reader.readexactly(1))[0])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            is_right = (user.decode(), password.decode()) == self._sign_in
            writer.write(bytes([1, 0 if is_right else 1]))
            if not is_right:
                self.refused += 1
                return None
        _version, _command, _reserved, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            assert kind == 1, "IPv4 or a name"
            host = ".".join(str(part) for part in await reader.readexactly(4))
        port = int.from_bytes(await reader.readexactly(2))
        target = await self._connect(f"{host}:{port}")
        writer.write(bytes([5, 0 if target else 5, 0, 1, 0, 0, 0, 0, 0, 0]))
        await writer.drain()
        return target

    async def _connect(self, authority: str) -> _Pair | None:
        self.tunnels.append(authority)
        host, _, port = authority.rpartition(":")
        return await asyncio.open_connection(host, int(port)) if self.reaches_target else None


_Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _pump_both(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
) -> None:
    pumps = [asyncio.create_task(_pump(reader, far_writer)), asyncio.create_task(_pump(far_reader, writer))]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        far_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def running_proxy(
    kind: Literal["http", "socks5"], sign_in: tuple[str, str] | None = None
) -> AsyncIterator[RunningProxy]:
    proxy = RunningProxy(kind, sign_in)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
