DROP INDEX shares_node;
DROP INDEX shares_sharer;
DROP TABLE links;
