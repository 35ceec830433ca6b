"""Where the accounts of an exchange lie in its state folder.

Lives here: opening them, each with its keys and its log. Not here: what is in either.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from tradewright.simulator.accounts.keys import KeyRing, load_or_make_keys, make_keys
from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.config import SimulatorConfig

ACCOUNTS_FOLDER = "accounts"  # in the state folder: one folder for each account but the first


def open_accounts(config: SimulatorConfig, stop: contextlib.AsyncExitStack) -> list[tuple[KeyRing, EventLog]]:
    """Keys and log of every account in the state folder, which is made if need be; in memory without one."""
    if config.state is None:
        opened = [(make_keys(key=config.key, secret=config.secret), EventLog(None))]
    else:
        opened = [open_account(config.state, key=config.key, secret=config.secret)]
        others = config.state / ACCOUNTS_FOLDER
        folders = sorted(others.iterdir(), key=lambda folder: folder.name) if others.is_dir() else []
        opened += [open_account(folder) for folder in folders]
    for _, event_log in opened:
        stop.callback(event_log.close)
    return opened


def open_account(
    folder: Path, fresh: KeyRing | None = None, *, key: str | None = None, secret: str | None = None
) -> tuple[KeyRing, EventLog]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The log first: its lock keeps two exchanges from making keys for one folder.
    event_log = EventLog(folder)
    try:
        return load_or_make_keys(folder, fresh, key=key, secret=secret), event_log
    except BaseException:
        event_log.close()
        raise
