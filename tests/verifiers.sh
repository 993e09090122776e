#!/usr/bin/env bash
# Installs the webhook verifiers of PyPI and npm beside the build, unless they are installed.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=${CARGO_TARGET_DIR:-target}/tools/verifiers
wanted=(tests/webhooks/{requirements.txt,package.json,verify.py,verify.mjs})
cat "${wanted[@]}" | cmp -s - "$tools/installed.txt" && exit 0

echo "Installing the webhook verifiers in $tools" >&2
rm -rf "$tools"
mkdir -p "$tools"
python3 -m venv "$tools/python"
"$tools/python/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "${wanted[0]}"
cp "${wanted[1]}" "$tools/"
npm install --prefix "$tools" --silent --no-audit --no-fund --no-package-lock
cp "${wanted[@]:2}" "$tools/"
# Written last, so that an interrupted installation starts again.
cat "${wanted[@]}" >"$tools/installed.txt"
