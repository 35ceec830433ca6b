"""A session on a served exchange that calls every endpoint and listens to every topic, so that each list has something
in it; all answers and messages are kept as they came.

Lives here: the calls, the sockets, the answers by endpoint and category, the messages by topic. Not here: what shape
they ought to have (`documented_shapes`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from decimal import ROUND_UP, Decimal
from typing import Any
from urllib.parse import urlencode

import aiohttp

from support.documented_shapes import CATEGORIES
from support.scripted_market import ScriptedMarket
from support.sim_client import Reply, SimClient
from tradewright.simulator import RunningSimulator, SimulatorConfig, serve

# Before the market's eight o'clock, when funding is paid and the quarter's contracts and the day's options end. The
# calls of the session take less than these two minutes.
BEFORE_EIGHT = "2025-03-28T07:58:00Z"
FUNDS = tuple(
    (coin, Decimal(amount)) for coin, amount in (("USDT", 500_000), ("USDC", 500_000), ("BTC", 5), ("ETH", 5))
)
LIMIT_FACTOR = 100  # of Bybit's budgets, so that none is ever spent
PATIENCE_S = 60.0

Frame = dict[str, Any]
Key = tuple[str, str]  # (endpoint or topic, category); the category is "" where there is none


def key_of(name: str) -> Key:
    """Of what a shape is called, "order.spot"."""
    kind, _, category = name.partition(".")
    return kind, category


class Record:
    """What came, in the order it came."""

    def __init__(self) -> None:
        self.answers: dict[Key, list[Frame]] = defaultdict(list)
        self.messages: dict[Key, list[Frame]] = defaultdict(list)
        self.listed: dict[str, list[Frame]] = {}  # rows of instruments-info by category
        self.subscribed: set[Key] = set()  # what was asked for and not refused
        self.came = asyncio.Event()

    def keep(self, key: Key, frame: Frame) -> None:
        self.messages[key].append(frame)
        self.came.set()

    async def until(self, *keys: Key) -> None:
        """Wait for a message of each; what does not come is missing in the record, which is what the tests look at."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while not all(self.messages.get(key) for key in keys):
                    self.came.clear()
                    await self.came.wait()


class Caller:
    """Calls, and keeps every answer."""

    def __init__(self, record: Record, client: SimClient) -> None:
        self.record = record
        self.client = client

    async def get(self, path: str, **query: Any) -> Reply:
        reply = await self.client.get(path, urlencode(query))
        return self._kept(f"GET {path}", query.get("category", ""), reply)

    async def post(self, path: str, **body: Any) -> Reply:
        reply = await self.client.post(path, **body)
        return self._kept(f"POST {path}", body.get("category", ""), reply)

    def _kept(self, endpoint: str, category: str, reply: Reply) -> Reply:
        self.record.answers[endpoint, category].append(reply.body)
        return reply


async def recorded_session() -> Record:
    """The whole session on the synthetic market, from start to end."""
    record = Record()
    running = await serve(
        SimulatorConfig(market_from=BEFORE_EIGHT, funds=FUNDS, order_delay_ms=5, tick_ms=100, limit_factor=LIMIT_FACTOR)
    )
    try:
        async with aiohttp.ClientSession() as session:
            client = SimClient(running.addresses, running.keys.trading, session)
            caller = Caller(record, client)
            await _market(caller)
            async with _listening(record, client, running):
                for category in CATEGORIES:
                    if record.listed[category]:
                        await _trade(caller, category)
                await _by_stream(record, client)
                await _account(caller)
                other = SimClient(running.addresses, running.add_account(FUNDS).keys.trading, session)
                await _isolated(Caller(record, other))
                await _over_eight_o_clock(caller)
                await _liquidation(caller)
                for category in CATEGORIES:
                    if record.listed[category]:
                        await _look_back(caller, category)
                for category in ("linear", "inverse"):
                    await _look_back(Caller(record, other), category)
                await record.until(*record.subscribed)
            await _maintenance(caller)
    finally:
        await running.close()
    await _demo(record)
    return record


async def _market(caller: Caller) -> None:
    """Everything public of each category that has something listed."""
    get = caller.get
    await get("/v5/market/time")
    await get("/v5/system/status")
    await get("/v5/market/insurance")
    for category in CATEGORIES:
        reply = await get("/v5/market/instruments-info", category=category)
        caller.record.listed[category] = reply.rows if reply.code == 0 else []
        if not caller.record.listed[category]:
            continue
        symbol = symbol_of(caller.record, category)
        await get("/v5/market/tickers", category=category, symbol=symbol)
        await get("/v5/market/orderbook", category=category, symbol=symbol)
        if category != "option":
            await get("/v5/market/kline", category=category, symbol=symbol, interval="1", limit=3)
            await get("/v5/market/price-limit", category=category, symbol=symbol)
            await get("/v5/market/rpi_orderbook", category=category, symbol=symbol, limit=5)
            await get("/v5/market/full_orderbook", category=category, symbol=symbol)
        if category in ("linear", "inverse", "option"):
            await get("/v5/market/mark-price-kline", category=category, symbol=symbol, interval="1", limit=3)
        if category == "option":
            await get("/v5/market/historical-volatility", category=category)
        if category in ("linear", "inverse"):
            await get("/v5/market/index-price-kline", category=category, symbol=symbol, interval="1", limit=3)
            await get("/v5/market/funding/history", category=category, symbol=symbol, limit=3)
            await get("/v5/market/open-interest", category=category, symbol=symbol, intervalTime="1h", limit=3)
            await get("/v5/market/risk-limit", category=category, symbol=symbol)
            await get("/v5/market/account-ratio", category=category, symbol=symbol, period="1h", limit=3)
        if category == "linear":
            await get("/v5/market/premium-index-price-kline", category=category, symbol=symbol, interval="1", limit=3)
        if category != "option":
            await get("/v5/account/instruments-info", category=category)


def symbol_of(record: Record, category: str) -> str:
    """What is traded of a category: the contract or pair of bitcoin without an end, the option that lives longest."""
    rows = record.listed[category]
    if category == "option":
        return str(max(rows, key=lambda row: int(row["deliveryTime"]))["symbol"])
    return str(next(row["symbol"] for row in rows if row["symbol"] in ("BTCUSDT", "BTCUSD")))


def ending_symbol_of(record: Record, category: str) -> str | None:
    """What ends first of a category: a dated contract of bitcoin, or an option."""
    rows = [row for row in record.listed[category] if row["symbol"].startswith("BTC")]
    ends = {row["symbol"]: int(row.get("deliveryTime", "0")) for row in rows}
    return min((symbol for symbol, end in ends.items() if end), key=lambda symbol: ends[symbol], default=None)


async def _trade(caller: Caller, category: str) -> None:
    """Orders of each kind and what becomes of them: filled, changed, cancelled, waiting for a trigger."""
    symbol = symbol_of(caller.record, category)
    ticker = (await caller.client.get("/v5/market/tickers", f"category={category}&symbol={symbol}")).rows[0]
    row = next(row for row in caller.record.listed[category] if row["symbol"] == symbol)
    tick, bid = Decimal(row["priceFilter"]["tickSize"]), Decimal(ticker["bid1Price"] or ticker["lastPrice"])
    low, stop, high = (_on_grid(bid * Decimal(part), tick) for part in ("0.98", "0.9", "1.02"))
    qty = _quantity(row, category, bid)
    order: dict[str, Any] = {"category": category, "symbol": symbol, "qty": qty}
    links = (f"{category}-{number}" for number in range(100))

    def link() -> dict[str, str]:
        return {"orderLinkId": next(links)}

    async def create(**more: Any) -> str:
        reply = await caller.post("/v5/order/create", **(order | link() | more))
        return str(reply.body["result"].get("orderId", ""))

    await create(side="Buy", orderType="Market", **({"marketUnit": "baseCoin"} if category == "spot" else {}))
    resting = await create(side="Buy", orderType="Limit", price=low)
    named = {"category": category, "symbol": symbol, "orderId": resting}
    await caller.post("/v5/order/amend", **named, qty=str(Decimal(qty) * 2))
    if category in ("linear", "inverse"):
        leverage = {"buyLeverage": "7", "sellLeverage": "7"}
        await caller.post("/v5/position/set-leverage", category=category, symbol=symbol, **leverage)
        await create(side="Sell", orderType="Market", triggerPrice=stop, triggerDirection=2, reduceOnly=True)
        await create(side="Buy", orderType="Limit", price=low, stopLoss=stop, tpslMode="Full")
        await create(
            side="Buy", orderType="Market", stopLoss=stop, takeProfit=_on_grid(bid * 2, tick), tpslMode="Partial"
        )
    if category == "spot":
        await create(side="Sell", orderType="Market", triggerPrice=stop, orderFilter="tpslOrder", marketUnit="baseCoin")
        await caller.get("/v5/order/spot-borrow-check", category=category, symbol=symbol, side="Buy")
    if category != "spot":
        if category != "inverse":  # those only in isolated margin
            await caller.post("/v5/order/pre-check", **(order | link()), side="Buy", orderType="Limit", price=low)
        await caller.post(
            "/v5/position/trading-stop",
            category=category,
            symbol=symbol,
            tpslMode="Full",
            positionIdx=0,
            **({"stopLoss": stop} if category != "option" else {"takeProfit": _on_grid(bid * 2, tick)}),
        )
    if category in ("linear", "inverse"):
        trail = {"trailingStop": _on_grid(bid / 20, tick), "tpslMode": "Full", "positionIdx": 0}
        await caller.post("/v5/position/trading-stop", category=category, symbol=symbol, **trail)
    await create(side="Buy", orderType="Limit", price=high, timeInForce="PostOnly")
    await create(side="Buy", orderType="Limit", price=low, timeInForce="IOC")
    for open_only in (0, 1):
        await caller.get("/v5/order/realtime", category=category, symbol=symbol, openOnly=open_only)
    await caller.post("/v5/order/cancel", **named)
    item = {key: value for key, value in order.items() if key != "category"} | {"side": "Buy", "orderType": "Limit"}
    items = [{**item, **link(), "price": low} for _ in range(2)]
    batch = await caller.post("/v5/order/create-batch", category=category, request=items)
    made = [{"symbol": symbol, "orderId": made["orderId"]} for made in batch.body["result"].get("list", [])]
    changed = [{**one, "qty": str(Decimal(qty) * 2)} for one in made]
    await caller.post("/v5/order/amend-batch", category=category, request=changed)
    await caller.post("/v5/order/cancel-batch", category=category, request=made[:1])
    if category != "spot":
        await caller.get("/v5/position/list", category=category, symbol=symbol)
    await caller.post("/v5/order/cancel-all", category=category, symbol=symbol)
    half = {"side": "Sell", "orderType": "Market", "reduceOnly": True}
    await create(**(half if category != "spot" else {**half, "marketUnit": "baseCoin"}))
    await create(side="Buy", orderType="Market", **({"marketUnit": "baseCoin"} if category == "spot" else {}))
    if (ending := ending_symbol_of(caller.record, category)) is not None:
        await create(side="Buy", orderType="Market", symbol=ending)
    await caller.record.until(("execution", category), ("order", category))


def _on_grid(price: Decimal, tick: Decimal) -> str:
    return format(max((price / tick).to_integral_value(), Decimal(1)) * tick, "f")


def _quantity(row: Mapping[str, Any], category: str, price: Decimal) -> str:
    """Little, and worth more than the least allowed."""
    lots = row["lotSizeFilter"]
    if category == "inverse":
        return str(Decimal(lots["minOrderQty"]) * 100)
    step = Decimal(lots.get("qtyStep") or lots["basePrecision"])
    worth = Decimal(200) / price if category != "option" else Decimal(lots["minOrderQty"])
    return str(max(worth, Decimal(lots["minOrderQty"])).quantize(step, ROUND_UP))


async def _account(caller: Caller) -> None:
    get, post = caller.get, caller.post
    await get("/v5/account/wallet-balance", accountType="UNIFIED")
    await get("/v5/account/transaction-log", type="TRANSFER_IN")
    for path in ("info", "query-dcp-info", "user-setting-config", "smp-group", "collateral-info"):
        await get(f"/v5/account/{path}")
    for category in CATEGORIES:
        await get("/v5/account/fee-rate", category=category)
    await get("/v5/account/withdrawal", coinName="USDT,BTC")
    await post("/v5/order/disconnected-cancel-all", product="DERIVATIVES", timeWindow=40)
    await get("/v5/account/query-dcp-info")
    for category in ("linear", "inverse", "spot"):
        await post("/v5/account/set-limit-px-action", category=category, modifyEnable=True)
    await post("/v5/account/set-collateral-switch", coin="BTC", collateralSwitch="ON")
    await post("/v5/account/set-hedging-mode", setHedgingMode="OFF")
    await post("/v5/account/borrow", coin="ETH", amount="1")
    await get("/v5/account/borrow-history", currency="ETH")
    await post("/v5/account/no-convert-repay", coin="ETH")
    await get("/v5/user/query-api")
    await get("/v5/asset/coin/query-info")
    await get("/v5/asset/coin-greeks")
    await get("/v5/asset/transfer/query-account-coins-balance", accountType="FUND")
    await get("/v5/asset/transfer/query-account-coin-balance", accountType="UNIFIED", coin="USDT")
    for category in ("linear", "inverse"):
        if not caller.record.listed[category]:
            continue
        symbol = symbol_of(caller.record, category)
        await get("/v5/position/symbol-info", category=category, symbol=symbol)
        await post("/v5/position/confirm-pending-mmr", category=category, symbol=symbol)
    await post("/v5/position/switch-mode", category="linear", symbol="ETHUSDT", mode=3)
    await post("/v5/account/set-margin-mode", setMarginMode="ISOLATED_MARGIN")  # not with positions


async def _isolated(caller: Caller) -> None:
    """What only an account with isolated margin may do; `caller` is of one that has not traded yet."""
    get, post = caller.get, caller.post
    await post("/v5/account/set-margin-mode", setMarginMode="ISOLATED_MARGIN")
    for category, qty, margin in (("linear", "0.010", "10"), ("inverse", "1000", "0.0001")):
        named = {"category": category, "symbol": symbol_of(caller.record, category)}
        await post("/v5/position/set-leverage", **named, buyLeverage="50", sellLeverage="50")
        await post("/v5/order/create", **named, side="Buy", orderType="Market", qty=qty)
        row = await _until_held(caller, **named)
        price = {"price": row["markPrice"], "orderType": "Limit", "side": "Buy"}
        await post("/v5/order/pre-check", **named, **price, qty=qty)
        await post("/v5/position/add-margin", **named, margin=margin, positionIdx=0)
        if category == "linear":
            for on in (1, 0):
                await post("/v5/position/set-auto-add-margin", **named, autoAddMargin=on, positionIdx=0)
    await get("/v5/account/wallet-balance", accountType="UNIFIED")


async def _liquidation(caller: Caller) -> None:
    """The price falls by more than the margin of the other account's isolated positions."""
    await _by_hand(caller.client, "faults", kind="price_jump", base_coin="BTC", fraction="-0.1")
    await caller.record.until(("allLiquidation", "linear"), ("allLiquidation", "inverse"))


async def _until_held(caller: Caller, **named: str) -> Frame:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            row = (await caller.client.get("/v5/position/list", urlencode(named))).rows[0]
            if row["side"]:
                return row


async def _maintenance(caller: Caller) -> None:
    """The exchange announces that it is being maintained, over REST and on its status stream."""
    client = caller.client
    async with client.session.ws_connect(f"{client.addresses.ws_public}/misc/status") as socket:
        await socket.send_json({"op": "subscribe", "args": ["system.status"]})
        await socket.receive_json(timeout=PATIENCE_S)
        await _by_hand(client, "faults", kind="maintenance", for_ms=60_000)
        await caller.get("/v5/system/status")
        caller.record.keep(("system.status", ""), await socket.receive_json(timeout=PATIENCE_S))


async def _by_hand(client: SimClient, what: str, **body: Any) -> None:
    """By the exchange's own endpoints, which only the first account's key opens."""
    headers = {"X-Sim-Key": client.key.key}
    url = f"{client.addresses.rest}/sim/{what}"
    async with client.session.post(url, data=json.dumps(body), headers=headers) as answer:
        assert answer.status == 200, await answer.text()


async def _over_eight_o_clock(caller: Caller) -> None:
    """Let the market pass the moment of funding and delivery."""
    await _by_hand(caller.client, "market", do="pause")
    await _by_hand(caller.client, "market", do="step", seconds=150)
    await _by_hand(caller.client, "market", do="resume")


async def _look_back(caller: Caller, category: str) -> None:
    get = caller.get
    of_trades = {"symbol": symbol_of(caller.record, category)} if category != "option" else {"baseCoin": "BTC"}
    await get("/v5/market/recent-trade", category=category, **of_trades)
    await get("/v5/order/history", category=category)
    await get("/v5/execution/list", category=category)
    await get("/v5/account/transaction-log", category=category)
    if category != "spot":
        await get("/v5/asset/delivery-record", category=category)
        of_options = {"settleCoin": "USDT"} if category == "option" else {}
        await get("/v5/market/delivery-price", category=category, **of_options)
    if category in ("linear", "inverse"):
        await get("/v5/position/closed-pnl", category=category)
    if category == "linear":
        await get("/v5/asset/settlement-record", category=category)
    if category == "option":
        await get("/v5/position/get-closed-positions", category=category)


async def _by_stream(record: Record, client: SimClient) -> None:
    """The trade stream: an order and a batch are placed, changed and cancelled."""
    async with client.session.ws_connect(client.addresses.ws_trade) as socket:
        expires = time.time_ns() // 1_000_000 + 3_600_000

        async def ask(key: Key, **frame: Any) -> None:
            await socket.send_json(frame)
            record.keep(key, await socket.receive_json(timeout=PATIENCE_S))

        await ask(("auth.trade", ""), op="auth", args=[client.key.key, expires, client.sign(f"GET/realtime{expires}")])
        await ask(("pong.trade", ""), op="ping")
        symbol = symbol_of(record, "linear")
        order = {"symbol": symbol, "side": "Buy", "orderType": "Limit", "price": "50000.00", "qty": "0.01"}

        async def command(op: str, argument: dict[str, Any]) -> dict[str, Any]:
            frame = {"reqId": op, "header": {"X-BAPI-TIMESTAMP": str(client.now_ms())}, "op": f"order.{op}"}
            await ask((f"order.{op}", ""), **frame, args=[{"category": "linear", **argument}])
            return dict(record.messages[f"order.{op}", ""][-1]["data"])

        made = {"symbol": symbol, "orderId": (await command("create", order))["orderId"]}
        await command("amend", {**made, "qty": "0.02"})
        await command("cancel", made)
        rows = (await command("create-batch", {"request": [order, {**order, "qty": "0"}]}))["list"]
        made = {"symbol": symbol, "orderId": rows[0]["orderId"]}
        await command("amend-batch", {"request": [{**made, "qty": "0.02"}]})
        await command("cancel-batch", {"request": [made]})


@contextlib.asynccontextmanager
async def _listening(record: Record, client: SimClient, running: RunningSimulator) -> AsyncIterator[None]:
    """Every topic there is, each asked for on its own, as one that is not there fails the whole request."""
    listeners = []
    for category in CATEGORIES:
        if record.listed[category]:
            listeners.append(_Listener(record, client, f"{client.addresses.ws_public}/{category}", category))
    listeners.append(_Listener(record, client, client.addresses.ws_private, "private"))
    for listener in listeners:
        await listener.begin()
    try:
        yield
    finally:
        for listener in listeners:
            await listener.end()


class _Listener:
    """One socket with all topics of its stream."""

    def __init__(self, record: Record, client: SimClient, url: str, stream: str) -> None:
        self._record, self._client, self._url, self._stream = record, client, url, stream
        self._name = key_of_private if stream == "private" else key_of_public(record, stream)
        self._topics = PRIVATE_TOPICS if stream == "private" else public_topics(record, stream)
        self._awaited = {topic: _awaited(record, topic, stream) for topic in self._topics}
        self._asked = "subscribe"

    async def begin(self) -> None:
        client = self._client
        self._record.subscribed.update(*self._awaited.values())
        self._socket = await client.session.ws_connect(self._url)
        self._task = asyncio.create_task(self._read())
        if self._stream == "private":
            expires = time.time_ns() // 1_000_000 + 3_600_000
            signature = client.sign(f"GET/realtime{expires}")
            await self._socket.send_json({"op": "auth", "args": [client.key.key, expires, signature]})
        for topic in self._topics:
            await self._socket.send_json({"op": "subscribe", "args": [topic], "req_id": topic})
        # Answers come in order: with this one it is known which subscriptions hold.
        await self._socket.send_json({"op": "ping"})
        await self._record.until(("pong", self._stream))

    async def end(self) -> None:
        self._asked = "unsubscribe"
        await self._socket.send_json({"op": "unsubscribe", "args": [self._topics[0]]})
        await self._record.until(("unsubscribe", self._stream))
        await self._socket.close()
        await asyncio.wait({self._task})

    async def _read(self) -> None:
        async for message in self._socket:
            frame = json.loads(message.data)
            if "topic" in frame:
                for key, part in self._name(frame):
                    self._record.keep(key, part)
                continue
            kind = self._kind_of(frame)
            if kind == "refused":
                self._record.subscribed -= self._awaited.get(frame.get("req_id", ""), set())
            self._record.keep((kind, self._stream), frame)

    def _kind_of(self, frame: Frame) -> str:
        """Of an answer. Not all say what they answer, but they come in the order of what was asked."""
        if frame.get("op") == "auth":
            return "auth"
        if frame.get("op") == "pong" or frame.get("ret_msg") == "pong":
            return "pong"
        return self._asked if frame.get("success") else "refused"


def _awaited(record: Record, topic: str, stream: str) -> set[Key]:
    """What a subscription brings sooner or later."""
    if stream == "private":
        listed = {category for category in CATEGORIES if record.listed[category]}
        by_category = {"order": listed, "execution": listed, "position": listed - {"spot"}}
        return {(topic, category) for category in by_category.get(topic, {""})}
    kinds = ("snapshot", "delta") if topic.startswith("tickers.") and stream in ("linear", "inverse") else ("snapshot",)
    name = key_of_public(record, stream)
    return {key for kind in kinds for key, _ in name({"topic": topic, "type": kind})}


PRIVATE_TOPICS = ("order", "execution", "execution.fast", "position", "wallet", "greeks")


def public_topics(record: Record, category: str) -> list[str]:
    symbols = [symbol_of(record, category)]
    if category in ("linear", "inverse") and (dated := ending_symbol_of(record, category)) is not None:
        symbols.append(dated)
    depths = (25, 100) if category == "option" else (1, 50, 200, 1000)
    kinds = [*(f"orderbook.{depth}" for depth in depths), "tickers"]
    if category != "option":
        kinds += ["publicTrade", "kline.1", "orderbook.rpi", "priceLimit"]
    if category == "spot":
        kinds.append("orderbook.full")
    if category in ("linear", "inverse"):
        kinds.append("allLiquidation")
    pools = {"linear": ("USDT", "USDC"), "inverse": ("inverse",)}.get(category, ())
    topics = [f"{kind}.{symbol}" for symbol in symbols for kind in kinds]
    if category == "option":
        topics.append("publicTrade.BTC")
    return topics + [f"{kind}.{pool}" for pool in pools for kind in ("insurance", "adlAlert")]


def key_of_public(record: Record, category: str) -> Callable[[Frame], list[tuple[Key, Frame]]]:
    dated = {row["symbol"] for row in record.listed[category] if "Futures" in row.get("contractType", "")}

    def name(frame: Frame) -> list[tuple[Key, Frame]]:
        kind, _, rest = frame["topic"].partition(".")
        if kind == "orderbook" and rest.split(".")[0] in ("rpi", "full"):
            kind = f"orderbook.{rest.split('.')[0]}"
        if kind == "tickers":
            form = category
            if category in ("linear", "inverse"):
                form = "dated" if rest in dated else "perpetual"
            kind = f"tickers.{form}.{frame['type']}"
        if kind == "publicTrade":
            kind = f"publicTrade.{category}"
        return [((kind, category), frame)]

    return name


def key_of_private(frame: Frame) -> list[tuple[Key, Frame]]:
    """Rows of different categories in one message are kept apart."""
    topic = frame["topic"]
    if topic not in ("order", "execution", "position"):
        return [((topic, ""), frame)]
    categories = dict.fromkeys(row.get("category", "") for row in frame["data"])
    return [
        ((topic, category), {**frame, "data": [row for row in frame["data"] if row.get("category", "") == category]})
        for category in categories
    ]


async def _demo(record: Record) -> None:
    """What only the demo environment has."""
    running = await serve(SimulatorConfig(environment="demo"), market=ScriptedMarket())
    try:
        async with aiohttp.ClientSession() as session:
            caller = Caller(record, SimClient(running.addresses, running.keys.trading, session))
            money = [{"coin": "USDT", "amountStr": "10"}]
            await caller.post("/v5/account/demo-apply-money", adjustType=0, utaDemoApplyMoney=money)
    finally:
        await running.close()
