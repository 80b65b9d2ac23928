SET LOCAL lock_timeout = '5s';

-- Bytes to which nothing refers any more, and which count against a drive until they are deleted: as used, or as reserved.
-- A row goes with the row of its blob.
CREATE TABLE held_blobs (
    blob_key   text COLLATE "C" NOT NULL PRIMARY KEY,
    drive_id   uuid             NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    size_bytes bigint           NOT NULL CHECK (size_bytes >= 0),
    counter    text COLLATE "C" NOT NULL CHECK (counter IN ('used', 'reserved'))
);
CREATE INDEX held_blobs_drive ON held_blobs (drive_id);
