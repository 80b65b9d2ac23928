-- An entry says what a node was before the change and is after it, and which user it affects.
ALTER TABLE changes ADD COLUMN subject_id BLOB;
ALTER TABLE changes ADD COLUMN before_parent_id BLOB;
ALTER TABLE changes ADD COLUMN before_name TEXT;
ALTER TABLE changes ADD COLUMN before_revision INTEGER;
ALTER TABLE changes ADD COLUMN before_version_id BLOB;
ALTER TABLE changes ADD COLUMN after_parent_id BLOB;
ALTER TABLE changes ADD COLUMN after_name TEXT;
ALTER TABLE changes ADD COLUMN after_revision INTEGER;
ALTER TABLE changes ADD COLUMN after_version_id BLOB;

-- The order of entries is still that of their numbers, which are never used again, even if all are pruned.
-- only here: changes.sequence: in PostgreSQL id and xid are the order.

-- Up to where entries have been pruned. epoch counts how often the numbering had to begin anew, after a restore.
CREATE TABLE change_log (
    id        INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch     INTEGER NOT NULL,
    pruned_id INTEGER NOT NULL
) STRICT;
INSERT INTO change_log (id, epoch, pruned_id) VALUES (1, 0, 0);
