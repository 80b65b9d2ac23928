mod empty;
mod list;
mod list_folder;
mod purge;
mod restore;

use crate::endpoint::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[list::ENDPOINT, empty::ENDPOINT, purge::ENDPOINT, list_folder::ENDPOINT, restore::ENDPOINT];
