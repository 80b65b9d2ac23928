mod create;
mod delete;
mod list;
mod list_root;
mod page;
mod patch;

pub(crate) use create::*;
pub(crate) use delete::*;
pub(crate) use list::*;
pub(crate) use list_root::*;
pub(crate) use patch::*;
