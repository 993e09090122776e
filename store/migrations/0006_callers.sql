-- Who a job belongs to: `ip:` and an address, `key:` and the id of an access key; empty for jobs from before.
ALTER TABLE jobs ADD COLUMN caller TEXT NOT NULL DEFAULT '';
