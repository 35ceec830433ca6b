"""What `tradewright run` is made of: the supervisor, its children in their order, and the greeting.

Lives here: which processes there are and with which arguments. Not here: how they are kept (`supervisor`, `process`).
Nothing heavy is imported, and no secret is held.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tradewright.app.reach import reach_of
from tradewright.cli.run import RunOptions
from tradewright.installation import write_exchange_ready, write_page_address
from tradewright.process.keeper import unverified_tls
from tradewright.process.spec import POSTGRES, ChildSpec, ReadyHttp, ReadyLine
from tradewright.settings import Settings, load
from tradewright.storage.embedded import EmbeddedPostgres
from tradewright.supervisor import Port, Supervisor
from tradewright.trading.crash_points import CRASH_AT, STOP_AT
from tradewright.vault.variables import variable_of

if TYPE_CHECKING:
    import http.client

_LINK_TIMEOUT_S = 60
_SERVES_WITHIN_S = 60.0
_LOOK_S = 0.2
_JOBS_PATIENCE = 6  # times a worker's: it stands behind, and nobody's money waits for it
_WISHES = (CRASH_AT, STOP_AT)


def run_installation(options: RunOptions) -> None:
    """Starts PostgreSQL, the simulated exchange, the worker, the API and jobs, and blocks until they are to stop."""
    settings = load(
        host=options.host,
        port=options.port,
        home=options.home,
        market=options.market,
        market_from=options.market_from,
        seed=options.seed,
        speed=options.speed,
        open_browser=options.open_browser,
        tls_cert=options.tls_cert,
        tls_key=options.tls_key,
        behind_proxy=options.behind_proxy,
        insecure_lan=options.insecure_lan,
    )
    reach_of(settings)  # refuses before anything is started
    environment = _child_environment(settings)
    supervisor = Supervisor(
        home=settings.home,
        postgres=_embedded_postgres(settings),
        ports=[Port(host=settings.host, port=settings.port, setting="TRADEWRIGHT_PORT")],
        children=_children(
            settings,
            environment,
            lambda line: write_exchange_ready(settings.exchange_ready_file, settings.market_name, line),
        ),
        before_start=lambda: _prepare(settings),
        on_ready=lambda: _greet(settings),
        echo=sys.stderr if options.verbose else None,
    )
    supervisor.run()


def _prepare(settings: Settings) -> None:
    """Once this HOME is ours and the port is free."""
    # Where an exchange of an earlier run listened says nothing; somebody else may have its port by now.
    settings.exchange_ready_file.unlink(missing_ok=True)
    write_page_address(settings.page_file, settings.page_url)


def _embedded_postgres(settings: Settings) -> EmbeddedPostgres | None:
    """PostgreSQL from the wheel, unless a server elsewhere is named."""
    if settings.database_url is not None:
        return None
    return EmbeddedPostgres(settings.home, say=lambda sentence: print(sentence, file=sys.stderr))  # noqa: T201


def _child_environment(settings: Settings) -> dict[str, str]:
    """What the children see: the environment with the settings in force, the command line's among them."""
    environment = dict(os.environ)
    environment.update(
        TRADEWRIGHT_HOME=str(settings.home),
        TRADEWRIGHT_HOST=settings.host,
        TRADEWRIGHT_PORT=str(settings.port),
        TRADEWRIGHT_TLS_CERT=str(settings.tls_cert or ""),
        TRADEWRIGHT_TLS_KEY=str(settings.tls_key or ""),
        TRADEWRIGHT_BEHIND_PROXY=settings.behind_proxy,
        TRADEWRIGHT_INSECURE_LAN=str(settings.insecure_lan).lower(),
    )
    return environment


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """For the exchange, which is no part of ours and has no business with our database, proxies or keyrings."""
    return {
        name: value
        for name, value in environment.items()
        if "DATABASE" not in name and not name.startswith(("TRADEWRIGHT_PROXY", "TRADEWRIGHT_VAULT"))
    }


def _without(environment: Mapping[str, str], *keyrings: str) -> dict[str, str]:
    """Without the variables that hold these keyrings, where one does: pages must not open exchange keys, and the worker
    has no business with second factors."""
    hidden = {variable_of(setting) for setting in keyrings}
    return {name: value for name, value in environment.items() if name not in hidden}


def _mirrored(settings: Settings) -> list[tuple[str, str]]:
    """Where a mirror looks, if the settings say it: an account's region has hosts of its own."""
    hosts = settings.hosts.live
    found = (("--mirror-rest", hosts.rest), ("--mirror-stream", hosts.public_stream))
    return [(option, host) for option, host in found if host is not None]


def _children(
    settings: Settings, environment: dict[str, str], exchange_ready: Callable[[Mapping[str, Any]], None]
) -> list[ChildSpec]:
    program = [sys.executable, "-m", "tradewright"]
    trading, service = settings.vault_keys, settings.vault_service_keys
    exchange = [*program, "exchange", "--state", str(settings.exchange_state)]
    exchange += [word for market in settings.markets for word in ("--market", market)]
    exchange += ["--seed", str(settings.seed), "--speed", str(settings.speed)]
    if settings.market_from is not None:
        exchange += ["--from", settings.market_from]
    exchange += [word for option, host in _mirrored(settings) for word in (option, host)]
    database = () if settings.database_url is not None else (POSTGRES,)
    # Started side by side: api and worker look for the exchange again and again. All three are made to be killed at any
    # moment, so a supervisor that is killed itself takes them with it for certain.
    return [
        ChildSpec(
            name="exchange",
            argv=[*exchange, "--port", "0"],
            # The same address again, so that nobody has to look for it after a restart.
            argv_again=lambda line: [*exchange, "--port", str(line["rest"]).rsplit(":", 1)[1]],
            env=_without_secrets(_without(environment, trading, service)),
            ready=ReadyLine(took=exchange_ready),
            death_signal=signal.SIGKILL,
        ),
        ChildSpec(
            name="worker",
            argv=[*program, "worker"],
            env=_without({name: value for name, value in environment.items() if name not in _WISHES}, service),
            env_once={name: environment[name] for name in _WISHES if name in environment},
            ready=ReadyLine(),
            after=database,
            death_signal=signal.SIGKILL,
            silent_s=settings.watchdog_s,
        ),
        ChildSpec(
            name="api",
            argv=[*program, "api"],
            env=_without(environment, trading),
            # That it answers: one that waits for a worker or an exchange has pages to show, and kills to hand on.
            ready=ReadyHttp(
                host=settings.own_host, port=settings.port, path="/healthz", is_tls=settings.tls_cert is not None
            ),
            after=database,
            death_signal=signal.SIGKILL,
        ),
        ChildSpec(
            name="jobs",
            argv=[*program, "jobs"],
            env=_without({name: value for name, value in environment.items() if name not in _WISHES}, trading),
            ready=ReadyLine(),
            after=("api",),  # behind what trades and shows it, also at the start
            is_needed=False,
            death_signal=signal.SIGKILL,
            silent_s=_JOBS_PATIENCE * settings.watchdog_s,
        ),
    ]


def _greet(settings: Settings) -> None:
    """Says where the page is, from a thread: the link is made by a process of its own, so that this one stays small."""
    threading.Thread(target=_say_where, args=(settings,), daemon=True).start()


_REAL_TRADING = {
    "off": "Real trading is off: no account with real money can be added or opens anything.",
    "on": "Real trading is allowed: each account with real money opens nothing until an owner has armed it.",
}


def _say_where(settings: Settings) -> None:
    _wait_until_it_serves(settings)
    link = _claim_link(settings)
    if link:
        print(f"Tradewright is ready. Set your password here (this link works once):\n  {link}", flush=True)  # noqa: T201
    else:
        print(f"Tradewright is ready: {settings.page_url}", flush=True)  # noqa: T201
    print(_REAL_TRADING[settings.real_trading], flush=True)  # noqa: T201
    if settings.open_browser and _has_browser():
        webbrowser.open(link or settings.page_url)


def _wait_until_it_serves(settings: Settings) -> None:
    """All parts run; that each knows of the others takes a moment more. Said in any case at last, for a person can see
    on the page what is missing."""
    import http.client  # not before it is wanted

    until_s = time.monotonic() + _SERVES_WITHIN_S
    while time.monotonic() < until_s:
        asking = _connection(settings)
        try:
            asking.request("GET", "/readyz", headers={"Host": f"localhost:{settings.port}"})
            if asking.getresponse().status == http.HTTPStatus.OK:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            asking.close()
        time.sleep(_LOOK_S)


def _connection(settings: Settings) -> http.client.HTTPConnection:
    import http.client

    host, port, timeout_s = settings.own_host, settings.port, _LOOK_S * 10
    if settings.tls_cert is None:
        return http.client.HTTPConnection(host, port, timeout=timeout_s)
    return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=unverified_tls())


def _claim_link(settings: Settings) -> str:
    """A fresh link while nobody has claimed the installation; "" afterwards, and when it cannot be had in time."""
    try:
        asked = subprocess.run(
            [sys.executable, "-m", "tradewright", "user", "claim-link"],
            env=_child_environment(settings),
            capture_output=True,
            text=True,
            timeout=_LINK_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""


def _has_browser() -> bool:
    """Whether a window can be expected to appear; a text browser in the terminal would only be in the way."""
    if sys.platform in ("darwin", "win32") or os.environ.get("BROWSER"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
