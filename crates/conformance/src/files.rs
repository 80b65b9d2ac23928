//! The tree of files and folders: names, contents, versions and the trash.

pub mod changes;
pub mod drive;
pub mod name_keys;
pub mod search;
pub mod trash;
pub mod trees;
pub mod uploads;
pub mod versions;
