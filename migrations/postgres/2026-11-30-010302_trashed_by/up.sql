SET LOCAL lock_timeout = '5s';

-- Who put the node into the trash: for an hour a guest may undo that.
ALTER TABLE nodes ADD COLUMN trashed_by uuid;
