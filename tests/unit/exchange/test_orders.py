"""Orders over REST: sent once as signed, every outcome named, every page read or nothing."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from tradewright.core.clock import from_milliseconds
from tradewright.core.errors import (
    ClockRejected,
    DuplicateLinkId,
    ExchangeUnavailable,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    ReadRefused,
    Refused,
)
from tradewright.core.ids import ExchangeOrderId, LinkId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import NewOrder
from tradewright.exchange.bybit import http as http_module
from tradewright.exchange.bybit import pages
from tradewright.exchange.bybit.address import Addresses
from tradewright.exchange.bybit.market_data import BybitMarketGateway
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.proxy import parse_proxy
from tradewright.exchange.bybit.signing import Signer
from tradewright.exchange.ports import Endpoints
from tradewright.system import SystemClock
from unit.exchange.conftest import KEY
from unit.exchange.fake_bybit import SERVER_MS, FakeBybit, envelope, hang_up, http, ok, refused
from unit.exchange.fakes import KeptLogs
from unit.exchange.rows import execution_row, order_row, page, position_row, wallet_row

BTC = InstrumentId("linear", "BTCUSDT")
LINK = LinkId("tw0123456789abcdef0123456789abcdef")
IN_USDT, IN_USDC, SPOT = "category=linear&settleCoin=USDT", "category=linear&settleCoin=USDC", "category=spot"
CREATE = "/v5/order/create"
ORDER = NewOrder(
    link_id=LINK,
    instrument=BTC,
    side="Buy",
    order_type="Limit",
    quantity=Decimal("0.010"),
    price=Decimal("6E+4"),
    time_in_force="GTC",
)
ACK = ok({"orderId": "exchange-1", "orderLinkId": LINK}, Traceid="trace-7")


async def test_place_sends_plain_decimals_signed_over_the_very_bytes(
    bybit: FakeBybit, orders: BybitOrderGateway
) -> None:
    bybit.script[CREATE] = [ACK]
    acknowledged = await orders.place(ORDER)
    assert acknowledged.exchange_order_id == "exchange-1"
    assert acknowledged.trace.trace_id == "trace-7"
    assert acknowledged.trace.ret_code == 0
    _path, _query, headers, body = bybit.asked[-1]
    assert json.loads(body) == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.01",
        "price": "60000",
        "timeInForce": "GTC",
        "orderLinkId": LINK,
        "positionIdx": 0,
    }
    timestamp = int(headers["X-BAPI-TIMESTAMP"])
    assert headers["X-BAPI-SIGN"] == Signer(KEY).rest_headers(timestamp, body)["X-BAPI-SIGN"]
    assert 0 <= timestamp - SERVER_MS < 5_000, "signed by the exchange's clock, not by ours"
    assert acknowledged.trace.signed_at == from_milliseconds(timestamp)


async def test_market_order_carries_no_price(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script[CREATE] = [ACK]
    market_order = NewOrder(
        link_id=LINK,
        instrument=BTC,
        side="Sell",
        order_type="Market",
        quantity=Decimal("1"),
        price=None,
        time_in_force="IOC",
        reduce_only=True,
    )
    await orders.place(market_order)
    body = json.loads(bybit.asked[-1][3])
    assert "price" not in body
    assert body["reduceOnly"] is True


@pytest.mark.parametrize(
    "answer",
    [
        hang_up,
        http(500),
        http(502, b"<html>"),
        http(429),
        http(200, b"not json"),
        http(200, b'{"retCode":"0"}'),
        http(200, b'{"retCode":0,"result":{"orderLinkId":"x"}}'),
        http(302),
        refused(10000),
        refused(10016),
        refused(10019),
        refused(10429),
        refused(424242),
    ],
)
async def test_what_may_have_happened_is_unknown_and_is_not_sent_again(
    bybit: FakeBybit, orders: BybitOrderGateway, answer: object
) -> None:
    bybit.script[CREATE] = [answer]  # type: ignore[list-item]
    with pytest.raises(OutcomeUnknown) as caught:
        await orders.place(ORDER)
    assert caught.value.trace.signed_at is not None
    assert bybit.times_asked(CREATE) == 1


async def test_an_answer_that_never_comes_is_unknown(
    bybit: FakeBybit, orders: BybitOrderGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_module, "CALL_TIMEOUT_S", 0.2)

    async def hang(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    bybit.script[CREATE] = [hang]
    with pytest.raises(OutcomeUnknown, match="no answer"):
        await orders.place(ORDER)


async def test_an_answer_without_end_is_cut_off(
    bybit: FakeBybit, orders: BybitOrderGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_module, "ANSWER_BYTES_MAX", 100_000)
    bybit.script[CREATE] = [http(200, b"x" * 200_000)]
    with pytest.raises(OutcomeUnknown, match="longer than 100000 bytes"):
        await orders.place(ORDER)


async def test_refused_connection_is_not_sent(logs: KeptLogs, unused_tcp_port: int) -> None:
    nowhere = f"http://127.0.0.1:{unused_tcp_port}"
    gateway = BybitOrderGateway(lambda: Endpoints(nowhere, "", ""), KEY, clock=SystemClock(), log=logs.log)
    with pytest.raises(NotSent):
        await gateway.place(ORDER)
    with pytest.raises(ExchangeUnavailable):
        await gateway.open_orders()
    await gateway.close()


async def test_exchange_that_vanishes_after_the_clock_was_read_is_not_sent(
    bybit: FakeBybit, logs: KeptLogs, unused_tcp_port: int
) -> None:
    addresses = [bybit.endpoints(), Endpoints(f"http://127.0.0.1:{unused_tcp_port}", "", "")]
    gateway = BybitOrderGateway(
        lambda: addresses.pop(0) if len(addresses) > 1 else addresses[0], KEY, clock=SystemClock(), log=logs.log
    )
    with pytest.raises(NotSent):
        await gateway.place(ORDER)
    await gateway.close()


@pytest.mark.parametrize("code", [110072, 170141])
async def test_duplicate_client_id_is_not_a_refusal(bybit: FakeBybit, orders: BybitOrderGateway, code: int) -> None:
    bybit.script[CREATE] = [refused(code, "duplicate")]
    with pytest.raises(DuplicateLinkId):
        await orders.place(ORDER)


async def test_refusal_keeps_code_and_text(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script[CREATE] = [refused(110007, "ab not enough for new order")]
    with pytest.raises(Refused) as caught:
        await orders.place(ORDER)
    assert (caught.value.trace.ret_code, caught.value.trace.ret_msg) == (110007, "ab not enough for new order")


async def test_rate_limit_says_when_the_next_one_may_go(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script[CREATE] = [
        refused(10006, "Too many visits!", **{"X-Bapi-Limit-Reset-Timestamp": str(SERVER_MS + 800)})
    ]
    with pytest.raises(RateLimited) as caught:
        await orders.place(ORDER)
    assert caught.value.retry_at == from_milliseconds(SERVER_MS + 800)


async def test_after_http_403_nothing_more_is_sent(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script[CREATE] = [http(403)]
    with pytest.raises(RateLimited):
        await orders.place(ORDER)
    with pytest.raises(NotSent, match="403"):
        await orders.place(ORDER)
    with pytest.raises(ExchangeUnavailable, match="403"):
        await orders.open_orders()
    assert bybit.times_asked(CREATE) == 1
    assert bybit.times_asked("/v5/order/realtime") == 0


async def test_rejected_timestamp_leads_to_one_resync_and_no_loop(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script[CREATE] = [refused(10002)]
    for attempt in (1, 2, 3):
        before = bybit.times_asked("/v5/market/time")
        with pytest.raises(ClockRejected):
            await orders.place(ORDER)
        assert bybit.times_asked(CREATE) == attempt
        assert bybit.times_asked("/v5/market/time") - before <= 2


async def test_rejected_timestamp_of_a_read_is_signed_anew_once(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    path = "/v5/order/realtime"
    bybit.script[path] = [refused(10002), ok(page())]
    bybit.script["/v5/order/history"] = [ok(page())]
    assert await orders.find_order(BTC, link_id=LINK, exchange_order_id=None) is None
    bybit.script[path] = [refused(10002)]
    before = bybit.times_asked(path)
    with pytest.raises(ExchangeUnavailable):
        await orders.find_order(BTC, link_id=LINK, exchange_order_id=None)
    assert bybit.times_asked(path) - before == 2


async def test_many_rejections_at_once_lead_to_one_resync(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    everyone_is_in = asyncio.Barrier(5)

    async def reject(_request: web.Request) -> web.StreamResponse:
        await everyone_is_in.wait()
        return web.json_response(envelope(code=10002))

    await orders.server_time()
    bybit.script[CREATE] = [reject]
    before = bybit.times_asked("/v5/market/time")
    results = await asyncio.gather(*(orders.place(ORDER) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(result, ClockRejected) for result in results)
    assert bybit.times_asked("/v5/market/time") - before <= 2


async def test_cancelled_caller_leaves_a_usable_gateway(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    arrived = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    bybit.script[CREATE] = [hang, ACK]
    task = asyncio.create_task(orders.place(ORDER))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await orders.place(ORDER)).exchange_order_id == "exchange-1"


async def test_cancel_prefers_the_exchanges_id(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script["/v5/order/cancel"] = [ACK]
    await orders.cancel(BTC, link_id=LINK, exchange_order_id=ExchangeOrderId("exchange-1"))
    assert json.loads(bybit.asked[-1][3]) == {"category": "linear", "symbol": "BTCUSDT", "orderId": "exchange-1"}
    await orders.cancel(BTC, link_id=LINK, exchange_order_id=None)
    assert json.loads(bybit.asked[-1][3])["orderLinkId"] == LINK
    with pytest.raises(ValueError, match="neither"):
        await orders.cancel(BTC, link_id=None, exchange_order_id=None)


async def test_find_order_looks_in_history_when_it_is_not_open(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script["/v5/order/realtime"] = [ok(page())]
    bybit.script["/v5/order/history"] = [
        ok(page(order_row(orderStatus="Cancelled", cumExecQty="0.004", avgPrice="60000")))
    ]
    found = await orders.find_order(BTC, link_id=LINK, exchange_order_id=None)
    assert found is not None
    assert (found.state, found.filled_quantity, found.average_price) == ("cancelled", Decimal("0.004"), Decimal(60000))
    assert parse_qs(bybit.queries("/v5/order/history")[0])["orderLinkId"] == [LINK]


async def test_find_order_is_none_only_when_both_answered(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script["/v5/order/realtime"] = [ok(page())]
    bybit.script["/v5/order/history"] = [ok(page())]
    assert await orders.find_order(BTC, link_id=LINK, exchange_order_id=None) is None
    bybit.script["/v5/order/history"] = [http(503)]
    with pytest.raises(ExchangeUnavailable):
        await orders.find_order(BTC, link_id=LINK, exchange_order_id=None)


async def test_find_order_ignores_a_row_of_another_client_id(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script["/v5/order/realtime"] = [ok(page(order_row(orderLinkId="someone-elses")))]
    bybit.script["/v5/order/history"] = [ok(page())]
    assert await orders.find_order(BTC, link_id=LINK, exchange_order_id=None) is None


async def test_find_order_asks_by_the_exchanges_id_where_it_is_known(
    bybit: FakeBybit, orders: BybitOrderGateway
) -> None:
    bybit.script["/v5/order/realtime"] = [ok(page(order_row(orderId="another"), order_row(orderId="x-9")))]
    found = await orders.find_order(BTC, link_id=LINK, exchange_order_id=ExchangeOrderId("x-9"))
    assert found is not None
    assert found.exchange_order_id == "x-9"
    query = parse_qs(bybit.queries("/v5/order/realtime")[0])
    assert query["orderId"] == ["x-9"]
    assert "orderLinkId" not in query


async def test_open_orders_reads_all_pages_of_every_scope_and_sends_cursors_as_they_came(
    bybit: FakeBybit, orders: BybitOrderGateway
) -> None:
    path = "/v5/order/realtime"
    bybit.script[f"{path}?{IN_USDT}"] = [
        ok(page(order_row(orderId="a"), cursor="next%3A2%2C1")),
        ok(page(order_row(orderId="b"), cursor="next%3A3%2C1")),
        ok(page(order_row(orderId="c"))),
    ]
    bybit.script[f"{path}?{IN_USDC}"] = [ok(page(order_row(orderId="d")))]
    bybit.script[f"{path}?{SPOT}"] = [
        ok(page(order_row(orderId="e"), cursor="f%3A1", category="spot")),
        ok(page(order_row(orderId="f"), category="spot")),
    ]
    found = await orders.open_orders()
    assert [row.exchange_order_id for row in found] == ["a", "b", "c", "d", "e", "f"]
    assert [row.instrument.category for row in found] == ["linear"] * 4 + ["spot"] * 2
    assert sorted(bybit.queries(path)) == [
        "category=linear&settleCoin=USDC&limit=50",
        "category=linear&settleCoin=USDT&limit=50",
        "category=linear&settleCoin=USDT&limit=50&cursor=next%3A2%2C1",
        "category=linear&settleCoin=USDT&limit=50&cursor=next%3A3%2C1",
        "category=spot&limit=50",
        "category=spot&limit=50&cursor=f%3A1",
    ]


async def test_scopes_are_read_side_by_side_and_one_that_fails_ends_the_others(
    bybit: FakeBybit, orders: BybitOrderGateway
) -> None:
    path = "/v5/order/realtime"
    everyone_is_in = asyncio.Barrier(3)
    left_alone = asyncio.Event()

    async def answer_together(request: web.Request) -> web.StreamResponse:
        await everyone_is_in.wait()
        if request.rel_url.query.get("settleCoin") == "USDC":
            return web.Response(status=503)
        await left_alone.wait()
        return web.json_response(envelope(page()))

    bybit.script[path] = [answer_together]
    async with asyncio.timeout(4):  # of the 5 seconds that an unanswered call would take
        with pytest.raises(ExchangeUnavailable, match="503"):
            await orders.open_orders()
    left_alone.set()


@pytest.mark.parametrize("failure", [http(500), hang_up, refused(10016), http(200, b"{"), ok({"list": [{}]})])
@pytest.mark.parametrize("failing_page", [1, 2, 3])
async def test_a_failing_page_makes_the_whole_answer_unavailable(
    bybit: FakeBybit, orders: BybitOrderGateway, failing_page: int, failure: object
) -> None:
    answers = [ok(page(order_row(orderId=str(number)), cursor=f"c{number}")) for number in range(1, failing_page)]
    bybit.script["/v5/order/realtime"] = [ok(page())]
    bybit.script[f"/v5/order/realtime?{IN_USDT}"] = [*answers, failure]  # type: ignore[list-item]
    with pytest.raises(ExchangeUnavailable):
        await orders.open_orders()


async def test_one_unreadable_row_makes_the_page_unavailable_and_is_logged(
    bybit: FakeBybit, orders: BybitOrderGateway, logs: KeptLogs
) -> None:
    bybit.script["/v5/order/realtime"] = [ok(page(order_row(), order_row(qty="NaN")))]
    with pytest.raises(ExchangeUnavailable, match="qty"):
        await orders.open_orders()
    assert '"NaN"' in logs.named("rest.row_unreadable")[0]["raw"]


async def test_a_cursor_that_never_ends_is_followed_only_so_far(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script["/v5/order/realtime"] = [ok(page(order_row(), cursor="same"))]
    assert len(await orders.open_orders()) == 6, "a repeated cursor is the end, in each of the three scopes"


async def test_executions_cover_the_time_in_windows_of_at_most_seven_days(
    bybit: FakeBybit, orders: BybitOrderGateway
) -> None:
    path = "/v5/execution/list"
    old, new = execution_row(execId="old", execTime=str(SERVER_MS - 10 * 86_400_000)), execution_row(execId="new")
    pair = execution_row(execId="pair", execTime=str(SERVER_MS - 9 * 86_400_000))
    bybit.script[f"{path}?{IN_USDT}"] = [ok(page(old)), ok(page(new, old)), ok(page(new))]
    bybit.script[f"{path}?{IN_USDC}"] = [ok(page())]
    bybit.script[f"{path}?{SPOT}"] = [ok(page(pair, category="spot"))]
    now = await orders.server_time()
    found = await orders.executions(now - timedelta(days=20))
    assert [row.exec_id for row in found] == ["old", "pair", "new"], "oldest first, each once"
    assert len(bybit.queries(path)) == 9, "three windows in each of three scopes"
    windows = [parse_qs(query) for query in bybit.queries(path) if query.startswith(SPOT)]
    spans = [(int(window["startTime"][0]), int(window["endTime"][0])) for window in windows]
    assert all(end - start <= 7 * 86_400_000 for start, end in spans)
    assert all(earlier[1] == later[0] for earlier, later in pairwise(spans))


async def test_positions_and_wallet_are_read_as_they_are(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script[f"/v5/position/list?{IN_USDT}"] = [ok(page(position_row()))]
    bybit.script[f"/v5/position/list?{IN_USDC}"] = [ok(page(position_row(symbol="ETHPERP")))]
    bybit.script["/v5/account/wallet-balance"] = [ok({"list": [wallet_row()]})]
    position, in_usdc = await orders.positions()
    assert in_usdc.instrument == InstrumentId("linear", "ETHPERP")
    assert (position.side, position.size, position.entry_price) == ("Sell", Decimal("0.25"), Decimal("61000.1"))
    assert position.liquidation_price is None
    wallet = await orders.wallet()
    assert wallet.total_available is None
    assert wallet.coins["USDT"].wallet_balance == Decimal("100000.475")
    assert wallet.coins["USDT"].position_margin == 0


async def test_no_secret_and_no_signature_is_logged(
    bybit: FakeBybit, orders: BybitOrderGateway, logs: KeptLogs
) -> None:
    bybit.script[CREATE] = [refused(10001), hang_up, http(200, b"junk")]
    for _ in range(3):
        with pytest.raises((Refused, OutcomeUnknown)):
            await orders.place(ORDER)
    text = repr(logs.events)
    assert logs.events
    assert "test-secret" not in text
    assert all(headers["X-BAPI-SIGN"] not in text for path, _, headers, _ in bybit.asked if path == CREATE)


async def test_a_time_with_more_rows_than_can_be_read_at_once_is_read_in_halves(
    bybit: FakeBybit, orders: BybitOrderGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account of very many orders must not be unreadable for ever."""
    monkeypatch.setattr(pages, "PAGES_MAX", 2)
    now = await orders.server_time()
    made = [now - timedelta(hours=number) for number in range(1, 8)]

    async def answer(request: web.Request) -> web.StreamResponse:
        query = request.rel_url.query
        start, end = (from_milliseconds(int(query[name])) for name in ("startTime", "endTime"))
        rows = [order_row(orderId=f"x-{at.hour}", orderStatus="Filled") for at in made if start <= at <= end]
        done = int(query.get("cursor", "0"))
        cursor = str(done + 2) if len(rows) > done + 2 else ""
        return web.json_response(envelope(page(*rows[done : done + 2], cursor=cursor)))

    bybit.script["/v5/order/history"] = [ok(page())]
    bybit.script[f"/v5/order/history?{IN_USDT}"] = [answer]
    found = await orders.order_history(now - timedelta(hours=10))
    assert sorted(order.exchange_order_id for order in found) == sorted(f"x-{at.hour}" for at in made)
    monkeypatch.setattr(pages, "PAGES_MAX", 1)
    bybit.script[f"/v5/order/history?{IN_USDT}"] = [ok(page(order_row(), cursor="more"))]
    with pytest.raises(ExchangeUnavailable, match="pages"):
        await orders.order_history(now - timedelta(minutes=2))


async def test_a_booking_without_a_price_is_read_and_one_that_is_no_trade_never_hides_the_trades(
    bybit: FakeBybit, orders: BybitOrderGateway, logs: KeptLogs
) -> None:
    path = "/v5/execution/list"
    settled = execution_row(execId="s", execType="Settle", execPrice="0", orderLinkId="", execTime="1700000000600")
    odd = execution_row(execId="odd", execType="Settle", side="None")
    bybit.script[path] = [ok(page())]
    bybit.script[f"{path}?{IN_USDT}"] = [ok(page(settled, odd, execution_row(execId="t")))]
    since = await orders.server_time() - timedelta(days=1)
    found = await orders.executions(since)
    assert [(row.exec_id, row.price) for row in found] == [("t", Decimal("60000.50")), ("s", Decimal(0))]
    assert logs.named("orders.booking_unreadable")[0]["exec_id"] == "odd"
    bybit.script[f"{path}?{IN_USDT}"] = [ok(page(execution_row(execPrice="0")))]
    with pytest.raises(ExchangeUnavailable, match="execPrice"):
        await orders.executions(since)


async def test_a_question_that_was_judged_and_turned_down_is_told_apart_from_one_that_failed(
    bybit: FakeBybit, orders: BybitOrderGateway
) -> None:
    path = "/v5/order/realtime"
    for code in (10001, 10005):
        bybit.script[path] = [refused(code, "no")]
        with pytest.raises(ReadRefused):
            await orders.find_order(BTC, link_id=LINK, exchange_order_id=None)
    for failure in (refused(10016), refused(10006), refused(987654), http(403), http(500), http(404)):
        bybit.script[path] = [failure]
        another = BybitOrderGateway(bybit.endpoints, KEY, clock=SystemClock(), log=KeptLogs().log)
        with pytest.raises(ExchangeUnavailable) as caught:
            await another.find_order(BTC, link_id=LINK, exchange_order_id=None)
        assert not isinstance(caught.value, ReadRefused)
        await another.close()


async def test_a_wallet_that_was_read_is_whole(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script["/v5/account/wallet-balance"] = [ok({"list": [wallet_row()]})]
    assert (await orders.wallet()).is_whole


async def test_after_http_403_everybody_behind_the_same_address_is_silent_and_others_are_not(
    bybit: FakeBybit, logs: KeptLogs
) -> None:
    addresses = Addresses(SystemClock())
    near, far = addresses.of(None), addresses.of(parse_proxy("socks5://10.0.0.1:1080"))
    assert addresses.of(None) is near
    one, two, other = (
        BybitOrderGateway(bybit.endpoints, KEY, clock=SystemClock(), log=logs.log, address=address)
        for address in (near, near, far)
    )
    market = BybitMarketGateway(bybit.endpoints, clock=SystemClock(), log=logs.log, address=near)
    bybit.script[CREATE] = [http(403), ACK]
    with pytest.raises(RateLimited):
        await one.place(ORDER)
    with pytest.raises(NotSent, match="403"):
        await two.place(ORDER)
    with pytest.raises(ExchangeUnavailable, match="403"):
        await market.tickers("linear")
    assert (await other.place(ORDER)).exchange_order_id == "exchange-1"
    for gateway in (one, two, other, market):
        await gateway.close()
