"""What is read of an account and its key: whole, typed, and never guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tradewright.core.errors import ExchangeUnavailable, ReadRefused
from tradewright.core.instrument import InstrumentId, RiskTier
from tradewright.core.order import FeeRates
from tradewright.exchange.bybit.codec import categories_of
from tradewright.exchange.bybit.market_data import BybitMarketGateway
from tradewright.exchange.bybit.orders import BybitOrderGateway
from unit.exchange.fake_bybit import Answer, FakeBybit, hang_up, http, ok, refused
from unit.exchange.rows import page, position_row

BTC = InstrumentId("linear", "BTCUSDT")
PAIR = InstrumentId("spot", "BTCUSDT")
QUERY_API = "/v5/user/query-api"
FEE_RATE = "/v5/account/fee-rate"


def key_row(**changes: Any) -> dict[str, Any]:
    return {
        "readOnly": 0,
        "permissions": {"ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"], "Wallet": [], "Options": None},
        "ips": ["*"],
        "expiredAt": "2027-02-01T10:00:00Z",
        "uta": 1,
        "unified": 0,
        "userID": 1448939,
    } | changes


async def test_key_facts_say_whose_the_key_is_and_what_it_may_do(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script[QUERY_API] = [ok(key_row())]
    facts = await orders.key_facts()
    assert (facts.uid, facts.read_only, facts.may_trade, facts.may_withdraw) == ("1448939", False, True, False)
    assert (facts.ips, facts.is_unified) == (("*",), True)
    assert facts.expires_at == datetime(2027, 2, 1, 10, tzinfo=UTC)
    assert categories_of(facts.permissions) == ("linear", "spot")


@pytest.mark.parametrize(
    ("changes", "may_trade", "may_withdraw"),
    [
        ({"readOnly": 1}, False, False),
        ({"permissions": {"ContractTrade": ["Position"], "Wallet": ["AccountTransfer"]}}, False, False),
        ({"permissions": {"Spot": ["SpotTrade"], "Wallet": ["Withdraw"]}}, True, True),
        ({"permissions": {"ContractTrade": ["Order"], "Wallet": ["AccountTransfer", "WithdrawSomething"]}}, True, True),
    ],
)
async def test_permissions_decide_about_trading_and_withdrawal(
    bybit: FakeBybit, orders: BybitOrderGateway, changes: dict[str, Any], may_trade: bool, may_withdraw: bool
) -> None:
    bybit.script[QUERY_API] = [ok(key_row(**changes))]
    facts = await orders.key_facts()
    assert (facts.may_trade, facts.may_withdraw) == (may_trade, may_withdraw)


async def test_a_key_that_never_expires_has_no_expiry(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script[QUERY_API] = [ok(key_row(expiredAt="1970-01-01T00:00:00Z")), ok(key_row(expiredAt=""))]
    assert [(await orders.key_facts()).expires_at for _ in range(2)] == [None, None]


@pytest.mark.parametrize("row", [{}, key_row(userID=0), key_row(expiredAt="soon"), key_row(permissions=[])])
async def test_unreadable_key_facts_are_unavailable(bybit: FakeBybit, orders: BybitOrderGateway, row: Any) -> None:
    bybit.script[QUERY_API] = [ok(row)]
    with pytest.raises(ExchangeUnavailable):
        await orders.key_facts()


async def test_fee_rates_are_the_exchanges(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    row = {"symbol": "BTCUSDT", "takerFeeRate": "0.0006", "makerFeeRate": "-0.0001"}
    bybit.script[FEE_RATE] = [ok({"list": [row]})]
    assert await orders.fee_rates(BTC) == FeeRates(maker=Decimal("-0.0001"), taker=Decimal("0.0006"))
    assert bybit.queries(FEE_RATE) == ["category=linear&symbol=BTCUSDT"]


@pytest.mark.parametrize("answer", [http(404), refused(10017), refused(10032, "Demo trading are not supported.")])
async def test_where_the_exchange_will_not_say_the_usual_rates_are_assumed(
    bybit: FakeBybit, orders: BybitOrderGateway, answer: Answer
) -> None:
    bybit.script[FEE_RATE] = [answer]
    assert await orders.fee_rates(BTC) == FeeRates(maker=Decimal("0.0002"), taker=Decimal("0.00055"), assumed=True)
    assert (await orders.fee_rates(PAIR)).taker == Decimal("0.001")


@pytest.mark.parametrize("answer", [http(503), refused(10016), refused(10006), hang_up])
async def test_no_answer_about_fees_is_no_answer(bybit: FakeBybit, orders: BybitOrderGateway, answer: Answer) -> None:
    bybit.script[FEE_RATE] = [answer]
    with pytest.raises(ExchangeUnavailable):
        await orders.fee_rates(BTC)


async def test_margin_mode_is_the_exchanges_word(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script["/v5/account/info"] = [ok({"marginMode": "ISOLATED_MARGIN", "unifiedMarginStatus": 5}), ok({})]
    assert (await orders.modes()).margin_mode == "ISOLATED_MARGIN"
    with pytest.raises(ExchangeUnavailable):
        await orders.modes()


async def test_position_of_a_symbol_is_read_also_when_it_is_flat(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    flat = position_row(side="", size="0", avgPrice="0", leverage="25", takeProfit="", stopLoss="0", seq=-1)
    held = position_row(
        takeProfit="50000", stopLoss="65000.5", positionMM="76.25", positionValue="15250", adlRankIndicator=2
    )
    bybit.script["/v5/position/list"] = [ok(page(flat)), ok(page(held))]
    position = await orders.position(BTC)
    assert (position.side, position.size, position.leverage) == (None, 0, Decimal(25))
    assert (position.take_profit, position.stop_loss, position.adl_rank) == (None, None, None)
    position = await orders.position(BTC)
    assert (position.take_profit, position.stop_loss) == (Decimal(50000), Decimal("65000.5"))
    assert (position.maintenance_margin, position.value, position.adl_rank) == (Decimal("76.25"), Decimal(15250), 2)
    assert bybit.queries("/v5/position/list")[0] == "category=linear&symbol=BTCUSDT"


async def test_in_hedge_mode_a_position_is_named_by_its_leg(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    legs = [position_row(positionIdx=2, side="Sell", size="2"), position_row(positionIdx=1, side="Buy", size="1")]
    bybit.script["/v5/position/list"] = [ok(page(*legs))]
    assert [(leg.position_index, leg.side, leg.size) for leg in await orders.legs(BTC)] == [
        (1, "Buy", Decimal(1)),
        (2, "Sell", Decimal(2)),
    ]
    assert (await orders.position(BTC, 2)).size == 2
    with pytest.raises(ReadRefused, match="is in hedge mode and has no position 0"):
        await orders.position(BTC)


@pytest.mark.parametrize("indexes", [(), (1,), (0, 1), (0, 1, 2), (0, 0), (1, 1)])
async def test_what_is_neither_one_position_nor_two_legs_is_not_read_as_either(
    bybit: FakeBybit, orders: BybitOrderGateway, indexes: tuple[int, ...]
) -> None:
    bybit.script["/v5/position/list"] = [ok(page(*(position_row(positionIdx=index) for index in indexes)))]
    with pytest.raises(ReadRefused, match="expected 0 alone, or 1 and 2"):
        await orders.legs(BTC)


def tier(limit: object, maintenance: object, initial: object, leverage: str, deduction: str = "") -> dict[str, Any]:
    return {
        "id": 1,
        "symbol": "BTCUSDT",
        "riskLimitValue": limit,
        "maintenanceMargin": maintenance,
        "initialMargin": initial,
        "maxLeverage": leverage,
        "mmDeduction": deduction,
    }


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (tier("2000000", "0.005", "0.01", "100.00"), tier("4000000", "0.0075", "0.015", "66.66", "5000")),
        (tier("2000000", "0.5", "1", "100.00"), tier("4000000", "0.75", "1.5", "66.66", "5000")),
        (tier(2000000, 0.5, 1, "100.00"), tier(4000000, 0.75, 1.5, "66.66", "5000")),
    ],
)
async def test_risk_tiers_are_fractions_whether_the_exchange_says_percents_or_not(
    bybit: FakeBybit, market: BybitMarketGateway, low: dict[str, Any], high: dict[str, Any]
) -> None:
    bybit.script["/v5/market/risk-limit"] = [ok(page(high, low, {**low, "symbol": "ETHUSDT"}))]
    assert await market.risk_tiers(BTC) == [
        RiskTier(Decimal(2_000_000), Decimal("0.005"), Decimal(0), Decimal(100)),
        RiskTier(Decimal(4_000_000), Decimal("0.0075"), Decimal(5_000), Decimal("66.66")),
    ]
    assert bybit.queries("/v5/market/risk-limit") == ["category=linear&symbol=BTCUSDT"]
    assert await market.risk_tiers(PAIR) == ()
