//! Extractors. Each fails with the problem that the contract defines.

mod form;
mod if_match;
mod json;
mod link_bearer;
mod origin;
mod path;
mod query;
mod strict_parse;
mod user;

pub use form::Form;
pub use if_match::IfMatch;
pub use json::{Json, MAX_JSON_BYTES, OptionalJson};
pub use link_bearer::{CurrentLinkBearer, LinkQuery};
pub use origin::CurrentOrigin;
pub(crate) use origin::origin_of;
pub use path::{PathId, VersionPath};
pub use query::Query;
pub use user::CurrentUser;
