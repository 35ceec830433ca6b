"""Beyond loopback it refuses to start, with one sentence that names every way that there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tradewright.app.reach import reach_of
from tradewright.core.errors import StartError
from tradewright.settings import Settings


def settings(tmp_path: Path, **given: Any) -> Settings:
    return Settings(home=tmp_path, **given)


@pytest.fixture
def pair(tmp_path: Path) -> dict[str, Path]:
    files = {"tls_cert": tmp_path / "cert.pem", "tls_key": tmp_path / "key.pem"}
    for path in files.values():
        path.write_text("x")
    return files


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_loopback_nothing_is_needed(tmp_path: Path, host: str) -> None:
    assert reach_of(settings(tmp_path, host=host)).way == "loopback"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "trade.example.org"])
def test_beyond_it_a_way_must_be_said(tmp_path: Path, host: str) -> None:
    with pytest.raises(StartError) as refused:
        reach_of(settings(tmp_path, host=host))
    assert refused.value.exit_code == 2
    assert all(word in str(refused.value) for word in ("--tls-cert", "--behind-proxy", "--insecure-lan", "SSH tunnel"))


def test_each_way_is_known_and_two_at_once_are_not(tmp_path: Path, pair: dict[str, Path]) -> None:
    host = "192.168.1.5"
    assert reach_of(settings(tmp_path, host=host, **pair)).way == "tls"
    assert reach_of(settings(tmp_path, host=host, insecure_lan=True)).way == "insecure"
    proxied = reach_of(settings(tmp_path, host=host, behind_proxy="172.18.0.0/16, ::1", names="Trade.example.org"))
    assert (proxied.way, len(proxied.proxies), proxied.names) == ("proxy", 2, frozenset({"trade.example.org"}))
    with pytest.raises(StartError, match="cannot both hold"):
        reach_of(settings(tmp_path, host=host, insecure_lan=True, **pair))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tls_cert": "cert.pem"}, "--tls-key is missing"),
        ({"tls_cert": "/nowhere.pem", "tls_key": "/nowhere.pem"}, "--tls-cert /nowhere.pem cannot be read"),
        ({"behind_proxy": "172.18.0.2"}, "TRADEWRIGHT_NAMES"),
        ({"behind_proxy": "nginx", "names": "a.example"}, "--behind-proxy has 'nginx'"),
        ({"names": "https://a.example"}, "TRADEWRIGHT_NAMES has 'https://a.example'"),
        ({"names": "*"}, "TRADEWRIGHT_NAMES has '\\*'"),
    ],
)
def test_what_is_half_said_stops_the_start(
    tmp_path: Path, pair: dict[str, Path], given: dict[str, str], words: str
) -> None:
    if given.get("tls_cert") == "cert.pem":
        given = {"tls_cert": str(pair["tls_cert"])}
    with pytest.raises(StartError, match=words) as refused:
        reach_of(settings(tmp_path, **given))
    assert refused.value.exit_code == 2


def test_the_address_that_a_person_is_told(tmp_path: Path, pair: dict[str, Path]) -> None:
    assert settings(tmp_path).page_url == "http://localhost:8787"
    assert settings(tmp_path, **pair).page_url == "https://localhost:8787"
    assert settings(tmp_path, names="box.lan", **pair).page_url == "https://box.lan:8787"
    assert settings(tmp_path, names="t.example.org", behind_proxy="127.0.0.1").page_url == "https://t.example.org"
    assert settings(tmp_path, host="0.0.0.0").own_host == "127.0.0.1"
