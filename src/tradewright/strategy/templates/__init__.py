"""Well-known strategies as specs, to begin with and to learn from. What each is good and bad for, it says itself.

Lives here: the files and their names. Not here: what a spec means (`strategy.check`). The numbers in them are usual
ones, not found by trying: nobody should expect to earn money with a template as it is.
"""

from __future__ import annotations

from importlib.resources import files

TEMPLATES: tuple[str, ...] = (
    "ema_cross",
    "rsi_reversion",
    "macd_trend",
    "donchian_breakout",
    "bollinger_reversion",
    "bollinger_squeeze",
    "supertrend",
    "keltner_breakout",
    "stochastic_pullback",
    "adx_trend",
    "atr_momentum",
    "vwap_morning",
    "grid_neutral",
    "dca_long",
)


def template_text(name: str) -> str:
    """The YAML of one. Raises `KeyError` for a name that is none of `TEMPLATES`."""
    if name not in TEMPLATES:
        raise KeyError(f"there is no template {name!r}; there are {', '.join(TEMPLATES)}")
    return files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
