"""Words that Bybit's fields may hold, as its documentation lists them and as known clients insist on.

Lives here: the sets, and finding every row that has such a field. Not here: keys and types (`documented_shapes`).
Where a client is stricter than the documentation (REFERENCE.md, sections 9.10, 13 and 14) its set holds: an exchange
that is to be told from the real one by nobody must not send it what it cannot read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_TRIGGERS: Final = frozenset({"", "LastPrice", "IndexPrice", "MarkPrice"})  # "UNKNOWN" breaks nautilus_trader
_SIDES: Final = frozenset({"", "Buy", "Sell", "None"})  # of a flat position, and of a movement without a trade
_STATUSES: Final = (
    "New PartiallyFilled Untriggered Triggered Filled Cancelled PartiallyFilledCanceled Rejected Deactivated"
)
_STOPS: Final = (
    "TakeProfit StopLoss TrailingStop Stop PartialTakeProfit PartialStopLoss tpslOrder OcoOrder MmRateClose "
    "BidirectionalTpslOrder UNKNOWN"
)
_CREATED: Final = (
    "CreateByUser CreateByClosing CreateBySettle CreateByStopOrder CreateByTakeProfit CreateByPartialTakeProfit "
    "CreateByStopLoss CreateByPartialStopLoss CreateByTrailingStop CreateByLiq CreateByTakeOver_PassThrough "
    "CreateByAdl_PassThrough CreateByBboOrder"
)
_CANCELLED: Final = (
    "CancelByUser CancelByReduceOnly CancelByPrepareLiq CancelAllBeforeLiq CancelByPrepareAdl CancelAllBeforeAdl "
    "CancelByAdmin CancelBySettle CancelByTpSlTsClear CancelBySmp CancelByDCP CancelByRebalance "
    "CancelByOCOTpCanceledBySlTriggered CancelByOCOSlCanceledByTpTriggered CancelByDelivery UNKNOWN"
)
_REJECTED: Final = (
    "EC_NoError EC_Others EC_OrigClOrdIDDoesNotExist EC_TooLateToCancel EC_NoEnoughQtyToFill EC_NoImmediateQtyToFill "
    "EC_PerCancelRequest EC_PostOnlyWillTakeLiquidity EC_InvalidSymbolStatus EC_CancelForNoFullFill EC_BySelfMatch "
    "EC_ReachRiskPriceLimit EC_ReachMarketPriceLimit"
)
_LOG_TYPES: Final = "TRANSFER_IN TRANSFER_OUT TRADE SETTLEMENT DELIVERY LIQUIDATION ADL BORROW REPAY INTEREST"

WORDS: Final[Mapping[str, frozenset[str]]] = {
    "triggerBy": _TRIGGERS,
    "tpTriggerBy": _TRIGGERS,
    "slTriggerBy": _TRIGGERS,
    "ocoTriggerBy": _TRIGGERS,
    "side": _SIDES,
    "orderStatus": frozenset(_STATUSES.split()),
    "timeInForce": frozenset({"GTC", "IOC", "FOK", "PostOnly"}),
    "orderType": frozenset({"Market", "Limit", "UNKNOWN"}),
    "stopOrderType": frozenset(("", *_STOPS.split())),
    "createType": frozenset(("", *_CREATED.split())),  # "" is of funding
    "cancelType": frozenset(_CANCELLED.split()),
    "rejectReason": frozenset(_REJECTED.split()),
    "execType": frozenset({"Trade", "AdlTrade", "Funding", "BustTrade", "Delivery", "Settle"}),
    "smpType": frozenset({"None", "CancelMaker", "CancelTaker", "CancelBoth"}),
    "positionStatus": frozenset({"Normal", "Liq", "Adl"}),
    "contractType": frozenset({"LinearPerpetual", "LinearFutures", "InversePerpetual", "InverseFutures"}),
    "tickDirection": frozenset({"PlusTick", "ZeroPlusTick", "MinusTick", "ZeroMinusTick"}),
    "marginMode": frozenset({"ISOLATED_MARGIN", "REGULAR_MARGIN", "PORTFOLIO_MARGIN"}),
    "type": frozenset(("snapshot", "delta", "COMMAND_RESP", *_LOG_TYPES.split())),
}
CURSOR: Final = re.compile(r"[A-Za-z0-9_-]*")  # section 4: clients send them back in two encodings
EXPONENT: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?[eE][-+]?[0-9]+")


def wrong_words(value: Any, where: str = "") -> Iterator[str]:
    """Every field that holds what it must not, as "path: value"."""
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from wrong_words(item, f"{where}[{place}]")
    if isinstance(value, str) and EXPONENT.fullmatch(value):
        yield f"{where}: {value!r} is written with an exponent"
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if key in WORDS and isinstance(item, str) and item not in WORDS[key]:
            yield f"{where}.{key}: {item!r}"
        if key == "nextPageCursor" and not CURSOR.fullmatch(item):
            yield f"{where}.{key}: {item!r}"
        if key == "feeCurrency" and "execId" in value and not item:
            yield f"{where}.{key}: is empty, which ends nautilus_trader"
        yield from wrong_words(item, f"{where}.{key}")
