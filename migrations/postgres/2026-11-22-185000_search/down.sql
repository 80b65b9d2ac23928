-- The extensions stay: others may have come to use them.
DROP INDEX nodes_by_drive_name;
DROP INDEX nodes_search;
