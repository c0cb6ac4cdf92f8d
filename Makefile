# `make help` prints every target.
.DEFAULT_GOAL := help
BIN := .venv/bin
PACKAGES := $(wildcard contracts/pyproject.toml shared/pyproject.toml deploy/local/pyproject.toml services/*/pyproject.toml)

.venv/.ready: requirements.lock deploy/bootstrap.lock deploy/bootstrap.sh $(PACKAGES)
	@./deploy/bootstrap.sh

.PHONY: help setup lock
help: ## print this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: .venv/.ready ## make .venv from the hashed lock

lock: .venv/.ready ## resolve the dependencies anew into requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --python-version 3.11 --no-header --quiet \
	  $(foreach p,klokwerk klokwerk-contracts klokwerk-platform debtor-service sales-service ekt-service dispatch-service accounting-sync back-office,--no-emit-package $(p)) \
	  -o requirements.lock
	$(BIN)/uv pip compile deploy/bootstrap.in --universal --generate-hashes --no-header --quiet -o deploy/bootstrap.lock
	$(BIN)/uv pip compile services/*/pyproject.toml shared/pyproject.toml contracts/pyproject.toml deploy/compose/runtime.in \
	  --extra validation --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet \
	  -c requirements.lock --no-emit-package klokwerk --no-emit-package klokwerk-contracts \
	  --override deploy/compose/override.in -o deploy/compose/runtime.lock

.PHONY: demo test check faults bench acceptance clean
demo: .venv/.ready ## play the order day on a fresh embedded platform (ARGS=--once to stop at the end)
	@$(BIN)/klokwerk demo $(ARGS)

test: .venv/.ready ## all checks and all tests, on servers of their own
	@./deploy/browser.sh || echo "The browser tests will be skipped."
	@$(MAKE) --no-print-directory check
	@./deploy/test.sh $(ARGS)

check: .venv/.ready ## formatting, lint, types, import contracts, event contracts
	@$(BIN)/ruff format --check --quiet . || { echo "Run: .venv/bin/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(MAKE) --no-print-directory -j2 types-packages types-tests
	@$(BIN)/lint-imports >/dev/null 2>&1 || { $(BIN)/lint-imports; exit 1; }
	@$(BIN)/klokwerk contracts check

.PHONY: types-packages types-tests
types-packages: .venv/.ready
	@$(BIN)/mypy
types-tests: .venv/.ready
	@$(BIN)/mypy --config-file tests/mypy.ini

faults: .venv/.ready ## kill -9 and broker faults during an order day, lists of 10,000 in a browser (minutes)
	@$(BIN)/pytest -m faults tests/faults tests/browser --timeout 900 $(ARGS)

bench: .venv/.ready ## side-by-side figures, as ratios taken in one run
	@$(BIN)/python tests/benchmarks/run.py $(ARGS)

acceptance: .venv/.ready ## the numbered rules: covered by which test, or open
	@$(BIN)/python -m klokwerk_platform.acceptance $(ARGS)

clean: ## remove the virtual environment and all local state
	@rm -rf .venv .state .mypy_cache .ruff_cache .pytest_cache .import_linter_cache reports
