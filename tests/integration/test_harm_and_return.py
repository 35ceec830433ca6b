"""An installation after each of its processes was killed (promise O7), and with its database's disk full (promise D5).

Real processes, signals and a small file system of its own under the database; the truth is the simulated exchange's own
log. How long each took is printed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from support.installation import FINAL, Installation, wait_for

AGAIN_WITHIN_S = 150.0  # generous: the promise is 30 s on an idle machine, and the figure is printed
_DISK = "220m"  # an empty cluster with our tables takes 50
_LOG_RECORDS_MAX = 400  # of a megabyte each: more than the disk holds


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="tw-harm-"))
    home = folder / "home"
    home.mkdir()
    for each in (folder, home):
        each.chmod(0o711)
    disk = home / "postgres"
    disk.mkdir()
    is_mounted = _mount(disk)
    installation = Installation(home)
    try:
        installation.start()
        installation.claim()
        installation.widen_limits(installation.account())
        yield installation
        installation.stop()
    finally:
        for pid in installation.pids():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if is_mounted:
            subprocess.run(["umount", "-l", str(disk)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _mount(disk: Path) -> bool:
    """Only root may; without it the database is on the same disk as everything, which no test fills."""
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=711", "tmpfs", str(disk)]
    try:
        return os.geteuid() == 0 and subprocess.run(mounting, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def readiness(running: Installation) -> tuple[int, Any]:
    with contextlib.suppress(OSError):
        return running.request("GET", "/readyz")
    return 0, None


def serves(running: Installation) -> bool:
    return readiness(running)[0] == 200


def postmaster(running: Installation) -> int | None:
    return next((pid for pid, line in running.commands().items() if re.search(r"bin/postgres .*-D", line)), None)


def accepted(running: Installation, intent_id: str) -> int:
    """How many orders of this intent the exchange ever accepted, by its own durable log."""
    link_id, entries = "tw" + intent_id.replace("-", ""), []
    while True:
        page = running.exchange_control("GET", f"/sim/log?since={len(entries)}")
        entries += page["entries"]
        if len(entries) >= page["last"]:
            break
    told = [json.dumps(entry) for entry in entries]
    return sum(f'"{link_id}"' in entry and "order_accepted" in entry for entry in told)


def trades_once(running: Installation, account: str) -> None:
    """An order is filled, as soon as prices are known again, and the exchange has taken it once."""

    def look() -> str | None:
        bought, _, _ = running.place(account)
        ended = wait_for(lambda: ended_as(running, account, bought), f"{bought} has ended", seconds=AGAIN_WITHIN_S)
        if ended["status"] == "filled":
            return bought
        is_for_want_of_prices = ended["status"] == "refused" and ended["reason"]["code"] == "risk.no_price"
        assert is_for_want_of_prices or ended["status"] == "not_sent", ended  # the latter has waited until it expired
        return None

    assert accepted(running, wait_for(look, "an order is filled", seconds=AGAIN_WITHIN_S)) == 1


def ended_as(running: Installation, account: str, intent_id: str) -> Any:
    with contextlib.suppress(OSError):
        found = running.intent(account, intent_id)
        return found if found["status"] in FINAL else None
    return None


def passive_price(running: Installation) -> str:
    return str(int(Decimal(running.last_price()) * Decimal("0.8")))


@pytest.mark.parametrize(
    ("part", "how"),
    [
        *((part, signal.SIGKILL) for part in ("exchange", "worker", "api", "postgres")),
        ("worker", signal.SIGSTOP),  # it beats no more, and the supervisor sees to the rest
    ],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else value,
)
def test_after_the_end_of_any_process_the_installation_is_ready_again_by_itself(
    running: Installation, part: str, how: signal.Signals
) -> None:
    wait_for(lambda: serves(running), "ready before", seconds=AGAIN_WITHIN_S)
    account = running.account()
    began_s = time.monotonic()
    if part == "postgres":
        old = postmaster(running)
        assert old is not None
        os.kill(old, how)
        wait_for(lambda: postmaster(running) not in (None, old), "another server", seconds=AGAIN_WITHIN_S)
    else:
        old = running.kill(part, number=how)
        wait_for(lambda: running.pid_of(part) != old, f"another {part}", seconds=AGAIN_WITHIN_S)
    wait_for(lambda: serves(running), f"ready after {how.name} to {part}", seconds=AGAIN_WITHIN_S)
    print(f"ready again {time.monotonic() - began_s:.1f} s after {how.name} to {part}")
    assert running.account() == account
    trades_once(running, account)


def use_up_the_log(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(_LOG_RECORDS_MAX):
            connection.execute("SELECT pg_logical_emit_message(false, 'x', repeat(md5(random()::text), 30000))")


def fill(disk: Path, url: str) -> None:
    """The last byte of the disk, and then the room that the database has set aside in its write-ahead log: from there
    on no commit can be made. The server ends, and cannot start again either."""
    with (disk / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while ballast.write(b"\0" * 1_000_000):
            pass
    with pytest.raises(psycopg.Error):
        use_up_the_log(url)


def test_with_a_full_disk_nothing_opens_a_kill_acts_and_all_goes_on_once_there_is_room(running: Installation) -> None:
    disk = running.home / "postgres"
    if not disk.is_mount():
        pytest.skip("a disk that may be filled needs root: mount a tmpfs")
    account = running.account()
    resting, _, _ = running.limit(account, passive_price(running))
    running.until(account, resting, "working")
    price, url = passive_price(running), json.loads((running.home / "database.json").read_text())["url"]
    fill(disk, url)

    refused = []
    for _ in range(5):
        intent, status, answer = running.limit(account, price)
        assert (status, answer["code"], answer["retryable"]) in (
            (503, "database.unavailable", True),
            (503, "database.full", True),
        ), answer
        refused.append(intent)
        time.sleep(0.5)
    assert readiness(running)[0] == 503
    began_s = time.monotonic()
    status, answer = running.request("POST", "/api/v1/kill", {"scope": "account", "account_id": account})
    assert (status, answer["reached"], answer["durable"]) == (200, "worker", True), answer
    wait_for(
        lambda: not running.exchange_get("/v5/order/realtime", category="linear", settleCoin="USDT")["list"],
        "nothing is in the book",
        seconds=60,
    )
    print(f"kill with the disk full: down in {time.monotonic() - began_s:.2f} s")
    waiting = list((running.home / "spool").glob(f"{account}.*"))
    assert waiting, "it is written down beside the database"

    (disk / "ballast").unlink()
    began_s = time.monotonic()
    wait_for(lambda: serves(running), "ready once there is room", seconds=AGAIN_WITHIN_S)
    print(f"ready again {time.monotonic() - began_s:.1f} s after there was room")
    wait_for(lambda: not list((running.home / "spool").glob(f"{account}.*")), "the spool is loaded", seconds=90)
    running.account()
    running.until(account, resting, "cancelled")
    for intent in refused:
        assert running.request("GET", f"/api/v1/accounts/{account}/intents/{intent}")[0] == 404
        assert accepted(running, intent) == 0
    body = {"scope": "account", "account_id": account}
    wait_for(lambda: running.request("POST", "/api/v1/kill/release", body)[0] == 200, "released", seconds=60)
    trades_once(running, account)
    assert accepted(running, resting) == 1
