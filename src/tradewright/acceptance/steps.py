"""The twenty-five steps in their order, and running them: each once, each ending in one finding.

Lives here: `STEPS`, `run_steps`. A step that fails does not stop the others, unless nothing can be tried without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from tradewright.acceptance import steps_orders as orders
from tradewright.acceptance import steps_position as position
from tradewright.acceptance import steps_reading as reading
from tradewright.acceptance.model import Differs, Failed, Finding, Outcome, Skipped, Step
from tradewright.acceptance.recorder import Recorder
from tradewright.acceptance.stage import Stage
from tradewright.core.errors import ExchangeError

log = structlog.get_logger()

STEP_SECONDS_MAX = 120.0
# Without these the rest would only fail too, or touch what is not ours.
_NEEDED = frozenset({2, 4, 5, 7, 8})

STEPS: Sequence[Step] = (
    Step(1, "The exchange's clock can be read, and ours is within a second of it", reading.clock),
    Step(2, "The key trades, cannot withdraw, and belongs to a unified account", reading.key),
    Step(3, "The margin mode is told", reading.modes),
    Step(4, "Contracts and spot pairs are listed with their rules", reading.instruments),
    Step(5, "The wallet is told and holds something", reading.wallet),
    Step(6, "Fees are told for this account", reading.fees),
    Step(7, "Nothing of this contract is open yet", reading.nothing_there),
    Step(8, "The private stream takes the key and its four topics", reading.private_stream),
    Step(9, "The public stream tells quotes, book, candles and trades", reading.public_stream),
    Step(10, "The private stream tells no snapshot: what is there must be read", reading.first_words),
    Step(11, "A limit order is acknowledged and then reported", orders.place),
    Step(12, "An acknowledged order becomes visible on the stream and in both reads", orders.visibility),
    Step(13, "A client order id is taken once: the second is told as a duplicate", orders.duplicate),
    Step(14, "An amended order keeps its id and is read back with its new values", orders.amend),
    Step(15, "A cancelled order ends as cancelled and stays readable", orders.cancel),
    Step(16, "An order whose reply was lost is found by its client id, once", orders.lost_reply),
    Step(17, "An order whose request was lost never appears within the window", orders.lost_request),
    Step(18, "After a cut stream the reads have what happened meanwhile", orders.reconnect),
    Step(19, "Post-only that would take ends without a fill", orders.post_only),
    Step(20, "A conditional order waits with its trigger and ends deactivated", orders.conditional),
    Step(21, "A batch takes what is good and refuses what is not, each for itself", orders.batch),
    Step(22, "A market order's fills are the same on the stream and in the list", position.open_position),
    Step(23, "A stop set on the position is read back", position.stop_attached),
    Step(24, "A reduce-only order closes the position and its stop ends with it", position.close_position),
    Step(25, "What is not listed for this environment answers something that can be told apart", position.unlisted),
)


async def run_steps(stage: Stage, recorder: Recorder, tell: Callable[[Finding], None]) -> list[Finding]:
    """One finding a step, in order; each is told as soon as it is there."""
    findings: list[Finding] = []
    missing: int | None = None
    for step in STEPS:
        recorder.step = step.number
        if missing is None:
            finding = await _run(step, stage)
        else:
            text = f"not tried: step {missing} must hold first"
            finding = Finding(number=step.number, claim=step.claim, outcome="skipped", text=text, seconds=0.0)
        findings.append(finding)
        tell(finding)
        if finding.outcome == "failed" and step.number in _NEEDED:
            missing = step.number
    return findings


async def _run(step: Step, stage: Stage) -> Finding:
    begun = stage.now()
    outcome: Outcome = "passed"
    text, facts = "", {}
    try:
        async with asyncio.timeout(STEP_SECONDS_MAX):
            facts = await step.run(stage)
    except Differs as difference:
        outcome, text = "differs", str(difference)
    except Skipped as reason:
        outcome, text = "skipped", str(reason)
    except Failed as failure:
        outcome, text = "failed", str(failure)
    except TimeoutError:
        outcome, text = "failed", f"not done within {STEP_SECONDS_MAX:g} s"
    except ExchangeError as error:
        outcome, text = "failed", f"{error.code}: {error}"
    except Exception as error:
        # One step's surprise must not leave orders behind: the others and the cleaning up go on.
        log.exception("acceptance.step_failed", step=step.number)
        outcome, text = "failed", f"{type(error).__name__}: {error}"
    return Finding(
        number=step.number, claim=step.claim, outcome=outcome, text=text, seconds=stage.now() - begun, facts=facts
    )
