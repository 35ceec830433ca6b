"""`python -m tradewright.web.openapi` prints the contract document, the same bytes for the same routes.

The page's client is generated from the committed copy, `frontend/openapi.json`; a test holds the two equal.
"""

from __future__ import annotations

import json
import sys

from tradewright.web.application import routes_only
from tradewright.web.contract import contract_of


def contract_text() -> str:
    return json.dumps(contract_of(routes_only()), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(contract_text())
