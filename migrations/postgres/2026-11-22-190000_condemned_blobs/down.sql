SET LOCAL lock_timeout = '5s';

DROP INDEX blobs_condemned;
