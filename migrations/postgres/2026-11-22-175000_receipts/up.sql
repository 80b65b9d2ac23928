-- What requests that may be sent again came to. id: which of those who asked for the same at once holds the receipt.
SET LOCAL lock_timeout = '5s';
CREATE TABLE receipts (
    user_id    uuid             NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    path       text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    id         uuid             NOT NULL,
    digest     text COLLATE "C" NOT NULL,
    held_until bigint           NOT NULL,
    kept_until bigint           NOT NULL,
    answer     text COLLATE "C",
    PRIMARY KEY (user_id, path, key)
);
CREATE INDEX receipts_kept ON receipts (kept_until);
