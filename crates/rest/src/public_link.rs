//! Access through public links, without authentication: an access token is ignored.

mod access;
mod archive;
mod content;
mod get;
mod list;

pub(crate) use access::*;
pub(crate) use archive::*;
pub(crate) use content::*;
pub(crate) use get::*;
pub(crate) use list::*;
