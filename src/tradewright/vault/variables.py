"""Which variable of the environment holds a keyring, if one does; so light that the supervisor may import it."""

from __future__ import annotations


def variable_of(setting: str) -> str | None:
    """Of `TRADEWRIGHT_VAULT_KEYS` or `…_SERVICE_KEYS`: the variable that it names."""
    return setting.partition(":")[2] if setting.startswith("env:") else None
