ALTER TABLE nodes DROP COLUMN trashed_by;
