#!/usr/bin/env bash
# Installs the programs that make packages beside the build, unless they are installed: cargo-deb, which makes the Debian
# package, and cargo-cyclonedx, which lists what is linked into the program. Each takes some minutes to compile.
#
#   packaging/tools.sh [cargo-deb] [cargo-cyclonedx]    # both without an argument
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=packaging/common.sh
. packaging/common.sh

[ $# -gt 0 ] || set -- "${!versions[@]}"
for name in "$@"; do
  # What cargo has installed there.
  grep -qs "^\"$name ${versions[$name]} " "$tools/$name/.crates.toml" && continue
  echo "Installing $name in $tools/$name" >&2
  cargo install "$name" --version "${versions[$name]}" --locked --quiet --root "$tools/$name" \
    --target-dir "$target/tools/build"
  rm -rf "$target/tools/build"
done
