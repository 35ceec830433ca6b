"""JSON objects from strangers, and ours to them.

Lives here: reading without surprises, writing text frames. Not here: what the fields mean (`commands`, `ws_*`).
"""

from __future__ import annotations

from typing import Any

import msgspec

Frame = dict[str, Any]


def read_object(content: bytes | str) -> Frame:
    """A JSON object with its decimals as text, exactly as they were written.

    Raises `ValueError` for anything else, broken surrogates and bottomless nesting included.
    """
    try:
        value = msgspec.json.Decoder(float_hook=str).decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise ValueError("not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def encode(frame: Frame) -> str:
    return msgspec.json.encode(frame).decode()


def args_of(frame: Frame) -> list[Any] | None:
    """The frame's `args`, or None if there are none to speak of."""
    args = frame.get("args")
    return args if isinstance(args, list) and args else None
