# What the scripts of this folder share; they source it from the root of the source. Changes nothing.
# shellcheck shell=bash disable=SC2034

# The version of everything that is released comes from Cargo.toml alone.
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
# The profile that is packaged, and a binary that is packaged instead of building one, for tests.
profile=${HUEMILL_PACKAGE_PROFILE:-dist}
binary=${HUEMILL_PACKAGE_BINARY:-}
# The programs that packaging/tools.sh installs, and where.
tools=${HUEMILL_PACKAGE_TOOLS:-$target/tools}
declare -A versions=([cargo-deb]=3.8.0 [cargo-cyclonedx]=0.5.9)
# The time of the commit is the time of all that is made of it, so that it can be made again.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

# Prints the section of a version of the changelog, or the section "Unreleased" if the version has none.
changelog() {
  local heading
  for heading in "$1" Unreleased; do
    awk -v heading="$heading" '
      /^## / { inside = ($2 == heading || $2 == "[" heading "]"); next }
      inside { text = text $0 "\n"; if ($0 != "") found = 1 }
      END { sub(/^\n+/, "", text); printf "%s", text; exit !found }' CHANGELOG.md && return
  done
  echo "CHANGELOG.md has neither a section $1 nor a section Unreleased." >&2
  return 1
}
