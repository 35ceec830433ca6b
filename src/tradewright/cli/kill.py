"""`tradewright kill`: stop risking anything new, cancel everything, and where wanted close. Needs no page, API or
database.

Lives here: the command's options and its words. Not here: what is done (`trading.kill`, put together in `app`).
Exit codes: 0 done; 12 the kill holds and is not carried out everywhere yet; 1 it was not written down or not released.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import typer

from tradewright.cli.printable import printable

NOT_DONE_YET = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class KillOptions:
    """`what`: pull, release or only tell. `scope` and `scope_id` as of a latch; of "status" they are not looked at."""

    what: Literal["pull", "release", "status", "cancel", "close"]
    scope: Literal["account", "workspace", "installation"]
    scope_id: UUID | None
    close_positions: bool
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KillReport:
    """`reached`: the worker, or nothing but the latch's file. `accounts`: as the worker tells them."""

    reached: Literal["worker", "file"]
    latches: Sequence[dict[str, Any]]
    accounts: Sequence[dict[str, Any]]
    is_done: bool
    sentence: str


def register(application: typer.Typer, kill: Callable[[KillOptions], KillReport]) -> None:
    @application.command("kill")
    def command(
        account: str | None = typer.Option(None, help="One account, by its id (see `tradewright where`)"),
        workspace: str | None = typer.Option(None, help="Every account of a workspace, by its id"),
        everything: bool = typer.Option(False, "--all", help="Every account of this installation"),
        close: bool = typer.Option(False, "--close", help="Close positions too, reduce-only and at market"),
        once: bool = typer.Option(False, "--once", help="Cancel (with --close: close too) once, without a latch"),
        release: bool = typer.Option(False, "--release", help="Let new orders go again; written to the audit trail"),
        status: bool = typer.Option(False, "--status", help="Show what holds and what is open, change nothing"),
        wait: float = typer.Option(10.0, min=0.0, max=600.0, help="Seconds to wait until it is carried out"),
        as_json: bool = typer.Option(False, "--json", help="For programs"),
    ) -> None:
        """Stop everything: no new exposure from now on, all orders cancelled, with --close positions closed.

        Stops and take-profits of positions that stay open are kept. It holds, over restarts too, until --release.
        """
        options = _options(account, workspace, everything, close, once, release, status, wait)
        report = kill(options)
        typer.echo(json.dumps(_plain(report)) if as_json else _words(report))
        if not report.is_done:
            raise typer.Exit(NOT_DONE_YET)


def _options(
    account: str | None,
    workspace: str | None,
    everything: bool,
    close: bool,
    once: bool,
    release: bool,
    status: bool,
    wait: float,
) -> KillOptions:
    named = [each for each in (account, workspace, everything or None) if each is not None]
    if not status and len(named) != 1:
        raise typer.BadParameter("say what to stop: one of --account ID, --workspace ID, --all.")
    if sum((once, release, status)) > 1 or (close and (release or status)):
        raise typer.BadParameter(
            "--once, --release and --status exclude each other; --close goes with --once or alone."
        )
    if once and account is None:
        raise typer.BadParameter("--once is for one account: give --account ID.")
    what: Literal["pull", "release", "status", "cancel", "close"] = "pull"
    if once:
        what = "close" if close else "cancel"
    elif release or status:
        what = "release" if release else "status"
    if account is not None:
        return KillOptions(
            what=what, scope="account", scope_id=_uuid(account, "--account"), close_positions=close, wait_s=wait
        )
    if workspace is not None:
        scope_id = _uuid(workspace, "--workspace")
        return KillOptions(what=what, scope="workspace", scope_id=scope_id, close_positions=close, wait_s=wait)
    return KillOptions(what=what, scope="installation", scope_id=None, close_positions=close, wait_s=wait)


def _uuid(text: str, option: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise typer.BadParameter(f"{option} is {text!r}; expected an id such as 0190a1b2-….") from None


def _plain(report: KillReport) -> dict[str, Any]:
    return {
        "done": report.is_done,
        "reached": report.reached,
        "latches": list(report.latches),
        "accounts": list(report.accounts),
        "sentence": report.sentence,
    }


def _words(report: KillReport) -> str:
    lines = [report.sentence]
    for latch in report.latches:
        closes = ", closing positions" if latch["close_positions"] else ""
        lines.append(f"  holds: {latch['scope']}{closes}, pulled by way of {latch['via']}")
    for account in report.accounts:
        lines.append(f"  account {account['account_id']}: {_account_words(account)}")
    return "\n".join(lines)


def _account_words(account: dict[str, Any]) -> str:
    blocked = "blocked" if account["blocked"] else "not blocked"
    if account["orders"] is None:
        return f"{blocked}, {account['state']}{_fault(account)}"
    kept = f", {account['kept']} protecting orders kept" if account["kept"] else ""
    found = f"{account['orders']} orders to cancel, {account['positions']} positions{kept}"
    return f"{blocked}, {account['state']}: {found}{_fault(account)}"


def _fault(account: dict[str, Any]) -> str:
    return f" ({account['fault']}: {printable(account['detail'])})" if account["state"] == "failing" else ""
