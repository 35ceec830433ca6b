"""Programs for the supervisor's tests: a run made of small children, and such a child. Started as real processes.

`supervised.py run HOME BASE PLAN` runs a supervisor with the children of the JSON file PLAN;
`supervised.py child NAME PLAN` is one of them. Children write what happens to them into `events` beside PLAN.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType


def run(home: Path, base: Path, plan_file: Path) -> int:
    from tradewright.core.errors import StartError
    from tradewright.process.spec import POSTGRES, ChildSpec, ReadyAtOnce, ReadyHttp, ReadyLine, Restart
    from tradewright.storage.embedded import EmbeddedPostgres
    from tradewright.supervisor import Port, Supervisor

    plan = json.loads(plan_file.read_text())

    def spec(name: str, about: dict[str, object]) -> ChildSpec:
        argv = [sys.executable, __file__, "child", name, str(plan_file)]
        ready = {
            "line": ReadyLine(took=lambda line: note(plan_file, "line", name, json.dumps(line))),
            "http": ReadyHttp(host="127.0.0.1", port=int(str(about.get("port", 0))), path="/healthz"),
            "at once": ReadyAtOnce(),
        }[str(about.get("ready", "at once"))]
        return ChildSpec(
            name=name,
            argv=[*argv, "0"],
            argv_again=lambda line: [*_program(plan_file, argv), str(line["port"])],
            env=dict(os.environ),
            ready=ready,
            after=tuple(about.get("after", [POSTGRES])),  # type: ignore[call-overload]
            stop_timeout_s=float(str(about.get("stop_timeout_s", 2.5))),
            restart=Restart(pause_s=0.05),
            is_needed=bool(about.get("needed", True)),
        )

    postgres = None
    if plan.get("postgres", True):
        postgres = EmbeddedPostgres(home, root_base=base, overrides=plan.get("overrides"))
    try:
        Supervisor(
            home=home,
            children=[spec(name, about) for name, about in plan["children"].items()],
            postgres=postgres,
            ports=[Port(host="127.0.0.1", port=port, setting="TRADEWRIGHT_PORT") for port in plan.get("ports", [])],
            on_ready=lambda: note(plan_file, "ready", "all", ""),
        ).run()
    except StartError as error:
        print(error, file=sys.stderr, flush=True)
        return error.exit_code
    return 0


def _program(plan_file: Path, argv: list[str]) -> list[str]:
    """The interpreter, or while the file `broken` is there a program that does not exist."""
    return ["/no/such/program"] if plan_file.with_name("broken").exists() else argv


def child(name: str, plan_file: Path, port: str) -> int:
    about = json.loads(plan_file.read_text())["children"][name]

    def ended(number: int, _frame: FrameType | None) -> None:
        note(plan_file, signal.Signals(number).name, name, str(os.getpid()))
        if not about.get("stubborn"):
            note(plan_file, "ended", name, str(os.getpid()))
            os._exit(0)

    signal.signal(signal.SIGTERM, ended)
    note(plan_file, "started", name, f"{os.getpid()} {port}")
    starts = sum(line.startswith(f"started {name} ") for line in events_of(plan_file))
    if starts <= about.get("fails", 0):
        print("a line before", file=sys.stderr)
        print(f"{name} cannot start, and says so", file=sys.stderr, flush=True)
        return int(about["code"])
    if about.get("grandchild"):
        grandchild = subprocess.Popen(["/bin/sleep", "600"])
        note(plan_file, "grandchild", name, str(grandchild.pid))
    print("not the line", flush=True)
    print("a word on stderr", file=sys.stderr, flush=True)
    if about.get("ready") == "line":
        print(json.dumps({"port": 4711, "start": starts}), flush=True)
    if about.get("ready") == "http":
        serve(int(about["port"]))
    while True:  # in short naps: a signal that comes just before one is heard after it
        time.sleep(0.2)


def serve(port: int) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Healthy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/healthz" else 404)
            self.end_headers()

    HTTPServer(("127.0.0.1", port), Healthy).serve_forever()


def note(plan_file: Path, *words: str) -> None:
    descriptor = os.open(plan_file.with_name("events"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, (" ".join(words) + "\n").encode())
    os.close(descriptor)


def events_of(plan_file: Path) -> list[str]:
    try:
        return plan_file.with_name("events").read_text().splitlines()
    except FileNotFoundError:
        return []


if __name__ == "__main__":
    if sys.argv[1] == "run":
        sys.exit(run(Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])))
    sys.exit(child(sys.argv[2], Path(sys.argv[3]), sys.argv[4]))
