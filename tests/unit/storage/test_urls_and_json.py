"""The database's URL as people write it, and JSON as money needs it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import msgspec
import pytest

from tradewright.core.errors import StartError
from tradewright.storage.engine import decode_json, driver_url, encode_json


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_way_to_write_the_url_means_our_driver(scheme: str):
    url = driver_url(f"{scheme}://user:p%40ss@host:5433/name?host=%2Frun%2Fa%20b")
    assert (url.drivername, url.username, url.password, url.port, url.database) == (
        "postgresql+psycopg",
        "user",
        "p@ss",
        5433,
        "name",
    )
    assert url.query["host"] == "/run/a b"


@pytest.mark.parametrize("url", ["mysql://user:topsecret@host/name", "sqlite:///topsecret.db", "no url topsecret", ""])
def test_another_kind_of_database_is_refused_without_repeating_the_password(url: str):
    with pytest.raises(StartError) as refused:
        driver_url(url)
    assert refused.value.exit_code == 9
    assert "TRADEWRIGHT_DATABASE_URL" in str(refused.value)
    assert "topsecret" not in str(refused.value)


@dataclass(frozen=True, slots=True)
class Thing:
    price: Decimal


class Wire(msgspec.Struct):
    price: Decimal


def test_money_leaves_as_text_from_values_dataclasses_and_structs():
    assert (
        encode_json([Decimal("1.10"), Thing(Decimal("0.0001")), Wire(Decimal("-3"))])
        == '["1.10",{"price":"0.0001"},{"price":"-3"}]'
    )


def test_a_number_with_a_point_is_never_a_float():
    read = decode_json('{"a": 0.1, "b": 3, "c": 1e-7, "d": 123456789012345678.123456789}')
    assert read == {"a": Decimal("0.1"), "b": 3, "c": Decimal("1e-7"), "d": Decimal("123456789012345678.123456789")}
    assert not [value for value in read.values() if isinstance(value, float)]


def test_what_has_no_json_form_is_refused_by_name():
    with pytest.raises(TypeError, match="object"):
        encode_json(object())
