-- The outbox, as it is sent: what is told, to whom, when next; and each try.

-- What the job's end was, as JSON.
ALTER TABLE deliveries ADD COLUMN notice TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN traceparent TEXT;
ALTER TABLE deliveries ADD COLUMN url TEXT NOT NULL DEFAULT '';
-- Scheme, host and port of the URL: whose limits it counts in.
ALTER TABLE deliveries ADD COLUMN host TEXT NOT NULL DEFAULT '';
-- Claims so far. Never goes back: it is the fence.
ALTER TABLE deliveries ADD COLUMN claims BIGINT NOT NULL DEFAULT 0;
-- Tries so far, and how many of them were before it was last sent anew.
ALTER TABLE deliveries ADD COLUMN tries BIGINT NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN earlier BIGINT NOT NULL DEFAULT 0;
-- Not before this; while it is claimed, when the claim runs out.
ALTER TABLE deliveries ADD COLUMN next_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN finished_at BIGINT;

UPDATE deliveries SET
    url = (SELECT callback_url FROM jobs WHERE jobs.id = deliveries.job_id),
    request_id = (SELECT request_id FROM jobs WHERE jobs.id = deliveries.job_id),
    notice = (SELECT '{"state":"' || CASE WHEN state = 'expired' THEN 'completed' ELSE state END
        || '","created_at":' || (created_at / 1000) || ',"finished_at":' || (COALESCE(finished_at, created_at) / 1000)
        || ',"expires_at":' || (expires_at / 1000) || ',"base_url":"' || base_url || '","total":' || total
        || ',"succeeded":' || succeeded || ',"failed":' || failed || ',"failure":null}'
        FROM jobs WHERE jobs.id = deliveries.job_id);

DROP INDEX deliveries_pending;
CREATE INDEX deliveries_due ON deliveries (next_at, id) WHERE state = 'pending';
CREATE INDEX deliveries_dead ON deliveries (id) WHERE state = 'dead';

CREATE TABLE tries (
    delivery_id TEXT NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    -- The answer's status, where there was one.
    status BIGINT,
    -- Why it failed, where it did.
    reason TEXT,
    answer TEXT,
    PRIMARY KEY (delivery_id, number)
);
