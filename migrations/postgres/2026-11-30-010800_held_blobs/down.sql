DROP TABLE held_blobs;
