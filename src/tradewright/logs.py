"""Structured logs: events with fields, one line each, with a redaction step that runs last.

Lives here: `configure`, called once by a process's start; `redact`. Secrets are types with a masked `repr` in the first
place; this step is the second fence. What must be provable later goes to the audit trail, not to the log.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from datetime import datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Literal
from uuid import UUID

import structlog

MASK = "•••"
_SECRET_NAMES = re.compile(
    r"secret|password|passwd|token|cookie|authorization|api_?key|signature|sign$|dsn|database_url", re.I
)
_SECRET_TEXT = re.compile(
    r"(?P<head>\b[a-z][a-z0-9+.]*://[^:/\s@]*:)[^@\s]+(?=@)"  # the password of a database's or a proxy's address
    r"|(?P<link>#)[A-Za-z0-9_-]{32,}"  # a one-time link's token
    r"|(?P<session>tradewright(?:_\d+)?=)[^;\s'\"]+"  # a session's cookie
    r"|(?P<field>[\"']?\b(?:X-BAPI-(?:SIGN|API-KEY)|secret|password|passwd|token)\b[\"']?\s*[:=,]\s*b?[\"']?)"
    r"[^'\",\s}&]+",
    re.I,
)
_MARK = re.compile("[:#=,]")  # one of these stands before each of them
_DEPTH_MAX = 6
_PLAIN = (bool, int, float, type(None))
_TOLD_AS_TEXT = (Decimal, UUID, datetime, PurePath)


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Masks values of fields with a secret's name, and secrets inside texts; control characters become visible.

    What is no text, number or collection is shown by its `repr`, which is cleaned like any text.
    """
    for name, value in event.items():
        event[name] = MASK if _SECRET_NAMES.search(name) and value else _clean(value, _DEPTH_MAX)
    return event


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, _PLAIN):
        return value
    if not depth:
        return "…"  # too deep to look into, so it is not shown at all
    if isinstance(value, dict):
        return {
            _clean_text(str(key)): MASK if _SECRET_NAMES.search(str(key)) and inner else _clean(inner, depth - 1)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner, depth - 1) for inner in value]
    return _clean_text(str(value) if isinstance(value, _TOLD_AS_TEXT) else repr(value))


def _clean_text(value: str) -> str:
    text = _SECRET_TEXT.sub(_masked, value) if _MARK.search(value) else value
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


def _masked(found: re.Match[str]) -> str:
    return f"{found[found.lastgroup or 0]}{MASK}"


def _one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """No value can forge a second line; the lines of a traceback are set in, so that none looks like an event."""
    for name, value in event.items():
        if isinstance(value, str) and "\n" in value:
            event[name] = value.replace("\n", "\n    " if name == "exception" else "\\n")
    return event


def configure(*, process: str, level: str, form: Literal["text", "json"]) -> None:
    """Sets up structlog, and the standard library's loggers through it, to write to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _logger, _method, event: {"process": process, **event},
        structlog.processors.format_exc_info,
        redact,
        _one_line,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, sort_keys=False)
    )
    threshold = getattr(logging, level.upper())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(threshold, logging.WARNING))
