"""The snippets of docs/exchange.md, as they stand there, run against an exchange that the page's own command starts."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from support.exchange_process import ExchangeProcess, started

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "exchange.md"
PLACE = "127.0.0.1:9300"
SECONDS_MAX = 60


def snippet(name: str) -> str:
    """The first block of code under the heading of a client."""
    page = PAGE.read_text()
    found = re.search(rf"^### {re.escape(name)}$.*?^```\w+\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found, f"docs/exchange.md has no snippet for {name}"
    assert PLACE in found[1]
    return found[1]


def exchange_of_the_page() -> contextlib.AbstractContextManager[ExchangeProcess]:
    """The exchange as the page says to start it, on a free port and with what is installed here."""
    found = re.search(r"^uvx --from \. tradewright (exchange .*)$", PAGE.read_text(), re.MULTILINE)
    assert found, "docs/exchange.md does not say how to start the exchange"
    return started([str(ROOT / ".venv" / "bin" / "tradewright"), *shlex.split(found[1]), "--port", "0"])


def run_snippet(
    name: str, exchange: ExchangeProcess, interpreter: Path, *, suffix: str = ".py", folder: Path, **environment: str
) -> list[str]:
    """The lines that the snippet prints; it must end well."""
    script = folder / f"snippet{suffix}"
    script.write_text(snippet(name).replace(PLACE, exchange.rest.removeprefix("http://")))
    inherited: Mapping[str, str] = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [str(interpreter), str(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
        env={**inherited, **environment},
    )
    assert done.returncode == 0, f"{name}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return [line.strip() for line in done.stdout.splitlines()]
