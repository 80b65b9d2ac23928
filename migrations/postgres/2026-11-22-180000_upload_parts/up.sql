SET LOCAL lock_timeout = '5s';

-- The size of every part of an upload but the last; none when its bytes come in one.
-- allow: lock: nothing has been released yet, so the table is empty or small
ALTER TABLE uploads ADD COLUMN part_bytes bigint CHECK (part_bytes > 0);
