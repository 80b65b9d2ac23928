SET LOCAL lock_timeout = '5s';

-- One index for every sort order, with files and folders apart: one after the other they make a list with the folders first,
-- and merged the plain one.
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX nodes_listed_by_name ON nodes (parent_id, kind, order_key, id) WHERE trashed_at IS NULL;
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX nodes_listed_by_created ON nodes (parent_id, kind, created_at, id) WHERE trashed_at IS NULL;
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX nodes_listed_by_modified ON nodes (parent_id, kind, modified_at, id) WHERE trashed_at IS NULL;
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX nodes_listed_by_size ON nodes (parent_id, kind, size_bytes, id) WHERE trashed_at IS NULL;
-- A drive's nodes by name.
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX nodes_of_drive_by_name ON nodes (drive_id, order_key, id) WHERE trashed_at IS NULL AND kind <> 'root';
-- Names whose keys are to be computed: none, but for a while after an upgrade.
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX nodes_without_keys ON nodes (drive_id, id) WHERE order_key < '\x01';
-- What was written last is read from end to end by every search: no more of it than 64 kB.
-- only here: nodes_grams: SQLite has a table for it, search_grams.
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX nodes_grams ON nodes USING gin (search_grams(drive_id, search_key)) WITH (gin_pending_list_limit = 64)
    WHERE trashed_at IS NULL;

-- allow: drop: nothing has been released yet; the version before works without it, and sorts
DROP INDEX nodes_by_name;
-- allow: drop: nothing has been released yet; the version before works without it, and sorts
DROP INDEX nodes_by_created;
-- allow: drop: nothing has been released yet; the version before works without it, and sorts
DROP INDEX nodes_by_modified;
-- allow: drop: nothing has been released yet; the version before works without it, and sorts
DROP INDEX nodes_by_size;
-- allow: drop: nothing has been released yet; the version before works without it, and sorts
DROP INDEX nodes_by_drive_name;
-- allow: drop: nothing has been released yet; the version before works without it, and sorts
DROP INDEX nodes_search;
