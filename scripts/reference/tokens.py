"""`tokens.md`: what an API token may ask."""

from __future__ import annotations

from reference.text import NOTE, table
from tradewright.identity.api_tokens import LIFETIME_DAYS_MAX, TOKENS_OF_USER_MAX
from tradewright.identity.scopes import SCOPES
from tradewright.web.token_guard import WINDOW_S, WRONG_MAX
from tradewright.web.token_scopes import TOKEN_SCOPES


def tokens() -> str:
    rows = [
        (f"`{scope}`", f"`{'GET (WebSocket)' if method == 'WEBSOCKET' else method}`", f"`{path}`")
        for scope in SCOPES
        for (method, path), needed in TOKEN_SCOPES.items()
        if needed == scope
    ]
    return f"""{NOTE}

# What an API token may ask

Made under Settings → API tokens, sent as `Authorization: Bearer tw_…`, on the stream's socket too. A token is of one
user in one workspace, lasts at most {LIFETIME_DAYS_MAX} days, and a user has at most {TOKENS_OF_USER_MAX}. It may what
its scopes say and its user's role allows at that moment, whichever is less; `trade` and `manage` include `read`, and
not each other. What is not in this table answers 403 `token.not_allowed`: people, sign-in, keys, arming, exports, other
tokens, and whatever asks a person to confirm that it is still them. After {WRONG_MAX} wrong tokens from one address
within {WINDOW_S:.0f} s further ones answer 429 for a while.

{table(("Scope", "", "Route"), rows)}
"""
