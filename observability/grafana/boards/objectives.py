"""The service level objectives as PromQL, shared by all dashboards. The rules (../../prometheus/rules/slo.yml) record
how fast the error budgets burn and how much of them is left. Only those rules define what a bad event is.

An error budget is the share of bad events that an objective allows. It burns at 1× when exactly that share is bad.
"""


def burn(slo, window):
    """The burn rate of an objective's budget, over 30 days or one of the windows of the burn alerts. At 1, the budget
    for 30 days lasts 30 days. If several jobs are selected, this is the highest rate."""
    return f'max(job_slo:burn:rate{window}{{JOB, slo="{slo}"}})'


def left(slo):
    """The share of the 30-day budget that is left. A negative value means that it is overspent."""
    return f'min(job_slo:budget_left:ratio30d{{JOB, slo="{slo}"}})'


def unavailable(window):
    """The share of user requests that failed because of the service."""
    return (f"sum(rate(errors_total{{JOB, USERS, SERVICE_ERRORS}}[{window}]))"
            f" / (sum(rate(requests_total{{JOB, USERS}}[{window}])) > 0)")


def quantile(q, histogram, selector, window, by=""):
    """A quantile of a histogram, over all processes."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({histogram}_bucket{{{selector}}}[{window}])))"


def quantiles(histogram, selector, window, *of):
    """Several quantiles as (legend, PromQL)."""
    return [(f"p{round(q * 100)}", quantile(q, histogram, selector, window)) for q in of or (0.5, 0.95, 0.99)]
