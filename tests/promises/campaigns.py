"""The campaigns: tests that take minutes or hours, run by hand, with the sizes that count and the line that is kept."""

from __future__ import annotations

from promises.model import Campaign

# What pytest says of a run that passed; one that only skipped does not match.
_PASSED = r"\d+ passed\b.* in [\d.]+s.*"

CAMPAIGNS = {
    campaign.name: campaign
    for campaign in (
        Campaign(
            name="sim",
            does="seeded nights of session, gateway and exchange under drawn faults and kills",
            full={"SEEDS": 10_000},
            closing=r"seeds=(?P<SEEDS>\d+) duplicates=.*",
        ),
        Campaign(
            name="sim-hedged",
            does="the same nights with the contract held in two legs",
            full={"SEEDS": 1_000},
            closing=r"seeds=(?P<SEEDS>\d+) duplicates=.*",
        ),
        Campaign(
            name="sim-hashes",
            does="the same seed in two processes in which strings hash otherwise",
            full={"SEEDS": 1_000},
            closing=r"seeds=(?P<SEEDS>\d+) same=\d+",
        ),
        Campaign(
            name="kill",
            does="real workers killed at every named point while accounts trade and the database falls",
            full={"CYCLES": 15, "ACCOUNTS": 20, "TIMES": 5},
            closing=r"cycles=(?P<CYCLES>\d+) accounts=(?P<ACCOUNTS>\d+) .*",
        ),
        Campaign(
            name="kills-reading",
            does="workers killed in the middle of a reading of their account, in virtual time",
            full={"KILLS": 1_000},
            closing=r"kills-reading kills=(?P<KILLS>\d+) .*",
        ),
        Campaign(
            name="audit-tampering",
            does="each stored row of the audit trail tampered with in five ways, on PostgreSQL",
            full={"ROWS": 1_000},
            closing=_PASSED,
        ),
        Campaign(
            name="guesses",
            does="passwords guessed through a proxy: for one name, from one address or household, for many from many",
            full={"GUESSES": 10_000},
            closing=r"guesses guesses=(?P<GUESSES>\d+) .*",
        ),
        Campaign(
            name="rotation",
            does="a rotation of either keyring killed at every point that it names; every stored secret opens",
            full={"KILLS": 100},
            closing=_PASSED,
        ),
        Campaign(
            name="stops",
            does="how long a kill and the next worker take on a whole installation that has the machine to itself",
            full={"ROUNDS": 5},
            closing=r"stops rounds=(?P<ROUNDS>\d+) .*",
        ),
        Campaign(
            name="fence",
            does="owners stopped at drawn instants, replaced, and let go on",
            full={"CYCLES": 50},
            closing=r"fence cycles=(?P<CYCLES>\d+) .*",
        ),
        Campaign(
            name="risk",
            does="many askers at the limits of risk, through faults and killed owners",
            full={"STEPS": 100_000},
            closing=_PASSED,
        ),
        Campaign(
            name="moves",
            does="steps on intents and orders in any order",
            full={"STEPS": 100_000},
            closing=r"moves steps=\d+ .*",
        ),
        Campaign(
            name="events",
            does="private events in drawn orders of arrival, repeated and dropped",
            full={"ORDERS": 10_000},
            closing=r"events orders=(?P<ORDERS>\d+) .*",
        ),
        Campaign(
            name="keys",
            does="idempotency keys, each posted twenty times at once",
            full={"KEYS": 500},
            closing=r"keys=(?P<KEYS>\d+) .*",
        ),
        Campaign(
            name="db-chaos",
            does="the database killed every 5 to 40 s while commands come in",
            full={"COMMANDS": 5_000},
            closing=r"commands=\d+ restarts=.*",
        ),
        Campaign(
            name="db-commits",
            does="connections cut at COMMIT",
            full={"COMMITS": 1_000},
            closing=r"commits cut: .*",
        ),
        Campaign(
            name="fuzz",
            does="made-up API bodies for every operation",
            full={"BODIES": 100_000},
            closing=r"fuzz: seed .*?\b(?P<BODIES>\d+) bodies in .*",
        ),
        Campaign(
            name="fuzz-exchange",
            does="spoiled requests and frames for every endpoint and stream of the simulated exchange",
            full={"BODIES": 100_000},
            closing=r"(?P<BODIES>\d+) spoiled requests in .*",
        ),
        Campaign(
            name="fuzz-codecs",
            does="mutated messages of every kind for the codecs",
            full={"BODIES": 100_000},
            closing=_PASSED,
        ),
        Campaign(
            name="seeds-exchange",
            does="sessions on the simulated exchange, each seed in two processes",
            full={"SEEDS": 1_000},
            closing=_PASSED,
        ),
        Campaign(
            name="mutants",
            does="mutants of `trading/`, drawn by a tool; at least 13 of 15 must be found",
            full={"N": 15, "SIM_SEEDS": 500},
            closing=r"mutants=(?P<N>\d+) found=.*",
        ),
        Campaign(
            name="fuzz-specs",
            does="made-up strategies, whole and torn: each is answered",
            full={"SPECS": 50_000},
            closing=r"fuzz-specs specs=(?P<SPECS>\d+) .*",
        ),
        Campaign(
            name="words",
            does="strategies drawn by chance and single edits of them: their words change, and each change is told",
            full={"SPECS": 20_000},
            closing=_PASSED,
        ),
        Campaign(
            name="functions",
            does="every function beside TA-Lib over all of the recorded series: by bars, in columns, compiled",
            full={},
            closing=_PASSED,
        ),
        Campaign(
            name="backtests-beside",
            does="orders on a whole installation with and without backtests at once; on a machine that is quiet",
            full={"BACKTESTS": 20, "ORDERS": 300},
            closing=r"backtests-beside backtests=(?P<BACKTESTS>\d+) orders=(?P<ORDERS>\d+) .*",
        ),
        Campaign(
            name="backtest-twins",
            does="the fast backtest beside a second, plain engine on scenes drawn by chance",
            full={"SEEDS": 20_000},
            closing=_PASSED,
        ),
        Campaign(
            name="exact",
            does="the fast backtest beside the live core on the simulated exchange: a month, on minutes, with minutes"
            " inside longer bars too, and scenes by chance",
            full={"SEEDS": 1_000},
            closing=_PASSED,
        ),
        Campaign(
            name="compiled-twins",
            does="compiled runs of a search beside the fast backtest, on searches drawn by chance",
            full={"SEEDS": 2_400},
            closing=_PASSED,
        ),
        Campaign(
            name="clients",
            does="unmodified clients of others that need a Python or Node of their own",
            full={},
            closing=_PASSED,
        ),
    )
}
