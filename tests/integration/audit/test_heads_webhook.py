"""Heads over real sockets: what the address is sent, and what no answer of it can do."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import time
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.audit.kit import entry, write
from integration.audit.test_exporting import Clock, told
from support.certificates import certificate
from support.receiver import NO_CONTENT, Answer, Receiver, receiving, status
from tradewright.audit.exporting import HeadsExporter
from tradewright.audit.heads import Head, read_exported
from tradewright.audit.webhook import HeadsWebhook, WebhookFailed
from tradewright.system import SystemClock

CANARY = "token-in-the-address"
ACCOUNT, WORKSPACE = UUID(int=1000), UUID(int=77)
AT = SystemClock().now()


def heads(count: int) -> list[Head]:
    return [Head(UUID(int=number + 1), number, bytes([number % 256]) * 32) for number in range(count)]


def webhook(receiver: Receiver, *, within_s: float = 10.0) -> HeadsWebhook:
    return HeadsWebhook(f"{receiver.address}/heads?key={CANARY}", within_s=within_s)


async def failure(receiver: Receiver, *, within_s: float = 10.0) -> str:
    """What is told of it; the address is nowhere in it."""
    with pytest.raises(WebhookFailed) as caught:
        await webhook(receiver, within_s=within_s).send(heads(1), AT)
    assert CANARY not in f"{caught.value!r} {caught.value.__cause__!r} {webhook(receiver)!r}"
    return str(caught.value)


async def test_heads_come_as_json_in_one_post_and_are_read_back_as_from_the_file(tmp_path: Path) -> None:
    async with receiving() as receiver:
        await webhook(receiver).send(heads(3), AT)
    (request,) = receiver.requests
    assert request.line == f"POST /heads?key={CANARY} HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert "cookie" not in request.headers
    kept = tmp_path / "kept.jsonl"
    kept.write_text("".join(json.dumps(each) + "\n" for each in request.said["heads"]))
    assert read_exported(kept).latest() == {head.chain: head for head in heads(3)}


async def test_many_heads_come_in_parts_none_of_which_grows_without_a_bound() -> None:
    async with receiving() as receiver:
        await webhook(receiver).send(heads(2_500), AT)
    parts = [request.said["heads"] for request in receiver.requests]
    assert [len(part) for part in parts] == [1_000, 1_000, 500]
    assert [each["chain"] for part in parts for each in part] == [str(head.chain) for head in heads(2_500)]
    assert max(len(request.body) for request in receiver.requests) < 300_000


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirection_is_not_followed(code: int) -> None:
    async with receiving() as elsewhere:
        async with receiving(status(code, f"Location: {elsewhere.address}/taken")) as receiver:
            assert await failure(receiver) == f"HTTP {code}"
        assert elsewhere.requests == []


@pytest.mark.parametrize("code", [400, 401, 404, 429, 500, 503])
async def test_what_is_no_2xx_is_told_by_its_number_alone(code: int) -> None:
    async with receiving(status(code, "X-Said: not you")) as receiver:
        assert await failure(receiver) == f"HTTP {code}"


async def test_a_part_that_fails_ends_the_sending() -> None:
    async with receiving(NO_CONTENT, status(503)) as receiver:
        with pytest.raises(WebhookFailed, match="HTTP 503"):
            await webhook(receiver).send(heads(2_500), AT)
        assert len(receiver.requests) == 2


async def _silent(_writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _dripping(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, so that it is never silent for long."""
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("answer", [_silent, _dripping])
async def test_an_address_that_does_not_end_its_answer_holds_nobody_up(answer: Answer) -> None:
    async with receiving(answer) as receiver:
        began = time.monotonic()
        assert await failure(receiver, within_s=0.5) == "TimeoutError"
        assert time.monotonic() - began < 5
        assert len(receiver.requests) == 1


async def _endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        writer.write(b"a" * 65_536)
        await writer.drain()


async def _cut(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 20")
    await writer.drain()


@pytest.mark.parametrize("answer", [_endless_headers, _cut, b"SSH-2.0-OpenSSH_9.9\r\n", b"\x00" * 64 + b"\r\n\r\n"])
async def test_what_is_no_answer_is_a_failure_like_any_other(answer: Answer) -> None:
    async with receiving(answer) as receiver:
        assert await failure(receiver)
        assert len(receiver.requests) == 1, "nothing is sent twice by itself"


async def test_nothing_is_read_of_an_endless_body() -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"a" * 65_536 + b"\r\n")
            sent += 65_536
            await writer.drain()

    async with receiving(endless) as receiver:
        await webhook(receiver).send(heads(1), AT)
        async with asyncio.timeout(10):
            await receiver.hung_up.wait()
    assert sent < 16_000_000, "the buffers of the sockets between, and no more"


async def test_an_address_where_nobody_listens_is_told_as_that() -> None:
    async with receiving() as receiver:
        pass
    assert await failure(receiver) == "ClientConnectorError"


def _certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    made, key = certificate(folder, "heads.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    return context, made


async def test_a_certificate_that_nobody_vouches_for_is_sent_nothing(tmp_path: Path) -> None:
    context, _ = _certified(tmp_path)
    async with receiving(tls=context) as receiver:
        assert await failure(receiver) == "ClientConnectorCertificateError"
        assert receiver.requests == []


async def test_over_tls_heads_come_to_whom_the_operators_certificates_vouch_for(tmp_path: Path) -> None:
    """In a process of its own: the certificates that are trusted are read at its start."""
    context, made = _certified(tmp_path)
    script = (
        "import asyncio, sys; from datetime import UTC, datetime; from uuid import UUID\n"
        "from tradewright.audit.heads import Head; from tradewright.audit.webhook import HeadsWebhook\n"
        "head = Head(UUID(int=5), 9, bytes(32))\n"
        "asyncio.run(HeadsWebhook(sys.argv[1]).send([head], datetime.now(UTC)))"
    )
    async with receiving(tls=context) as receiver:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, receiver.address, env={**os.environ, "SSL_CERT_FILE": str(made)}
        )
        assert await process.wait() == 0
    (request,) = receiver.requests
    assert [(each["sequence"], each["hash"]) for each in request.said["heads"]] == [(9, "00" * 32)]


async def test_what_the_address_did_not_take_it_gets_later_and_nothing_is_lost_between(
    engine: AsyncEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    async with receiving(status(503), status(307, "Location: http://127.0.0.1:9/"), NO_CONTENT) as receiver:
        running = HeadsExporter(engine, clock, file=tmp_path / "heads.jsonl", webhook=webhook(receiver), every_s=60)
        await write(engine, entry(ACCOUNT, WORKSPACE))
        await running.look()
        assert await told(engine) == {"file": (True, None), "webhook": (False, "HTTP 503")}
        await write(engine, entry(ACCOUNT, WORKSPACE))
        await running.look()
        assert len(receiver.requests) == 1, "not before its time"
        clock.moved_s += 61
        await running.look()
        assert (await told(engine))["webhook"] == (False, "HTTP 307")
        clock.moved_s += 61
        await running.look()
        assert len(receiver.requests) == 2, "the pause has doubled"
        clock.moved_s += 60
        await running.look()
        assert (await told(engine))["webhook"] == (True, None)
        await running.look()
    assert [
        {UUID(each["chain"]): each["sequence"] for each in request.said["heads"]} for request in receiver.requests
    ] == [{ACCOUNT: 1}, {ACCOUNT: 2}, {ACCOUNT: 2}]
    assert CANARY not in "".join(capsys.readouterr())
