#!/usr/bin/env bash
# Runs the tests on an embedded platform of their own (or on what --platform says); run by `make test`.
# Two workers, since the tests wait as much as they calculate. The long fault tests and the full benchmarks are left to
# `make faults` and `make bench`.
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/pytest -q -m "not faults and not bench" -n 2 --dist loadscope --no-loadscope-reorder "$@"
