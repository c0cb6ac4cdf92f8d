#!/bin/sh
# Finds the browser for the browser tests, or installs Debian's chromium where that is allowed.
# Prints its path; ends with 1 and a reason when there is none to be had.
set -eu

find_browser() {
    for name in ${KLOKWERK_BROWSER:-} chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name"; then
            return 0
        fi
    done
    return 1
}

if find_browser; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "No browser found. Install chromium, or set KLOKWERK_BROWSER to the path of one." >&2
    exit 1
fi
echo "Installing chromium..." >&2
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null 2>&1; then
    echo "chromium could not be installed by apt-get; set KLOKWERK_BROWSER to the path of a browser." >&2
    exit 1
fi
find_browser
