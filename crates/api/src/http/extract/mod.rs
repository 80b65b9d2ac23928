//! Extractors. Each fails with the problem that the contract defines.

mod form;
mod if_match;
mod json;
mod path;
mod query;
mod request_id;
mod strict;
mod user;
mod visitor;

pub(crate) use form::Form;
pub(crate) use if_match::IfMatch;
pub(crate) use json::{Json, MAX_JSON_BYTES, OptionalJson};
pub(crate) use path::{PathId, VersionPath};
pub(crate) use query::Query;
pub(crate) use request_id::{CurrentRequest, noted};
pub(crate) use user::CurrentUser;
pub(crate) use visitor::{LinkQuery, LinkVisitor};
