mod content;
mod copy;
mod create;
mod create_from_form;
mod delete;
mod get;
mod put_content;
mod update;

pub(crate) use content::*;
pub(crate) use copy::*;
pub(crate) use create::*;
pub(crate) use create_from_form::*;
pub(crate) use delete::*;
pub(crate) use get::*;
pub(crate) use put_content::*;
pub(crate) use update::*;
