"""Runs a campaign and writes its closing line down: `python -m promises.record 1|replace NAME [VAR=N …] -- command …`.

Made for `make NAME RECORD=1`. The command's output is shown as it comes; its last line of the campaign's closing form
goes to `docs/figures.json` with sizes, commit, date, machine in words and seconds, and the table of promises is written
anew. A run that ends with 1 has found something and is kept as a failure; any other end says nothing and is not kept.
The exit code is the command's, and 1 where a passed run could not be kept.
Lives here: running and what is read of it. Not here: what is kept of two runs (`figures`).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from promises import figures, table
from promises.campaigns import CAMPAIGNS
from promises.figures import ROOT, Run
from promises.model import Campaign


class Unfit(Exception):
    """What was asked for or said cannot be a figure; the text says why."""


def sizes_of(campaign: Campaign, given: Mapping[str, str]) -> dict[str, int]:
    """The sizes among the variables of the command line. Raises `Unfit` for one that is missing or no number."""
    found = {}
    for variable in campaign.full:
        value = given.get(variable, "")
        if not value.isascii() or not value.isdigit() or int(value) == 0:
            raise Unfit(f"{campaign.name} is recorded with its size: {variable}={value or 'nothing'} is no count")
        found[variable] = int(value)
    return found


def closing_line(campaign: Campaign, output: str) -> str | None:
    """The last line that has the campaign's closing form, from where that form begins; None where there is none."""
    found = [match for line in output.splitlines() if (match := re.search(campaign.closing, line))]
    return figures.plain(found[-1][0]) if found else None


def check_said(campaign: Campaign, line: str, sizes: Mapping[str, int]) -> None:
    """Raises `Unfit` where the line tells other sizes than were asked for."""
    match = re.search(campaign.closing, line)
    said = match.groupdict() if match else {}
    for variable, size in said.items():
        if int(size) != sizes[variable]:
            raise Unfit(f"{campaign.name} was asked for {variable}={sizes[variable]} and says {size}")


def run_shown(command: Sequence[str]) -> tuple[int, str]:
    """Exit code and output of a command whose output is shown while it runs; standard error goes its own way."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    told = bytearray()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        while piece := os.read(process.stdout.fileno(), 65_536):
            told += piece
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
    return process.returncode, told.decode(errors="replace")


def commit() -> str:
    """The commit that is checked out, and whether code or tests differ from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "src", "tests")
        return git("rev-parse", "--short=10", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def main(arguments: Sequence[str]) -> int:
    if "--" not in arguments or len(arguments) < 4 or arguments[0] not in ("1", "replace"):
        print(__doc__, file=sys.stderr)
        return 2
    cut = list(arguments).index("--")
    (how, name, *variables), command = arguments[:cut], arguments[cut + 1 :]
    given = dict(variable.partition("=")[::2] for variable in variables)
    if name not in CAMPAIGNS:
        print(f"{name} is no campaign; there are {', '.join(CAMPAIGNS)}", file=sys.stderr)
        return 2
    campaign = CAMPAIGNS[name]
    try:
        sizes = sizes_of(campaign, given)
    except Unfit as unfit:
        print(unfit, file=sys.stderr)
        return 2
    began, at_commit = time.monotonic(), commit()
    try:
        code, output = run_shown(command)
    except KeyboardInterrupt:
        print(f"{name} was broken off: nothing is recorded", file=sys.stderr)
        return 130
    if code not in (0, 1):
        print(f"{name} ended with {code}, which is neither passed nor failed: nothing is recorded", file=sys.stderr)
        return code if code > 0 else 128 - code
    line = closing_line(campaign, output)
    try:
        if line is None and code == 0:
            raise Unfit(f"{name} said no closing line")
        if line is not None:
            check_said(campaign, line, sizes)
    except Unfit as unfit:
        print(f"{unfit}: nothing is recorded", file=sys.stderr)
        return 1
    run = Run(
        sizes=sizes,
        command=" ".join(["make", name, *variables]),
        line=line or "it ended without its closing line",
        commit=at_commit,
        date=datetime.now(UTC).date().isoformat(),
        machine=f"{len(os.sched_getaffinity(0))} cores",
        seconds=round(time.monotonic() - began),
    )
    kept = figures.keep(name, run, passed=code == 0, by_force=how == "replace")
    standing = kept.reached if code == 0 else kept.failed
    assert standing is not None
    if standing is run:
        print(f"recorded in docs/figures.json: {run.command}", file=sys.stderr)
    else:
        larger = f"{standing.command} of {standing.date} is larger and stays"
        print(f"not recorded: {larger}; RECORD=replace takes this one all the same", file=sys.stderr)
    table.FILE.write_text(table.page())
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
