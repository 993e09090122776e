"""A Prometheus that runs: asks it what a panel asks, with Grafana's variables filled in."""

import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request

STEPS = 120


class Refused(Exception):
    """Prometheus did not take a query; says why."""


class Prometheus:
    """Answers queries about the last `minutes`."""

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

    def filled(self, query):
        """The query without variables; one that is not known is an error."""
        for name in sorted(self.variables, key=len, reverse=True):
            query = query.replace(name, self.variables[name])
        if "$" in query:
            raise Refused(f"a variable that nobody fills in: {query}")
        return query

    def ask(self, query, instant=False):
        """All series with a value: [(labels, [(time, value)])]."""
        parameters = {"query": self.filled(query)}
        if instant:
            parameters["time"] = self.end
        else:
            parameters |= {"start": self.start, "end": self.end, "step": self.step}
        found = self._get("query" if instant else "query_range", parameters)["result"]
        series = []
        for one in found:
            values = [one["value"]] if instant else one["values"]
            points = [(float(at), float(value)) for at, value in values if not math.isnan(float(value))]
            if points:
                series.append((one["metric"], points))
        return series

    def _get(self, what, parameters):
        body = urllib.parse.urlencode(parameters).encode()
        request = urllib.request.Request(f"{self.url}/api/v1/{what}", body)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise Refused(json.load(error).get("error", str(error))) from error
