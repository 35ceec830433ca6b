"""What a command on strategies, bots and runs is refused with. A fault of an input is `InvalidInput` instead."""

from __future__ import annotations

from tradewright.core.errors import Conflict


class IdUsed(Conflict):
    """The id was used for something else."""

    code = "bot.id_used"


class NameTaken(Conflict):
    """Another bot of the workspace has this name."""

    code = "bot.name_taken"


class BotChanged(Conflict):
    """Somebody changed the bot since it was read; nothing was changed."""

    code = "bot.changed"


class BotIsDraft(Conflict):
    """The bot has no settings yet, so there is nothing to start."""

    code = "bot.draft"


class BotIsArchived(Conflict):
    """An archived bot is neither changed nor started."""

    code = "bot.archived"


class BotHasRun(Conflict):
    """One of its runs has not ended."""

    code = "bot.has_run"


class StrategyIsArchived(Conflict):
    """An archived strategy gets no further versions."""

    code = "strategy.archived"


class TooManyKept(Conflict):
    """The workspace keeps as many as it may."""

    code = "bot.too_many"


class TooManyWaiting(Conflict):
    """As many runs of the workspace wait as may wait."""

    code = "run.too_many_waiting"


class RunHasEnded(Conflict):
    """It has ended: nothing can be wished of it any more."""

    code = "run.ended"


class RunIsStopping(Conflict):
    """It was told to stop, which is not taken back."""

    code = "run.stopping"
