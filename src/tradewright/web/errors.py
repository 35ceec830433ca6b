"""Which error becomes which problem document.

Lives here: the web's own errors, the handlers that `web.application` installs, and the naming of validation faults.
Not here: the document's shape (`web.responses`); an error that nobody expected (`web.edge` answers and logs it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tradewright.core.errors import (
    AppError,
    Conflict,
    ExchangeError,
    InvalidInput,
    NotFound,
    Problem,
)
from tradewright.core.errors import NotReady as NotReady  # what the web raises itself, too
from tradewright.identity.model import LoginFailed, ProofFailed, RoleLost, StepUpRequired, TooManyTries, UserDisabled
from tradewright.identity.passkeys import PasskeySuspect
from tradewright.identity.quota_model import QuotaReached
from tradewright.identity.second_factors import FactorNeeded, HalfOpenEnded, PasskeyFailed, SecondStepFailed
from tradewright.vault.wrapping import Unopenable
from tradewright.web.responses import problem_answer

log = structlog.get_logger(__name__)

PROBLEMS_SHOWN_MAX = 50


class NotSignedIn(AppError):
    """The request has no session, or one that has ended."""

    code = "session.required"


class Forbidden(AppError):
    """The caller's role in the workspace does not allow it."""

    code = "role.insufficient"


class NotOperator(Forbidden):
    """It concerns the whole installation, and the caller is not its operator."""

    code = "operator.required"


class WorkspaceChanged(Conflict):
    """The page shows one workspace and the session is about another; nothing was done."""

    code = "workspace.changed"


class TokenRefused(NotSignedIn):
    """The API token is none, was revoked, or has ended; which of these is not said."""

    code = "token.refused"


class NotForTokens(Forbidden):
    """API tokens may not do this at all, whatever their scopes."""

    code = "token.not_allowed"


class ScopeMissing(Forbidden):
    """The API token lacks the scope that this needs."""

    code = "token.scope_missing"


class TooManyRequests(AppError):
    """The caller has asked for this more often than is allowed; nothing was done."""

    code = "request.too_many"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


# Our codes for the validator's kinds of fault; what is not listed is `input.invalid`.
_KINDS: Mapping[str, str] = {
    "missing": "input.missing",
    "extra_forbidden": "input.unknown_field",
    "json_invalid": "input.malformed",
    "literal_error": "input.not_allowed",
    "enum": "input.not_allowed",
    "union_tag_invalid": "input.not_allowed",
    "union_tag_not_found": "input.missing",
    "string_too_short": "input.too_short",
    "string_too_long": "input.too_long",
    "too_short": "input.too_short",  # of what is not to be shown, such as a key
    "too_long": "input.too_long",
    "string_pattern_mismatch": "input.format",
    "string_type": "input.type",
    "string_unicode": "input.format",
    "string_sub_type": "input.type",
    "int_type": "input.type",
    "int_parsing": "input.type",
    "int_parsing_size": "input.range",
    "int_from_float": "input.type",
    "bool_type": "input.type",
    "bool_parsing": "input.type",
    "uuid_type": "input.type",
    "uuid_parsing": "input.format",
    "is_instance_of": "input.type",
    "dict_type": "input.type",
    "model_type": "input.type",
    "model_attributes_type": "input.type",
    "greater_than_equal": "input.range",
    "less_than_equal": "input.range",
    "greater_than": "input.range",
    "less_than": "input.range",
}
_KINDS_OF_INTENT = frozenset({"place", "cancel", "amend", "close", "reverse", "leverage", "exits"})
_PARAMS: Mapping[str, str] = {
    "min_length": "minimum",
    "max_length": "maximum",
    "ge": "minimum",
    "le": "maximum",
    "gt": "above",
    "lt": "below",
    "expected": "allowed",
    "expected_tags": "allowed",
    "pattern": "pattern",
}


def install(application: FastAPI) -> None:
    """Installs a handler for every error that is an answer rather than a fault."""
    application.add_exception_handler(AppError, _on_app_error)
    application.add_exception_handler(RequestValidationError, _on_validation_error)
    application.add_exception_handler(HTTPException, _on_http_exception)
    for outage in (OperationalError, InterfaceError, PoolTimeout):
        application.add_exception_handler(outage, _on_database_away)
    for refusal in (ProgrammingError, InternalError):
        application.add_exception_handler(refusal, _on_database_refusal)


def problems_of(errors: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """The validator's findings as problems; the values seen are never repeated, for one of them may be a password."""
    return [_problem_of(error) for error in errors[:PROBLEMS_SHOWN_MAX]]


def _problem_of(error: Mapping[str, Any]) -> Problem:
    kind = str(error["type"])
    # ("body", "place", "price"): where it came from is not part of the field's path, nor is the branch of a union.
    path = list(error["loc"][1:])
    if len(path) > 1 and path[0] in _KINDS_OF_INTENT:
        path = path[1:]
    if kind == "json_invalid":
        path = []
    context = error.get("ctx") or {}
    params = {name: str(context[key]) for key, name in _PARAMS.items() if key in context}
    return Problem(_KINDS.get(kind, "input.invalid"), ".".join(str(part) for part in path)[:200], params)


def answer_to(error: AppError) -> Response:
    """The problem document of one of our errors. Errors that are nobody's answer are raised again."""
    match error:
        case InvalidInput():
            return problem_answer(422, error.code, str(error), problems=error.problems)
        case NotSignedIn() | LoginFailed() | SecondStepFailed() | HalfOpenEnded() | PasskeyFailed() | PasskeySuspect():
            return problem_answer(401, error.code, str(error))
        case Forbidden() | StepUpRequired() | ProofFailed() | FactorNeeded() | UserDisabled() | RoleLost():
            return problem_answer(403, error.code, str(error))
        case NotFound():
            return problem_answer(404, error.code, str(error))
        case Conflict():
            return problem_answer(409, error.code, str(error))
        case TooManyTries(retry_after_s=seconds) | TooManyRequests(retry_after_s=seconds):
            after = str(seconds)
            params = {"retry_after_s": after}
            return problem_answer(429, error.code, str(error), params=params, headers={"retry-after": after})
        case QuotaReached(params=params, retry_after_s=seconds):
            return problem_answer(429, error.code, str(error), params=params, headers={"retry-after": str(seconds)})
        case NotReady() | Unopenable():
            return problem_answer(503, error.code, str(error), retryable=True)
        case ExchangeError():
            return problem_answer(503, error.code, "the exchange cannot be asked just now", retryable=True)
        case _:
            raise error


async def _on_app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    if isinstance(error, ExchangeError):
        log.warning("web.exchange_unavailable", path=request.url.path, error=type(error).__name__)
    return answer_to(error)


async def _on_validation_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = problems_of(error.errors())
    code = "input.malformed" if any(each.code == "input.malformed" for each in problems) else "input.invalid"
    text = "; ".join(f"{each.field or 'the input'}: {each.code}" for each in problems)
    return problem_answer(422, code, text, problems=problems)


_HTTP_CODES: Mapping[int, tuple[str, str]] = {
    400: ("input.malformed", "the body cannot be read"),
    404: ("not_found", "there is nothing at this path"),
    405: ("request.method_not_allowed", "this path does not know this method"),
    413: ("request.too_large", "the body is larger than allowed"),
}


async def _on_http_exception(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, detail = _HTTP_CODES.get(error.status_code, ("request.refused", "the request was refused"))
    return problem_answer(error.status_code, code, detail, headers=error.headers)


# SQLSTATEs, whole or their class, that mean the server and not the statement: what it lacks or must not do.
_FULL = ("53100", "53200", "53400")
_REFUSING = ("25006", "42501", "42P01", "3F000", "58", "XX")


async def _on_database_away(request: Request, error: Exception) -> Response:
    return _database_answer(request, error, otherwise="database.unavailable")


async def _on_database_refusal(request: Request, error: Exception) -> Response:
    """A database that only reads, or in which a table is gone or may not be written: an outage like any other. Another
    fault of a statement is ours, and stays an unexpected error."""
    if not _sqlstate(error).startswith(_REFUSING):
        raise error
    return _database_answer(request, error, otherwise="database.refused")


def _database_answer(request: Request, error: Exception, *, otherwise: str) -> Response:
    cause, state = getattr(error, "orig", None) or error, _sqlstate(error)
    code = "database.full" if state in _FULL else "database.refused" if state.startswith(_REFUSING) else otherwise
    log.error(
        "web.database_away",
        path=request.url.path,
        error=type(cause).__name__,
        sqlstate=state or None,
        reason=str(cause)[:300],
        code=code,
    )
    return problem_answer(503, code, _DATABASE_TEXTS[code], retryable=True)


_DATABASE_TEXTS: Mapping[str, str] = {
    "database.unavailable": "the database does not answer",
    "database.full": "the database has no space left, so nothing was done; make room on its disk, and it goes on by"
    " itself",
    "database.refused": "the database refuses to keep or read what this needs, so nothing was done; the server's log"
    " says what it refuses",
}


def _sqlstate(error: Exception) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
