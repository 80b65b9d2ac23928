-- Identifiers are UUIDs in 16 bytes; times are milliseconds since 1970 in UTC; sizes are bytes.
-- Text compares by its bytes (BINARY), which for UTF-8 is by code points.

CREATE TABLE users (
    id            BLOB    NOT NULL PRIMARY KEY,
    username      TEXT    NOT NULL,
    username_key  TEXT    NOT NULL,
    email         TEXT    NOT NULL,
    email_key     TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    photo_blob    TEXT    REFERENCES blobs (key),
    created_at    INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX users_username_key ON users (username_key);
CREATE UNIQUE INDEX users_email_key ON users (email_key);
CREATE INDEX users_photo_blob ON users (photo_blob) WHERE photo_blob IS NOT NULL;

CREATE TABLE sessions (
    id           BLOB    NOT NULL PRIMARY KEY,
    user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    address      TEXT,
    user_agent   TEXT
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id);

-- A drive outlives its owner's account until its contents are cleared away.
CREATE TABLE drives (
    id             BLOB    NOT NULL PRIMARY KEY,
    owner_id       BLOB    REFERENCES users (id) ON DELETE SET NULL,
    quota_bytes    INTEGER NOT NULL CHECK (quota_bytes >= 0),
    used_bytes     INTEGER NOT NULL DEFAULT 0 CHECK (used_bytes >= 0),
    reserved_bytes INTEGER NOT NULL DEFAULT 0 CHECK (reserved_bytes >= 0),
    created_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX drives_owner ON drives (owner_id);

-- Where bytes lie. A row stands before the first byte is written and goes after the last is removed.
-- unreferenced_at: since when nothing refers to it. condemned_at: nothing may refer to it ever again.
CREATE TABLE blobs (
    key             TEXT    NOT NULL PRIMARY KEY,
    store           TEXT    NOT NULL,
    size_bytes      INTEGER,
    sha256          BLOB,
    created_at      INTEGER NOT NULL,
    unreferenced_at INTEGER,
    condemned_at    INTEGER
) STRICT;
CREATE INDEX blobs_unreferenced ON blobs (unreferenced_at) WHERE unreferenced_at IS NOT NULL;

-- Files and folders. The root is a node that is never shown, so that every other node has a parent.
-- revision counts changes of name, place and content. created_by may name somebody who is gone.
-- reach: an upper bound of how many levels of folders stand below, so that a move need not count them.
CREATE TABLE nodes (
    id          BLOB    NOT NULL PRIMARY KEY,
    drive_id    BLOB    NOT NULL REFERENCES drives (id),
    parent_id   BLOB    REFERENCES nodes (id),
    kind        TEXT    NOT NULL CHECK (kind IN ('root', 'folder', 'file')),
    name        TEXT    NOT NULL,
    sort_key    TEXT    NOT NULL,
    size_bytes  INTEGER NOT NULL DEFAULT 0,
    revision    INTEGER NOT NULL DEFAULT 1,
    reach       INTEGER NOT NULL DEFAULT 0,
    version_id  BLOB    REFERENCES versions (id) DEFERRABLE INITIALLY DEFERRED,
    created_by  BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    trashed_at  INTEGER,
    CHECK ((kind = 'root') = (parent_id IS NULL)),
    CHECK ((kind = 'file') = (version_id IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX nodes_root ON nodes (drive_id) WHERE parent_id IS NULL;
CREATE UNIQUE INDEX nodes_live_name ON nodes (parent_id, name) WHERE trashed_at IS NULL;
CREATE INDEX nodes_parent ON nodes (parent_id);
-- One index for every sort order, so that a page costs the same in any folder.
CREATE INDEX nodes_by_name ON nodes (parent_id, sort_key, name, id) WHERE trashed_at IS NULL;
CREATE INDEX nodes_by_created ON nodes (parent_id, created_at, id) WHERE trashed_at IS NULL;
CREATE INDEX nodes_by_modified ON nodes (parent_id, modified_at, id) WHERE trashed_at IS NULL;
CREATE INDEX nodes_by_size ON nodes (parent_id, size_bytes, id) WHERE trashed_at IS NULL;

-- The contents that a file has and had; nodes.version_id points at the current one.
CREATE TABLE versions (
    id                 BLOB    NOT NULL PRIMARY KEY,
    node_id            BLOB    NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    blob_key           TEXT    NOT NULL REFERENCES blobs (key),
    size_bytes         INTEGER NOT NULL CHECK (size_bytes >= 0),
    media_type         TEXT    NOT NULL,
    client_modified_at INTEGER,
    created_by         BLOB    NOT NULL,
    created_at         INTEGER NOT NULL
) STRICT;
CREATE INDEX versions_node ON versions (node_id, created_at, id);
CREATE INDEX versions_blob ON versions (blob_key);

-- An upload keeps its row for a while after it has ended, so that a repeated request gets the same answer.
-- folder_id and blob_key may name what is gone by then.
CREATE TABLE uploads (
    id                 BLOB    NOT NULL PRIMARY KEY,
    drive_id           BLOB    NOT NULL REFERENCES drives (id),
    folder_id          BLOB    NOT NULL,
    sender_id          BLOB    NOT NULL,
    name               TEXT    NOT NULL,
    media_type         TEXT    NOT NULL,
    sha256             BLOB,
    client_modified_at INTEGER,
    conflict           TEXT    NOT NULL CHECK (conflict IN ('fail', 'replace', 'keep')),
    announced_bytes    INTEGER CHECK (announced_bytes >= 0),
    blob_key           TEXT    NOT NULL,
    state              TEXT    NOT NULL CHECK (state IN ('open', 'complete', 'aborted', 'expired')),
    file_id            BLOB,
    created_at         INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL,
    ended_at           INTEGER,
    CHECK ((state = 'complete') = (file_id IS NOT NULL)),
    CHECK ((state = 'open') = (ended_at IS NULL))
) STRICT;
CREATE UNIQUE INDEX uploads_blob ON uploads (blob_key);
CREATE INDEX uploads_open_by_sender ON uploads (sender_id) WHERE state = 'open';
CREATE INDEX uploads_open_by_expiry ON uploads (expires_at) WHERE state = 'open';
CREATE INDEX uploads_ended ON uploads (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE shares (
    id         BLOB    NOT NULL PRIMARY KEY,
    node_id    BLOB    NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    guest_id   BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    permission TEXT    NOT NULL CHECK (permission IN ('view', 'edit')),
    shared_by  BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX shares_node_guest ON shares (node_id, guest_id);
CREATE INDEX shares_guest ON shares (guest_id, created_at, id);

-- The append-only log of what was changed, in the order of the commits.
CREATE TABLE changes (
    sequence   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind       TEXT    NOT NULL,
    drive_id   BLOB,
    node_id    BLOB,
    actor_id   BLOB,
    request_id TEXT    NOT NULL,
    at         INTEGER NOT NULL
) STRICT;
CREATE INDEX changes_drive ON changes (drive_id, sequence);
