"""The dashboard for on call: is it us, since when, and what? Ten panels that fit on a screen. What the answer leads to is
on the operational dashboard and in the runbook."""

from .objectives import unavailable
from .panels import RED, YELLOW, bars, dashboard, stat, state_timeline, steps, timeseries

US = [
    stat("Is every process reachable?", "bool_yes_no",
         "Whether Prometheus can scrape every process of the job. If not, clients may not reach it either.",
         "min(up{JOB})", width=6, thresholds=steps((1, "green"), base=RED), no_value="no target",
         alerts=("ServiceDown",)),
    stat("Does every process accept work?", "bool_yes_no",
         "Whether /ready returns 200 on every process. If not, a panel below shows the dependency.",
         "min(service_ready{JOB})", width=6, thresholds=steps((1, "green"), base=RED), no_value="no target",
         alerts=("NotReady",)),
    stat("What share of requests do we fail?", "percentunit",
         """INTERNAL_ERROR, OVERLOADED and NOT_READY as a share of user requests, over five minutes. Mistakes of clients
         and failed URLs of third parties are not counted: if this is 0, it is not us.""",
         unavailable("5m"), width=6, thresholds=steps((0.005, YELLOW), (0.05, RED)), no_value="no requests",
         decimals=2, alerts=("HighErrorRate", "AvailabilityBelowTarget", "AvailabilityFastBurn", "ErrorRateFastBurn")),
    stat("How long has the oldest job been waiting?", "s",
         "Age of the oldest job with no picture started. While it grows by a second per second, the queue is stalled.",
         "max(jobs_oldest_queued_age_seconds{JOB})", width=6, thresholds=steps((30, YELLOW), (60, RED)),
         alerts=("JobQueueStalled", "QueueLatencySLOBreach")),
]

SINCE = [
    state_timeline("Which alerts fire, and since when?",
                   """One line per alert while it fires. The title of its section in the runbook is its name. Watchdog
                   always fires: without it, alerting itself is broken.""",
                   'max by (alertname) (ALERTS{alertstate="firing"})', "{{alertname}}", width=16, good="firing",
                   good_color=RED),
    timeseries("Did it begin with another version or a restart?", "short",
               "Processes by version. A step at the time when the alert began points to the deployment.",
               ("{{version}}", "sum by (version) (build_info{JOB})"), stack=True),
]

WHAT = [
    timeseries("Which routes do we fail?", "percentunit",
               """Internal errors as a share of the requests of each route, over five minutes. HighErrorRate fires at 50 %
               of one route, too.""",
               ("{{endpoint}}", """sum by (endpoint) (rate(errors_total{JOB, USERS, SERVICE_ERRORS}[5m]))
                                   / (sum by (endpoint) (rate(requests_total{JOB, USERS}[5m])) > 0)"""),
               width=6, maximum=1, limit=0.5, alerts=("HighErrorRate",)),
    state_timeline("Which dependency is unhealthy?",
                   "The dependencies that /ready checks.",
                   "min by (dependency) (dependency_ready{JOB})", "{{dependency}}", width=6, good="ready",
                   bad="not ready", alerts=("NotReady", "DiskSpaceLow")),
    timeseries("Do jobs end as fast as they arrive?", "cpm",
               "Jobs created and jobs ended per minute. A gap that stays means that the queue grows.",
               ("created", "sum(rate(jobs_total{JOB}[5m])) * 60"),
               ("ended", "sum(rate(jobs_completed_total{JOB}[5m])) * 60"), width=6,
               alerts=("JobQueueStalled", "JobNotProgressing")),
    bars("Whose webhooks fail?", "short",
         """Failed attempts by receiver. One or two receivers are their owners' problem, many are ours. “other” stands for
         all beyond the first twenty that fail.""",
         ("{{receiver}}", "sum by (receiver) (increase(webhook_receiver_failures_total{JOB}[5m]))"), width=6,
         alerts=("WebhookFailures", "WebhookReceiverFailing")),
]

DASHBOARD = dashboard(
    "Oncall",
    "Is it us, since when, and what? For whoever has just been paged.",
    [
        ("Is it us?", US),
        ("Since when?", SINCE),
        ("What is it?", WHAT),
    ],
    # Grafana sorts a folder by title.
    title="Huemill: A first look (on call)",
    since="now-3h",
)
