#!/usr/bin/env bash
# Installs moto, the S3 server of the tests, in a virtual environment beside the build. Does nothing if it is there.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=${CARGO_TARGET_DIR:-target}/tools
wanted=tests/moto.txt
cmp -s "$wanted" "$tools/moto/installed.txt" && exit 0

echo "Installing moto in $tools/moto" >&2
rm -rf "$tools/moto"
mkdir -p "$tools"
python3 -m venv "$tools/moto"
"$tools/moto/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$wanted"
# Last, so that an installation that was broken off is begun again.
cp "$wanted" "$tools/moto/installed.txt"
