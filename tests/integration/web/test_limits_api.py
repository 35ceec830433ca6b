"""Limits over HTTP: what is in force and from which level, what is used, setting one, and what a preview tells."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.web.kit import Owner, Site, User
from integration.web.test_previews_api import draft
from sim.facts import order_report, position, wallet
from tradewright.web.schemas.limits import LimitsState
from tradewright.web.schemas.previews import Preview

PATH = "limits"


async def read(user: User) -> LimitsState:
    async with user.http.get(f"{user.account_path}/{PATH}") as response:
        assert response.status == 200, await response.text()
        return LimitsState.model_validate_json(await response.read())


async def put(user: User, status: int = 200, **body: Any) -> Any:
    async with user.http.put(f"{user.account_path}/{PATH}", json=body) as response:
        assert response.status == status, await response.text()
        raw = await response.read()
        return LimitsState.model_validate_json(raw) if status == 200 else await response.json()


def named(state: LimitsState) -> dict[str, tuple[str | None, str, str | None]]:
    return {one.name: (one.allowed, one.level, one.used) for one in state.limits}


async def test_the_defaults_are_in_force_until_somebody_says_otherwise(site: Site, ann: User) -> None:
    found = named(await read(ann))
    assert found["order_notional"] == ("100000", "installation", None)
    assert found["position_notional"] == ("250000", "installation", "0")
    assert found["open_orders"] == ("100", "installation", "0")
    assert found["quote_age"][0] is None


async def test_a_tighter_account_decides_and_what_it_uses_is_told(site: Site, ann: User) -> None:
    await Owner(site, ann).journal.book([position("0.5"), wallet(), order_report(quantity=Decimal("0.25"))], "stream")
    found = await put(
        ann, level="account", limits=[{"name": "position_notional", "value": "60000"}], symbols=["BTCUSDT"]
    )
    assert named(found)["position_notional"] == ("60000", "account", "45000")
    assert named(found)["open_orders"][2] == "1"
    assert (found.symbols, found.symbols_level) == (["BTCUSDT"], "account")
    wide = await put(
        ann,
        level="account",
        limits=[{"name": "position_notional", "value": "999999999"}],
        confirmations=["position_notional", "symbols"],
    )
    assert named(wide)["position_notional"][:2] == ("250000", "installation")
    assert wide.symbols is None


async def test_what_loosens_is_named_once_more_or_nothing_is_set(site: Site, ann: User) -> None:
    limits = [{"name": "open_orders", "value": "20"}, {"name": "leverage", "value": "3"}]
    before = await put(ann, level="account", limits=limits, symbols=["BTCUSDT"])
    wider: dict[str, Any] = {"level": "account", "limits": [{"name": "open_orders", "value": "21.50"}]}
    for said, missing in (
        ([], ["leverage", "open_orders", "symbols"]),
        (["leverage", "order_notional", "LIVE"], ["open_orders", "symbols"]),
        (["Open_orders", "leverage", "symbols"], ["open_orders"]),
    ):
        answer = await put(ann, 422, **wider, confirmations=said)
        assert {one["code"] for one in answer["problems"]} == {"limits.confirmation_needed"}
        assert [one["params"]["name"] for one in answer["problems"]] == missing
        assert await read(ann) == before
    told = {one["params"]["name"]: one["params"] for one in (await put(ann, 422, **wider))["problems"]}
    assert told["open_orders"] == {"name": "open_orders", "before": "20", "after": "21.5"}
    assert told["leverage"] == {"name": "leverage", "before": "3"}
    assert told["symbols"] == {"name": "symbols"}
    after = await put(ann, **wider, confirmations=["open_orders", "leverage", "symbols"])
    assert named(after)["open_orders"][:2] == ("21.5", "account")
    assert after.symbols is None
    await put(ann, level="account", limits=limits, symbols=["BTCUSDT"])  # what tightens is never asked about


@pytest.mark.parametrize(
    ("level", "setting", "code"),
    [
        ("account", {"name": "open_orders", "value": "0"}, "limits.below"),
        ("account", {"name": "open_orders", "value": "-1"}, "limits.below"),
        ("account", {"name": "daily_loss", "value": None}, "limits.only_above"),
        ("installation", {"name": "order_notional", "value": None}, "limits.needed"),
    ],
)
async def test_a_limit_that_would_be_none_is_refused_and_nothing_is_set(
    site: Site, ann: User, level: str, setting: dict[str, Any], code: str
) -> None:
    before = await read(ann)
    answer = await put(ann, 422, level=level, limits=[setting])
    assert [one["code"] for one in answer["problems"]] == [code]
    assert await read(ann) == before


async def test_a_preview_tells_the_limits_that_the_order_would_touch(site: Site, ann: User) -> None:
    await put(ann, level="account", limits=[{"name": "order_notional", "value": "7000"}])
    async with ann.http.post(f"{ann.account_path}/preview", json=draft(quantity="0.1")) as response:
        near = Preview.model_validate_json(await response.read())
    async with ann.http.post(f"{ann.account_path}/preview", json=draft(quantity="0.2")) as response:
        over = Preview.model_validate_json(await response.read())
    assert [(one.name, one.blocks) for one in near.limits] == [("order_notional", False)]
    assert [(one.name, one.blocks) for one in over.limits] == [("order_notional", True)]
    async with ann.http.post(f"{ann.account_path}/preview", json=draft(quantity="0.2", reduce_only=True)) as response:
        assert Preview.model_validate_json(await response.read()).limits == []
