-- Both keys are computed of the name by the server, which knows of which version they are by the first byte of order_key; an
-- empty one, as the version before writes it, is none yet. The server fills it in, by a few hundred rows at a time.
-- order_key is what lists by name are sorted by: the version, a collation key, a zero, and the name itself.
ALTER TABLE nodes ADD COLUMN order_key BLOB NOT NULL DEFAULT x'';
-- search_key is what searches look into: the name without regard to case, accents, width and compatibility forms.
ALTER TABLE nodes ADD COLUMN search_key TEXT NOT NULL DEFAULT '';

-- The version before changes names and leaves the keys: then they are none any more. This one never gives another name the
-- same order_key, which ends with the name.
-- allow: code: of a row that gets another name with its old keys it empties both
CREATE TRIGGER nodes_renamed AFTER UPDATE OF name ON nodes
WHEN NEW.name <> OLD.name AND NEW.order_key = OLD.order_key BEGIN
    UPDATE nodes SET order_key = x'', search_key = '' WHERE id = NEW.id;
END;

-- Where the characters of a search_key stand. No search_key has more.
-- only here: search_places, search_grams: PostgreSQL has a function for it, search_grams.
CREATE TABLE search_places (
    place INTEGER NOT NULL PRIMARY KEY
) STRICT;
INSERT INTO search_places (place)
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 2000) SELECT n FROM number;

-- Which names have which grams: pairs of characters, and single ones beyond ASCII, which are whole words in some scripts. Each
-- is a word of hexadecimal digits, of the drive's last bytes and the characters, so that a search costs what one drive has,
-- not the database. The numbers are those of search_nodes.
CREATE VIRTUAL TABLE search_grams USING fts5 (grams, content = '', detail = none, tokenize = 'ascii');
INSERT INTO search_grams (rowid, grams) SELECT number, '' FROM search_nodes;

-- What the version before looks names up by goes: kept beside the other, it would make each new name cost twice as much.
-- allow: drop: search_insert below takes its place
DROP TRIGGER search_insert;
-- allow: drop: search_update below takes its place
DROP TRIGGER search_update;
-- allow: drop: search_delete below takes its place
DROP TRIGGER search_delete;
-- allow: drop: nothing has been released yet; should the version before be started again, its searches for three characters or more fail
DROP TABLE search_names;

-- allow: code: the triggers keep both tables in step with nodes, whoever writes
CREATE TRIGGER search_insert AFTER INSERT ON nodes WHEN NEW.trashed_at IS NULL AND NEW.kind <> 'root' BEGIN
    INSERT INTO search_nodes (node_id) VALUES (NEW.id);
    INSERT INTO search_grams (rowid, grams) SELECT number, coalesce((
            SELECT group_concat(substr(hex(NEW.drive_id), -12) || hex(substr(NEW.search_key, p.place, 2)), ' ')
            FROM search_places p WHERE p.place < length(NEW.search_key)
        ), '') || coalesce((
            SELECT ' ' || group_concat(substr(hex(NEW.drive_id), -12) || hex(substr(NEW.search_key, p.place, 1)), ' ')
            FROM search_places p WHERE length(CAST(NEW.search_key AS BLOB)) > length(NEW.search_key)
                AND p.place <= length(NEW.search_key) AND unicode(substr(NEW.search_key, p.place, 1)) > 127
        ), '')
        FROM search_nodes WHERE node_id = NEW.id;
END;

-- allow: code: as above
CREATE TRIGGER search_update AFTER UPDATE OF search_key, trashed_at ON nodes
WHEN NEW.kind <> 'root'
    AND (OLD.search_key <> NEW.search_key OR (OLD.trashed_at IS NULL) <> (NEW.trashed_at IS NULL)) BEGIN
    INSERT INTO search_grams (search_grams, rowid, grams) SELECT 'delete', number, coalesce((
            SELECT group_concat(substr(hex(OLD.drive_id), -12) || hex(substr(OLD.search_key, p.place, 2)), ' ')
            FROM search_places p WHERE p.place < length(OLD.search_key)
        ), '') || coalesce((
            SELECT ' ' || group_concat(substr(hex(OLD.drive_id), -12) || hex(substr(OLD.search_key, p.place, 1)), ' ')
            FROM search_places p WHERE length(CAST(OLD.search_key AS BLOB)) > length(OLD.search_key)
                AND p.place <= length(OLD.search_key) AND unicode(substr(OLD.search_key, p.place, 1)) > 127
        ), '')
        FROM search_nodes WHERE node_id = OLD.id;
    DELETE FROM search_nodes WHERE node_id = OLD.id;
    INSERT INTO search_nodes (node_id) SELECT NEW.id WHERE NEW.trashed_at IS NULL;
    INSERT INTO search_grams (rowid, grams) SELECT number, coalesce((
            SELECT group_concat(substr(hex(NEW.drive_id), -12) || hex(substr(NEW.search_key, p.place, 2)), ' ')
            FROM search_places p WHERE p.place < length(NEW.search_key)
        ), '') || coalesce((
            SELECT ' ' || group_concat(substr(hex(NEW.drive_id), -12) || hex(substr(NEW.search_key, p.place, 1)), ' ')
            FROM search_places p WHERE length(CAST(NEW.search_key AS BLOB)) > length(NEW.search_key)
                AND p.place <= length(NEW.search_key) AND unicode(substr(NEW.search_key, p.place, 1)) > 127
        ), '')
        FROM search_nodes WHERE node_id = NEW.id;
END;

-- allow: code: as above
CREATE TRIGGER search_delete AFTER DELETE ON nodes BEGIN
    INSERT INTO search_grams (search_grams, rowid, grams) SELECT 'delete', number, coalesce((
            SELECT group_concat(substr(hex(OLD.drive_id), -12) || hex(substr(OLD.search_key, p.place, 2)), ' ')
            FROM search_places p WHERE p.place < length(OLD.search_key)
        ), '') || coalesce((
            SELECT ' ' || group_concat(substr(hex(OLD.drive_id), -12) || hex(substr(OLD.search_key, p.place, 1)), ' ')
            FROM search_places p WHERE length(CAST(OLD.search_key AS BLOB)) > length(OLD.search_key)
                AND p.place <= length(OLD.search_key) AND unicode(substr(OLD.search_key, p.place, 1)) > 127
        ), '')
        FROM search_nodes WHERE node_id = OLD.id;
    DELETE FROM search_nodes WHERE node_id = OLD.id;
END;
