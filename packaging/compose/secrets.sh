#!/usr/bin/env bash
# Writes the secrets of compose.scale.yaml to secrets/ beside this file: random, and only where there are none yet. Only
# their owner can enter the folder. The files in it can be read by all, because the users in the containers have other
# numbers than the owner and Compose mounts files as they are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if [ -e secrets ]; then
  echo "secrets/ exists and stays as it is. PostgreSQL and Grafana know these passwords: to change one, change it there too." >&2
  exit 0
fi

# Hexadecimal, so that a password can stand in a URL.
random() {
  od --address-radix=n --format=x1 --read-bytes="$1" /dev/urandom | tr --delete ' \n'
}

# Complete or not there at all, if this is interrupted.
folder=$(mktemp --directory secrets.XXXXXX)
trap 'rm -rf "$folder"' EXIT
password=$(random 24)
access_key=$(random 10)
secret_key=$(random 24)
printf %s "$password" >"$folder/postgres_password"
printf %s "postgres://huemill:$password@postgres/huemill" >"$folder/database_url"
printf %s "$access_key" >"$folder/s3_access_key"
printf %s "$secret_key" >"$folder/s3_secret_key"
printf 'ROOT_ACCESS_KEY=%s\nROOT_SECRET_KEY=%s\n' "$access_key" "$secret_key" >"$folder/s3.env"
random 12 >"$folder/grafana_admin_password"
chmod 0444 "$folder"/*
mv "$folder" secrets
