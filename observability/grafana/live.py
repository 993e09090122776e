"""A client for a running Prometheus: runs the query of a panel with Grafana's variables replaced."""

import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request

STEPS = 120


class QueryError(Exception):
    """A query that cannot be run, with the reason."""


class Prometheus:
    """Runs queries over the last `minutes`."""

    def __init__(self, url, job, minutes, rate_interval):
        self.url = url.rstrip("/")
        self.end = time.time()
        self.start = self.end - minutes * 60
        self.step = max(1, round(minutes * 60 / STEPS))
        self.variables = {
            "$__rate_interval": rate_interval,
            "$__interval": f"{self.step}s",
            "$__range": f"{round(minutes * 60)}s",
            "$job": job,
        }

    def interpolate(self, query):
        """The query with its variables replaced. An unknown variable is an error."""
        for name in sorted(self.variables, key=len, reverse=True):
            query = query.replace(name, self.variables[name])
        if "$" in query:
            raise QueryError(f"unknown variable: {query}")
        return query

    def query(self, query, instant=False):
        """All series that have values: [(labels, [(time, value)])]."""
        parameters = {"query": self.interpolate(query)}
        if instant:
            parameters["time"] = self.end
        else:
            parameters |= {"start": self.start, "end": self.end, "step": self.step}
        result = self._get("query" if instant else "query_range", parameters)["result"]
        series = []
        for item in result:
            values = [item["value"]] if instant else item["values"]
            points = [(float(at), float(value)) for at, value in values if not math.isnan(float(value))]
            if points:
                series.append((item["metric"], points))
        return series

    def _get(self, endpoint, parameters):
        body = urllib.parse.urlencode(parameters).encode()
        request = urllib.request.Request(f"{self.url}/api/v1/{endpoint}", body)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            raise QueryError(json.load(error).get("error", str(error))) from error
