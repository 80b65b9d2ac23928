SET LOCAL lock_timeout = '5s';

-- What could not be removed at once is found again without a look at all that is unneeded.
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX blobs_condemned ON blobs (condemned_at) WHERE condemned_at IS NOT NULL;
