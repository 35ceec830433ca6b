"""The decisions of `web.security` over bare scopes, and which hosts and origins are ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.web.security import host_is_ours, origin_is_ours


def scope(
    *headers: tuple[str, str], kind: str = "http", method: str = "POST", scheme: str = "http"
) -> dict[str, object]:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return {"type": kind, "method": method, "scheme": scheme, "headers": raw}


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1", "127.0.0.1:8787", "[::1]", "[::1]:8787", "LocalHost:8787"]
)
def test_the_loopback_names_are_ours(host: str) -> None:
    assert host_is_ours(scope(("host", host)), frozenset())


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":8787",
        "localhost:",
        "localhost:x",
        "localhost:1:2",
        "[::1",
        "[::1]x",
        "[::1]:",
        "::1",
        "127.1",
        "a b",
        "[]",
    ],
)
def test_what_only_looks_like_one_is_not(host: str) -> None:
    assert not host_is_ours(scope(("host", host)), frozenset())


def test_no_host_and_two_hosts_are_refused() -> None:
    assert not host_is_ours(scope(), frozenset())
    assert not host_is_ours(scope(("host", "localhost"), ("host", "localhost")), frozenset())


def test_a_configured_name_is_served_whatever_its_port() -> None:
    assert host_is_ours(scope(("host", "Trade.example:444")), frozenset({"trade.example"}))


@given(st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=60))
def test_no_text_but_our_names_passes_as_a_host(text: str) -> None:
    name = text.lower().removesuffix("]")
    if host_is_ours(scope(("host", text)), frozenset()):
        assert name.startswith(("localhost", "127.0.0.1", "[::1"))
        assert all(letter in "localhost127.0.0.1[::1]0123456789:" for letter in text.lower())


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_the_own_origin_passes_and_every_other_does_not(kind: str) -> None:
    scheme = "http" if kind == "http" else "ws"
    host = ("host", "localhost:8787")
    own = scope(host, ("origin", "http://localhost:8787"), kind=kind, scheme=scheme)
    assert origin_is_ours(own, frozenset())
    for origin in ("https://localhost:8787", "http://localhost", "http://127.0.0.1:8787", "null", "", "localhost:8787"):
        assert not origin_is_ours(scope(host, ("origin", origin), kind=kind, scheme=scheme), frozenset()), origin


def test_a_read_passes_and_a_stream_never_counts_as_one() -> None:
    evil = ("origin", "https://evil.example")
    assert origin_is_ours(scope(evil, method="GET"), frozenset())
    assert not origin_is_ours(scope(evil, kind="websocket", method="GET", scheme="ws"), frozenset())


def test_without_origin_only_who_is_no_browser_may_write() -> None:
    assert origin_is_ours(scope(("host", "localhost")), frozenset())
    for value in ("same-origin", "none", "cross-site"):
        assert not origin_is_ours(scope(("host", "localhost"), ("sec-fetch-site", value)), frozenset())


def test_an_origin_in_front_of_a_proxy_can_be_allowed() -> None:
    asked = scope(("host", "127.0.0.1:8787"), ("origin", "https://Trade.example"))
    assert origin_is_ours(asked, frozenset({"https://trade.example"}))
    assert not origin_is_ours(asked, frozenset({"https://other.example"}))
