mod create;
mod delete;
mod list_received;
mod patch;

pub(crate) use create::*;
pub(crate) use delete::*;
pub(crate) use list_received::*;
pub(crate) use patch::*;
