-- A few rows for each caller, some of them hot: room for new versions on the page of the old, and dead ones go soon.
ALTER TABLE caller_usage SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 500);
