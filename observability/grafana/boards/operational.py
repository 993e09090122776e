"""The operational dashboard: is the service healthy and fast, is work getting done, and if not, which part fails?"""

from .objectives import burn, left, quantile, quantiles, unavailable
from .panels import RED, YELLOW, bar_gauge, bars, dashboard, heatmap, stat, state_timeline, steps, timeseries

NOW = "$__rate_interval"
# Jobs can be rare: with ten per hour, shorter windows would be empty.
JOBS = "30m"


def increase(name, selector="JOB", by=""):
    """The increase per step, without steps in which nothing happened."""
    head = f"sum by ({by})" if by else "sum"
    return f"{head} (increase({name}{{{selector}}}[{NOW}])) > 0"


def stage(name, description):
    return heatmap(f"How long does the {name} stage take?", "s", description,
                   f'sum by (le) (increase(image_stage_duration_seconds_bucket{{JOB, stage="{name}"}}[{NOW}]))',
                   height=7)


GLANCE = [
    stat("Is every process up?", "bool_yes_no",
         "Whether Prometheus can scrape every process of the job. If not, see ServiceDown in the runbook.",
         "min(up{JOB})", thresholds=steps((1, "green"), base=RED), no_value="no target", alerts=("ServiceDown",)),
    stat("Is every process ready?", "bool_yes_no",
         """Whether /ready returns 200 on every process. If not, the row “Actors and dependencies” shows what is
         wrong.""",
         "min(service_ready{JOB})", thresholds=steps((1, "green"), base=RED), no_value="no target",
         alerts=("NotReady",)),
    stat("How much of the month's availability budget is left?", "percentunit",
         """The objective allows 0.1 % of user requests to fail within 30 days because of the service. A negative value
         means that the budget is overspent.""",
         left("availability"), thresholds=steps((0.25, YELLOW), (0.5, "green"), base=RED),
         no_value="no requests", number_only=True),
    stat("How fast is that budget burning?", "suffix:×",
         """Over the last hour. At 1×, the budget for a month lasts a month; at 14.4×, it lasts two days and an alert
         pages.""",
         burn("availability", "1h"), thresholds=steps((1, YELLOW), (14.4, RED)), no_value="no requests",
         decimals=2),
    stat("How old is the oldest waiting job?", "s",
         """Age of the oldest job with no picture started. Dead workers show up here, whereas histograms just get no new
         values.""",
         "max(jobs_oldest_queued_age_seconds{JOB})", thresholds=steps((30, YELLOW), (60, RED))),
    stat("How many webhooks are dead?", "short",
         "Dead letters in the store. An operator can redeliver them.",
         "max(webhooks_dead{JOB})", thresholds=steps((1, YELLOW)), alerts=("DeadLetters",)),
]

BUDGETS = [
    timeseries("Is the availability budget burning too fast?", "suffix:×",
               """Error rate of user requests divided by the allowed 0.1 %, in the windows of the burn alerts. An alert
               pages at 14.4× (1 h and 5 m) and 6× (6 h and 30 m), and opens a ticket at 3× (1 d and 2 h) and 1× (3 d
               and 6 h).""",
               *[(window, burn("availability", window)) for window in ("5m", "30m", "1h", "6h", "3d")], limit=14.4,
               alerts=("AvailabilityFastBurn", "AvailabilitySlowBurn")),
    timeseries("Which other budgets are burning?", "suffix:×",
               """Share of bad events in the last hour divided by the allowed share: 1 % for the error rate, 5 % for all
               others.""",
               ("{{slo}}", 'max by (slo) (job_slo:burn:rate1h{JOB, slo!="availability"})'), limit=6,
               alerts=("ErrorRateFastBurn", "ErrorRateSlowBurn", "JobSuccessFastBurn", "JobSuccessSlowBurn")),
    bar_gauge("How much of each budget is left this month?", "percentunit",
              """How many of the bad events that each objective allows in 30 days are left. A budget that is used up or
              overspent shows 0 or less.""",
              ("{{slo}}", "min by (slo) (job_slo:budget_left:ratio30d{JOB})"), maximum=1,
              thresholds=steps((0.25, YELLOW), (0.5, "green"), base=RED)),
]

REQUESTS = [
    timeseries("How many requests arrive, by route?", "reqps",
               "All routes, including probes and scrapes. “unmatched” counts requests for unknown paths.",
               ("{{endpoint}}", f"sum by (endpoint) (rate(requests_total{{JOB}}[{NOW}])) > 0"), stack=True),
    timeseries("What share of requests fails because of the service?", "percentunit",
               """INTERNAL_ERROR, OVERLOADED and NOT_READY as a share of user requests. Client errors and failed URLs of
               third parties are not counted. The objective is below 1 %; HighErrorRate fires at 5 %.""",
               ("service errors", unavailable(NOW)), limit=0.01, alerts=("HighErrorRate", "AvailabilityBelowTarget")),
    bars("Which errors are returned?", "short",
         "Responses with an error code, by code. The table of errors in the API documentation explains each code.",
         ("{{error_code}}", increase("errors_total", by="error_code"))),
    timeseries("How long do responses take?", "ms",
               """User routes. For an upload, the time starts at its last byte; for an event stream, it ends at the
               first byte. Objective: p95 below 2 s.""",
               *quantiles("request_duration_ms", "JOB, USERS", NOW), limit=2000,
               alerts=("HttpLatencyFastBurn", "HttpLatencySlowBurn")),
    timeseries("Which routes are slow (p95)?", "ms",
               "The 95th percentile of each route that was called.",
               ("{{endpoint}}", quantile(0.95, "request_duration_ms", "JOB, USERS", NOW, by="endpoint"))),
    heatmap("How are response times distributed?", "ms",
            """All requests to user routes. Two bands mean two kinds of requests: polls are in the lower one, pictures
            in the upper one.""",
            f"sum by (le) (increase(request_duration_ms_bucket{{JOB, USERS}}[{NOW}]))"),
    bars("Which status codes are returned?", "short",
         "Responses by status code. 202 and 304 are successes, like 200.",
         ("{{code}}", increase("requests_total", by="code"))),
    bars("Are responses cut off?", "short",
         """Responses that had a success status and then broke off because of an internal fault. They also count as
         errors, for example as INTERNAL_ERROR. A healthy service has none.""",
         ("{{endpoint}}", f"sum by (endpoint) (increase(answers_broken_total{{JOB}}[{NOW}]))")),
    timeseries("How many bytes come in and go out?", "Bps",
               "Bodies only, without headers and TLS.",
               ("in", f"sum(rate(http_request_bytes_total{{JOB}}[{NOW}]))"),
               ("out", f"sum(rate(http_response_bytes_total{{JOB}}[{NOW}]))")),
    timeseries("How much data do uploads and responses hold?", "bytes",
               """Admitted uploads, and the parts of uploads and responses that are in memory or in temporary files.
               Each of the three has a limit.""",
               ("uploads in flight", "sum(uploads_in_flight_bytes{JOB})"),
               ("in memory", "sum(spool_memory_bytes{JOB})"),
               ("in temporary files", "sum(spool_disk_bytes{JOB})")),
]

QUEUE = [
    timeseries("How many jobs are waiting or running?", "short",
               """Jobs in the store, by status. All processes report the figures of the same store, so the panel shows
               their maximum.""",
               ("{{status}}", 'max by (status) (jobs_current{JOB, status=~"queued|processing"})'), stack=True),
    timeseries("Is the queue stalled?", "s",
               """Age of the oldest job with no picture started. While nothing starts, it grows by one second per
               second: the queue is stalled.""",
               ("oldest", "max(jobs_oldest_queued_age_seconds{JOB})"), limit=60, alerts=("JobQueueStalled",)),
    timeseries("How many pictures are waiting?", "short",
               """In the store: pictures of jobs. For a slot: pictures of jobs and of clients that wait for the
               response; each process limits their number.""",
               ("in the store", "max(jobs_queued_images{JOB})"), ("for a slot", "sum(worker_queue_depth{JOB})")),
    timeseries("Do jobs end as fast as they arrive?", "cpm",
               "Jobs created and jobs ended per minute. A persistent gap means that the queue is growing.",
               ("created", f"sum(rate(jobs_total{{JOB}}[{NOW}])) * 60"),
               ("ended", f"sum(rate(jobs_completed_total{{JOB}}[{NOW}])) * 60")),
    timeseries("How long do jobs wait for their first picture?", "s",
               "From creation to the start of the first picture, over 30 minutes. Objective: p95 below 60 s.",
               *quantiles("jobs_queue_latency_seconds", "JOB", JOBS), limit=60,
               alerts=("QueueLatencySLOBreach", "QueueLatencyFastBurn", "QueueLatencySlowBurn")),
    timeseries("How long do jobs take once they have started?", "s",
               "From the first picture to the end of the job, over 30 minutes. Objective: p95 below 300 s.",
               *quantiles("jobs_processing_duration_seconds", "JOB", JOBS), limit=300,
               alerts=("ProcessingDurationSLOBreach", "ProcessingDurationFastBurn", "ProcessingDurationSlowBurn")),
    bars("How do jobs end?", "short", "Jobs that ended, by status.",
         ("{{status}}", increase("jobs_completed_total", by="status"))),
    bars("Why do jobs fail?", "short",
         """Jobs without any result, by error code. INTERNAL_ERROR is a fault of the service; most other codes are
         caused by the input.""",
         ("{{error_code}}", increase("jobs_failed_total", by="error_code"))),
    timeseries("Are leases or results being lost?", "short",
               """Leases that expired because a process died or was disconnected; pictures that failed after too many
               crashes; results that arrived after their lease had ended; and pictures that the store had assigned to a
               process that did not know about them. On a healthy service, all but the late results stay at 0. Late
               results also include pictures of canceled jobs.""",
               ("leases expired", f"sum(increase(job_leases_expired_total{{JOB}}[{NOW}]))"),
               ("failed after crashes", f"sum(increase(job_images_given_up_total{{JOB}}[{NOW}]))"),
               ("late results", f"sum(increase(job_stale_completions_total{{JOB}}[{NOW}]))"),
               ("orphaned claims", f"sum(increase(job_claims_orphaned_total{{JOB}}[{NOW}]))"),
               alerts=("ClaimsOrphaned",)),
    timeseries("Is every running job making progress?", "short",
               """Stalled jobs: jobs in processing with no queued picture and no attempt that ended within three lease
               durations. Deferred pictures: attempts that are retried later because their input or the service failed.
               Both stay at 0 on a healthy service.""",
               ("stalled jobs", "max(jobs_stalled{JOB})"),
               ("paused by an operator", "max(jobs_queue_paused{JOB})"),
               ("deferred pictures", f"sum(increase(job_images_deferred_total{{JOB}}[{NOW}]))"),
               alerts=("JobNotProgressing",)),
    timeseries("How many processes share the work?", "short",
               """Processes with a recent heartbeat in the store. All processes report the figures of the same store, so
               the panel shows their maximum.""",
               ("alive", "max(processes_alive{JOB})")),
]

WORKERS = [
    timeseries("How busy are the workers?", "percentunit",
               """Share of slots that are processing a picture. If it stays at 100 % while pictures wait, add slots or
               processes.""",
               ("busy", "sum(worker_slots_busy{JOB}) / sum(worker_slots{JOB})"), maximum=1),
    timeseries("How much of the pictures' memory budget is used?", "percentunit",
               "Memory reserved by pictures in progress. At 100 %, pictures wait even if slots are free.",
               ("used", "sum(worker_memory_budget_used_bytes{JOB}) / sum(worker_memory_budget_bytes{JOB})"),
               maximum=1),
    timeseries("How long does a picture wait for a slot?", "s",
               "From the request for a slot to the start. A client that waits gets OVERLOADED after 10 s.",
               *quantiles("worker_queue_wait_seconds", "JOB", NOW), limit=10),
    stage("decode", "Decodes the bytes to pixels, at the size that is needed."),
    stage("palette", "Finds the colours of the whole picture."),
    stage("subject", "Finds the subject of the picture: faces, and what differs from the border."),
    stage("layout", "Places the crop and the card's picture."),
    stage("card", "Crops and scales the picture for the card."),
    stage("encode", "Encodes the pixels of the card."),
    timeseries("Which stage uses the most CPU?", "suffix: cores",
               "CPU seconds that each stage uses per second, that is, the number of cores that it keeps busy.",
               ("{{stage}}", f"sum by (stage) (rate(image_stage_duration_seconds_sum{{JOB}}[{NOW}]))"), height=7,
               stack=True),
    bars("How do attempts to process a picture end?", "short",
         "“ok”, or the error code of the attempt.",
         ("{{outcome}}", increase("image_outcomes_total", by="outcome"))),
    timeseries("Are attempts hanging?", "short",
               """Abandoned attempts whose thread is still running. Above the limit, the process exits and the process
               manager restarts it.""",
               ("abandoned", "sum(worker_attempts_abandoned{JOB})")),
    timeseries("How many pictures are processed, by route?", "cpm",
               "Successfully processed pictures per minute, by the route of the request.",
               ("{{endpoint}}", f"sum by (endpoint) (rate(images_processed_total{{JOB}}[{NOW}])) * 60"), stack=True),
]

OUTBOUND = [
    bar_gauge("What happens to webhooks?", "short",
              """Within the selected time range: delivery attempts, retries among them, acknowledged webhooks and dead
              webhooks.""",
              ("attempts", "sum(increase(webhook_attempts_total{JOB}[$__range]))"),
              ("retries", "sum(increase(webhook_retries_total{JOB}[$__range]))"),
              ("acknowledged", "sum(increase(webhook_deliveries_total{JOB}[$__range]))"),
              ("dead", "sum(increase(webhook_dead_letters_total{JOB}[$__range]))")),
    bars("Why do webhook attempts fail?", "short",
         """Failed attempts by reason. WebhookFailures fires when more than a tenth of the attempts within 30 minutes
         fail, at three receivers or more.""",
         ("{{reason}}", increase("webhook_failures_total", by="reason")), alerts=("WebhookFailures",)),
    bars("At which receivers do webhook attempts fail?", "short",
         """Failed attempts by receiver. “other” stands for all beyond the first twenty that fail. Where everyone can read
         the metrics, receivers have fingerprints instead of names.""",
         ("{{receiver}}", increase("webhook_receiver_failures_total", by="receiver")),
         alerts=("WebhookReceiverFailing",)),
    timeseries("How long do receivers take to respond?", "s",
               """Over 30 minutes: first attempts that succeeded, and all attempts, including failed ones. Objective: 95
               % of the successful first attempts take less than 5 s.""",
               *[(f"first attempt, {name}", query)
                 for name, query in quantiles("webhook_first_try_latency_seconds", "JOB", JOBS, 0.5, 0.95)],
               ("all attempts, p95", quantile(0.95, "webhook_delivery_latency_seconds", "JOB", JOBS)), limit=5,
               alerts=("WebhookLatencyFastBurn", "WebhookLatencySlowBurn")),
    timeseries("How many webhooks are waiting?", "short",
               "Webhooks in the store that wait for their next attempt. The number grows while a receiver is down.",
               ("waiting", "max(webhooks_pending{JOB})")),
    bars("How do picture downloads end?", "short",
         "Downloads for jobs of URLs: “ok”, or the error code of the download.",
         ("{{outcome}}", increase("download_duration_seconds_count", by="outcome"))),
    timeseries("How long do downloads take?", "s",
               "All downloads, whatever their outcome. A download may take up to 40 s.",
               *quantiles("download_duration_seconds", "JOB", NOW)),
]

ACTORS = [
    state_timeline("Is every actor up?",
                   "Green while an actor accepts messages, red while it is down or waits for its restart.",
                   "min by (actor) (actor_up{JOB})", "{{actor}}"),
    state_timeline("Which dependencies are not ready?",
                   "The dependencies that /ready checks. If one of them is red, the process is not ready.",
                   "min by (dependency) (dependency_ready{JOB})", "{{dependency}}", good="ready", bad="not ready",
                   alerts=("NotReady",)),
    timeseries("Which actors were restarted, and why?", "short",
               "Restarts by actor and cause. Too many within a minute end the process. A healthy service has none.",
               ("{{actor}}: {{cause}}", f"sum by (actor, cause) (increase(actor_restarts_total{{JOB}}[{NOW}]))"),
               alerts=("ActorRestarting",)),
    timeseries("How long do messages wait for an actor (p95)?", "s",
               """How long pings wait in the mailbox of each actor. Even a busy actor takes only milliseconds. At
               health.timeout_seconds the process is not ready.""",
               ("{{actor}}", quantile(0.95, "actor_mailbox_wait_seconds", "JOB", "5m", by="actor"))),
    timeseries("Are event loops blocked (p99)?", "s",
               """Delay of a one-second timer on each thread. Up to 2 ms is normal. If all loops are late, the process
               does not get enough CPU time. If only one kind is late, a handler blocks it.""",
               ("{{loop}}", quantile(0.99, "event_loop_lag_seconds", "JOB", "5m", by="loop"))),
    timeseries("Which store operations are slow (p95)?", "s",
               "The 95th percentile of each operation that was called.",
               ("{{operation}}",
                quantile(0.95, "store_operation_duration_seconds", "JOB", NOW, by="operation"))),
    timeseries("Are store calls failing?", "short", "Failed calls of all operations. A healthy service has none.",
               ("failed", f"sum(increase(store_errors_total{{JOB}}[{NOW}]))")),
]

RESOURCES = [
    timeseries("How much CPU is used?", "suffix: cores",
               """Cores that each process keeps busy. The average covers 2 minutes, because the counter has a resolution
               of one second.""",
               ("{{instance}}", "rate(process_cpu_seconds_total{JOB}[2m])")),
    timeseries("How much memory is used?", "bytes",
               "Resident memory of each process. HighMemoryUsage fires at 1 GB.",
               ("{{instance}}", "process_resident_memory_bytes{JOB}"), limit=1e9, alerts=("HighMemoryUsage",)),
    timeseries("What is the memory used for?", "bytes",
               """“anonymous” is heap and stacks: pictures in progress, spools, and memory that the allocator keeps.
               “file” is the program and its libraries. “swapped” should be 0.""",
               ("{{kind}}", "sum by (kind) (process_memory_bytes{JOB})"), stack=True),
    timeseries("How much of the available memory is used?", "percentunit",
               """Memory of the control group whose limit is nearest, or of the machine, as /ready checks it. At 80 %
               the process is not ready, unless health.memory_used_ratio has another value.""",
               ("{{instance}}", "memory_used_bytes{JOB} / memory_limit_bytes{JOB}"), maximum=1, limit=0.8),
    timeseries("How much disk space is free?", "bytes",
               """On the disk of the data directory. Below 1 GB, DiskSpaceLow fires and the process is not ready, unless
               health.disk_free_bytes has another value.""",
               ("{{instance}}", "disk_free_bytes{JOB}"), limit=1e9, alerts=("DiskSpaceLow",)),
    timeseries("What share of the file descriptors is open?", "percentunit",
               "Open file descriptors as a share of the allowed number.",
               ("{{instance}}", "process_open_fds{JOB} / process_max_fds{JOB}"), maximum=1),
    timeseries("How many threads are running?", "short",
               "Threads of each process. The number is constant, except for attempts that hang.",
               ("{{instance}}", "process_threads{JOB}")),
    timeseries("How much space do pictures and cards take?", "bytes",
               """Inputs and cards of jobs, as counted by the store. Inputs are removed when their job ends, cards when
               it expires. At jobs.blob_limit_bytes, new jobs are refused.""",
               ("blobs", "max(blob_store_bytes{JOB})")),
    timeseries("What does the Janitor remove?", "short",
               "Removed objects by kind, and failed removals of blobs. Shows whether disk space is reclaimed.",
               ("{{kind}}", f"sum by (kind) (increase(gc_objects_collected_total{{JOB}}[{NOW}]))"),
               ("failed removals", f"sum(increase(blob_removals_failed_total{{JOB}}[{NOW}]))"),
               alerts=("BlobRemovalsFailing",)),
    stat("How long has the newest process been running?", "s", "Time since a process last started.",
         "time() - max(process_start_time_seconds{JOB})", width=8, no_value="no target"),
    stat("How many versions are running?", "short", "If there is more than one for a long time, a rollout is stuck.",
         "count(count by (version) (build_info{JOB}))", width=8, thresholds=steps((2, YELLOW)), no_value="no target"),
    stat("How many events are missing from the metrics?", "short",
         """Events that were not counted in the last hour, because the queue to the registry was full. At 0, the metrics
         are complete.""",
         "sum(increase(metrics_events_dropped_total{JOB}[1h]))", width=8, thresholds=steps((1, YELLOW)),
         no_value="no target"),
]

DASHBOARD = dashboard(
    "Operational",
    "Is the service healthy and fast, is work getting done, and if not, which part fails? Start at the top.",
    [
        ("At a glance", GLANCE),
        ("Objectives: burn and budget", BUDGETS),
        ("Requests: rate, errors, duration", REQUESTS),
        ("Jobs and their queue", QUEUE),
        ("Workers and pictures", WORKERS),
        ("Webhooks and downloads", OUTBOUND),
        ("Actors and dependencies", ACTORS),
        ("Resources", RESOURCES),
    ],
)
