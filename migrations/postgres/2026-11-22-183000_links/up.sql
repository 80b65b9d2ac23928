SET LOCAL lock_timeout = '5s';

-- Public links. token_hash: the SHA-256 of the token by which its holder comes; sealed_token: the token itself, sealed with
-- the server's key, for its owner to see again. last_download_at: when a download was counted last.
CREATE TABLE links (
    id               uuid   NOT NULL PRIMARY KEY,
    node_id          uuid   NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    created_by       uuid   NOT NULL,
    token_hash       bytea  NOT NULL,
    sealed_token     bytea  NOT NULL,
    password_hash    text COLLATE "C",
    expires_at       bigint,
    max_downloads    bigint CHECK (max_downloads >= 1),
    downloads        bigint NOT NULL DEFAULT 0 CHECK (downloads >= 0),
    last_download_at bigint,
    created_at       bigint NOT NULL
);
CREATE UNIQUE INDEX links_token_hash ON links (token_hash);
CREATE INDEX links_maker ON links (created_by, created_at, id);
CREATE INDEX links_node ON links (node_id);

-- What somebody has shared, and the shares of a node, newest first.
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX shares_sharer ON shares (shared_by, created_at, id);
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX shares_node ON shares (node_id, created_at, id);
CREATE INDEX links_expiry ON links (expires_at) WHERE expires_at IS NOT NULL;
