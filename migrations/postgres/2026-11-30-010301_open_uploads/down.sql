DROP INDEX CONCURRENTLY uploads_open_by_drive;
