"""Reading the settings in force, and a sentence for each that is wrong.

Lives here: `load`. Not here: what there is to set (`model`).
"""

from __future__ import annotations

import tomllib
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from tradewright.core.errors import StartError
from tradewright.settings.model import SETTINGS_FILE, Settings


def load(**overrides: Any) -> Settings:
    """The settings in force; `overrides` (from the command line) win, and None among them means "not given".

    Raises `StartError` (exit code 2) with a sentence that names each setting that is wrong and what is allowed.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        faults = "; ".join(_fault(fault["loc"], fault["input"], fault["msg"]) for fault in error.errors())
        raise StartError(f"a setting is wrong: {faults}", exit_code=2) from None
    except SettingsError as error:  # its text names the field and the source, not the value
        raise StartError(f"a setting is wrong: {error}; a part is set by TRADEWRIGHT_NAME__PART", exit_code=2) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise StartError(f"the settings file {SETTINGS_FILE} in HOME cannot be read: {error}", exit_code=2) from None


def _fault(location: tuple[int | str, ...], given: Any, message: str) -> str:
    """The variable, what it is and what is allowed; what may hold a password is not repeated."""
    separator = "__" if location[0] in ("hosts", "proxy") else "_"
    name = separator.join(str(part) for part in location).upper().removeprefix("TRADEWRIGHT_")
    is_secret = any(part in name for part in ("DATABASE", "PROXY", "WEBHOOK"))
    shown = "not repeated here" if is_secret else repr(given)
    return f"TRADEWRIGHT_{name} is {shown}: {message}"
