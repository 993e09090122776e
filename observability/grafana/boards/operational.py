"""Operational: is it well, is it fast, does work get done, and which part is it if not."""

from .objectives import burn, left, quantile, quantiles, unavailable
from .panels import RED, YELLOW, dashboard, events, lines, ranking, spread, stat, states, steps

NOW = "$__rate_interval"
# Jobs are few: ten an hour leave shorter windows empty.
JOBS = "30m"


def increase(name, selector="JOB", by=""):
    """What was added in a step, where something was."""
    head = f"sum by ({by})" if by else "sum"
    return f"{head} (increase({name}{{{selector}}}[{NOW}])) > 0"


def stage(name, about):
    return spread(f"How long does the stage “{name}” take?", "s", about,
                  f'sum by (le) (increase(image_stage_duration_seconds_bucket{{JOB, stage="{name}"}}[{NOW}]))',
                  height=7)


GLANCE = [
    stat("Is every process up?", "bool_yes_no",
         "Whether Prometheus reaches every process of the job. No: see ServiceDown in the runbook.",
         "min(up{JOB})", thresholds=steps((1, "green"), base=RED), empty="no target", alerts=("ServiceDown",)),
    stat("Is every process ready?", "bool_yes_no",
         "Whether /ready answers 200 everywhere. The row on actors and dependencies says what is missing.",
         "min(service_ready{JOB})", thresholds=steps((1, "green"), base=RED), empty="no target", alerts=("NotReady",)),
    stat("How much of the month's availability budget is left?", "percentunit",
         "Of the 0.1 % of users' requests that may fail through a fault of ours in 30 days. Below 0 it is overdrawn.",
         left("availability"), thresholds=steps((0.25, YELLOW), (0.5, "green"), base=RED),
         empty="no requests", once=True),
    stat("How fast does that budget burn now?", "suffix:×",
         "Over the last hour: 1× uses up the month's budget in a month, 14.4× in two days, which pages.",
         burn("availability", "1h"), thresholds=steps((1, YELLOW), (14.4, RED)), empty="no requests",
         decimals=2),
    stat("How old is the oldest job that waits?", "s",
         "Age of the oldest job of which no picture was begun. Dead workers show here, while histograms fall silent.",
         "max(jobs_oldest_queued_age_seconds{JOB})", thresholds=steps((30, YELLOW), (60, RED))),
    stat("How many webhooks were given up?", "short",
         "Dead letters in the store. An operator may have them sent anew.",
         "max(webhooks_dead{JOB})", thresholds=steps((1, YELLOW)), alerts=("DeadLetters",)),
]

BUDGETS = [
    lines("Does availability burn its budget too fast?", "suffix:×",
          """Error share of the users' requests over the 0.1 % allowed, in the windows of the burn alerts. A page is
          sent at 14.4× (1 h and 5 m) and 6× (6 h and 30 m), a ticket at 3× (1 d and 2 h) and 1× (3 d and 6 h).""",
          *[(window, burn("availability", window)) for window in ("5m", "30m", "1h", "6h", "3d")], limit=14.4,
          alerts=("AvailabilityFastBurn", "AvailabilitySlowBurn")),
    lines("Which other objective burns its budget?", "suffix:×",
          "The last hour's share of bad events over the share allowed: 1 % of errors, 5 % of all else.",
          ("{{slo}}", 'max by (slo) (job_slo:burn:rate1h{JOB, slo!="availability"})'), limit=6,
          alerts=("ErrorRateFastBurn", "ErrorRateSlowBurn", "JobSuccessFastBurn", "JobSuccessSlowBurn")),
    ranking("How much of each budget is left this month?", "percentunit",
            "What is left of the bad events that each objective allows in 30 days. Overdrawn ones show 0 or less.",
            ("{{slo}}", "min by (slo) (job_slo:budget_left:ratio30d{JOB})"), most=1,
            thresholds=steps((0.25, YELLOW), (0.5, "green"), base=RED)),
]

REQUESTS = [
    lines("How many requests come, by route?", "reqps",
          "All routes, probes and scrapes included. “unmatched” are paths that are none of ours.",
          ("{{endpoint}}", f"sum by (endpoint) (rate(requests_total{{JOB}}[{NOW}])) > 0"), stack=True),
    lines("What share of requests fails through our fault?", "percentunit",
          """INTERNAL_ERROR, OVERLOADED and NOT_READY over the users' requests; clients' mistakes and strangers' dead
          URLs do not count. The objective is below 1 %, HighErrorRate fires at 5 %.""",
          ("of our doing", unavailable(NOW)), limit=0.01, alerts=("HighErrorRate", "AvailabilityBelowTarget")),
    events("Which errors are answered?", "short",
           "Answers with an error code, by code. The meaning of each is in the API's table of errors.",
           ("{{error_code}}", increase("errors_total", by="error_code"))),
    lines("How long does an answer take?", "ms",
          "Users' routes. Uploads count from their last byte, event streams to their first. Objective: p95 below 2 s.",
          *quantiles("request_duration_ms", "JOB, USERS", NOW), limit=2000,
          alerts=("HttpLatencyFastBurn", "HttpLatencySlowBurn")),
    lines("Which route is slow (p95)?", "ms",
          "The 95th percentile of each route that was called.",
          ("{{endpoint}}", quantile(0.95, "request_duration_ms", "JOB, USERS", NOW, by="endpoint"))),
    spread("How are the answers' times spread?", "ms",
           "Every request of users' routes. Two bands mean two kinds of request: polls below, pictures above.",
           f"sum by (le) (increase(request_duration_ms_bucket{{JOB, USERS}}[{NOW}]))"),
    events("Which status codes are answered?", "short",
           "Answers by status code: 202 and 304 are as good as 200.",
           ("{{code}}", increase("requests_total", by="code"))),
    events("Do answers break off?", "short",
           """Answers whose bytes ended behind a good status, because of a fault of ours; they count as INTERNAL_ERROR and
           the like, too. 0 on a healthy service.""",
           ("{{endpoint}}", f"sum by (endpoint) (increase(answers_broken_total{{JOB}}[{NOW}]))")),
    lines("How many bytes come in and go out?", "Bps",
          "Bodies alone, without heads and TLS.",
          ("in", f"sum(rate(http_request_bytes_total{{JOB}}[{NOW}]))"),
          ("out", f"sum(rate(http_response_bytes_total{{JOB}}[{NOW}]))")),
    lines("How much is held for uploads and answers?", "bytes",
          "Uploads admitted, and what of uploads and answers lies in memory or in temporary files. Each has its limit.",
          ("uploads in flight", "sum(uploads_in_flight_bytes{JOB})"),
          ("in memory", "sum(spool_memory_bytes{JOB})"),
          ("in temporary files", "sum(spool_disk_bytes{JOB})")),
]

QUEUE = [
    lines("How many jobs wait or run?", "short",
          "Jobs in the store by state; every process reports the same store, so the maximum is taken.",
          ("{{status}}", 'max by (status) (jobs_current{JOB, status=~"queued|processing"})'), stack=True),
    lines("Does the queue stand still?", "s",
          "Grows by a second a second while nothing is begun: the sign of a dead queue.",
          ("oldest", "max(jobs_oldest_queued_age_seconds{JOB})"), limit=60, alerts=("JobQueueStalled",)),
    lines("How many pictures wait?", "short",
          "In the store: pictures of jobs. For a slot: pictures of jobs and of waiting clients, per process limited.",
          ("in the store", "max(jobs_queued_images{JOB})"), ("for a slot", "sum(worker_queue_depth{JOB})")),
    lines("Do jobs end as fast as they come?", "cpm",
          "Jobs created and jobs ended a minute. A gap that stays is a queue that grows.",
          ("created", f"sum(rate(jobs_total{{JOB}}[{NOW}])) * 60"),
          ("ended", f"sum(rate(jobs_completed_total{{JOB}}[{NOW}])) * 60")),
    lines("How long do jobs wait for their first picture?", "s",
          "From creation to the first picture, over 30 minutes. Objective: p95 below 60 s.",
          *quantiles("jobs_queue_latency_seconds", "JOB", JOBS), limit=60,
          alerts=("QueueLatencySLOBreach", "QueueLatencyFastBurn", "QueueLatencySlowBurn")),
    lines("How long do jobs take from their first picture on?", "s",
          "From the first picture to the job's end, over 30 minutes. Objective: p95 below 300 s.",
          *quantiles("jobs_processing_duration_seconds", "JOB", JOBS), limit=300,
          alerts=("ProcessingDurationSLOBreach", "ProcessingDurationFastBurn", "ProcessingDurationSlowBurn")),
    events("How do jobs end?", "short", "Jobs ended, by how.",
           ("{{status}}", increase("jobs_completed_total", by="status"))),
    events("Why do jobs fail?", "short",
           "Jobs without any result, by error code. INTERNAL_ERROR is ours, the rest is mostly the input's.",
           ("{{error_code}}", increase("jobs_failed_total", by="error_code"))),
    lines("Are pictures lost on the way?", "short",
          """Leases that ran out because a process died or was cut off, pictures given up after too many deaths, and
          results that came when the lease was gone, and claims whose process did not know of them. All but the third stay at 0
          on a healthy service; the third counts pictures of canceled jobs, too.""",
          ("leases expired", f"sum(increase(job_leases_expired_total{{JOB}}[{NOW}]))"),
          ("given up", f"sum(increase(job_images_given_up_total{{JOB}}[{NOW}]))"),
          ("came too late", f"sum(increase(job_stale_completions_total{{JOB}}[{NOW}]))"),
          ("not known of", f"sum(increase(job_claims_orphaned_total{{JOB}}[{NOW}]))"), alerts=("ClaimsOrphaned",)),
    lines("Does every job in processing make progress?", "short",
          """Jobs in processing of which no attempt has ended for three leases and nothing waits for its turn, and attempts
          that are repeated later because their input or the service failed. Both stay at 0 on a healthy service.""",
          ("stalled jobs", "max(jobs_stalled{JOB})"),
          ("paused by an operator", "max(jobs_queue_paused{JOB})"),
          ("deferred pictures", f"sum(increase(job_images_deferred_total{{JOB}}[{NOW}]))"),
          alerts=("JobNotProgressing",)),
    lines("How many processes share the work?", "short",
          "Processes with a good heartbeat in the store; every process reports the same store, so the maximum is taken.",
          ("alive", "max(processes_alive{JOB})")),
]

WORKERS = [
    lines("How busy are the workers?", "percentunit",
          "Slots with a picture on them, of all. At 100 % for long while pictures wait: more slots or more processes.",
          ("busy", "sum(worker_slots_busy{JOB}) / sum(worker_slots{JOB})"), most=1),
    lines("How much of the pictures' memory budget is used?", "percentunit",
          "What pictures in work have reserved. At 100 % pictures wait although slots are free.",
          ("used", "sum(worker_memory_budget_used_bytes{JOB}) / sum(worker_memory_budget_bytes{JOB})"), most=1),
    lines("How long does a picture wait for a slot?", "s",
          "From asking to starting. A waiting client is told OVERLOADED after 10 s.",
          *quantiles("worker_queue_wait_seconds", "JOB", NOW), limit=10),
    stage("decode", "From bytes to pixels, read at the size that is needed."),
    stage("palette", "The colours of the whole picture."),
    stage("crop", "Finding the best part for the card."),
    stage("card", "Cutting and scaling the card."),
    stage("encode", "From the card's pixels to its bytes."),
    lines("Which stage uses the processors?", "suffix: cores",
          "Seconds that a stage worked a second, that is processor cores kept busy.",
          ("{{stage}}", f"sum by (stage) (rate(image_stage_duration_seconds_sum{{JOB}}[{NOW}]))"), height=7,
          stack=True),
    events("How do attempts at pictures end?", "short",
           "“ok”, or the error that the picture ended with.",
           ("{{outcome}}", increase("image_outcomes_total", by="outcome"))),
    lines("Do attempts hang?", "short",
          "Attempts given up whose thread still runs. Past the limit the process ends itself and is started anew.",
          ("abandoned", "sum(worker_attempts_abandoned{JOB})")),
    lines("How many pictures are done, by route?", "cpm",
          "Pictures turned into results a minute, by the route that asked.",
          ("{{endpoint}}", f"sum by (endpoint) (rate(images_processed_total{{JOB}}[{NOW}])) * 60"), stack=True),
]

OUTBOUND = [
    ranking("What becomes of webhooks?", "short",
            "Within the time shown: tries, of those the repeated ones, webhooks taken and webhooks given up.",
            ("tries", "sum(increase(webhook_attempts_total{JOB}[$__range]))"),
            ("of those again", "sum(increase(webhook_retries_total{JOB}[$__range]))"),
            ("taken", "sum(increase(webhook_deliveries_total{JOB}[$__range]))"),
            ("given up", "sum(increase(webhook_dead_letters_total{JOB}[$__range]))")),
    events("Why do tries of webhooks fail?", "short",
           "Failed tries by reason. WebhookFailures fires when more than a tenth of 30 minutes' tries fail.",
           ("{{reason}}", increase("webhook_failures_total", by="reason")), alerts=("WebhookFailures",)),
    lines("How long do receivers take?", "s",
          """Over 30 minutes: first tries that were taken, of which 95 % shall be below 5 s, and any try, failed ones
          included.""",
          *[(f"taken at once, {name}", query)
            for name, query in quantiles("webhook_first_try_latency_seconds", "JOB", JOBS, 0.5, 0.95)],
          ("any try, p95", quantile(0.95, "webhook_delivery_latency_seconds", "JOB", JOBS)), limit=5,
          alerts=("WebhookLatencyFastBurn", "WebhookLatencySlowBurn")),
    lines("How many webhooks wait?", "short",
          "Webhooks in the store that wait for their next try. Grows while a receiver is down.",
          ("waiting", "max(webhooks_pending{JOB})")),
    events("How do downloads of pictures end?", "short",
           "Downloads for jobs of URLs, by outcome: “ok” or the error that the picture ended with.",
           ("{{outcome}}", increase("download_duration_seconds_count", by="outcome"))),
    lines("How long do downloads take?", "s",
          "Downloads of any outcome. The limit for one is 40 s.",
          *quantiles("download_duration_seconds", "JOB", NOW)),
]

ACTORS = [
    states("Is every actor up?", "Green while an actor takes messages, red while it is down or backs off.",
           "min by (actor) (actor_up{JOB})", "{{actor}}"),
    states("Which dependency is not well?", "What /ready judges. Red anywhere makes the process not ready.",
           "min by (dependency) (dependency_ready{JOB})", "{{dependency}}", good="well", bad="not well",
           alerts=("NotReady",)),
    lines("Which actors were restarted, and why?", "short",
          "Restarts by actor and cause; too many within a minute end the process. 0 on a healthy service.",
          ("{{actor}}: {{cause}}", f"sum by (actor, cause) (increase(actor_restarts_total{{JOB}}[{NOW}]))"),
          alerts=("ActorRestarting",)),
    lines("Do messages wait for an actor (p95)?", "s",
          """Pings of every actor, as long as they waited in its mailbox. A busy actor takes them within milliseconds; at
          health.timeout_seconds the process is not ready.""",
          ("{{actor}}", quantile(0.95, "actor_mailbox_wait_seconds", "JOB", "5m", by="actor"))),
    lines("Are event loops held up (p99)?", "s",
          """A timer of every second on each thread, as long as it was late: up to 2 ms is in time. All at once: too little
          processor time. One kind alone: a handler that blocks.""",
          ("{{loop}}", quantile(0.99, "event_loop_lag_seconds", "JOB", "5m", by="loop"))),
    lines("Which operation of the store is slow (p95)?", "s",
          "The 95th percentile of each operation that was called.",
          ("{{operation}}",
           quantile(0.95, "store_operation_duration_seconds", "JOB", NOW, by="operation"))),
    lines("Does the store fail?", "short", "Calls that failed, all operations. 0 on a healthy service.",
          ("failed", f"sum(increase(store_errors_total{{JOB}}[{NOW}]))")),
]

RESOURCES = [
    lines("How much processor time is used?", "suffix: cores",
          "Cores kept busy by each process, over 2 minutes, since the counter counts whole seconds.",
          ("{{instance}}", "rate(process_cpu_seconds_total{JOB}[2m])")),
    lines("How much memory is used?", "bytes",
          "Resident memory of each process. HighMemoryUsage fires at 1 GB.",
          ("{{instance}}", "process_resident_memory_bytes{JOB}"), limit=1e9, alerts=("HighMemoryUsage",)),
    lines("What is the memory made of?", "bytes",
          """“anonymous” is heap and stacks: what pictures in work, spools and the allocator's reserve take. “file” is the
          program and its libraries, “swapped” should be none.""",
          ("{{kind}}", "sum by (kind) (process_memory_bytes{JOB})"), stack=True),
    lines("How much of the memory there is is used?", "percentunit",
          """Of the control group with the nearest limit, or of the machine, as /ready judges it: at 80 % the process is
          not ready, unless health.memory_used_ratio says otherwise.""",
          ("{{instance}}", "memory_used_bytes{JOB} / memory_limit_bytes{JOB}"), most=1, limit=0.8),
    lines("How much disk is free?", "bytes",
          """Where the data lies. DiskSpaceLow fires, and the process is not ready, at 1 GB, unless
          health.disk_free_bytes says otherwise.""",
          ("{{instance}}", "disk_free_bytes{JOB}"), limit=1e9, alerts=("DiskSpaceLow",)),
    lines("How many descriptors are open?", "percentunit", "Open file descriptors of those allowed.",
          ("{{instance}}", "process_open_fds{JOB} / process_max_fds{JOB}"), most=1),
    lines("How many threads run?", "short",
          "Threads of each process. Steady, but for attempts that hang.",
          ("{{instance}}", "process_threads{JOB}")),
    lines("How much disk do pictures and cards take?", "bytes",
          """Inputs and cards of jobs, as the store counts them. Inputs go when their job ends, cards when it expires. New
          jobs are refused at jobs.blob_limit_bytes.""",
          ("blobs", "max(blob_store_bytes{JOB})")),
    lines("What is removed?", "short",
          "What the Janitor removed, by kind, and removals of blobs that failed: whether disk is reclaimed.",
          ("{{kind}}", f"sum by (kind) (increase(gc_objects_collected_total{{JOB}}[{NOW}]))"),
          ("removals that failed", f"sum(increase(blob_removals_failed_total{{JOB}}[{NOW}]))"),
          alerts=("BlobRemovalsFailing",)),
    stat("How long does the youngest process run?", "s", "Since the last start of any process.",
         "time() - max(process_start_time_seconds{JOB})", width=8, empty="no target"),
    stat("How many versions run?", "short", "More than one for long: a rollout that is stuck.",
         "count(count by (version) (build_info{JOB}))", width=8, thresholds=steps((2, YELLOW)), empty="no target"),
    stat("Is what is counted complete?", "short",
         "Events that were not counted in the last hour, because the way to the registry was full. 0 is complete.",
         "sum(increase(metrics_events_dropped_total{JOB}[1h]))", width=8, thresholds=steps((1, YELLOW)),
         empty="no target"),
]

DASHBOARD = dashboard(
    "Operational",
    "Is the service well, is it fast, does work get done, and which part is it if not? Read from the top.",
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
