"""Which addresses a request for somebody else may go to: a corpus of every way to write an inner one (promise M5)."""

from __future__ import annotations

import ipaddress

import pytest

from tradewright.core.errors import StartError
from tradewright.outbound.addresses import Allowed, allowed_of, refusal_of
from tradewright.outbound.urls import GivenUrl, UrlRefused, read_url

NOBODY = Allowed()
INTERNAL = [
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
    "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "240.0.0.1", "192.88.99.1", "::1", "fc00::1", "fd12::1",
    "fec0::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:53aa::1", "::7f00:1", "64:ff9b:1::a00:1",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "5f00::1", "100::1", "3fff::1",
]  # fmt: skip
NEVER = [
    "169.254.169.254", "169.254.1.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.250", "255.255.255.255", "::",
    "fe80::1", "ff02::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "100.100.100.200", "168.63.129.16",
    "fd00:ec2::254", "192.0.0.192",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("text", [*INTERNAL, *NEVER])
def test_nothing_is_sent_inside(text: str) -> None:
    assert refusal_of(ipaddress.ip_address(text), NOBODY, is_named=False) is not None


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_outside_may_be_asked(text: str) -> None:
    assert refusal_of(ipaddress.ip_address(text), NOBODY, is_named=False) is None


@pytest.mark.parametrize("text", NEVER)
def test_a_clouds_credentials_are_out_of_reach_whatever_the_operator_allows(text: str) -> None:
    everything = allowed_of("0.0.0.0/0, ::/0")
    assert refusal_of(ipaddress.ip_address(text), everything, is_named=True) == "never"


def test_the_operator_opens_a_network_a_host_or_one_port_of_it() -> None:
    allowed = allowed_of("192.168.1.0/24, localhost:11434, nas.lan, [fd00::5]:8000, 10.1.2.3")
    assert refusal_of(ipaddress.ip_address("192.168.1.77"), allowed, is_named=False) is None
    assert refusal_of(ipaddress.ip_address("10.1.2.3"), allowed, is_named=False) is None
    assert refusal_of(ipaddress.ip_address("192.168.2.1"), allowed, is_named=False) == "internal"
    assert (allowed.names("localhost", 11434), allowed.names("localhost", 80)) == (True, False)
    assert (allowed.names("nas.lan", 1), allowed.names("fd00::5", 8000), allowed.names("fd00::5", 1)) == (
        True,
        True,
        False,
    )
    assert allowed_of("") == allowed_of(" , ") == Allowed()


@pytest.mark.parametrize(
    "text", ["http://nas.lan", "nas.lan:", "nas.lan:x", "nas.lan:70000", "user@nas.lan", "10.1.2.3/8"]
)
def test_a_setting_that_says_nothing_certain_stops_the_start(text: str) -> None:
    with pytest.raises(StartError, match="TRADEWRIGHT_OUTBOUND_ALLOW"):
        allowed_of(text)


REFUSED_URLS = [
    *(f"https://{f'[{each}]' if ':' in each else each}/hook" for each in (*INTERNAL, *NEVER)),
    "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/",
    "https://127.0.0.1./", "https://1.1.1.1.1/", "https://[::ffff:7f00:1]/", "https://[fe80::1%25eth0]/",
    "https://localhost./", "https://①②⑦.⓪.⓪.①/", "https://example。com/", "https://exa mple.com/",
    "http://hooks.example.org/", "ftp://hooks.example.org/", "file:///etc/passwd", "gopher://hooks.example.org/",
    "//hooks.example.org/", "hooks.example.org", "", "https://", "https:///x", "https://hooks.example.org:0/",
    "https://hooks.example.org:99999/", "https://hooks.example.org/#secret", "https://hooks.example.org\\@evil.example/",
    "https://hooks.example.org/\r\nX-Evil: 1", "https://hooks.example.org/" + "x" * 2_000, "javascript:alert(1)",
    "https://-x.example.org/", "https://a..example.org/", "https://1.2.3/", "https://host.123/",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED_URLS)
def test_what_is_not_plainly_an_https_address_of_a_host_outside_is_refused(text: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        read_url(text, NOBODY)
    assert "secret" not in str(refused.value)


def test_a_good_one_shows_its_host_and_never_the_rest() -> None:
    given = read_url("https://user:pass-word@Hooks.Example.org:8443/T00/B00/s3cr3t?key=k3y", NOBODY)
    assert given.shown == str(given) == "https://hooks.example.org:8443"
    assert not any(secret in repr(given) for secret in ("pass-word", "s3cr3t", "k3y"))
    assert read_url("https://hooks.example.org/x", NOBODY).shown == "https://hooks.example.org"


def test_plain_http_is_for_what_the_operator_named() -> None:
    allowed = allowed_of("localhost:11434, 192.168.1.0/24")
    assert read_url("http://localhost:11434/v1", allowed).is_named
    assert isinstance(read_url("http://192.168.1.9/v1", allowed), GivenUrl)
    for text in ("http://localhost:11435/v1", "http://192.168.2.9/v1", "http://hooks.example.org/"):
        with pytest.raises(UrlRefused):
            read_url(text, allowed)
