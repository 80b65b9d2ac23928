SET LOCAL lock_timeout = '5s';
-- The tag that the store itself sends with the bytes, without its quotes; null where the store has none, and in rows of blobs
-- that are older than this, until one is fetched.
ALTER TABLE blobs ADD COLUMN etag text COLLATE "C";
