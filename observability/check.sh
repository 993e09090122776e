#!/usr/bin/env bash
# Checks alerts, rules and routes: runs promtool and amtool on every file. Prints one line per check, and the output of
# each check that fails. Exits with code 1 if any check fails.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

prometheus=prometheus/prometheus.yml
alertmanager=alertmanager/alertmanager.yml
failed=0

for tool in promtool amtool; do
  if ! command -v "$tool" >/dev/null; then
    echo "$tool is missing: tests/setup.sh installs it" >&2
    exit 1
  fi
done

# Runs a command and shows its output only if it fails.
check() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then
    echo "ok      $what"
  else
    echo "FAILED  $what"
    printf '%s\n' "$output" | sed 's/^/        /' >&2
    failed=1
  fi
}

# Prints one "alert priority" line per alert.
alerts() {
  awk '
    function done() { if (name != "") print name, priority; name = ""; priority = "none" }
    FNR == 1 || /^ *- (alert|record):/ { done() }
    /^ *- alert:/ { name = $3 }
    /^ *priority:/ { priority = $2 }
    END { done() }
  ' prometheus/rules/*.yml | sort -u
}

# Checks that every alert goes to the receiver of its priority and to no other.
routes() {
  local name priority receiver wrong=0 found=0
  while read -r name priority; do
    found=$((found + 1))
    receiver=${priority,,}
    [ "$name" = Watchdog ] && receiver=watchdog
    if ! amtool config routes test --config.file="$alertmanager" --verify.receivers="$receiver" \
      alertname="$name" priority="$priority" job=huemill; then
      echo "$name with priority $priority does not go to $receiver alone"
      wrong=1
    fi
  done < <(alerts)
  # An alert without a priority goes to the on-call engineer.
  amtool config routes test --config.file="$alertmanager" --verify.receivers=p1 alertname=Nameless || wrong=1
  [ "$found" -gt 0 ] || { echo "no alerts found"; wrong=1; }
  return "$wrong"
}

check "promtool check config: prometheus.yml and the rule files it names" promtool check config "$prometheus"
check "promtool check rules: no rule twice, nothing that does not parse" \
  promtool check rules --lint=all --lint-fatal prometheus/rules/*.yml
check "amtool check-config: alertmanager.yml" amtool check-config "$alertmanager"
check "amtool config routes test: every alert reaches the receiver of its priority" routes
for file in prometheus/tests/*.yml; do
  check "promtool test rules: $file" promtool test rules "$file"
done
exit "$failed"
