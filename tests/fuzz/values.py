"""Values that an API body may hold: valid ones drawn from the document's schemas, and ones that are known to hurt.

Lives here: `Known`, what a lane has seen and may name again; `Values`, which draws by schema; `nasty`.
Not here: whole requests (`requests`), orders that make sense (`sensible`), breaking a body (`spoiling`).

The document uses a small part of JSON Schema, so this is a small converter; what it does not know it refuses loudly.
Drawing with hypothesis costs more than the request it makes, and nothing here wants shrinking: one request is small.
"""

from __future__ import annotations

import random
import string
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = Mapping[str, Any]

# In every secret that is sent; nowhere else. Whatever holds it has let a secret out.
CANARY = "kEnArIe7c1"
SECRET_FIELDS = frozenset({"password", "token", "key", "secret", "proxy"})
SYMBOLS = ("BTCUSDT", "BTCUSDT", "BTCUSDT", "ETHUSDT", "TINYUSDT", "OLDUSDT", "NONEUSDT")

_SYMBOL_PATTERN = "^[A-Z0-9][A-Z0-9-]{1,31}$"
_DECIMAL_PATTERN = r"^-?[0-9]{1,24}(\.[0-9]{1,18})?$"
_REGION_PATTERN = "^[a-z0-9-]{1,32}$"
_PLAIN_PATTERN = r"^[^\x00-\x1f\x7f]*$"
_CURSOR_PATTERN = r"^[\x20-\x7e]+$"
_EXTREME_DECIMALS = (
    "0", "-0", "-0.0", "0.000000000000000001", "-0.000000000000000001", "9" * 24, "-" + "9" * 24,
    "9" * 24 + "." + "9" * 18, "0" * 24, "1" + "0" * 23, "000000000000000000000001", "0.1", "1.000000000000000000",
    "100", "100.000000000000000001", "-1", "60000.05", "59999.99999999",
)  # fmt: skip
_UNICODE = (
    "", " ", "\t", "\n", "\0", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u202e", "\ufeff", "\ufffd", "\ufffe", "\ud800",
    "\udfff", "\ud83d", "é", "e\u0301", "ﷺ", "İ", "ß", "ﬃ", "１２", "٣", "𝟘", "💩", "👩‍👩‍👧‍👦", "Z" + "\u0300" * 60,
    "=1+1", "<script>", "' OR 1=1--", "%00", "%s%n", "{0}", "${jndi:ldap://x}", "../..", "null", "true", "NaN",
    "Infinity", "-Infinity", "1e400", "-0", "0x10", "1_000", "+1", ".5", "5.", "1e5", "1E+2", "9" * 400, "undefined",
)  # fmt: skip


@dataclass(slots=True)
class Known:
    """What a lane has seen: its own account and others', and what answers have told since."""

    account: str
    foreign_account: str
    away_account: str  # nobody reaches its exchange, so what is asked of it stays unanswered
    password: str
    username: str  # whose password is right; logs in, and in again
    claim_token: str = ""  # while the installation is unclaimed: the right one
    is_claimed: bool = True  # else nobody can be signed in
    orders: deque[str] = field(default_factory=lambda: deque(maxlen=60))
    connections: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=30))  # (id, name)
    cursors: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    positions: list[dict[str, Any]] = field(default_factory=list)
    used_ids: deque[str] = field(default_factory=lambda: deque(maxlen=200))  # of what was accepted
    # By the name that such an id has: strategies and their versions, bots, runs.
    things: dict[str, deque[str]] = field(default_factory=dict)
    foreign_ids: list[str] = field(default_factory=list)  # of another workspace: orders, intents, connections


class Values:
    """Draws values by schema. The same random state and the same knowledge give the same value."""

    def __init__(self, document: Schema, rng: random.Random, known: Known) -> None:
        self._schemas: Mapping[str, Schema] = document["components"]["schemas"]
        self.rng = rng
        self.known = known

    def resolved(self, schema: Schema) -> Schema:
        return self._schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def draw(self, schema: Schema, name: str = "") -> Any:
        """A value that is valid by `schema`; `name` is the field's, by which likely values are chosen."""
        schema, rng = self.resolved(schema), self.rng
        for union in ("oneOf", "anyOf"):
            if union in schema:
                return self.draw(rng.choice(schema[union]), name)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return rng.choice(schema["enum"])
        match schema.get("type"):
            case "null":
                return None
            case "boolean":
                return rng.random() < 0.5
            case "integer":
                return self._integer(schema)
            case "string":
                return self._text(schema, name)
            case "object":
                return self._object(schema)
            case "array":
                least, most = int(schema.get("minItems", 0)), int(schema.get("maxItems", 4))
                return [self.draw(schema["items"], name) for _ in range(rng.choice((least, least + 1, 2, most)))][:most]
            case other:
                raise NotImplementedError(
                    f"the fuzzer cannot draw a value of type {other!r} ({name}); teach it: {schema}"
                )

    def _object(self, schema: Schema) -> dict[str, Any]:
        if "properties" not in schema:  # whatever a library makes of it, such as a passkey's answer
            return {f"part{number}": self.rng.choice((None, 7, "x", [], {})) for number in range(self.rng.randrange(4))}
        needed = schema.get("required", ())
        drawn = {
            name: self.draw(part, name)
            for name, part in schema["properties"].items()
            if name in needed or self.rng.random() < 0.6
        }
        names = list(drawn)
        if self.rng.random() < 0.3:
            self.rng.shuffle(names)
        return {name: drawn[name] for name in names}

    def _integer(self, schema: Schema) -> int:
        low, high = int(schema.get("minimum", -(2**63))), int(schema.get("maximum", 2**63))
        return self.rng.choice((low, high, self.rng.randint(low, high), min(high, low + self.rng.randrange(500))))

    def _text(self, schema: Schema, name: str) -> str:
        if name in SECRET_FIELDS or schema.get("writeOnly"):
            return self._secret(name)
        if schema.get("format") == "uuid":
            return self.id_of(name)
        match schema.get("pattern"):
            case None:
                return self._username() if name == "username" else self._any_text(schema)
            case p if p == _SYMBOL_PATTERN:
                return self.symbol()
            case p if p == _DECIMAL_PATTERN:
                return self.decimal(name)
            case p if p == _REGION_PATTERN:
                return self.rng.choice(("global", "global", "global", "nl", "tr", "kz", "eu", "a", "-", "x" * 32, "0"))
            case p if p == _PLAIN_PATTERN:
                return self._plain(schema, name)
            case p if p == _CURSOR_PATTERN:
                return self._cursor()
            case p if (
                name == "name" and r"\x00-\x1f\x7f" in p
            ):  # of a key or a passkey: printable, no space at its ends
                return rng_name(self.rng)
            case _ if name == "actor":  # of the audit trail
                return self.rng.choice(("system", "exchange", self.id_of("user_id")))
            case _ if name in ("outcome", "object_kind"):
                return self.rng.choice(("done", "refused", "order", "connection", "no_such.word"))
            case _ if name == "action":
                return self.rng.choice(("session.login", "order.place", "a", "x.y_z", "limits.set"))
            case other:
                raise NotImplementedError(f"the fuzzer knows no text of pattern {other!r} ({name}); teach it")

    def id_of(self, name: str) -> str:
        """An id: of an order or connection that was seen where the name says so, a new one, or someone else's."""
        rng, known = self.rng, self.known
        point = rng.random()
        if name in ("order_id", "intent_id") and known.orders and point < 0.75:
            return rng.choice(known.orders)
        if known.things.get(name) and point < 0.75:
            return rng.choice(known.things[name])
        if name == "backtest_id" and known.used_ids and point < 0.75:
            return rng.choice(known.used_ids)
        if name == "connection_id" and known.connections and point < 0.75:
            return rng.choice(known.connections)[0]
        if point < 0.82:
            return str(uuid.UUID(int=rng.getrandbits(128), version=4))
        pools = ([*known.orders], [*known.used_ids], known.foreign_ids, [pair[0] for pair in known.connections])
        pool = rng.choice(pools) or [known.account]
        chosen = rng.choice(pool)
        return rng.choice((chosen, chosen, chosen.upper(), "0" * 8 + "-0000" * 3 + "-" + "0" * 12, "f" * 32))

    def symbol(self) -> str:
        if self.rng.random() < 0.95:
            return self.rng.choice(SYMBOLS)
        return "".join(self.rng.choices(string.ascii_uppercase + string.digits, k=self.rng.randint(2, 32)))

    def decimal(self, name: str = "") -> str:
        """Most often what such a field holds in a real order, else anything that the pattern lets pass."""
        rng = self.rng
        point = rng.random()
        if point < 0.12:
            return rng.choice(_EXTREME_DECIMALS)
        if point < 0.2:
            digits = "".join(rng.choices(string.digits, k=rng.randint(1, 24)))
            rest = "".join(rng.choices(string.digits, k=rng.randint(0, 18)))
            return rng.choice(("", "", "-")) + digits + (f".{rest}" if rest else "")
        if "percent" in name:
            return rng.choice(("100", "50", "0.5", "1", "25", "33.3", "0.01", "10", "10.01"))
        if name == "leverage":
            return rng.choice(("1", "2", "10", "12.5", "25.01", "50", "100", "101", "0.5"))
        if name in ("quantity", "size"):
            return rng.choice(("0.001", "0.01", "0.012", "0.1", "1", "0.0005", "5", "120", "1200", "75.5"))
        if any(part in name for part in ("price", "take_profit", "stop_loss")):
            whole = rng.choice((30_000, 50_000, 58_000, 60_000, 62_000, 90_000)) + rng.randrange(1000)
            return f"{whole}.{rng.randrange(10)}" if rng.random() < 0.8 else f"{whole}.{rng.randrange(1000):03}"
        return f"{rng.uniform(0, 1000):.{rng.randrange(9)}f}"

    def _secret(self, name: str) -> str:
        rng = self.rng
        if name == "token" and self.known.claim_token and rng.random() < 0.6:
            return self.known.claim_token
        if name == "password" and rng.random() < 0.15:
            return self.known.password
        tail = "".join(rng.choices(string.ascii_letters + string.digits, k=12))
        if name == "proxy":
            form = rng.choice(
                (
                    "http://user:{}@10.0.0.1:3128", "socks5://a:{}@proxy.example:1080", "https://{}:{}@[::1]:8443",
                    "socks5h://u:{}@proxy.example", "ftp://u:{}@h", "http://u:{}@h:99999", "http://u:{}@", "{}",
                    "http://u:{}@h/path?x={}#y", "http://[{}", "//u:{}@h:1", "http://u:{}@h:port", "http://\x00{}@h",
                )
            )  # fmt: skip
            return form.replace("{}", CANARY + tail)
        if rng.random() < 0.06:
            return CANARY + rng.choice(_UNICODE) + tail
        return CANARY + tail * rng.choice((1, 1, 1, 1, 2, 20))

    def _username(self) -> str:
        if self.rng.random() < 0.3:
            return self.known.username
        return self.rng.choice(("ann", "nobody", "Ｄｏｒａ", "x" * 256, "Bob ", *_UNICODE[:30])) + self.rng.choice(
            "ab12"
        )

    def _plain(self, schema: Schema, name: str) -> str:
        if name == "name" and self.known.connections and self.rng.random() < 0.5:
            return self.rng.choice(self.known.connections)[1]
        drawn = self.rng.choice(
            ("Demo", "a note", "заметка", "💰 в 8", "=HYPERLINK(1)", "  ", "x" * 64, '"quoted"', "\u202e")
        )
        return drawn if len(drawn) >= schema.get("minLength", 0) else "x"

    def _cursor(self) -> str:
        if self.known.cursors and self.rng.random() < 0.5:
            drawn = self.rng.choice(self.known.cursors)
            if self.rng.random() < 0.3:  # nearly a cursor
                at = self.rng.randrange(len(drawn))
                drawn = drawn[:at] + self.rng.choice(string.printable[:95]) + drawn[at + 1 :]
            return drawn
        return "".join(self.rng.choices(string.printable[:95], k=self.rng.randint(1, 160)))

    def _any_text(self, schema: Schema) -> str:
        drawn = self.rng.choice(("text", "x", *_UNICODE))
        low, high = schema.get("minLength", 0), schema.get("maxLength", 1_000)
        return (drawn + "x" * low)[:high] if len(drawn) < low else drawn[:high]

    # What fits nowhere.

    def nasty_text(self) -> str:
        rng = self.rng
        point = rng.random()
        if point < 0.6:
            return rng.choice(_UNICODE)
        if point < 0.7:
            return rng.choice(("a", "9", "\0", "é", "\ud800", "💩")) * rng.choice((33, 65, 257, 5_000, 60_000))
        return "".join(
            chr(rng.choice((rng.randrange(128), rng.randrange(0x3000), rng.randrange(0x110000))))
            for _ in range(rng.randrange(12))
        )

    def nasty(self, depth: int = 3) -> Any:
        """Any JSON value (NaN and infinities among it), of the sorts that parsers and validators trip over."""
        rng = self.rng
        point = rng.random()
        if point < 0.35:
            return self.nasty_text()
        if point < 0.5:
            return rng.choice((None, True, False, 0, 1, -1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**30, 10**400))
        if point < 0.62:
            return rng.choice(
                (
                    0.1,
                    -0.0,
                    1e308,
                    5e-324,
                    float("nan"),
                    float("inf"),
                    float("-inf"),
                    60_000.0,
                    1.0,
                    0.30000000000000004,
                )
            )
        if point < 0.7:
            return rng.choice(
                (
                    [],
                    {},
                    [[]],
                    {"": None},
                    [None] * 500,
                    {"__proto__": {}},
                    {"$ref": "#"},
                    {"\ud800": 1},
                    nested(rng.choice((20, 300))),
                )
            )
        if depth == 0:
            return None
        if point < 0.85:
            return [self.nasty(depth - 1) for _ in range(rng.randrange(4))]
        return {
            rng.choice(("id", "kind", "price", "x", self.nasty_text())): self.nasty(depth - 1)
            for _ in range(rng.randrange(4))
        }


def nested(depth: int) -> Any:
    value: Any = 1
    for n in range(depth):
        value = [value] if n % 2 else {"a": value}
    return value


def rng_name(rng: random.Random) -> str:
    """What people call a key."""
    return rng.choice(("Laptop", "Телефон", "YubiKey 5", "=1+1", "a", "<b>x</b>", "x" * 64))
