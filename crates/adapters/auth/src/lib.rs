#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod keys;
mod link_access;
mod link_tokens;
mod passwords;
mod session_cache;
mod tokens;
mod verified_tokens;

pub use keys::{MasterKey, Purpose};
pub use link_access::MacLinkAccess;
pub use link_tokens::SealedLinkTokens;
pub use passwords::Argon2Passwords;
pub use session_cache::SessionCache;
pub use tokens::{Algorithm, JwtTokens};
