"""The worker's control socket: one JSON object in, one out, for whoever may read HOME; it needs no database.

Lives here: `ControlServer`, which the worker runs, and `ask`, which the command line and the API call. Not here: what
is answered (`care`). The socket is in HOME/run with mode 0600: the file system decides who may ask.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import structlog

from tradewright.core.errors import AppError

log = structlog.get_logger()

LINE_BYTES_MAX = 65_536
_REQUEST_WITHIN_S = 5.0
_ANSWERED_WITHIN_S = 120.0
_AT_ONCE_MAX = 16
_PATH_BYTES_MAX = 100  # what a socket's address holds on every system we run on

Answer = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


class NotReached(AppError):
    """No worker answers at the socket: none runs here, or it is stuck. Nothing is known of what it did."""

    code = "control.unreachable"


class ControlRefused(AppError):
    """The worker answered, and did not do it. `told` is the code of why."""

    code = "control.refused"

    def __init__(self, told: str, detail: str) -> None:
        super().__init__(detail)
        self.told = told


class ControlServer:
    """Listens as long as it is entered. Where it cannot, that is logged, and the worker works without it: the folder of
    latches is looked at every second anyway."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self._path = path
        self._answer = answer
        self._at_once = asyncio.Semaphore(_AT_ONCE_MAX)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server: asyncio.Server | None = None
        try:
            listener = await asyncio.to_thread(self._bind)
            server = await asyncio.start_unix_server(self._serve, sock=listener, limit=LINE_BYTES_MAX)
        except OSError as error:
            log.error("control.not_listening", error=str(error))
        try:
            yield
        finally:
            if server is not None:
                server.close()
                with contextlib.suppress(OSError):
                    self._path.unlink(missing_ok=True)

    def _bind(self) -> socket.socket:
        """What lies there is of a worker before us, which does not own the accounts any more."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            before = os.umask(0o177)
            try:
                with _short(self._path) as address:
                    listener.bind(address)
            finally:
                os.umask(before)
            listener.setblocking(False)
            return listener
        except OSError:
            listener.close()
            raise

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with self._at_once:
                answer = await self._answer_to(reader)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except (OSError, TimeoutError) as error:
            log.info("control.caller_gone", error=type(error).__name__)
        finally:
            writer.close()

    async def _answer_to(self, reader: asyncio.StreamReader) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_REQUEST_WITHIN_S):
                line = await reader.readline()
            request = json.loads(line)
            if not isinstance(request, dict):
                raise ValueError("not an object")
        except (ValueError, TimeoutError) as fault:
            return {"ok": False, "code": "control.malformed", "detail": f"one line with a JSON object: {fault}"}
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN_S):
                return {"ok": True, **await self._answer(request)}
        except AppError as error:
            return {"ok": False, "code": error.code, "detail": str(error)}
        except TimeoutError:
            return {"ok": False, "code": "control.slow", "detail": "it goes on; ask for the status"}
        except Exception:
            log.exception("control.bug")
            return {"ok": False, "code": "internal", "detail": "the worker's log has the reason"}


async def ask(path: Path, request: Mapping[str, Any], *, within_s: float) -> dict[str, Any]:
    """The worker's answer. Raises `NotReached`, and `ControlRefused` where it says no."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(within_s):
            with _short(path) as address:
                reader, writer = await asyncio.open_unix_connection(address, limit=LINE_BYTES_MAX * 16)
            writer.write(json.dumps(request).encode() + b"\n")
            await writer.drain()
            answer = json.loads(await reader.readline())
    except (OSError, TimeoutError, ValueError) as error:
        raise NotReached(f"no worker answers at {path}: {type(error).__name__} {error}") from error
    finally:
        if writer is not None:
            writer.close()
    if not isinstance(answer, dict):
        raise NotReached(f"what answers at {path} is no worker")
    if answer.get("ok") is not True:
        raise ControlRefused(str(answer.get("code")), str(answer.get("detail")))
    return answer


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """The path, or where it is too long for a socket's address one through the folder's descriptor (Linux)."""
    if len(os.fsencode(path)) <= _PATH_BYTES_MAX:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
