//! Shares and public links.

pub mod link_access;
pub mod link_downloads;
pub mod link_tokens;
pub mod links;
pub mod shares;
