"""What the streams of each category say to subscriptions and pings, key by key; and what they refuse."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from support.sim_client import SimClient, Stream
from tradewright.simulator import RunningSimulator
from tradewright.simulator.streams.manners import OptionManners, Refusal
from tradewright.simulator.streams.public import OPTION_ARGS_MAX


async def stream_of(client: SimClient, category: str) -> Stream:
    return Stream(await client.session.ws_connect(f"{client.addresses.ws_public}/{category}"))


async def answer(stream: Stream, **frame: Any) -> dict[str, Any]:
    await stream.send(**frame)
    return await stream.until(lambda frame: "topic" not in frame)


@pytest.mark.parametrize(
    ("category", "keys", "pong"),
    [
        ("linear", ["success", "ret_msg", "conn_id", "req_id", "op"], {"op": "ping", "ret_msg": "pong"}),
        ("inverse", ["success", "ret_msg", "conn_id", "req_id", "op"], {"op": "ping", "ret_msg": "pong"}),
        ("spot", ["success", "ret_msg", "conn_id", "op"], {"op": "ping", "ret_msg": "pong"}),
        ("option", ["args", "op"], {"op": "pong"}),
        ("misc/status", ["success", "ret_msg", "conn_id", "req_id", "op"], {"op": "ping", "ret_msg": "pong"}),
    ],
)
async def test_a_ping_is_answered_in_the_dialect_of_the_category(
    client: SimClient, category: str, keys: list[str], pong: dict[str, str]
) -> None:
    for asked in ({}, {"req_id": 18}, {"req_id": "p", "args": []}):
        told = await answer(await stream_of(client, category), op="ping", **asked)
        assert list(told) == keys
        assert told.items() >= pong.items()
        if "req_id" in keys:
            assert told["req_id"] == asked.get("req_id", "")


async def test_options_report_the_topics_that_failed_and_the_words_of_others_are_theirs(client: SimClient) -> None:
    told = await answer(await stream_of(client, "option"), op="subscribe", req_id="r", args=["tickers.NOPE"])
    assert list(told) == ["success", "conn_id", "data", "type"]
    assert (told["success"], told["type"]) == (False, "COMMAND_RESP")
    assert told["data"] == {"failTopics": ["tickers.NOPE"], "successTopics": []}
    for category in ("linear", "spot"):
        told = await answer(await stream_of(client, category), op="subscribe", req_id="r", args=["tickers.NOPE"])
        assert (told["success"], told["req_id"], told["op"]) == (False, "r", "subscribe")
        assert told["ret_msg"] == "error:handler not found,topic:tickers.NOPE"


@pytest.mark.parametrize("category", ["linear", "spot", "option"])
async def test_a_request_without_a_list_of_topics_is_refused_in_every_dialect(client: SimClient, category: str) -> None:
    stream = await stream_of(client, category)
    assert (await answer(stream, op="subscribe"))["success"] is False
    for nothing in ([], "publicTrade.BTC"):
        assert (await answer(stream, op="subscribe", args=nothing))["success"] is False


def test_an_agreement_of_the_option_stream_names_what_is_subscribed() -> None:
    topics = ["orderbook.100.BTC-6JAN23-18000-C"]
    told = OptionManners().agreement({"op": "subscribe", "req_id": "x"}, "c", topics)
    assert told == {
        "success": True,
        "conn_id": "c",
        "data": {"failTopics": [], "successTopics": topics},
        "type": "COMMAND_RESP",
    }
    assert OptionManners().refusal({}, "c", Refusal("no", ("t",)))["success"] is False


async def test_the_characters_of_all_topics_of_a_connection_are_counted(client: SimClient) -> None:
    stream = await stream_of(client, "linear")
    assert (await answer(stream, op="subscribe", args=["tickers.BTCUSDT"]))["success"] is True
    long = "x" * (21_000 - len("tickers.BTCUSDT"))
    assert (await answer(stream, op="subscribe", args=[long]))["ret_msg"].startswith("error:handler not found")
    assert (await answer(stream, op="subscribe", args=[long + "x"]))["ret_msg"] == "Params Error"
    assert (await answer(stream, op="unsubscribe", args=["tickers.BTCUSDT"]))["success"] is True
    assert (await answer(stream, op="subscribe", args=[long + "x"]))["ret_msg"].startswith("error:handler")


async def test_options_take_two_thousand_topics_at_most(client: SimClient) -> None:
    stream = await stream_of(client, "option")
    told = await answer(stream, op="subscribe", args=["x"] * (OPTION_ARGS_MAX + 1))
    assert (told["success"], len(told["data"]["failTopics"])) == (False, OPTION_ARGS_MAX + 1)


@pytest.mark.parametrize("category", ["linear", "spot", "option"])
async def test_unknown_operations_are_ignored_and_what_is_no_object_is_not(client: SimClient, category: str) -> None:
    stream = await stream_of(client, category)
    await stream.send(op="pong", args=[])
    await stream.send(op=["ping"])
    await stream.socket.send_str("[]")
    first = await stream.next()
    assert first.get("ret_msg", "Params Error") == "Params Error"
    await stream.send(op="ping")
    assert "pong" in str(await stream.next())


async def test_private_topics_come_under_every_name_they_have(client: SimClient) -> None:
    every = [
        f"{topic}.{category}"
        for topic in ("order", "execution", "execution.fast")
        for category in ("spot", "linear", "inverse", "option")
    ] + ["position.linear", "position.inverse", "position.option"]
    plain = ["order", "execution", "execution.fast", "position"]
    whole = ["wallet", "greeks", "dcp.future", "dcp.spot", "dcp.option", "strategy"]
    stream = await client.private()
    assert (await stream.next())["op"] == "auth"
    for topics in (every, plain, whole, [*every, *whole], [*plain, *whole], plain):
        told = await answer(stream, op="subscribe", req_id=7, args=topics)
        assert list(told) == ["success", "ret_msg", "op", "conn_id", "req_id"]
        assert (told["success"], told["req_id"]) == (True, 7)
    for topics in (["position.spot"], ["wallet.linear"], ["dcp"], ["order.spread"], ["order", "execution.linear"]):
        assert (await answer(stream, op="subscribe", args=topics))["success"] is False
    await client.create("Buy", "0.010", orderLinkId="fills")
    told = await stream.until(lambda frame: frame.get("topic") == "wallet")
    names = [frame["topic"] for frame in stream.seen if "topic" in frame]
    moved = ["execution", "execution.linear", "execution.fast", "execution.fast.linear", "order", "order.linear"]
    assert names == [*moved, "position", "position.linear", "wallet"]
    fast = next(frame for frame in stream.seen if frame.get("topic") == "execution.fast")
    assert "id" not in fast
    assert (await answer(stream, op="unsubscribe", args=every))["success"] is True
    stream.seen.clear()
    await client.create("Sell", "0.010", orderLinkId="closes")
    await stream.until(lambda frame: frame.get("topic") == "wallet")
    names = [frame["topic"] for frame in stream.seen]
    assert names == ["execution", "execution.fast", "order", "position", "wallet"]


async def test_an_account_hears_of_itself_alone(client: SimClient, running: RunningSimulator) -> None:
    other = running.add_account([("USDT", Decimal(5_000))])
    neighbour = SimClient(client.addresses, other.keys.trading, client.session)
    topics = ("order", "execution", "position", "wallet")
    streams = {"first": await client.private(*topics), "other": await neighbour.private(*topics)}
    for name, whose in (("other", neighbour), ("first", client)):
        for stream in streams.values():
            stream.seen.clear()
        assert (await whose.create("Buy", "0.010", orderLinkId=f"of-{name}")).code == 0
        told = await streams[name].until(lambda frame: frame.get("topic") == "wallet")
        assert [frame["topic"] for frame in streams[name].seen] == ["execution", "order", "position", "wallet"]
        assert told["data"][0]["coin"][0]["walletBalance"] != "0"
    for stream in streams.values():
        await stream.send(op="ping", req_id="silence")
        assert (await stream.next())["req_id"] == "silence"
    assert (await neighbour.get("/v5/order/realtime", "category=linear&orderLinkId=of-first")).rows == []
