//! Files and folders: their contents, names and places.

pub(super) mod archives;
pub(super) mod blob_remover;
pub(super) mod changes;
pub(super) mod content_limit;
pub(super) mod contents;
pub(super) mod copies;
pub(super) mod delivery;
pub(super) mod digest;
pub(super) mod ended_uploads;
pub(super) mod file;
pub(super) mod first_chunk;
pub(super) mod folders;
pub(super) mod relocation;
pub(super) mod search;
pub(super) mod signed_blobs;
pub(super) mod store_tags;
pub(super) mod trash;
pub(super) mod uploads;
pub(super) mod versions;
