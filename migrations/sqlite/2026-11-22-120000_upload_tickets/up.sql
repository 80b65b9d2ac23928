-- only here: migration: PostgreSQL's first migration has the column.
-- What the blob store calls the transfer of an upload, where it keeps books of them.
ALTER TABLE uploads ADD COLUMN ticket TEXT;
