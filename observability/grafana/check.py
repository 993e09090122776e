#!/usr/bin/env python3
"""Holds the dashboards to their promises.

    check.py                                what can be read from the files
    check.py --prometheus http://…:9090     and every query, asked of a Prometheus that scraped a loaded service

Files: ids, titles and places; a unit, a description and a question in every panel; every metric and label in the
table of ../README.md or recorded by a rule; a panel that leads to the runbook for each alert; JSON as boards/ says.
Live: no query fails, and none comes back empty. Exit code 1 on a finding.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import promql
from live import Prometheus, Refused
from units import UNITS

HERE = Path(__file__).parent
COLUMNS = 24
# Prometheus makes these itself, for every target.
ITS_OWN = {"up": {"type": "gauge", "labels": set()}, "ALERTS": {"type": "gauge", "labels": {"alertstate", "priority"}}}
ANYWHERE = {"job", "instance", "le"}
HEAD = "| name | type | labels | unit | meaning |"


def table():
    """Metric → type and labels, as ../README.md has it."""
    _, rest = (HERE.parent / "README.md").read_text(encoding="utf-8").split(HEAD)
    known = dict(ITS_OWN)
    for row in rest.splitlines()[2:]:
        if not row.startswith("|"):
            break
        name, kind, labels, _unit, _meaning = (cell.strip() for cell in row.strip("|").split("|"))
        known[name.strip("`")] = {"type": kind, "labels": set(re.findall(r"`(\w+)`", labels))}
    return known | recorded()


def rules():
    """The texts of all rule files."""
    return [path.read_text(encoding="utf-8") for path in sorted((HERE.parent / "prometheus/rules").glob("*.yml"))]


def recorded():
    """Series that the rules record; the first part of a name says which labels it has."""
    names = re.findall(r"- record: (\S+)", "\n".join(rules()))
    return {name: {"type": "recorded", "labels": set(name.partition(":")[0].split("_"))} for name in names}


def alerts():
    """All alerts of the rules."""
    return set(re.findall(r"- alert: (\S+)", "\n".join(rules())))


def link_faults(boards):
    """Links to sections of the runbook that are none, and alerts that no panel speaks of. Watchdog is about nothing that
    can be seen."""
    linked = {(alert, anchor) for board in boards.values() for panel in board["panels"]
              for alert, anchor in re.findall(r"\[(\w+)\]\(\S+RUNBOOK\.md#(\w+)\)", panel.get("description", ""))}
    known = alerts()
    yield from (f"a link to {alert}, which is no alert" for alert, anchor in sorted(linked)
                if alert not in known or anchor != alert.lower())
    yield from (f"no panel leads to {alert}" for alert in sorted(known - {alert for alert, _ in linked} - {"Watchdog"}))


def query_faults(query, known):
    """What a query names that does not exist."""
    found, labels = list(promql.selectors(query)), set(ANYWHERE)
    if not found:
        yield f"no metric in {query}"
    for name, matched in found:
        family = promql.family(name, known)
        if family is None:
            yield f"{name} is not in the table of metrics"
            continue
        labels |= known[family]["labels"]
        if strange := matched - known[family]["labels"] - ANYWHERE:
            yield f"{name} has no label {', '.join(sorted(strange))}"
        if "job" not in matched and name != "ALERTS":
            yield f"{name} is asked for without $job"
    if strange := promql.grouping(query) - labels:
        yield f"grouped by {', '.join(sorted(strange))}, which no metric of the query has"


def panel_faults(panel, known):
    """What a panel lacks."""
    unit = panel["fieldConfig"]["defaults"].get("unit") or "nothing"
    if unit not in UNITS and not re.fullmatch(r"suffix: ?\S+", unit):
        yield f"no unit, but {unit}"
    if not panel["title"].endswith("?"):
        yield "its title asks nothing"
    if not panel.get("description", "").endswith("."):
        yield "no description"
    if panel["datasource"]["uid"] != "${datasource}":
        yield "a data source of its own"
    if not panel["targets"]:
        yield "no query"
    for target in panel["targets"]:
        yield from query_faults(target["expr"], known)
        shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        if lost := shown - promql.grouping(target["expr"]) - {"instance", "le"}:
            yield f"a legend of {', '.join(lost)}, by which nothing is grouped"


def place_faults(panels):
    """Panels that lie outside of the grid or on each other."""
    taken = {}
    for panel in panels:
        place = panel["gridPos"]
        if place["x"] < 0 or place["w"] < 1 or place["h"] < 1 or place["x"] + place["w"] > COLUMNS:
            yield f"“{panel['title']}” lies outside of the grid"
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                other = taken.setdefault((x, y), panel["title"])
                if other != panel["title"]:
                    yield f"“{panel['title']}” lies on “{other}”"
                    return


def twice(values):
    """Those that come more than once."""
    return sorted({value for value in values if values.count(value) > 1}, key=str)


def board_faults(board, known):
    """What is wrong with a dashboard, as far as its file tells."""
    panels = board["panels"]
    for what in ("id", "title"):
        for value in twice([panel[what] for panel in panels]):
            yield f"{what} “{value}” is there twice"
    if {variable["name"] for variable in board["templating"]["list"]} != {"datasource", "job"}:
        yield "its variables are not datasource and job"
    for note in board["annotations"]["list"]:
        yield from (f"annotation {note['name']}: {fault}" for fault in query_faults(note["expr"], known))
    for panel in panels:
        if panel["type"] != "row":
            yield from (f"“{panel['title']}”: {fault}" for fault in panel_faults(panel, known))
    yield from place_faults(panels)


def live_faults(board, prometheus, without):
    """Queries that fail or find nothing. Annotations may find nothing; what is asked of metrics `without` which the
    service was run must find nothing, so that no exception outlives its reason."""
    asked = [(panel["title"], target["expr"], target["instant"], True)
             for panel in board["panels"] for target in panel.get("targets", [])]
    asked += [(note["name"], note["expr"], False, False) for note in board["annotations"]["list"]]
    for title, query, instant, must in asked:
        try:
            found = bool(prometheus.ask(query, instant))
        except Refused as refusal:
            yield f"“{title}” fails: {refusal}: {query}"
            continue
        spared = any(promql.SUFFIX.sub("", name) in without for name, _ in promql.selectors(query))
        if must and not found and not spared:
            yield f"“{title}” is empty: {query}"
        if spared and not found:
            print(f"known to be empty: “{title}”")
        if spared and found:
            yield f"“{title}” has values, though its metric is said to be missing: {query}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prometheus", metavar="URL", help="ask every query of this Prometheus, too")
    parser.add_argument("--job", default="huemill", help="what $job is (a regular expression)")
    parser.add_argument("--minutes", type=float, default=5, help="how far back to look, and what $__range is")
    parser.add_argument("--rate-interval", default="30s", help="what $__rate_interval is: four scrapes or more")
    parser.add_argument("--without", metavar="METRIC", nargs="*", default=[],
                        help="metrics without values in this run; their panels must be empty then")
    options = parser.parse_args()
    known, faults, panels, queries = table(), [], 0, 0
    boards = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in HERE.glob("dashboards/*.json")}
    if set(boards) != {"operational.json", "security.json", "business.json"}:
        faults.append(f"dashboards/ holds {', '.join(sorted(boards)) or 'nothing'}")
    if subprocess.run([sys.executable, HERE / "build.py", "--check"], stdout=subprocess.DEVNULL).returncode:
        faults.append("dashboards/ is not what boards/ says")
    faults += link_faults(boards)
    faults += [f"uid {uid} is there twice" for uid in twice([board["uid"] for board in boards.values()])]
    for name, board in sorted(boards.items()):
        found = list(board_faults(board, known))
        if options.prometheus:
            prometheus = Prometheus(options.prometheus, options.job, options.minutes, options.rate_interval)
            found += live_faults(board, prometheus, options.without)
        faults += [f"{name}: {fault}" for fault in found]
        drawn = [panel for panel in board["panels"] if panel["type"] != "row"]
        panels += len(drawn)
        queries += sum(len(panel["targets"]) for panel in drawn)
    print(*faults, sep="\n", end="\n" if faults else "")
    asked = "asked and answered" if options.prometheus else "read"
    print(f"{len(boards)} dashboards, {panels} panels, {queries} queries {asked}: {len(faults)} findings")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
