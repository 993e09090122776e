#!/usr/bin/env bash
# Installs the Debian packages that the tests need beside Rust, or says which ones are missing where it cannot.
set -euo pipefail

# Each command with the package that contains it.
declare -A needed=([cc]=gcc [promtool]=prometheus [amtool]=prometheus-alertmanager [node]=nodejs [npm]=npm [faketime]=faketime \
  [tiffcp]=libtiff-tools [djpeg]=libjpeg-turbo-progs [chromium-headless-shell]=chromium-headless-shell \
  [groff]=groff-base [caddy]=caddy [systemd-analyze]=systemd)

# With an argument, that command alone; "packages" stands for what only `make packages` needs.
if [ "${1:-}" = packages ]; then
  needed=([buildah]=buildah [curl]=curl [debootstrap]=debootstrap [systemd-nspawn]=systemd-container [lintian]=lintian)
elif [ $# -gt 0 ]; then
  for command in "${!needed[@]}"; do [ "$command" = "$1" ] || unset "needed[$command]"; done
fi

missing=()
for command in "${!needed[@]}"; do
  command -v "$command" >/dev/null 2>&1 || missing+=("${needed[$command]}")
done
if [ $# -eq 0 ]; then
  # PostgreSQL's server is not in the PATH, and PgBouncer is not in every user's PATH.
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
  [ -x /usr/sbin/pgbouncer ] || command -v pgbouncer >/dev/null 2>&1 || missing+=(pgbouncer)
  [ -x /usr/sbin/nginx ] || command -v nginx >/dev/null 2>&1 || missing+=(nginx)
  # tests/moto.sh, tests/rotel.sh and tests/verifiers.sh install packages from PyPI in virtual environments.
  python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
fi
[ "${#missing[@]}" -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "The tests need ${missing[*]}: install them and try again." >&2
  exit 1
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "The tests need ${missing[*]}: install them as root (apt-get install ${missing[*]}) and try again." >&2
    exit 1
  fi
  sudo=(sudo)
fi
echo "Installing ${missing[*]}" >&2
# The tests start their servers themselves: the packages must not start any.
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
