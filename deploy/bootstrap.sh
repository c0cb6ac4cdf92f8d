#!/usr/bin/env bash
# Makes .venv from the hashed lock and installs the workspace into it. Run by `make`; needs Python >= 3.11.
# Installs a missing system package only where apt may be used without a question.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }

find_python() {
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

apt_install() {
  if ! command -v apt-get >/dev/null; then return 1; fi
  local sudo=""
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || return 1
    sudo="sudo -n"
  fi
  say "Installing $* (apt)"
  $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

python=$(find_python) || {
  echo "Klokwerk needs Python 3.11 or later; none was found. Install it, or name it: make demo PYTHON=/path/to/python3.12" >&2
  exit 1
}

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  rm -rf .venv
  say "Making the virtual environment with $("$python" --version)"
  "$python" -m venv .venv 2>/dev/null || {
    rm -rf .venv
    apt_install python3-venv && "$python" -m venv .venv
  } || {
    echo "python -m venv does not work here. Install the venv package of your Python (Debian: python3-venv)." >&2
    exit 1
  }
fi

say "Installing the locked packages (hashes checked)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/bootstrap.lock
.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements.lock
say "Installing the workspace"
members=(contracts shared deploy/local services/*)
args=()
for member in "${members[@]}"; do
  [ -f "$member/pyproject.toml" ] && args+=(-e "./$member")
done
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation "${args[@]}"
touch .venv/.ready
