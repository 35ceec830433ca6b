"""One piece of a campaign: so many bodies by several lanes at once, every answer judged.

Lives here: `run_piece`, `Report`. The same seed draws the same requests as long as answers are the same; what is found
is told with the whole request, so that it can be sent again by hand.
Not here: the world (`world`), pieces side by side and the printed summary (`security/conftest`).
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter, deque
from dataclasses import dataclass, field, fields
from typing import Any

from fuzz.judging import Judge
from fuzz.lanes import Answer, Lane
from fuzz.requests import Draw, Request
from fuzz.values import Known
from fuzz.world import World

FOUND_MAX = 12  # of different faults; after so many the piece ends
_REPEATABLE = frozenset({"postIntent", "cancelAll", "postConnection", "postStrategy", "postBot", "startRun"})


@dataclass(slots=True)
class Report:
    bodies: int = 0
    requests: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0  # of this process, without the database's
    statuses: Counter[str] = field(default_factory=Counter)  # "2xx" …
    operations: Counter[str] = field(default_factory=Counter)  # "postIntent 422" …
    manners: Counter[str] = field(default_factory=Counter)  # "spoiled 4xx" …
    accepted: Counter[str] = field(default_factory=Counter)  # intents by kind
    faults: dict[str, str] = field(default_factory=dict)  # kind and operation: the first one of it, whole
    fault_count: int = 0

    def plain(self) -> dict[str, Any]:
        """As JSON may carry it from one process to another."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def note(self, request: Request, answer: Answer) -> None:
        self.requests += 1
        self.bodies += request.body is not None and request.operation.body is not None
        group = f"{answer.status // 100}xx"
        self.statuses[group] += 1
        self.operations[f"{request.operation.id} {answer.status}"] += 1
        self.manners[f"{request.manner} {group}"] += 1

    def fault(self, request: Request, said: str) -> None:
        self.fault_count += 1
        self.faults.setdefault(f"{request.operation.id}: {said[:60]}", f"{said}\n    {request}")


async def run_piece(world: World, bodies: int, *, seed: str, only: frozenset[str] = frozenset()) -> Report:
    report, began, cpu = Report(), time.monotonic(), time.process_time()
    share, rest = divmod(bodies, len(world.lanes))
    async with asyncio.TaskGroup() as tasks:
        for number, lane in enumerate(world.lanes):
            runner = _Runner(world, lane, report, f"{seed}/{number}", only)
            tasks.create_task(runner.run(share + (number < rest)))
    report.seconds, report.cpu_seconds = time.monotonic() - began, time.process_time() - cpu
    for said in await world.end_faults():
        report.faults.setdefault(said, said)
        report.fault_count += 1
    return report


class _Runner:
    """One lane's client: draws, sends, judges, and learns from the answers."""

    def __init__(self, world: World, lane: Lane, report: Report, seed: str, only: frozenset[str]) -> None:
        self._world = world
        self._lane = lane
        self._report = report
        self._known: Known = world.known()
        document = world.document
        self._draw = Draw(document, random.Random(seed), self._known, only)
        self._judge = Judge(document)

    async def run(self, bodies: int) -> None:
        await self._lane.watch.since_last()
        list(self._world.log_faults())
        while bodies > 0 and len(self._report.faults) < FOUND_MAX:
            request = self._draw.request()
            answer = await self._lane.send(request)
            wrote = await self._lane.watch.since_last()
            self._report.note(request, answer)
            bodies -= request.body is not None and request.operation.body is not None
            for said in (*self._judge.faults(request, answer, wrote), *self._world.log_faults()):
                self._report.fault(request, said)
            self._learn(request, answer)

    def _learn(self, request: Request, answer: Answer) -> None:
        if answer.status == 401 or (request.operation.id in ("logout", "login") and answer.status < 300):
            self._lane.tokens.pop(request.who, None)  # it has ended: the next request of this one signs in anew
        if answer.status not in (200, 201, 202) or answer.media_type != "application/json":
            return
        if request.method != request.operation.method:  # another operation of this path, or none
            return
        told = json.loads(answer.body)
        if request.who == "trader":
            self._remember(request, told)
        elif request.who == "stranger":
            self._known.foreign_ids[:] = [*_ids_in(told), *self._known.foreign_ids][:20]

    def _remember(self, request: Request, told: Any) -> None:
        known, operation = self._known, request.operation.id
        if operation == "postIntent":
            self._report.accepted[f"{_kind_of(request)} {told['status']}"] += 1
            if told["order"] is not None:
                known.orders.append(told["order"]["id"])
        if operation == "readOrders" and told.get("orders"):
            known.orders.extend(each["id"] for each in told["orders"][:10])
        if operation == "readPositions":
            known.positions = told["positions"]
        if operation in ("readOrders", "readFills") and told.get("next"):
            known.cursors.append(told["next"])
        if operation == "postConnection":
            known.connections.append((told["connection"]["id"], told["connection"]["name"]))
        for name, some_id in _things_in(operation, told):
            known.things.setdefault(name, deque(maxlen=20)).append(some_id)
        if operation in _REPEATABLE and isinstance(request.intended, dict) and request.manner in ("sensible", "valid"):
            known.used_ids.append(str(request.intended["id"]))
            self._draw.accepted.append(request)


def _things_in(operation: str, told: Any) -> list[tuple[str, str]]:
    """Ids of what was made, by the names that they have in paths and bodies."""
    match operation:
        case "postStrategy":
            return [("strategy_id", told["strategy"]["id"]), ("spec_version_id", told["strategy"]["newest"]["id"])]
        case "postSpecVersion":
            return [("spec_version_id", told["version"]["id"])]
        case "postBot" | "cloneBot":
            return [("bot_id", told["bot"]["id"])]
        case "startRun":
            return [("run_id", told["run"]["id"])]
        case _:
            return []


def _kind_of(request: Request) -> str:
    return str(request.intended.get("kind")) if isinstance(request.intended, dict) else "?"


def _ids_in(told: Any) -> list[str]:
    """Ids of what another workspace owns."""
    if not isinstance(told, dict):
        return []
    rows = [each for value in told.values() if isinstance(value, list) for each in value if isinstance(each, dict)]
    rows += [value for value in told.values() if isinstance(value, dict)]
    return [str(row["id"]) for row in rows if "id" in row]
