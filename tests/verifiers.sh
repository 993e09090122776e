#!/usr/bin/env bash
# Installs libraries of PyPI and npm beside the build, unless they are installed: those that verify webhooks, and those
# that read exported palettes.
set -euo pipefail
cd "$(dirname "$0")/.."

# The name of the folder to install in, and the folder that has the lists and the programs.
install() {
  local tools=${CARGO_TARGET_DIR:-target}/tools/$1
  local wanted=("$2"/requirements.txt "$2"/package.json "$2"/*.py "$2"/*.mjs)
  cat "${wanted[@]}" | cmp -s - "$tools/installed.txt" && return

  echo "Installing the libraries of $2 in $tools" >&2
  rm -rf "$tools"
  mkdir -p "$tools"
  python3 -m venv "$tools/python"
  "$tools/python/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "${wanted[0]}"
  cp "${wanted[1]}" "$tools/"
  npm install --prefix "$tools" --silent --no-audit --no-fund --no-package-lock --ignore-scripts
  cp "${wanted[@]:2}" "$tools/"
  # Written last, so that an interrupted installation starts again.
  cat "${wanted[@]}" >"$tools/installed.txt"
}

install verifiers tests/webhooks
install palette-readers tests/palettes
