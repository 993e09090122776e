#!/usr/bin/env bash
# Builds the program and puts it into a folder with what it generates: manual pages and completions. The packages are made of
# this folder.
#
#   packaging/stage.sh FOLDER
#
# HUEMILL_PACKAGE_PROFILE (dist) is the profile that is built. HUEMILL_PACKAGE_BINARY is a program that is taken instead.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=packaging/common.sh
. packaging/common.sh
stage=$1

if [ -z "$binary" ]; then
  # No path of this machine gets into the program: neither from Rust nor from C. RUSTFLAGS and CFLAGS of the caller stay.
  from=("$PWD=/huemill" "$target=/target" "${CARGO_HOME:-$HOME/.cargo}=/cargo")
  for path in "${from[@]}"; do
    RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$path"
    CFLAGS="${CFLAGS:-} -ffile-prefix-map=$path"
  done
  RUSTFLAGS=$RUSTFLAGS CFLAGS=$CFLAGS cargo build --workspace --bins --profile "$profile" --locked
  binary=$target/$profile/huemill
fi

rm -rf "$stage"
# cargo-deb looks for the program in a folder that is called like the profile in Cargo.toml.
mkdir -p "$stage/dist" "$stage/completions"
cp "$binary" "$stage/dist/huemill"
"$binary" man --out "$stage/man"
# A relative folder would be another one for each command.
sed 's|^dir = "\./data"$|dir = "/var/lib/huemill"|' config/default.toml >"$stage/default.toml"
grep -q '^dir = "/var/lib/huemill"$' "$stage/default.toml"
for shell in bash zsh fish; do
  "$binary" completions $shell >"$stage/completions/$shell"
done
