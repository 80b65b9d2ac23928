-- For the list of the uploads that go into a drive, however many have ended there.
SET LOCAL lock_timeout = '5s';
-- allow: lock: an upload's row goes a day after it ended, so there are few, and the index holds the open ones alone
CREATE INDEX uploads_open_by_drive ON uploads (drive_id) WHERE state = 'open';
