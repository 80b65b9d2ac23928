mod abort;
mod complete;
mod get;
mod list;
mod sign_parts;

use crate::endpoint::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[list::ENDPOINT, get::ENDPOINT, abort::ENDPOINT, sign_parts::ENDPOINT, complete::ENDPOINT];
