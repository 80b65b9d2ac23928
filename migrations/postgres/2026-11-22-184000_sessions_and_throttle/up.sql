SET LOCAL lock_timeout = '5s';

-- disabled_at: since when nobody is let in under this name. password_generation: how often the password was changed, so that
-- what was proven with a former one does not count any more.
ALTER TABLE users ADD COLUMN disabled_at bigint;
ALTER TABLE users ADD COLUMN password_generation bigint NOT NULL DEFAULT 0;

-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX sessions_running ON sessions (user_id, created_at, id) WHERE ended_at IS NULL;
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- The refresh tokens of a session, by their SHA-256. used_at: when it was swapped for the next; whoever uses it again ends the
-- session.
CREATE TABLE refresh_tokens (
    hash       bytea  NOT NULL PRIMARY KEY,
    session_id uuid   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    used_at    bigint
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

-- How much was attempted lately. bucket: a digest of what is counted, so that no address and no name stands here. tat: the
-- time at which the bucket is full again. seen: the latest time at which anybody took from it.
CREATE TABLE throttle (
    bucket text COLLATE "C" NOT NULL PRIMARY KEY,
    tat    bigint           NOT NULL,
    seen   bigint           NOT NULL
);
CREATE INDEX throttle_tat ON throttle (tat);
