//! Management of public links by their owners.

mod create;
mod delete;
mod list;
mod update;

pub(crate) use create::*;
pub(crate) use delete::*;
pub(crate) use list::*;
pub(crate) use update::*;
