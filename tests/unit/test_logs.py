"""Canaries: what must never be read in a log, in each form in which it could get there, and lines that cannot be
forged."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import structlog

from tradewright import logs

CANARY = "canary0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Shown:
    """A value whose own `repr` tells everything."""

    address: str


@pytest.fixture(params=["json", "text"])
def form(request: pytest.FixtureRequest) -> Iterator[str]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield request.param
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


def said(capsys: pytest.CaptureFixture[str], form: Any, **fields: Any) -> str:
    logs.configure(process="test", level="info", form=form)
    structlog.get_logger().info("something.happened", **fields)
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "fields",
    [
        {"secret": CANARY},
        {"api_key": CANARY},
        {"Set-Cookie": CANARY},
        {"request": {"headers": [{"Authorization": CANARY}]}},
        {"body": {"new": {"password": CANARY}}},
        {"pairs": ({"trading": {"key": "public", "secret": CANARY}},)},
        {"deep": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"secret": CANARY}}}}}}}}},
        {"error": f"connection to postgresql://tradewright:{CANARY}@/tradewright?host=x failed"},
        {"error": f"postgresql+psycopg://:{CANARY}@db/x"},
        {"error": OSError(f"postgres://u:{CANARY}@db/x is away")},
        {"value": Shown(f"postgresql://u:{CANARY}@db/x")},
        {"raw": f'{{"key":"public","secret":"{CANARY}"}}'.encode()},
        {"raw": f'{{"key": "public", "password": "{CANARY}"}}'},
        {"text": f"open http://localhost:8787/welcome#{CANARY} now"},
        {"text": f"X-BAPI-SIGN: {CANARY}"},
        {"text": f"{{'X-BAPI-SIGN': '{CANARY}'}}"},
        {"text": f"(b'X-BAPI-SIGN', b'{CANARY}')"},
        {"text": f"x-bapi-api-key={CANARY}"},
        {"text": f"Cookie: tradewright_8787={CANARY}; other=1"},
        {"text": f"token={CANARY}&next=1"},
        {"keys": {f"postgresql://u:{CANARY}@db/x": 1}},
    ],
    ids=str,
)
def test_a_secret_is_masked_wherever_it_stands(
    capsys: pytest.CaptureFixture[str], form: str, fields: dict[str, Any]
) -> None:
    text = said(capsys, form, **fields)
    assert "something.happened" in text
    assert CANARY not in text


def test_a_secret_in_a_traceback_is_masked_and_its_lines_are_set_in(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    logs.configure(process="test", level="info", form=form)  # type: ignore[arg-type]
    try:
        raise OSError(f"postgresql://u:{CANARY}@db/x\n2026-01-01T00:00:00Z [info] order.filled forged=1")
    except OSError:
        structlog.get_logger().exception("something.failed")
    text = capsys.readouterr().err
    assert CANARY not in text
    assert "order.filled" in text
    assert not any(line.startswith("2026-01-01T00:00:00Z [info] order.filled") for line in text.splitlines())


def test_the_standard_librarys_loggers_go_through_the_same_fence(capsys: pytest.CaptureFixture[str], form: str) -> None:
    logs.configure(process="test", level="info", form=form)  # type: ignore[arg-type]
    try:
        raise RuntimeError(f"postgresql://u:{CANARY}@db/x")
    except RuntimeError:
        logging.getLogger("a.library").exception("failed with %s\nforged", f"X-BAPI-SIGN: {CANARY}")
    text = capsys.readouterr().err
    assert "failed with" in text
    assert CANARY not in text
    assert not any(line.startswith("forged") for line in text.splitlines())


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x1b[2K\x1b[1A", "\x00", "\u2028", "\x85", "\x0b"])
def test_no_value_begins_a_second_line_or_moves_the_cursor(
    capsys: pytest.CaptureFixture[str], form: str, end: str
) -> None:
    forged = f"harmless{end}2026-01-01T00:00:00Z [info] order.filled"
    text = said(capsys, form, note=forged, nested={"note": forged, forged: 1}, listed=[forged])
    assert len(text.splitlines()) == 1
    assert "\x1b[2K" not in text
    assert "\r" not in text


def test_what_is_no_secret_is_still_told(capsys: pytest.CaptureFixture[str], form: str) -> None:
    text = said(capsys, form, quantity=Decimal("0.010"), link_id="tw0190", attempt=2, done=True, nothing=None)
    assert "0.010" in text
    assert "tw0190" in text
    if form == "json":
        told = json.loads(text)
        assert told["quantity"] == "0.010"
        assert (told["attempt"], told["done"], told["nothing"], told["process"]) == (2, True, None, "test")
