mod create;
mod delete;
mod list_access;
mod list_given;
mod list_received;
mod update;

pub(crate) use create::*;
pub(crate) use delete::*;
pub(crate) use list_access::*;
pub(crate) use list_given::*;
pub(crate) use list_received::*;
pub(crate) use update::*;
