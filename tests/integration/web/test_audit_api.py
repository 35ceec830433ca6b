"""The audit trail over HTTP: who sees what of it, by filter and page, as CSV, and the story of each order."""

from __future__ import annotations

import asyncio
import csv
import io
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from integration.audit.kit import entry, write
from integration.web.kit import Site, User, place_body, running_owner
from integration.web.test_identity_api import problem
from tradewright.core.clock import milliseconds
from tradewright.core.ids import IntentId, RequestId
from tradewright.trading.bodies import PlaceBody
from tradewright.trading.model import Reason
from tradewright.trading.own_orders import OwnOrder
from tradewright.web import views_audit

ORDERS = 100
HOSTILE = [
    "two\r\nlines",
    "\x1b[31mred\x1b[0m",
    "=HYPERLINK('http://evil.example')",
    "a\u2028b\x85c\x0bd",
    "\x00nul"[1:],
    '"quoted", and; more',
    "‮reversed",
]


async def audit(user: User, **query: str) -> dict[str, Any]:
    async with user.http.get("/api/v1/audit", params=query) as response:
        assert response.status == 200, await response.text()
        return dict(await response.json())


async def test_an_owner_sees_the_workspace_others_their_own_deeds_and_nobody_another_workspace(
    site: Site, ann: User
) -> None:
    bob = await site.second_user("trader", workspace=ann.workspace_id)
    olga = await site.second_user("owner", username="Olga")
    here, bobs_id = ann.workspace_id, uuid.UUID(bob.session["user"]["id"])
    await write(
        site.parts.engine,
        entry(workspace=here, action="order.place", actor_kind="user", actor_id=bobs_id),
        entry(workspace=here, action="order.cancel"),
        entry(workspace=olga.workspace_id, action="order.amend"),
        entry(action="kill.pull"),
    )
    own = await audit(bob)
    assert {each["action"] for each in own["entries"]} == {"order.place", "session.login"}
    assert {each["actor"]["name"] for each in own["entries"]} == {"Bob"}
    assert (own["whole"], [each["name"] for each in own["people"]]) == (False, ["Bob"])
    whole = await audit(ann)
    assert whole["whole"]
    assert {each["action"] for each in whole["entries"]} == {
        *("order.place", "order.cancel", "session.login", "installation.claim"),
        "kill.pull",  # of the installation, whose operator she is
    }
    assert {each["action"] for each in (await audit(olga))["entries"]} == {"order.amend", "session.login"}


async def test_filters_narrow_and_pages_go_on_where_the_last_one_ended(site: Site, ann: User) -> None:
    workspace, account = ann.workspace_id, uuid.UUID(ann.account["id"])
    start = site.clock.now() - timedelta(hours=3)
    await write(
        site.parts.engine,
        *(
            entry(
                account, workspace, action="order.place", object_id=f"o{number}", at=start + timedelta(minutes=number)
            )
            for number in range(7)
        ),
        entry(account, workspace, action="order.cancel", outcome="done", at=start),
        entry(None, workspace, action="orders.other", actor_kind="exchange", at=start),
    )
    pages, before = [], {}
    while True:
        page = await audit(ann, action="order.place", limit="3", **before)
        pages.append([each["object_id"] for each in page["entries"]])
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert pages == [["o6", "o5", "o4"], ["o3", "o2", "o1"], ["o0"]]
    assert len((await audit(ann, action="order"))["entries"]) == 8
    assert [each["action"] for each in (await audit(ann, actor="exchange"))["entries"]] == ["orders.other"]
    assert len((await audit(ann, account_id=str(account), outcome="done"))["entries"]) == 1
    assert [each["object_id"] for each in (await audit(ann, object_kind="order", object_id="o3"))["entries"]] == ["o3"]
    bounds = {"from_ms": str(milliseconds(start)), "to_ms": str(milliseconds(start + timedelta(minutes=2)))}
    assert len((await audit(ann, action="order.place", **bounds))["entries"]) == 2
    async with ann.http.get("/api/v1/audit", params={"before": "nonsense"}) as response:
        assert (await problem(response, 422, "input.invalid")).problems[0].code == "cursor.invalid"
    async with ann.http.get("/api/v1/audit", params={"action": "order' OR true --"}) as response:
        assert response.status == 422


async def test_as_csv_nothing_of_it_runs_or_forges_a_line_and_the_export_is_an_entry(
    site: Site, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views_audit, "PAGE_ROWS", 3)
    await write(
        site.parts.engine,
        *(entry(None, ann.workspace_id, action="x.hostile", after={"said": said}, object_id=said) for said in HOSTILE),
    )
    async with ann.http.get("/api/v1/audit/export.csv", params={"action": "x.hostile"}) as response:
        assert response.status == 200, await response.text()
        assert response.headers["content-type"] == "text/csv; charset=utf-8"
        body = (await response.read()).decode()
    rows = list(csv.DictReader(io.StringIO(body.removeprefix("\ufeff"), newline=""), strict=True))
    assert len(rows) == len(HOSTILE)
    assert {row["action"] for row in rows} == {"x.hostile"}
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())
    (exported,) = (await audit(ann, action="audit.export"))["entries"]
    assert (exported["after"], exported["actor"]["name"]) == ({"action": "x.hostile"}, "Ann")
    site.clock.offset = timedelta(minutes=11)
    async with ann.http.get("/api/v1/audit/export.csv") as response:
        await problem(response, 403, "session.step_up_required")


async def test_a_sensitive_value_is_told_by_its_digest_and_read_nowhere(site: Site, ann: User) -> None:
    async def digest(value: str) -> str:
        async with ann.http.post("/api/v1/audit/digest", json={"value": value}) as response:
            assert response.status == 200
            return str((await response.json())["digest"])

    stored = site.parts.digest_key().shown("a password typed as a name")
    await write(site.parts.engine, entry(None, ann.workspace_id, action="x.tried", after={"name": stored}))
    (seen,) = (await audit(ann, action="x.tried"))["entries"]
    assert seen["after"]["name"] == await digest("a password typed as a name")
    assert seen["after"]["name"] != await digest("another")
    async with site.parts.engine.connect() as connection:
        plain = await connection.scalar(
            text("SELECT count(*) FROM audit_entries WHERE CAST(after AS text) LIKE '%typed as%'")
        )
    assert plain == 0


async def test_of_a_hundred_orders_each_story_is_complete(site: Site, ann: User) -> None:
    """Who, what, when, why; of the version of a strategy and a model's answer, that there were none."""
    own = []
    async with running_owner(site, ann) as owner:
        bodies = [place_body(note="why not" if number % 2 else None) for number in range(ORDERS * 3 // 4)]
        gate = asyncio.Semaphore(8)

        async def ask(body: dict[str, Any]) -> None:
            async with gate, ann.http.post(f"{ann.account_path}/intents", json=body) as response:
                assert response.status in (200, 202), await response.text()

        await asyncio.gather(*map(ask, bodies))
        for _ in range(ORDERS - len(bodies)):
            values = place_body()
            order = OwnOrder(
                body=PlaceBody(
                    id=IntentId(uuid.UUID(values["id"])),
                    category="linear",
                    symbol="BTCUSDT",
                    side="Buy",
                    order_type="Limit",
                    quantity=Decimal("0.01"),
                    price=Decimal("59000"),
                    time_in_force="GTC",
                    reduce_only=False,
                    note=None,
                ),
                source="drift",
                reason=Reason("order.own"),
                validity=timedelta(seconds=30),
            )
            opened = await owner.journal.open_own(order, order.intent(site.clock.now()), RequestId(uuid.uuid4()))
            assert opened is not None
            own.append(values["id"])
    incomplete = {}
    for order_id in [body["id"] for body in bodies] + own:
        async with ann.http.get(f"{ann.account_path}/orders/{order_id}/story") as response:
            assert response.status == 200, await response.text()
            story = (await response.json())["story"]
        who = story["who"]
        by_hand = order_id not in own
        complete = {
            "who": (who["kind"], who["name"]) == (("user", "Ann") if by_hand else ("system", "drift")),
            "what": all(story["what"].get(name) for name in ("symbol", "side", "order_type", "quantity", "price")),
            "when": story["asked_ms"] > 0 and story["entries"][0]["at_ms"] > 0,
            "why": story["why"]["source"] == ("manual" if by_hand else "drift")
            and (by_hand or story["why"]["reason"]["code"] == "order.own"),
            "version": (story["spec_version"], story["model_answer"]) == (None, None),
            "asked": story["entries"][0]["outcome"] == "asked",
            # On a machine that is slow an order's time is over before it is sent, and its story says that.
            "sent": len(story["requests"]) == 1 or story["state"] in ("proposed", "expired"),
        }
        if not all(complete.values()):
            incomplete[order_id] = complete
    assert incomplete == {}


async def test_the_version_of_a_strategy_and_a_models_answer_are_told_where_they_were_written(
    site: Site, ann: User
) -> None:
    async with running_owner(site, ann):
        body = place_body()
        async with ann.http.post(f"{ann.account_path}/intents", json=body) as response:
            assert response.status == 200
    await write(
        site.parts.engine,
        entry(
            uuid.UUID(ann.account["id"]),
            ann.workspace_id,
            object_id=body["id"],
            at=site.clock.now() - timedelta(minutes=1),
            after={"spec_version": "sha256:1234", "model_answer": "0199d000"},
        ),
    )
    async with ann.http.get(f"{ann.account_path}/orders/{body['id']}/story") as response:
        story = (await response.json())["story"]
    assert (story["spec_version"], story["model_answer"]) == ("sha256:1234", "0199d000")
    async with ann.http.get(f"{ann.account_path}/orders/{uuid.uuid4()}/story") as response:
        await problem(response, 404, "not_found")
