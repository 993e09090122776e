-- A row for each caller, many of them hot: room for new versions on the page of the old, and dead ones go soon.
ALTER TABLE callers SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 500);
