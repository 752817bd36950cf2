# `make` lists what there is. Everything runs in .venv, which is built when missing.

PYTHON ?= python3
RUN := .venv/bin/python -m

.DEFAULT_GOAL := help
.PHONY: help train test slow lint bench notebooks docs clean

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

clean:  ## throw away the environment and all caches (runs/ stays)
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
