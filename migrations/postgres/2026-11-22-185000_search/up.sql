SET LOCAL lock_timeout = '5s';

-- Both are part of PostgreSQL's own distribution and trusted: the owner of the database may create them.
-- pg_trgm finds what holds a text, as far as the database's ctype tells letters: one in UTF-8 tells those of all scripts.
-- allow: code: it defines functions, and an operator class that the index below goes by
CREATE EXTENSION IF NOT EXISTS pg_trgm;
-- btree_gin lets an index of such texts begin with the drive, so that a search costs what the drive has, not the database.
-- allow: code: it defines operator classes for indexes
CREATE EXTENSION IF NOT EXISTS btree_gin;

-- only here: nodes_search: SQLite has tables of its own for it, search_nodes and search_names.
-- What was written last is read from end to end by every search: no more of it than 64 kB.
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX nodes_search ON nodes USING gin (drive_id, sort_key gin_trgm_ops) WITH (gin_pending_list_limit = 64)
    WHERE trashed_at IS NULL;
-- A drive's nodes by name. Its condition is more than nodes_search's, so that who asks for that gets no other.
-- allow: lock: nothing has been released yet, so the table is empty or small
CREATE INDEX nodes_by_drive_name ON nodes (drive_id, sort_key, name, id) WHERE trashed_at IS NULL AND kind <> 'root';
