-- For the list of the uploads that go into a drive, however many have ended there.
CREATE INDEX uploads_open_by_drive ON uploads (drive_id) WHERE state = 'open';
