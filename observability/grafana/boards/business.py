"""The business dashboard: how much work is done, does it succeed, which options are popular, and do clients fetch the
results?"""

from .objectives import quantiles
from .panels import RED, YELLOW, bar_gauge, dashboard, heatmap, stat, steps, timeseries

HOUR = "1h"
DAY = "1d"
SELECTED_RANGE = "$__range"


def within(window, selector, by=""):
    """The increase within a window."""
    head = f"sum by ({by})" if by else "sum"
    return f"{head} (increase({selector}[{window}]))"


def share(part, whole, window):
    """The ratio of two counters within a window, or no value if the second one did not increase."""
    return f"sum(increase({part}[{window}])) / (sum(increase({whole}[{window}])) > 0)"


JOBS_COMPLETED = 'jobs_completed_total{JOB, status="completed"}'
JOBS_ENDED = 'jobs_completed_total{JOB, status=~"completed|failed"}'
NOT_MODIFIED = 'status_polls_total{JOB, result="not_modified"}'
UNCHANGED = 'status_polls_total{JOB, result=~"not_modified|unchanged"}'
PICTURES_OK = 'image_outcomes_total{JOB, outcome="ok"}'

GLANCE = [
    stat("How many pictures were processed in the last hour?", "short",
         "Successfully processed pictures, on all routes.",
         within(HOUR, "images_processed_total{JOB}"), decimals=0),
    stat("How many jobs were created in the last day?", "short", "Jobs of all types.",
         within(DAY, "jobs_total{JOB}"), decimals=0),
    stat("What share of jobs completes?", "percentunit",
         """Completed jobs as a share of those that completed or failed in the last day. The objective is above 95
         %.""",
         share(JOBS_COMPLETED, JOBS_ENDED, DAY), thresholds=steps((0.9, YELLOW), (0.95, "green"), base=RED),
         no_value="no jobs"),
    stat("How many pictures does a job have?", "short", "Processed pictures per job, in the last day.",
         share('images_processed_total{JOB, endpoint="/jobs"}', "jobs_completed_total{JOB}", DAY), no_value="no jobs",
         decimals=1),
    stat("What share of jobs is fetched?", "percentunit",
         """Completed jobs with at least one card that was downloaded in the last day, in an archive, by its link or in
         the status response. No client fetched the others, so their work was wasted.""",
         share("jobs_fetched_total{JOB}", JOBS_COMPLETED, DAY), no_value="no jobs"),
    stat("How often is a job polled?", "short",
         "Polls per job, in the last day. A high number means that clients poll without backoff.",
         share("status_polls_total{JOB}", "jobs_completed_total{JOB}", DAY), no_value="no jobs", decimals=1),
]

PICTURES = [
    timeseries("How many pictures are processed per hour?", "short",
               "Successfully processed pictures within an hour, by the route of the request.",
               ("{{endpoint}}", within(HOUR, "images_processed_total{JOB}", by="endpoint")), width=16, stack=True),
    timeseries("What share of pictures succeeds?", "percentunit",
               """Successful attempts as a share of all attempts within an hour. The others failed because the input is
               damaged, too large or not a picture.""",
               ("succeed", share(PICTURES_OK, "image_outcomes_total{JOB}", HOUR)), maximum=1),
]

COMPLETION = [
    timeseries("How many jobs end per hour, and how?", "short", "Jobs that ended within an hour, by status.",
               ("{{status}}", within(HOUR, "jobs_completed_total{JOB}", by="status")), stack=True),
    timeseries("Is the share of completed jobs falling?", "percentunit",
               """Completed jobs as a share of those that completed or failed within an hour. The objective is above 95
               %.""",
               ("complete", share(JOBS_COMPLETED, JOBS_ENDED, HOUR)), limit=0.95, maximum=1,
               alerts=("JobSuccessFastBurn", "JobSuccessSlowBurn")),
    timeseries("How long does a client wait for a job?", "s",
               """From the first picture to the end of the job, within an hour. The operational dashboard shows the
               waiting time before that.""",
               *quantiles("jobs_processing_duration_seconds", "JOB", HOUR, 0.5, 0.95)),
    timeseries("How many jobs are stored?", "short", "Jobs in the store that clients can still fetch, by status.",
               ("{{status}}", 'max by (status) (jobs_current{JOB, status!="expired"})'), stack=True),
    bar_gauge("Why do jobs fail?", "short",
              "Jobs without any result within the selected time range, by error code.",
              ("{{error_code}}", within(SELECTED_RANGE, "jobs_failed_total{JOB}", by="error_code") + " > 0")),
    heatmap("How are processing times of jobs distributed?", "s", "From the first picture to the end of the job.",
            "sum by (le) (increase(jobs_processing_duration_seconds_bucket{JOB}[$__rate_interval]))"),
]

POPULAR = [
    bar_gauge("Which job types are popular?", "short", "Jobs created within the selected time range, by type.",
              ("{{type}}", within(SELECTED_RANGE, "jobs_total{JOB}", by="type")), width=4),
    bar_gauge("Which routes are popular?", "short",
              """Pictures within the selected time range: processed while the client waits (/process), as an archive
              (/process_zip) or as a job (/jobs).""",
              ("{{endpoint}}", within(SELECTED_RANGE, "images_processed_total{JOB}", by="endpoint")), width=5),
    bar_gauge("Which formats are popular?", "short",
              "Successfully processed pictures within the selected time range, by format.",
              ("{{format}}", within(SELECTED_RANGE, PICTURES_OK, by="format")), width=5),
    bar_gauge("Which aspect ratios are popular?", "short",
              """Successfully processed pictures within the selected time range, by width divided by height: panorama
              from 2 on, landscape above 1.1, square, portrait below 1/1.1, tall up to 1/2.""",
              ("{{aspect}}", within(SELECTED_RANGE, "images_by_aspect_total{JOB}", by="aspect")), width=5),
    bar_gauge("Which formats fail?", "short",
              """Pictures that could not be processed, by format. “unknown” means a format that no decoder supports,
              such as HEIC.""",
              ("{{format}}",
               within(SELECTED_RANGE, 'image_outcomes_total{JOB, outcome!="ok"}', by="format") + " > 0"), width=5),
    timeseries("Is the popularity of job types changing?", "short", "Jobs created within an hour, by type.",
               ("{{type}}", within(HOUR, "jobs_total{JOB}", by="type")), stack=True),
    timeseries("Is the popularity of formats changing?", "short",
               "Successfully processed pictures within an hour, by format.",
               ("{{format}}", within(HOUR, PICTURES_OK, by="format")), stack=True),
    timeseries("Is the popularity of aspect ratios changing?", "short",
               "Successfully processed pictures within an hour, by aspect ratio.",
               ("{{aspect}}", within(HOUR, "images_by_aspect_total{JOB}", by="aspect")), stack=True),
]

ENGAGEMENT = [
    timeseries("How many clients are active?", "short",
               """Estimated number of distinct client addresses within the last hour and the last day. If there are
               several processes, the panel shows the highest of their numbers. Behind a proxy, all clients count as
               one. The windows start empty when a process starts.""",
               ("within {{window}}", 'max by (window) (active_clients{JOB})')),
    timeseries("How many requests do users send per hour?", "short", "Requests to user routes within an hour.",
               ("{{endpoint}}", within(HOUR, "requests_total{JOB, USERS}", by="endpoint") + " > 0"), stack=True),
    timeseries("How are results fetched?", "short",
               "Downloads of archives and cards, and acknowledged webhooks, within an hour.",
               ("{{kind}}", within(HOUR, "results_downloaded_total{JOB}", by="kind")),
               ("webhook", within(HOUR, "webhook_deliveries_total{JOB}"))),
    timeseries("Are completed jobs fetched?", "short",
               """Jobs completed within an hour, and jobs fetched for the first time. A persistent gap means that
               clients do not need the results, or that their webhooks do not arrive.""",
               ("completed", within(HOUR, JOBS_COMPLETED)), ("fetched", within(HOUR, "jobs_fetched_total{JOB}"))),
    timeseries("What do polls of a job return?", "short",
               "Polls within an hour: unchanged (304), unchanged but returned in full, or changed.",
               ("{{result}}", within(HOUR, "status_polls_total{JOB}", by="result")), stack=True),
    timeseries("Do clients use ETags?", "percentunit",
               "Share of 304 responses among polls of unchanged jobs, within an hour. The objective is above 60 %.",
               ("hits", share(NOT_MODIFIED, UNCHANGED, HOUR)), limit=0.6, maximum=1,
               alerts=("LowETagCacheHitRatio",)),
    bar_gauge("Which Retry-After values do clients get?", "short",
              "Responses with Retry-After within the selected time range, by seconds, rounded up.",
              ("{{seconds}} s",
               within(SELECTED_RANGE, "retry_after_seconds_observed_total{JOB}", by="seconds"))),
    timeseries("How much data do users send and fetch per hour?", "bytes",
               "Request and response bodies of user routes, within an hour.",
               ("sent", within(HOUR, "http_request_bytes_total{JOB, USERS}")),
               ("fetched", within(HOUR, "http_response_bytes_total{JOB, USERS}"))),
    timeseries("How much data is stored for users?", "bytes",
               "Pictures and cards of jobs, as counted by the store.",
               ("blobs", "max(blob_store_bytes{JOB})")),
]

DASHBOARD = dashboard(
    "Business",
    "How much work is done, does it succeed, which options are popular, and do clients fetch the results?",
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
