# `make` lists what there is. Everything runs in .venv, which is built when missing.

PYTHON ?= python3
RUN := .venv/bin/python -m

.DEFAULT_GOAL := help
N ?= 1000
SEED ?= 0

.PHONY: help train test slow fuzz kills mutants versions browser lint bench notebooks docs wheel clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/made: pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --editable '.[test]'
	@touch $@

train: .venv/made  ## train the small AlexNet on emoji (two minutes)
	$(RUN) npalexnet.train

test: .venv/made  ## run the tests (under five minutes)
	$(RUN) pytest --numprocesses auto --maxprocesses 4 --dist loadscope

slow: .venv/made  ## run the tests that take longer
	$(RUN) pytest -m slow

fuzz: .venv/made  ## damage N files of each kind: make fuzz N=10000 SEED=1
	set -e; for script in tests/fuzz_*.py; do \
		.venv/bin/python $$script --count $(N) --seed $(SEED); done

kills: .venv/made  ## kill training N times, and N times on two ranks
	.venv/bin/pip install --quiet --editable '.[mpi]'
	.venv/bin/python tests/kills.py --count $(N) --seed $(SEED)
	.venv/bin/python tests/kills.py --count $(N) --seed $(SEED) --ranks 2

mutants: N = 600
mutants: .venv/made  ## break the package in N places: do the tests notice? (hours)
	.venv/bin/python tests/mutants.py --count $(N) --seed $(SEED)

browser: .venv/made  ## hold the explorer to NumPy in Chromium, the large networks too
	.venv/bin/pip install --quiet --editable '.[browser]'
	$(RUN) pytest -m browser tests tests/explorer_large.py

versions: .venv/made  ## run the tests with the oldest and the newest of everything
	.venv/bin/python tests/versions.py

lint: .venv/made  ## check style and types
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy

bench: .venv/made  ## measure a step beside PyTorch (twenty minutes)
	.venv/bin/pip install --quiet --editable '.[bench]'
	$(RUN) benchmarks.step

notebooks: .venv/made  ## open the notebooks in JupyterLab
	.venv/bin/pip install --quiet --editable '.[notebooks,mpi]'
	.venv/bin/jupyter lab notebooks

docs: .venv/made  ## build the pages into build/pages
	.venv/bin/pip install --quiet --editable '.[docs]'
	$(RUN) sphinx --builder html --fail-on-warning --fresh-env --jobs auto \
		--quiet docs build/pages
	$(RUN) docs.check build/pages
	@echo "open build/pages/index.html"

wheel: .venv/made  ## build wheel and sdist, install them elsewhere, and use them
	.venv/bin/python tests/wheel.py

clean:  ## throw away the environment and all caches (runs/ stays)
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
