DROP TRIGGER search_delete;
DROP TRIGGER search_update;
DROP TRIGGER search_insert;
CREATE VIRTUAL TABLE search_names USING fts5 (
    sort_key, content = '', detail = none, tokenize = 'trigram case_sensitive 1'
);

INSERT INTO search_names (rowid, sort_key)
    SELECT search_nodes.number, nodes.sort_key FROM search_nodes JOIN nodes ON nodes.id = search_nodes.node_id;

CREATE TRIGGER search_insert AFTER INSERT ON nodes WHEN NEW.trashed_at IS NULL AND NEW.kind <> 'root' BEGIN
    INSERT INTO search_nodes (node_id) VALUES (NEW.id);
    INSERT INTO search_names (rowid, sort_key) SELECT number, NEW.sort_key FROM search_nodes WHERE node_id = NEW.id;
END;

CREATE TRIGGER search_update AFTER UPDATE OF sort_key, trashed_at ON nodes
WHEN NEW.kind <> 'root'
    AND (OLD.sort_key <> NEW.sort_key OR (OLD.trashed_at IS NULL) <> (NEW.trashed_at IS NULL)) BEGIN
    INSERT INTO search_names (search_names, rowid, sort_key)
        SELECT 'delete', number, OLD.sort_key FROM search_nodes WHERE node_id = OLD.id;
    DELETE FROM search_nodes WHERE node_id = OLD.id;
    INSERT INTO search_nodes (node_id) SELECT NEW.id WHERE NEW.trashed_at IS NULL;
    INSERT INTO search_names (rowid, sort_key) SELECT number, NEW.sort_key FROM search_nodes WHERE node_id = NEW.id;
END;

CREATE TRIGGER search_delete AFTER DELETE ON nodes BEGIN
    INSERT INTO search_names (search_names, rowid, sort_key)
        SELECT 'delete', number, OLD.sort_key FROM search_nodes WHERE node_id = OLD.id;
    DELETE FROM search_nodes WHERE node_id = OLD.id;
END;

DROP TABLE search_grams;
DROP TABLE search_places;
DROP TRIGGER nodes_renamed;
ALTER TABLE nodes DROP COLUMN search_key;
ALTER TABLE nodes DROP COLUMN order_key;
