"""What the account may trade and what it pays for it: `/v5/account/instruments-info` and `/v5/account/fee-rate`.

Lives here: their handlers. Not here: instruments for everybody (`market`), their rows (`rows.market`).
"""

from __future__ import annotations

from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.fields import text
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.matching.commands import read_category, read_symbol, require_category
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.paging import read_page
from tradewright.simulator.rest.calls import Call, Endpoint, Result
from tradewright.simulator.rows.instruments import instrument_row
from tradewright.simulator.texts import plain


class TermEndpoints:
    """The handlers; `all` lists them for the server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Endpoint]:
        return [
            Endpoint(method="GET", path="/v5/account/fee-rate", handle=self._fee_rate, private=True, per_second=5),
            Endpoint(
                method="GET",
                path="/v5/account/instruments-info",
                handle=self._instruments,
                private=True,
                per_second=10,
            ),
        ]

    def _fee_rate(self, call: Call) -> Result:
        """All listings of the category unless one is named; options by their base coin. Known clients rely on all."""
        params = {"category": "linear", **call.params}  # the documented sample names none, nor does ccxt for all fees
        category = read_category(params)
        if category == "option":
            rows = self._option_fees(call)
        else:
            named = text(params, "symbol")
            specs = [read_symbol(params, self._engine.specs)] if named else self._listed(category)
            rows = [{"symbol": spec.symbol, **_fees(spec)} for spec in specs]
        return {"list": rows, **({"category": category} if category in ("spot", "option") else {})}

    def _option_fees(self, call: Call) -> list[Result]:
        base_coin = text(call.params, "baseCoin")
        one_of_each = {spec.base_coin: spec for spec in self._listed("option")}
        if base_coin and base_coin not in one_of_each:
            raise bad_parameter(f"params error: baseCoin [{base_coin}] has no options here")
        return [
            {"symbol": "", "baseCoin": coin, **_fees(spec)}
            for coin, spec in one_of_each.items()
            if base_coin in ("", coin)
        ]

    def _instruments(self, call: Call) -> Result:
        """Everything that trades is there for every account; nobody has the right to make RPI quotes. Spot comes as
        one page, as Bybit's does.
        """
        category = require_category(call.params, ("linear", "inverse", "spot"))
        page = read_page(call.params, highest=200, default=200)
        specs = self._listed(category)
        if text(call.params, "symbol"):
            specs = [read_symbol(call.params, self._engine.specs)]
        first = page.before or 0
        shown = specs if category == "spot" else specs[first : first + page.limit]
        result: Result = {"category": category, "list": [_own_row(spec) for spec in shown]}
        if category != "spot":
            result["nextPageCursor"] = f"p{first + page.limit}" if first + page.limit < len(specs) else ""
        return result

    def _listed(self, category: str) -> list[InstrumentSpec]:
        specs = self._engine.specs.values()
        return [spec for spec in specs if spec.category == category and spec.status == "Trading"]


def _fees(spec: InstrumentSpec) -> Result:
    return {"takerFeeRate": plain(spec.taker_fee_rate), "makerFeeRate": plain(spec.maker_fee_rate)}


def _own_row(spec: InstrumentSpec) -> Result:
    """The public row with what concerns this account; `forbidUplWithdrawal` is documented there only."""
    row = {**instrument_row(spec), "isPublicRpi": False, "myRpiPermission": False}
    row.pop("forbidUplWithdrawal", None)
    return row
