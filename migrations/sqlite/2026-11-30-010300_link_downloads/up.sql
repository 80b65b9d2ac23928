-- Downloads through public links that were counted within the last hour. digest: of the link, the item and the network that
-- took it, so that no address is stored; counted_at: in milliseconds.
CREATE TABLE link_downloads (
    link_id    BLOB    NOT NULL REFERENCES links (id) ON DELETE CASCADE,
    digest     BLOB    NOT NULL,
    counted_at INTEGER NOT NULL,
    PRIMARY KEY (link_id, digest)
) STRICT;
CREATE INDEX link_downloads_counted ON link_downloads (counted_at);
