"""How the web hands the service keyring to `identity`, which knows of no vault: `UserSecrets`, a `SecretBox`."""

from __future__ import annotations

from tradewright.core.ids import UserId
from tradewright.vault.binding import RowBinding
from tradewright.vault.service_boxes import TOTP_SECRET
from tradewright.vault.wrapping import Wrapped
from tradewright.web.parts import WebParts


class UserSecrets:
    """Secrets of `totp_factors.secret`, one a user. Raises `vault`'s `Unopenable` where the keyring is not right."""

    def __init__(self, parts: WebParts) -> None:
        self._keyring = parts.service_keyring

    def wrap(self, secret: bytes, *, user_id: UserId) -> bytes:
        return self._keyring.wrap(secret, _binding(user_id)).joined()

    def unwrap(self, wrapped: bytes, *, user_id: UserId) -> bytes:
        return self._keyring.unwrap(Wrapped.parted(wrapped), _binding(user_id))


def _binding(user_id: UserId) -> RowBinding:
    return TOTP_SECRET.binding(user_id)
