# The few commands of this project. `make run` and `make test` bring along what they need: a virtual environment in
# .venv, installed from constraints.txt and refreshed only when that or pyproject.toml changed, and system packages.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
CONSTRAINTS := $(if $(wildcard constraints.txt),-c constraints.txt)
INSTALLED_FROM := pyproject.toml $(wildcard constraints.txt)

# A virtual environment holds absolute paths, and packages for one Python: after a move of the checkout or an upgrade of
# Python it is made anew. Looked at before anything else, since make remembers which files it has seen.
$(shell [ ! -e $(VENV) ] || { $(BIN)/python -c 'import pip' && grep -qsF "$(CURDIR)/$(VENV)/" $(BIN)/pip; } 2>/dev/null || rm -rf $(VENV))

export PYTHON

.PHONY: help run test wheel chaos chaos-long containers soak simulation bench pictures docs lint constraints clean python packages-run packages-test
.NOTPARALLEL:
.DELETE_ON_ERROR:

help:
	@echo "make run          everything on this machine, until Ctrl-C: broker, gateway, workers, Flower, bots"
	@echo "make test         every test but the long ones, and the linters"
	@echo "make wheel        what games are installed with, in dist/: pip install 'dist/gameserver-...-py3-none-any.whl[test]'"
	@echo "make chaos        an hour: faults on real processes, long absences, and what is switched off is found out (SEED=n SEEDS=10)"
	@echo "make chaos-long   half an hour: one run of many faults over many events (SEED=n FAULTS=1000 EVENTS=1000000)"
	@echo "make containers   20 minutes: images and both Compose files of docker/ run by a Docker Engine of its own (as root)"
	@echo "make soak         two hours of play under faults: what grows, or is not answered, is named (HOURS=0.25 REPORT=docs/soak.md SEED=n)"
	@echo "make simulation   a server in one process, ten thousand seeds of faults (SEEDS=n, SEED=the first)"
	@echo "make bench        three quarters of an hour of measuring, beside a server in memory and a task per packet (BUDGET=seconds)"
	@echo "make pictures     draw all maps, and take the other pictures in docs/images anew, while bots play (needs Debian's prometheus)"
	@echo "make docs         write the generated parts of docs/ anew"
	@echo "make lint         the linters alone"
	@echo "make constraints  write constraints.txt anew, with the newest versions that pyproject.toml allows"
	@echo "make clean        remove what was made here, but for the world in var/"

run: packages-run $(VENV)/installed-for-run
	@exec $(BIN)/gameserver up

test: packages-test lint
	$(BIN)/python -m pytest -m "not long"

# Made of a clean copy: setuptools would take along what stood in build/ of files that are gone.
wheel: | python $(BIN)/python
	@rm -rf build dist && $(PIP) wheel -q --no-deps -w dist . && rm -rf build
	@echo "dist/ holds $$(ls dist)."

SEED ?= 1
SEEDS ?= 10

chaos: packages-test $(VENV)/installed-for-test
	$(BIN)/python -m tests.chaos --seed $(SEED) --seeds $(SEEDS) --seconds 45 --every 4
	$(BIN)/python -m tests.chaos --seed $(SEED) --seeds $(SEEDS) --seconds 45 --every 4 --postgresql
	$(BIN)/python -m pytest -m "long and not engine"

containers: packages-test $(VENV)/installed-for-test
	$(BIN)/python -m pytest -m engine -x -rP tests/containers

FAULTS ?= 1000
EVENTS ?= 1000000

chaos-long: packages-test $(VENV)/installed-for-test
	$(BIN)/python -m tests.chaos --long --seed $(SEED) --faults $(FAULTS) --events $(EVENTS)

HOURS ?= 2

soak: packages-test $(VENV)/installed-for-test
	$(BIN)/python -m tests.soak --hours $(HOURS) --seed $(SEED) $(if $(REPORT),--report $(REPORT))

simulation: SEEDS = 10000
simulation: $(VENV)/installed-for-test
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --from $(SEED) --processes $$(nproc)

BUDGET ?= 2700

bench: packages-run $(VENV)/installed-for-test
	$(BIN)/python -m tests.benchmarks all --budget $(BUDGET)

pictures: packages-test $(VENV)/installed-for-test
	$(BIN)/gameserver world pictures docs/images/zones
	@$(PIP) install -q $(CONSTRAINTS) -e '.[bench]'
	$(BIN)/python -m tests.pictures

docs: $(VENV)/installed-for-run
	$(BIN)/python docs/refresh.py

lint: $(VENV)/installed-for-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

packages-run: python
	@docker/system-packages.sh run

packages-test: python
	@docker/system-packages.sh test

python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Install Python 3.11 or newer, or name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, but $(PYTHON) is $$($(PYTHON) --version). Name another: make PYTHON=python3.12 ..." >&2; exit 1; }

$(BIN)/python: | python
	@docker/system-packages.sh python
	@echo "Making a virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)

$(VENV)/installed-for-run: $(INSTALLED_FROM) | python $(BIN)/python
	@echo "Installing the game server and what it needs ..."
	@$(PIP) install -q $(CONSTRAINTS) -e '.[play]'
	@touch $@

$(VENV)/installed-for-test: $(INSTALLED_FROM) | python $(BIN)/python
	@echo "Installing the game server, what it needs and what its tests need ..."
	@$(PIP) install -q $(CONSTRAINTS) -e '.[dev]'
	@touch $@ $(VENV)/installed-for-run

# Without the project itself, and without addresses: what pip found on this machine alone must not be asked of others.
constraints: | python
	@docker/system-packages.sh python
	@rm -rf build/constraints && $(PYTHON) -m venv build/constraints
	@build/constraints/bin/python -m pip --disable-pip-version-check --no-input install -q '.[bench,dev,postgresql]'
	@build/constraints/bin/python -m pip --disable-pip-version-check freeze --exclude gameserver \
		| grep -E '^[A-Za-z0-9._-]+==[^ ]+$$' > build/constraints.txt
	@mv build/constraints.txt constraints.txt && rm -rf build
	@echo "constraints.txt now holds $$(wc -l < constraints.txt) versions."

clean:
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +
	@echo "Clean. The world is kept in var/; to forget it, remove that folder."
