-- One text for SQLite and PostgreSQL: only BIGINT and TEXT, truth is 1 and 0, times are milliseconds since 1970.

CREATE TABLE jobs (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    -- 0 low, 1 normal, 2 high.
    priority BIGINT NOT NULL,
    options TEXT NOT NULL,
    request_id TEXT NOT NULL,
    traceparent TEXT,
    base_url TEXT NOT NULL,
    callback_url TEXT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    expires_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    eta_s BIGINT NOT NULL,
    total BIGINT NOT NULL,
    succeeded BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    -- Items that may be claimed: queued and no suspects.
    queued BIGINT NOT NULL,
    -- 1 while queued is above 0.
    ready BIGINT NOT NULL,
    -- Its place in the line of its priority's ready jobs: the lowest is next.
    turn BIGINT NOT NULL,
    -- Blobs that are due to go: 0 none, 1 the inputs, 2 all; -1 once a tombstone's are gone.
    removal BIGINT NOT NULL
);

CREATE INDEX jobs_ready ON jobs (priority DESC, turn, id, queued) WHERE ready = 1;
CREATE INDEX jobs_state ON jobs (state, id);
CREATE INDEX jobs_expiry ON jobs (expires_at) WHERE state <> 'expired';
CREATE INDEX jobs_tombstones ON jobs (expires_at) WHERE removal < 0;
CREATE INDEX jobs_removal ON jobs (id) WHERE removal > 0;

CREATE TABLE items (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Claims so far. Never goes back: it is the fence.
    attempt BIGINT NOT NULL,
    owner TEXT,
    -- By the clock of leases.
    lease_until BIGINT,
    -- 1 once a lease on it has run out: from then on it is claimed alone.
    suspect BIGINT NOT NULL,
    -- Leases that ran out while it was alone.
    crashes BIGINT NOT NULL,
    members TEXT,
    card TEXT,
    error_code TEXT,
    error_message TEXT,
    PRIMARY KEY (job_id, number)
);

CREATE INDEX items_waiting ON items (job_id, number) WHERE state = 'queued' AND suspect = 0;
CREATE INDEX items_suspect ON items (job_id, number) WHERE state = 'queued' AND suspect = 1;
CREATE INDEX items_leased ON items (lease_until) WHERE state = 'claimed';

CREATE TABLE keys (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    job_id TEXT NOT NULL,
    -- The key lives so long at least, whatever becomes of its job.
    keep_until BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);

CREATE INDEX keys_expiry ON keys (expires_at);
CREATE INDEX keys_job ON keys (job_id);

CREATE TABLE nonces (
    word TEXT PRIMARY KEY NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX nonces_expiry ON nonces (expires_at);

CREATE TABLE secrets (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);

-- The outbox: one row for each job whose end somebody wants to be told.
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY NOT NULL,
    job_id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX deliveries_pending ON deliveries (created_at) WHERE state = 'pending';

CREATE TABLE probe (
    id BIGINT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL
);
