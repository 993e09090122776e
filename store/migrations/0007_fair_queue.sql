-- Work is queued by caller, then by job, then by picture, and callers have quotas. Processes of the version before work
-- on: they sort the ready jobs by priority themselves, and what they do not count the next recount corrects.

-- What each caller uses. Each transaction adds its differences to one of the rows of the caller; the sums count.
CREATE TABLE caller_usage (
    caller TEXT NOT NULL,
    shard BIGINT NOT NULL,
    -- Jobs that have not ended, and their pictures.
    open_jobs BIGINT NOT NULL,
    open_items BIGINT NOT NULL,
    -- Inputs and cards; for jobs that have not ended, the cards as they are expected.
    stored_bytes BIGINT NOT NULL,
    PRIMARY KEY (caller, shard)
);

INSERT INTO caller_usage (caller, shard, open_jobs, open_items, stored_bytes)
SELECT caller, 0,
    SUM(CASE WHEN state IN ('queued', 'processing') THEN 1 ELSE 0 END),
    SUM(CASE WHEN state IN ('queued', 'processing') THEN total ELSE 0 END),
    SUM(input_bytes + CASE WHEN state IN ('queued', 'processing') THEN 0 ELSE card_bytes END)
FROM jobs GROUP BY caller;

-- Bytes of cards that the job was expected to have when it was created; 0 once it has ended.
ALTER TABLE jobs ADD COLUMN expected_bytes BIGINT NOT NULL DEFAULT 0;
-- Expected bytes of live jobs that are not stored yet.
ALTER TABLE counters ADD COLUMN reserved_bytes BIGINT NOT NULL DEFAULT 0;

-- Host and port that the picture is downloaded from; empty if it needs no download.
ALTER TABLE items ADD COLUMN host TEXT NOT NULL DEFAULT '';
CREATE INDEX items_hosts ON items (host) WHERE state = 'claimed' AND host <> '';

-- Zero, or the time of the clock of leases until which the job waits because all hosts of its next pictures are busy;
-- and the first of them.
ALTER TABLE jobs ADD COLUMN blocked_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN blocked_host TEXT NOT NULL DEFAULT '';
CREATE INDEX jobs_blocked ON jobs (blocked_until) WHERE blocked_until > 0;
CREATE INDEX jobs_blocked_hosts ON jobs (blocked_host, caller, turn, id) WHERE blocked_until > 0;

DROP INDEX jobs_ready;
CREATE INDEX jobs_ready ON jobs (blocked_until, caller, turn, id) WHERE ready = 1;
CREATE INDEX jobs_ready_stored ON jobs (caller, turn, id) WHERE ready = 1 AND kind <> 'url_batch';
