ALTER TABLE uploads DROP COLUMN part_bytes;
