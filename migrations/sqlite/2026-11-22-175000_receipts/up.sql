-- What requests that may be sent again came to. id: which of those who asked for the same at once holds the receipt.
CREATE TABLE receipts (
    user_id    BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    path       TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    id         BLOB    NOT NULL,
    digest     TEXT    NOT NULL,
    held_until INTEGER NOT NULL,
    kept_until INTEGER NOT NULL,
    answer     TEXT,
    PRIMARY KEY (user_id, path, key)
) STRICT;
CREATE INDEX receipts_kept ON receipts (kept_until);
