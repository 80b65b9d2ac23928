DROP TABLE link_downloads;
