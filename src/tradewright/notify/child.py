"""The child that sends: `python -m tradewright.notify.child`, messages on standard input, a line for each outcome.

Apprise makes its requests itself, in its own way for each service, so it is not asked to be careful: the whole process
is. Before anything is sent a hook of the interpreter is set that no code can take away again. It sees every connection
with the address that it really goes to, after names were looked up and also if they lead somewhere else a moment later,
and judges it by the rules of `outbound`; programs are not started and nothing listens. Redirects are not taken, no
proxy of the environment is used, and the parent ends the process when its time is up.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import resource
import socket
import sys
from collections.abc import Callable
from typing import Any

from tradewright.notify.messages import Failure, Message, Outcome, outcome_line, read_messages
from tradewright.notify.services import SERVICES, service_of
from tradewright.outbound.addresses import Allowed, allowed_of, refusal_of

_CPU_S = 30
_MEMORY_BYTES = 1 << 30
_DEFAULT_PORTS = {"json": 80, "ntfy": 80, "gotify": 80}
_FORBIDDEN = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.forkpty",
    "pty.spawn",
    "socket.bind",
    "ctypes.dlopen",
)


class Inside(OSError):
    """An address that nothing is sent to."""


class Guard:
    """Judges every connection of this process. `is_named`: the host of the message under way was named by the operator,
    and is trusted to whatever it stands for."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self.is_named = False
        self.refused = False

    def set(self) -> None:
        """For as long as the process lives."""
        sys.addaudithook(self._look)

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            self._judge(arguments[0], arguments[1])
        elif event in _FORBIDDEN:
            raise PermissionError(f"{event} has no place in the child that sends")

    def _judge(self, sock: Any, address: Any) -> None:
        if address is None:  # of a socket that is connected already
            return
        is_network = getattr(sock, "family", None) in (socket.AF_INET, socket.AF_INET6)
        try:
            found = ipaddress.ip_address(address[0]) if is_network else None
        except ValueError:
            found = None  # a name where an address should be: nobody has looked where it leads
        if found is None or refusal_of(found, self._allowed, is_named=self.is_named) is not None:
            self.refused = True
            raise Inside("nothing is sent there")


class Sender:
    def __init__(self, allowed: Allowed, guard: Guard) -> None:
        self._allowed, self._guard = allowed, guard
        self._status: int | None = None
        self._watch_requests()

    def _watch_requests(self) -> None:
        """Redirects are not taken, and the last status that came is known."""
        from requests import Session
        from requests.sessions import SessionRedirectMixin

        plain_send: Callable[..., Any] = Session.send

        def send(session: Any, request: Any, **named: Any) -> Any:
            session.trust_env = False
            response = plain_send(session, request, **named)
            self._status = response.status_code
            return response

        Session.send = send  # type: ignore[method-assign,assignment]
        SessionRedirectMixin.get_redirect_target = _no_redirect  # type: ignore[method-assign,assignment]

    def send(self, message: Message) -> Outcome:
        """What became of it; of an address alone, whether something may be sent there."""
        from apprise import Apprise, AppriseAsset, PersistentStoreMode

        service = service_of(message.address)
        if service is None:
            return Failure("channel.service", {"allowed": ", ".join(SERVICES)})
        asset = AppriseAsset(storage_mode=PersistentStoreMode.MEMORY, plugin_paths=[], async_mode=False)
        channel: Any = Apprise.instantiate(message.address, asset=asset, suppress_exceptions=True)
        if channel is None:
            return Failure("channel.unreadable", {"service": service})
        refused = self._refused(service, channel)
        if refused is not None or not message.is_sent:
            return refused
        outlet = Apprise(asset=asset)
        outlet.add(channel)
        return self._sent(outlet, channel, message)

    def _refused(self, service: str, channel: Any) -> Outcome:
        way = SERVICES[service]
        host = str(getattr(channel, "host", "") or "").lower()
        port = int(getattr(channel, "port", None) or _DEFAULT_PORTS.get(service, 443))
        self._guard.is_named = way != "fixed" and self._allowed.names(host, port)
        literal = _literal(host) if way != "fixed" else None
        if literal is not None and refusal_of(literal, self._allowed, is_named=self._guard.is_named) is not None:
            return Failure("channel.inside", {"host": host})
        is_allowed = self._guard.is_named or (literal is not None and self._allowed.holds(literal))
        is_cloud = service == "ntfy" and not host  # its own host, over TLS
        if way == "plain" and not is_allowed and not is_cloud:
            return Failure("channel.plain", {"host": host[:100]})
        if not channel.verify_certificate and not is_allowed:
            return Failure("channel.unverified", {"host": host[:100]})
        return None

    def _sent(self, outlet: Any, channel: Any, message: Message) -> Outcome:
        self._status, self._guard.refused = None, False
        channel.socket_connect_timeout, channel.socket_read_timeout = 5.0, 10.0
        try:
            # As plain text: a service that knows markup is given it escaped.
            is_taken = bool(outlet.notify(title=message.title, body=message.body, body_format="text"))
        except Exception as error:  # noqa: BLE001  # a hundred services, each with faults of its own; the child's edge
            is_taken = False
            print(type(error).__name__, file=sys.stderr)  # noqa: T201
        if is_taken:
            return None
        if self._guard.refused:
            return Failure("channel.inside", {"host": str(getattr(channel, "host", "") or "")[:100]})
        return Failure("channel.failed", {} if self._status is None else {"status": str(self._status)})


def _no_redirect(_session: Any, _response: Any) -> None:
    """As if every answer said nothing of another place."""


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def _load() -> None:
    """What Apprise loads for itself, it loads before the hook is set; reading an address asks nobody."""
    import encodings.idna  # noqa: F401

    from apprise import Apprise

    Apprise.instantiate("json://localhost")


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    # What a service prints is not ours to read: the lines go where nobody else writes.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)  # their texts hold addresses
    messages, allowed_text = read_messages(sys.stdin.buffer.read())
    allowed = allowed_of(allowed_text)
    guard = Guard(allowed)
    sender = Sender(allowed, guard)
    _load()
    guard.set()
    for message in messages:
        print(outcome_line(message.id, sender.send(message)), file=answers, flush=True)


if __name__ == "__main__":
    main()
