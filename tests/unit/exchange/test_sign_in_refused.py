"""HTTP 401: whose word it is decides what becomes of a key; the exchange's own envelope is read in it, nothing else."""

from __future__ import annotations

import json

import pytest

from tradewright.connections.verdicts import NoAnswer, RefusedKey, verdict_of
from tradewright.core.errors import ExchangeUnavailable
from tradewright.exchange.bybit.orders import BybitOrderGateway
from unit.exchange.fake_bybit import FakeBybit, envelope, http

PATH = "/v5/user/query-api"


@pytest.mark.parametrize(
    ("body", "code", "is_wiped"),
    [
        (json.dumps(envelope(code=10003, text="API key is invalid.")).encode(), "connection.key_unknown", True),
        (json.dumps(envelope(code=10004, text="error sign!")).encode(), "connection.secret_wrong", True),
        (json.dumps(envelope(code=10010)).encode(), "connection.ip_not_bound", False),
        (b"", "connection.unauthorized", None),
        (b"<html>Sign in to this network</html>", "connection.unauthorized", None),
        (b'{"error": "unauthorized", "code": 10003}', "connection.unauthorized", None),
        (b'{"retCode": "10003"}', "connection.unauthorized", None),
    ],
)
async def test_a_refused_sign_in_costs_the_key_only_in_the_exchanges_own_words(
    bybit: FakeBybit, orders: BybitOrderGateway, body: bytes, code: str, is_wiped: bool | None
) -> None:
    bybit.script[PATH] = [http(401, body)]
    with pytest.raises(ExchangeUnavailable, match="HTTP 401") as failure:
        await orders.key_facts()
    match verdict_of(failure.value, "demo"):
        case RefusedKey(fault=fault, for_good=for_good):
            assert (fault.code, for_good) == (code, is_wiped)
        case NoAnswer(fault=fault):
            assert (fault.code, None) == (code, is_wiped)


@pytest.mark.parametrize("status", [200, 502])
async def test_what_is_not_in_the_exchanges_form_is_no_word_of_it_whatever_its_status(
    bybit: FakeBybit, orders: BybitOrderGateway, status: int
) -> None:
    bybit.script[PATH] = [http(status, b'{"code": 10004}')]
    with pytest.raises(ExchangeUnavailable) as failure:
        await orders.key_facts()
    assert isinstance(verdict_of(failure.value, "demo"), NoAnswer)
