#!/usr/bin/env bash
# Holds alerts, rules and routes to what they promise: promtool and amtool on every file. One line for each check, and
# all that was wrong at the end; exit code 1 if anything was.
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

# Runs a command; its output is shown where it fails.
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

# "alert priority", a line each.
alerts() {
  awk '
    function done() { if (name != "") print name, priority; name = ""; priority = "none" }
    FNR == 1 || /^ *- (alert|record):/ { done() }
    /^ *- alert:/ { name = $3 }
    /^ *priority:/ { priority = $2 }
    END { done() }
  ' prometheus/rules/*.yml | sort -u
}

# Every alert of the rules goes to the receiver of its priority, and to no other.
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
  # Without a priority, on call.
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
