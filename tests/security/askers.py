"""Everybody who may ask: made anew for each route, because some routes end what they are asked with.

Lives here: `Askers`, put straight into the database (a log-in each would cost more than the requests). Not here: what
each is answered (`test_who_may_what`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import aiohttp

from integration.web.kit import Site, User
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.identity.model import Role, Scope
from tradewright.identity.scopes import SCOPES
from tradewright.identity.sessions import open_session
from tradewright.identity.tables import api_tokens, memberships, users, workspaces
from tradewright.identity.token_text import new_token_text
from tradewright.identity.tokens import token_hash

PEOPLE = ("nobody", "viewer", "trader", "owner", "other", "operator")


@dataclass(slots=True)
class Askers:
    """`people` by their part in the workspace that is asked about; `other` owns another workspace, and so does the
    `operator`. `tokens` are an owner's of that workspace, one for each scope alone."""

    people: Mapping[str, aiohttp.ClientSession]
    tokens: Mapping[Scope, aiohttp.ClientSession]

    async def close(self) -> None:
        for client in (*self.people.values(), *self.tokens.values()):
            await client.close()


async def everybody(site: Site, owned: User, operator: User, *, hashed: str, tag: str) -> Askers:
    """Fresh ones but for the operator, of whom there is one: only the session is. `hashed` is everybody's password."""
    ids, now = site.parts.ids, site.clock.now()
    roles: dict[str, Role] = {"viewer": "viewer", "trader": "trader", "owner": "owner", "other": "owner"}
    roles["holder"] = "owner"  # of the tokens: what the owner does to themselves must not end them
    sessions: dict[str, str] = {}
    tokens: dict[Scope, str] = {}
    async with site.parts.engine.begin() as connection:
        for name, role in roles.items():
            user_id = UserId(ids.new())
            workspace_id = owned.workspace_id if name != "other" else WorkspaceId(ids.new())
            username = f"{name} {tag}"
            await connection.execute(
                users.insert().values(
                    id=user_id,
                    username=username,
                    username_key=username,
                    password_hash=hashed,
                    language="en",
                    is_operator=False,
                    created_at=now,
                )
            )
            if name == "other":
                await connection.execute(workspaces.insert().values(id=workspace_id, name=username, created_at=now))
            await connection.execute(memberships.insert().values(workspace_id=workspace_id, user_id=user_id, role=role))
            opened = await open_session(connection, user_id=user_id, user_agent="", now=now, ids=ids)
            sessions[name] = opened.token
            if name != "holder":
                continue
            for scope in SCOPES:
                tokens[scope] = new_token_text()
                await connection.execute(
                    api_tokens.insert().values(
                        id=ids.new(),
                        workspace_id=workspace_id,
                        user_id=user_id,
                        name=scope,
                        scopes=[scope],
                        token_hash=token_hash(tokens[scope]),
                        ending=tokens[scope][-4:],
                        created_at=now,
                        expires_at=now + timedelta(days=30),
                    )
                )
        operating = UserId(UUID(operator.session["user"]["id"]))
        opened = await open_session(connection, user_id=operating, user_agent="", now=now, ids=ids)
        sessions["operator"] = opened.token
    people = {name: site.browser(sessions.get(name)) for name in PEOPLE}
    return Askers(people, {scope: program(site, text) for scope, text in tokens.items()})


def program(site: Site, token: str) -> aiohttp.ClientSession:
    """What a program of the user's sends: the token, and nothing that a browser adds."""
    session = aiohttp.ClientSession(
        site.base, headers={"Authorization": f"Bearer {token}"}, cookie_jar=aiohttp.DummyCookieJar()
    )
    site.sessions.append(session)
    return session
