//! Users, their sessions and their secrets.

pub mod accounts;
pub mod passwords;
#[cfg(feature = "photos")]
pub mod photos;
pub mod sessions;
pub mod throttle;
pub mod tokens;
pub mod users;
