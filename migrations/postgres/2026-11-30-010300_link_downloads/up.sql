SET LOCAL lock_timeout = '5s';

-- Downloads through public links that were counted within the last hour. digest: of the link, the item and the network that
-- took it, so that no address is stored; counted_at: in milliseconds.
CREATE TABLE link_downloads (
    link_id    uuid   NOT NULL REFERENCES links (id) ON DELETE CASCADE,
    digest     bytea  NOT NULL,
    counted_at bigint NOT NULL,
    PRIMARY KEY (link_id, digest)
);
CREATE INDEX link_downloads_counted ON link_downloads (counted_at);
