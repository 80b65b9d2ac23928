mod content;
mod copy;
mod create;
mod create_from_form;
mod get;
mod patch;

pub(crate) use content::*;
pub(crate) use copy::*;
pub(crate) use create::*;
pub(crate) use create_from_form::*;
pub(crate) use get::*;
pub(crate) use patch::*;
