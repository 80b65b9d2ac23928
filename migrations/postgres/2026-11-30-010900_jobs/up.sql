-- Background work, queued by the mutations that cause it. `run_at` is when a job may be claimed: if it has a lease, that is
-- when the lease runs out. Dead jobs have failed too often and are not claimed.
CREATE TABLE jobs (
    kind       text COLLATE "C" NOT NULL,
    subject_id uuid             NOT NULL,
    run_at     bigint           NOT NULL,
    attempts   bigint           NOT NULL,
    lease_id   uuid,
    dead_at    bigint,
    PRIMARY KEY (kind, subject_id)
);
CREATE INDEX jobs_due ON jobs (run_at) WHERE dead_at IS NULL;
