-- One index for every sort order, with files and folders apart: one after the other they make a list with the folders first,
-- and merged the plain one.
CREATE INDEX nodes_listed_by_name ON nodes (parent_id, kind, order_key, id) WHERE trashed_at IS NULL;
CREATE INDEX nodes_listed_by_created ON nodes (parent_id, kind, created_at, id) WHERE trashed_at IS NULL;
CREATE INDEX nodes_listed_by_modified ON nodes (parent_id, kind, modified_at, id) WHERE trashed_at IS NULL;
CREATE INDEX nodes_listed_by_size ON nodes (parent_id, kind, size_bytes, id) WHERE trashed_at IS NULL;
-- A drive's nodes by name.
CREATE INDEX nodes_of_drive_by_name ON nodes (drive_id, order_key, id) WHERE trashed_at IS NULL AND kind <> 'root';
-- Names whose keys are to be computed: none, but for a while after an upgrade.
CREATE INDEX nodes_without_keys ON nodes (drive_id, id) WHERE order_key < x'01';

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
