PYTHON ?= python3.11
BIN := .venv/bin
OLDEST := .venv-oldest
PYTHONS := out/pythons
# As many as a small machine has cores.
WORKERS ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests are compiled once and kept, also where a container's image forbids it: that is a tenth of their time.
unexport PYTHONDONTWRITEBYTECODE
export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## List these targets.
	@grep -E '^[a-z-]+:.* ## ' Makefile | sed 's/:.* ## /\t/' | expand -t 14

.PHONY: demo
demo: .venv/demo.stamp ## Segment six photos by words; the pictures are in out/demo afterwards.
	PYTHONPATH=.venv/photos $(BIN)/python examples/demo.py --out out/demo

.PHONY: test
test: .venv/dev.stamp lint types ## Run everything that must pass: lint, types and all tests.
	$(BIN)/pytest -n $(WORKERS) -rs $(ARGS)

.PHONY: check
check: .venv/dev.stamp lint types ## Run lint, types and the quick tests, in about a minute.
	$(BIN)/pytest -n $(WORKERS) --no-weights -m "not slow" $(ARGS)

.PHONY: format
format: .venv/dev.stamp ## Format the code, and mend what the linter can mend.
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .

.PHONY: lint
lint: .venv/dev.stamp ## Check format and style.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: .venv/dev.stamp ## Check the types.
	@$(MAKE) --no-print-directory --jobs=2 types-of-code types-of-tests

.PHONY: types-of-code
types-of-code: .venv/dev.stamp
	$(BIN)/mypy

.PHONY: types-of-tests
types-of-tests: .venv/dev.stamp
	$(BIN)/mypy --config-file tests/mypy.ini

.PHONY: test-scale
test-scale: .venv/scale.stamp ## Runs over many photos that lose processes, machines and answers of a store; takes 6 minutes.
	FREESEG_TEST_SCALE=1 $(BIN)/pytest -rs tests/scale tests/cli/test_train_command.py -k 'scale or launcher' $(ARGS)

.PHONY: coverage
coverage: .venv/dev.stamp ## Run all tests and measure which lines they run; fails below the floor in pyproject.toml.
	$(BIN)/pytest -n $(WORKERS) -rs --cov --cov-report=term:skip-covered $(ARGS)

.PHONY: test-oldest
test-oldest: $(OLDEST)/dev.stamp ## Run the quick tests with the oldest versions that pyproject.toml allows.
	$(OLDEST)/bin/pytest -n $(WORKERS) -m "not slow" $(ARGS)

.PHONY: test-pythons
test-pythons: ## Install the wheel alone, without PyTorch, with each Python that is here, and try it.
	rm -rf $(PYTHONS)
	$(PYTHON) -m pip wheel --quiet --no-deps --wheel-dir $(PYTHONS) .
	@for version in 3.11 3.12 3.13 3.14; do \
	  if ! python$$version -c "" 2>/dev/null; then echo "no python$$version here"; continue; fi; \
	  python$$version -m venv $(PYTHONS)/$$version && \
	  $(PYTHONS)/$$version/bin/python -m pip install --quiet --constraint constraints.txt $(PYTHONS)/*.whl && \
	  $(PYTHONS)/$$version/bin/python .ci/smoke.py --light || exit 1; \
	done

.PHONY: package
package: .venv/dev.stamp ## Build the wheel and the sdist into out/package, and check them as the package index would.
	rm -rf out/package
	$(BIN)/validate-pyproject pyproject.toml
	$(BIN)/python -m build --no-isolation --outdir out/package
	$(BIN)/twine check --strict out/package/*
	$(BIN)/check-wheel-contents out/package/*.whl
	$(BIN)/pyroma --min 10 --skip-tests AuthorEmail .
	$(BIN)/python .ci/check_package.py out/package

.PHONY: docs
docs: .venv/dev.stamp ## Build the documentation site into out/docs.
	$(BIN)/mkdocs build --strict --quiet --site-dir out/docs

.PHONY: mutants
mutants: .venv/mutants.stamp ## Plant small bugs where values matter most, one by one, and count those that the tests notice; an hour.
	$(BIN)/mutmut run --max-children $(WORKERS) 2>&1 | cat # a pipe: tests limit the size of files
	$(BIN)/mutmut results

.PHONY: ablation
ablation: .venv/dev.stamp ## Compare poolings; needs data that is not part of the project (docs/concepts/training.md).
	$(BIN)/python experiments/poolings.py $(ARGS)

.PHONY: bench
bench: .venv/dev.stamp ## Measure speed and memory, in minutes, on a machine that does nothing else.
	$(BIN)/python -m benchmarks --out docs/benchmarks/performance.md $(ARGS)
	$(BIN)/python -m benchmarks.clip_family --out docs/benchmarks/models-speed.md

.PHONY: attack
attack: .venv/dev.stamp ## Try 5,000 bad inputs, 200 kills, and 64 full disks for each command; takes an hour.
	@for each in inputs kills full_disk; do PYTHONPATH=tests $(BIN)/python -m attacks.$$each $(ARGS) || failed=1; done; \
	exit $${failed:-0}

.PHONY: clean
clean: ## Remove everything that these targets made.
	rm -rf .venv $(OLDEST) out .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

.venv/bin/python:
	$(PYTHON) -m venv .venv

# Pip runs again only when what it would install has changed. Of two packages the demo wants nothing but photos: they are
# put aside, without what they need themselves, which is larger than FreeSeg.
.venv/demo.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps --upgrade --target .venv/photos scikit-image scikit-learn
	touch $@

.venv/dev.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@ .venv/demo.stamp

# Ray Serve, which is no part of the extra "dev", since it brings 35 packages.
.venv/scale.stamp: .venv/dev.stamp
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[ray-serve]"
	touch $@

.venv/mutants.stamp: .venv/dev.stamp
	$(BIN)/pip install --quiet --constraint constraints.txt "mutmut>=3.8"
	touch $@

$(OLDEST)/dev.stamp: pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/pip install --quiet --constraint constraints-oldest.txt --editable ".[dev]"
	touch $@
