"""`tradewright accept` against a simulated exchange in demo mode: a whole installation, a real key, all 25 steps.

Lives here: that the steps pass, that nothing is left, that what is in use is left alone, and that report and recordings
hold nothing secret. Demo at Bybit itself has to be tried by somebody with a key.
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.connecting import add_connection, concluded, until_session
from support.demo_exchange import DemoExchange, demo_exchange
from support.installation import Installation, installed


@dataclass(frozen=True, slots=True)
class Desk:
    running: Installation
    demo: DemoExchange
    connection: str
    account: str


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with demo_exchange() as demo:
        # Nothing is believed absent before the receive window is over; the margin beyond it would only be waited for.
        settings = demo.environment() | {"TRADEWRIGHT_SETTLING_MARGIN_S": "0"}
        with installed(environment=settings) as running:
            running.claim()
            trading = demo.keys["trading"]
            connection = add_connection(running, key=trading["key"], secret=trading["secret"])
            found = concluded(running, connection)
            assert found["state"] == "ok", found
            until_session(running, found["account_id"], "ready")
            yield Desk(running, demo, connection, found["account_id"])


def accept(desk: Desk, folder: Path, *more: str) -> tuple[int, str, Any]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tradewright",
            "accept",
            "--connection",
            desk.connection,
            "--folder",
            str(folder),
            *more,
        ],
        env=desk.running._environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    report = folder / "report.json"
    return done.returncode, done.stdout + done.stderr, json.loads(report.read_text()) if report.is_file() else None


def test_all_steps_pass_nothing_is_left_and_nothing_secret_is_written(desk: Desk, tmp_path: Path) -> None:
    code, said, report = accept(desk, tmp_path)
    outcomes = {finding["number"]: finding["outcome"] for finding in report["findings"]}
    # Demo does not tell fees: what the documentation does not list is absent there, and the report says so.
    told = {number: outcome for number, outcome in outcomes.items() if outcome != "passed"}
    assert told == {6: "differs"}, said
    assert (code, len(outcomes), report["left"]) == (0, 25, [])
    answered = report["findings"][24]["facts"]
    assert len(answered) >= 9
    assert all("404" in answer for answer in answered.values()), answered
    page = (tmp_path / "report.md").read_text()
    assert "25 steps: 24 passed, 1 differs, 0 failed, 0 skipped" in page
    lines = [json.loads(line) for line in (tmp_path / "recordings.jsonl").read_text().splitlines()]
    assert {line["kind"] for line in lines} == {"call", "frame"}
    assert {"request lost here", "reply lost here"} <= {line.get("note") for line in lines}
    written = page + (tmp_path / "report.json").read_text() + (tmp_path / "recordings.jsonl").read_text() + said
    for secret in (desk.demo.keys["trading"]["key"], desk.demo.keys["trading"]["secret"], desk.demo.uid):
        assert secret not in written
    # The account is looked after again, and saw what happened meanwhile without a difference of its own orders.
    until_session(desk.running, desk.account, "ready")
    assert desk.running.table(desk.account, "positions")["positions"] == []


def test_a_contract_in_use_is_left_alone_with_its_order_its_position_and_its_stop(desk: Desk, tmp_path: Path) -> None:
    until_session(desk.running, desk.account, "ready")
    bought, status, answer = desk.running.place(desk.account, quantity="0.05")
    assert status in (200, 202), answer
    desk.running.until(desk.account, bought, "filled")
    resting, status, answer = desk.running.limit(desk.account, "20000")
    assert status in (200, 202), answer
    desk.running.until(desk.account, resting, "working")
    stop = {"kind": "exits", "category": "linear", "symbol": "BTCUSDT", "stop_loss": "21000"}
    path = f"/api/v1/accounts/{desk.account}/intents"
    status, answer = desk.running.request("POST", path, {"id": str(uuid.uuid4()), **stop})
    assert status == 200, answer

    code, said, report = accept(desk, tmp_path / "in_use")
    assert code == 1
    assert "--even-if-in-use" in said
    outcomes = [finding["outcome"] for finding in report["findings"]]
    assert outcomes[6] == "failed"
    assert set(outcomes[7:]) == {"skipped"}
    assert report["left"] == []

    # Asked to go on beside them, it tries what rests and leaves the position's steps out.
    code, said, report = accept(desk, tmp_path / "beside", "--even-if-in-use")
    outcomes = [finding["outcome"] for finding in report["findings"]]
    assert (code, report["left"]) == (0, []), said
    assert set(outcomes[10:21]) == {"passed"}
    assert set(outcomes[21:24]) == {"skipped"}

    until_session(desk.running, desk.account, "ready")
    assert desk.running.intent(desk.account, resting)["status"] == "working"
    (position,) = desk.running.table(desk.account, "positions")["positions"]
    assert (position["side"], position["size"], position["stop_loss"]) == ("Buy", "0.05", "21000")


def test_a_connection_that_is_not_there_is_told_with_those_that_are(desk: Desk) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tradewright", "accept", "--connection", "00000000-0000-7000-8000-000000000000"],
        env=desk.running._environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert desk.connection in done.stderr
    assert "Traceback" not in done.stderr
