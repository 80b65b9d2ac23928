mod content;
mod copy;
mod create;
mod create_from_form;
mod delete;
mod get;
mod patch;
mod put_content;

pub(crate) use content::*;
pub(crate) use copy::*;
pub(crate) use create::*;
pub(crate) use create_from_form::*;
pub(crate) use delete::*;
pub(crate) use get::*;
pub(crate) use patch::*;
pub(crate) use put_content::*;
