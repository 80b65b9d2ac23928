-- What could not be removed at once is found again without a look at all that is unneeded.
CREATE INDEX blobs_condemned ON blobs (condemned_at) WHERE condemned_at IS NOT NULL;
