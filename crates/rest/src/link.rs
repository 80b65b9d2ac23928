//! Management of public links by their owners.

mod create;
mod delete;
mod list;
mod update;

pub(crate) use create::created;

use crate::endpoint::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[list::ENDPOINT, create::ENDPOINT, update::ENDPOINT, delete::ENDPOINT];
