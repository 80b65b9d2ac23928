SET LOCAL lock_timeout = '5s';

-- purge_id: the node with which the purge began that this one goes with. Nodes of a purge are in the trash, in no list, and
-- stand in the root, each with what has not been reached yet below it.
ALTER TABLE nodes ADD COLUMN purge_id uuid;

-- The revision of the file that came with this content: versions are ordered by it.
ALTER TABLE versions ADD COLUMN revision bigint NOT NULL DEFAULT 0;

-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX nodes_trash ON nodes (drive_id, trashed_at, id) WHERE trashed_at IS NOT NULL AND purge_id IS NULL;
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX nodes_trash_due ON nodes (trashed_at, id) WHERE trashed_at IS NOT NULL AND purge_id IS NULL;
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX nodes_purge ON nodes (drive_id, purge_id, id) WHERE purge_id IS NOT NULL;
-- A drive goes after its root, without which nothing can be put into it. The index that would serve this reference, and
-- nothing else, would have searches read whole drives by it.
-- allow: drop: what stands in a drive stands below its root, and nothing has been released yet
ALTER TABLE nodes DROP CONSTRAINT nodes_drive_id_fkey;
-- So that a version can go without a look at every row that might refer to it.
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX nodes_version ON nodes (version_id) WHERE version_id IS NOT NULL;
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX uploads_drive ON uploads (drive_id);
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX versions_history ON versions (node_id, revision, id);
-- allow: drop: versions_history serves what it served, and nothing has been released yet
DROP INDEX versions_node;
