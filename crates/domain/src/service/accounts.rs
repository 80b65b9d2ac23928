//! Accounts and sessions.

pub(super) mod account;
pub(super) mod administration;
pub(super) mod photos;
pub(super) mod registration;
pub(super) mod throttling;
