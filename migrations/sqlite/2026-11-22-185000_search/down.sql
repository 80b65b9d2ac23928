DROP TRIGGER search_delete;
DROP TRIGGER search_update;
DROP TRIGGER search_insert;
DROP TABLE search_names;
DROP TABLE search_nodes;
DROP INDEX nodes_by_drive_name;
