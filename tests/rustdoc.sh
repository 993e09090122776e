#!/usr/bin/env bash
# Stands in for rustdoc in `cargo test --doc`, and writes the documentation instead of testing it (there are no doc tests).
# It takes what the tests were built with; `cargo doc` would check all dependencies once more. Warnings are errors.
set -euo pipefail

arguments=()
while [ $# -gt 0 ]; do
  case $1 in
  --test) ;;
  --test-run-directory) shift ;;
  *) arguments+=("$1") ;;
  esac
  shift
done
exec rustdoc "${arguments[@]}" -D warnings --out-dir "${CARGO_TARGET_DIR:-target}/doc"
