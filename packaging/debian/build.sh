#!/usr/bin/env bash
# Makes the Debian package, and beside it the package with what debuggers need (huemill-dbgsym).
#
#   packaging/debian/build.sh [FOLDER]    # target/packages without an argument
#
# The variables of packaging/stage.sh choose what is packaged. With HUEMILL_PACKAGE_FAST, packages are larger and done soon,
# for tests. HUEMILL_PACKAGE_MAINTAINER is who publishes it ("Name <address>"). What goes where is in Cargo.toml
# ([package.metadata.deb]).
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=packaging/common.sh
. packaging/common.sh
folder=$(realpath -m "${1:-$target/packages}")
# Cargo.toml names this folder.
stage=target/package
maintainer=${HUEMILL_PACKAGE_MAINTAINER:-$(sed -n 's/^maintainer = "\(.*\)"/\1/p' Cargo.toml)}

packaging/tools.sh cargo-deb
packaging/stage.sh "$stage"
cat >"$stage/changelog.Debian" <<END
huemill ($version-1) unstable; urgency=medium

  * Version $version. What has changed is in changelog.gz.

 -- $maintainer  $(date -uRd "@$SOURCE_DATE_EPOCH")
END
mkdir -p "$folder"
CARGO_TARGET_DIR=$PWD/$stage "$tools/cargo-deb/bin/cargo-deb" --no-build --locked --quiet --dbgsym \
  --maintainer "$maintainer" ${HUEMILL_PACKAGE_FAST:+--fast} --output "$folder"
