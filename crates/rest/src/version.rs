mod delete;
mod get;
mod list;
mod restore;

pub(crate) use delete::*;
pub(crate) use get::*;
pub(crate) use list::*;
pub(crate) use restore::*;
