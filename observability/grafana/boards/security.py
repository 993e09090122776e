"""The security dashboard: failed authentication, misused idempotency keys, and attempts to get around the guards."""

from .objectives import quantiles
from .panels import RED, YELLOW, bar_gauge, bars, dashboard, stat, steps, timeseries

NOW = "$__rate_interval"
ATTEMPTS = "30m"

# What the alert SecurityProbing counts.
PROBES = {
    "guard blocks": 'outbound_blocked_total{JOB, reason!~"unresolvable|redirects|downgrade|form"}',
    "replays and forgeries":
        'auth_failures_total{JOB, reason=~"nonce_reused|invalid_signature|unauthorized|link_forged"}',
    "ZIP traversal": 'errors_total{JOB, error_code="ZIP_TRAVERSAL"}',
}


def within(window, selector, by=""):
    """The increase within a window."""
    head = f"sum by ({by})" if by else "sum"
    return f"{head} (increase({selector}[{window}]))"


def nonzero(selector, by=""):
    """The increase per step, without steps in which nothing happened."""
    return within(NOW, selector, by) + " > 0"


def errors(*codes):
    """Responses with one of these error codes."""
    return f'errors_total{{JOB, error_code=~"{"|".join(codes)}"}}'


def hourly(title, description, selector, *thresholds):
    return stat(title, "short", f"{description} Within the last hour.", within("1h", selector),
                thresholds=steps(*thresholds), decimals=0)


GLANCE = [
    hourly("How often did authentication fail?", "For any reason: signatures, links, the operator token.",
           "auth_failures_total{JOB}", (10, YELLOW), (100, RED)),
    hourly("How many signed requests were replays?", "Requests whose signature or nonce had already been used.",
           'auth_failures_total{JOB, reason="nonce_reused"}', (1, YELLOW), (10, RED)),
    hourly("How often were idempotency keys misused?", "Requests that reused a key with different content.",
           "idempotency_conflicts_total{JOB}", (1, YELLOW), (180, RED)),
    stat("What share of webhook attempts succeeds?", "percentunit",
         "Attempts that the receiver acknowledged, over 30 minutes.",
         f"sum(rate(webhook_deliveries_total{{JOB}}[{ATTEMPTS}]))"
         f" / (sum(rate(webhook_attempts_total{{JOB}}[{ATTEMPTS}])) > 0)",
         thresholds=steps((0.9, YELLOW), (0.98, "green"), base=RED), no_value="no attempts"),
    hourly("How many outbound requests were blocked?", "URLs that the outbound guard refused.",
           "outbound_blocked_total{JOB}", (1, YELLOW), (20, RED)),
    hourly("How many archives attempted path traversal?", "ZIPs with an entry whose path leads out of the archive.",
           PROBES["ZIP traversal"], (1, YELLOW), (5, RED)),
]

AUTHENTICATION = [
    bars("Why does authentication fail?", "short",
         """Failures by reason. Timestamps out of range usually mean a wrong clock. Invalid signatures usually mean a
         wrong key, often after a rotation. Replays and forged links have no such harmless cause.""",
         ("{{reason}}", nonzero("auth_failures_total{JOB}", by="reason")), width=16),
    bar_gauge("Which reasons are most common?", "short",
              "Failed authentication within the selected time range, by reason.",
              ("{{reason}}", within("$__range", "auth_failures_total{JOB}", by="reason"))),
    timeseries("What share of requests fails authentication?", "percentunit",
               """Responses 401 and 403 as a share of all responses of user routes. A jump means that a client lost its
               key or that someone is guessing.""",
               ("401 and 403", f'sum(rate(requests_total{{JOB, USERS, code=~"401|403"}}[{NOW}]))'
                               f" / (sum(rate(requests_total{{JOB, USERS}}[{NOW}])) > 0)")),
    bars("On which routes does authentication fail?", "short", "Responses 401 and 403, by route.",
         ("{{endpoint}}", nonzero('requests_total{JOB, code=~"401|403"}', by="endpoint"))),
    bars("Are invalid operator tokens or links being used?", "short",
         """Wrong operator tokens, forged links and expired links. An expired link usually comes from an old message; a
         forged link is never accidental.""",
         ("{{reason}}",
          nonzero('auth_failures_total{JOB, reason=~"unauthorized|link_expired|link_forged"}', by="reason"))),
]

IDEMPOTENCY = [
    timeseries("What is the rate of idempotency conflicts?", "reqps",
               """Requests that reused a key with different content. IdempotencyConflicts fires at 0.05 per second: a
               client then generates bad keys.""",
               ("conflicts", f"sum(rate(idempotency_conflicts_total{{JOB}}[{NOW}]))"), limit=0.05, width=12,
               alerts=("IdempotencyConflicts",)),
    timeseries("What share of job requests conflicts?", "percentunit",
               """Conflicts as a share of the requests to create a job. Shows whether one client has a bug or someone is
               guessing keys.""",
               ("conflicts", f"sum(rate(idempotency_conflicts_total{{JOB}}[{NOW}]))"
                             f' / (sum(rate(requests_total{{JOB, endpoint="/jobs"}}[{NOW}])) > 0)'), width=12),
]

WEBHOOKS = [
    timeseries("Are receivers becoming less reliable?", "percentunit",
               "Share of attempts that the receiver acknowledged, over 30 minutes.",
               ("acknowledged", f"sum(rate(webhook_deliveries_total{{JOB}}[{ATTEMPTS}]))"
                                f" / (sum(rate(webhook_attempts_total{{JOB}}[{ATTEMPTS}])) > 0)"), maximum=1,
               alerts=("WebhookFailures",)),
    bars("Why do webhook attempts fail?", "short",
         """For security, “tls” and “blocked” matter: a bad certificate, or a receiver whose name now points to a
         private address.""",
         ("{{reason}}", nonzero("webhook_failures_total{JOB}", by="reason"))),
    timeseries("How long do receivers take to respond?", "s",
               "Duration of one attempt, including failed ones, over 30 minutes.",
               *quantiles("webhook_delivery_latency_seconds", "JOB", ATTEMPTS), limit=5),
]

PATTERNS = [
    timeseries("Is a client probing the guards?", "short",
               """Within 5 minutes: URLs with forbidden destinations (without harmless mistakes), replays, forgeries and
               guesses, and archives with path traversal. SecurityProbing fires at ten of them in total.""",
               *[(name, within("5m", selector)) for name, selector in PROBES.items()], stack=True, limit=10,
               alerts=("SecurityProbing",)),
    bars("What does the outbound guard block?", "short",
         "By reason. Attacks on internal services appear as “metadata”, “loopback” and “private”.",
         ("{{reason}}", nonzero("outbound_blocked_total{JOB}", by="reason"))),
    bars("Do archives attempt path traversal?", "short", "ZIPs refused because of the path of an entry, by route.",
         ("{{endpoint}}", nonzero(errors("ZIP_TRAVERSAL"), by="endpoint"))),
    bars("Is a client scanning for routes?", "short",
         "Requests for unknown paths, by status code. Scanners send hundreds of them per minute.",
         ("{{code}}", nonzero('requests_total{JOB, endpoint="unmatched"}', by="code"))),
    bars("Is a client guessing job ids?", "short",
         "Unknown and expired ids. An id has 122 random bits, so guessing is hopeless, but it shows up here.",
         ("{{error_code}}", nonzero(errors("JOB_NOT_FOUND", "EXPIRED_JOB"), by="error_code"))),
    bars("Are unsupported methods being used?", "short", "Responses 405, by route.",
         ("{{endpoint}}", nonzero(errors("METHOD_NOT_ALLOWED"), by="endpoint"))),
    bars("Where do requests exceed limits?", "short",
         "Responses 413, by route: too many bytes, too many pixels, or an archive that inflates too far.",
         ("{{endpoint}}", nonzero(errors("PAYLOAD_TOO_LARGE"), by="endpoint"))),
    bars("How much invalid input is sent?", "short",
         "Damaged pictures and archives, and unsupported content, by error code.",
         ("{{error_code}}", nonzero(errors("PROCESSING_ERROR", "UNSUPPORTED_MEDIA_TYPE", "INVALID_INPUT", "NO_INPUT"),
                                    by="error_code"))),
    timeseries("Is a client starving others?", "short",
               """Request bodies that arrived too slowly, and requests refused because slots or memory ran out. Both at
               the same time indicate a flood of slow clients.""",
               ("{{error_code}}", within(NOW, errors("REQUEST_TIMEOUT", "OVERLOADED"), by="error_code"))),
]

DASHBOARD = dashboard(
    "Security",
    "Failed authentication, misused idempotency keys, and attempts to get around the guards.",
    [
        ("At a glance", GLANCE),
        ("Authentication", AUTHENTICATION),
        ("Idempotency", IDEMPOTENCY),
        ("Webhooks", WEBHOOKS),
        ("Suspicious patterns", PATTERNS),
    ],
    since="now-24h",
)
