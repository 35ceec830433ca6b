# Two commands are enough: `make run` and `make test`. Both do their own set-up with git, make and Python 3.11 or newer.
# Variables of `make run` and `make exchange`: MARKET (synthetic[:N] | replay:FILE@linear:SYMBOL | mirror), SPEED, SEED, FROM;
# of `make fence`: CYCLES; of `make kill`: CYCLES, ACCOUNTS, TIMES; of `make sim`, `make sim-hedged`, `make sim-hashes` and `make seeds-exchange`: SEEDS; of `make fuzz` and `make fuzz-exchange`: BODIES, SEED.

SHELL := /bin/sh
UV := scripts/uv
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS := never
# Without compiled files each of the installation's processes would compile two seconds' worth of packages at each start.
unexport PYTHONDONTWRITEBYTECODE

SEEDS ?= 1000
BODIES ?= 100000
EXAMPLES ?= 50
COMMANDS ?= 5000
COMMITS ?= 1000
CYCLES ?= 50
STEPS ?= 100000

# A campaign with RECORD=1 writes its closing line, with these sizes, into docs/figures.json; a smaller run than the one
# that stands there only with RECORD=replace. How: tests/promises/record.py.
recorded = $(if $(RECORD),PYTHONPATH=tests $(BIN)/python -m promises.record $(RECORD) $(1) $(2) --)
kill_cycles = $(if $(filter command line environment,$(origin CYCLES)),$(CYCLES),15)

.PHONY: setup setup-dev run exchange test quick check fmt sim sim-hedged sim-hashes risk fence fuzz schema fuzz-exchange fuzz-codecs fuzz-specs words functions reference exact seeds-exchange clients bench mutants backtest-twins backtests-beside compiled-twins demo-order pictures kill kills-reading stops db-chaos db-commits keys events moves audit-tampering rotation guesses

setup:  ## what running needs, the page included
	@scripts/setup

setup-dev:  ## what tests and checks need beside it
	@scripts/setup --dev

run: setup  ## the whole installation; Ctrl-C stops it
	@exec $(BIN)/tradewright run $(if $(MARKET),--market '$(MARKET)') $(if $(SPEED),--speed '$(SPEED)') $(if $(SEED),--seed '$(SEED)') $(if $(FROM),--from '$(FROM)')

exchange: setup  ## the simulated exchange alone; MARKET, SPEED, SEED, FROM as for run, ARGS for its other options
	@exec $(BIN)/tradewright exchange $(if $(MARKET),--market '$(MARKET)') $(if $(SPEED),--speed '$(SPEED)') $(if $(SEED),--seed '$(SEED)') $(if $(FROM),--from '$(FROM)') $(ARGS)

test: setup-dev  ## every layer, with the time of each
	@$(BIN)/python tests/run.py

quick: setup-dev  ## unit and property tests
	@$(BIN)/python -m pytest tests/unit tests/property -q -n 2

check: setup-dev  ## format, lint, types, import floors
	@$(BIN)/python tests/run.py checks

fmt: setup-dev
	@$(BIN)/ruff format src tests scripts && $(BIN)/ruff check --fix src tests scripts

risk: setup-dev  ## many askers at the limits of risk, through faults and killed owners: STEPS steps
	@$(call recorded,risk,STEPS=$(STEPS)) $(BIN)/python -m pytest tests/sim/test_risk_interleavings.py -q -n 2 --steps $(STEPS)

sim: setup-dev  ## seeded simulation of session, gateway and exchange in one process; FIRST begins elsewhere than at seed 0
	@PYTHONPATH=tests $(call recorded,sim,SEEDS=$(SEEDS) $(if $(FIRST),FIRST=$(FIRST))) $(BIN)/python -m sim.whole.campaign $(SEEDS) $(FIRST)

sim-hedged: setup-dev  ## the same in hedge mode, with a long and a short leg
	@PYTHONPATH=tests $(call recorded,sim-hedged,SEEDS=$(SEEDS) $(if $(FIRST),FIRST=$(FIRST))) $(BIN)/python -m sim.whole.campaign hedged $(SEEDS) $(FIRST)

sim-hashes: setup-dev  ## the same seed is the same night: SEEDS of them in two processes, where strings hash otherwise
	@PYTHONPATH=tests $(call recorded,sim-hashes,SEEDS=$(SEEDS)) $(BIN)/python -m sim.whole.campaign same $(SEEDS)

fence: setup-dev  ## CYCLES owners are stopped, replaced and let go on: nothing of an old one is accepted
	@$(call recorded,fence,CYCLES=$(CYCLES)) $(BIN)/python -m pytest tests/integration/fence -q -s --show-capture=no --fence-cycles $(CYCLES)

kill: setup-dev  ## real workers are killed at every named point while ACCOUNTS trade, TIMES each, over CYCLES; 15, 20 and 5 unless said
	@PYTHONPATH=tests $(call recorded,kill,CYCLES=$(kill_cycles) ACCOUNTS=$(or $(ACCOUNTS),20) TIMES=$(or $(TIMES),5)) $(BIN)/python -m campaigns.kill $(kill_cycles) $(or $(ACCOUNTS),20) $(or $(TIMES),5)

backtests-beside: setup-dev  ## what the way of ORDERS orders costs while BACKTESTS run at once; on a machine that is quiet
	@PYTHONPATH=tests $(call recorded,backtests-beside,BACKTESTS=$(or $(BACKTESTS),20) ORDERS=$(or $(ORDERS),300)) $(BIN)/python -m campaigns.beside $(or $(BACKTESTS),20) $(or $(ORDERS),300)

stops: setup-dev  ## how long a kill and the next worker take on a whole installation, over ROUNDS; on a machine that is quiet
	@PYTHONPATH=tests $(call recorded,stops,ROUNDS=$(or $(ROUNDS),5)) $(BIN)/python -m campaigns.stops $(or $(ROUNDS),5)

kills-reading: setup-dev  ## KILLS workers are killed in the middle of a reading of their account, in virtual time
	@PYTHONPATH=tests $(call recorded,kills-reading,KILLS=$(or $(KILLS),1000)) $(BIN)/python -m sim.whole.reading_kills $(or $(KILLS),1000)

db-chaos: setup-dev  ## the database is killed every 5 to 40 s while COMMANDS commands come in: each takes effect once, or never
	@COMMANDS=$(COMMANDS) $(call recorded,db-chaos,COMMANDS=$(COMMANDS)) $(BIN)/python -m pytest tests/integration/trading/test_database_restarts.py -q -s --show-capture=no -n 0

db-commits: setup-dev  ## COMMITS connections are cut at COMMIT, half of them after it was delivered: no row is there twice
	@COMMITS=$(COMMITS) $(call recorded,db-commits,COMMITS=$(COMMITS)) $(BIN)/python -m pytest tests/integration/trading/test_commits_cut.py -q -s --show-capture=no -n 0

keys: setup-dev  ## KEYS idempotency keys, each asked for twenty times at once: one effect each
	@KEYS=$(or $(KEYS),500) $(call recorded,keys,KEYS=$(or $(KEYS),500)) $(BIN)/python -m pytest tests/integration/web/test_trading_api.py -k twenty_times_at_once -q -s --show-capture=no -n 0

rotation: setup-dev  ## a rotation of either keyring is killed KILLS times (SIGKILL of a process of its own): every secret opens
	@KILLS=$(or $(KILLS),100) $(call recorded,rotation,KILLS=$(or $(KILLS),100)) $(BIN)/python -m pytest tests/integration/connections/test_keyring_rotation.py tests/integration/vault/test_service_rotation.py -k killed_again -q -s --show-capture=no -n 0

audit-tampering: setup-dev  ## each of ROWS stored audit rows is tampered with in five ways: all of it is found
	@AUDIT_ROWS=$(or $(ROWS),1000) $(call recorded,audit-tampering,ROWS=$(or $(ROWS),1000)) $(BIN)/python -m pytest tests/integration/audit/test_tampering.py -q -s --show-capture=no -n 0

guesses: setup-dev  ## GUESSES passwords are guessed from everywhere over hours: twenty in any hour are compared, of each name and address
	@GUESSES=$(or $(GUESSES),10000) $(call recorded,guesses,GUESSES=$(or $(GUESSES),10000)) $(BIN)/python -m pytest tests/security/test_guessing.py -q -s --show-capture=no -n 0

events: setup-dev  ## private events in ORDERS orders of arrival, repeated: the same end each time
	@ORDERS=$(or $(ORDERS),10000) $(call recorded,events,ORDERS=$(or $(ORDERS),10000)) $(BIN)/python -m pytest tests/sim/test_private_events.py -q -s --show-capture=no -n 0

moves: setup-dev  ## STEPS steps on intents and orders, in any order: only moves of the tables
	@STEPS=$(STEPS) $(call recorded,moves,STEPS=$(STEPS)) $(BIN)/python -m pytest tests/property/test_order_moves.py -q -s --show-capture=no -n 0

fuzz: setup-dev  ## fuzzed API bodies of every operation; SEED draws others
	@$(call recorded,fuzz,BODIES=$(BODIES) $(if $(SEED),SEED=$(SEED))) $(BIN)/python -m pytest tests/security/test_fuzzed_api.py -q -n 2 --bodies $(BODIES) $(if $(SEED),--fuzz-seed $(SEED))

schema: setup-dev  ## schemathesis over the whole API document, EXAMPLES an operation; SEED draws others
	@$(BIN)/python -m pytest tests/security/test_schemathesis.py -q --examples $(EXAMPLES) $(if $(SEED),--schema-seed $(SEED))

fuzz-exchange: setup-dev  ## spoiled requests and frames for every endpoint and stream of the simulated exchange
	@$(call recorded,fuzz-exchange,BODIES=$(BODIES) $(if $(SEED),SEED=$(SEED))) $(BIN)/python -m pytest tests/property/test_simulator_input.py -q -s -k every_kind --show-capture=no --exchange-bodies $(BODIES) $(if $(SEED),--exchange-bodies-seed $(SEED))

fuzz-codecs: setup-dev  ## mutated messages of every kind for the codecs; BODIES says how many
	@TRADEWRIGHT_CODEC_CASES=$(BODIES) HYPOTHESIS_PROFILE=explore $(call recorded,fuzz-codecs,BODIES=$(BODIES)) $(BIN)/python -m pytest tests/property/test_codec_mutations.py -q -n 2

fuzz-specs: setup-dev  ## SPECS made-up strategies: each is answered, soon, whatever it says
	@SPECS=$(or $(SPECS),50000) HYPOTHESIS_PROFILE=explore $(call recorded,fuzz-specs,SPECS=$(or $(SPECS),50000)) $(BIN)/python -m pytest tests/property/test_specs_fuzz.py -q -s --show-capture=no -n 0

words: setup-dev  ## SPECS strategies drawn by chance, each edited: words change, every change is told; FIRST begins elsewhere
	@SPECS=$(or $(SPECS),20000) $(if $(FIRST),FIRST=$(FIRST)) $(call recorded,words,SPECS=$(or $(SPECS),20000)) $(BIN)/python -m pytest tests/property/test_spec_words.py -q -n 2

functions: setup-dev  ## every function beside TA-Lib over the whole of the real series, and compiled: three minutes
	@STRATEGY_BARS=0 STRATEGY_COMPILED=all $(call recorded,functions) $(BIN)/python -m pytest tests/unit/strategy/functions tests/unit/strategy/evaluate -q -n 2

reference: setup-dev  ## the tables of docs/reference and docs/promises.md, from code and figures
	@$(BIN)/python scripts/reference_tables.py
	@PYTHONPATH=tests $(BIN)/python -m promises

backtest-twins: setup-dev  ## the fast backtest against a second, plain engine on SEEDS scenes drawn by chance; FIRST begins elsewhere
	@SEEDS=$(SEEDS) $(if $(FIRST),FIRST=$(FIRST)) $(call recorded,backtest-twins,SEEDS=$(SEEDS)) $(BIN)/python -m pytest tests/property/test_backtest_twins.py -q -s --show-capture=no -n 2

exact: setup-dev  ## the fast backtest against the exact mode: each template over a month, and SEEDS scenes drawn by chance; FIRST begins elsewhere
	@EXACT_DAYS=31 SEEDS=$(SEEDS) $(if $(FIRST),FIRST=$(FIRST)) $(call recorded,exact,SEEDS=$(SEEDS)) $(BIN)/python -m pytest tests/property/test_exact_backtest.py -q -s --show-capture=no -n 2

compiled-twins: setup-dev  ## compiled runs of a search against the fast backtest on SEEDS searches drawn by chance; FIRST begins elsewhere
	@SEEDS=$(SEEDS) $(if $(FIRST),FIRST=$(FIRST)) $(call recorded,compiled-twins,SEEDS=$(SEEDS)) $(BIN)/python -m pytest tests/property/test_compiled_twins.py -q -s --show-capture=no -n 2

seeds-exchange: setup-dev  ## the same seed says the same bytes: SEEDS sessions, each in two processes
	@$(call recorded,seeds-exchange,SEEDS=$(SEEDS)) $(BIN)/python -m pytest tests/property/test_simulator_determinism.py -q --exchange-seeds $(SEEDS)

clients: setup-dev  ## unmodified clients of others that need what we do not: nautilus_trader (Python 3.12), bybit-api (Node)
	@$(call recorded,clients) $(BIN)/python -m pytest tests/clients -q -rs

pictures: setup-dev  ## the pictures of the docs, taken anew
	@PYTHONPATH=tests $(BIN)/python -m pictures

mutants: setup-dev  ## N mutants of trading/ at COMMIT, drawn by cosmic-ray with SEED: the tests that reach each, then SIM_SEEDS seeds
	@PYTHONPATH=tests $(call recorded,mutants,N=$(or $(N),15) SIM_SEEDS=$(or $(SIM_SEEDS),500) SEED=$(or $(SEED),1)) $(BIN)/python -m campaigns.mutants $(or $(N),15) $(or $(SEED),1) $(or $(SIM_SEEDS),500) $(or $(COMMIT),HEAD)

bench: setup-dev  ## our figures beside the peers'
	@$(BIN)/python -m tests.bench

demo-order: setup  ## one order on the running installation, read back from the exchange itself
	@$(BIN)/python scripts/demo_order.py
