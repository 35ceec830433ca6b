"""Price alerts over HTTP: made with the instrument's rules, changed by who read them last, and never an order."""

from __future__ import annotations

from typing import Any

ALERT: dict[str, Any] = {
    "environment": "sim", "category": "linear", "symbol": "BTCUSDT", "price_by": "mark", "direction": "below",
    "price": "55000.5", "repeats": True, "ends_ms": None, "note": "<script>alert(1)</script>",
}  # fmt: skip


async def test_an_alert_is_made_listed_changed_paused_and_removed(site, ann):
    async with ann.http.post("/api/v1/alerts", json=ALERT) as response:
        assert response.status == 201
        made = await response.json()
    assert {name: made[name] for name in ALERT} == ALERT
    assert (made["state"], made["version"]) == ("waiting", 1)
    changed = ALERT | {"price": "54000", "version": 1}
    async with ann.http.put(f"/api/v1/alerts/{made['id']}", json=changed) as response:
        assert (await response.json())["price"] == "54000"
    async with ann.http.put(f"/api/v1/alerts/{made['id']}", json=changed) as response:
        assert (response.status, (await response.json())["code"]) == (409, "alert.moved")
    for deed, state in (("pause", "paused"), ("pause", "paused"), ("resume", "waiting")):
        async with ann.http.post(f"/api/v1/alerts/{made['id']}/{deed}") as response:
            assert (await response.json())["state"] == state
    async with ann.http.get("/api/v1/alerts") as response:
        assert [each["id"] for each in (await response.json())["alerts"]] == [made["id"]]
    for status in (204, 404):
        async with ann.http.post(f"/api/v1/alerts/{made['id']}/remove") as response:
            assert response.status == status
    assert await site.count("intents") == 0


async def test_what_the_instrument_does_not_allow_is_refused_at_its_field(ann):
    for changed, field, code in (
        ({"price": "55000.55"}, "price", "alert.tick"),
        ({"price": "0"}, "price", "alert.price"),
        ({"ends_ms": 1}, "ends_ms", "alert.ends_at"),
        ({"category": "spot", "price_by": "mark"}, "price_by", "alert.no_mark"),
    ):
        async with ann.http.post("/api/v1/alerts", json=ALERT | changed) as response:
            problem = (await response.json())["problems"][0]
            assert (response.status, problem["field"], problem["code"]) == (422, field, code)
    async with ann.http.post("/api/v1/alerts", json=ALERT | {"symbol": "NONEUSDT"}) as response:
        assert response.status == 404
