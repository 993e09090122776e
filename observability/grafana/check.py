#!/usr/bin/env python3
"""Checks the dashboards.

    check.py                                checks the files only
    check.py --prometheus http://…:9090     also runs every query on a Prometheus that scraped a service under load

Files: ids, titles and positions are valid. Every panel has a unit, a description and a question as its title. For each
alert, a panel links to its section of the runbook. The JSON matches boards/. That queries use only metrics and labels
that exist is checked where there is a parser for them: ../tests/names.rs.
Live: no query fails or returns nothing. The exit code is 1 if there are findings.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

from live import Prometheus, QueryError
from units import UNITS

HERE = Path(__file__).parent
COLUMNS = 24


def rule_files():
    """The contents of all rule files."""
    return [path.read_text(encoding="utf-8") for path in sorted((HERE.parent / "prometheus/rules").glob("*.yml"))]


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


def panel_findings(panel):
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


def board_findings(board):
    """All findings that need only the file of a dashboard."""
    panels = board["panels"]
    for key in ("id", "title"):
        for value in duplicates([panel[key] for panel in panels]):
            yield f"duplicate {key} “{value}”"
    if {variable["name"] for variable in board["templating"]["list"]} != {"datasource", "job"}:
        yield "the variables are not datasource and job"
    for panel in panels:
        if panel["type"] != "row":
            yield from (f"“{panel['title']}”: {finding}" for finding in panel_findings(panel))
    yield from layout_findings(panels)


def uses(query, metric):
    """Whether the query has a series of this metric."""
    return re.search(rf"(?<![\w:]){re.escape(metric)}(?:_bucket|_sum|_count)?(?![\w:])", query) is not None


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
        exempt = any(uses(query, metric) for metric in without)
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
    findings, panels, queries = [], 0, 0
    boards = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in HERE.glob("dashboards/*.json")}
    if set(boards) != {"oncall.json", "operational.json", "security.json", "business.json"}:
        findings.append(f"unexpected contents of dashboards/: {', '.join(sorted(boards)) or 'no files'}")
    if subprocess.run([sys.executable, HERE / "build.py", "--check"], stdout=subprocess.DEVNULL).returncode:
        findings.append("dashboards/ does not match boards/")
    findings += link_findings(boards)
    findings += [f"duplicate uid {uid}" for uid in duplicates([board["uid"] for board in boards.values()])]
    for name, board in sorted(boards.items()):
        found = list(board_findings(board))
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
