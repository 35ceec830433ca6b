"""What the exchange says of the account itself: its wallet, what it pays, how it is set, what its key may do.

Lives here: one function a question. Not here: orders and positions (`orders`), rows (`codec`).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec
from structlog.typing import FilteringBoundLogger

from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import AccountModes, FeeRates, KeyFacts, Wallet
from tradewright.exchange.bybit import codec
from tradewright.exchange.bybit.errors import is_refusal_of_read
from tradewright.exchange.bybit.pages import read_rows
from tradewright.exchange.bybit.rest import RestClient
from tradewright.exchange.bybit.values import Unreadable, decode, number, words
from tradewright.exchange.bybit.wire import AccountInfoRow, FeeRateRow, KeyRow, WalletRow

# What an account without any rank pays, for where the exchange will not say (demo).
USUAL_RATES = {
    "linear": FeeRates(maker=Decimal("0.0002"), taker=Decimal("0.00055"), assumed=True),
    "spot": FeeRates(maker=Decimal("0.001"), taker=Decimal("0.001"), assumed=True),
}
_WALLET = msgspec.json.Decoder(WalletRow)
_FEE_RATE = msgspec.json.Decoder(FeeRateRow)
_KEY = msgspec.json.Decoder(KeyRow)
_ACCOUNT_INFO = msgspec.json.Decoder(AccountInfoRow)


async def wallet(rest: RestClient, log: FilteringBoundLogger) -> Wallet:
    """All of it: Bybit leaves out the coins of which there are none."""
    path = "/v5/account/wallet-balance"
    reply = await rest.read(path, (("accountType", "UNIFIED"),), signed=True)
    rows = read_rows(reply, path, _WALLET, lambda row, _category: codec.wallet(row, reply.time), log)
    if len(rows) != 1:
        raise ExchangeUnavailable(f"{path}: {len(rows)} unified accounts in the answer; expected one", reply.trace)
    return replace(rows[0], is_whole=True)


async def fee_rates(rest: RestClient, instrument: InstrumentId, log: FilteringBoundLogger) -> FeeRates:
    """The account's rates of one instrument; the usual ones, marked as assumed, where the exchange turns the question
    down. Raises `ExchangeUnavailable` when it did not answer."""
    path = "/v5/account/fee-rate"
    params = (("category", instrument.category), ("symbol", instrument.symbol))
    try:
        reply = await rest.read(path, params, signed=True)
    except ExchangeUnavailable as problem:
        if not is_refusal_of_read(problem.trace):
            raise
        log.info("account.fee_rates_assumed", symbol=instrument.symbol, ret_code=problem.trace.ret_code)
        return USUAL_RATES[instrument.category]

    def convert(row: FeeRateRow, _category: str) -> FeeRates | None:
        if row.symbol != instrument.symbol:
            return None
        return FeeRates(maker=_rate(row.makerFeeRate, "makerFeeRate"), taker=_rate(row.takerFeeRate, "takerFeeRate"))

    rows = read_rows(reply, path, _FEE_RATE, convert, log)
    return rows[0] if rows else USUAL_RATES[instrument.category]


async def key_facts(rest: RestClient, log: FilteringBoundLogger) -> KeyFacts:
    path = "/v5/user/query-api"
    reply = await rest.read(path, signed=True)
    try:
        return codec.key_facts(decode(_KEY, reply.result))
    except Unreadable as problem:
        log.error("account.key_unreadable", error=str(problem))
        raise ExchangeUnavailable(f"{path}: {problem}", reply.trace) from problem


async def ask_demo_money(rest: RestClient, coin: str, amount: Decimal) -> None:
    """Play money for a demo account, once a minute. Raises what `RestClient.command` raises."""
    items = [{"coin": coin, "amountStr": f"{amount:f}"}]
    await rest.command("/v5/account/demo-apply-money", {"adjustType": 0, "utaDemoApplyMoney": items})


async def modes(rest: RestClient, log: FilteringBoundLogger) -> AccountModes:
    path = "/v5/account/info"
    reply = await rest.read(path, signed=True)
    try:
        return AccountModes(margin_mode=words(decode(_ACCOUNT_INFO, reply.result).marginMode, 40))
    except Unreadable as problem:
        log.error("account.info_unreadable", error=str(problem))
        raise ExchangeUnavailable(f"{path}: {problem}", reply.trace) from problem


def _rate(text: str, field: str) -> Decimal:
    """A fee rate; negative for a rebate. One beyond 10 % would be a misreading, e.g. of percents."""
    rate = number(text, field)
    if abs(rate) > Decimal("0.1"):
        raise Unreadable(f"{field}: {rate} is no fraction of an order's value")
    return rate
