"""A workspace with one of everything that has an id, and every row of it.

Not here: what is asked with those ids (`test_two_tenants`).
"""

from __future__ import annotations

import uuid
from typing import Any
from uuid import UUID

from sqlalchemy import text

from integration.web.kit import Owner, Site, User, place_body
from security.asked_with import BODIES, furnished_bot
from tradewright.identity.tables import passkeys
from tradewright.system import SystemIds
from tradewright.trading.journal import Drift


def fresh() -> str:
    return str(uuid.uuid4())


async def furnished(site: Site, user: User, owner: Owner) -> dict[str, str]:
    """One of everything that has an id in a path or a body, in the user's workspace."""
    order = place_body()
    async with user.http.post(f"{user.account_path}/intents", json=order) as response:
        assert response.status == 200, await response.text()
        order_id = str((await response.json())["order"]["id"])
    connection = {"id": fresh(), "environment": "demo", "name": "Demo", "key": "a-key", "secret": "a-secret"}
    backtest = {"id": fresh(), "template": "ema_cross"}
    for path, body in (("connections", connection), ("backtests", backtest)):
        async with user.http.post(f"/api/v1/{path}", json=body) as response:
            assert response.status == 202, await response.text()
    async with user.http.post("/api/v1/tokens", json=BODIES["/api/v1/tokens"]) as response:
        token_id = str((await response.json())["token"]["id"])
    await owner.journal.record_drift([Drift("order.foreign", f"{user.account['id']}'s", "", "New")])
    async with site.parts.engine.connect() as database:
        found = await database.scalar(
            text("SELECT id FROM differences WHERE account_id = :id"), {"id": user.account["id"]}
        )
    member = await site.second_user("viewer", workspace=user.workspace_id, username=f"Member {user.account['id'][-6:]}")
    async with user.http.post("/api/v1/workspace/invitations", json={"role": "viewer"}) as response:
        invitation_id = str((await response.json())["invitation"]["id"])
    async with user.http.get("/api/v1/sessions") as response:
        session_id = str((await response.json())["sessions"][0]["id"])
    passkey_id = SystemIds().new()
    async with site.parts.engine.begin() as database:
        await database.execute(
            passkeys.insert().values(
                id=passkey_id,
                user_id=UUID(user.session["user"]["id"]),
                credential_id=passkey_id.bytes,
                public_key=b"",
                sign_count=0,
                rp_id="localhost",
                name="Key",
                synced=False,
                created_at=site.clock.now(),
            )
        )
    return {
        **await furnished_bot(user),
        **await notified(site, user),
        "passkey_id": str(passkey_id),
        "workspace_id": str(user.workspace_id),
        "user_id": member.session["user"]["id"],
        "invitation_id": invitation_id,
        "session_id": session_id,
        "account_id": user.account["id"],
        "intent_id": order["id"],
        "order_id": order_id,
        "connection_id": connection["id"],
        "backtest_id": backtest["id"],
        "token_id": token_id,
        "difference_id": str(found),
    }


async def notified(site: Site, user: User) -> dict[str, str]:
    """Something that the user was told, a channel and an alert of theirs."""
    ids = {"notification_id": str(uuid.uuid4())}
    async with site.parts.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO notifications (id, workspace_id, user_id, kind, severity, params, link, merge_key, merged,"
                " first_at, at) VALUES (:id, :workspace, :user, 'fill', 'info', '{}', '{}', 'x', 1, now(), now())"
            ),
            {"id": ids["notification_id"], "workspace": user.workspace_id, "user": user.session["user"]["id"]},
        )
    for name, path in (("channel_id", "/api/v1/notifications/channels"), ("alert_id", "/api/v1/alerts")):
        async with user.http.post(path, json=BODIES[path]) as response:
            assert response.status == 201, await response.text()
            ids[name] = (await response.json())["id"]
    return ids | dict.fromkeys(("alive_channel_id", "escalate_channel_id"), ids["channel_id"])


async def everything_of(site: Site, user: User) -> dict[str, list[Any]]:
    """Every row of the user's workspace."""
    async with site.parts.engine.connect() as database:
        tables = await database.scalars(
            text("SELECT table_name FROM information_schema.columns WHERE column_name = 'workspace_id' ORDER BY 1")
        )
        return {
            table: [
                tuple(row)
                for row in await database.execute(
                    text(f"SELECT t::text FROM {table} t WHERE workspace_id = :id ORDER BY 1"),
                    {"id": user.workspace_id},
                )
            ]
            for table in tables
            if table != "sessions"
        }
