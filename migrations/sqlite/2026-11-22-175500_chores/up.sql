-- Who does what in the background, of the instances that share the work.
CREATE TABLE chores (
    name       TEXT    NOT NULL PRIMARY KEY,
    holder     BLOB    NOT NULL,
    held_until INTEGER NOT NULL,
    due_at     INTEGER NOT NULL
) STRICT;
