"""What tests of people share: inviting, accepting, asking as somebody."""

from __future__ import annotations

from typing import Any

import aiohttp

from integration.web.kit import PASSWORD, Site, User, token_in


async def invited(owner: User, role: str = "trader", **more: Any) -> str:
    """The token of a fresh invitation to the owner's workspace."""
    async with owner.http.post("/api/v1/workspace/invitations", json={"role": role, **more}) as response:
        assert response.status == 201, await response.text()
        return str((await response.json())["token"])


async def joined(site: Site, token: str, username: str) -> tuple[aiohttp.ClientSession, dict[str, Any]]:
    """A new person who came in by a link: their browser, and the session as the page keeps it."""
    body = {"token": token, "username": username, "password": PASSWORD, "language": "en"}
    async with site.browser().post("/api/v1/invitations/join", json=body) as response:
        assert response.status == 201, await response.text()
        return site.browser(token_in(response, site.port)), await response.json()


async def told(http: aiohttp.ClientSession, method: str, path: str, **body: Any) -> tuple[int, Any]:
    """(status, the answer's body; None of an empty one)."""
    async with http.request(method, f"/api/v1/{path}", json=body or None) as response:
        return response.status, None if response.status == 204 else await response.json()
