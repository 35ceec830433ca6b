"""A new generation of the trading keyring beside the old ones, and the end of those that no row needs.

Lives here: `add_generation`, `retire`. Not here: the rows (`connections.rewrapping`), which generation they need.
Only a file is written here; what the environment or a command holds is changed by whoever keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from tradewright.core.errors import StartError
from tradewright.vault.generations import GENERATIONS_MAX, Generation, keyring_text, new_generation
from tradewright.vault.opening import TradingKeyring, generations_of, publish
from tradewright.vault.sources import FileSource, KeySource

Reach = Callable[[str], None]  # a named point; a test ends the process there


def add_generation(source: KeySource, folder: Path, reach: Reach) -> TradingKeyring:
    """The keyring with a fresh generation, which seals and wraps from now on. Raises `StartError`."""
    generations = generations_of(source)
    if not isinstance(source, FileSource):
        raise StartError(
            f"the keyring is in {source.name}, where nothing is written from here: `tradewright vault new-keys` prints"
            " it with a fresh generation; put that there, start the worker again, then run this with --only-rewrap",
            exit_code=2,
        )
    if len(generations) >= GENERATIONS_MAX:
        raise StartError(f"the keyring has {GENERATIONS_MAX} generations; retire those that no row needs", exit_code=2)
    return _write(source, folder, [*generations, new_generation()], reach)


def retire(source: FileSource, folder: Path, needed: Collection[bytes], reach: Reach) -> int:
    """Takes away every generation but the last whose ids are not among `needed`; how many. Whoever calls it sees to it
    that no row is stored meanwhile."""
    generations = generations_of(source)
    kept = [each for each in generations[:-1] if is_needed(each, needed)] + generations[-1:]
    if len(kept) < len(generations):
        _write(source, folder, kept, reach)
    return len(generations) - len(kept)


def is_needed(generation: Generation, needed: Collection[bytes]) -> bool:
    return generation.seal_id in needed or generation.wrap_id in needed


def _write(source: FileSource, folder: Path, generations: list[Generation], reach: Reach) -> TradingKeyring:
    """The private half first: what is sealed for a public half must open already."""
    keyring = TradingKeyring(generations)
    reach("keyring.before_write")
    source.write(keyring_text(generations), replace=True)
    reach("keyring.written")
    publish(folder, keyring)
    reach("keyring.published")
    return keyring
