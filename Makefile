# make repro: set up and run the pipeline on params.yaml; make test: set up and run all checks;
# make bench: speeds as ratios of two things measured in one run.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: repro test bench
repro: .venv/.installed
	@python -m stages.recover
	dvc repro

test: .venv/.installed-dev
	ruff check .
	ruff format --check .
	pytest

bench: .venv/.installed-dev
	for bench in tests/bench/*.py; do PYTHONPATH=.:tests python $$bench; done

.venv/.installed: requirements.txt | .venv/bin/python
	pip install --quiet --requirement $<
	touch $@

.venv/.installed-dev: requirements-dev.txt requirements.txt | .venv/.installed
	pip install --quiet --requirement $<
	touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "error: $(PYTHON) is not Python 3.11 to 3.13: name one with make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
