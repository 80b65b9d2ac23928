-- How many files and folders a drive may have, and how many it has, those in the trash and those being purged among them.
ALTER TABLE drives ADD COLUMN quota_entries INTEGER NOT NULL DEFAULT 2000000 CHECK (quota_entries >= 0);
ALTER TABLE drives ADD COLUMN used_entries INTEGER NOT NULL DEFAULT 0;
-- allow: data: the server that uses the database is not running yet, and each drive is counted by one scan
UPDATE drives SET used_entries = counted.entries
FROM (SELECT drive_id, count(*) AS entries FROM nodes WHERE kind <> 'root' GROUP BY drive_id) AS counted
WHERE counted.drive_id = drives.id;
