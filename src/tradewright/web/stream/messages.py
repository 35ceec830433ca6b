"""The stream's messages as text. Their shapes are in `web.schemas.stream`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from pydantic import ValidationError

from tradewright.core.environment import Environment
from tradewright.market.hub import FeedHealth
from tradewright.web.schemas.stream import StreamClientMessage, SubscribeMessage, UnsubscribeMessage


def read_client_message(text: str) -> SubscribeMessage | UnsubscribeMessage | None:
    """What the browser asks, or None when it cannot be read."""
    try:
        return StreamClientMessage.model_validate_json(text).root
    except ValidationError:
        return None


def data_message(kind: Literal["snapshot", "delta"], topic: str, seq: int, data: Any) -> str:
    return _text({"type": kind, "topic": topic, "seq": seq, "data": data})


def session_message(topic: str, account: dict[str, Any]) -> str:
    """The account's session as it is now, beside the numbered events: its owner came or went."""
    return _text({"type": "session", "topic": topic, "account": account})


def error_message(code: str, topic: str | None = None) -> str:
    return _text({"type": "error", "code": code, "topic": topic})


def heartbeat_message(*, server_time_ms: int, exchanges: Mapping[Environment, tuple[FeedHealth, int | None]]) -> str:
    """`exchanges`: of each environment the health of its public link and its market time, None while not known."""
    told = {
        environment: {"link": _link(health), "market_now_ms": market_now_ms}
        for environment, (health, market_now_ms) in exchanges.items()
    }
    return _text({"type": "heartbeat", "server_time_ms": server_time_ms, "exchanges": told})


def _link(health: FeedHealth) -> dict[str, Any]:
    reason = None if health.reason is None else health.reason.as_json()
    return {"state": health.state, "last_frame_age_ms": health.last_frame_age_ms, "reason": reason}


def _text(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
