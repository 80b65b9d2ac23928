-- What is being sent into a drive: looked at when rights of guests end.
CREATE INDEX CONCURRENTLY uploads_open_by_drive ON uploads (drive_id, sender_id) WHERE state = 'open';
