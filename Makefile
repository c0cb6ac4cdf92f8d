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
