"""The objectives as PromQL, one place for all dashboards: which events are bad, of how many, and how many may be.

An error budget is the share of bad events that an objective allows; it burns at 1× when exactly that share is bad.
Thresholds are edges of the histograms' buckets; Prometheus 3 writes them with a point.
"""

MONTH = "30d"


# A download of all results takes as long as its client's line.
TIMED = 'JOB, USERS, endpoint!="/jobs/{id}/results.zip"'


def within(histogram, edge, selector, window):
    """The rate of a histogram's observations up to an edge."""
    return f'sum(rate({histogram}_bucket{{{selector}, le=~"{edge}|{edge}\\\\.0"}}[{window}]))'


def above(histogram, edge, selector, window):
    """The share of a histogram's observations above an edge, where there were any."""
    return (f"1 - {within(histogram, edge, selector, window)}"
            f" / (sum(rate({histogram}_count{{{selector}}}[{window}])) > 0)")


def unavailable(window):
    """The share of the users' requests that failed through a fault of the service. All requests are counted by their
    histogram: one series a route, where `requests_total` has one a route and status, and 30 days are read at once."""
    return (f"sum(rate(errors_total{{JOB, USERS, OURS}}[{window}]))"
            f" / (sum(rate(request_duration_ms_count{{JOB, USERS}}[{window}])) > 0)")


def failed_jobs(window):
    """The share of jobs that failed, of those that completed or failed."""
    return (f'sum(rate(jobs_completed_total{{JOB, status="failed"}}[{window}]))'
            f' / (sum(rate(jobs_completed_total{{JOB, status=~"completed|failed"}}[{window}])) > 0)')


# Name → (share of bad events, share that is allowed). The burn alerts have the same.
OBJECTIVES = {
    "Availability 99.9 %": (unavailable, 0.001),
    "Errors below 1 %": (unavailable, 0.01),
    "Answers within 2 s": (lambda window: above("request_duration_ms", 2000, TIMED, window), 0.05),
    "Queue within 60 s": (lambda window: above("jobs_queue_latency_seconds", 60, "JOB", window), 0.05),
    "Jobs within 300 s": (lambda window: above("jobs_processing_duration_seconds", 300, "JOB", window), 0.05),
    "Webhooks within 5 s": (lambda window: above("webhook_first_try_latency_seconds", 5, "JOB", window), 0.05),
    "Jobs succeed 95 %": (failed_jobs, 0.05),
}


def burn(name, window):
    """How fast an objective's budget burns: 1 uses up 30 days' budget in 30 days."""
    share, allowed = OBJECTIVES[name]
    return f"({share(window)}) / {allowed}"


def left(name, window=MONTH):
    """The part of the budget that is left over a window; below 0 it is overdrawn."""
    return f"1 - {burn(name, window)}"


def quantile(q, histogram, selector, window, by=""):
    """A quantile of a histogram, over all processes."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({histogram}_bucket{{{selector}}}[{window}])))"


def quantiles(histogram, selector, window, *of):
    """(legend, PromQL) of several quantiles."""
    return [(f"p{round(q * 100)}", quantile(q, histogram, selector, window)) for q in of or (0.5, 0.95, 0.99)]
