-- only here: migration: SQLite renames the column of the index that it has.
CREATE INDEX CONCURRENTLY changes_drive ON changes (drive_id, xid, id);
