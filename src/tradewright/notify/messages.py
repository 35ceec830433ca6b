"""What passes between the process that dispatches and the child that sends. No I/O.

Lives here: `Message`, `Outcome`, `Failure` and how they are written in lines of JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One thing to send; without a title and a body the address is looked at and nothing is sent."""

    id: str
    address: str = field(repr=False)
    title: str = ""
    body: str = ""

    @property
    def is_sent(self) -> bool:
        return bool(self.title or self.body)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why nothing arrived; the page has words for the code. Never holds a part of the address but its host."""

    code: str
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Whether the same would be refused again, whenever it is tried."""
        return self.code in _FINAL

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "params": dict(self.params)}


_FINAL = frozenset({"channel.unreadable", "channel.service", "channel.inside", "channel.plain", "channel.unverified"})

Outcome = Failure | None  # None: the service took it


def written(messages: list[Message], allowed: str) -> bytes:
    """`allowed` is the operator's setting, as it stands."""
    told = [{"id": each.id, "address": each.address, "title": each.title, "body": each.body} for each in messages]
    return json.dumps({"allowed": allowed, "messages": told}).encode()


def read_messages(content: bytes) -> tuple[list[Message], str]:
    found = json.loads(content)
    return [Message(**each) for each in found["messages"]], str(found["allowed"])


def outcome_line(message_id: str, outcome: Outcome) -> str:
    return json.dumps({"id": message_id, "failure": None if outcome is None else outcome.as_json()})


def read_outcome(line: bytes) -> tuple[str, Outcome]:
    """Raises `ValueError` for what the child did not write whole."""
    found = json.loads(line)
    failure = found["failure"]
    return str(found["id"]), None if failure is None else Failure(str(failure["code"]), failure["params"])
