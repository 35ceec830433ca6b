"""The embedded PostgreSQL: our own life cycle around the binaries of a wheel.

Lives here: `EmbeddedPostgres`, which prepares, launches, awaits and stops one server for one HOME.
Not here: where it lives (`storage.embedded_place`), its files and settings (`storage.embedded_cluster`), who restarts
it (`tradewright.supervisor`). Standard library only: the supervisor imports this module.

`python -m tradewright.storage.embedded --home DIR` runs one in the foreground and prints its URL.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from tradewright.core.errors import StartError
from tradewright.process.child import spawn
from tradewright.process.lock import FileLock
from tradewright.storage.embedded_cluster import (
    DATABASE,
    ROLE,
    SUPERUSER,
    LogMark,
    create_cluster,
    end_of_log,
    first_words,
    load_secrets,
    mark_log,
    prune_logs,
    server_environment,
    server_settings,
    write_access_rules,
)
from tradewright.storage.embedded_left import end_left_over, pid_file_lines, remove_temporary
from tradewright.storage.embedded_place import (
    ROOT_BASE,
    SOCKET_NAME,
    Place,
    find_place,
    home_not_writable,
    socket_directory,
    write_private,
)

_POLL_S = 0.01
_SAY_EVERY_S = 5.0
_MEMORY_IN_USE_S = 10.0  # backends of a postmaster that was killed notice its end within a second
_MEMORY_IN_USE = "is still in use"


class EmbeddedPostgres:
    """One server for one HOME: `prepare`, `launch`, `is_ready` until true, `stop`; `start` does the first three.

    `root_base` is where root's servers live when HOME cannot be reached (see `storage.embedded_place`); `binaries`
    replaces the wheel's `bin` folder; `overrides` are settings of the server; `say` gets sentences for people.
    """

    def __init__(
        self,
        home: Path,
        *,
        root_base: Path = ROOT_BASE,
        binaries: Path | None = None,
        overrides: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        self._home = home.absolute()
        self._root_base = root_base.absolute()
        self._installed = binaries
        self._overrides = dict(overrides or {})
        self._say = say
        self._place: Place | None = None
        self._lock: FileLock | None = None
        self._sockets: Path | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._log_mark = LogMark(None, 0)
        self._launched_at = 0.0
        self._said_at = 0.0
        self._memory_in_use_since: float | None = None

    @property
    def url(self) -> str:
        """The application's URL, with its password: a role that is no superuser. Known after `prepare`."""
        return self._url(ROLE, load_secrets(self._secrets_file, may_make=False).application, DATABASE)

    def superuser_url(self, database: str = "postgres") -> str:
        """For maintenance and tests; never written to a file that other parts read."""
        return self._url(SUPERUSER, load_secrets(self._secrets_file, may_make=False).superuser, database)

    @property
    def place(self) -> Place:
        assert self._place is not None, "prepare() comes first"
        return self._place

    @property
    def sockets(self) -> Path:
        """The directory of the socket, mode 0700. It stays the same from `prepare` to `stop`, also over a restart."""
        assert self._sockets is not None, "prepare() comes first"
        return self._sockets

    @property
    def pid(self) -> int | None:
        """The postmaster's pid while it is our running child."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def prepare(self) -> None:
        """Take HOME's server for ourselves, stop one left from a killed run, initialise the data if there are none.

        Blocks for about a second the first time. Raises `StartError`: 4 HOME cannot be written, 8 another process runs
        this server, 9 PostgreSQL cannot be initialised or its predecessor does not end.
        """
        self._place = find_place(self._home, root_base=self._root_base, binaries=self._installed)
        lock = FileLock(self._place.root / "lock")
        try:
            holder = lock.take()
            if holder is not None:
                raise StartError(
                    f"the PostgreSQL of HOME {self._home} is already run by process {holder}; stop that one, or set "
                    f"TRADEWRIGHT_HOME to another folder",
                    exit_code=8,
                )
            self._lock = lock
            is_new = not self._place.data.exists()
            passwords = load_secrets(self._secrets_file, may_make=is_new)
            if is_new:
                self._say(f"setting up PostgreSQL in {self._place.root}")
                create_cluster(self._place, passwords)
            end_left_over(self.place, self._say)
            self._sockets = self._fresh_sockets()
        except OSError as error:
            self.release()
            raise home_not_writable(self._home, error) from error
        except StartError:
            self.release()
            raise

    def launch(self) -> None:
        """Start the server, again after its end too, and return at once. Main thread only (see `process.child`)."""
        place = self.place
        assert self.pid is None, "the server runs already"
        end_left_over(self.place, self._say)
        settings = server_settings(place, self.sockets, self._overrides)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        try:
            prune_logs(place.log)
            self._log_mark = mark_log(place)
            write_access_rules(place)
            with open(place.root / "start.log", "wb") as first_words:
                self._child = spawn(
                    [place.binaries / "postgres", "-D", place.data, *options],
                    env=server_environment(),
                    death_signal=signal.SIGINT,  # to PostgreSQL: a fast shutdown
                    user=place.user,
                    cwd=place.root,
                    stdout=first_words,
                    stderr=first_words,
                )
        except OSError as error:
            raise StartError(f"PostgreSQL could not be started from {place.binaries}: {error}", exit_code=9) from error
        self._launched_at = self._said_at = time.monotonic()

    def is_ready(self) -> bool:
        """Whether it accepts connections. Says now and then that it still starts: recovery takes as long as it takes.

        Raises `StartError` (exit code 9) with the end of its log when it has ended instead.
        """
        assert self._child is not None, "launch() comes first"
        ended = self._child.poll()
        if ended is not None:
            if self._memory_may_be_freed():
                self.launch()
                return False
            raise StartError(
                f"PostgreSQL in {self.place.root} ended with {ended} while it started; the end of its log:\n"
                + end_of_log(self.place, self._log_mark),
                exit_code=9,
            )
        lines = pid_file_lines(self.place.data)
        if len(lines) >= 8 and lines[0] == str(self._child.pid) and lines[7].strip() == "ready":
            self._memory_in_use_since = None
            return True
        now = time.monotonic()
        if now - self._said_at >= _SAY_EVERY_S:
            self._said_at = now
            self._say(
                f"PostgreSQL still starts after {now - self._launched_at:.0f} s (it recovers from a hard stop); waiting"
            )
        return False

    def start(self, *, give_up: Callable[[], bool] = lambda: False) -> str:
        """Prepare, launch, wait while the process lives and `give_up` says no, write the address. Gives the URL."""
        self.prepare()
        try:
            self.launch()
            while not self.is_ready():
                if give_up():
                    raise StartError("the start of PostgreSQL was given up", exit_code=9)
                time.sleep(_POLL_S)
            self.write_address()
        except BaseException:
            self.stop()
            raise
        return self.url

    def write_address(self) -> None:
        """HOME/database.json, 0600: where api, worker and the command line find the database."""
        try:
            write_private(self._home / "database.json", json.dumps({"url": self.url}))
        except OSError as error:
            raise home_not_writable(self._home, error) from error

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait until the server ends and give its exit code. Raises `subprocess.TimeoutExpired`."""
        assert self._child is not None, "launch() comes first"
        return self._child.wait(timeout_s)

    def poll(self) -> int | None:
        """The exit code if the server has ended, else None."""
        assert self._child is not None, "launch() comes first"
        return self._child.poll()

    def stop(self, *, fast_s: float = 6.0, immediate_s: float = 2.0) -> None:
        """Fast shutdown; after `fast_s` an immediate one (the next start recovers); after `immediate_s` SIGKILL.

        May be called twice, and without a server running.
        """
        child = self._child
        if child is not None:
            for number, allowed_s in ((signal.SIGINT, fast_s), (signal.SIGQUIT, immediate_s), (signal.SIGKILL, None)):
                if child.poll() is not None:
                    break
                child.send_signal(number)
                try:
                    child.wait(allowed_s)
                except subprocess.TimeoutExpired:
                    self._say(f"PostgreSQL (process {child.pid}) did not end within {allowed_s} s of {number.name}")
            self._child = None
        self.release()

    def release(self) -> None:
        """Remove a temporary socket directory and let others have the server. The server must have ended."""
        if self._sockets is not None and self._place is not None and self._sockets.parent != self._place.root:
            remove_temporary(self._sockets, self._place)
        self._sockets = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @property
    def _secrets_file(self) -> Path:
        return self._home / "postgres" / "passwords.json"

    def _url(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{password}@/{database}?host={quote(os.fspath(self.sockets), safe='')}"

    def _fresh_sockets(self) -> Path:
        """The socket directory of this run; one that a killed run left in a temporary folder is removed."""
        place = self.place
        note = self._home / "postgres" / "sockets"
        if note.exists():
            remove_temporary(Path(note.read_text()), place)
            note.unlink()
        directory = socket_directory(place.root, place.user)
        if directory.parent == place.root:
            for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):  # a stale lock names a pid that may be anybody's by now
                (directory / name).unlink(missing_ok=True)
        else:
            write_private(note, os.fspath(directory))
        return directory

    def _memory_may_be_freed(self) -> bool:
        """Whether it ended only because backends of a killed postmaster hold the memory; they go by themselves."""
        if _MEMORY_IN_USE not in first_words(self.place):
            return False
        now = time.monotonic()
        self._memory_in_use_since = self._memory_in_use_since or now
        time.sleep(0.1)
        return now - self._memory_in_use_since < _MEMORY_IN_USE_S


def _main() -> int:
    import argparse
    import sys
    import threading

    parser = argparse.ArgumentParser(description="Run the embedded PostgreSQL of one HOME in the foreground.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--root-base", type=Path, default=ROOT_BASE, help="where root's databases live")
    given = parser.parse_args()
    server = EmbeddedPostgres(
        given.home,
        root_base=given.root_base,
        say=lambda sentence: print(sentence, file=sys.stderr),  # noqa: T201
    )
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    try:
        print(server.start(give_up=asked.is_set), flush=True)  # noqa: T201
    except StartError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    try:
        while not asked.wait(0.2):
            if server.poll() is not None:
                return 9
        return 0
    finally:
        server.stop()


if __name__ == "__main__":
    raise SystemExit(_main())
