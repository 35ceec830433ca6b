"""Where a keyring comes from: a file, a variable of the environment, or what a command prints. Never the database.

Lives here: `KeySource` and its three forms, and which one a setting names. Not here: what is in it (`opening`,
`service`). The file is 0600 and the only one that is written here; the other two are kept by whoever runs the
installation, and a new key is put there by hand (`tradewright vault new-keys`).
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Protocol

from tradewright.core.errors import StartError
from tradewright.vault.files import write_whole

COMMAND_SECONDS_MAX = 30.0
COMMAND_BYTES_MAX = 65_536
SETTING_PATTERN = r"file|env:[A-Za-z_][A-Za-z0-9_]*|command:.+"
KEYRING_EXIT = 12


class KeySource(Protocol):
    """Text of a keyring. `is_written_here`: a new key can be stored without a person."""

    is_written_here: ClassVar[bool]

    @property
    def name(self) -> str:
        """For sentences; nothing secret."""
        ...

    def is_there(self) -> bool: ...

    def read(self) -> str:
        """Raises `StartError` (exit code 12)."""
        ...

    def stamp(self) -> object:
        """Changes when what `read` gives may have changed; cheap."""
        ...


class FileSource:
    is_written_here: ClassVar[bool] = True

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"FileSource({self.path})"

    @property
    def name(self) -> str:
        return str(self.path)

    def is_there(self) -> bool:
        return self.path.exists()

    def read(self) -> str:
        try:
            mode, content = self.path.stat().st_mode & 0o777, self.path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise StartError(
                f"the keyring {self.path} cannot be read ({type(error).__name__}); restore it from a backup: without it"
                " nothing that was stored with it opens",
                exit_code=KEYRING_EXIT,
            ) from None
        if mode & 0o077:
            raise StartError(
                f"the keyring {self.path} has mode {mode:03o}, so others may read it; expected 600. Run `chmod 600"
                f" {self.path}`, and change what it protects if somebody may have read it",
                exit_code=KEYRING_EXIT,
            )
        return content

    def stamp(self) -> object:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino, found.st_size)

    def write(self, text: str, *, replace: bool) -> None:
        """Whole or not at all. Raises `FileExistsError` unless `replace`."""
        write_whole(self.path, text, replace=replace)


class EnvironmentSource:
    is_written_here: ClassVar[bool] = False

    def __init__(self, variable: str, environment: Mapping[str, str]) -> None:
        self._variable = variable
        self._environment = environment

    def __repr__(self) -> str:
        return f"EnvironmentSource({self._variable})"

    @property
    def name(self) -> str:
        return f"the variable {self._variable}"

    def is_there(self) -> bool:
        return bool(self._environment.get(self._variable))

    def read(self) -> str:
        content = self._environment.get(self._variable)
        if not content:
            raise StartError(
                f"the keyring should be in the variable {self._variable} of the environment, which is empty;"
                " `tradewright vault new-keys` prints what belongs there",
                exit_code=KEYRING_EXIT,
            )
        return content

    def stamp(self) -> object:
        return "for this process's life"


class CommandSource:
    """The words of the command are no shell's: no variable, no pipe."""

    is_written_here: ClassVar[bool] = False

    def __init__(self, command: str) -> None:
        self._words = shlex.split(command)

    def __repr__(self) -> str:
        return f"CommandSource({self._words[0]})"

    @property
    def name(self) -> str:
        return f"what {self._words[0]} prints"

    def is_there(self) -> bool:
        return True  # it is asked when it is needed; a failure is one, and no reason to make another keyring

    def read(self) -> str:
        try:
            ran = subprocess.run(  # noqa: S603  # the operator's own words, and no shell
                self._words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=COMMAND_SECONDS_MAX,
                check=True,
            )
            if len(ran.stdout) > COMMAND_BYTES_MAX:
                raise ValueError("too long")
            return ran.stdout.decode()
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            # Not its output, which may hold the key.
            raise StartError(
                f"the command for the keyring ({self._words[0]}) failed: {type(error).__name__}; run it by hand, it"
                f" must print the keyring and end with 0 within {COMMAND_SECONDS_MAX:g} s",
                exit_code=KEYRING_EXIT,
            ) from None

    def stamp(self) -> object:
        return "until somebody asks anew"


def source_of(setting: str, path: Path, environment: Mapping[str, str] = os.environ) -> KeySource:
    """What `TRADEWRIGHT_VAULT_KEYS` (or `…_SERVICE_KEYS`) names; `path` is the file's. Raises `StartError` (2)."""
    if not re.fullmatch(SETTING_PATTERN, setting):
        shown = setting.partition(":")[0]
        raise StartError(f"a keyring is {shown!r}; allowed are file, env:NAME, command:WORDS", exit_code=2)
    kind, _, rest = setting.partition(":")
    if kind == "env":
        return EnvironmentSource(rest, environment)
    if kind == "command":
        try:
            words = shlex.split(rest)
        except ValueError as error:
            raise StartError(f"the command for a keyring cannot be read: {error}", exit_code=2) from None
        if not words:
            raise StartError("the command for a keyring is empty", exit_code=2)
        return CommandSource(rest)
    return FileSource(path)
