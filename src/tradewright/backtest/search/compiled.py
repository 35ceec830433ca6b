"""`kernel`, compiled once for a process; and where what was compiled is kept for the next one.

Importing this module takes the second that numba takes. The compiled loop takes several seconds to make, so it is kept
on disk: in the user's own cache folder (`$XDG_CACHE_HOME`, else `~/.cache`), below `tradewright/numba`, never beside
the installed sources; `NUMBA_CACHE_DIR` puts it elsewhere, as it does for every program. Where no folder can be made it
is compiled anew each time. What is found there is run as code: the folder is made for its owner alone.
"""

from __future__ import annotations

import os
import types
from pathlib import Path
from typing import Any

import numba

from tradewright.backtest.search import kernel
from tradewright.backtest.search.trial import Loop
from tradewright.strategy.evaluate.compiled import Compiler

# Each before those that call it.
_FUNCTIONS = (
    kernel.rounded,
    kernel.counted,
    kernel.reached,
    kernel.passed,
    kernel.nearest_stop,
    kernel.placed,
    kernel.written,
    kernel.settled,
    kernel.decided,
    kernel.play,
)


def compiled_loop() -> Loop:
    """Compiled at its first call. Make one for a process."""
    is_kept = _keep_in_cache_folder()
    seen = dict(vars(kernel))
    for function in _FUNCTIONS:
        # No reordering and no fused multiply-add: a double has to come out as it does interpreted.
        jit = numba.njit(fastmath=False, error_model="numpy", cache=is_kept)
        seen[function.__name__] = jit(types.FunctionType(function.__code__, seen, function.__name__))
    play: Any = seen["play"]
    return Loop(play, Compiler().run)


def cache_folder() -> Path:
    """Where compiled code is kept unless NUMBA_CACHE_DIR says otherwise."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "tradewright" / "numba"


def _keep_in_cache_folder() -> bool:
    """Whether there is a folder to keep it in."""
    config: Any = numba.config
    if config.CACHE_DIR:
        return True
    try:
        folder = cache_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no home, or one that cannot be written to
        return False
    if not os.access(folder, os.W_OK) or folder.stat().st_uid != os.getuid():
        return False
    config.CACHE_DIR = str(folder)
    return True
