ALTER TABLE drives DROP COLUMN used_entries;
ALTER TABLE drives DROP COLUMN quota_entries;
