#!/usr/bin/env bash
# Makes the files of a release of the commit that is checked out, in a folder: the archive for any Linux, the Debian package,
# the bill of materials, the notes and the checksums of all of them. Everything but the bill of materials can be made again bit
# by bit from the same commit with the same toolchain.
#
#   packaging/release.sh [FOLDER]            # target/release-VERSION without an argument
#   packaging/release.sh --check [FOLDER]    # makes it a second time elsewhere, and compares
#
# The variables of packaging/stage.sh choose what is packaged.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=packaging/common.sh
. packaging/common.sh
check=
[ "${1:-}" != --check ] || { check=1 && shift; }
folder=$(realpath -m "${1:-$target/release-$version}")
name=huemill-$version-$(uname -m)-linux

# What an archive holds, in the folders that a prefix such as /usr/local has.
archive() {
  local tree=$1/$name
  rm -rf "$tree"
  install -D -m 755 "$stage/dist/huemill" "$tree/bin/huemill"
  strip "$tree/bin/huemill"
  install -D -m 644 -t "$tree/share/man/man1" "$stage"/man/*.1
  install -D -m 644 "$stage/completions/bash" "$tree/share/bash-completion/completions/huemill"
  install -D -m 644 "$stage/completions/zsh" "$tree/share/zsh/site-functions/_huemill"
  install -D -m 644 "$stage/completions/fish" "$tree/share/fish/vendor_completions.d/huemill.fish"
  install -D -m 644 -t "$tree/lib/systemd/system" packaging/systemd/huemill.service
  install -D -m 644 -t "$tree/etc/huemill" packaging/debian/huemill.toml
  install -D -m 644 -t "$tree/share/doc/huemill" "$stage/default.toml" config/production.toml README.md CHANGELOG.md LICENSE-*
  tar --create --directory "$1" --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --mode=u+rwX,go+rX,go-w "$name" | gzip -9n >"$1/$name.tar.gz"
  rm -rf "$tree"
}

# The bill of materials. cargo-cyclonedx writes beside each Cargo.toml, so it works on a copy.
bill_of_materials() {
  local copy
  copy=$(mktemp -d)
  git archive HEAD | tar --extract --directory "$copy"
  "$tools/cargo-cyclonedx/bin/cargo-cyclonedx" cyclonedx --manifest-path "$copy/Cargo.toml" --quiet --format json \
    --spec-version 1.5 --target "$(rustc -vV | sed -n 's/^host: //p')" --override-filename huemill.cdx
  mv "$copy/huemill.cdx.json" "$folder/huemill-$version.cdx.json"
  rm -rf "$copy"
}

# A release is made of a commit, also where files are edited meanwhile.
only_what_is_committed() {
  [ -n "$binary" ] || git diff --quiet HEAD && return
  echo "There are changes that no commit has: a release is made of a commit." >&2
  exit 1
}

only_what_is_committed
stage=target/package
rm -rf "$folder"
mkdir -p "$folder"
changelog "$version" >"$folder/notes.md"
packaging/debian/build.sh "$folder"
archive "$folder"
only_what_is_committed

if [ -n "$check" ]; then
  elsewhere=$(mktemp -d)
  trap 'rm -rf "$elsewhere"' EXIT
  git clone --quiet --shared . "$elsewhere/source"
  # Without what this build has in its folders, and under other paths.
  env -u CARGO_TARGET_DIR HUEMILL_PACKAGE_TOOLS="$tools" "$elsewhere/source/packaging/release.sh" "$elsewhere/release"
  (cd "$folder" && sha256sum -- *.deb *.ddeb *.tar.gz) >"$elsewhere/sums"
  (cd "$elsewhere/release" && sha256sum --check --quiet "$elsewhere/sums")
  echo "Both builds of $name are the same." >&2
fi

packaging/tools.sh cargo-cyclonedx
bill_of_materials
(cd "$folder" && sha256sum -- *.deb *.ddeb *.tar.gz *.json *.md >SHA256SUMS)
