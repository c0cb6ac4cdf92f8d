#!/usr/bin/env bash
# Runs the tests on an embedded platform of their own (or on what --platform says); run by `make test`.
# Three workers: the tests wait more than they calculate. The long fault tests and the full benchmarks are left to
# `make faults` and `make bench`.
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/pytest -q -m "not faults and not bench" -n 3 --dist loadgroup --no-loadscope-reorder "$@"
