"""From where the page can be reached, and how it is protected on the way there; asked before anything starts.

Lives here: `Reach`, `reach_of`. Not here: what each way means for a request (`web.edge`, `web.proxied`).
On loopback nothing travels. Beyond it a session would lie open on the wire, so it refuses to start until somebody has
said by which of three ways it is protected, or that it is not.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

from tradewright.core.errors import StartError
from tradewright.outbound.addresses import allowed_of
from tradewright.settings import Settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\]")


@dataclass(frozen=True, slots=True)
class Reach:
    """`loopback`: this machine alone, in plain http. `tls`: our own certificate. `proxy`: through one that speaks https
    and is one of `proxies`. `insecure`: plain http in a network, as somebody wished."""

    way: Literal["loopback", "tls", "proxy", "insecure"]
    proxies: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()


def reach_of(settings: Settings) -> Reach:
    """Raises `StartError` (exit code 2), for a wrong `TRADEWRIGHT_OUTBOUND_ALLOW` too, before anything needs it."""
    allowed_of(settings.outbound_allow)
    names = frozenset(_name(each) for each in _listed(settings.names))
    proxies = tuple(_network(each) for each in _listed(settings.behind_proxy))
    said = {
        "--tls-cert and --tls-key": settings.tls_cert is not None or settings.tls_key is not None,
        "--behind-proxy": bool(proxies),
        "--insecure-lan": settings.insecure_lan,
    }
    chosen = [name for name, is_said in said.items() if is_said]
    if len(chosen) > 1:
        raise StartError(f"{' and '.join(chosen)} cannot both hold; give one of them", exit_code=2)
    if said["--tls-cert and --tls-key"]:
        _require_files(settings)
        return Reach("tls", names=names)
    if proxies:
        if not names:
            raise StartError(
                "--behind-proxy needs the name that the proxy is reached by: set TRADEWRIGHT_NAMES to it, such as"
                " trade.example.org",
                exit_code=2,
            )
        return Reach("proxy", proxies=proxies, names=names)
    if settings.host in _LOOPBACK:
        return Reach("loopback", names=names)
    if settings.insecure_lan:
        return Reach("insecure", names=names)
    raise StartError(
        f"TRADEWRIGHT_HOST is {settings.host}, which others can reach, and the page would travel unprotected: give"
        " --tls-cert and --tls-key, or --behind-proxy with the address of a proxy that speaks https, or --insecure-lan"
        f" if everybody in that network may read it; or reach it through an SSH tunnel to port {settings.port}",
        exit_code=2,
    )


def _require_files(settings: Settings) -> None:
    for name, path in (("--tls-cert", settings.tls_cert), ("--tls-key", settings.tls_key)):
        if path is None:
            raise StartError(f"{name} is missing: a certificate and its key are given together", exit_code=2)
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            raise StartError(f"{name} {path} cannot be read: {error.strerror}", exit_code=2) from None


def _listed(text: str) -> list[str]:
    return [each for each in re.split(r"[,\s]+", text.lower()) if each]


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise StartError(
            f"TRADEWRIGHT_NAMES has {text!r}; expected names without scheme and port, such as trade.example.org",
            exit_code=2,
        )
    return text


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise StartError(
            f"--behind-proxy has {text!r}; expected the proxy's address or network, such as 127.0.0.1 or 172.18.0.0/16",
            exit_code=2,
        ) from None
