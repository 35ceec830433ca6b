"""A whole installation for a test: `tradewright run` as a real process on a free port, with a HOME of its own.

Lives here: starting, waiting until ready, killing parts, and the simulated exchange's own REST, which is the truth that
tests check against. Not here: a browser (`tests/e2e/conftest.py`).
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.cookiejar
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

_T = TypeVar("_T")
PASSWORD = "wet horse battery lamp"
PATIENCE_S = 90.0  # against hanging only: a machine that does ten other things starts a process in half a minute
FINAL = frozenset({"refused", "not_sent", "filled", "cancelled", "rejected", "expired", "not_placed"})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(look: Callable[[], _T | None], what: str, *, seconds: float = PATIENCE_S) -> _T:
    """The first thing `look` finds that is not None or False; fails with `what` when time is over."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)


class Installation:
    """One HOME and port; `start` and `stop` any number of times."""

    def __init__(self, home: Path, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.home = home
        self.port = free_port()
        self.base = f"http://localhost:{self.port}"
        self.arguments = arguments
        self._mark = f"tw-{uuid.uuid4().hex}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TRADEWRIGHT_")},
            "PYTHONDONTWRITEBYTECODE": "",  # set, each start would compile two seconds' worth of packages
            "TRADEWRIGHT_HOME": str(home),
            "TRADEWRIGHT_PORT": str(self.port),
            "TRADEWRIGHT_OPEN_BROWSER": "false",
            "TRADEWRIGHT_BACKTESTS_PLACE": "behind",  # the last place is none where other tests keep the machine busy
            "TRADEWRIGHT_TEST_MARK": self._mark,
            **(environment or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def set_environment(self, **changes: str) -> None:
        """For the next start."""
        self._environment |= changes

    # The processes.

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home.parent / f"{self.home.name}.out").open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tradewright", "run", *self.arguments],
                env=self._environment,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        wait_for(self._is_ready, f"the installation is ready; it said: {self.output()[-2000:]}", seconds=2 * PATIENCE_S)

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"`run` ended with {self._process.returncode}: {self.output()[-3000:]}")
        with contextlib.suppress(OSError):
            return self.request("GET", "/readyz")[0] == 200
        return False

    def output(self) -> str:
        path = self.home.parent / f"{self.home.name}.out"
        return path.read_text(errors="replace") if path.is_file() else ""

    def log(self, name: str) -> str:
        """One part's log of this HOME."""
        return "".join(path.read_text(errors="replace") for path in sorted((self.home / "log").glob(f"{name}*")))

    def stop(self) -> int:
        """SIGTERM; the exit code. Fails when anything is left."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.terminate()
        code = self._process.wait(PATIENCE_S)
        self._process = None
        wait_for(lambda: not self.pids() or None, f"nothing is left: {self.commands()}")
        return code

    def kill_whole(self) -> None:
        """SIGKILL of the supervisor: what it started must follow by itself."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE_S)
        self._process = None
        wait_for(lambda: not self.pids() or None, "the parts follow their killed supervisor")

    def kill(self, part: str, *, number: signal.Signals = signal.SIGKILL) -> int:
        """A signal to one part (`exchange`, `worker`, `api`); the pid it had."""
        pid = self.pid_of(part)
        os.kill(pid, number)
        return pid

    def pid_of(self, part: str) -> int:
        def look() -> int | None:
            return next(
                (pid for pid, line in self.commands().items() if re.search(rf"-m tradewright {part}( |$)", line)), None
            )

        return wait_for(look, f"a process of part {part}")

    def pids(self) -> list[int]:
        """Every process that was started from here, in whatever session."""
        mark = f"TRADEWRIGHT_TEST_MARK={self._mark}".encode()
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError):
                    if mark in (folder / "environ").read_bytes().split(b"\0"):
                        found.append(int(folder.name))
        return found

    def commands(self) -> dict[int, str]:
        lines = {}
        for pid in self.pids():
            with contextlib.suppress(OSError):
                lines[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        return lines

    # The API, as a client that is no browser.

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, method=method, headers=headers or {})
        request.add_header("Content-Type", "application/json")
        try:
            with self._opener.open(request, timeout=PATIENCE_S) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith(b"{") else None

    def greeted_link(self) -> str:
        """The link that `run` greeted with: without another process for it, unless it could not be had in time."""
        said = wait_for(
            lambda: re.search(r"Tradewright is ready(?:: |.*?(\S+#\S+)\n)", self.output(), re.S), "a greeting"
        )
        return said[1] or self.claim_link()

    def claim_link(self) -> str:
        """A fresh one, by the command."""
        done = subprocess.run(
            [sys.executable, "-m", "tradewright", "user", "claim-link"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE_S,
        )
        return done.stdout.strip()

    def claim(self) -> None:
        """Makes the first user and keeps its session."""
        token = self.greeted_link().partition("#")[2]
        body = {"token": token, "username": "anna", "password": PASSWORD, "language": "en"}
        status, answer = self.request("POST", "/api/v1/claim", body)
        assert status == 201, answer

    def account(self) -> str:
        """The SIM account's id, once its session is ready."""

        def look() -> str | None:
            with contextlib.suppress(OSError):
                status, answer = self.request("GET", "/api/v1/accounts")
                if status == 200 and answer["accounts"] and answer["accounts"][0]["session"]["state"] == "ready":
                    return str(answer["accounts"][0]["id"])
            return None

        return wait_for(look, f"the account is ready; worker: {self.log('worker')[-2000:]}")

    def widen_limits(self, account: str) -> None:
        """The installation's limits of risk beyond anything that a test asks for: for tests that are not about them."""
        names = ("order_notional", "position_notional", "total_notional", "open_orders", "orders_per_minute")
        limits = [{"name": name, "value": "1000000000"} for name in names]
        limits.append({"name": "leverage", "value": "200"})
        body = {"level": "installation", "limits": limits, "confirmations": [*names, "leverage"]}
        status, answer = self.request("PUT", f"/api/v1/accounts/{account}/limits", body)
        assert status == 200, answer

    def place(self, account: str, **changes: Any) -> tuple[str, int, Any]:
        """Posts an order: (intent id, status, answer). Default: buy 0.01 BTC at market."""
        body = {
            "id": str(uuid.uuid4()),
            "kind": "place",
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "order_type": "Market",
            "quantity": "0.01",
            "price": None,
            "time_in_force": "IOC",
            "reduce_only": False,
            "note": None,
            **changes,
        }
        status, answer = self.request("POST", f"/api/v1/accounts/{account}/intents", body)
        return body["id"], status, answer

    def limit(self, account: str, price: str, **changes: Any) -> tuple[str, int, Any]:
        return self.place(account, order_type="Limit", price=price, time_in_force="GTC", **changes)

    def cancel(self, account: str, order_id: str) -> tuple[str, int, Any]:
        body = {"id": str(uuid.uuid4()), "kind": "cancel", "order_id": order_id}
        status, answer = self.request("POST", f"/api/v1/accounts/{account}/intents", body)
        return body["id"], status, answer

    def intent(self, account: str, intent_id: str) -> Any:
        status, answer = self.request("GET", f"/api/v1/accounts/{account}/intents/{intent_id}")
        assert status == 200, answer
        return answer

    def until(self, account: str, intent_id: str, *statuses: str) -> Any:
        """The intent once its order has one of these statuses; fails at once when it ends in another."""

        def look() -> Any:
            with contextlib.suppress(OSError):
                answer = self.intent(account, intent_id)
                if answer["status"] in statuses:
                    return answer
                assert answer["status"] not in FINAL, answer
            return None

        return wait_for(look, f"{intent_id} becomes {' or '.join(statuses)}")

    def table(self, account: str, name: str) -> Any:
        status, answer = self.request("GET", f"/api/v1/accounts/{account}/{name}")
        assert status == 200, answer
        return answer

    def last_price(self, symbol: str = "BTCUSDT") -> str:
        status, answer = self.request("GET", "/api/v1/tickers?category=linear")
        assert status == 200, answer
        return str(next(row["last_price"] for row in answer["tickers"] if row["symbol"] == symbol))

    # The exchange itself: the truth.

    def ready_file(self) -> dict[str, Any]:
        return dict(json.loads((self.home / "exchange/ready.json").read_text()))

    def exchange_get(self, path: str, **query: str) -> Any:
        """A signed read with the read-only key; the envelope's result."""
        ready = self.ready_file()
        text = urllib.parse.urlencode(query)
        now = str(int(time.time() * 1000))
        key, secret = ready["read_only"]["key"], ready["read_only"]["secret"]
        sign = hmac.new(secret.encode(), f"{now}{key}5000{text}".encode(), hashlib.sha256).hexdigest()
        headers = {
            "X-BAPI-API-KEY": key,
            "X-BAPI-TIMESTAMP": now,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": sign,
        }
        request = urllib.request.Request(f"{ready['rest']}{path}?{text}", headers=headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            envelope = json.load(answer)
        assert envelope["retCode"] == 0, envelope
        return envelope["result"]

    def exchange_post(self, path: str, body: dict[str, Any]) -> Any:
        """A signed write beside the terminal, as by the person's own app; the envelope's result."""
        ready = self.ready_file()
        trading = json.loads(Path(ready["keys_file"]).read_text())["trading"]
        key, secret = trading["key"], trading["secret"]
        text = json.dumps(body)
        now = str(int(time.time() * 1000))
        headers = {
            "X-BAPI-API-KEY": key,
            "X-BAPI-TIMESTAMP": now,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": hmac.new(secret.encode(), f"{now}{key}5000{text}".encode(), hashlib.sha256).hexdigest(),
            "Content-Type": "application/json",
        }
        request = urllib.request.Request(f"{ready['rest']}{path}", data=text.encode(), method="POST", headers=headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            envelope = json.load(answer)
        assert envelope["retCode"] == 0, envelope
        return envelope["result"]

    def exchange_control(self, method: str, path: str, body: Any = None) -> Any:
        """The simulator's own switches and its log, which are not Bybit's."""
        keys = json.loads(Path(self.ready_file()["keys_file"]).read_text())
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.ready_file()['rest']}{path}",
            data=data,
            method=method,
            headers={"X-Sim-Key": keys["trading"]["key"], "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def orders_at_exchange(self, link_id: str) -> list[dict[str, Any]]:
        """Every order with this client id that the exchange holds, open or ended."""
        found = {}
        for path in ("/v5/order/realtime", "/v5/order/history"):
            for row in self.exchange_get(path, category="linear", orderLinkId=link_id)["list"]:
                found[row["orderId"]] = row
        return list(found.values())


@contextlib.contextmanager
def installed(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[Installation]:
    """A started installation in a HOME of its own that is stopped (killed if it does not stop) and removed at the end.

    Others may pass through its folders, so that PostgreSQL, which root runs as somebody else, keeps its data there.
    """
    folder = Path(tempfile.mkdtemp(prefix="tw-whole-"))
    home = folder / "home"
    home.mkdir()
    for each in (folder, home):
        each.chmod(0o711)
    installation = Installation(home, *arguments, environment=environment)
    try:
        installation.start()
        yield installation
        installation.stop()
    finally:
        for pid in installation.pids():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
