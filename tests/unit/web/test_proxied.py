"""Through a proxy: whose word counts, and for what."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from tradewright.web.proxied import as_told_by_proxy

PROXIES = (ipaddress.ip_network("172.18.0.0/16"), ipaddress.ip_network("::1"))


def scope(peer: str, *headers: tuple[str, str], kind: str = "http") -> dict[str, Any]:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return {"type": kind, "scheme": "http" if kind == "http" else "ws", "client": (peer, 5), "headers": raw}


def told(peer: str, *headers: tuple[str, str], kind: str = "http") -> tuple[str, str] | None:
    found = as_told_by_proxy(scope(peer, *headers, kind=kind), PROXIES)
    return None if found is None else (found["scheme"], found["client"][0])


HTTPS = ("x-forwarded-proto", "https")


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        ("172.18.0.2", [HTTPS, ("x-forwarded-for", "6.6.6.6, 203.0.113.5")], ("https", "203.0.113.5")),
        # The first one was written by whoever asked; a second proxy of ours is passed over.
        ("172.18.0.2", [HTTPS, ("x-forwarded-for", "127.0.0.1, 203.0.113.5, 172.18.0.9")], ("https", "203.0.113.5")),
        (
            "172.18.0.2",
            [HTTPS, ("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "2001:db8::7")],
            ("https", "2001:db8::7"),
        ),
        ("::ffff:172.18.0.2", [HTTPS, ("x-forwarded-for", "203.0.113.5")], ("https", "203.0.113.5")),
        ("172.18.0.2", [HTTPS], ("https", "172.18.0.2")),
        ("172.18.0.2", [HTTPS, ("x-forwarded-for", "not an address")], ("https", "172.18.0.2")),
        # Asked in plain http itself, or saying nothing of it.
        ("172.18.0.2", [("x-forwarded-proto", "http"), ("x-forwarded-for", "203.0.113.5")], None),
        ("172.18.0.2", [("x-forwarded-proto", "https, http")], None),
        ("172.18.0.2", [("x-forwarded-for", "203.0.113.5")], None),
        ("172.18.0.2", [], None),
        # Others who say what a proxy says.
        ("203.0.113.5", [HTTPS, ("x-forwarded-for", "127.0.0.1")], None),
        ("127.0.0.1", [HTTPS, ("x-forwarded-for", "127.0.0.1")], None),
        ("203.0.113.5", [], None),
        # On this machine, without a proxy.
        ("127.0.0.1", [], ("http", "127.0.0.1")),
        ("::1", [], ("http", "::1")),
    ],
)
def test_only_a_named_proxy_that_was_asked_by_https_is_believed(
    peer: str, headers: list[tuple[str, str]], expected: tuple[str, str] | None
) -> None:
    assert told(peer, *headers) == expected


def test_a_socket_through_it_is_a_secure_one() -> None:
    assert told("172.18.0.2", HTTPS, ("x-forwarded-for", "203.0.113.5"), kind="websocket") == ("wss", "203.0.113.5")
