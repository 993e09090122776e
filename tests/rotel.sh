#!/usr/bin/env bash
# Installs rotel, the OTLP collector of the tests, beside the build, unless it is installed.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=${CARGO_TARGET_DIR:-target}/tools
wanted=tests/rotel.txt
cmp -s "$wanted" "$tools/rotel/installed.txt" && exit 0

echo "Installing rotel in $tools/rotel" >&2
rm -rf "$tools/rotel"
mkdir -p "$tools"
python3 -m venv "$tools/rotel"
# The package contains the program and a Python wrapper. The tests need only the program.
"$tools/rotel/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$wanted"
ln -s "$(cd "$tools" && echo "$PWD"/rotel/lib/python3*/site-packages/rotel/rotel-agent)" "$tools/rotel/bin/rotel-agent"
# Copied last, so that an interrupted installation starts again.
cp "$wanted" "$tools/rotel/installed.txt"
