#!/usr/bin/env bash
# Runs all drills, or those whose names contain the argument, several at a time, and prints the report. Fails where an
# alert does not fire or does not resolve, and where no drill made an alert of the rules fire.
set -uo pipefail
cd "$(dirname "$0")/.."

drill=${1:-}
report=${CARGO_TARGET_DIR:-target}/tmp/drills.md
began=$SECONDS
rm -f "$report"
"${CARGO:-cargo}" test --workspace --profile ci --locked --features faults --test drills -- --include-ignored --nocapture \
  --test-threads "${DRILLS_AT_ONCE:-6}" ${drill:+"$drill"}
status=$?

echo
if [ ! -f "$report" ]; then
  echo "No alert fired and resolved." >&2
  exit 1
fi
LC_ALL=C sort -o "$report" "$report"
echo "| alert | priority | fault | seconds to page | seconds to resolve |"
echo "|---|---|---|--:|--:|"
cat "$report"
echo
echo "$(wc -l <"$report") alerts in $((SECONDS - began)) seconds"
if [ -z "$drill" ]; then
  missing=$(LC_ALL=C comm -23 <(sed -n 's/^ *- alert: //p' observability/prometheus/rules/*.yml | LC_ALL=C sort -u) \
    <(cut -d ' ' -f 2 "$report"))
  if [ -n "$missing" ]; then
    echo "These alerts did not fire:" $missing >&2
    status=1
  fi
fi
exit "$status"
