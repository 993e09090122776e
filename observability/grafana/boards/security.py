"""Security: who cannot prove who they are, who repeats what is not theirs, who looks for ways around the guards."""

from .objectives import quantiles
from .panels import RED, YELLOW, dashboard, events, lines, ranking, stat, steps

NOW = "$__rate_interval"
TRIES = "30m"

# What the alert SecurityProbing counts.
PROBES = {
    "guard blocks": 'outbound_blocked_total{JOB, reason!~"unresolvable|redirects|downgrade|form"}',
    "replays and forgeries":
        'auth_failures_total{JOB, reason=~"nonce_reused|invalid_signature|unauthorized|link_forged"}',
    "ZIP traversal": 'errors_total{JOB, error_code="ZIP_TRAVERSAL"}',
}


def within(window, selector, by=""):
    """What was added within a window."""
    head = f"sum by ({by})" if by else "sum"
    return f"{head} (increase({selector}[{window}]))"


def some(selector, by=""):
    """What was added in a step, where something was."""
    return within(NOW, selector, by) + " > 0"


def code(*codes):
    """Answers with these error codes."""
    return f'errors_total{{JOB, error_code=~"{"|".join(codes)}"}}'


def hourly(title, about, selector, *thresholds):
    return stat(title, "short", f"{about} Within the last hour.", within("1h", selector),
                thresholds=steps(*thresholds), decimals=0)


GLANCE = [
    hourly("How many callers could not prove who they are?", "All reasons: signatures, links, the operator's token.",
           "auth_failures_total{JOB}", (10, YELLOW), (100, RED)),
    hourly("How many signed requests were replays?", "A signature or nonce that was spent already.",
           'auth_failures_total{JOB, reason="nonce_reused"}', (1, YELLOW), (10, RED)),
    hourly("How many idempotency keys were misused?", "The same key with another request.",
           "idempotency_conflicts_total{JOB}", (1, YELLOW), (180, RED)),
    stat("What share of webhook tries succeeds?", "percentunit", "Tries that their receiver took, within 30 minutes.",
         f"sum(rate(webhook_deliveries_total{{JOB}}[{TRIES}]))"
         f" / (sum(rate(webhook_attempts_total{{JOB}}[{TRIES}])) > 0)",
         thresholds=steps((0.9, YELLOW), (0.98, "green"), base=RED), empty="no tries"),
    hourly("How many outbound requests were blocked?", "URLs that the guard let not through.",
           "outbound_blocked_total{JOB}", (1, YELLOW), (20, RED)),
    hourly("How many archives tried to leave their folder?", "ZIPs with an entry that leads out of the archive.",
           PROBES["ZIP traversal"], (1, YELLOW), (5, RED)),
]

CALLERS = [
    events("Who could not prove who they are, and why?", "short",
           """Refusals by reason. Timestamps out of range are mostly a wrong clock; invalid signatures a wrong key,
           mostly after a rotation; replays and forged links are neither.""",
           ("{{reason}}", some("auth_failures_total{JOB}", by="reason")), width=16),
    ranking("Which reasons are most common?", "short", "Refusals within the time shown, by reason.",
            ("{{reason}}", within("$__range", "auth_failures_total{JOB}", by="reason"))),
    lines("What share of requests is refused as unproven?", "percentunit",
          "Answers 401 and 403 of all answers to users' routes. A jump is a lost key, or somebody who guesses.",
          ("401 and 403", f'sum(rate(requests_total{{JOB, USERS, code=~"401|403"}}[{NOW}]))'
                          f" / (sum(rate(requests_total{{JOB, USERS}}[{NOW}])) > 0)")),
    events("Where are callers refused?", "short", "Answers 401 and 403, by route.",
           ("{{endpoint}}", some('requests_total{JOB, code=~"401|403"}', by="endpoint"))),
    events("Who tries the operator's routes or download links?", "short",
           "Wrong operator tokens, forged and expired links. Expired ones are mostly old mail; forged ones never are.",
           ("{{reason}}",
            some('auth_failures_total{JOB, reason=~"unauthorized|link_expired|link_forged"}', by="reason"))),
]

KEYS = [
    lines("How often are idempotency keys misused?", "reqps",
          "The same key with another request. IdempotencyConflicts fires at 0.05 a second: a client makes bad keys.",
          ("conflicts", f"sum(rate(idempotency_conflicts_total{{JOB}}[{NOW}]))"), limit=0.05, width=12,
          alerts=("IdempotencyConflicts",)),
    lines("What share of job requests are such conflicts?", "percentunit",
          "Conflicts over requests to create a job: whether one client errs or a stranger tries keys.",
          ("conflicts", f"sum(rate(idempotency_conflicts_total{{JOB}}[{NOW}]))"
                        f' / (sum(rate(requests_total{{JOB, endpoint="/jobs"}}[{NOW}])) > 0)'), width=12),
]

WEBHOOKS = [
    lines("Do receivers become less reliable?", "percentunit",
          "Tries that their receiver took, of all tries in 30 minutes.",
          ("taken", f"sum(rate(webhook_deliveries_total{{JOB}}[{TRIES}]))"
                    f" / (sum(rate(webhook_attempts_total{{JOB}}[{TRIES}])) > 0)"), most=1, alerts=("WebhookFailures",)),
    events("Why do tries fail?", "short",
           "“tls” and “blocked” are of interest here: a bad certificate, or a receiver that moved within.",
           ("{{reason}}", some("webhook_failures_total{JOB}", by="reason"))),
    lines("How long do receivers take to answer?", "s", "One try, failed ones included, over 30 minutes.",
          *quantiles("webhook_delivery_latency_seconds", "JOB", TRIES), limit=5),
]

PATTERNS = [
    lines("Does somebody probe the guards?", "short",
          """Within 5 minutes: URLs that lead where none should (mere mistakes left out), replays, forgeries and guesses,
          and archives that leave their folder. SecurityProbing fires at ten of them together.""",
          *[(name, within("5m", selector)) for name, selector in PROBES.items()], stack=True, limit=10,
          alerts=("SecurityProbing",)),
    events("What does the outbound guard block?", "short",
           "By reason. “metadata”, “loopback” and “private” are what attacks on inner services look like.",
           ("{{reason}}", some("outbound_blocked_total{JOB}", by="reason"))),
    events("Do archives try to leave their folder?", "short", "ZIPs refused for an entry's path, by route.",
           ("{{endpoint}}", some(code("ZIP_TRAVERSAL"), by="endpoint"))),
    events("Does somebody scan for routes?", "short",
           "Requests for paths that are none of ours, by the status they got. Scanners ask for hundreds a minute.",
           ("{{code}}", some('requests_total{JOB, endpoint="unmatched"}', by="code"))),
    events("Does somebody guess job ids?", "short",
           "Unknown and expired ids. An id has 122 random bits: guessing is hopeless, and visible here.",
           ("{{error_code}}", some(code("JOB_NOT_FOUND", "EXPIRED_JOB"), by="error_code"))),
    events("Does somebody send methods that are not offered?", "short", "Answers 405, by route.",
           ("{{endpoint}}", some(code("METHOD_NOT_ALLOWED"), by="endpoint"))),
    events("Who sends more than is allowed?", "short",
           "Answers 413, by route: too many bytes, too many pixels, or an archive that inflates too far.",
           ("{{endpoint}}", some(code("PAYLOAD_TOO_LARGE"), by="endpoint"))),
    events("Who sends what is no picture?", "short",
           "Damaged pictures and archives, and content that is not supported, by error code.",
           ("{{error_code}}", some(code("PROCESSING_ERROR", "UNSUPPORTED_MEDIA_TYPE", "INVALID_INPUT", "NO_INPUT"),
                                   by="error_code"))),
    lines("Does somebody starve others?", "short",
          """Bodies that came too slowly, and requests refused for want of slots or memory. Both at once is a flood by
          slow clients.""",
          ("{{error_code}}", within(NOW, code("REQUEST_TIMEOUT", "OVERLOADED"), by="error_code"))),
]

DASHBOARD = dashboard(
    "Security",
    "Who cannot prove who they are, who repeats what is not theirs, and who looks for ways around the guards.",
    [
        ("At a glance", GLANCE),
        ("Authentication", CALLERS),
        ("Idempotency", KEYS),
        ("Webhooks", WEBHOOKS),
        ("Suspicious patterns", PATTERNS),
    ],
    since="now-24h",
)
