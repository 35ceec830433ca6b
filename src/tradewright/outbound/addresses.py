"""Which network addresses a request for somebody else may go to. No I/O.

Lives here: `refusal_of`, over one address, and the operator's exceptions (`Allowed`). Not here: finding the addresses
of a name, connecting (`client`).
The ranges are written out instead of asking `ipaddress`: what it calls global has changed between Python's versions,
and it counts multicast in.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Literal

from tradewright.core.errors import StartError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Refusal = Literal["internal", "never"]

# Not even where the operator has named it: what answers there gives away the machine's own credentials, or is no host.
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "169.254.0.0/16",  # link-local, with the metadata of most clouds
            "168.63.129.16/32",  # Azure's
            "100.100.100.200/32",  # Alibaba's
            "192.0.0.192/32",  # Oracle's
            "fd00:ec2::/32",  # Amazon's
            "224.0.0.0/4",
            "255.255.255.255/32",
            "::/128",
            "fe80::/10",
            "ff00::/8",
        ),
    )
)
_INTERNAL_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",
        ),
    )
)
# Of IPv6 only what is handed out can be reached at all, and of that not what stands for something else.
_HANDED_OUT_V6 = ipaddress.IPv6Network("2000::/3")
_INTERNAL_V6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # Teredo among them: an IPv4 address inside, reached by somebody's relay
            "2001:db8::/32",
            "2002::/16",  # 6to4: likewise
            "3fff::/20",
        ),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator has named, from `TRADEWRIGHT_OUTBOUND_ALLOW`: networks, and hosts, each with a port or without.

    `hosts` are lower case; a name among them is trusted to whatever it stands for.
    """

    networks: frozenset[Network] = frozenset()
    hosts: frozenset[tuple[str, int | None]] = frozenset()

    def names(self, host: str, port: int) -> bool:
        return (host, None) in self.hosts or (host, port) in self.hosts

    def holds(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self.networks)


def allowed_of(text: str) -> Allowed:
    """From `192.168.1.20, 10.1.0.0/16, localhost:11434, [fd00::5]:8000`. Raises `StartError` (exit code 2)."""
    networks: set[Network] = set()
    hosts: set[tuple[str, int | None]] = set()
    for entry in filter(None, (each.strip().lower() for each in text.split(","))):
        try:
            networks.add(ipaddress.ip_network(entry))
            continue
        except ValueError:
            pass
        host, colon, port = entry.rpartition(":")
        if not colon:
            host, port = entry, ""
        host = host.removeprefix("[").removesuffix("]")
        is_port = port.isascii() and port.isdigit() and 0 < int(port) < 65_536
        if not host or "/" in entry or "@" in entry or (colon and not is_port):
            raise StartError(
                f"TRADEWRIGHT_OUTBOUND_ALLOW has {entry!r}; an entry is a network (10.1.0.0/16), an address, or a name"
                " with a port or without (localhost:11434)",
                exit_code=2,
            )
        hosts.add((host, int(port) if colon else None))
    return Allowed(frozenset(networks), frozenset(hosts))


def refusal_of(address: Address, allowed: Allowed, *, is_named: bool) -> Refusal | None:
    """Why nothing may be sent there; None: it may. `is_named`: the operator has named the host that it came from."""
    address = _meant(address)
    if any(address.version == network.version and address in network for network in _NEVER):
        return "never"
    if is_named or allowed.holds(address):
        return None
    return "internal" if _is_internal(address) else None


def _meant(address: Address) -> Address:
    """The IPv4 address inside of an IPv6 one, where the system would go there."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_internal(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in _INTERNAL_V4)
    return address not in _HANDED_OUT_V6 or any(address in network for network in _INTERNAL_V6)
