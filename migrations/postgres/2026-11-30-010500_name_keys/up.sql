SET LOCAL lock_timeout = '5s';

-- Both keys are computed of the name by the server, which knows of which version they are by the first byte of order_key; an
-- empty one, as the version before writes it, is none yet. The server fills it in, by a few hundred rows at a time.
-- order_key is what lists by name are sorted by: the version, a collation key, a zero, and the name itself.
ALTER TABLE nodes ADD COLUMN order_key bytea NOT NULL DEFAULT '';
-- search_key is what searches look into: the name without regard to case, accents, width and compatibility forms.
ALTER TABLE nodes ADD COLUMN search_key text COLLATE "C" NOT NULL DEFAULT '';

-- The version before changes names and leaves the keys: then they are none any more. This one never gives another name the
-- same order_key, which ends with the name.
-- allow: code: of a row that gets another name with its old keys it empties both
CREATE FUNCTION nodes_empty_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.order_key := '';
    NEW.search_key := '';
    RETURN NEW;
END
$$;
-- allow: code: see above; it costs nothing where both change
CREATE TRIGGER nodes_renamed BEFORE UPDATE OF name ON nodes FOR EACH ROW
    WHEN (NEW.name <> OLD.name AND NEW.order_key = OLD.order_key) EXECUTE FUNCTION nodes_empty_keys();

-- What an index knows a name by: its pairs of characters, and single ones beyond ASCII, which are whole words in some
-- scripts. They are hashed together with the drive, so that a search costs what one drive has, not the database.
-- SQLite has a table of that name for it.
-- allow: code: an index below goes by it
CREATE FUNCTION search_grams(drive uuid, key text) RETURNS bigint[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_agg(hashtextextended(substr(key, place, size), uuid_hash_extended(drive, 0)))
    FROM generate_series(1, length(key)) AS place, generate_series(1, 2) AS size
    WHERE place + size - 1 <= length(key) AND (size = 2 OR ascii(substr(key, place, 1)) > 127)
$$;
