DROP TABLE changes, shares, uploads, versions, nodes, drives, sessions, users, blobs;
