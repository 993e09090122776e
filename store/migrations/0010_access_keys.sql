-- Access keys. Their secrets are nowhere: a key is checked against the digest of its secret.
CREATE TABLE access_keys (
    id TEXT PRIMARY KEY NOT NULL,
    -- The first of the keys that replaced one another. Jobs belong to it.
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    -- SHA-256 in hex.
    digest TEXT NOT NULL,
    -- Separated by spaces.
    scopes TEXT NOT NULL,
    -- As JSON.
    limits TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    -- To the minute.
    last_used_at BIGINT
);

CREATE INDEX access_keys_newest ON access_keys (created_at, id) WHERE revoked_at IS NULL;
CREATE INDEX access_keys_revoked ON access_keys (revoked_at) WHERE revoked_at IS NOT NULL;

-- What belongs to a key, newest last.
CREATE INDEX jobs_of_keys ON jobs (caller, id) WHERE substr(caller, 1, 4) = 'key:';
CREATE INDEX deliveries_of_keys ON deliveries (caller, id) WHERE substr(caller, 1, 4) = 'key:';
