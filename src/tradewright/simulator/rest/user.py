"""The key that asks, `/v5/user/query-api`: what it may do and whose it is.

Lives here: that one handler. Not here: checking what a key may do (`server`).
"""

from __future__ import annotations

from tradewright.simulator.rest.calls import Call, Endpoint, Result

CREATED_AT = "2025-01-01T00:00:00Z"
NEVER_EXPIRES = ("1970-01-01T00:00:00Z", -2)  # expiredAt and deadlineDay of a key that is bound to addresses
# Every group of permissions that Bybit tells; a key of this exchange has none in those of products it has not got.
OTHER_PERMISSIONS = (
    "CopyTrading",
    "BlockTrade",
    "Exchange",
    "NFT",
    "Affiliate",
    "Earn",
    "FiatP2P",
    "FiatConvertBroker",
    "FiatGlobalPay",
    "FiatBitPay",
    "BitCard",
    "ByXPost",
)


class UserEndpoints:
    """The handler; `all` lists it for the server."""

    def all(self) -> list[Endpoint]:
        return [
            Endpoint(method="GET", path="/v5/user/query-api", handle=self._query_api, private=True, per_second=10),
        ]

    def _query_api(self, call: Call) -> Result:
        key = call.key
        assert key is not None, "a private endpoint has a key"
        expired_at, deadline_day = NEVER_EXPIRES
        return {
            "id": key.uid,
            "note": "read only" if key.read_only else "withdrawing" if key.may_withdraw else "trading",
            "apiKey": key.key,
            "readOnly": int(key.read_only),
            "secret": "",
            "permissions": {
                "ContractTrade": ["Order", "Position"],
                "Spot": ["SpotTrade"],
                "Wallet": ["AccountTransfer", "Withdraw"] if key.may_withdraw else [],
                "Options": ["OptionsTrade"],
                "Derivatives": ["DerivativesTrade"],
                **{group: [] for group in OTHER_PERMISSIONS},
            },
            "ips": ["*"],
            "type": 1,
            "deadlineDay": deadline_day,
            "expiredAt": expired_at,
            "createdAt": CREATED_AT,
            "unified": 0,
            "uta": 1,
            "userID": int(key.uid),
            "userIDInt64": key.uid,
            "inviterID": 0,
            "inviterIDInt64": "0",
            "vipLevel": "No VIP",
            "mktMakerLevel": "0",
            "affiliateID": 0,
            "affiliateIDInt64": "0",
            "rsaPublicKey": key.rsa_public_key,
            "isMaster": True,
            "parentUid": "0",
            "kycLevel": "LEVEL_DEFAULT",
            "kycRegion": "",
        }
