-- A picture that a job names twice is downloaded once. Columns are only added: a process of the version before does not
-- know that such pictures end together, and processes each when its wait is over.

-- The number of the first item of the job with the same URL. This one is deferred, and ends with that one.
ALTER TABLE items ADD COLUMN same_as BIGINT;
CREATE INDEX items_same ON items (job_id, same_as) WHERE same_as IS NOT NULL;
