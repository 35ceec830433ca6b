"""Guesses from everywhere, over hours: at most twenty passwords in any hour are compared for a name, or of an address.

Through a proxy, which says each caller's address, over real sockets and the real tables; the calendar is moved.
`make guesses GUESSES=10000` sends so many, a fifth in each way.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from integration.web.kit import Site, User
from security.test_over_https import NAME, served
from tradewright.identity.throttle import TRIES_MAX, WINDOW, network_of
from tradewright.identity.usernames import username_key

GUESSES = int(os.environ.get("GUESSES", "0")) or 400
SPAN = 3 * WINDOW
AT_ONCE = 20
Guess = tuple[str, str]  # name, address


def from_everywhere(n: int, _: random.Random) -> Guess:
    return "Ann" if n % 2 else "aNN", f"198.51.{n // 250}.{n % 250}"


def of_nobody_from_everywhere(n: int, _: random.Random) -> Guess:
    return "nobody here", f"198.52.{n // 250}.{n % 250}"


def of_everybody_from_one_address(n: int, _: random.Random) -> Guess:
    return f"somebody {n}", "203.0.113.7"


def of_everybody_from_one_household(n: int, _: random.Random) -> Guess:
    return f"anybody {n}", f"2001:db8:1:2::{n + 1:x}"


def of_many_from_many(_: int, rng: random.Random) -> Guess:
    return f"one of thirty {rng.randrange(30)}", f"192.0.2.{rng.randrange(40)}"


WAYS: Mapping[str, Callable[[int, random.Random], Guess]] = {
    each.__name__: each
    for each in (
        from_everywhere,
        of_nobody_from_everywhere,
        of_everybody_from_one_address,
        of_everybody_from_one_household,
        of_many_from_many,
    )
}


@dataclass(frozen=True, slots=True)
class Compared:
    """One guess that was compared with a hash: when, and the two that it counts for."""

    at: datetime
    name: str
    network: str


def most_in_an_hour(moments: Iterable[datetime]) -> int:
    ordered = sorted(moments)
    return max((sum(first <= each < first + WINDOW for each in ordered) for first in ordered), default=0)


def allowed_of_one(moments: Iterable[datetime]) -> int:
    """How many of these guesses may be compared that all count for the same: counted one after another."""
    taken: list[datetime] = []
    for now in moments:
        if sum(each > now - WINDOW for each in taken) < TRIES_MAX:
            taken.append(now)
    return len(taken)


async def test_guesses_from_everywhere_are_compared_twenty_times_an_hour(
    site: Site, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    monkeypatch.setattr(site.clock, "now", lambda: now)
    compared_texts: set[str] = set()
    matches = site.parts.passwords.matches

    async def counting(password: str, encoded: str | None) -> bool:
        compared_texts.add(password)
        return await matches(password, encoded)

    monkeypatch.setattr(site.parts.passwords, "matches", counting)
    proxies = (ipaddress.ip_network("127.0.0.0/8"),)
    rng, each_way, total, refused = random.Random("guesses"), GUESSES // len(WAYS), 0, 0
    async with (
        served(site, proxies=proxies) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):

        async def answered(guess: Guess, password: str) -> int:
            headers = {
                "Host": NAME,
                "Origin": f"https://{NAME}",
                "Sec-Fetch-Site": "same-origin",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-For": f"6.6.6.6, {guess[1]}",
            }
            body = {"username": guess[0], "password": password}
            async with http.post("/api/v1/login", json=body, headers=headers) as response:
                assert (response.status == 429) == ("retry-after" in response.headers)
                return response.status

        for way, draw in WAYS.items():
            began = now = now + timedelta(days=1)  # nothing of the way before counts any more
            compared: list[Compared] = []
            moments = []
            for first in range(0, each_way, AT_ONCE):
                now = began + SPAN * first / each_way
                batch = {f"{way} guess {n}": draw(n, rng) for n in range(first, min(first + AT_ONCE, each_way))}
                statuses = await asyncio.gather(*(answered(guess, said) for said, guess in batch.items()))
                moments += [now] * len(batch)
                for (said, (name, address)), status in zip(batch.items(), statuses, strict=True):
                    assert status == (401 if said in compared_texts else 429), "refused unless it was compared"
                    if said in compared_texts:
                        compared.append(Compared(now, username_key(name), network_of(address)))
            total, refused = total + len(compared), refused + each_way - len(compared)
            for key in ("name", "network"):
                of_each: dict[str, list[datetime]] = defaultdict(list)
                for one in compared:
                    of_each[getattr(one, key)].append(one.at)
                worst = max(map(most_in_an_hour, of_each.values()))
                assert worst <= TRIES_MAX, f"{way}: {worst} in an hour of one {key}"
            if draw is not of_many_from_many:
                assert len(compared) == allowed_of_one(moments), f"{way}: as many as are allowed, and no fewer"
    assert (total > 0, refused > 0) == (True, True)
    print(f"guesses guesses={total + refused} compared={total} refused={refused}; at most {TRIES_MAX} in any hour")
