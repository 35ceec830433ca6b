"""schemathesis over the whole contract document, unmodified, against the running API (a peer: `tests/peers`).

No 5xx, and every reply in the shape, status and media type that the document says; asked by the workspace's owner.
`make schema EXAMPLES=50 [SEED=n]` asks more, tries every boundary of every field, and asks as nobody too; here each
operation is asked a few times with each `make test`. Beside it stands our own fuzzer (`test_fuzzed_api`), which also
watches what is written; this one reads the document as others do.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from fuzz.world import opened_world
from integration.web.kit import PASSWORD, token_in
from support.peers import peers_python
from tradewright.web import intents

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
FEW = 3
# The coverage phase tries every boundary of every field, some hundred requests an operation: for the longer run.
PHASES = {False: "examples,fuzzing", True: "examples,coverage,fuzzing"}
# Answered 503 where no worker runs beside it, which is what they say in the document; and those that end the session
# that asks, which are asked by nobody only.
WITHOUT_WORKER = ("readyz", "takeDown")
ENDS_THE_SESSION = ("logout",)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intents, "WAIT_S", 0.1)
    monkeypatch.setattr(intents, "RECONCILE_WAIT_S", 0.1)


async def test_no_operation_fails_and_every_reply_is_as_the_document_says(
    engine: AsyncEngine, database_url: str, tmp_path: Path, examples: int, schema_seed: int
) -> None:
    python = await asyncio.to_thread(peers_python, "schemathesis")
    async with opened_world(engine, database_url, lanes=1, seed="schemathesis") as world:
        document = tmp_path / "openapi.json"
        assert len(world.document["paths"]) >= 40
        document.write_text(json.dumps(world.document))
        command = [
            str(python), "-m", "schemathesis.cli", "run", str(document), "--url", world.site.base,
            "--checks", CHECKS, "--phases", PHASES[examples > FEW], "--max-examples", str(examples),
            "--seed", str(schema_seed), "--continue-on-failure", "--no-color", "--workers", "2",
            "--suppress-health-check", "all", "--generation-database", "none", "--warnings", "off",
        ]  # fmt: skip
        for name in WITHOUT_WORKER:
            command += ["--exclude-operation-id", name]
        if examples > FEW:
            await well(command, tmp_path)
        async with world.site.browser().post("/api/v1/login", json={"username": "Ann", "password": PASSWORD}) as answer:
            command += ["--header", f"Cookie: tradewright_{world.site.port}={token_in(answer, world.site.port)}"]
        for name in ENDS_THE_SESSION:
            command += ["--exclude-operation-id", name]
        await well(command, tmp_path)
        assert not (await world.end_faults())


async def well(command: list[str], folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder
    )
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode(errors="replace")[-8_000:]
