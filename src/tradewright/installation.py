"""Files that the processes of one installation leave for each other below HOME.

Lives here: the address of the embedded database, where the page is while `run` runs, where the simulated exchange
listens, and its keys; written with mode 0600, read with a sentence when missing. Not here: what is done with them
(`app`). Standard library only, because the supervisor writes them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tradewright.core.errors import StartError


def write_private(path: Path, content: Mapping[str, Any]) -> None:
    """Replaces the file in one step; only its owner may read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
        file.write("\n")
    temporary.replace(path)


def read_private(path: Path, what: str) -> dict[str, Any]:
    """The file's object. Raises `StartError` (exit code 1) naming `what` when it is missing or cannot be read."""
    try:
        content = json.loads(path.read_text())
        if not isinstance(content, dict):
            raise ValueError("not a JSON object")
    except FileNotFoundError:
        raise StartError(
            f"{what} is not there ({path}); is the installation running? Start it with `tradewright run`", exit_code=1
        ) from None
    except (OSError, ValueError) as error:
        raise StartError(f"{what} cannot be read ({path}): {error}", exit_code=1) from None
    return content


def write_exchange_ready(path: Path, market_name: str, ready_line: Mapping[str, Any]) -> None:
    """What the simulated exchange said when it was ready, with its market's name and its read-only key beside it."""
    keys = read_private(Path(ready_line["keys_file"]), "the simulated exchange's key file")
    write_private(path, {**ready_line, "name": market_name, "read_only": keys["read_only"]})


def write_page_address(path: Path, url: str) -> None:
    """Where a person reaches the page of the installation that this process runs."""
    write_private(path, {"url": url, "process": os.getpid()})


def page_address(path: Path) -> str | None:
    """Where the page of the running installation is reached; None where none runs, or one that did not say it.

    What was left behind by one that is gone does not count: its process is not there any more.
    """
    try:
        said = read_private(path, "the address of the page")
        os.kill(int(said["process"]), 0)
        return str(said["url"])
    except (StartError, KeyError, ValueError, TypeError, OSError, OverflowError):
        return None
