-- only here: migration, entry_counts: SQLite has one writer, so nothing waits for the row of a drive
SET LOCAL lock_timeout = '5s';

-- Folders counted apart from `drives.used_entries`, in several rows, so that those who make them do not wait for each other.
CREATE TABLE entry_counts (
    drive_id uuid     NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    place    integer  NOT NULL,
    entries  bigint   NOT NULL,
    PRIMARY KEY (drive_id, place)
);
