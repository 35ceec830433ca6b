"""How each public stream words its answers: acknowledgements, refusals and pongs.

Lives here: the frames, as values. Not here: what is asked for and allowed (`public`).
Three dialects: futures; spot, with texts of its own and no request id where none was sent; options, whose answers are
reports of the topics without operation or request id. The dialect of the system's status stream is not documented:
that of futures is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tradewright.simulator.frames import Frame


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused as a whole. `topics` are those to blame, none if it is the request itself."""

    text: str
    topics: tuple[str, ...] = ()


class Manners(Protocol):
    def agreement(self, asked: Frame, conn_id: str, topics: Sequence[str]) -> Frame: ...

    def refusal(self, asked: Frame, conn_id: str, refusal: Refusal) -> Frame: ...

    def pong(self, asked: Frame, conn_id: str, now_ms: int) -> Frame: ...


class FuturesManners:
    """`req_id` comes back exactly as it was sent, as "" if it was not."""

    def agreement(self, asked: Frame, conn_id: str, topics: Sequence[str]) -> Frame:
        return self._answer(asked, conn_id, success=True, text="")

    def refusal(self, asked: Frame, conn_id: str, refusal: Refusal) -> Frame:
        return self._answer(asked, conn_id, success=False, text=refusal.text)

    def pong(self, asked: Frame, conn_id: str, now_ms: int) -> Frame:
        return self._answer(asked, conn_id, success=True, text="pong")

    def _answer(self, asked: Frame, conn_id: str, *, success: bool, text: str) -> Frame:
        req_id = asked.get("req_id", "")
        return {"success": success, "ret_msg": text, "conn_id": conn_id, "req_id": req_id, "op": asked.get("op", "")}


class SpotManners:
    """The operation's name is the text of its acknowledgement; a pong never has a request id."""

    def agreement(self, asked: Frame, conn_id: str, topics: Sequence[str]) -> Frame:
        return self._answer(asked, conn_id, success=True, text=str(asked["op"]))

    def refusal(self, asked: Frame, conn_id: str, refusal: Refusal) -> Frame:
        return self._answer(asked, conn_id, success=False, text=refusal.text)

    def pong(self, asked: Frame, conn_id: str, now_ms: int) -> Frame:
        return {"success": True, "ret_msg": "pong", "conn_id": conn_id, "op": "ping"}

    def _answer(self, asked: Frame, conn_id: str, *, success: bool, text: str) -> Frame:
        req_id = {"req_id": asked["req_id"]} if "req_id" in asked else {}
        return {"success": success, "ret_msg": text, "conn_id": conn_id, **req_id, "op": asked.get("op", "")}


class OptionManners:
    """A report of the topics. How a request that names no topic at all is refused is not documented."""

    def agreement(self, asked: Frame, conn_id: str, topics: Sequence[str]) -> Frame:
        return self._report(conn_id, success=True, failed=(), succeeded=topics)

    def refusal(self, asked: Frame, conn_id: str, refusal: Refusal) -> Frame:
        return self._report(conn_id, success=False, failed=refusal.topics, succeeded=())

    def pong(self, asked: Frame, conn_id: str, now_ms: int) -> Frame:
        return {"args": [str(now_ms)], "op": "pong"}

    def _report(self, conn_id: str, *, success: bool, failed: Sequence[str], succeeded: Sequence[str]) -> Frame:
        data = {"failTopics": list(failed), "successTopics": list(succeeded)}
        return {"success": success, "conn_id": conn_id, "data": data, "type": "COMMAND_RESP"}


def manners_of(category: str) -> Manners:
    match category:
        case "spot":
            return SpotManners()
        case "option":
            return OptionManners()
        case _:
            return FuturesManners()
