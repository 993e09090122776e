#!/usr/bin/env python3
"""The check itself: each fault that it looks for, put into a good dashboard, is found and named."""

import contextlib
import copy
import io
import unittest

import check
import promql
from boards import business, operational, security
from live import Prometheus, Refused

KNOWN = check.table()
FIRST, SECOND = 1, 2


def asking(query):
    """A change that gives the first panel another query."""
    return lambda panels: panels[FIRST]["targets"][0].update(expr=query)


CHANGES = {
    "no unit, but nothing": lambda panels: panels[FIRST]["fieldConfig"]["defaults"].update(unit=""),
    "no unit, but per cent": lambda panels: panels[FIRST]["fieldConfig"]["defaults"].update(unit="per cent"),
    "asks nothing": lambda panels: panels[FIRST].update(title="Up"),
    "no description": lambda panels: panels[FIRST].update(description=""),
    "id “3” is there twice": lambda panels: panels[FIRST].update(id=3),
    "ready?” is there twice": lambda panels: panels[FIRST].update(title=panels[SECOND]["title"]),
    "lies on": lambda panels: panels[SECOND]["gridPos"].update(x=1),
    "outside of the grid": lambda panels: panels[FIRST]["gridPos"].update(x=22),
    "data source of its own": lambda panels: panels[FIRST].update(datasource={"uid": "prometheus"}),
    "no query": lambda panels: panels[FIRST].update(targets=[]),
    "nothing_total is not in the table": asking('sum(nothing_total{job=~"$job"})'),
    "jobs_total_bucket is not in the table": asking('sum(jobs_total_bucket{job=~"$job"})'),
    "request_duration_ms is not in the table": asking('sum(request_duration_ms{job=~"$job"})'),
    "has no label kind": asking('sum(jobs_total{job=~"$job", kind="x"})'),
    "grouped by kind": asking('sum by (kind) (jobs_total{job=~"$job"})'),
    "without $job": asking("sum(jobs_total)"),
    "no metric": asking("1 + 1"),
    "a legend of type": lambda panels: panels[FIRST]["targets"][0].update(legendFormat="{{type}}"),
}


class StandIn:
    """A Prometheus that has what it is told."""

    def __init__(self, answer):
        self.answer = answer

    def ask(self, _query, _instant=False):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Files(unittest.TestCase):
    def test_a_good_dashboard_has_no_faults(self):
        self.assertEqual(list(check.board_faults(operational.DASHBOARD, KNOWN)), [])

    def test_each_fault_is_found_and_named(self):
        for words, change in CHANGES.items():
            with self.subTest(words):
                board = copy.deepcopy(operational.DASHBOARD)
                change(board["panels"])
                self.assertIn(words, "\n".join(check.board_faults(board, KNOWN)))


    def test_links_lead_to_alerts_and_every_alert_has_one(self):
        boards = {board.__name__: copy.deepcopy(board.DASHBOARD) for board in (operational, security, business)}
        self.assertEqual(list(check.link_faults(boards)), [])
        boards["boards.operational"]["panels"][FIRST]["description"] = "[Nothing](https://x/RUNBOOK.md#nothing)."
        self.assertEqual(list(check.link_faults(boards)),
                         ["a link to Nothing, which is no alert", "no panel leads to ServiceDown"])

    def test_recorded_series_are_known_with_their_labels(self):
        found = list(check.query_faults('sum by (slo) (job_slo:burn:rate1h{job=~"$job", kind="x"})', KNOWN))
        self.assertEqual(found, ["job_slo:burn:rate1h has no label kind"])


class Live(unittest.TestCase):
    board = {**operational.DASHBOARD, "panels": operational.DASHBOARD["panels"][:2]}

    def faults(self, answer, without=()):
        with contextlib.redirect_stdout(io.StringIO()):
            return "\n".join(check.live_faults(self.board, StandIn(answer), without))

    def test_values_are_no_fault(self):
        self.assertEqual(self.faults([({}, [(0, 1)])]), "")

    def test_an_empty_panel_is_found(self):
        self.assertIn("up?” is empty", self.faults([]))

    def test_a_refused_query_is_found(self):
        self.assertIn("up?” fails: parse error", self.faults(Refused("parse error")))

    def test_an_exception_does_not_outlive_its_reason(self):
        self.assertEqual(self.faults([], without=["up"]), "")
        self.assertIn("has values", self.faults([({}, [(0, 1)])], without=["up"]))

    def test_a_variable_that_nobody_fills_in_is_refused(self):
        prometheus = Prometheus("http://nowhere", "huemill", 5, "30s")
        self.assertEqual(prometheus.filled("x[$__rate_interval]"), "x[30s]")
        with self.assertRaises(Refused):
            prometheus.filled("x[$window]")


class Names(unittest.TestCase):
    def test_metrics_and_matched_labels_are_told_apart_from_the_rest(self):
        query = 'sum by (le, a) (rate(x_bucket{b="y{z}", c!~"sum"}[5m])) / on (a) (y offset 1h > 1e9) or (time() - z)'
        self.assertEqual(list(promql.selectors(query)), [("x_bucket", {"b", "c"}), ("y", set()), ("z", set())])
        self.assertEqual(promql.grouping(query), {"le", "a"})


if __name__ == "__main__":
    unittest.main()
