#!/usr/bin/env bash
# Installs libraries of PyPI and npm beside the build, unless they are installed: those that verify webhooks,
# read exported palettes, decode pictures, drive a browser, read the OpenAPI document, render the Helm chart, and check
# containers' files.
set -euo pipefail
cd "$(dirname "$0")/.."
# What a folder does not have is not in its list.
shopt -s nullglob

# The name of the folder to install in, and the folder that has the lists and the programs.
install() {
  local tools=${CARGO_TARGET_DIR:-target}/tools/$1
  local wanted=("$2"/requirements.tx[t] "$2"/package.jso[n] "$2"/*.py "$2"/*.mjs "$2"/*.ts)
  cat "${wanted[@]}" | cmp -s - "$tools/installed.txt" && return

  echo "Installing the libraries of $2 in $tools" >&2
  rm -rf "$tools"
  mkdir -p "$tools"
  cp "${wanted[@]}" "$tools/"
  if [ -e "$tools/requirements.txt" ]; then
    python3 -m venv "$tools/python"
    "$tools/python/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$tools/requirements.txt"
  fi
  if [ -e "$tools/package.json" ]; then
    npm install --prefix "$tools" --silent --no-audit --no-fund --no-package-lock --ignore-scripts
  fi
  # Written last, so that an interrupted installation starts again.
  cat "${wanted[@]}" >"$tools/installed.txt"
}

install verifiers tests/webhooks
install palette-readers tests/palettes
install reference-decoders imaging/tests/references
install browser-driver tests/browsers
install page tests/page
install openapi-tools tests/openapi
install chart-tools tests/packages/chart
install container-tools tests/packages/container
