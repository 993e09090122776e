-- Deliveries are shared out among callers, and first attempts go before further ones.

-- Who the job belongs to; see jobs.caller.
ALTER TABLE deliveries ADD COLUMN caller TEXT NOT NULL DEFAULT '';
-- 1 once an attempt has failed since it was created or last sent anew.
ALTER TABLE deliveries ADD COLUMN retry BIGINT NOT NULL DEFAULT 0;

UPDATE deliveries SET
    retry = CASE WHEN tries > earlier THEN 1 ELSE 0 END,
    caller = COALESCE((SELECT caller FROM jobs WHERE jobs.id = deliveries.job_id), '')
WHERE state = 'pending';

CREATE INDEX deliveries_turns ON deliveries (retry, caller, next_at, id) WHERE state = 'pending';
CREATE INDEX deliveries_hosts ON deliveries (retry, caller, host, next_at, id) WHERE state = 'pending';
