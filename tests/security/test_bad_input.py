"""Whatever is sent: never a 5xx, never a row, always a problem document that keeps to its schema."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from integration.web.kit import Site, User, place_body
from tradewright.web.schemas.problems import ProblemDocument

# One running API for all examples: they must leave nothing behind, which is what is tested.
MANY = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

TEXT = st.one_of(
    st.text(max_size=80),
    st.sampled_from(["", "\0", "\ud800", "NaN", "Infinity", "-0", "1e400", "0x1", "１２", "9" * 400, "' OR 1=1--"]),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
TABLES = ("intents", "requests", "users", "accounts", "claim_tokens", "sessions")


def corrupted(body: dict[str, Any], broken: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """The body with at least one field made impossible, or gone, or one too many."""

    def spoil(choice: tuple[str, Any]) -> dict[str, Any]:
        field, value = choice
        changed = {**body, field: value}
        if value == "drop it":
            del changed[field]
        return changed

    return st.one_of(*(st.tuples(st.just(name), strategy) for name, strategy in broken.items())).map(spoil)


NO_DECIMAL = VALUES.filter(
    lambda value: not isinstance(value, str) or not value.lstrip("-").replace(".", "", 1).isdigit()
)
NO_WORD = VALUES.filter(lambda value: value not in ("Buy", "Sell", "Limit", "Market", "GTC", "IOC", "FOK", "PostOnly"))
BAD_PLACES = corrupted(
    place_body(),
    {
        "id": VALUES | st.just("drop it"),
        "kind": VALUES.filter(lambda value: value not in ("place", "cancel")) | st.just("drop it"),
        "category": VALUES.filter(lambda value: value != "linear") | st.just("drop it"),
        "symbol": VALUES.filter(lambda value: value not in ("BTCUSDT", "ETHUSDT")) | st.just("drop it"),
        "side": NO_WORD | st.just("drop it"),
        "order_type": NO_WORD | st.just("drop it"),
        "quantity": NO_DECIMAL | st.just("drop it"),
        "price": NO_DECIMAL,
        "time_in_force": NO_WORD,
        "reduce_only": VALUES.filter(lambda value: not isinstance(value, bool)),
        "note": VALUES.filter(lambda value: value is not None and (not isinstance(value, str) or len(value) > 64)),
        "unheard_of": VALUES,
    },
)


BYTES = st.one_of(st.binary(max_size=300), VALUES.map(lambda value: json.dumps(value).encode()))


async def counts(site: Site) -> tuple[int, ...]:
    columns = ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
    async with site.parts.engine.connect() as connection:
        return tuple((await connection.execute(text(f"SELECT {columns}"))).one())


async def refused(http: Any, method: str, path: str, data: bytes, content_type: str = "application/json") -> int:
    async with http.request(method, path, data=data, headers={"Content-Type": content_type}) as response:
        answer = await response.read()
        assert 400 <= response.status < 500, (data[:300], response.status, answer[:300])
        assert response.content_type == "application/problem+json"
        document = ProblemDocument.model_validate_json(answer)
        assert document.status == response.status
        return int(response.status)


@MANY
@given(body=BAD_PLACES)
async def test_a_spoiled_order_is_refused_and_nothing_is_written(site: Site, ann: User, body: dict[str, Any]) -> None:
    before = await counts(site)
    await refused(ann.http, "POST", f"{ann.account_path}/intents", json.dumps(body).encode())
    assert await counts(site) == before


@MANY
@given(
    data=BYTES,
    path=st.integers(0, 2),
)
async def test_bytes_of_any_kind_are_refused_everywhere(site: Site, ann: User, data: bytes, path: int) -> None:
    before = await counts(site)
    url = ("/api/v1/claim", "/api/v1/login", f"{ann.account_path}/intents")[path]
    await refused(ann.http, "POST", url, data)
    assert await counts(site) == before


@MANY
@given(name=st.sampled_from(["scope", "limit", "before"]), value=TEXT.filter(lambda text: text.isprintable()))
async def test_query_values_of_any_kind_are_answered_without_a_fault(
    site: Site, ann: User, name: str, value: str
) -> None:
    async with ann.http.get(f"{ann.account_path}/orders", params={name: value}) as response:
        assert response.status in (200, 422), (name, value, await response.text())


async def test_bodies_that_are_known_to_hurt(site: Site, ann: User) -> None:
    good = json.dumps(place_body())
    before = await counts(site)
    for data in (
        b"",
        b"[" * 400_000,
        b'{"a":' * 100_000,
        b'{"id": ' + b"9" * 100_000 + b"}",
        b'{"quantity": 1e999999}',
        b"\xff\xfe\x00",
        b"\xef\xbb\xbf" + good.encode()[:-1],
        good.replace('"place"', '"place", "kind": "amend"').encode(),
        good.replace('"0.010"', "NaN").encode(),
        good.replace('"0.010"', "-Infinity").encode(),
        good.replace("BTCUSDT", "BTC\\u0000").encode(),
        good.replace("null", '"\\ud800"').encode(),
    ):
        await refused(ann.http, "POST", f"{ann.account_path}/intents", data)
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x", ""):
        await refused(ann.http, "POST", f"{ann.account_path}/intents", good.encode(), content_type)
    assert await counts(site) == before


async def test_ids_in_paths_are_ids_or_nothing(site: Site, ann: User) -> None:
    for account in ("1", "%00", "null", "..", "018f2f00-0000-7000-8000-00000000000g", "x" * 900, "%F0%9F%92%A9", "'--"):
        async with ann.http.get(f"/api/v1/accounts/{account}/orders") as response:
            assert response.status in (404, 422), account
