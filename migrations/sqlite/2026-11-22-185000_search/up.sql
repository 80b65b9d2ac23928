-- A drive's nodes by name.
CREATE INDEX nodes_by_drive_name ON nodes (drive_id, sort_key, name, id) WHERE trashed_at IS NULL AND kind <> 'root';

-- Every live node but the roots has a number here, by which search_names knows it: the numbers of rows that have no other
-- name change when the database is vacuumed.
-- only here: search_nodes, search_names: PostgreSQL has an index for it, nodes_search.
CREATE TABLE search_nodes (
    number  INTEGER NOT NULL PRIMARY KEY,
    node_id BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX search_nodes_node ON search_nodes (node_id);

-- Which names have which three characters in a row. The names are folded already; they themselves are not kept, so that a row
-- goes by being told what it was made of.
CREATE VIRTUAL TABLE search_names USING fts5 (
    sort_key, content = '', detail = none, tokenize = 'trigram case_sensitive 1'
);

INSERT INTO search_nodes (node_id) SELECT id FROM nodes WHERE trashed_at IS NULL AND kind <> 'root';
INSERT INTO search_names (rowid, sort_key)
    SELECT search_nodes.number, nodes.sort_key FROM search_nodes JOIN nodes ON nodes.id = search_nodes.node_id;

-- allow: code: the three triggers keep both tables in step with nodes, whoever writes
CREATE TRIGGER search_insert AFTER INSERT ON nodes WHEN NEW.trashed_at IS NULL AND NEW.kind <> 'root' BEGIN
    INSERT INTO search_nodes (node_id) VALUES (NEW.id);
    INSERT INTO search_names (rowid, sort_key) SELECT number, NEW.sort_key FROM search_nodes WHERE node_id = NEW.id;
END;

-- allow: code: as above
CREATE TRIGGER search_update AFTER UPDATE OF sort_key, trashed_at ON nodes
WHEN NEW.kind <> 'root'
    AND (OLD.sort_key <> NEW.sort_key OR (OLD.trashed_at IS NULL) <> (NEW.trashed_at IS NULL)) BEGIN
    INSERT INTO search_names (search_names, rowid, sort_key)
        SELECT 'delete', number, OLD.sort_key FROM search_nodes WHERE node_id = OLD.id;
    DELETE FROM search_nodes WHERE node_id = OLD.id;
    INSERT INTO search_nodes (node_id) SELECT NEW.id WHERE NEW.trashed_at IS NULL;
    INSERT INTO search_names (rowid, sort_key) SELECT number, NEW.sort_key FROM search_nodes WHERE node_id = NEW.id;
END;

-- allow: code: as above
CREATE TRIGGER search_delete AFTER DELETE ON nodes BEGIN
    INSERT INTO search_names (search_names, rowid, sort_key)
        SELECT 'delete', number, OLD.sort_key FROM search_nodes WHERE node_id = OLD.id;
    DELETE FROM search_nodes WHERE node_id = OLD.id;
END;
