-- A lease is good while its process beats; items wait by themselves; counts are kept by the transactions that change
-- them; one process at a time has a duty. Columns and tables are only added: processes of the version before work on.

-- The oldest program that may start on this schema, by the newest step that it knows. A step that takes something away
-- which older programs use raises it; one that only adds leaves it as it is.
CREATE TABLE compatibility (
    oldest BIGINT NOT NULL
);

INSERT INTO compatibility (oldest) VALUES (4);

CREATE TABLE processes (
    id TEXT PRIMARY KEY NOT NULL,
    host TEXT NOT NULL,
    version TEXT NOT NULL,
    role TEXT NOT NULL,
    slots BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    beat_at BIGINT NOT NULL,
    -- By the clock of leases: until then the leases of this process are good.
    beat_until BIGINT NOT NULL
);

-- A row for each process that has ever proven that writing works, so that no two wait for each other.
CREATE TABLE probes (
    owner TEXT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL
);

CREATE TABLE duties (
    name TEXT PRIMARY KEY NOT NULL,
    owner TEXT NOT NULL,
    -- By the clock of leases.
    held_until BIGINT NOT NULL
);

-- What is not handed out: a kind of job, or `all`.
CREATE TABLE pauses (
    kind TEXT PRIMARY KEY NOT NULL,
    since BIGINT NOT NULL
);

-- The last time at which the expiry ran, and until when it waits because the clock had jumped.
CREATE TABLE expiry_clock (
    id BIGINT PRIMARY KEY NOT NULL,
    last_at BIGINT NOT NULL,
    wait_until BIGINT NOT NULL
);

-- How many there are. Each transaction adds its own differences to one of the rows; the sum is the figure.
CREATE TABLE counters (
    shard BIGINT PRIMARY KEY NOT NULL,
    queued BIGINT NOT NULL,
    processing BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    canceled BIGINT NOT NULL,
    expired BIGINT NOT NULL,
    waiting BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    dead BIGINT NOT NULL,
    blob_bytes BIGINT NOT NULL
);

INSERT INTO counters (shard, queued, processing, completed, failed, canceled, expired, waiting, pending, dead, blob_bytes)
SELECT 0,
    (SELECT COUNT(*) FROM jobs WHERE state = 'queued'),
    (SELECT COUNT(*) FROM jobs WHERE state = 'processing'),
    (SELECT COUNT(*) FROM jobs WHERE state = 'completed'),
    (SELECT COUNT(*) FROM jobs WHERE state = 'failed'),
    (SELECT COUNT(*) FROM jobs WHERE state = 'canceled'),
    (SELECT COUNT(*) FROM jobs WHERE state = 'expired'),
    (SELECT COUNT(*) FROM items WHERE state = 'queued'),
    (SELECT COUNT(*) FROM deliveries WHERE state = 'pending'),
    (SELECT COUNT(*) FROM deliveries WHERE state = 'dead'),
    0;

-- Bytes of the job's blobs that are stored: its inputs, and the cards of its settled pictures.
ALTER TABLE jobs ADD COLUMN input_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN card_bytes BIGINT NOT NULL DEFAULT 0;
-- When an attempt at one of its pictures last came to an end.
ALTER TABLE jobs ADD COLUMN progressed_at BIGINT NOT NULL DEFAULT 0;
-- Blobs that could not be removed are tried again after this.
ALTER TABLE jobs ADD COLUMN removal_after BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN removal_failures BIGINT NOT NULL DEFAULT 0;

-- Zero, or the time of the clock of leases before which the item is not handed out.
ALTER TABLE items ADD COLUMN not_before BIGINT NOT NULL DEFAULT 0;
-- Attempts that failed by a fault that is not the picture's.
ALTER TABLE items ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
-- Which claim of its owner took it.
ALTER TABLE items ADD COLUMN claim BIGINT NOT NULL DEFAULT 0;
-- 1 where it failed by such a fault: trying it again may help.
ALTER TABLE items ADD COLUMN retryable BIGINT NOT NULL DEFAULT 0;

DROP INDEX jobs_ready;
CREATE INDEX jobs_ready ON jobs (priority DESC, turn, id) WHERE ready = 1;
DROP INDEX jobs_removal;
CREATE INDEX jobs_removal ON jobs (removal_after, id) WHERE removal > 0;

DROP INDEX items_waiting;
CREATE INDEX items_waiting ON items (job_id, number) WHERE state = 'queued' AND suspect = 0 AND not_before = 0;
DROP INDEX items_suspect;
CREATE INDEX items_suspect ON items (suspect, job_id, number) WHERE state = 'queued' AND suspect > 0 AND not_before = 0;
CREATE INDEX items_deferred ON items (not_before) WHERE state = 'queued' AND not_before > 0;
DROP INDEX items_leased;
CREATE INDEX items_claimed ON items (owner) WHERE state = 'claimed';
