mod delete;
mod get;
mod set;

pub(crate) use get::found;

use crate::endpoint::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[get::ENDPOINT, set::ENDPOINT, delete::ENDPOINT];
