-- purge_id: the node with which the purge began that this one goes with. Nodes of a purge are in the trash, in no list, and
-- stand in the root, each with what has not been reached yet below it.
ALTER TABLE nodes ADD COLUMN purge_id BLOB;

-- The revision of the file that came with this content: versions are ordered by it.
ALTER TABLE versions ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;

CREATE INDEX nodes_trash ON nodes (drive_id, trashed_at, id) WHERE trashed_at IS NOT NULL AND purge_id IS NULL;
CREATE INDEX nodes_trash_due ON nodes (trashed_at, id) WHERE trashed_at IS NOT NULL AND purge_id IS NULL;
CREATE INDEX nodes_purge ON nodes (drive_id, purge_id, id) WHERE purge_id IS NOT NULL;
-- So that a drive can go, and a version, without a look at every row that might refer to it.
-- only here: nodes_drive: in PostgreSQL nodes do not refer to drives: the index would have searches read whole drives by it.
CREATE INDEX nodes_drive ON nodes (drive_id);
CREATE INDEX nodes_version ON nodes (version_id) WHERE version_id IS NOT NULL;
CREATE INDEX uploads_drive ON uploads (drive_id);
CREATE INDEX versions_history ON versions (node_id, revision, id);
-- allow: drop: versions_history serves what it served, and nothing has been released yet
DROP INDEX versions_node;
