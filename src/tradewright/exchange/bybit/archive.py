"""Bybit's public archive over HTTP: one file at a time, straight into a file of ours.

Lives here: `BybitArchive`: a whole body, a file that is not there, and what may be asked again. Not here: which files
there are and what is in them (`market.history`).
"""

from __future__ import annotations

import asyncio
from typing import BinaryIO

import aiohttp

from tradewright.core.errors import ExchangeUnavailable, ReadRefused
from tradewright.exchange.bybit.http import ProxyFailed, connector_through
from tradewright.exchange.bybit.proxy import Proxy
from tradewright.exchange.bybit.values import words

ARCHIVE_ADDRESS = "https://public.bybit.com"
FILE_BYTES_MAX = 4 << 30  # a busy day of the busiest listing is a hundredth of it
CONNECT_TIMEOUT_S = 10.0
SILENCE_TIMEOUT_S = 30.0  # between two pieces; a whole file may take as long as it takes
_CHUNK_BYTES = 1 << 18


class BybitArchive:
    """`address` without a slash at its end. Close it on the loop on which it was used."""

    def __init__(self, address: str = ARCHIVE_ADDRESS, proxy: Proxy | None = None) -> None:
        self.address = address.rstrip("/")
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, path: str, into: BinaryIO) -> bool:
        """Writes the whole file below the address to `into`, as it is; False where the archive has no such file.

        Raises `ReadRefused` for an answer that asking again will not change, `ExchangeUnavailable` for any other
        failure, a body that ends early included: then `into` has a part of it.
        """
        url = f"{self.address}/{path}"
        try:
            async with self._open_session().get(url, allow_redirects=False) as response:
                if response.status == 404:
                    return False
                _refuse(url, response)
                written = 0
                async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                    written += len(chunk)
                    if written > FILE_BYTES_MAX:
                        raise ReadRefused(f"{url} is larger than {FILE_BYTES_MAX} bytes; that is no day of trades")
                    await asyncio.to_thread(into.write, chunk)
        except aiohttp.InvalidURL as problem:
            raise ReadRefused(f"{url} is no address of an archive: {words(str(problem))}") from problem
        except ProxyFailed as problem:
            raise ExchangeUnavailable(str(problem)) from problem
        except (aiohttp.ClientError, TimeoutError) as problem:
            what = words(str(problem)) or type(problem).__name__
            raise ExchangeUnavailable(f"{url} did not come whole: {what}; try again later") from problem
        return True

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            # The files are packed themselves: what comes is kept as it is.
            self._session = aiohttp.ClientSession(
                connector=connector_through(self._proxy),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity"},
                auto_decompress=False,
            )
        return self._session


def _refuse(url: str, response: aiohttp.ClientResponse) -> None:
    status = response.status
    if status == 200:
        return
    if status == 429 or status >= 500:
        raise ExchangeUnavailable(f"{url} answered HTTP {status}; try again later")
    hint = ""
    if 300 <= status < 400:
        hint = f"; it points to {words(response.headers.get('Location', 'nowhere'))}, which is not followed"
    elif status == 403:
        hint = "; that is how Bybit refuses an address or a country"
    raise ReadRefused(f"{url} answered HTTP {status}{hint}")
