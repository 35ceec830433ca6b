"""Exit codes of `spec`, `backtest` and `data`, and commands whose wrong usage exits 64.

With these, 2 says that a spec is wrong, so it cannot also say that an option is. The other commands keep what command
lines usually do: 2 for wrong usage.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

FINE: Final = 0
OUR_FAULT: Final = 1  # also: the exchange did not answer
BAD_SPEC: Final = 2
BAD_CANDLES: Final = 3
WRONG_USAGE: Final = 64  # a file that cannot be opened included


@contextlib.contextmanager
def usage_exits_64() -> Iterator[None]:
    try:
        yield
    except typer.TyperException as error:
        error.exit_code = WRONG_USAGE
        raise


class UsageCommand(TyperCommand):
    """`@application.command(cls=UsageCommand)`."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with usage_exits_64():
            return super().make_context(*arguments, **options)

    def invoke(self, *arguments: Any, **options: Any) -> Any:
        with usage_exits_64():
            return super().invoke(*arguments, **options)


class UsageGroup(TyperGroup):
    """`typer.Typer(cls=UsageGroup)`: also for a command that it does not have."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with usage_exits_64():
            return super().make_context(*arguments, **options)

    def invoke(self, *arguments: Any, **options: Any) -> Any:
        with usage_exits_64():
            return super().invoke(*arguments, **options)
