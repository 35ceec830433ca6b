"""The languages there are, by the codes that `--lang` takes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tradewright.strategy.words.english import ENGLISH
from tradewright.strategy.words.language import Language
from tradewright.strategy.words.russian import RUSSIAN

LANGUAGES: Mapping[str, Language] = MappingProxyType({"en": ENGLISH, "ru": RUSSIAN})
