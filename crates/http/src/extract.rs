//! Extractors. Each fails with the problem that the contract defines.

mod form;
mod if_match;
mod json;
mod link_bearer;
mod path;
mod query;
mod request_id;
mod strict_parse;
mod user;

pub use form::Form;
pub use if_match::IfMatch;
pub use json::{Json, MAX_JSON_BYTES, OptionalJson};
pub use link_bearer::{CurrentLinkBearer, LinkQuery};
pub use path::{PathId, VersionPath};
pub use query::Query;
pub use request_id::CurrentRequestId;
pub use user::CurrentUser;
