"""The network between our machine and the exchange's: delays, and what goes wrong on the way.

Lives here: `FaultyWire`, which also keeps what left us (`Call`) and shows each call to a watcher at the moment its
bytes leave. Not here: connections themselves (`network`), how often what goes wrong (`faults`).
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sim.whole.faults import WireFaults
from support.scripted_market import START_MS
from tradewright.lab.network import End, Link

QUIET = WireFaults()
LATE_S = (0.5, 7.0)
_READS_SHARE = 1 / 8  # of a command's
_YES = b'"retCode":0,'
_STAMP = re.compile(rb"X-BAPI-TIMESTAMP: (\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it left: `at_s` is virtual time, `target` the path with its query, `epoch` that of who sent it.
    `signed_s` is the time in its signature, on the same scale where the exchange's clock is right; `at_s` without one.
    """

    at_s: float
    method: str
    target: str
    body: Any
    epoch: int
    signed_s: float

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class FaultyWire:
    """In order within one direction of one connection, each with its own chance."""

    def __init__(self, rng: random.Random) -> None:
        self.faults = QUIET
        self.struck: Counter[str] = Counter()
        self.calls: list[Call] = []
        self.watch: Callable[[Call], None] = lambda _call: None
        self.refusals: list[str] = []  # HTTP 403 of the exchange's door
        self.fenced_below = 0  # whoever has an older epoch was replaced while it lived
        self.accepted_late: list[Call] = []  # commands of such an owner that the exchange said yes to
        self._creates: dict[str, list[Call]] = {}
        self._asked: dict[int, Call] = {}  # by the number of the connection
        self._rng = rng

    def connecting(self) -> float:
        if self._strikes("refused", self.faults.refused):
            raise ConnectionRefusedError(111, "connection refused")
        return self._rng.uniform(0.0005, 0.01)

    def opened(self, link: Link) -> None:
        return None

    def delay_s(self) -> float:
        return self._rng.uniform(0.0002, 0.01)

    def carries(self, end: End, data: bytes) -> None:
        link = end.link
        if end.is_client and not link.is_stream:
            self._note(link, data)
        if not end.is_client and not link.is_stream:
            self._note_late(link, data)
        if link.is_mute:
            return
        delay_s = self.delay_s()
        if link.is_stream:
            self._pass(end, data, delay_s)
        elif end.is_client:
            self._request(end, data, delay_s)
        else:
            self._reply(end, data, delay_s)

    def drop_streams(self, links: list[Link]) -> None:
        for link in _open_streams(links):
            link.reset()

    def strike(self, effect: str, links: list[Link]) -> None:
        """What happens to the open streams: `mute` leaves them open and carries nothing any more."""
        for link in _open_streams(links):
            self.struck[f"stream_{effect}"] += 1
            if effect == "mute":
                link.is_mute = True
            else:
                link.reset()

    def mend(self, links: list[Link]) -> None:
        """No faults any more; what was cut in the middle is noticed."""
        self.faults = QUIET
        for link in links:
            if link.is_mute:
                link.reset()

    def _request(self, end: End, data: bytes, delay_s: float) -> None:
        faults = self.faults
        weight = end.link.weight = 1.0 if data.startswith(b"POST") else _READS_SHARE
        if self._strikes("request_lost", faults.request_lost * weight):
            end.link.is_mute = True
        elif self._strikes("request_late", faults.request_late * weight):
            self._pass(end, data, self._rng.uniform(*LATE_S))
        else:
            self._pass(end, data, delay_s)

    def _reply(self, end: End, data: bytes, delay_s: float) -> None:
        faults, weight = self.faults, end.link.weight
        if data.startswith(b"HTTP/1.1 403"):
            self.refusals.append("HTTP 403")
        if data.startswith(b"HTTP/1.1 101"):
            self._pass(end, data, delay_s)
        elif self._strikes("reply_lost", faults.reply_lost * weight):
            end.link.is_mute = True
        elif self._strikes("reply_late", faults.reply_late * weight):
            self._pass(end, data, self._rng.uniform(*LATE_S))
        elif self._strikes("reply_cut", faults.reply_cut * weight):
            end.deliver(data[: self._rng.randrange(len(data))], delay_s)
            loop = asyncio.get_running_loop()
            loop.call_later(delay_s + 0.001, end.link.reset)
        else:
            self._pass(end, data, delay_s)

    def _pass(self, end: End, data: bytes, delay_s: float) -> None:
        if len(data) > 1 and self._strikes("split", self.faults.split):
            cut = self._rng.randrange(1, len(data))
            end.deliver(data[:cut], delay_s)
            end.deliver(data[cut:], delay_s + self.delay_s())
        else:
            end.deliver(data, delay_s)

    def _strikes(self, name: str, share: float) -> bool:
        if not share or self._rng.random() >= share:
            return False
        self.struck[f"net_{name}"] += 1
        return True

    def _note(self, link: Link, data: bytes) -> None:
        head, _, body = data.partition(b"\r\n\r\n")
        method, target, _version = head.split(b" ", 2)
        if b"websocket" in head.lower():
            link.is_stream = True
            return
        at_s = asyncio.get_running_loop().time()
        epoch = 0 if link.host is None else link.host.epoch
        stamp = _STAMP.search(head)
        signed_s = at_s if stamp is None else (int(stamp[1]) - START_MS) / 1000
        told = json.loads(body) if body else None
        call = Call(at_s, method.decode(), target.decode(), told, epoch, signed_s)
        self.calls.append(call)
        self._asked[link.number] = call
        if call.path == "/v5/order/create":
            self._creates.setdefault(str(call.body.get("orderLinkId", "")), []).append(call)
        if link.host is None or not link.host.is_thawing:
            self.watch(call)

    def creates_of(self, link_id: str) -> Sequence[Call]:
        """Every time that an order left, by its client id."""
        return self._creates.get(link_id, ())

    def _note_late(self, link: Link, data: bytes) -> None:
        call = self._asked.get(link.number)
        if call is not None and call.epoch < self.fenced_below and call.method == "POST" and _YES in data:
            self.accepted_late.append(call)


def _open_streams(links: list[Link]) -> list[Link]:
    return [link for link in links if link.is_stream and not link.is_mute and not link.client.is_closing()]
