-- Bytes to which nothing refers any more, and which count against a drive until they are deleted: as used, or as reserved.
-- A row goes with the row of its blob.
CREATE TABLE held_blobs (
    blob_key   TEXT    NOT NULL PRIMARY KEY,
    drive_id   BLOB    NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    counter    TEXT    NOT NULL CHECK (counter IN ('used', 'reserved'))
) STRICT;
CREATE INDEX held_blobs_drive ON held_blobs (drive_id);
