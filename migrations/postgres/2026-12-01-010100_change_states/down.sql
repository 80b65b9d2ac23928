DROP TABLE change_log;
ALTER TABLE changes
    DROP COLUMN xid,
    DROP COLUMN after_version_id,
    DROP COLUMN after_revision,
    DROP COLUMN after_name,
    DROP COLUMN after_parent_id,
    DROP COLUMN before_version_id,
    DROP COLUMN before_revision,
    DROP COLUMN before_name,
    DROP COLUMN before_parent_id,
    DROP COLUMN subject_id,
    ADD COLUMN sequence bigint;
CREATE UNIQUE INDEX changes_sequence ON changes (sequence) WHERE sequence IS NOT NULL;
CREATE INDEX changes_unnumbered ON changes (id) WHERE sequence IS NULL;
CREATE INDEX changes_drive ON changes (drive_id, sequence);
