CREATE INDEX nodes_by_name ON nodes (parent_id, sort_key, name, id) WHERE trashed_at IS NULL;
CREATE INDEX nodes_by_created ON nodes (parent_id, created_at, id) WHERE trashed_at IS NULL;
CREATE INDEX nodes_by_modified ON nodes (parent_id, modified_at, id) WHERE trashed_at IS NULL;
CREATE INDEX nodes_by_size ON nodes (parent_id, size_bytes, id) WHERE trashed_at IS NULL;
CREATE INDEX nodes_by_drive_name ON nodes (drive_id, sort_key, name, id) WHERE trashed_at IS NULL AND kind <> 'root';
CREATE INDEX nodes_search ON nodes USING gin (drive_id, sort_key gin_trgm_ops) WITH (gin_pending_list_limit = 64)
    WHERE trashed_at IS NULL;
DROP INDEX nodes_grams;
DROP INDEX nodes_without_keys;
DROP INDEX nodes_of_drive_by_name;
DROP INDEX nodes_listed_by_size;
DROP INDEX nodes_listed_by_modified;
DROP INDEX nodes_listed_by_created;
DROP INDEX nodes_listed_by_name;
