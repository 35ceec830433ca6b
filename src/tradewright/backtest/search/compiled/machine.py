"""The loop of `play`, compiled; and where what was compiled is kept for the next process.

Importing this module takes the second that numba takes. Compiling takes several more, so the result is kept on disk: in
the user's own cache folder (`$XDG_CACHE_HOME`, else `~/.cache`), below `tradewright/numba`, or in `NUMBA_CACHE_DIR`;
never beside the installed sources. What is found there is run as code: the folder is its owner's alone, and named
after the sources it was made of, so that no other version's is ever taken. Without a folder it is compiled each time.
"""

from __future__ import annotations

import hashlib
import os
import types
from pathlib import Path
from typing import Any

import numba

from tradewright.backtest.search.compiled import crossings, layout, numbers, orders, play, totals
from tradewright.backtest.search.compiled.runs import Loop
from tradewright.strategy.evaluate.compiled import Compiler

_MODULES = (layout, numbers, orders, play, totals, crossings)
# Each before those that call it.
_FUNCTIONS = (
    numbers.on_grid,
    numbers.of_ratio,
    numbers.own_price,
    numbers.units_of,
    numbers.counted,
    numbers.reached,
    numbers.passed,
    numbers.money_doubt,
    orders.nearest_stop,
    orders.placed,
    orders.trailed,
    orders.measured,
    orders.limit_of,
    orders.sized,
    orders.decided,
    play.told,
    play.settled,
    play.play,
    totals.summed,
    crossings.crossed_above,
)
_KEY_DIGITS = 16


def compiled_loop() -> Loop:
    """Compiled at its first call. Make one for a process."""
    is_kept = _keep_in_cache_folder()
    seen: dict[str, Any] = {}
    for module in _MODULES:
        seen |= vars(module)
    for function in _FUNCTIONS:
        # No reordering and no fused multiply-add: a double has to come out as it does interpreted.
        jit = numba.njit(fastmath=False, error_model="numpy", cache=is_kept)
        seen[function.__name__] = jit(types.FunctionType(function.__code__, seen, function.__name__))
    return Loop(seen["play"], seen["summed"], seen["crossed_above"], Compiler().run)


def cache_folder() -> Path:
    """Where compiled code is kept unless NUMBA_CACHE_DIR says otherwise."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "tradewright" / "numba"


def _keep_in_cache_folder() -> bool:
    """Whether there is a folder to keep it in."""
    config: Any = numba.config
    asked = os.environ.get("NUMBA_CACHE_DIR")
    try:
        folder = (Path(asked) if asked else cache_folder()) / _key()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK) or folder.stat().st_uid != os.getuid():
            return False
    except (OSError, RuntimeError):  # no home, or one that cannot be written to
        return False
    config.CACHE_DIR = str(folder)
    return True


def _key() -> str:
    """Of the sources: numba itself looks at the file of the outermost function alone."""
    found = hashlib.sha256(numba.__version__.encode())
    for module in _MODULES:
        assert module.__file__ is not None, "a module of ours is a file"
        found.update(Path(module.__file__).read_bytes())
    return found.hexdigest()[:_KEY_DIGITS]
