-- Public links. token_hash: the SHA-256 of the token by which its holder comes; sealed_token: the token itself, sealed with
-- the server's key, for its owner to see again. last_download_at: when a download was counted last.
CREATE TABLE links (
    id               BLOB    NOT NULL PRIMARY KEY,
    node_id          BLOB    NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    created_by       BLOB    NOT NULL,
    token_hash       BLOB    NOT NULL,
    sealed_token     BLOB    NOT NULL,
    password_hash    TEXT,
    expires_at       INTEGER,
    max_downloads    INTEGER CHECK (max_downloads >= 1),
    downloads        INTEGER NOT NULL DEFAULT 0 CHECK (downloads >= 0),
    last_download_at INTEGER,
    created_at       INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX links_token_hash ON links (token_hash);
CREATE INDEX links_maker ON links (created_by, created_at, id);
CREATE INDEX links_node ON links (node_id);

-- What somebody has shared, and the shares of a node, newest first.
CREATE INDEX shares_sharer ON shares (shared_by, created_at, id);
CREATE INDEX shares_node ON shares (node_id, created_at, id);
CREATE INDEX links_expiry ON links (expires_at) WHERE expires_at IS NOT NULL;
