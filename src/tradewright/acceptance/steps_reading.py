"""Steps 1 to 10: what can be read and heard before anything is placed."""

from __future__ import annotations

from tradewright.acceptance.model import Differs, Facts, Failed
from tradewright.acceptance.stage import Stage
from tradewright.core.money import plain
from tradewright.core.order import RemotePosition, Wallet
from tradewright.exchange.ports import Book, CandleUpdate, PublicTrade, StreamUp, Ticker

_CLOCK_MS_MAX = 1_000


async def clock(stage: Stage) -> Facts:
    before = stage.clock.now()
    theirs = await stage.gateway.server_time()
    apart_ms = int((theirs - before).total_seconds() * 1000)
    facts = {"exchange_minus_ours_ms": str(apart_ms)}
    if abs(apart_ms) > _CLOCK_MS_MAX:
        raise Differs(
            f"our clock is {apart_ms} ms off; every request is signed with the exchange's, but set ours right"
        )
    return facts


async def key(stage: Stage) -> Facts:
    facts = await stage.gateway.key_facts()
    told = {
        "read_only": str(facts.read_only).lower(),
        "unified": str(facts.is_unified).lower(),
        "permissions": "; ".join(f"{area}: {', '.join(may)}" for area, may in facts.permissions.items() if may),
        "bound_to_ips": "no" if facts.ips == ("*",) else f"yes, {len(facts.ips)}",
        "expires": "never" if facts.expires_at is None else facts.expires_at.date().isoformat(),
    }
    if facts.may_withdraw:
        raise Failed("the key may withdraw: make one without that permission")
    if facts.read_only or not facts.may_trade:
        raise Failed("the key may not trade, so nothing more can be tried")
    if not facts.is_unified:
        raise Failed("the account is not a unified one, which is the only kind this terminal knows")
    return told


async def modes(stage: Stage) -> Facts:
    return {"margin_mode": (await stage.gateway.modes()).margin_mode}


async def instruments(stage: Stage) -> Facts:
    linear, spot = await stage.market.instruments("linear"), await stage.market.instruments("spot")
    found = next((row for row in linear if row.id == stage.id), None)
    if found is None:
        raise Failed(f"the exchange lists no contract {stage.symbol}; choose another with --symbol")
    stage.instrument_found = found
    return {
        "linear": str(len(linear)),
        "spot": str(len(spot)),
        "status": found.status,
        "tick": plain(found.tick_size),
        "step": plain(found.quantity_step),
        "least_worth": plain(found.min_notional),
    }


async def wallet(stage: Stage) -> Facts:
    found = await stage.gateway.wallet()
    coins = {coin: plain(balance.wallet_balance) for coin, balance in found.coins.items() if balance.wallet_balance}
    if not coins:
        raise Failed("the wallet is empty: nothing can be bought; pay in (demo: ask for demo funds on Bybit's page)")
    return {"coins": ", ".join(sorted(coins)), "available_told": str(found.total_available is not None).lower()}


async def fees(stage: Stage) -> Facts:
    found = await stage.gateway.fee_rates(stage.id)
    stage.fees = found
    facts = {"maker": plain(found.maker), "taker": plain(found.taker), "assumed": str(found.assumed).lower()}
    if found.assumed:
        raise Differs(f"the exchange does not tell fees here, so {facts['maker']} and {facts['taker']} are assumed")
    return facts


async def nothing_there(stage: Stage) -> Facts:
    orders = [order for order in await stage.gateway.open_orders() if order.instrument == stage.id]
    position = await stage.gateway.position(stage.id)
    stage.position_before = position.size
    facts = {"open_orders": str(len(orders)), "position": plain(position.size)}
    if (orders or position.size) and not stage.even_if_in_use:
        raise Failed(
            f"{stage.symbol} has {len(orders)} open orders and a position of {plain(position.size)}: the steps would"
            " mix with them; close them, choose another --symbol, or say --even-if-in-use"
        )
    return facts


async def private_stream(stage: Stage) -> Facts:
    begun = stage.now()
    up = await stage.until(lambda: stage.streams_heard(StreamUp, 0.0), "the private stream is up", seconds=20)
    return {"signed_in_and_subscribed_s": f"{max(0.0, up - begun):.2f}", "topics": "order, execution, position, wallet"}


async def public_stream(stage: Stage) -> Facts:
    symbol = stage.symbol
    wanted: dict[str, type[object]] = {
        f"tickers.{symbol}": Ticker,
        f"orderbook.50.{symbol}": Book,
        f"kline.1.{symbol}": CandleUpdate,
        f"publicTrade.{symbol}": PublicTrade,
    }
    stage.public.subscribe(*wanted)
    begun, seen = stage.now(), {}
    async for event in stage.public.events():
        for topic, kind in wanted.items():
            if isinstance(event, kind) and topic not in seen:
                seen[topic] = stage.now() - begun
        if len(seen) == len(wanted) or stage.now() - begun > 30:
            break
    stage.public.unsubscribe(*wanted)
    silent = sorted(set(wanted) - set(seen))
    facts = {topic: f"{seconds:.2f} s" for topic, seconds in seen.items()}
    if [topic for topic in silent if not topic.startswith("publicTrade")]:
        raise Failed(f"within 30 s nothing came on {', '.join(silent)}")
    if silent:
        raise Differs("no trade within 30 s, which a quiet market may do")
    return facts


async def first_words(stage: Stage) -> Facts:
    """The private stream tells no snapshot, as documented: what is there must be read."""
    positions, wallets = stage.has_heard(RemotePosition), stage.has_heard(Wallet)
    facts = {"position_told": str(positions).lower(), "wallet_told": str(wallets).lower()}
    if positions or wallets:
        raise Differs("the private stream told something before anything happened; we do not rely on its silence")
    return facts
