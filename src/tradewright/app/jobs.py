"""What `tradewright jobs` is made of: the keeper of backtests, whose runs are processes of their own, the export of the
audit trail's heads, and the wiping of old events of bots.

It has the database and no key of any exchange. It stands behind what trades: its own place is lowered at its start, and
its children lower theirs once more.
"""

from __future__ import annotations

import asyncio
import json
import os

import structlog

from tradewright.app.ground import Ground, installed_version, open_ground
from tradewright.audit.exporting import HeadsExporter
from tradewright.audit.webhook import HeadsWebhook
from tradewright.backtests.keeper import BacktestKeeper, Keeping
from tradewright.backtests.queue import Runner
from tradewright.bots.retention import EventRetention
from tradewright.process.beats import BEAT_FD, Beats
from tradewright.process.identity import this_process
from tradewright.process.priority import stand_behind
from tradewright.settings import Settings

NICE = 5


async def serve_jobs(settings: Settings) -> None:
    stand_behind(NICE)
    beating = asyncio.create_task(Beats(os.environ.get(BEAT_FD)).run())
    try:
        async with open_ground(settings, "jobs") as ground:
            keeper = BacktestKeeper(
                ground.engine,
                ground.bus,
                Runner(ground.ids.new(), this_process()),
                keeping(settings),
                clock=ground.clock,
            )
            beside = [
                asyncio.create_task(heads_exporter(ground).run(), name="audit heads"),
                asyncio.create_task(event_retention(ground).run(), name="run events"),
            ]
            for task in beside:
                task.add_done_callback(_tell_fault)
            structlog.get_logger().info("jobs.ready", backtests_at_once=settings.backtests_at_once)
            print(json.dumps({"jobs": "ready"}), flush=True)  # noqa: T201  # for the supervisor, which waits for this line
            try:
                await keeper.run()
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
    finally:
        beating.cancel()


def _tell_fault(task: asyncio.Task[None]) -> None:
    """A fault of ours there ends nothing else, and is told."""
    if not task.cancelled() and (error := task.exception()) is not None:
        structlog.get_logger().error("jobs.part_ended", part=task.get_name(), exc_info=error)


def event_retention(ground: Ground) -> EventRetention:
    return EventRetention(ground.engine, days=ground.settings.run_events_days or None, clock=ground.clock)


def heads_exporter(ground: Ground) -> HeadsExporter:
    settings = ground.settings
    address = settings.audit_webhook
    return HeadsExporter(
        ground.engine,
        ground.clock,
        file=settings.audit_heads_file,
        webhook=None if address is None else HeadsWebhook(address.get_secret_value()),
        every_s=settings.audit_export_s,
    )


def keeping(settings: Settings) -> Keeping:
    return Keeping(
        at_once=settings.backtests_at_once,
        cpu_s=settings.backtest_cpu_s,
        memory_bytes=settings.backtest_memory_mb << 20,
        is_last=settings.backtests_place == "last",
        data=str(settings.data_home),
        home=str(settings.home),
        environment=dict(os.environ),
        version=installed_version(),
    )
