-- Times are milliseconds since 1970 in UTC; sizes are bytes.
-- Text compares by its bytes ("C"), which for UTF-8 is by code points, whatever the collation of the database.

-- Where bytes lie. A row stands before the first byte is written and goes after the last is removed.
-- unreferenced_at: since when nothing refers to it. condemned_at: nothing may refer to it ever again.
CREATE TABLE blobs (
    key             text COLLATE "C" NOT NULL PRIMARY KEY,
    store           text COLLATE "C" NOT NULL,
    size_bytes      bigint,
    sha256          bytea,
    created_at      bigint           NOT NULL,
    unreferenced_at bigint,
    condemned_at    bigint
);
CREATE INDEX blobs_unreferenced ON blobs (unreferenced_at) WHERE unreferenced_at IS NOT NULL;

CREATE TABLE users (
    id            uuid             NOT NULL PRIMARY KEY,
    username      text COLLATE "C" NOT NULL,
    username_key  text COLLATE "C" NOT NULL,
    email         text COLLATE "C" NOT NULL,
    email_key     text COLLATE "C" NOT NULL,
    password_hash text COLLATE "C" NOT NULL,
    photo_blob    text COLLATE "C" REFERENCES blobs (key),
    created_at    bigint           NOT NULL
);
CREATE UNIQUE INDEX users_username_key ON users (username_key);
CREATE UNIQUE INDEX users_email_key ON users (email_key);
CREATE INDEX users_photo_blob ON users (photo_blob) WHERE photo_blob IS NOT NULL;

CREATE TABLE sessions (
    id           uuid             NOT NULL PRIMARY KEY,
    user_id      uuid             NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   bigint           NOT NULL,
    last_used_at bigint           NOT NULL,
    expires_at   bigint           NOT NULL,
    ended_at     bigint,
    address      text COLLATE "C",
    user_agent   text COLLATE "C"
);
CREATE INDEX sessions_user ON sessions (user_id);

-- A drive outlives its owner's account until its contents are cleared away.
CREATE TABLE drives (
    id             uuid   NOT NULL PRIMARY KEY,
    owner_id       uuid   REFERENCES users (id) ON DELETE SET NULL,
    quota_bytes    bigint NOT NULL CHECK (quota_bytes >= 0),
    used_bytes     bigint NOT NULL DEFAULT 0 CHECK (used_bytes >= 0),
    reserved_bytes bigint NOT NULL DEFAULT 0 CHECK (reserved_bytes >= 0),
    created_at     bigint NOT NULL
);
CREATE INDEX drives_owner ON drives (owner_id);

-- Files and folders. The root is a node that is never shown, so that every other node has a parent.
-- revision counts changes of name, place and content. created_by may name somebody who is gone.
-- reach: an upper bound of how many levels of folders stand below, so that a move need not count them.
CREATE TABLE nodes (
    id          uuid             NOT NULL PRIMARY KEY,
    drive_id    uuid             NOT NULL REFERENCES drives (id),
    parent_id   uuid             REFERENCES nodes (id),
    kind        text COLLATE "C" NOT NULL CHECK (kind IN ('root', 'folder', 'file')),
    name        text COLLATE "C" NOT NULL,
    sort_key    text COLLATE "C" NOT NULL,
    size_bytes  bigint           NOT NULL DEFAULT 0,
    revision    bigint           NOT NULL DEFAULT 1,
    reach       bigint           NOT NULL DEFAULT 0,
    version_id  uuid,
    created_by  uuid             NOT NULL,
    created_at  bigint           NOT NULL,
    modified_at bigint           NOT NULL,
    trashed_at  bigint,
    CHECK ((kind = 'root') = (parent_id IS NULL)),
    CHECK ((kind = 'file') = (version_id IS NOT NULL))
);
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
    id                 uuid             NOT NULL PRIMARY KEY,
    node_id            uuid             NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    blob_key           text COLLATE "C" NOT NULL REFERENCES blobs (key),
    size_bytes         bigint           NOT NULL CHECK (size_bytes >= 0),
    media_type         text COLLATE "C" NOT NULL,
    client_modified_at bigint,
    created_by         uuid             NOT NULL,
    created_at         bigint           NOT NULL
);
ALTER TABLE nodes
    ADD FOREIGN KEY (version_id) REFERENCES versions (id) DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX versions_node ON versions (node_id, created_at, id);
CREATE INDEX versions_blob ON versions (blob_key);

-- An upload keeps its row for a while after it has ended, so that a repeated request gets the same answer.
-- folder_id and blob_key may name what is gone by then. ticket: what the blob store calls the transfer.
CREATE TABLE uploads (
    id                 uuid             NOT NULL PRIMARY KEY,
    drive_id           uuid             NOT NULL REFERENCES drives (id),
    folder_id          uuid             NOT NULL,
    sender_id          uuid             NOT NULL,
    name               text COLLATE "C" NOT NULL,
    media_type         text COLLATE "C" NOT NULL,
    sha256             bytea,
    client_modified_at bigint,
    conflict           text COLLATE "C" NOT NULL CHECK (conflict IN ('fail', 'replace', 'keep')),
    announced_bytes    bigint           CHECK (announced_bytes >= 0),
    blob_key           text COLLATE "C" NOT NULL,
    ticket             text COLLATE "C",
    state              text COLLATE "C" NOT NULL CHECK (state IN ('open', 'complete', 'aborted', 'expired')),
    file_id            uuid,
    created_at         bigint           NOT NULL,
    expires_at         bigint           NOT NULL,
    ended_at           bigint,
    CHECK ((state = 'complete') = (file_id IS NOT NULL)),
    CHECK ((state = 'open') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX uploads_blob ON uploads (blob_key);
CREATE INDEX uploads_open_by_sender ON uploads (sender_id) WHERE state = 'open';
CREATE INDEX uploads_open_by_expiry ON uploads (expires_at) WHERE state = 'open';
CREATE INDEX uploads_ended ON uploads (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE shares (
    id         uuid             NOT NULL PRIMARY KEY,
    node_id    uuid             NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    guest_id   uuid             NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    permission text COLLATE "C" NOT NULL CHECK (permission IN ('view', 'edit')),
    shared_by  uuid             NOT NULL,
    created_at bigint           NOT NULL
);
CREATE UNIQUE INDEX shares_node_guest ON shares (node_id, guest_id);
CREATE INDEX shares_guest ON shares (guest_id, created_at, id);

-- The append-only log of what was changed. A row gets its place in the order, its sequence, once it is committed, from
-- whoever reads the log next: so none turns up behind one that has been read.
-- only here: changes.id, changes_sequence, changes_unnumbered: SQLite has one writer, which numbers changes as it writes them.
CREATE TABLE changes (
    id         bigint           NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sequence   bigint,
    kind       text COLLATE "C" NOT NULL,
    drive_id   uuid,
    node_id    uuid,
    actor_id   uuid,
    request_id text COLLATE "C" NOT NULL,
    at         bigint           NOT NULL
);
CREATE UNIQUE INDEX changes_sequence ON changes (sequence) WHERE sequence IS NOT NULL;
CREATE INDEX changes_unnumbered ON changes (id) WHERE sequence IS NULL;
CREATE INDEX changes_drive ON changes (drive_id, sequence);
