"""The composition root: the only room that builds engines, clients and settings, and hands each part its piece.

Lives here: `main`, the entry point; `run` (the supervisor's children), `api`, `worker` and `claim_link` beside it say
what each process is made of, on the `ground` they share. A command's parts are imported when it is called, because the
supervisor of `run` must start at once and stay small.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tradewright.acceptance.model import Finding
from tradewright.cli import accept as cli_accept
from tradewright.cli import api as cli_api
from tradewright.cli import audit as cli_audit
from tradewright.cli import backtest as cli_backtest
from tradewright.cli import data as cli_data
from tradewright.cli import data_funding
from tradewright.cli import exchange as cli_exchange
from tradewright.cli import exchange_account as cli_exchange_account
from tradewright.cli import jobs as cli_jobs
from tradewright.cli import kill as cli_kill
from tradewright.cli import run as cli_run
from tradewright.cli import search as cli_search
from tradewright.cli import spec as cli_spec
from tradewright.cli import user as cli_user
from tradewright.cli import vault as cli_vault
from tradewright.cli import where as cli_where
from tradewright.cli import worker as cli_worker
from tradewright.core.errors import StartError

if TYPE_CHECKING:
    from tradewright.market.history.downloading import Downloaded, Progress
    from tradewright.market.history.funding_download import DownloadedFunding
    from tradewright.market.history.series import Series
    from tradewright.market.history.store import DataStore


def main() -> None:
    """Entry point of `tradewright`. A `StartError` becomes one sentence on standard error and its exit code."""
    application = typer.Typer(
        name="tradewright",
        help="A self-hosted trading terminal for Bybit.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    application.callback(invoke_without_command=True)(_version_callback)
    cli_run.register(application, _run)
    cli_api.register(application, _api)
    cli_worker.register(application, _worker)
    cli_jobs.register(application, _jobs)
    cli_exchange.register(application)
    cli_exchange_account.register(application, _exchange_account)
    cli_user.register(
        application,
        cli_user.UserDesk(
            claim_link=_claim_link,
            everybody=_everybody,
            set_enabled=_set_enabled,
            password_link=_password_link,
            reset_factors=_reset_factors,
        ),
    )
    cli_accept.register(application, _accept)
    cli_where.register(application, _where)
    cli_kill.register(application, _kill)
    cli_audit.register(application, _audit)
    cli_vault.register(application, cli_vault.VaultParts(state=_vault_state, rotate=_rotate, new_keys=_new_keys))
    cli_spec.register(application)
    cli_backtest.register(application)
    cli_search.register(application)
    data = cli_data.register(application, cli_data.DataParts(store=_data_store, download=_download))
    data_funding.register(data, data_funding.FundingParts(download=_download_funding, path=_funding_path))
    try:
        application()
    except StartError as error:
        print(f"tradewright: {error}", file=sys.stderr)  # noqa: T201  # the one sentence for a person
        sys.exit(error.exit_code)


def _version_callback(show: bool = typer.Option(False, "--version", help="Show the version and exit.")) -> None:
    if show:
        from tradewright.app.ground import installed_version

        typer.echo(installed_version())
        raise typer.Exit


def _run(options: cli_run.RunOptions) -> None:
    from tradewright.app.run import run_installation

    run_installation(options)


@contextlib.contextmanager
def _importing() -> Iterator[None]:
    """Hundreds of modules are many objects and no garbage: to look through them again and again is a tenth of a start,
    and of an owner that was killed each tenth counts."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _api() -> None:
    from tradewright.app.api import serve_api
    from tradewright.app.process import run_process

    run_process("api", serve_api)


def _worker() -> None:
    with _importing():
        from tradewright.app.process import run_process
        from tradewright.app.worker import serve_worker

    run_process("worker", serve_worker)


def _jobs() -> None:
    from tradewright.app.jobs import serve_jobs
    from tradewright.app.process import run_process

    run_process("jobs", serve_jobs)


def _accept(options: cli_accept.AcceptOptions, tell: Callable[[Finding], None]) -> cli_accept.Accepted:
    from tradewright.app.acceptance import accept

    return accept(options, tell)


def _kill(options: cli_kill.KillOptions) -> cli_kill.KillReport:
    from tradewright.app.kill_command import run_kill

    return run_kill(options)


def _audit() -> cli_audit.AuditParts:
    from tradewright.app.audit import AuditCommands

    return AuditCommands()


def _data_store() -> DataStore:
    from tradewright.app.data import data_store

    return data_store()


def _download_funding(options: data_funding.FundingOptions) -> DownloadedFunding:
    from tradewright.app.data import download_funding_rates

    return download_funding_rates(options)


def _funding_path(series: Series) -> Path:
    from tradewright.app.data import funding_store

    return funding_store().path(series)


def _download(options: cli_data.DownloadOptions, tell: Callable[[Progress], None]) -> Downloaded:
    from tradewright.app.data import download_candles

    return download_candles(options, tell)


def _where() -> Sequence[cli_where.Whereabouts]:
    from tradewright.app.where import look_where

    return look_where()


def _everybody() -> Sequence[cli_user.ListedUser]:
    from tradewright.app.users import everybody

    return everybody()


def _set_enabled(username: str, enabled: bool) -> None:
    from tradewright.app.users import set_enabled

    set_enabled(username, enabled=enabled)


def _password_link(username: str) -> str:
    from tradewright.app.users import password_link

    return password_link(username)


def _reset_factors(username: str) -> str:
    from tradewright.app.users import reset_user_factors

    return reset_user_factors(username)


def _vault_state(service: bool) -> cli_vault.Generations:
    from tradewright.app.vault import vault_state

    return vault_state(service)


def _rotate(options: cli_vault.RotationOptions) -> cli_vault.RotationReport:
    from tradewright.app.vault import run_rotation

    return run_rotation(options)


def _new_keys(first: bool, service: bool) -> str:
    from tradewright.app.vault import new_keys

    return new_keys(first, service)


def _exchange_account(funds: Mapping[str, str]) -> cli_exchange_account.OpenedAccount:
    from tradewright.app.exchange_account import open_account

    return open_account(funds)


def _claim_link() -> str:
    from tradewright.app.claim_link import make_claim_link

    return make_claim_link()
