-- only here: migration, changes_order: SQLite keeps the rows themselves in this order.
CREATE INDEX CONCURRENTLY changes_order ON changes (xid, id);
