ALTER TABLE uploads DROP COLUMN ticket;
