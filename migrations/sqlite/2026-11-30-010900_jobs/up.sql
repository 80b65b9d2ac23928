-- Background work, queued by the mutations that cause it. `run_at` is when a job may be claimed: if it has a lease, that is
-- when the lease runs out. Dead jobs have failed too often and are not claimed.
CREATE TABLE jobs (
    kind       TEXT NOT NULL,
    subject_id BLOB NOT NULL,
    run_at     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    lease_id   BLOB,
    dead_at    INTEGER,
    PRIMARY KEY (kind, subject_id)
) STRICT;
CREATE INDEX jobs_due ON jobs (run_at) WHERE dead_at IS NULL;
