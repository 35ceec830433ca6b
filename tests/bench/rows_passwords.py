"""What one password costs to try: CPU of one argon2id hash at the cost in force (promise J4: at least 100 ms)."""

from __future__ import annotations

import statistics
import time

from tests.bench.harness import Figure

from tradewright.identity.passwords import HashCost, hasher_of

HASHES = 9


def measured() -> list[Figure]:
    hasher = hasher_of(HashCost())
    costs = []
    for _ in range(HASHES):
        began = time.process_time()
        hasher.hash("correct horse battery")
        costs.append(time.process_time() - began)
    return [Figure("hash of a password, CPU", round(statistics.median(costs) * 1000), "ms")]
