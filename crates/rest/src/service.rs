mod health;
mod ready;
mod root;

pub use ready::{HealthCheck, check};

use crate::endpoint::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[root::ENDPOINT, health::ENDPOINT, ready::ENDPOINT];
