SET LOCAL lock_timeout = '5s';

-- How many files and folders a drive may have, and how many it has, those in the trash and those being purged among them.
ALTER TABLE drives ADD COLUMN quota_entries bigint NOT NULL DEFAULT 2000000;
ALTER TABLE drives ADD COLUMN used_entries bigint NOT NULL DEFAULT 0;
