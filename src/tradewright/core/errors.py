"""The error tree: few errors, named by what the caller does next.

Lives here: `AppError` and its branches, and `Problem`, one fault of one field of an input.
Not here: their HTTP shape (`web.errors`), the exchange's own codes (`exchange.bybit.errors`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default_of
from datetime import datetime
from typing import ClassVar


class AppError(Exception):
    """Root of our errors. `code` is stable and documented; the text is for people."""

    code: ClassVar[str] = "internal"


class StartError(AppError):
    """The program cannot start. `exit_code` is documented in README; the text is one sentence with the next step."""

    code = "start.failed"

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of an input: a stable `code`, the field's path, and the numbers a text needs (decimals as strings)."""

    code: str
    field: str
    params: Mapping[str, str] = default_of(default_factory=dict)


class InvalidInput(AppError):
    """The input breaks a rule; nothing was changed. `problems` names every fault found."""

    code = "input.invalid"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.code}" for problem in problems))
        self.problems = problems


class NotFound(AppError):
    """There is no such thing, or the caller may not know of it."""

    code = "not_found"


class Conflict(AppError):
    """The same id was used for something else, or the thing has moved on; nothing was changed."""

    code = "conflict"


class NotReady(AppError):
    """Something that the answer needs is not there yet; trying again later may work."""

    code = "unavailable"


@dataclass(frozen=True, slots=True)
class Trace:
    """What is known of one request to the exchange: when it was signed (its clock) and what came back, if anything."""

    signed_at: datetime | None = None
    answered_at: datetime | None = None
    http_status: int | None = None
    ret_code: int | None = None
    ret_msg: str = ""
    trace_id: str = ""


class ExchangeError(AppError):
    """Root of what a call to the exchange can end in, with its `Trace`."""

    code = "exchange.error"

    def __init__(self, message: str, trace: Trace | None = None) -> None:
        super().__init__(message)
        self.trace = trace or Trace()


class NotSent(ExchangeError):
    """Definite: no byte of the request left (connection refused, gate shut). Safe to tell and to try again."""

    code = "exchange.not_sent"


class Refused(ExchangeError):
    """Definite: the exchange refused it and it did not happen. `trace.ret_code` has its reason."""

    code = "exchange.refused"


class AccountStopped(Refused):
    """Definite: refused for the key or the account itself, not for what was asked. Whatever adds exposure would be
    refused again: nothing of it is sent until a person has looked."""

    code = "exchange.stopped"


class RateLimited(Refused):
    """Definite: refused for the rate limit, not executed. `retry_at` is when the exchange lets the next one through."""

    code = "exchange.rate_limited"

    def __init__(self, message: str, trace: Trace | None = None, *, retry_at: datetime | None = None) -> None:
        super().__init__(message, trace)
        self.retry_at = retry_at


class ClockRejected(Refused):
    """Definite: the timestamp was outside the exchange's window, so it was not executed. Resync, then sign anew."""

    code = "exchange.clock"


class DuplicateLinkId(ExchangeError):
    """The exchange already has an order with this client id: an earlier attempt got through. Query and attach."""

    code = "exchange.duplicate"


class OutcomeUnknown(ExchangeError):
    """It may have happened: timeout, lost connection, 5xx, unreadable reply. Verify before anything else."""

    code = "exchange.unknown"


class ExchangeUnavailable(ExchangeError):
    """A read failed or came back incomplete. Nothing may be concluded from it."""

    code = "exchange.unavailable"


class ReadRefused(ExchangeUnavailable):
    """The exchange judged a question and turned it down: asking again brings the same. No answer, and no absence."""
