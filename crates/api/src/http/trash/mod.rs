mod empty;
mod list;
mod purge;
mod restore;

pub(crate) use empty::*;
pub(crate) use list::*;
pub(crate) use purge::*;
pub(crate) use restore::*;
