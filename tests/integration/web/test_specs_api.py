"""Strategies over the API: checked, explained, compared; how often; and that the loop is not held meanwhile."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from uuid import UUID

import pytest

from integration.web.kit import Site, User
from support.specs import EXAMPLE
from tradewright.core.ids import UserId
from tradewright.strategy.functions.table import FUNCTIONS
from tradewright.strategy.templates import TEMPLATES
from tradewright.system import SystemClock
from tradewright.web.errors import TooManyRequests
from tradewright.web.specs import CALLS_MAX, WINDOW_S, SpecDesk

SOMEBODY = UserId(UUID(int=1))


async def post(user: User, what: str, **body: Any) -> tuple[int, dict[str, Any]]:
    async with user.http.post(f"/api/v1/specs/{what}", json=body) as response:
        return response.status, await response.json()


async def test_a_right_spec_is_told_with_what_it_needs(site: Site, ann: User) -> None:
    status, found = await post(ann, "check", text=EXAMPLE, params=[{"name": "fast", "value": "9"}])
    assert status == 200
    assert (found["ok"], found["errors"]) == (True, [])
    assert (found["spec"]["kind"], found["spec"]["symbol"], found["spec"]["timeframe"]) == ("signal", "BTCUSDT", "15m")
    assert {"name": "fast", "value": "9"} in found["spec"]["params"]
    assert found["facts"]["max_position_quote"] == "100"
    assert found["facts"]["timeframes"] == ["15m", "4h"]


async def test_a_wrong_spec_is_a_good_answer_with_its_places(site: Site, ann: User) -> None:
    status, found = await post(ann, "check", text=EXAMPLE.replace("crosses_above", "croses_above", 1))
    assert (status, found["ok"], found["facts"], found["spec"]) == (200, False, None, None)
    (fault,) = found["errors"]
    assert (fault["path"], fault["line"]) == ("/rules/enter_long", 15)
    assert fault["hint"] == "did you mean `crosses_above`?"


async def test_it_is_explained_in_both_languages_and_not_at_all_when_wrong(site: Site, ann: User) -> None:
    told = {language: (await post(ann, "explain", text=EXAMPLE, language=language))[1] for language in ("en", "ru")}
    english, russian = (told[one]["sections"] for one in ("en", "ru"))
    assert [section["key"] for section in english] == [section["key"] for section in russian]
    assert any("BTCUSDT" in line for line in english[0]["lines"])
    assert any("а" <= letter <= "я" for letter in russian[0]["lines"][0])
    status, wrong = await post(ann, "explain", text="version: 1")
    assert (status, wrong["sections"], wrong["checked"]["ok"]) == (200, None, False)


async def test_a_diff_names_what_changed_in_meaning(site: Site, ann: User) -> None:
    _, found = await post(ann, "diff", old=EXAMPLE, new=EXAMPLE.replace("leverage: 3", "leverage: 5"))
    (change,) = found["changes"]
    assert (change["path"], change["kind"]) == ("/leverage", "changed")
    _, same = await post(ann, "diff", old=EXAMPLE, new=f"# a comment\n{EXAMPLE}")
    assert same["changes"] == []
    _, wrong = await post(ann, "diff", old=EXAMPLE, new="version: 1")
    assert (wrong["changes"], wrong["old"]["ok"], wrong["new"]["ok"]) == (None, True, False)


async def test_an_editor_finds_functions_templates_and_schema(site: Site, ann: User) -> None:
    async with ann.http.get("/api/v1/specs/functions") as response:
        functions = (await response.json())["functions"]
    assert {one["name"] for one in functions} == set(FUNCTIONS)
    assert next(one["signature"] for one in functions if one["name"] == "ema") == "ema(x, n)"
    async with ann.http.get("/api/v1/specs/templates") as response:
        templates = (await response.json())["templates"]
    assert tuple(one["template"] for one in templates) == TEMPLATES
    for one in templates:
        assert (await post(ann, "check", text=one["text"]))[1]["spec"] == one["spec"]
    async with ann.http.get("/api/v1/specs/schema") as response:
        assert "Strategy Spec" in (await response.json())["json_schema"]["title"]


async def test_a_body_that_is_too_long_is_refused_by_its_field(site: Site, ann: User) -> None:
    status, found = await post(ann, "check", text="x" * 65_537)
    assert (status, found["problems"][0]["field"], found["problems"][0]["code"]) == (422, "text", "input.too_long")


async def test_who_asks_too_often_is_told_when_to_try_again(site: Site, ann: User) -> None:
    answers = [await post(ann, "check", text="version: 1") for _ in range(CALLS_MAX + 1)]
    assert [status for status, _ in answers] == [200] * CALLS_MAX + [429]
    refused = answers[-1][1]
    assert refused["code"] == "request.too_many"
    assert 1 <= int(refused["params"]["retry_after_s"]) <= WINDOW_S
    bob = await site.second_user("owner")
    assert (await post(bob, "check", text="version: 1"))[0] == 200  # each has their own


class StillClock(SystemClock):
    at_s = 0.0

    def monotonic(self) -> float:
        return self.at_s


async def test_work_counts_too_and_is_forgotten_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, desk = StillClock(), SpecDesk()
    costs = iter((6.0, 5.0, 0.0))
    monkeypatch.setattr("tradewright.web.specs._measured", lambda work: (work(), next(costs)))
    assert await desk.ask(SOMEBODY, clock, lambda: 1) == 1
    clock.at_s = 20.0
    assert await desk.ask(SOMEBODY, clock, lambda: 2) == 2  # six seconds are used: it may go over
    with pytest.raises(TooManyRequests) as refused:
        await desk.ask(SOMEBODY, clock, lambda: 3)
    assert refused.value.retry_after_s == 40
    clock.at_s = 60.5
    assert await desk.ask(SOMEBODY, clock, lambda: 4) == 4


async def test_the_loop_goes_on_while_a_spec_is_read() -> None:
    desk, may_end, began = SpecDesk(), threading.Event(), threading.Event()

    def slow() -> bool:
        began.set()
        return may_end.wait(30)

    reading = asyncio.create_task(desk.ask(SOMEBODY, SystemClock(), slow))
    while not began.is_set():
        await asyncio.sleep(0)
    assert not reading.done()  # and this loop is here to say so
    may_end.set()
    assert await reading
