mod delete;
mod get;
mod list;
mod restore;

use crate::endpoint::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[list::ENDPOINT, get::ENDPOINT, delete::ENDPOINT, restore::ENDPOINT];
