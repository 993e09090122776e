#!/usr/bin/env bash
# Runs the drills, several at once, and prints the report: all of them, or those whose name contains the argument.
# Fails where one does not ring or resolve, and where an alert of the rules did not ring at all.
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
  echo "No alarm rang and resolved." >&2
  exit 1
fi
LC_ALL=C sort -o "$report" "$report"
echo "| alert | priority | fault | seconds to page | seconds to resolve |"
echo "|---|---|---|--:|--:|"
cat "$report"
echo
echo "$(wc -l <"$report") alarms in $((SECONDS - began)) seconds"
if [ -z "$drill" ]; then
  silent=$(LC_ALL=C comm -23 <(sed -n 's/^ *- alert: //p' observability/prometheus/rules/*.yml | LC_ALL=C sort -u) \
    <(cut -d ' ' -f 2 "$report"))
  if [ -n "$silent" ]; then
    echo "Not heard:" $silent >&2
    status=1
  fi
fi
exit "$status"
