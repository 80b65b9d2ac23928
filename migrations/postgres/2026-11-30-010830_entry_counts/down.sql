LOCK TABLE drives, entry_counts IN ACCESS EXCLUSIVE MODE;
UPDATE drives SET used_entries = used_entries + counted.entries
  FROM (SELECT drive_id, sum(entries) AS entries FROM entry_counts GROUP BY drive_id) AS counted
  WHERE counted.drive_id = drives.id;
DROP TABLE entry_counts;
