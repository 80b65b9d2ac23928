DROP INDEX uploads_open_by_drive;
