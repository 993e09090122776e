"""The objectives as PromQL, one place for all dashboards. How fast their budgets burn and what is left of them is recorded
by the rules (../../prometheus/rules/slo.yml), which alone say what a bad event is.

An error budget is the share of bad events that an objective allows; it burns at 1× when exactly that share is bad.
"""


def burn(slo, window):
    """How fast an objective's budget burns over one of the windows of the burn alerts, or 30 days: 1 uses up 30 days'
    budget in 30 days. Of several jobs, the worst."""
    return f'max(job_slo:burn:rate{window}{{JOB, slo="{slo}"}})'


def left(slo):
    """The part of 30 days' budget that is left; below 0 it is overdrawn."""
    return f'min(job_slo:budget_left:ratio30d{{JOB, slo="{slo}"}})'


def unavailable(window):
    """The share of the users' requests that failed through a fault of the service."""
    return (f"sum(rate(errors_total{{JOB, USERS, OURS}}[{window}]))"
            f" / (sum(rate(requests_total{{JOB, USERS}}[{window}])) > 0)")


def quantile(q, histogram, selector, window, by=""):
    """A quantile of a histogram, over all processes."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({histogram}_bucket{{{selector}}}[{window}])))"


def quantiles(histogram, selector, window, *of):
    """(legend, PromQL) of several quantiles."""
    return [(f"p{round(q * 100)}", quantile(q, histogram, selector, window)) for q in of or (0.5, 0.95, 0.99)]
