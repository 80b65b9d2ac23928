SET LOCAL lock_timeout = '5s';

-- An entry says what a node was before the change and is after it, and which user it affects.
ALTER TABLE changes ADD COLUMN subject_id uuid;
ALTER TABLE changes ADD COLUMN before_parent_id uuid;
ALTER TABLE changes ADD COLUMN before_name text COLLATE "C";
ALTER TABLE changes ADD COLUMN before_revision bigint;
ALTER TABLE changes ADD COLUMN before_version_id uuid;
ALTER TABLE changes ADD COLUMN after_parent_id uuid;
ALTER TABLE changes ADD COLUMN after_name text COLLATE "C";
ALTER TABLE changes ADD COLUMN after_revision bigint;
ALTER TABLE changes ADD COLUMN after_version_id uuid;

-- Entries are ordered by (xid, id): the transaction, which every version notes by this default, and the entry within
-- it. Those of before were all committed when this took its lock, so they share the number 0.
-- only here: changes.xid: SQLite has one writer, whose transactions do not overlap.
ALTER TABLE changes ADD COLUMN xid bigint NOT NULL DEFAULT 0;
ALTER TABLE changes ALTER COLUMN xid SET DEFAULT CAST(CAST(pg_current_xact_id() AS text) AS bigint);

-- Up to where entries have been pruned. epoch counts how often the numbering had to begin anew, after a restore.
-- only here: change_log.pruned_xid: as changes.xid.
CREATE TABLE change_log (
    id         bigint NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch      bigint NOT NULL,
    pruned_xid bigint NOT NULL,
    pruned_id  bigint NOT NULL
);
INSERT INTO change_log (id, epoch, pruned_xid, pruned_id) VALUES (1, 0, 0, 0);

-- allow: drop: only the numbering of entries when they are read used it, which no server has ever done
DROP INDEX changes_unnumbered;
-- allow: drop: the same
DROP INDEX changes_sequence;
-- allow: drop: no version reads the entries of a drive; it returns with the new order
DROP INDEX changes_drive;
-- allow: drop: no version writes it, and only tests have ever read it
ALTER TABLE changes DROP COLUMN sequence;
