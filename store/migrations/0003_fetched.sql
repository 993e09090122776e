-- 1 once results of the job have been fetched: so that a job counts once, however often and from whatever process they are.
ALTER TABLE jobs ADD COLUMN fetched BIGINT NOT NULL DEFAULT 0;
