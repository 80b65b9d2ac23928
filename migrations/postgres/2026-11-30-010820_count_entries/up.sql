-- only here: migration: SQLite has one server, so its entry_quotas counts by itself
-- allow: code: counts the entries of one drive after the other, each in a transaction of its own
DO $$
DECLARE
  drive uuid;
  digits text;
BEGIN
  FOR drive IN SELECT id FROM drives ORDER BY id LOOP
    -- Nothing is added to the drive meanwhile: this is the lock on the shape of its tree, its number made of the two halves
    -- of the identifier.
    digits := replace(CAST(drive AS text), '-', '');
    PERFORM pg_advisory_xact_lock(
      CAST(CAST('x' || substr(digits, 1, 16) AS bit(64)) AS bigint)
      # CAST(CAST('x' || substr(digits, 17, 16) AS bit(64)) AS bigint));
    UPDATE drives SET used_entries = (SELECT count(*) FROM nodes WHERE drive_id = drive AND kind <> 'root')
      WHERE id = drive;
    COMMIT;
  END LOOP;
END
$$;
