-- The size of every part of an upload but the last; none when its bytes come in one.
ALTER TABLE uploads ADD COLUMN part_bytes INTEGER CHECK (part_bytes > 0);
