#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod keys;
mod passwords;
mod session_cache;
mod tokens;

pub use keys::{MasterKey, Purpose};
pub use passwords::Argon2Passwords;
pub use session_cache::SessionCache;
pub use tokens::{Algorithm, JwtTokens};
