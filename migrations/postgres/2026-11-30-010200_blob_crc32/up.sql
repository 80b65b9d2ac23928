SET LOCAL lock_timeout = '5s';
-- The CRC-32 of the bytes, with which archives begin each file; null until it is known.
ALTER TABLE blobs ADD COLUMN crc32 bigint;
