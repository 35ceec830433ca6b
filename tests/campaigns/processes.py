"""Real processes of a lean installation: a worker and the simulated exchange, no page and no browser.

Lives here: `WorkerProcess`, `ExchangeAt` with its signed reads and its control endpoints. Not here: what is done to
them, and what must hold.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from campaigns.nursery import ForkedProcess, Nursery

_PAGES_MAX = 200


class WorkerProcess:
    """`tradewright worker` with the settings given; what it says is in `log`, which all workers of a HOME share. With a
    `nursery` it comes from there, its imports done."""

    process: subprocess.Popen[bytes] | ForkedProcess

    def __init__(
        self, home: Path, database_url: str, settings: Mapping[str, str], nursery: Nursery | None = None
    ) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWRIGHT_")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # each start would compile two seconds' worth of packages
        environment |= {"TRADEWRIGHT_HOME": str(home), "TRADEWRIGHT_DATABASE_URL": database_url, **settings}
        self.log = home / "worker.log"
        if nursery is not None:
            self.process = nursery.fork(["worker"], environment, self.log)
            return
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tradewright", "worker"], env=environment, stdout=out, stderr=out
            )

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def says(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


class ExchangeAt:
    """A running simulated exchange by the line that it said when it was ready."""

    def __init__(self, ready: Mapping[str, Any]) -> None:
        self.ready = ready
        self.keys: Mapping[str, Any] = json.loads(Path(ready["keys_file"]).read_text())

    @property
    def uid(self) -> str:
        return str(self.ready["uid"])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Blocks; for a thread."""
        request = urllib.request.Request(
            f"{self.ready['rest']}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Sim-Key": self.keys["trading"]["key"]},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def read(self, pair: Mapping[str, str], path: str, **query: str) -> Any:
        """A signed read past every proxy, without any of our own client; the envelope's result. Blocks."""
        text = urllib.parse.urlencode(query)
        now = str(int(time.time() * 1000))
        headers = {
            "X-BAPI-API-KEY": pair["key"],
            "X-BAPI-TIMESTAMP": now,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": hmac.new(
                pair["secret"].encode(), f"{now}{pair['key']}5000{text}".encode(), hashlib.sha256
            ).hexdigest(),
        }
        request = urllib.request.Request(f"{self.ready['rest']}{path}?{text}", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            envelope = json.load(answer)
        assert envelope["retCode"] == 0, envelope
        return envelope["result"]

    def rows(self, pair: Mapping[str, str], path: str, **query: str) -> list[Any]:
        """All pages of a list."""
        found: list[Any] = []
        cursor = ""
        for _ in range(_PAGES_MAX):
            page = self.read(pair, path, limit="50", **query, **({"cursor": cursor} if cursor else {}))
            found += page["list"]
            cursor = page.get("nextPageCursor", "")
            if not cursor or not page["list"]:
                return found
        raise AssertionError(f"{path} has more than {_PAGES_MAX} pages")


@contextlib.contextmanager
def exchange_at(state: Path, *arguments: str) -> Iterator[ExchangeAt]:
    program = [sys.executable, "-m", "tradewright", "exchange", "--port", "0", "--state", str(state), *arguments]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            yield ExchangeAt(json.loads(process.stdout.readline()))
        finally:
            process.kill()
