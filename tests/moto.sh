#!/usr/bin/env bash
# Installs moto, the S3 server of the tests, in a virtual environment beside the build, unless it is installed.
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
# Copied last, so that an interrupted installation starts again.
cp "$wanted" "$tools/moto/installed.txt"
