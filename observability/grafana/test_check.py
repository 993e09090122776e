#!/usr/bin/env python3
"""Tests check.py: each kind of mistake, added to a correct dashboard, is found and named."""

import contextlib
import copy
import io
import unittest

import check
from boards import business, oncall, operational, security
from live import Prometheus, QueryError

FIRST, SECOND = 1, 2

BOARDS = (oncall, operational, security, business)


CHANGES = {
    "no unit": lambda panels: panels[FIRST]["fieldConfig"]["defaults"].update(unit=""),
    "unknown unit per cent": lambda panels: panels[FIRST]["fieldConfig"]["defaults"].update(unit="per cent"),
    "not a question": lambda panels: panels[FIRST].update(title="Up"),
    "no description": lambda panels: panels[FIRST].update(description=""),
    "duplicate id “3”": lambda panels: panels[FIRST].update(id=3),
    "duplicate title “Is every process ready?”":
        lambda panels: panels[FIRST].update(title=panels[SECOND]["title"]),
    "overlaps": lambda panels: panels[SECOND]["gridPos"].update(x=1),
    "beyond the grid": lambda panels: panels[FIRST]["gridPos"].update(x=22),
    "does not use the dashboard's data source":
        lambda panels: panels[FIRST].update(datasource={"uid": "prometheus"}),
    "no query": lambda panels: panels[FIRST].update(targets=[]),
}


class FakePrometheus:
    """Returns a fixed result, or raises it if it is an exception."""

    def __init__(self, result):
        self.result = result

    def query(self, _query, _instant=False):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class Files(unittest.TestCase):
    def test_a_correct_dashboard_has_no_findings(self):
        for board in BOARDS:
            self.assertEqual(list(check.board_findings(board.DASHBOARD)), [])

    def test_the_dashboard_for_on_call_is_the_first_in_the_folder_and_has_ten_panels(self):
        titles = sorted(board.DASHBOARD["title"] for board in BOARDS)
        self.assertEqual(titles[0], oncall.DASHBOARD["title"])
        panels = [panel for panel in oncall.DASHBOARD["panels"] if panel["type"] != "row"]
        self.assertEqual(len(panels), 10)

    def test_each_mistake_is_found_and_named(self):
        for words, change in CHANGES.items():
            with self.subTest(words):
                board = copy.deepcopy(operational.DASHBOARD)
                change(board["panels"])
                self.assertIn(words, "\n".join(check.board_findings(board)))

    def test_links_lead_to_alerts_and_every_alert_has_a_link(self):
        boards = {board.__name__: copy.deepcopy(board.DASHBOARD) for board in BOARDS}
        self.assertEqual(list(check.link_findings(boards)), [])
        for board in ("boards.oncall", "boards.operational"):
            boards[board]["panels"][FIRST]["description"] = "[Nothing](https://x/RUNBOOK.md#nothing)."
        self.assertEqual(list(check.link_findings(boards)),
                         ["link to Nothing, which is not an alert", "no panel links to ServiceDown"])


class Live(unittest.TestCase):
    board = {**operational.DASHBOARD, "panels": operational.DASHBOARD["panels"][:2]}

    def findings(self, result, without=()):
        with contextlib.redirect_stdout(io.StringIO()):
            return "\n".join(check.live_findings(self.board, FakePrometheus(result), without))

    def test_a_panel_with_values_is_correct(self):
        self.assertEqual(self.findings([({}, [(0, 1)])]), "")

    def test_an_empty_panel_is_found(self):
        self.assertIn("up?” is empty", self.findings([]))

    def test_a_failing_query_is_found(self):
        self.assertIn("up?” fails: parse error", self.findings(QueryError("parse error")))

    def test_an_exception_that_is_no_longer_needed_is_found(self):
        self.assertEqual(self.findings([], without=["up"]), "")
        self.assertIn("has values", self.findings([({}, [(0, 1)])], without=["up"]))

    def test_an_unknown_variable_is_an_error(self):
        prometheus = Prometheus("http://nowhere", "huemill", 5, "30s")
        self.assertEqual(prometheus.interpolate("x[$__rate_interval]"), "x[30s]")
        with self.assertRaises(QueryError):
            prometheus.interpolate("x[$window]")


class Names(unittest.TestCase):
    def test_a_query_uses_a_metric_by_its_whole_name_or_as_a_histogram(self):
        query = 'sum by (le) (rate(x_bucket{b="y"}[5m])) / (job:z:rate5m or a_x)'
        self.assertEqual([name for name in ("x", "z", "a", "a_x", "bucket") if check.uses(query, name)], ["x", "a_x"])


if __name__ == "__main__":
    unittest.main()
