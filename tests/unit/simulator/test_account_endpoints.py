"""Endpoints of account, assets and user: what they change, what they refuse, and figures worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.scripted_market import BTCUSD, CALL, DELIVERY_MS, ETHUSDT, FUTURE, START_MS
from support.sim_bench import Bench
from tradewright.simulator.accounts.keys import ApiKey
from tradewright.simulator.accounts.settings import refuses_beyond_limits
from tradewright.simulator.errors import ApiError
from tradewright.simulator.market.gone import gone_spec
from tradewright.simulator.rest.account import AccountEndpoints
from tradewright.simulator.rest.asset import AssetEndpoints
from tradewright.simulator.rest.borrowing import BorrowingEndpoints
from tradewright.simulator.rest.calls import Call, Endpoint
from tradewright.simulator.rest.dcp import DcpEndpoints, DcpSettings
from tradewright.simulator.rest.margins import MarginEndpoints
from tradewright.simulator.rest.past import PastEndpoints
from tradewright.simulator.rest.settings import SettingEndpoints
from tradewright.simulator.rest.terms import TermEndpoints
from tradewright.simulator.rest.user import UserEndpoints
from tradewright.simulator.rows.greeks import coin_greeks

UID = "4711"
DAY_MS = 86_400_000
SECOND = 1_000
D = Decimal


class Desk:
    """Handlers of one account, asked without a wire."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        engine, dcp = bench.engine, DcpSettings()
        groups: Iterable[Iterable[Endpoint]] = (
            AccountEndpoints(engine).all(),
            AssetEndpoints(engine, uid=UID).all(),
            BorrowingEndpoints(engine).all(),
            DcpEndpoints(dcp).all(),
            MarginEndpoints(engine).all(),
            PastEndpoints(engine).all(),
            SettingEndpoints(engine, dcp, uid=UID, started_ms=START_MS).all(),
            TermEndpoints(engine).all(),
            UserEndpoints().all(),
        )
        self._endpoints = {endpoint.path: endpoint for group in groups for endpoint in group}
        self.key = ApiKey("key", "secret", uid=UID)

    def ask(self, path: str, **params: Any) -> dict[str, Any]:
        endpoint = self._endpoints[f"/v5/{path}"]
        answer = endpoint.handle(Call(params=params, now_ms=self._bench.wall_ms, key=self.key))
        assert isinstance(answer, dict)
        return answer

    def refusal(self, path: str, **params: Any) -> int:
        with pytest.raises(ApiError) as refused:
            self.ask(path, **params)
        return int(refused.value.code)

    def coin(self, coin: str) -> dict[str, Any]:
        (row,) = self.ask("account/wallet-balance", accountType="UNIFIED", coin=coin)["list"][0]["coin"]
        return dict(row)


def test_switches_are_told_as_set_and_outlive_a_restart(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    desk = Desk(bench)
    fresh = desk.ask("account/user-setting-config")
    assert (fresh["lpaSpot"], fresh["lpaPerp"]) == (True, False)  # spot refuses, contracts move the price
    desk.ask("account/set-limit-px-action", category="inverse", modifyEnable=False)
    desk.ask("account/set-limit-px-action", category="spot", modifyEnable=True)
    desk.ask("account/set-hedging-mode", setHedgingMode="ON")
    bench.log.close()

    again = Bench(tmp_path)
    desk = Desk(again)
    changed = desk.ask("account/user-setting-config")
    assert (changed["lpaSpot"], changed["lpaPerp"]) == (False, True)
    assert refuses_beyond_limits(again.engine.account.settings, "linear")
    assert not refuses_beyond_limits(again.engine.account.settings, "spot")
    assert desk.ask("account/info")["spotHedgingStatus"] == "ON"
    entries = len(again.log.entries)
    desk.ask("account/set-hedging-mode", setHedgingMode="ON")
    assert len(again.log.entries) == entries  # nothing happened


def test_a_coin_that_is_no_collateral_any_more_backs_nothing() -> None:
    bench = Bench(coins={"BTC": "1"})
    desk = Desk(bench)

    def available() -> Decimal:
        return D(desk.ask("account/wallet-balance", accountType="UNIFIED")["list"][0]["totalAvailableBalance"])

    assert available() == 100_000 + 60_000 * D("0.95")
    desk.ask("account/set-collateral-switch", coin="BTC", collateralSwitch="OFF")
    assert available() == 100_000
    assert (desk.coin("BTC")["marginCollateral"], desk.coin("BTC")["collateralSwitch"]) == (True, False)
    (row,) = desk.ask("account/collateral-info", currency="BTC")["list"]
    assert (row["collateralSwitch"], row["collateralRatio"]) == (False, "0.95")


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("account/set-collateral-switch", {"coin": "USDT", "collateralSwitch": "OFF"}, 10001),
        ("account/set-collateral-switch", {"coin": "BTC", "collateralSwitch": "off"}, 10001),
        ("account/set-collateral-switch", {"coin": "NONE", "collateralSwitch": "ON"}, 182204),
        ("account/set-hedging-mode", {}, 10001),
        ("account/set-limit-px-action", {"category": "option", "modifyEnable": True}, 10001),
        ("account/set-limit-px-action", {"category": "spot"}, 10001),
        ("account/set-limit-px-action", {"category": "spot", "modifyEnable": "perhaps"}, 10001),
        ("account/collateral-info", {"currency": "NONE"}, 182204),
        ("account/withdrawal", {}, 10001),
        ("account/withdrawal", {"coinName": "USDT,NONE"}, 182204),
        ("account/withdrawal", {"coinName": ",".join(f"C{n}" for n in range(21))}, 10001),
        ("account/borrow", {"coin": "BTC", "amount": "0"}, 10001),
        ("account/borrow", {"coin": "BTC", "amount": "-1"}, 10001),
        ("account/borrow", {"coin": "NONE", "amount": "1"}, 182204),
        ("account/no-convert-repay", {"coin": "BTC", "repaymentType": "SOME"}, 10001),
        ("account/borrow-history", {"startTime": str(DAY_MS), "endTime": "0"}, 181009),
        ("account/borrow-history", {"startTime": "0", "endTime": str(31 * DAY_MS)}, 181010),
        ("account/fee-rate", {"category": "coins"}, 10001),
        ("account/fee-rate", {"category": "option", "baseCoin": "NONE"}, 10001),
        ("account/instruments-info", {"category": "option"}, 10001),
        ("account/instruments-info", {"category": "linear", "limit": "201"}, 10001),
        ("account/transaction-log", {"category": "coins"}, 10001),
        ("account/transaction-log", {"startTime": "0", "endTime": str(8 * DAY_MS)}, 181010),
        ("asset/transfer/query-account-coins-balance", {"accountType": "SPOT"}, 10001),
        ("asset/transfer/query-account-coins-balance", {"accountType": "UNIFIED"}, 10001),
        ("asset/transfer/query-account-coins-balance", {"accountType": "FUND", "memberId": "1"}, 10001),
        ("asset/transfer/query-account-coin-balance", {"accountType": "UNIFIED"}, 10001),
        ("asset/delivery-record", {"category": "spot"}, 10001),
        ("asset/settlement-record", {"category": "inverse"}, 10001),
        ("order/spot-borrow-check", {"category": "linear", "symbol": "BTCUSDT", "side": "Buy"}, 10001),
        ("order/spot-borrow-check", {"category": "spot", "symbol": "BTCUSDT", "side": "Both"}, 170117),
        ("position/add-margin", {"category": "linear", "symbol": "BTCUSDT", "margin": "1.00001"}, 10001),
        ("position/add-margin", {"category": "linear", "symbol": "BTCUSDT", "margin": "1", "positionIdx": 1}, 10001),
        ("position/add-margin", {"category": "linear", "symbol": "BTCUSDT", "margin": "1"}, 110015),
        ("position/set-auto-add-margin", {"category": "linear", "symbol": "BTCUSDT", "autoAddMargin": 2}, 10001),
        ("position/set-auto-add-margin", {"category": "linear", "symbol": "BTCUSDT", "autoAddMargin": 1}, 110076),
        ("position/confirm-pending-mmr", {"category": "linear", "symbol": "NONE"}, 10001),
        ("position/get-closed-positions", {"category": "linear"}, 10001),
    ],
)
def test_what_is_wrong_is_refused_with_its_code(path: str, params: dict[str, Any], code: int) -> None:
    assert Desk(Bench(spot=True)).refusal(path, **params) == code


def test_what_is_borrowed_can_be_sold_and_is_owed_until_it_is_repaid() -> None:
    bench = Bench(spot=True)
    desk = Desk(bench)
    assert desk.refusal("account/borrow", coin="BTC", amount="2") == 110007  # 100 000 USDT cover 1.66 BTC at 60 000
    assert desk.ask("account/borrow", coin="BTC", amount="0.5") == {"coin": "BTC", "amount": "0.5"}
    held = desk.coin("BTC")
    assert (held["walletBalance"], held["equity"], held["spotBorrow"], held["borrowAmount"]) == (
        "0.5",
        "0",
        "0.5",
        "0.5",
    )
    assert desk.ask("account/withdrawal", coinName="BTC,USDT")["availableWithdrawalMap"] == {
        "BTC": "0",  # what is borrowed is for trading
        "USDT": "100000",
    }
    bench.spot("Sell", "0.500000", marketUnit="baseCoin")
    held = desk.coin("BTC")
    assert (held["walletBalance"], held["equity"], held["borrowAmount"]) == ("0", "-0.5", "0.5")
    assert desk.ask("account/no-convert-repay", coin="BTC") == {"resultStatus": "FA"}
    bench.spot("Buy", "0.400000", marketUnit="baseCoin")
    assert desk.ask("account/no-convert-repay", coin="BTC", amount="0.1") == {"resultStatus": "SU"}
    assert desk.coin("BTC")["borrowAmount"] == "0.4"
    assert desk.ask("account/no-convert-repay", coin="USDT") == {"resultStatus": "SU"}  # nothing is owed
    history = desk.ask("account/borrow-history", currency="BTC")["list"]
    assert [(row["currency"], row["borrowAmount"], row["createdTime"]) for row in history] == [
        ("BTC", "0.5", bench.wall_ms)
    ]


def test_how_much_of_a_pair_could_be_traded_with_and_without_borrowing() -> None:
    desk = Desk(Bench(spot=True, funds="6005", coins={"BTC": "0.1"}))
    buying = desk.ask("order/spot-borrow-check", category="spot", symbol="BTCUSDT", side="Buy")
    assert (buying["spotMaxTradeAmount"], buying["spotMaxTradeQty"]) == ("6005", "0.1")  # at the last price, 60 050
    # The free margin, 6005 + 0.1 * 60 000 * 0.95, covers that much USDT more.
    assert (buying["borrowCoin"], buying["maxTradeAmount"]) == ("USDT", "17710")
    selling = desk.ask("order/spot-borrow-check", category="spot", symbol="BTCUSDT", side="Sell")
    assert (selling["borrowCoin"], selling["spotMaxTradeQty"], selling["maxTradeQty"]) == ("BTC", "0.1", "0.295083")


def test_fees_of_every_category_and_the_instruments_of_the_account() -> None:
    desk = Desk(Bench(spot=True, others=[BTCUSD, CALL, ETHUSDT]))
    assert [row["symbol"] for row in desk.ask("account/fee-rate", category="linear")["list"]] == ["BTCUSDT", "ETHUSDT"]
    assert desk.ask("account/fee-rate", category="option") == {
        "category": "option",
        "list": [{"symbol": "", "baseCoin": "BTC", "takerFeeRate": "0.0003", "makerFeeRate": "0.0003"}],
    }
    assert desk.ask("account/fee-rate", category="inverse", symbol="BTCUSD")["list"][0]["takerFeeRate"] == "0.00055"
    first = desk.ask("account/instruments-info", category="linear", limit="1")
    second = desk.ask("account/instruments-info", category="linear", limit="1", cursor=first["nextPageCursor"])
    assert [row["symbol"] for row in first["list"] + second["list"]] == ["BTCUSDT", "ETHUSDT"]
    assert second["nextPageCursor"] == ""
    assert "nextPageCursor" not in desk.ask("account/instruments-info", category="spot", limit="1")


def test_the_funding_account_is_empty_and_the_unified_one_needs_its_coins_named() -> None:
    bench = Bench(spot=True)
    desk = Desk(bench)
    bench.spot("Buy", "0.100000", "60000.00")  # locks 6000
    unified = {"accountType": "UNIFIED", "coin": "USDT"}
    assert desk.ask("asset/transfer/query-account-coins-balance", **unified)["balance"] == [
        {"coin": "USDT", "walletBalance": "100000", "transferBalance": "94000", "bonus": ""}
    ]
    one = desk.ask("asset/transfer/query-account-coin-balance", **unified, withBonus=1, withTransferSafeAmount="1")
    assert one["memberId"] == UID
    assert one["balance"] == {
        "coin": "USDT",
        "walletBalance": "100000",
        "transferBalance": "94000",
        "bonus": "0",
        "transferSafeAmount": "94000",
        "ltvTransferSafeAmount": "",
    }
    empty = desk.ask("asset/transfer/query-account-coins-balance", accountType="FUND")["balance"]
    assert {row["coin"]: row["walletBalance"] for row in empty} == {"BTC": "0", "USDT": "0"}


def test_every_coin_of_the_instruments_is_known_with_its_precision_and_moves_by_no_chain() -> None:
    rows = Desk(Bench(spot=True, others=[BTCUSD, ETHUSDT])).ask("asset/coin/query-info")["rows"]
    assert [row["coin"] for row in rows] == ["BTC", "ETH", "USDT"]  # nobody holds dollars
    for row in rows:
        (chain,) = row["chains"]
        assert (chain["minAccuracy"], chain["chainDeposit"], chain["chainWithdraw"]) == ("8", "0", "0")


def test_a_key_tells_what_it_may_do() -> None:
    desk = Desk(Bench())
    desk.key = replace(desk.key, may_withdraw=True)
    told = desk.ask("user/query-api")
    assert (told["uta"], told["readOnly"], told["userID"], told["parentUid"]) == (1, 0, int(UID), "0")
    assert "Withdraw" in told["permissions"]["Wallet"]
    desk.key = ApiKey("key", "secret", read_only=True, uid=UID)
    assert desk.ask("user/query-api")["permissions"]["Wallet"] == []


def test_the_windows_of_disconnect_cancel_all_are_told() -> None:
    desk = Desk(Bench())
    desk.ask("order/disconnected-cancel-all", product="SPOT", timeWindow=40)
    windows = {row["product"]: row["timeWindow"] for row in desk.ask("account/query-dcp-info")["dcpInfos"]}
    assert windows == {"SPOT": "40", "DERIVATIVES": "10", "OPTIONS": "10"}


def test_what_was_delivered_is_told_with_its_entry_and_its_profit() -> None:
    bench = Bench(others=[FUTURE, CALL])
    desk = Desk(bench)
    bench.market.now_ms = DELIVERY_MS - 10 * SECOND
    bench.place("Sell", "0.500", category="linear", symbol=FUTURE.symbol)  # at 59999.90
    option = {"category": "option", "symbol": CALL.symbol}
    bench.place("Buy", "1.00", "1205", **option, orderLinkId="a")
    bench.place("Sell", "0.40", "1195", **option, orderLinkId="b")
    bench.market.settled = {FUTURE.listing: D(64_000), CALL.listing: D(64_000)}
    bench.engine.venue.play_to(DELIVERY_MS)

    (future,) = desk.ask("asset/delivery-record", category="linear")["list"]
    assert (future["symbol"], future["side"], future["position"]) == (FUTURE.symbol, "Sell", "0.5")
    assert (future["entryPrice"], future["deliveryPrice"], future["strike"]) == ("59999.9", "64000", "")
    assert future["deliveryRpl"] == "-2000.05"
    (call,) = desk.ask("asset/delivery-record", category="option", expDate="14DEC23")["list"]
    assert (call["side"], call["position"], call["entryPrice"], call["strike"]) == ("Buy", "0.6", "1205", "62000")
    assert desk.ask("asset/delivery-record", category="option", expDate="15DEC23")["list"] == []
    (closed,) = desk.ask("position/get-closed-positions", category="option")["list"]
    assert (closed["side"], closed["qty"], closed["avgEntryPrice"]) == ("Buy", "1.00", "1205")
    assert closed["avgExitPrice"] == "1678"  # 0.4 at 1195 and 0.6 at what it was worth, 2000
    fees = sum(D(closed[name]) for name in ("totalOpenFee", "totalCloseFee", "deliveryFee"))
    assert D(closed["totalPnl"]) == D(473) - fees
    # The log says the same: what the account has won and paid is the change of its balance.
    rows = desk.ask("account/transaction-log", currency="USDT", limit="50")["list"]
    assert sum(D(row["change"]) for row in rows) == bench.wallet
    assert {row["type"] for row in rows} == {"TRANSFER_IN", "TRADE", "DELIVERY"}
    assert len(desk.ask("account/transaction-log", type="DELIVERY", category="option")["list"]) == 1


def test_the_past_of_listings_that_are_gone_is_still_told_after_a_restart(tmp_path: Path) -> None:
    bench = Bench(tmp_path, others=[FUTURE, CALL])
    bench.market.now_ms = DELIVERY_MS - 10 * SECOND
    bench.place("Sell", "0.500", category="linear", symbol=FUTURE.symbol)
    bench.place("Buy", "1.00", "1205", category="option", symbol=CALL.symbol, orderLinkId="a")
    bench.market.settled = {FUTURE.listing: D(64_000), CALL.listing: D(64_000)}
    bench.engine.venue.play_to(DELIVERY_MS)
    wallet = bench.wallet
    bench.log.close()

    again = Bench(tmp_path)  # a market without the two
    desk = Desk(again)
    again.engine.resume()
    assert again.wallet == wallet
    (future,) = desk.ask("asset/delivery-record", category="linear")["list"]
    assert (future["symbol"], future["entryPrice"], future["deliveryPrice"]) == (FUTURE.symbol, "59999.9", "64000")
    (call,) = desk.ask("position/get-closed-positions", category="option")["list"]
    assert (call["symbol"], call["qty"]) == (CALL.symbol, "1.00000000")
    assert len(desk.ask("position/closed-pnl", category="linear")["list"]) == 1
    rows = desk.ask("account/transaction-log", limit="50")["list"]
    assert sum(D(row["change"]) for row in rows) == wallet
    assert desk.ask("asset/coin-greeks")["list"] == []
    assert desk.refusal("account/fee-rate", category="linear", symbol=FUTURE.symbol) == 10001
    call_spec = gone_spec(CALL.listing)
    assert (call_spec.base_coin, call_spec.strike, call_spec.option_type) == ("BTC", D(62_000), "Call")


@pytest.mark.parametrize(
    ("listing", "coins"),
    [
        ("BTCUSDT", ("BTC", "USDT", "USDT")),
        ("BTCUSDT-28MAR25", ("BTC", "USDT", "USDT")),
        ("BTCPERP", ("BTC", "USDC", "USDC")),
        ("BTC-28MAR25", ("BTC", "USDC", "USDC")),
        ("inverse:BTCUSDH25", ("BTC", "USD", "BTC")),
        ("spot:ETHBTC", ("ETH", "BTC", "")),
        ("option:ETH-28FEB25-2800-C", ("ETH", "USDC", "USDC")),
        ("option:ETH-28FEB25-2800-P-USDT", ("ETH", "USDT", "USDT")),
    ],
)
def test_coins_of_a_listing_that_is_gone_follow_from_its_name(listing: str, coins: tuple[str, str, str]) -> None:
    spec = gone_spec(listing)
    assert (spec.base_coin, spec.quote_coin, spec.settle_coin) == coins
    assert spec.listing == listing


def test_closed_profits_of_inverse_contracts_are_in_coins_and_at_prices_in_dollars() -> None:
    bench = Bench(coins={"BTC": "1"}, others=[BTCUSD])
    before = bench.coin("BTC")
    bench.place("Sell", "60000", category="inverse", symbol="BTCUSD")  # at 59999.50
    bench.place("Buy", "60000", category="inverse", symbol="BTCUSD")  # at 60000.50
    (row,) = Desk(bench).ask("position/closed-pnl", category="inverse")["list"]
    # Values are rounded to eight places of a bitcoin, which is a cent of the price at this size.
    assert (row["side"], row["avgEntryPrice"][:7], row["avgExitPrice"][:7]) == ("Buy", "59999.5", "60000.4")
    assert (row["cumEntryValue"], row["cumExitValue"]) == ("1.00000833", "0.99999167")
    assert D(row["closedPnl"]) == bench.coin("BTC") - before
    assert Desk(bench).ask("position/closed-pnl", category="linear")["list"] == []


def test_leverage_is_told_leg_by_leg() -> None:
    bench = Bench(others=[BTCUSD])
    desk = Desk(bench)
    desk.ask("position/set-leverage", category="linear", symbol="BTCUSDT", buyLeverage="7", sellLeverage="7")
    (row,) = desk.ask("position/symbol-info", category="linear")["list"]
    assert (row["symbol"], row["leverage"], row["positionIdx"]) == ("BTCUSDT", "7", 0)
    assert desk.ask("position/symbol-info", category="inverse")["list"][0]["leverage"] == "10"


def test_greeks_add_up_by_base_coin() -> None:
    bench = Bench(others=[CALL])
    bench.place("Sell", "0.50", "1195", category="option", symbol=CALL.symbol, orderLinkId="a")
    rows = coin_greeks(
        bench.engine.account.positions.values(),
        bench.engine.specs,
        lambda listing: {"delta": "0.4", "gamma": "0.00002", "vega": "60", "theta": "-12.5"},
    )
    assert rows == [
        {"baseCoin": "BTC", "totalDelta": "-0.2", "totalGamma": "-0.00001", "totalVega": "-30", "totalTheta": "6.25"}
    ]
