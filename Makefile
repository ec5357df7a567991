# make repro: set up and run the pipeline on params.yaml; make test: set up and run every check and test;
# make check: the checks that take seconds; make bench: speeds, as ratios of two things measured in one run.
# make gpu: checks and measures everything on a GPU with the Python that is there, see docs/gpu.md.
PYTHON ?= python3
# Of make repro: stages that run at a time; by default one per core, and one on a GPU
LANES ?=
# Of make test: files of tests that run at a time
JOBS ?= 2
# Of make gpu: minutes for all parts together, the parts, a folder of wheels, further options
MINUTES ?= 30
PARTS ?= 1,2,3,4,5,6,7
PACKAGES ?=
GPU_OPTIONS ?=
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: repro test check bench gpu
repro: .git .venv/.installed
	@python -m tools.check
	@python -m tools.recover
	@python -m tools.lanes $(LANES)

test: .git check
	OMP_NUM_THREADS=1 pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0

check: .venv/.installed-dev
	ruff check .
	ruff format --check .
	mypy

bench: .venv/.installed-dev
	for bench in tests/bench/*.py; do PYTHONPATH=.:tests python $$bench; done

gpu:
	PYTHONPATH=.:tests $(PYTHON) -m gpu run --minutes $(MINUTES) --parts $(PARTS) \
		$(if $(PACKAGES),--packages $(PACKAGES)) $(GPU_OPTIONS)

# An archive of the files has none, and DVC does not work without.
.git:
	@echo "error: this directory is not a git repository, which DVC needs: run git init first" >&2; exit 1

.venv/.installed: requirements.txt pyproject.toml | .venv/bin/python
	pip install --quiet --requirement $<
	pip install --quiet --no-deps --editable .
	touch $@

.venv/.installed-dev: requirements-dev.txt requirements.txt | .venv/.installed
	pip install --quiet --requirement $<
	touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "error: $(PYTHON) is not Python 3.11 to 3.13: name one with make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
