#!/usr/bin/env python3
"""Checks the dashboards.

    check.py                                checks the files only
    check.py --prometheus http://…:9090     also runs every query on a Prometheus that scraped a service under load

Files: ids, titles and positions are valid. Every panel has a unit, a description and a question as its title. Every
metric and label is in the table of ../README.md or recorded by a rule. For each alert, a panel links to its section of
the runbook. The JSON matches boards/.
Live: no query fails or returns nothing. The exit code is 1 if there are findings.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import promql
from live import Prometheus, QueryError
from units import UNITS

HERE = Path(__file__).parent
COLUMNS = 24
# Series that Prometheus itself generates.
BUILT_IN = {"up": {"type": "gauge", "labels": set()}, "ALERTS": {"type": "gauge", "labels": {"alertstate", "priority"}}}
COMMON_LABELS = {"job", "instance", "le"}
TABLE_HEADER = "| name | type | labels | unit | meaning |"


def known_metrics():
    """The type and labels of each metric: from the table of ../README.md, the recording rules and Prometheus."""
    _, rest = (HERE.parent / "README.md").read_text(encoding="utf-8").split(TABLE_HEADER)
    known = dict(BUILT_IN)
    for row in rest.splitlines()[2:]:
        if not row.startswith("|"):
            break
        name, kind, labels, _unit, _meaning = (cell.strip() for cell in row.strip("|").split("|"))
        known[name.strip("`")] = {"type": kind, "labels": set(re.findall(r"`(\w+)`", labels))}
    return known | recorded_series()


def rule_files():
    """The contents of all rule files."""
    return [path.read_text(encoding="utf-8") for path in sorted((HERE.parent / "prometheus/rules").glob("*.yml"))]


def recorded_series():
    """The series that the rules record. The first part of a name lists its labels."""
    names = re.findall(r"- record: (\S+)", "\n".join(rule_files()))
    return {name: {"type": "recorded", "labels": set(name.partition(":")[0].split("_"))} for name in names}


def alert_names():
    """The names of all alerts."""
    return set(re.findall(r"- alert: (\S+)", "\n".join(rule_files())))


def link_findings(boards):
    """Links to sections of the runbook that do not exist, and alerts that no panel links to. Watchdog is exempt,
    because there is nothing to show for it."""
    linked = {(alert, anchor) for board in boards.values() for panel in board["panels"]
              for alert, anchor in re.findall(r"\[(\w+)\]\(\S+RUNBOOK\.md#(\w+)\)", panel.get("description", ""))}
    known = alert_names()
    yield from (f"link to {alert}, which is not an alert" for alert, anchor in sorted(linked)
                if alert not in known or anchor != alert.lower())
    yield from (f"no panel links to {alert}"
                for alert in sorted(known - {alert for alert, _ in linked} - {"Watchdog"}))


def query_findings(query, known):
    """Metrics and labels in a query that do not exist."""
    selectors, labels = list(promql.selectors(query)), set(COMMON_LABELS)
    if not selectors:
        yield f"no metric in {query}"
    for name, matched in selectors:
        family = promql.family(name, known)
        if family is None:
            yield f"{name} is not in the table of metrics"
            continue
        labels |= known[family]["labels"]
        if unknown := matched - known[family]["labels"] - COMMON_LABELS:
            yield f"{name} has no label {', '.join(sorted(unknown))}"
        if "job" not in matched and name != "ALERTS":
            yield f"the selector of {name} does not use $job"
    if unknown := promql.grouping(query) - labels:
        yield f"grouped by {', '.join(sorted(unknown))}, which no metric of the query has"


def panel_findings(panel, known):
    """Missing or invalid parts of a panel."""
    unit = panel["fieldConfig"]["defaults"].get("unit")
    if not unit:
        yield "no unit"
    elif unit not in UNITS and not re.fullmatch(r"suffix: ?\S+", unit):
        yield f"unknown unit {unit}"
    if not panel["title"].endswith("?"):
        yield "the title is not a question"
    if not panel.get("description", "").endswith("."):
        yield "no description"
    if panel["datasource"]["uid"] != "${datasource}":
        yield "the panel does not use the dashboard's data source"
    if not panel["targets"]:
        yield "no query"
    for target in panel["targets"]:
        yield from query_findings(target["expr"], known)
        shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        if missing := shown - promql.grouping(target["expr"]) - {"instance", "le"}:
            yield f"the legend shows {', '.join(missing)}, but the query does not group by it"


def layout_findings(panels):
    """Panels that extend beyond the grid or overlap."""
    occupied = {}
    for panel in panels:
        place = panel["gridPos"]
        if place["x"] < 0 or place["w"] < 1 or place["h"] < 1 or place["x"] + place["w"] > COLUMNS:
            yield f"“{panel['title']}” extends beyond the grid"
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                other = occupied.setdefault((x, y), panel["title"])
                if other != panel["title"]:
                    yield f"“{panel['title']}” overlaps “{other}”"
                    return


def duplicates(values):
    """The values that occur more than once."""
    return sorted({value for value in values if values.count(value) > 1}, key=str)


def board_findings(board, known):
    """All findings that need only the file of a dashboard."""
    panels = board["panels"]
    for key in ("id", "title"):
        for value in duplicates([panel[key] for panel in panels]):
            yield f"duplicate {key} “{value}”"
    if {variable["name"] for variable in board["templating"]["list"]} != {"datasource", "job"}:
        yield "the variables are not datasource and job"
    for note in board["annotations"]["list"]:
        yield from (f"annotation {note['name']}: {finding}" for finding in query_findings(note["expr"], known))
    for panel in panels:
        if panel["type"] != "row":
            yield from (f"“{panel['title']}”: {finding}" for finding in panel_findings(panel, known))
    yield from layout_findings(panels)


def live_findings(board, prometheus, without):
    """Queries that fail or return nothing. Annotations may return nothing. Queries of the metrics `without` must return
    nothing, so that an exception is removed when it is no longer needed."""
    queries = [(panel["title"], target["expr"], target["instant"], True)
               for panel in board["panels"] for target in panel.get("targets", [])]
    queries += [(note["name"], note["expr"], False, False) for note in board["annotations"]["list"]]
    for title, query, instant, required in queries:
        try:
            has_values = bool(prometheus.query(query, instant))
        except QueryError as error:
            yield f"“{title}” fails: {error}: {query}"
            continue
        exempt = any(promql.SUFFIX.sub("", name) in without for name, _ in promql.selectors(query))
        if required and not has_values and not exempt:
            yield f"“{title}” is empty: {query}"
        if exempt and not has_values:
            print(f"empty as expected: “{title}”")
        if exempt and has_values:
            yield f"“{title}” has values, although --without lists its metric: {query}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prometheus", metavar="URL", help="also run every query on this Prometheus")
    parser.add_argument("--job", default="huemill", help="the value of $job (a regular expression)")
    parser.add_argument("--minutes", type=float, default=5, help="the time range, and the value of $__range")
    parser.add_argument("--rate-interval", default="30s",
                        help="the value of $__rate_interval: at least four scrape intervals")
    parser.add_argument("--without", metavar="METRIC", nargs="*", default=[],
                        help="metrics that have no values in this run; their panels must be empty")
    options = parser.parse_args()
    known, findings, panels, queries = known_metrics(), [], 0, 0
    boards = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in HERE.glob("dashboards/*.json")}
    if set(boards) != {"operational.json", "security.json", "business.json"}:
        findings.append(f"unexpected contents of dashboards/: {', '.join(sorted(boards)) or 'no files'}")
    if subprocess.run([sys.executable, HERE / "build.py", "--check"], stdout=subprocess.DEVNULL).returncode:
        findings.append("dashboards/ does not match boards/")
    findings += link_findings(boards)
    findings += [f"duplicate uid {uid}" for uid in duplicates([board["uid"] for board in boards.values()])]
    for name, board in sorted(boards.items()):
        found = list(board_findings(board, known))
        if options.prometheus:
            prometheus = Prometheus(options.prometheus, options.job, options.minutes, options.rate_interval)
            found += live_findings(board, prometheus, options.without)
        findings += [f"{name}: {finding}" for finding in found]
        with_queries = [panel for panel in board["panels"] if panel["type"] != "row"]
        panels += len(with_queries)
        queries += sum(len(panel["targets"]) for panel in with_queries)
    print(*findings, sep="\n", end="\n" if findings else "")
    checked = "checked live" if options.prometheus else "checked"
    print(f"{len(boards)} dashboards, {panels} panels, {queries} queries {checked}: {len(findings)} findings")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
