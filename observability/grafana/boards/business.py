"""Business: how much is done, for whom it works out, what they choose, and whether they come back for it."""

from .objectives import quantiles
from .panels import RED, YELLOW, dashboard, lines, ranking, spread, stat, steps

HOUR = "1h"
DAY = "1d"
SHOWN = "$__range"


def added(window, selector, by=""):
    """What was added within a window."""
    head = f"sum by ({by})" if by else "sum"
    return f"{head} (increase({selector}[{window}]))"


def share(part, whole, window):
    """The part that one counter is of another, where there is any."""
    return f"sum(increase({part}[{window}])) / (sum(increase({whole}[{window}])) > 0)"


JOBS_DONE = 'jobs_completed_total{JOB, status="completed"}'
JOBS_ENDED = 'jobs_completed_total{JOB, status=~"completed|failed"}'
NOT_MODIFIED = 'status_polls_total{JOB, result="not_modified"}'
NO_NEWS = 'status_polls_total{JOB, result=~"not_modified|unchanged"}'
PICTURES_OK = 'image_outcomes_total{JOB, outcome="ok"}'

GLANCE = [
    stat("How many pictures were processed in the last hour?", "short", "Pictures turned into results, all routes.",
         added(HOUR, "images_processed_total{JOB}"), decimals=0),
    stat("How many jobs were created in the last day?", "short", "Jobs of all types.",
         added(DAY, "jobs_total{JOB}"), decimals=0),
    stat("What share of jobs completes?", "percentunit",
         "Completed jobs of those that completed or failed, in the last day. The objective is above 95 %.",
         share(JOBS_DONE, JOBS_ENDED, DAY), thresholds=steps((0.9, YELLOW), (0.95, "green"), base=RED),
         empty="no jobs"),
    stat("How many pictures has a job?", "short", "Pictures processed a job, in the last day.",
         share('images_processed_total{JOB, endpoint="/jobs"}', "jobs_completed_total{JOB}", DAY), empty="no jobs",
         decimals=1),
    stat("What share of jobs is fetched?", "percentunit",
         """Completed jobs of which any card was fetched, in an archive, by its link or within the status, in the last
         day. The rest was work for nobody.""",
         share("jobs_fetched_total{JOB}", JOBS_DONE, DAY), empty="no jobs"),
    stat("How often is a job asked for?", "short", "Polls a job, in the last day. Many are clients without backoff.",
         share("status_polls_total{JOB}", "jobs_completed_total{JOB}", DAY), empty="no jobs", decimals=1),
]

PICTURES = [
    lines("How many pictures are processed an hour?", "short",
          "Pictures turned into results within an hour, by the route that asked.",
          ("{{endpoint}}", added(HOUR, "images_processed_total{JOB}", by="endpoint")), width=16, stack=True),
    lines("What share of pictures succeeds?", "percentunit",
          "Attempts that ended well, of all within an hour; what fails is damaged, too large or no picture.",
          ("succeed", share(PICTURES_OK, "image_outcomes_total{JOB}", HOUR)), most=1),
]

COMPLETION = [
    lines("How many jobs end an hour, and how?", "short", "Jobs ended within an hour, by how.",
          ("{{status}}", added(HOUR, "jobs_completed_total{JOB}", by="status")), stack=True),
    lines("Does the share of jobs that complete fall?", "percentunit",
          "Completed jobs of those that completed or failed within an hour. The objective is above 95 %.",
          ("complete", share(JOBS_DONE, JOBS_ENDED, HOUR)), limit=0.95, most=1,
          alerts=("JobSuccessFastBurn", "JobSuccessSlowBurn")),
    lines("How long does a customer wait for a job?", "s",
          "Time from its first picture to its end, within an hour; the wait before that is on Operational.",
          *quantiles("jobs_processing_duration_seconds", "JOB", HOUR, 0.5, 0.95)),
    lines("How many jobs are kept?", "short", "Jobs in the store, by state: what customers can still fetch.",
          ("{{status}}", 'max by (status) (jobs_current{JOB, status!="expired"})'), stack=True),
    ranking("Why do jobs fail?", "short", "Jobs without any result within the time shown, by error code.",
            ("{{error_code}}", added(SHOWN, "jobs_failed_total{JOB}", by="error_code") + " > 0")),
    spread("How are the jobs' times spread?", "s", "From a job's first picture to its end.",
           "sum by (le) (increase(jobs_processing_duration_seconds_bucket{JOB}[$__rate_interval]))"),
]

POPULAR = [
    ranking("Which types of jobs are popular?", "short", "Jobs created within the time shown, by type.",
            ("{{type}}", added(SHOWN, "jobs_total{JOB}", by="type")), width=4),
    ranking("Which ways to process are popular?", "short",
            "Pictures within the time shown: at once (/process), as an archive (/process_zip), as a job (/jobs).",
            ("{{endpoint}}", added(SHOWN, "images_processed_total{JOB}", by="endpoint")), width=5),
    ranking("Which formats are popular?", "short", "Pictures read within the time shown, by format.",
            ("{{format}}", added(SHOWN, PICTURES_OK, by="format")), width=5),
    ranking("Which forms are popular?", "short",
            """Pictures turned into results within the time shown, by width over height: panorama from 2 on, landscape
            above 1.1, square, portrait below 1/1.1, tall up to 1/2.""",
            ("{{aspect}}", added(SHOWN, "images_by_aspect_total{JOB}", by="aspect")), width=5),
    ranking("Which formats fail?", "short",
            "Pictures that could not be used, by format; “unknown” is what no decoder takes, such as HEIC.",
            ("{{format}}", added(SHOWN, 'image_outcomes_total{JOB, outcome!="ok"}', by="format") + " > 0"), width=5),
    lines("Do habits change?", "short", "Jobs created within an hour, by type.",
          ("{{type}}", added(HOUR, "jobs_total{JOB}", by="type")), stack=True),
    lines("Do formats change?", "short", "Pictures read within an hour, by format.",
          ("{{format}}", added(HOUR, PICTURES_OK, by="format")), stack=True),
    lines("Do forms change?", "short", "Pictures turned into results within an hour, by their form.",
          ("{{aspect}}", added(HOUR, "images_by_aspect_total{JOB}", by="aspect")), stack=True),
]

ENGAGEMENT = [
    lines("How many clients are active?", "short",
          """Distinct addresses that called within the last hour and the last day, estimated; of several processes the
          one that saw most. Behind a proxy all are one. After a start, the windows fill anew.""",
          ("within {{window}}", 'max by (window) (active_clients{JOB})')),
    lines("How many requests do users make an hour?", "short", "Requests within an hour to the routes of users.",
          ("{{endpoint}}", added(HOUR, "requests_total{JOB, USERS}", by="endpoint") + " > 0"), stack=True),
    lines("How are results fetched?", "short",
          "Archives and cards downloaded, and webhooks taken, within an hour.",
          ("{{kind}}", added(HOUR, "results_downloaded_total{JOB}", by="kind")),
          ("webhook", added(HOUR, "webhook_deliveries_total{JOB}"))),
    lines("Are completed jobs fetched?", "short",
          """Jobs completed within an hour, and jobs fetched for the first time. A gap that stays is work for nobody, or
          clients whose webhooks do not come.""",
          ("completed", added(HOUR, JOBS_DONE)), ("fetched", added(HOUR, "jobs_fetched_total{JOB}"))),
    lines("What do polls of a job bring?", "short",
          "Polls within an hour: nothing new (304), the whole answer again, or news.",
          ("{{result}}", added(HOUR, "status_polls_total{JOB}", by="result")), stack=True),
    lines("Do clients make use of ETags?", "percentunit",
          "Polls answered 304 of all polls without news, within an hour. The objective is above 60 %.",
          ("hits", share(NOT_MODIFIED, NO_NEWS, HOUR)), limit=0.6, most=1, alerts=("LowETagCacheHitRatio",)),
    ranking("After how long are clients told to ask again?", "short",
            "Answers with Retry-After within the time shown, by seconds, rounded up.",
            ("{{seconds}} s", added(SHOWN, "retry_after_seconds_observed_total{JOB}", by="seconds"))),
    lines("How much do users send and fetch an hour?", "bytes", "Bodies of users' routes, within an hour.",
          ("sent", added(HOUR, "http_request_bytes_total{JOB, USERS}")),
          ("fetched", added(HOUR, "http_response_bytes_total{JOB, USERS}"))),
    lines("How much is kept for users?", "bytes",
          "Pictures and cards of jobs, as the store counts them.",
          ("blobs", "max(blob_store_bytes{JOB})")),
]

DASHBOARD = dashboard(
    "Business",
    "How much is done, for whom it works out, what they choose, and whether they come back for it.",
    [
        ("At a glance", GLANCE),
        ("Pictures", PICTURES),
        ("Completion", COMPLETION),
        ("What is popular", POPULAR),
        ("Engagement", ENGAGEMENT),
    ],
    refresh="5m",
    since="now-7d",
)
