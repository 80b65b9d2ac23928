//! Management of public links by their owners.

mod create;
mod delete;
mod list;
mod patch;

pub(crate) use create::*;
pub(crate) use delete::*;
pub(crate) use list::*;
pub(crate) use patch::*;
