"""The embedded server's files: passwords, the first initialisation, the settings it runs with.

Lives here: `Secrets`, `create_cluster`, `server_settings`. Not here: the running server (`storage.embedded`).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tradewright.core.errors import StartError
from tradewright.storage.embedded_place import Place, write_private

SUPERUSER = "postgres"
ROLE = "tradewright"
DATABASE = "tradewright"
LOG_BYTES_MAX = 4 * 1024 * 1024  # of one log file; the server begins the next one
LOG_FILES_KEPT = 5
_LOG_GLOB = "postgresql-*.log"
_LOG_END_BYTES = 16 * 1024
_STEP_TIMEOUT_S = 300  # a very slow disk, not a normal wait: measured 0.6 s
_SECRET_NAME = re.compile(r"KEY|SECRET|TOKEN|PASSW|DATABASE_URL", re.IGNORECASE)


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """The passwords of the superuser, which only maintenance uses, and of the application's role."""

    superuser: str
    application: str


def load_secrets(path: Path, *, may_make: bool) -> Secrets:
    """From a file of mode 0600; with `may_make` made with fresh random passwords where there is none.

    Raises `StartError` (exit code 9) when the data are there and their passwords are not.
    """
    if not path.exists() and may_make:
        write_private(path, json.dumps({"superuser": secrets.token_hex(24), "application": secrets.token_hex(24)}))
    try:
        kept = json.loads(path.read_text())
        return Secrets(kept["superuser"], kept["application"])
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise StartError(
            f"the database's passwords in {path} are lost or damaged ({type(error).__name__}); restore that file from "
            f"a backup, or move the folder {path.parent} away to begin with an empty database",
            exit_code=9,
        ) from error


def create_cluster(place: Place, passwords: Secrets) -> None:
    """Initialise the data folder, which must not be there yet.

    It is built beside its final name and renamed when complete, so a start that was cut off leaves nothing half-made.
    Raises `StartError` (exit code 9) with the end of the tool's own words.
    """
    for abandoned in place.root.glob(".data-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    half = Path(tempfile.mkdtemp(prefix=".data-", dir=place.root))
    place.own(half)
    password_file = half.with_name(f"{half.name}.pw")
    try:
        write_private(password_file, f"{passwords.superuser}\n")
        place.own(password_file)
        _run(place, _initdb(place, half, password_file), "")
        _run(place, [place.binaries / "postgres", "--single", "-D", half, "postgres"], _first_statements(passwords))
        half.rename(place.data)
    finally:
        password_file.unlink(missing_ok=True)
        shutil.rmtree(half, ignore_errors=True)


def server_settings(place: Place, socket_directory: Path, overrides: Mapping[str, str]) -> dict[str, str]:
    """What the server is started with; on its command line, so that no edited file in the data folder weakens it."""
    return {
        "listen_addresses": "",
        "unix_socket_directories": '"' + os.fspath(socket_directory).replace('"', '""') + '"',
        "unix_socket_permissions": "0700",
        "hba_file": os.fspath(place.root / "pg_hba.conf"),
        "port": "5432",
        "max_connections": "50",
        "shared_buffers": "64MB",
        "max_wal_size": "256MB",
        "fsync": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "logging_collector": "on",
        "log_directory": os.fspath(place.log),
        "log_filename": "postgresql-%Y%m%d-%H%M%S.log",
        "log_file_mode": "0600",
        "log_rotation_age": "0",
        "log_rotation_size": f"{LOG_BYTES_MAX // 1024}kB",
        "log_line_prefix": "%m [%p] %a ",
        **overrides,
    }


def write_access_rules(place: Place) -> None:
    """The server's pg_hba.conf, outside the folder that it can write to."""
    rules = place.root / "pg_hba.conf"
    rules.write_text("# The socket alone, and nobody without a password.\nlocal all all scram-sha-256\n")
    rules.chmod(0o600 if place.user is None else 0o644)


def server_environment() -> dict[str, str]:
    """Our own environment without what would redirect PostgreSQL's tools and without what looks like a secret."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("PG") and not _SECRET_NAME.search(name)
    }
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def prune_logs(directory: Path) -> None:
    """Keep the newest few log files, so that the folder stays below about 25 MB."""
    files = sorted(directory.glob(_LOG_GLOB), key=lambda path: path.name)
    for path in files[:-LOG_FILES_KEPT]:
        path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class LogMark:
    """Where the log stood at a launch: what comes after it is of that launch."""

    file: Path | None
    size: int


def mark_log(place: Place) -> LogMark:
    newest = _newest_log(place)
    return LogMark(newest, newest.stat().st_size if newest is not None else 0)


def end_of_log(place: Place, mark: LogMark, *, lines: int = 12) -> str:
    """The last lines that a launch wrote: before it opened its log file, and after."""
    words = first_words(place).splitlines()
    newest = _newest_log(place)
    if newest is not None:
        words += _lines_from(newest, mark.size if newest == mark.file else 0)
    return "\n".join(words[-lines:])


def first_words(place: Place) -> str:
    """What the newest launch wrote before it opened its log file. In that file others may write too: the backends of a
    killed server, a line each."""
    return "\n".join(_lines_from(place.root / "start.log", 0))


def _newest_log(place: Place) -> Path | None:
    return max(place.log.glob(_LOG_GLOB), key=lambda path: path.name, default=None)


def _lines_from(path: Path, position: int) -> list[str]:
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(position, end - _LOG_END_BYTES))
            return file.read(_LOG_END_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return []


def _initdb(place: Place, data: Path, password_file: Path) -> list[str | Path]:
    # The builtin locale sorts by code point, the same on every system and after every update of the C library:
    # an index never has to be rebuilt for a change of the collation beneath it.
    return [
        place.binaries / "initdb",
        f"--pgdata={data}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
    ]


def _first_statements(passwords: Secrets) -> str:
    """One statement a line, as single-user mode reads them. The passwords are our own hexadecimal digits."""
    return "\n".join(
        (
            f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{passwords.application}'",
            f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
            f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
            "",
        )
    )


def _run(place: Place, argv: list[str | Path], standard_input: str) -> None:
    try:
        ended = subprocess.run(  # noqa: S603 - the wheel's own binaries with our own arguments
            [os.fspath(part) for part in argv],
            input=standard_input.encode(),
            env=server_environment(),
            cwd=place.root,
            user=place.user.uid if place.user else None,
            group=place.user.gid if place.user else None,
            extra_groups=[] if place.user else None,
            umask=0o077,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_STEP_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(f"PostgreSQL could not be initialised in {place.root}: {error}", exit_code=9) from error
    said = ended.stdout.decode(errors="replace")
    # Single-user mode ends with 0 also after a failed statement.
    if ended.returncode != 0 or "ERROR:" in said or "FATAL:" in said:
        raise StartError(
            f"PostgreSQL could not be initialised in {place.root} "
            f"({Path(argv[0]).name} ended with {ended.returncode}):\n" + "\n".join(said.splitlines()[-12:]),
            exit_code=9,
        )
