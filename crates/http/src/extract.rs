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

pub use form::Form;
pub use if_match::IfMatch;
pub use json::{Json, MAX_JSON_BYTES, OptionalJson};
pub use path::{PathId, VersionPath};
pub use query::Query;
pub use request_id::CurrentRequest;
pub(crate) use request_id::noted;
pub use user::CurrentUser;
pub use visitor::{LinkQuery, LinkVisitor};
