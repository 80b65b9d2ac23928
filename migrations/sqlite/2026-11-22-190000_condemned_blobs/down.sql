DROP INDEX blobs_condemned;
