"""The child that sends, over real sockets: nothing inside of this machine is reached by what a person typed."""

from __future__ import annotations

import socket
from collections.abc import Mapping

import pytest

from integration.notify.receiver import receiving
from tradewright.notify.messages import Failure, Message, Outcome
from tradewright.notify.sending import Sending

TELEGRAM = "tgram://123456789:abcdefghijklmnopqrstuvwxyz0123456789/12345/"


async def sent(allowed: str, *addresses: str, start_s: float = 15.0) -> list[Outcome]:
    messages = [
        Message(id=str(n), address=address, title="Title", body="<b>Body</b>") for n, address in enumerate(addresses)
    ]
    outcomes: Mapping[str, Outcome] = await Sending(allowed, start_s=start_s, each_s=start_s).send(messages)
    return [outcomes[str(n)] for n in range(len(addresses))]


async def test_a_host_that_the_operator_named_gets_the_text_as_it_is():
    async with receiving() as receiver:
        assert await sent(receiver.allowed, receiver.address) == [None]
        assert (receiver.got[0]["title"], receiver.got[0]["message"]) == ("Title", "<b>Body</b>")


async def test_nothing_inside_is_reached_by_a_literal_a_name_or_another_port():
    async with receiving() as receiver:
        port = receiver.port
        outcomes = await sent(
            "",
            f"jsons://127.0.0.1:{port}/x",
            f"jsons://localhost:{port}/x",
            f"jsons://[::1]:{port}/x",
            f"json://127.0.0.1:{port}/x",
            f"gotifys://localhost:{port}/token",
            f"matrixs://u:p@localhost:{port}/#room",
            f"mailtos://u:p@localhost:{port}?to=a@b.example",
            f"mailtos://u:p@example.org?smtp=127.0.0.1&port={port}&to=a@b.example",
        )
        assert [each and each.code for each in outcomes] == [
            "channel.inside", "channel.inside", "channel.inside", "channel.inside", "channel.inside", "channel.inside",
            "channel.inside", "channel.inside",
        ]  # fmt: skip
        assert receiver.got == []
        other = await sent(f"127.0.0.1:{port + 1}", receiver.address)
        assert [each and each.code for each in other] == ["channel.inside"]


async def test_metadata_of_clouds_is_never_reached_also_where_it_was_named():
    outcomes = await sent(
        "169.254.169.254, 169.254.0.0/16", "json://169.254.169.254/latest", "jsons://169.254.169.254/"
    )
    assert [each and each.code for each in outcomes] == ["channel.inside", "channel.inside"]


async def test_a_redirect_is_not_taken():
    async with receiving() as receiver, receiving() as inside:
        receiver.status, receiver.location = 307, f"http://127.0.0.1:{inside.port}/"
        outcomes = await sent(f"{receiver.allowed}, {inside.allowed}", receiver.address)
        assert outcomes == [Failure("channel.failed", {"status": "307"})]
        assert inside.got == []


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("file:///etc/passwd", "channel.service"),
        ("syslog://", "channel.service"),
        ("dbus://", "channel.service"),
        ("http://example.org", "channel.service"),
        ("tgram://too-short", "channel.unreadable"),
        ("ntfys://h.example/topic?verify=no", "channel.unverified"),
        ("json://h.example/x", "channel.plain"),
        ("json://h.example/x\n", "channel.service"),
        ("", "channel.service"),
    ],
)
async def test_what_is_no_channel_is_refused_before_anything_is_sent(address, code):
    (outcome,) = await sent("", address)
    assert outcome is not None
    assert outcome.code == code
    assert outcome.is_final


async def test_an_address_without_a_text_is_looked_at_and_nothing_is_sent():
    outcomes = await Sending("").send([Message(id="a", address=TELEGRAM)])
    assert outcomes == {"a": None}


async def test_a_service_that_refuses_is_told_by_its_status():
    async with receiving() as receiver:
        receiver.status = 500
        assert await sent(receiver.allowed, receiver.address) == [Failure("channel.failed", {"status": "500"})]


async def test_a_service_that_says_nothing_costs_its_own_time_alone():
    async with receiving() as silent, receiving() as receiver:
        silent.is_silent = True
        outcomes = await sent(f"{silent.allowed}, {receiver.allowed}", silent.address, receiver.address)
        assert [each and each.code for each in outcomes] == ["channel.failed", None]


async def test_a_child_that_is_too_slow_is_ended():
    async with receiving() as silent:
        silent.is_silent = True
        (outcome,) = await sent(silent.allowed, silent.address, start_s=1.0)
        assert outcome == Failure("channel.slow")


async def test_nobody_who_listens_is_a_failure_that_may_pass():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (outcome,) = await sent(f"127.0.0.1:{port}", f"json://127.0.0.1:{port}/")
    assert outcome == Failure("channel.failed")
    assert not outcome.is_final
