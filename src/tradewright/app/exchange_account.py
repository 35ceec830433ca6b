"""What `tradewright exchange-account` does: asks the simulated exchange of this HOME for another account.

With the trading key of its own account, from this machine, as that exchange wants it. Not here: options (`cli`).
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tradewright.cli.exchange_account import OpenedAccount
from tradewright.core.errors import StartError
from tradewright.installation import read_private
from tradewright.settings import load

_TIMEOUT_S = 10.0


def open_account(funds: Mapping[str, str]) -> OpenedAccount:
    """Raises `StartError` (exit code 1) where no simulated exchange runs, or it refuses."""
    ready = read_private(load().exchange_ready_file, "the simulated exchange's address")
    keys = read_private(Path(ready["keys_file"]), "the simulated exchange's key file")
    request = urllib.request.Request(  # noqa: S310  # the address is our own exchange's
        f"{ready['rest']}/sim/accounts",
        data=json.dumps({"funds": dict(funds)}).encode(),
        headers={"X-Sim-Key": keys["trading"]["key"], "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        raise StartError(f"the simulated exchange refused: {error.read()[:300]!r}", exit_code=1) from None
    except (OSError, ValueError) as error:
        raise StartError(f"the simulated exchange does not answer at {ready['rest']}: {error}", exit_code=1) from None
    pair = found["keys"]["trading"]
    return OpenedAccount(uid=found["uid"], key=pair["key"], secret=pair["secret"])
