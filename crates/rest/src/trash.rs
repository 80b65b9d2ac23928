mod empty;
mod list;
mod list_folder;
mod purge;
mod restore;

pub(crate) use empty::*;
pub(crate) use list::*;
pub(crate) use list_folder::*;
pub(crate) use purge::*;
pub(crate) use restore::*;
