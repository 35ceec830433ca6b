"""A machine for a strategy: fresh, or as it was kept.

Lives here: `machine_of`, `kind_of`. Not here: the machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradewright.bots.machines.dca import DcaMachine
from tradewright.bots.machines.grid import GridMachine
from tradewright.bots.machines.grid_memory import restore as restore_grid
from tradewright.bots.machines.model import Machine, Setup
from tradewright.bots.machines.signal import SignalMachine
from tradewright.bots.machines.signal_memory import restore as restore_signal
from tradewright.strategy.model import Dca, Grid, Signal, Strategy


def kind_of(strategy: Strategy) -> str:
    match strategy.plan:
        case Signal():
            return "signal"
        case Dca():
            return "dca"
        case Grid():
            return "grid"


def machine_of(strategy: Strategy, setup: Setup, kept: Mapping[str, Any] | None = None) -> Machine:
    """Raises `BadMemory` for a memory of another program."""
    plan = strategy.plan
    if isinstance(plan, Signal):
        machine = SignalMachine(strategy, plan, setup)
        if kept is not None:
            restore_signal(machine, kept)
        return machine
    if isinstance(plan, Dca):
        dca = DcaMachine(strategy, plan, setup)
        if kept is not None:
            dca.restore(kept)
        return dca
    grid = GridMachine(strategy, plan, setup)
    if kept is not None:
        restore_grid(grid, kept)
    return grid
