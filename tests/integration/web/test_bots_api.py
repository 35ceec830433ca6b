"""Strategies, bots and runs over the API: made, started, wished of, read, exported. The owner of the account is played
by rows, as it writes them."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from integration.web.kit import Site, User, keep_instruments
from tradewright.strategy.templates import template_text
from tradewright.system import SystemIds

IDS = SystemIds()


async def ask(user: User, method: str, path: str, body: Any = None, **params: Any) -> tuple[int, dict[str, Any]]:
    async with user.http.request(method, f"/api/v1{path}", json=body, params=params or None) as response:
        return response.status, await response.json()


async def kept_strategy(user: User, template: str = "ema_cross") -> dict[str, Any]:
    body = {"id": str(IDS.new()), "name": "Mine", "template": template}
    status, answer = await ask(user, "POST", "/strategies", body)
    assert status == 201, answer
    return dict(answer["strategy"])


async def settings(user: User, **changed: Any) -> dict[str, Any]:
    strategy = changed.pop("strategy", None) or await kept_strategy(user)
    return {
        "spec_version_id": strategy["newest"]["id"],
        "account_id": user.account["id"],
        "category": "linear",
        "symbol": "BTCUSDT",
        "capital": "1000",
        "limits": {"max_loss": "50"},
        "duration_ms": 300_000,
        "at_end": "close",
        **changed,
    }


async def made_bot(user: User, name: str = "Grid-7", **changed: Any) -> dict[str, Any]:
    body = {"id": str(IDS.new()), "name": name, "settings": await settings(user, **changed)}
    status, answer = await ask(user, "POST", "/bots", body)
    assert status == 201, answer
    return dict(answer["bot"])


async def started(user: User, bot: dict[str, Any], **said: Any) -> dict[str, Any]:
    body = {"id": str(IDS.new()), "bot_version": 1, **said}
    status, answer = await ask(user, "POST", f"/bots/{bot['id']}/runs", body)
    assert status == 202, answer
    return dict(answer["run"])


async def wrote(site: Site, run: dict[str, Any], *events: tuple[str, dict[str, Any]]) -> None:
    """What the owner writes: events, and the run's row with them."""
    async with site.parts.engine.begin() as connection:
        row = (
            await connection.execute(
                text("SELECT event_seq, workspace_id FROM runs WHERE id = :id FOR UPDATE"), {"id": run["id"]}
            )
        ).one()
        for seq, (kind, payload) in enumerate(events, row.event_seq + 1):
            await connection.execute(
                text(
                    "INSERT INTO run_events (run_id, seq, workspace_id, at, kind, caused_by, payload) VALUES"
                    " (:run, :seq, :workspace, clock_timestamp(), :kind, :cause, CAST(:payload AS jsonb))"
                ),
                {
                    "run": run["id"],
                    "seq": seq,
                    "workspace": row.workspace_id,
                    "kind": kind,
                    "cause": seq - 1 or None,
                    "payload": json.dumps(payload),
                },
            )
        newest = row.event_seq + len(events)
        await connection.execute(
            text("UPDATE runs SET event_seq = :seq WHERE id = :id"), {"seq": newest, "id": run["id"]}
        )
        await connection.execute(text("SELECT pg_notify('run_events', :hint)"), {"hint": f"{run['id']}:{newest}"})


async def test_from_a_template_to_a_run_and_back(site: Site, ann: User) -> None:
    strategy = await kept_strategy(ann)
    assert (strategy["newest"]["number"], strategy["newest"]["author"]) == (1, "template")
    bot = await made_bot(ann, strategy=strategy)
    assert (bot["state"], bot["current"]["number"], bot["newest_run"]) == ("ready", 1, None)
    assert bot["current"]["spec"]["strategy_name"] == "Mine"
    run = await started(ann, bot)
    assert (run["state"], run["number"], run["queue"], run["max_loss"]) == ("starting", 1, None, "50")
    status, again = await ask(ann, "POST", f"/bots/{bot['id']}/runs", {"id": run["id"], "bot_version": 1})
    assert (status, again["run"]["id"]) == (202, run["id"])
    second = await started(ann, await made_bot(ann, "Other", strategy=strategy))
    assert (second["state"], second["queue"]) == ("queued", {"held_by": "symbol", "ahead": 0, "limit": None})
    for wish, body, told in (
        ("pause", None, {"paused": True}),
        ("resume", None, {"paused": False}),
        ("stop", {"how": "gentle"}, {"stop": "gentle"}),
        ("stop", {"how": "close"}, {"stop": "close"}),
    ):
        status, answer = await ask(ann, "POST", f"/runs/{run['id']}/{wish}", body)
        assert (status, answer["run"]["wishes"] | told) == (200, answer["run"]["wishes"])
    status, answer = await ask(ann, "POST", f"/runs/{run['id']}/extend", {"duration_ms": 600_000})
    assert (status, answer["code"]) == (409, "run.stopping")
    _, listed = await ask(ann, "GET", "/bots", run_state="starting")
    assert [each["name"] for each in listed["bots"]] == ["Grid-7"]
    _, runs = await ask(ann, "GET", "/runs", state="queued")
    assert [each["id"] for each in runs["runs"]] == [second["id"]]


async def test_settings_that_cannot_be_are_refused_each_with_its_code(site: Site, ann: User) -> None:
    strategy = await kept_strategy(ann)
    for changed, code in (
        ({"spec_version_id": str(IDS.new())}, "bot.spec_version_unknown"),
        ({"account_id": str(IDS.new())}, "bot.account_unknown"),
        ({"symbol": "NONEUSDT"}, "bot.symbol_not_listed"),
        ({"category": "spot"}, "bot.category_differs"),
        ({"limits": {"max_loss": "1001"}}, "bot.max_loss_above_capital"),
        ({"limits": {"max_loss": "0"}}, "input.range"),
        ({"params": [{"name": "nothing", "value": "1"}]}, "bot.params_wrong"),
    ):
        body = {"id": str(IDS.new()), "name": "Bad", "settings": await settings(ann, strategy=strategy, **changed)}
        status, answer = await ask(ann, "POST", "/bots", body)
        assert (status, [each["code"] for each in answer["problems"]]) == (422, [code]), changed
    status, answer = await ask(ann, "POST", "/strategies", {"id": str(IDS.new()), "name": "x", "text": "version: 1"})
    assert (status, answer["problems"][0]["code"]) == (422, "strategy.spec_wrong")


async def test_versions_of_texts_and_of_settings(site: Site, ann: User) -> None:
    strategy = await kept_strategy(ann)
    path = f"/strategies/{strategy['id']}"
    new = {"id": str(IDS.new()), "text": template_text("ema_cross") + "\n# mine", "message": "a comment"}
    status, answer = await ask(ann, "POST", f"{path}/versions", new)
    assert (status, answer["version"]["number"], answer["version"]["author"]) == (201, 2, "user")
    assert answer["version"]["sha256"] == strategy["newest"]["sha256"]  # it means the same
    _, one = await ask(ann, "GET", f"{path}/versions/2")
    assert one["version"]["text"] == new["text"]
    bot = await made_bot(ann, strategy=strategy)
    edited = await settings(ann, strategy=strategy, capital="2000")
    status, answer = await ask(ann, "PUT", f"/bots/{bot['id']}/settings", {"version": 1, "settings": edited})
    assert (status, answer["bot"]["current"]["number"], answer["bot"]["current"]["capital"]) == (200, 2, "2000")
    status, answer = await ask(ann, "POST", f"/bots/{bot['id']}/runs", {"id": str(IDS.new()), "bot_version": 1})
    assert (status, answer["code"]) == (409, "bot.changed")
    _, versions = await ask(ann, "GET", f"/bots/{bot['id']}/versions")
    assert [each["capital"] for each in versions["versions"]] == ["2000", "1000"]


async def test_what_stands_against_a_start_is_shown_before_it(site: Site, ann: User) -> None:
    bot = await made_bot(ann)
    _, told = await ask(ann, "GET", f"/bots/{bot['id']}/start-checks")
    verdicts = {each["name"]: (each["verdict"], each["code"]) for each in told["checks"]}
    assert verdicts["strategy"] == verdicts["kind"] == verdicts["symbol"] == ("pass", None)
    assert verdicts["account"] == ("warn", "run.account_not_ready")
    assert verdicts["max_loss"] == ("warn", "run.daily_loss_unknown")
    assert (told["confirmation"], told["untested"], told["bot_version"]) == (None, [], 1)


async def test_real_money_without_a_trial_needs_the_words_and_a_fresh_proof(site: Site, ann: User) -> None:
    live = await site.add_account(ann, "live")
    await keep_instruments(site.parts.engine, site.market, "live")
    async with asyncio.timeout(20):
        while "live" not in site.parts.markets.followed or not site.parts.markets.know_instruments:
            await asyncio.sleep(0.02)
    async with site.parts.engine.begin() as connection:
        await connection.execute(text("UPDATE accounts SET session_state = 'ready' WHERE id = :id"), {"id": live})
    bot = await made_bot(ann, "Careful", account_id=str(live), symbol="BTCUSDT")
    _, told = await ask(ann, "GET", f"/bots/{bot['id']}/start-checks")
    assert (told["confirmation"], told["untested"]) == ("Careful", ["UNTESTED", "БЕЗ ПРОВЕРКИ"])
    body = {"id": str(IDS.new()), "bot_version": 1, "confirmation": "careful", "untested": "untested"}
    site.clock.offset += timedelta(minutes=11)
    status, answer = await ask(ann, "POST", f"/bots/{bot['id']}/runs", body)
    assert (status, answer["code"]) == (403, "session.step_up_required")
    site.clock.offset -= timedelta(minutes=11)
    status, answer = await ask(ann, "POST", f"/bots/{bot['id']}/runs", body)
    assert (status, {each["code"] for each in answer["problems"]}) == (422, {"account.real_trading_off"})


async def test_events_are_read_searched_and_exported_safely(site: Site, ann: User) -> None:
    run = await started(ann, await made_bot(ann, "=Bot"))
    await wrote(
        site,
        run,
        ("lifecycle", {"state": "running"}),
        ("bar", {"open_ms": 1_700_000_000_000, "close": "60000.5", "rules": []}),
        ("note", {"code": "bar.late", "params": {"text": "=1+1"}}),
    )
    _, page = await ask(ann, "GET", f"/runs/{run['id']}/events")
    assert [each["seq"] for each in page["events"]] == [3, 2, 1]
    assert (page["events"][1]["caused_by"], page["next"], page["event_seq"]) == (1, None, 3)
    _, page = await ask(ann, "GET", f"/runs/{run['id']}/events", kind="bar", after=0)
    assert page["events"][0]["payload"]["close"] == "60000.5"
    _, page = await ask(ann, "GET", f"/runs/{run['id']}/events", search="BAR.LATE")
    assert [each["seq"] for each in page["events"]] == [3]
    async with ann.http.get(f"/api/v1/runs/{run['id']}/export/events.csv") as response:
        raw = (await response.read()).decode("utf-8-sig")
        assert response.status == 200
        assert "=Bot" in response.headers["content-disposition"] or "%3DBot" in response.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(raw)))
    assert [row["kind"] for row in rows] == ["lifecycle", "bar", "note"]
    assert json.loads(rows[2]["payload"])["params"]["text"] == "=1+1"
    async with ann.http.get(f"/api/v1/runs/{run['id']}/export/events.json") as response:
        found = json.loads(await response.read())
    assert [each["kind"] for each in found["events"]] == ["lifecycle", "bar", "note"]
    async with ann.http.get(f"/api/v1/runs/{run['id']}/export/trades.json") as response:
        assert json.loads(await response.read()) == {"trades": []}
    status, answer = await ask(ann, "GET", f"/runs/{run['id']}/report")
    assert (status, answer["code"]) == (409, "run.no_report")


async def test_trades_and_the_report_are_told_as_their_owner_wrote_them(site: Site, ann: User) -> None:
    run = await started(ann, await made_bot(ann))
    trade = '{"side": "long", "qty": "0.01", "entry_time": 1700000000000, "pnl": "-1.20", "pnl_pct": 0.10}'
    async with site.parts.engine.begin() as connection:
        for number in (1, 2, 3):
            await connection.execute(
                text(
                    "INSERT INTO run_trades (run_id, number, workspace_id, payload, exit_ms)"
                    " VALUES (:run, :number, :workspace, CAST(:payload AS jsonb), 1)"
                ),
                {"run": run["id"], "number": number, "workspace": ann.workspace_id, "payload": trade},
            )
        await connection.execute(
            text(
                "UPDATE runs SET state = 'finished', ended_at = clock_timestamp(),"
                ' report = CAST(\'{"net": "4.12", "ratio": 0.50}\' AS jsonb) WHERE id = :id'
            ),
            {"id": run["id"]},
        )
    async with ann.http.get(f"/api/v1/runs/{run['id']}/trades?limit=2") as response:
        raw = await response.text()
    assert '"pnl_pct": 0.10' in raw
    assert (json.loads(raw)["next"], len(json.loads(raw)["trades"])) == (2, 2)
    _, rest = await ask(ann, "GET", f"/runs/{run['id']}/trades", after=2)
    assert ([each["number"] for each in rest["trades"]], rest["next"]) == ([3], None)
    async with ann.http.get(f"/api/v1/runs/{run['id']}/report") as response:
        assert '"ratio": 0.50' in await response.text()
    async with ann.http.get(f"/api/v1/runs/{run['id']}/export/trades.csv") as response:
        rows = list(csv.DictReader(io.StringIO((await response.read()).decode("utf-8-sig"))))
    assert (rows[0]["entry_time"], rows[0]["pnl"], rows[0]["exit_time"]) == ("2023-11-14T22:13:20.000Z", "-1.20", "")


async def test_the_events_of_a_run_arrive_in_sequence_and_are_resumed(site: Site, ann: User) -> None:
    run = await started(ann, await made_bot(ann))
    topic = f"run:{run['id']}"
    await wrote(site, run, ("lifecycle", {"state": "running"}))
    async with ann.http.ws_connect("/api/v1/stream") as stream:
        await stream.send_json({"op": "subscribe", "topics": [topic]})
        first = await of_topic(stream, topic)
        assert (first["type"], first["seq"], first["data"]["run"]["id"]) == ("snapshot", 1, run["id"])
        assert [each["seq"] for each in first["data"]["events"]] == [1]
        await wrote(site, run, ("bar", {"n": 2}), ("bar", {"n": 3}))
        assert [(await of_topic(stream, topic))["data"]["payload"] for _ in range(2)] == [{"n": 2}, {"n": 3}]
    await wrote(site, run, *(("bar", {"n": n}) for n in range(4, 604)))
    async with ann.http.ws_connect("/api/v1/stream") as stream:
        await stream.send_json({"op": "subscribe", "topics": [topic], "resume": {topic: 3}})
        told = [await of_topic(stream, topic) for _ in range(600)]
        assert [each["seq"] for each in told] == list(range(4, 604))
        assert {each["type"] for each in told} == {"delta"}


async def test_how_runs_stand_is_told_to_their_workspace_and_to_no_other(site: Site, ann: User) -> None:
    olga = await site.second_user("owner", username="Olga")
    bot = await made_bot(ann)
    async with ann.http.ws_connect("/api/v1/stream") as hers, olga.http.ws_connect("/api/v1/stream") as others:
        for stream in (hers, others):
            await stream.send_json({"op": "subscribe", "topics": ["runs"]})
            assert (await of_topic(stream, "runs"))["data"] == {"runs": []}
        run = await started(ann, bot)
        told = await of_topic(hers, "runs")
        assert (told["seq"], told["data"]["run"]["id"]) == (1, run["id"])
        while told["data"]["run"]["state"] != "starting":
            told = await of_topic(hers, "runs")
        await ask(ann, "POST", f"/runs/{run['id']}/pause")
        while not told["data"]["run"]["wishes"]["paused"]:
            told = await of_topic(hers, "runs")
        await wrote(site, run, ("bar", {}))
        while told["data"]["run"]["event_seq"] != 1:
            told = await of_topic(hers, "runs")
        theirs = await started(olga, await made_bot(olga))
        assert (await of_topic(others, "runs"))["data"]["run"]["id"] == theirs["id"]
    UUID(run["id"])


async def of_topic(stream: Any, topic: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = await stream.receive_json(timeout=20)
        assert message["type"] != "error", message
        if message.get("topic") == topic:
            return message
