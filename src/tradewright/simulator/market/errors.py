"""What can be wrong with a market that somebody asks for.

Lives here: the errors of building and restoring a market. Each text is one sentence that names the thing, the value
seen and what is allowed. Not here: refusals of orders (the matching part of the simulator).
"""

from __future__ import annotations


class MarketError(ValueError):
    """The market cannot be built as asked; nothing was started."""


class MarketSpecError(MarketError):
    """`--market`, `--speed` or `--seed` says something that does not exist."""


class MarketTimeError(MarketError):
    """`--from` is not a time, or lies outside of the recording."""


class RecordingError(MarketError):
    """A recording is missing, unreadable, or one of its rows breaks a rule."""


class MarketStateError(MarketError):
    """A saved state belongs to another market than the one it is to be restored into."""
