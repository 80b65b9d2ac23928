//! What the holders of public links may do. Who they are is not asked: an access token is passed over.

mod access;
mod archive;
mod content;
mod list;
mod look;

pub(crate) use access::*;
pub(crate) use archive::*;
pub(crate) use content::*;
pub(crate) use list::*;
pub(crate) use look::*;
