"""Which environment a host of Bybit's belongs to, so that one is never reached under another's name.

Lives here: `belongs_elsewhere`. A host that is not Bybit's (a simulated exchange, a relay) belongs to nobody. Not here:
the addresses themselves (`environments`), what is done about a wrong one (`app.exchanges`).
"""

from __future__ import annotations

from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from tradewright.exchange.bybit.environments import ENVIRONMENTS, RemoteEnvironment
from tradewright.exchange.ports import Endpoints

EndpointKind = Literal["rest", "public_stream", "private_stream"]
ENDPOINT_KINDS: tuple[EndpointKind, ...] = get_args(EndpointKind)


def belongs_elsewhere(address: str, kind: EndpointKind, environment: RemoteEnvironment) -> RemoteEnvironment | None:
    """The environment whose host `address` names, where that is another than `environment`; else None.

    The table decides first: demo's public data are the real market's. A name below one of Bybit's domains that is not
    in it goes by how Bybit names hosts (`api-demo.…`, `api-testnet.…`, and everything else trades real money).
    Scheme, port, case and a dot at the end do not matter.
    """
    host = _host(address)
    if host is None or not any(host == domain or host.endswith(f".{domain}") for domain in _DOMAINS):
        return None
    if host in _own_hosts(environment, kind):
        return None
    owner = _owner_by_name(host)
    return None if owner == environment else owner


def _host(address: str) -> str | None:
    host = urlsplit(address).hostname  # lower case, without user, port and brackets
    return None if host is None else host.rstrip(".")


def _own_hosts(environment: RemoteEnvironment, kind: EndpointKind) -> set[str | None]:
    return {_host(_address(endpoints, kind)) for endpoints in ENVIRONMENTS[environment].regions.values()}


def _address(endpoints: Endpoints, kind: EndpointKind) -> str:
    return cast(str, getattr(endpoints, kind))


def _owner_by_name(host: str) -> RemoteEnvironment:
    labels = host.split(".")
    for environment in ("demo", "testnet"):
        if any(label == environment or label.endswith(f"-{environment}") for label in labels):
            return environment
    return "live"


# The two last labels of every host in the table: bybit.com, its alternative name, and those of regional companies.
_DOMAINS = frozenset(
    ".".join((_host(_address(endpoints, kind)) or "").split(".")[-2:])
    for facts in ENVIRONMENTS.values()
    for endpoints in facts.regions.values()
    for kind in ENDPOINT_KINDS
)
