mod archive;
mod copy;
mod create;
mod delete;
mod list;
mod list_root;
mod page;
mod update;

pub(crate) use archive::*;
pub(crate) use copy::*;
pub(crate) use create::*;
pub(crate) use delete::*;
pub(crate) use list::*;
pub(crate) use list_root::*;
pub(crate) use page::List;
pub(crate) use update::*;
