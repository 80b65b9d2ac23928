DROP TABLE throttle;
DROP TABLE refresh_tokens;
DROP INDEX sessions_by_expiry;
DROP INDEX sessions_ended;
DROP INDEX sessions_running;
ALTER TABLE users DROP COLUMN password_generation;
ALTER TABLE users DROP COLUMN disabled_at;
