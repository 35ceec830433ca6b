"""Where a campaign's workers come from: a process that has imported all that a worker imports, and forks.

Lives here: `Nursery`, whose child this module's `main` is, and `ForkedProcess`, a worker by its number. A worker that
is forked is a process like any other: its own memory, sockets, identity, settings and end. What it spares is two
seconds of imports, the larger part of what a kill costs on a small machine, and nothing of what it is to show; a start
with them is measured by `make stops`.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_LOOK_S = 0.005
_WAIT_S_MAX = 30.0
# Calls of an address in five seconds. Twenty accounts are taken over every few seconds here, and each time ask what
# Bybit's own 600 have room for once: with these the campaign would be about waiting for its turn.
_OWNER_SHARE = 20_000


class Nursery:
    """Forks on request. One request at a time: it is asked from several threads."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._turn = threading.Lock()

    @classmethod
    @contextlib.contextmanager
    def open(cls) -> Iterator[Nursery]:
        """What it forked and that still runs ends with it."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWRIGHT_")}
        environment["PYTHONPATH"] = str(Path(__file__).parents[1])
        program = [sys.executable, "-m", "campaigns.nursery"]
        with subprocess.Popen(
            program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            nursery = cls(process)
            try:
                nursery.ask({"op": "hello"})
                yield nursery
            finally:
                assert process.stdin is not None
                process.stdin.close()
                process.wait()

    def fork(self, arguments: list[str], environment: Mapping[str, str], log: Path) -> ForkedProcess:
        """`tradewright` with these arguments and nothing but this environment; what it says is appended to `log`."""
        asked = {"op": "fork", "arguments": arguments, "environment": dict(environment), "log": str(log)}
        return ForkedProcess(self, int(self.ask(asked)))

    def ask(self, request: Mapping[str, Any]) -> Any:
        with self._turn:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())


class ForkedProcess:
    """As much of a `Popen` as a campaign needs."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery

    def poll(self) -> int | None:
        """Minus the signal's number where one ended it."""
        if self.returncode is None:
            self.returncode = self._nursery.ask({"op": "poll", "pid": self.pid})
        return self.returncode

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        deadline_s = time.monotonic() + _WAIT_S_MAX
        while (code := self.poll()) is None:
            assert time.monotonic() < deadline_s, f"{self.pid} did not end"
            time.sleep(_LOOK_S)
        return code


def main() -> None:
    """The child: it has one thread and no loop, and nothing of a worker but its modules."""
    import tradewright.app.exchanges
    import tradewright.app.process
    import tradewright.app.worker  # for those it forks

    vars(tradewright.app.exchanges)["OWNER_SHARE"] = _OWNER_SHARE

    with contextlib.suppress(ImportError):
        import uvloop  # noqa: F401
    gc.freeze()
    living: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        answer: Any = None
        if request["op"] == "fork":
            sys.stdout.flush()
            pid = os.fork()
            if pid == 0:
                _become(request)
            living.add(pid)
            answer = pid
        elif request["op"] == "poll":
            found, status = os.waitpid(request["pid"], os.WNOHANG)
            if found:
                living.discard(found)
                answer = os.waitstatus_to_exitcode(status)
        print(json.dumps(answer), flush=True)
    for pid in living:
        os.kill(pid, signal.SIGKILL)


def _become(request: Mapping[str, Any]) -> None:
    """Never returns."""
    code = 1
    try:
        nothing, out = os.open(os.devnull, os.O_RDONLY), os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        for mine, wanted in ((nothing, 0), (out, 1), (out, 2)):
            os.dup2(mine, wanted)
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv = ["tradewright", *request["arguments"]]
        from tradewright.app import main as tradewright

        tradewright()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
