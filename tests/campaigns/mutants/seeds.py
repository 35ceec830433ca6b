"""Seeds of the whole simulation until one finds something: `python -m campaigns.mutants.seeds SEEDS`.

Unlike `sim.whole.campaign`, which runs all of them whatever they find.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from sim.whole.campaign import quiet, run_all


def main(seeds: str) -> int:
    quiet()
    for report in run_all(range(int(seeds))):
        if report.problems:
            told = {"job": "", "failed": f"seed {report.seed}: {report.problems[0]}"}
            Path(os.environ["MUTANTS_TOLD"]).write_text(json.dumps(told) + "\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
