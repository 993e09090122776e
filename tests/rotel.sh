#!/usr/bin/env bash
# Installs rotel, the OTLP collector of the tests, beside the build. Does nothing if it is there.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=${CARGO_TARGET_DIR:-target}/tools
wanted=tests/rotel.txt
cmp -s "$wanted" "$tools/rotel/installed.txt" && exit 0

echo "Installing rotel in $tools/rotel" >&2
rm -rf "$tools/rotel"
mkdir -p "$tools"
python3 -m venv "$tools/rotel"
# The package is a program and a way to start it from Python, of which the tests need the first.
"$tools/rotel/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$wanted"
ln -s "$(cd "$tools" && echo "$PWD"/rotel/lib/python3*/site-packages/rotel/rotel-agent)" "$tools/rotel/bin/rotel-agent"
# Last, so that an installation that was broken off is begun again.
cp "$wanted" "$tools/rotel/installed.txt"
