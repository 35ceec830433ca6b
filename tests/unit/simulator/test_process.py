"""The exchange as a process: the ready line, exit codes, and restarts of one state folder."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.sim_client import SimClient
from tradewright.simulator import SimulatorConfig, serve
from tradewright.simulator.__main__ import main

PATIENCE_S = 20
SAMPLE = Path(__file__).parents[2] / "data" / "btcusdt-linear-1m-sample.csv.gz"


@dataclass(frozen=True, slots=True)
class Child:
    process: asyncio.subprocess.Process
    ready: dict[str, Any]


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tradewright.simulator",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[Child]:
    process = await start("--port", "0", *arguments)
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
        yield Child(process, json.loads(line))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def fails(*arguments: str) -> tuple[int, str]:
    process = await start(*arguments)
    _, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode is not None
    return process.returncode, errors.decode().strip()


async def test_it_says_one_line_when_ready_and_ends_cleanly(tmp_path: Path) -> None:
    async with started("--state", str(tmp_path / "state")) as child, aiohttp.ClientSession() as session:
        assert set(child.ready) == {
            "rest",
            "ws_public",
            "ws_private",
            "ws_trade",
            "market_clock",
            "uid",
            "keys_file",
        }
        async with session.get(f"{child.ready['rest']}/v5/market/time") as response:
            assert (await response.json())["retCode"] == 0
        listening = await session.ws_connect(f"{child.ready['ws_public']}/linear")
        await listening.send_json({"op": "subscribe", "args": ["orderbook.50.BTCUSDT"]})
        await listening.receive_json(timeout=PATIENCE_S)
        child.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(child.process.wait(), PATIENCE_S) == 0
        assert child.process.stdout is not None
        assert await child.process.stdout.read() == b""
    keys_file = Path(child.ready["keys_file"])
    assert stat.S_IMODE(keys_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(keys_file.parent.stat().st_mode) == 0o700


async def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    key = ("--key", "k", "--secret", "s")
    async with started("--state", str(tmp_path), *key) as child, aiohttp.ClientSession() as session:
        client = SimClient.at(child.ready["rest"], session, key="k", secret="s")
        assert (await client.create("Buy", "0.010", "10000.00", orderLinkId="resting")).code == 0
        assert (await client.create("Buy", "0.010", orderLinkId="taken")).code == 0
        child.process.kill()
        await child.process.wait()
    async with started("--state", str(tmp_path), *key) as child, aiohttp.ClientSession() as session:
        client = SimClient.at(child.ready["rest"], session, key="k", secret="s")
        orders = (await client.get("/v5/order/realtime", "category=linear&symbol=BTCUSDT")).rows
        assert [order["orderLinkId"] for order in orders] == ["resting"]
        taken = (await client.get("/v5/order/realtime", "category=linear&orderLinkId=taken")).rows
        assert [order["orderStatus"] for order in taken] == ["Filled"]
        assert (await client.create("Buy", "0.010", orderLinkId="taken")).code == 110072
        wallet = (await client.get("/v5/account/wallet-balance", "accountType=UNIFIED")).rows[0]["coin"][0]
        fees = [row["execFee"] for row in (await client.get("/v5/execution/list", "category=linear")).rows]
        assert wallet["cumRealisedPnl"] == f"-{fees[0]}"
        assert len(fees) == 1


async def test_keys_and_the_market_go_on_after_a_clean_stop(tmp_path: Path) -> None:
    config = SimulatorConfig(state=tmp_path, speed=50.0, market_from="2022-01-15T12:00:00Z")
    first = await serve(config)
    keys, stood_ms = first.keys, first.engine.market.now_ms
    await first.close()
    second = await serve(config)
    assert second.keys == keys
    assert second.engine.market.now_ms >= stood_ms
    assert second.engine.account.coin("USDT").balance == 100_000  # paid in once, not twice
    await second.close()


async def test_after_a_crash_the_market_never_stands_before_its_last_fill(tmp_path: Path) -> None:
    config = SimulatorConfig(
        state=tmp_path / "one",
        market=(f"replay:{SAMPLE}@linear:BTCUSDT",),
        speed=60.0,
        save_market_ms=10**9,  # only the first state is written, as if a crash came before the next
    )
    running = await serve(config)
    async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE_S):
        client = SimClient(running.addresses, running.keys.trading, session)
        executions = await client.private("execution")
        while not (tmp_path / "one" / "market.json").exists():
            await asyncio.sleep(0.01)
        assert (await client.create("Buy", "0.010")).code == 0
        await executions.until(lambda frame: frame.get("topic") == "execution")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    await running.close()
    again = await serve(replace(config, state=tmp_path / "two"))
    filled = [execution.fill for execution in again.engine.account.executions]
    assert again.engine.market.now_ms >= filled[-1].at.market_ms
    assert again.engine.account.position("BTCUSDT").size == filled[-1].quantity
    await again.close()


async def test_a_taken_port_is_one_sentence_and_exit_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, sentence = await fails("--port", str(port))
    assert code == 3
    assert sentence.startswith(f"Port {port} of 127.0.0.1 cannot be used")
    assert len(sentence.splitlines()) == 1


async def test_a_market_that_does_not_exist_is_one_sentence_and_exit_2() -> None:
    code, sentence = await fails("--port", "0", "--market", "replay:/nowhere.csv.gz@linear:BTCUSDT")
    assert code == 2
    assert len(sentence.splitlines()) == 1
    assert "/nowhere.csv.gz" in sentence


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--port", "70000"], "--port 70000 is not from 0 to 65535"),
        (["--ip-limit", "-1"], "--ip-limit -1 is below 0"),
        (["--limit-factor", "-1"], "--limit-factor -1 is below 0"),
        (["--order-delay", "-5"], "--order-delay -5 is not from 0 to"),
        (["--key", "alone"], "--key and --secret belong together"),
        (["--key", "k", "--secret", ""], "--secret must be"),
        (["--key", "two words", "--secret", "s"], "--key must be"),
        (["--fund", "USDT=1e400"], "--fund 'USDT=1e400' must be at most"),
        (["--queue", "x"], "--queue: invalid choice: 'x'"),
    ],
)
def test_an_option_that_cannot_be_meant_is_one_sentence_and_exit_2(
    options: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--port", "0", *options])
    told = capsys.readouterr()
    assert code == 2
    assert len(told.err.splitlines()) == 1
    assert named in told.err
    assert told.out == ""


async def test_an_address_that_is_none_of_this_machine_is_one_sentence_and_exit_3() -> None:
    code, sentence = await fails("--port", "0", "--host", "192.0.2.1")  # an address kept for documentation
    assert code == 3
    assert sentence.startswith("Port 0 of 192.0.2.1 cannot be used")
    assert len(sentence.splitlines()) == 1


async def test_a_market_may_begin_with_the_first_second_there_is() -> None:
    running = await serve(SimulatorConfig(market_from="0"))
    try:
        assert running.engine.market.now_ms >= 0
    finally:
        await running.close()


async def test_a_state_folder_that_is_in_use_is_refused(tmp_path: Path) -> None:
    running = await serve(SimulatorConfig(state=tmp_path))
    code, sentence = await fails("--port", "0", "--state", str(tmp_path))
    await running.close()
    assert code == 11
    assert "in use by another exchange" in sentence.splitlines()[-1]


@pytest.mark.parametrize("name", ["keys.json", "market.json", "log.jsonl"])
async def test_a_state_file_that_makes_no_sense_is_one_sentence_that_names_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{broken\n")
    code, sentence = await fails("--port", "0", "--state", str(tmp_path))
    assert code == 11
    assert len(sentence.splitlines()) == 1
    assert name in sentence
