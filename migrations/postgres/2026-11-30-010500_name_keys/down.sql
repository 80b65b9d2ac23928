DROP FUNCTION search_grams(uuid, text);
DROP TRIGGER nodes_renamed ON nodes;
DROP FUNCTION nodes_empty_keys();
ALTER TABLE nodes DROP COLUMN search_key;
ALTER TABLE nodes DROP COLUMN order_key;
