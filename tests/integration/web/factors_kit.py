"""A browser of the kit at its host name, where passkeys work; and what the tests of second factors do often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import pyotp

from integration.web.kit import PASSWORD, Site, User


@dataclass(slots=True)
class Visitor:
    """A browser that keeps its cookies, opened at `http://localhost` (or at the IP address)."""

    http: aiohttp.ClientSession
    origin: str

    async def post(self, path: str, json: Any = None) -> tuple[int, Any]:
        async with self.http.post(f"/api/v1{path}", json=json) as response:
            return response.status, await response.json() if response.status != 204 else None

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.http.get(f"/api/v1{path}") as response:
            return response.status, await response.json()

    async def login(self, username: str = "Ann", password: str = PASSWORD) -> Any:
        status, answer = await self.post("/login", {"username": username, "password": password})
        assert status == 200, answer
        return answer


def visitor(site: Site, *, at_address: bool = False) -> Visitor:
    host = f"{'127.0.0.1' if at_address else 'localhost'}:{site.port}"
    origin = f"http://{host}"
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin", "Host": host}
    http = aiohttp.ClientSession(site.base, headers=headers, cookie_jar=aiohttp.CookieJar(unsafe=True))
    site.sessions.append(http)
    return Visitor(http, origin)


def code_of(secret: str, site: Site, *, steps: int = 0) -> str:
    """What the person's device shows now, or some steps away."""
    return pyotp.TOTP(secret).at(site.clock.now() + timedelta(seconds=30 * steps))


async def with_totp(site: Site, ann: User) -> tuple[Visitor, str, list[str]]:
    """Ann, logged in, with an authenticator; the code of this step is used up."""
    here = visitor(site)
    await here.login()
    status, made = await here.post("/session/totp")
    assert status == 200, made
    secret = made["secret"]
    status, answer = await here.post("/session/totp/confirm", {"code": code_of(secret, site)})
    assert status == 200, answer
    return here, secret, answer["recovery_codes"]
